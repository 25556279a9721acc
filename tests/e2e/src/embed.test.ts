// Palco in pages of another origin: the very pages that docs/embed.md shows, listened to.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { launch, type Kind, type RunningBrowser } from './browsers.js';
import { repository } from './paths.js';
import { Person } from './person.js';
import { startServer, type Server } from './server.js';

const embedding = await readFile(join(repository, 'docs/embed.md'), 'utf8');
const pages = [...embedding.matchAll(/^```html\n(.*?)^```/gms)].map((found) => found[1]!);

describe('a product of another origin', { timeout: 180_000 }, () => {
  let product: HttpServer;
  let productUrl: string;
  let server: Server;
  let host: Person;
  let room: string;
  const browsers = new Map<Kind, RunningBrowser>();
  /** What the product serves, by path. */
  const served = new Map<string, string>();

  before(async () => {
    product = createServer((request, response) => {
      const page = served.get(request.url ?? '');
      response.writeHead(page === undefined ? 404 : 200, { 'Content-Type': 'text/html' });
      response.end(page);
    });
    await new Promise<void>((resolve) => product.listen(0, '127.0.0.1', resolve));
    productUrl = `http://localhost:${(product.address() as AddressInfo).port}`;
    // Longer than the test: a second signal ends it.
    server = await startServer('--origin', productUrl, '--drain-s=600');
    for (const kind of ['chromium', 'firefox'] as const) browsers.set(kind, await launch(kind));
    host = await Person.at(browsers.get('chromium')!, 'Hanna', 440);
    await host.signUp(server.url, 'hanna');
    await host.page.goto(`${server.url}/me/edit`);
    const picture = { name: 'me.png', mimeType: 'image/png', buffer: await host.page.screenshot() };
    await host.by('avatar-file').setInputFiles(picture);
    await host.by('remove-avatar').waitFor();
    room = new URL(await host.goLive(server.url, 'Next door')).pathname.slice('/r/'.length);
    await host.unmute();
  });
  after(async () => {
    for (const running of browsers.values()) await running.close();
    product?.close();
    await server?.stop();
  });

  /** One of the document's pages, with a visitor's token and a room filled in. */
  const serve = async (path: string, page: string | undefined, name: string): Promise<string> => {
    const guest = await fetch(`${server.url}/api/v1/guests`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ name }),
    });
    const { token } = (await guest.json()) as { token: string };
    assert.ok(page !== undefined);
    for (const blank of ['https://palco.example', 'TOKEN', 'ROOM']) assert.ok(page.includes(blank));
    served.set(
      path,
      page.replaceAll('https://palco.example', server.url).replace('TOKEN', token).replace('ROOM', room),
    );
    return productUrl + path;
  };

  test('the document has a page for the tag and one for the SDK, the latter of twenty lines', () => {
    assert.equal(pages.length, 2);
    assert.ok(pages[1]!.trimEnd().split('\n').length <= 20);
  });

  for (const kind of ['chromium', 'firefox'] as const) {
    test(`${kind}: the page with the SDK hears the room and shows who speaks`, async () => {
      const visitor = await Person.at(browsers.get(kind)!, 'Vera', 880);
      await visitor.page.goto(await serve(`/sdk-${kind}`, pages[1], 'Vera'));
      await visitor.page.click('#join');
      await visitor.hears(440);
      await visitor.page.locator('#stage', { hasText: '🔊 Hanna' }).waitFor();
      assert.equal(await visitor.timesAskedForMicrophone(), 0);
      assert.deepEqual(visitor.pageErrors, []);
      await visitor.leave();
    });

    test(`${kind}: the tag listens, raises a hand, and speaks`, async () => {
      const visitor = await Person.at(browsers.get(kind)!, 'Tag', 880);
      await visitor.page.goto(await serve(`/tag-${kind}`, pages[0], `Tag in ${kind}`));
      const button = (name: string) => visitor.page.getByRole('button', { name });
      const accent = await button('Listen').evaluate((element) => getComputedStyle(element).backgroundColor);
      assert.equal(accent, 'rgb(122, 60, 255)');
      await button('Listen').click();
      await visitor.hears(440);
      await visitor.page.locator('palco-room li[data-speaking="true"]', { hasText: 'Hanna' }).waitFor();
      // Her picture comes from her server, not from the page's.
      await visitor.page.waitForFunction(() => {
        const inside = document.querySelector('palco-room')!.shadowRoot!;
        return inside.querySelector<HTMLImageElement>('.avatar img')?.naturalWidth === 256;
      });
      await visitor.picture(`embed-${kind}`);
      await button('Raise hand').click();
      await host.invite(`Tag in ${kind}`);
      assert.equal(await visitor.timesAskedForMicrophone(), 0);
      await button('Join the stage').click();
      await button('Unmute').click();
      await host.hears(880);
      await button('Leave quietly').click();
      await button('Listen').waitFor();
      await visitor.hears();
      await host.hears();
      assert.deepEqual(visitor.pageErrors, []);
      await visitor.leave();
    });
  }

  for (const [lang, dir, listen, raise] of [
    ['it', 'ltr', 'Ascolta', 'Alza la mano'],
    ['fr', 'ltr', 'Écouter', 'Lever la main'],
    ['fr', 'rtl', 'Écouter', 'Lever la main'],
  ] as const) {
    test(`the tag in ${lang}, ${dir}, on a phone, for a person of the product’s own by a signed token`, async () => {
      const { key } = JSON.parse(await server.palco('admin', 'key', 'create', `Product ${lang} ${dir}`)) as {
        key: { id: string };
      };
      const user = `${lang}-${dir}`;
      const signed = ['token', '--key', key.id, '--user', user, '--name', `Vera ${user}`, '--speak'];
      const token = (await server.palco(...signed)).trim();
      served.set(
        `/own-${user}`,
        `<!doctype html><html lang="${lang}" dir="${dir}"><meta charset="utf-8"><title>Own</title>
        <meta name="viewport" content="width=device-width">
        <script type="module" src="${server.url}/sdk/palco-room.js"></script>
        <palco-room room="${room}" token="${token}"></palco-room></html>`,
      );
      const visitor = await Person.at(browsers.get('chromium')!, 'Vera', 880);
      const { page } = visitor;
      await page.setViewportSize({ width: 360, height: 640 });
      await page.goto(`${productUrl}/own-${user}`);
      await page.getByRole('button', { name: listen }).waitFor();
      // Who they are is known: no name is asked for.
      assert.equal(await page.locator('palco-room input').count(), 0);
      await page.getByRole('button', { name: listen }).click();
      await visitor.hears(440);
      await page.getByRole('button', { name: raise }).click();
      await host.seesHandOf(`Vera ${user}`);
      const outside = await page.evaluate(() => {
        const width = document.documentElement.clientWidth;
        const inside = document.querySelector('palco-room')!.shadowRoot!.querySelectorAll('button, li, h2');
        return [...inside].filter((element) => {
          const { left, right } = element.getBoundingClientRect();
          return left < 0 || right > width;
        }).length;
      });
      assert.equal(outside, 0);
      // At the beginning of its line, wherever lines begin.
      const leave = (await page.locator('palco-room [part~="leave"]').boundingBox())!;
      assert.equal(leave.x < 360 - leave.x - leave.width, dir === 'ltr');
      await visitor.picture(`embed-own-${user}`);
      assert.deepEqual(visitor.pageErrors, []);
      await visitor.leave();
    });
  }

  test('only the operator’s origins may: neither API nor WebSocket answer another page', async () => {
    const call = (origin: string, method: string) =>
      fetch(`${server.url}/api/v1/rooms`, {
        method,
        headers: {
          Origin: origin,
          'Access-Control-Request-Method': 'POST',
          'Access-Control-Request-Headers': 'authorization,content-type',
        },
      });
    const allowed = await call(productUrl, 'OPTIONS');
    assert.equal(allowed.headers.get('access-control-allow-origin'), productUrl);
    assert.match(allowed.headers.get('access-control-allow-headers')!, /authorization/);
    assert.equal(allowed.headers.get('access-control-allow-credentials'), null);
    for (const method of ['OPTIONS', 'GET']) {
      const other = await call('https://elsewhere.example', method);
      assert.equal(other.headers.get('access-control-allow-origin'), null);
    }
    const visitor = await Person.at(browsers.get('chromium')!, 'Eve', 880);
    served.set('/elsewhere', '<!doctype html><title>Elsewhere</title>');
    // Another host is another origin.
    await visitor.page.goto(`${productUrl.replace('localhost', '127.0.0.1')}/elsewhere`);
    const closed = await visitor.page.evaluate(
      (url) =>
        new Promise((resolve) => {
          const socket = new WebSocket(url, 'palco.v1');
          socket.onopen = () => resolve('open');
          socket.onclose = () => resolve('closed');
        }),
      `${server.url.replace('http', 'ws')}/ws`,
    );
    assert.equal(closed, 'closed');
    await visitor.leave();
  });

  test('the types are served beside the script, and know what it exports', async () => {
    const answer = await fetch(`${server.url}/sdk/palco.d.ts`);
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get('content-type')!, /^text\/plain/);
    const exported = /^export \{(.*)\};$/m.exec(await answer.text())?.[1] ?? '';
    const typed = new Set(exported.split(',').map((name) => name.trim().replace(/^type /, '')));
    const sdk = (await (await fetch(`${server.url}/sdk/palco.js`)).text()).matchAll(/as (\w+)/g);
    const names = [...sdk].map(([, name]) => name!);
    assert.ok(names.includes('Palco'));
    assert.deepEqual(
      names.filter((name) => !typed.has(name)),
      [],
    );
  });

  test('scripts come compressed and are not sent twice', async () => {
    const script = (headers: Record<string, string>) => fetch(`${server.url}/sdk/palco-room.js`, { headers });
    const first = await script({ 'Accept-Encoding': 'br' });
    assert.equal(first.headers.get('content-encoding'), 'br');
    assert.equal(first.headers.get('access-control-allow-origin'), '*');
    const plain = await script({ 'Accept-Encoding': 'identity' });
    assert.equal(plain.headers.get('content-encoding'), null);
    assert.equal(await first.text(), await plain.text());
    const again = await script({ 'Accept-Encoding': 'br', 'If-None-Match': first.headers.get('etag')! });
    assert.equal(again.status, 304);
    const other = await script({ 'Accept-Encoding': 'gzip', 'If-None-Match': first.headers.get('etag')! });
    assert.equal(other.status, 200);
  });

  test('the tag says in its language that the server restarts, until the room is over', async () => {
    served.set(
      '/restart',
      `<!doctype html><html lang="it"><meta charset="utf-8"><title>Restart</title>
      <script type="module" src="${server.url}/sdk/palco-room.js"></script>
      <palco-room room="${room}" name="Rita"></palco-room></html>`,
    );
    const visitor = await Person.at(browsers.get('chromium')!, 'Rita', 880);
    await visitor.page.goto(`${productUrl}/restart`);
    await visitor.page.getByRole('button', { name: 'Ascolta' }).click();
    await visitor.hears(440);
    const said = visitor.page.locator('palco-room').getByRole('status');
    server.terminate();
    await said.filter({ hasText: 'Il server sta per riavviarsi' }).filter({ hasText: '9 minuti' }).waitFor();
    await visitor.hears(440);
    await visitor.picture('embed-draining');
    server.terminate();
    await said.filter({ hasText: 'Il server si riavvia' }).waitFor();
    assert.deepEqual(visitor.pageErrors, []);
    await visitor.leave();
  });
});
