// The app as an installed one: Chromium finds nothing that stands in the way of installing it; with the
// server away the page says so and comes back by itself; nothing but the shell is kept; a new build
// replaces the old one; push messages are shown and lead to their page.

import assert from 'node:assert/strict';
import { createServer, request, type Server as HttpServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { BrowserContext, CDPSession, Page, Worker } from 'playwright-core';
import { launch, type RunningBrowser } from './browsers.js';
import { startServer, type Server } from './server.js';

describe('installed', { timeout: 120_000 }, () => {
  let server: Server;
  let front: Front;
  let running: RunningBrowser;
  let context: BrowserContext;
  let page: Page;
  let devtools: CDPSession;

  before(async () => {
    server = await startServer();
    front = await startFront(server.port);
    running = await launch('chromium');
    context = await running.browser.newContext({ locale: 'en-GB' });
    await context.grantPermissions(['notifications'], { origin: front.url });
    page = await context.newPage();
    devtools = await context.newCDPSession(page);
    await page.goto(front.url);
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  });
  after(async () => {
    await running?.close();
    front?.stop();
    await server?.stop();
  });

  const worker = async (): Promise<Worker> =>
    context.serviceWorkers()[0] ?? (await context.waitForEvent('serviceworker'));
  const kept = (): Promise<string[]> =>
    page.evaluate(async () => {
      const names = await caches.keys();
      const requests = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
      return requests.flat().map(({ url }) => new URL(url).pathname);
    });

  test('nothing stands in the way of installing it', async () => {
    const manifest = await devtools.send('Page.getAppManifest');
    assert.deepEqual(manifest.errors, []);
    const { installabilityErrors } = await devtools.send('Page.getInstallabilityErrors');
    // The one that a private window always has.
    const others = installabilityErrors.filter(({ errorId }) => errorId !== 'in-incognito');
    assert.deepEqual(others, []);
  });

  test('the shell is kept, and nothing else', async () => {
    await page.reload();
    await page.getByTestId('title-input').waitFor();
    await page.evaluate(() => fetch('/api/v1/rooms').then((answer) => answer.text()));
    await page.evaluate(() => fetch('/sdk/palco.js').then((answer) => answer.text()));
    const paths = await kept();
    assert.ok(paths.includes('/'));
    assert.deepEqual(
      paths.filter((path) => path !== '/' && !path.startsWith('/assets/')),
      [],
    );
  });

  test('with the server away the page comes and says so; back again, it heals by itself', async () => {
    front.away = true;
    await page.goto(`${front.url}/r/0190a1b2-0000-7000-8000-000000000000`);
    await page.getByTestId('over-unreachable').waitFor();
    front.away = false;
    // The room does not exist: what matters is that the server was asked again and answered.
    await page.getByTestId('over-notfound').waitFor();
  });

  test('a proxy that says for the server that it is away is not what people see', async () => {
    front.status = 503;
    await page.goto(`${front.url}/r/0190a1b2-0000-7000-8000-000000000000`);
    await page.getByTestId('over-unreachable').waitFor();
    front.status = undefined;
    await page.getByTestId('over-notfound').waitFor();
  });

  test('the worker comes too where the page’s words come after it', async () => {
    const abroad = await running.browser.newContext({ locale: 'it-IT' });
    const there = await abroad.newPage();
    await there.goto(front.url);
    await there.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    await abroad.close();
  });

  test('with the server back a page is the server’s, not the kept one', async () => {
    front.page = (html) => html.replace('<body>', '<body data-build="new">');
    await page.goto(front.url);
    assert.equal(await page.locator('body').getAttribute('data-build'), 'new');
    front.page = undefined;
  });

  test('a page of another build, deployed meanwhile, is not kept with the files of this one', async () => {
    const before = await page.evaluate(() => caches.keys());
    front.page = (html) =>
      html.replace('<body>', '<body><script src="/assets/of-another-build.js"></script>');
    front.worker = (script) => script.replace(/version:`\w+`/, 'version:`halfway`');
    const became = await page.evaluate(async () => {
      const registration = await navigator.serviceWorker.ready;
      const found = new Promise<ServiceWorker>((resolve) => {
        registration.onupdatefound = () => resolve(registration.installing!);
      });
      await registration.update().catch(() => undefined);
      const worker = await found;
      return new Promise((resolve) => {
        const look = (): void => {
          if (worker.state !== 'installing') resolve(worker.state);
        };
        worker.onstatechange = look;
        look();
      });
    });
    assert.equal(became, 'redundant');
    assert.deepEqual(await page.evaluate(() => caches.keys()), before);
    front.page = front.worker = undefined;
  });

  test('a new build waits for the old one’s pages, then takes its place and its cache', async () => {
    const before = await page.evaluate(() => caches.keys());
    front.worker = (script) => script.replace(/version:`\w+`/, 'version:`another`');
    await page.goto(front.url);
    await page.evaluate(async () => {
      const registration = await navigator.serviceWorker.ready;
      await registration.update();
    });
    await until(() => page.evaluate(async () => (await navigator.serviceWorker.ready).waiting !== null));
    assert.ok((await page.evaluate(() => caches.keys())).includes(before[0]!));
    await page.close();
    page = await context.newPage();
    await page.goto(front.url);
    await until(async () => (await page.evaluate(() => caches.keys())).join() === 'palco-shell-another');
  });

  test('a push message is shown once, whatever it holds, and leads only to this server', async () => {
    devtools = await context.newCDPSession(page);
    const registration = await new Promise<string>((resolve, reject) => {
      devtools.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
        if (registrations[0]) resolve(registrations[0].registrationId);
      });
      devtools.send('ServiceWorker.enable').catch(reject);
    });
    const push = (data: string) =>
      devtools.send('ServiceWorker.deliverPushMessage', {
        origin: front.url,
        registrationId: registration,
        data,
      });
    const shown = (): Promise<{ title: string; body: string; url: string }[]> =>
      page.evaluate(async () => {
        const registered = await navigator.serviceWorker.ready;
        const all = await registered.getNotifications();
        return all.map(({ title, body, data }) => ({ title, body, url: (data as { url: string }).url }));
      });
    const message = {
      id: 'n1',
      kind: 'room_live',
      title: 'Hanna is live',
      body: 'Tea at five',
      url: '/r/abc',
    };
    await push(JSON.stringify(message));
    await push(JSON.stringify(message));
    await until(async () => (await shown()).length === 1);
    assert.deepEqual(await shown(), [
      { title: 'Hanna is live', body: 'Tea at five', url: `${front.url}/r/abc` },
    ]);
    await push(JSON.stringify({ ...message, id: 'n2', url: 'https://evil.example/' }));
    await push('no json');
    await until(async () => (await shown()).length === 3);
    const urls = (await shown()).map(({ url }) => url).sort();
    assert.deepEqual(urls, [`${front.url}/`, `${front.url}/`, `${front.url}/r/abc`]);
  });

  /** A tap on a message that leads there: which pages it opened, and how many it came back to. */
  const tap = async (path: string): Promise<{ opened: string[]; focused: number }> =>
    (await worker()).evaluate(async (to) => {
      // The types at hand are a page's, not a worker's.
      const scope = globalThis as unknown as {
        registration: ServiceWorkerRegistration;
        clients: { openWindow(url: string): Promise<void> };
        WindowClient: { prototype: { focus(): Promise<void> } };
        NotificationEvent: new (type: string, init: object) => Event;
        dispatchEvent(event: Event): void;
      };
      const seen = { opened: [] as string[], focused: 0 };
      const data = { url: location.origin + to };
      await scope.registration.showNotification('Live', { tag: 'tapped', data });
      const [notification] = await scope.registration.getNotifications({ tag: 'tapped' });
      // Both are allowed for a person's tap only.
      await new Promise<void>((resolve) => {
        scope.clients.openWindow = async (url) => {
          seen.opened.push(url);
          resolve();
        };
        scope.WindowClient.prototype.focus = async () => {
          seen.focused += 1;
          resolve();
        };
        scope.dispatchEvent(new scope.NotificationEvent('notificationclick', { notification }));
      });
      return seen;
    }, path);

  test('a tap on it opens its page in a window that holds no room, without loading that anew', async () => {
    await page.evaluate(() => (document.body.dataset['same'] = 'yes'));
    assert.deepEqual(await tap('/r/abc'), { opened: [], focused: 1 });
    await page.waitForURL(`${front.url}/r/abc`);
    assert.equal(await page.locator('body').getAttribute('data-same'), 'yes');
  });

  test('a tap comes back to the page that is there already, and leaves alone one with a room', async () => {
    await page.goto(front.url);
    await page.getByTestId('name-input').fill('Hanna');
    await page.getByTestId('title-input').fill('Tea at five');
    await page.getByTestId('start-room').click();
    await page.getByTestId('stage-member').waitFor();
    const room = new URL(page.url()).pathname;
    await page.evaluate(() => history.replaceState(null, '', '#of-a-secret-link'));
    assert.deepEqual(await tap(room), { opened: [], focused: 1 });
    assert.deepEqual(await tap('/r/abc'), { opened: [`${front.url}/r/abc`], focused: 0 });
    assert.equal(new URL(page.url()).pathname, room);
    await page.getByTestId('stage-member').waitFor();
  });
});

/** The test's own deadline ends a wait in vain. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await setTimeout(50);
}

interface Front {
  url: string;
  /** Connections are cut. */
  away: boolean;
  /** What a proxy answers for the server. */
  status: number | undefined;
  /** Changes the pages, or the service worker, as a new build would. */
  page: ((html: string) => string) | undefined;
  worker: ((script: string) => string) | undefined;
  stop(): void;
}

/** A proxy before the server. */
async function startFront(to: number): Promise<Front> {
  const front: Front = {
    url: '',
    away: false,
    status: undefined,
    page: undefined,
    worker: undefined,
    stop: () => http.close(),
  };
  const http: HttpServer = createServer((incoming, outgoing) => {
    if (front.away) {
      outgoing.destroy();
      return;
    }
    if (front.status !== undefined) {
      outgoing.writeHead(front.status, { 'Content-Type': 'text/html' }).end('<h1>Bad luck</h1>');
      return;
    }
    const headers = { ...incoming.headers };
    // Plain, and whole, so that it can be changed.
    delete headers['accept-encoding'];
    delete headers['if-none-match'];
    const { url: path, method } = incoming;
    incoming.pipe(
      request({ host: '127.0.0.1', port: to, path, method, headers }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () => {
          const body = Buffer.concat(chunks);
          const change = path === '/sw.js' ? front.worker : path === '/' ? front.page : undefined;
          const { 'content-length': _, ...rest } = answer.headers;
          outgoing.writeHead(answer.statusCode ?? 500, rest);
          outgoing.end(change ? change(body.toString()) : body);
        });
      }),
    );
  });
  // WebSockets as they are.
  http.on('upgrade', (incoming, socket) => {
    const headers = Object.entries(incoming.headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const onward = connect(to, '127.0.0.1');
    onward.write(`GET ${incoming.url} HTTP/1.1\r\n${headers.join('')}\r\n`);
    socket.pipe(onward).pipe(socket);
    for (const end of [socket, onward]) end.on('error', () => end.destroy());
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  front.url = `http://localhost:${(http.address() as AddressInfo).port}`;
  return front;
}
