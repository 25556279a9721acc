// The app as an installed one: Chromium finds nothing that stands in the way of installing it; with the
// server away the page says so and comes back by itself; nothing but the shell is kept; a new build
// replaces the old one; push messages are shown and lead to their page.

import assert from 'node:assert/strict';
import { createServer, request, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
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

  test('with the server back a page is the server’s, not the kept one', async () => {
    front.page = (html) => html.replace('<body>', '<body data-build="new">');
    await page.goto(front.url);
    assert.equal(await page.locator('body').getAttribute('data-build'), 'new');
    front.page = undefined;
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

  test('a click on it opens its page in a window that holds no room', async () => {
    await (
      await worker()
    ).evaluate(async () => {
      // The types at hand are a page's, not a worker's.
      const scope = globalThis as unknown as {
        registration: ServiceWorkerRegistration;
        NotificationEvent: new (type: string, init: { notification: Notification }) => Event;
        dispatchEvent(event: Event): void;
      };
      const [notification] = await scope.registration.getNotifications({ tag: 'n1' });
      scope.dispatchEvent(new scope.NotificationEvent('notificationclick', { notification: notification! }));
    });
    await page.waitForURL(`${front.url}/r/abc`);
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
  /** Changes the pages, or the service worker, as a new build would. */
  page: ((html: string) => string) | undefined;
  worker: ((script: string) => string) | undefined;
  stop(): void;
}

/** An HTTP proxy before the server. */
async function startFront(to: number): Promise<Front> {
  const front: Front = { url: '', away: false, page: undefined, worker: undefined, stop: () => http.close() };
  const http: HttpServer = createServer((incoming, outgoing) => {
    if (front.away) {
      outgoing.destroy();
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
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  front.url = `http://localhost:${(http.address() as AddressInfo).port}`;
  return front;
}
