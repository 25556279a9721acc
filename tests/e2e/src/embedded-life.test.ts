// The SDK's life in another product's page: it comes and goes fifty times and leaves nothing, wishes that cross are
// kept, its token is renewed, its microphone and loudspeaker are pulled out.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { launch, type Kind, type RunningBrowser } from './browsers.js';
import { Person } from './person.js';
import { startServer, type Server } from './server.js';

const VISITS = 50;

/** What of the SDK's client these tests use; its types are the page's. */
interface Client {
  room?: { stage: { person: { name: string } }[] };
  onStage?: { muted: boolean };
  connection: { socket: string; media: string };
  peerConnection?: RTCPeerConnection;
  microphone: { track?: MediaStreamTrack; open(): Promise<MediaStreamTrack> };
  playback: { setOutput(id: string): Promise<void> };
  join(room: string, options?: { name?: string; signal?: AbortSignal }): Promise<unknown>;
  leave(): Promise<void>;
  close(): void;
  mute(): Promise<void>;
  unmute(): Promise<void>;
  raiseHand(): Promise<void>;
  acceptInvite(): Promise<void>;
  on(event: string, listener: (value: unknown) => void): () => void;
}

declare global {
  interface Window {
    Palco: new (options: object) => Client;
    /** What still lives of what the page made. */
    left: () => object;
    client: Client;
    both: Client[];
    heard: string[];
  }
}

/** Inside the page, before its scripts: counts what is made. */
function count(): void {
  // The blank page before it.
  if (!navigator.mediaDevices) return;
  const living = {
    tracks: new Set<MediaStreamTrack>(),
    contexts: new Set<AudioContext>(),
    sockets: new Set<WebSocket>(),
    connections: new Set<RTCPeerConnection>(),
    listeners: 0,
  };
  const counted = <Kind extends new (...given: never[]) => object>(
    kind: Kind,
    all: Set<InstanceType<Kind>>,
  ) =>
    new Proxy(kind, {
      construct(target, given, as) {
        const made = Reflect.construct(target, given, as) as InstanceType<Kind>;
        all.add(made);
        return made;
      },
    });
  window.WebSocket = counted(WebSocket, living.sockets);
  window.RTCPeerConnection = counted(RTCPeerConnection, living.connections);
  const plain = AudioContext;
  window.AudioContext = counted(plain, living.contexts);
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    // The pitch of this microphone (microphone.ts) is the test's own.
    const ours = window.AudioContext;
    window.AudioContext = plain;
    const asked = ask(wanted);
    window.AudioContext = ours;
    const stream = await asked;
    for (const track of stream.getTracks()) living.tracks.add(track);
    return stream;
  };
  for (const target of [window, document, navigator.mediaDevices] as EventTarget[]) {
    const [add, remove] = [target.addEventListener.bind(target), target.removeEventListener.bind(target)];
    target.addEventListener = (type: string, listener: EventListener, options?: AddEventListenerOptions) => {
      living.listeners += 1;
      if (typeof options === 'object')
        options.signal?.addEventListener('abort', () => (living.listeners -= 1));
      add(type, listener, options);
    };
    target.removeEventListener = (type: string, listener: EventListener) => {
      living.listeners -= 1;
      remove(type, listener);
    };
  }
  window.left = () => ({
    tracks: [...living.tracks].filter(({ readyState }) => readyState === 'live').length,
    contexts: [...living.contexts].filter(({ state }) => state !== 'closed').length,
    sockets: [...living.sockets].filter(({ readyState }) => readyState !== WebSocket.CLOSED).length,
    connections: [...living.connections].filter(({ connectionState }) => connectionState !== 'closed').length,
    elements: document.querySelectorAll('audio').length,
    listeners: living.listeners,
  });
}

for (const kind of ['chromium', 'firefox'] satisfies Kind[]) {
  describe(`the SDK in another page, in ${kind}`, { timeout: 180_000 }, () => {
    const browsers: RunningBrowser[] = [];
    let product: HttpServer;
    let productUrl: string;
    let server: Server;
    let host: Person;
    let room: string;

    before(async () => {
      product = createServer((_, response) => {
        response.writeHead(200, { 'Content-Type': 'text/html' });
        response.end(`<!doctype html><meta charset="utf-8" /><title>Product</title>
          <script type="module">
            import { Palco } from '${server.url}/sdk/palco.js';
            window.Palco = Palco;
          </script>`);
      });
      await new Promise<void>((resolve) => product.listen(0, '127.0.0.1', resolve));
      productUrl = `http://localhost:${(product.address() as AddressInfo).port}`;
      server = await startServer('--origin', productUrl);
      browsers.push(await launch('chromium'));
      if (kind !== 'chromium') browsers.push(await launch(kind));
      host = await Person.at(browsers[0]!, 'Hanna', 440);
      room = new URL(await host.startRoom(server.url, 'Come and go')).pathname.slice('/r/'.length);
      await host.unmute();
    });
    after(async () => {
      for (const running of browsers) await running.close();
      product?.close();
      await server?.stop();
    });

    /** Somebody at a page of the product. */
    const visitor = async (hz = 880): Promise<Person> => {
      const person = await Person.at(browsers.at(-1)!, 'Vera', hz);
      await person.page.addInitScript(count);
      await person.page.goto(productUrl);
      await person.page.waitForFunction(() => window.Palco !== undefined);
      return person;
    };
    const listeners = (count: number): Promise<void> =>
      host.page.locator(`[data-testid="listener-count"][data-count="${count}"]`).waitFor();
    /** In the room as `window.client`. */
    const enter = (page: Page): Promise<void> =>
      page.evaluate(
        async ([server, room]) => {
          window.client = new window.Palco({ server });
          await window.client.join(room!, { name: 'Vera' });
        },
        [server.url, room],
      );

    test(`leaves nothing after ${VISITS} visits, and nobody waits for it`, async () => {
      const person = await visitor();
      // Some listeners are the browser driver's.
      const before = await person.page.evaluate(() => window.left());
      const ways = await person.page.evaluate(
        async ([url, room, visits]) => {
          // A person of its own, so that the server's limits for one session are not what is tested.
          const ways: string[] = [];
          for (let visit = 0; visit < Number(visits); visit++) {
            const client = new window.Palco({ server: url });
            const joined = client.join(room!, { name: `Vera ${visit}` });
            // Now and then in the middle of it: the door opens for nobody.
            if (visit % 3 === 0) {
              const left = joined.then(
                () => 'in',
                (error: { code: string }) => error.code,
              );
              await new Promise((resolve) => setTimeout(resolve, visit / 5));
              await client.leave();
              ways.push(await left);
            } else {
              await joined;
              await client.microphone.open();
              if (visit % 3 === 1) await client.leave();
            }
            client.close();
          }
          return ways;
        },
        [server.url, room, String(VISITS)] as const,
      );
      // Each at another moment; the first at once.
      assert.equal(ways[0], 'aborted');
      assert.ok(
        ways.every((way) => way === 'aborted' || way === 'in'),
        ways.join(),
      );
      await listeners(0);
      // Sockets and audio contexts take a moment to close; if one does not, the next line says which.
      const gone = (then: string): boolean => JSON.stringify(window.left()) === then;
      await person.page.waitForFunction(gone, JSON.stringify(before)).catch(() => undefined);
      assert.deepEqual(await person.page.evaluate(() => window.left()), before);
      assert.deepEqual(person.pageErrors, []);
      await person.leave();
    });

    test('two of them in one page are two people, and each hears the room', async () => {
      const person = await visitor();
      await person.page.evaluate(
        async ([server, room]) => {
          window.heard = [];
          window.both = [new window.Palco({ server }), new window.Palco({ server })];
          for (const [at, client] of window.both.entries()) {
            client.on('closed', (code) => window.heard.push(String(code)));
            await client.join(room!, { name: `Twin ${at}` });
          }
        },
        [server.url, room],
      );
      await listeners(2);
      assert.deepEqual(await person.page.evaluate(() => window.heard), []);
      await person.page.evaluate(() => window.both.forEach((client) => client.close()));
      await listeners(0);
      await person.leave();
    });

    test('its token is renewed before it ends, and the visit goes on', async () => {
      const { key, secret } = JSON.parse(await server.palco('admin', 'key', 'create', `Product ${kind}`)) as {
        key: { id: string };
        secret: string;
      };
      /** As docs/tokens.md signs it. */
      const signed = (endsAtMs: number): string => {
        const encode = (text: string): string => Buffer.from(text).toString('base64url');
        const who = { iss: key.id, sub: 'vera', name: 'Vera', aud: 'palco', grants: { join: true } };
        const claims = { ...who, exp: Math.floor(endsAtMs / 1000) };
        const text = `${encode('{"alg":"HS256"}')}.${encode(JSON.stringify(claims))}`;
        return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
      };
      const endsAtMs = Date.now() + 18_000;
      const person = await visitor();
      const { page } = person;
      let asked = 0;
      await page.exposeFunction('nextToken', () => signed(++asked === 1 ? endsAtMs : Date.now() + 3_600_000));
      await page.evaluate(
        async ([server, room]) => {
          const { nextToken } = window as unknown as { nextToken: () => Promise<string> };
          window.heard = [];
          window.client = new window.Palco({ server, token: nextToken });
          window.client.on('closed', (code) => window.heard.push(String(code)));
          window.client.on('welcome', () => window.heard.push('welcome'));
          await window.client.join(room!);
        },
        [server.url, room],
      );
      await person.hears(440);
      const connection = await page.evaluateHandle(() => window.client.peerConnection);
      await page.waitForFunction(() => window.heard.length === 2);
      // Longer than the first one was good for.
      await page.waitForTimeout(endsAtMs + 2_000 - Date.now());
      await person.hears(440);
      assert.equal(asked, 2);
      assert.deepEqual(await page.evaluate(() => window.heard), ['welcome', 'welcome']);
      assert.equal(
        await page.evaluate((before) => before === window.client.peerConnection, connection),
        true,
      );
      await page.evaluate(() => window.client.close());
      await listeners(0);
      await person.leave();
    });

    test('a microphone that is pulled out is replaced, or its owner is muted and told why', async () => {
      const person = await visitor(1320);
      const { page } = person;
      await enter(page);
      await page.evaluate(() => window.client.raiseHand());
      await host.invite('Vera');
      await page.evaluate(async () => {
        window.heard = [];
        window.client.on('microphoneLost', (why) => window.heard.push(String(why)));
        await window.client.acceptInvite();
        await window.client.unmute();
      });
      await host.hears(1320);
      const permit = (state: string): Promise<void> =>
        page.evaluate((now) => {
          navigator.permissions.query = async () => ({ state: now }) as PermissionStatus;
        }, state);
      // What the browser does by itself when the device is gone.
      const pull = (): Promise<void> =>
        page.evaluate(() => {
          const track = window.client.microphone.track!;
          track.stop();
          track.dispatchEvent(new Event('ended'));
        });
      await permit('granted');
      await pull();
      await page.waitForFunction(() => window.heard.length === 1);
      await host.hears(1320);
      await permit('denied');
      await pull();
      await host.onStage('Vera', true).waitFor();
      assert.deepEqual(await page.evaluate(() => window.heard), ['undefined', 'microphone_refused']);
      await page.evaluate(() => window.client.unmute());
      await host.hears(1320);
      await page.evaluate(() => window.client.close());
      assert.deepEqual(person.pageErrors, []);
      await person.leave();
      await host.onStage('Vera').waitFor({ state: 'detached' });
    });

    test('a loudspeaker that is pulled out gives its place to the one of the system', async (t) => {
      const person = await visitor();
      const { page } = person;
      await enter(page);
      const outputs = await page.evaluate(async () => {
        await window.client.microphone.open();
        const all = await navigator.mediaDevices.enumerateDevices();
        return all.filter(({ kind }) => kind === 'audiooutput').map(({ deviceId }) => deviceId);
      });
      const chosen = outputs.find((id) => id !== '' && id !== 'default');
      if (chosen === undefined) {
        t.diagnostic('this browser names no loudspeaker here');
        await person.leave();
        return;
      }
      const playing = (): Promise<string[]> =>
        page.evaluate(() => [...document.querySelectorAll('audio')].map(({ sinkId }) => sinkId));
      await page.evaluate((id) => window.client.playback.setOutput(id), chosen);
      assert.deepEqual(new Set(await playing()), new Set([chosen]));
      await page.evaluate((gone) => {
        const { mediaDevices } = navigator;
        const all = mediaDevices.enumerateDevices.bind(mediaDevices);
        mediaDevices.enumerateDevices = async () => (await all()).filter(({ deviceId }) => deviceId !== gone);
        mediaDevices.dispatchEvent(new Event('devicechange'));
      }, chosen);
      await page.waitForFunction(() =>
        [...document.querySelectorAll('audio')].every(({ sinkId }) => sinkId === ''),
      );
      await person.hears(440);
      await person.leave();
    });
  });
}
