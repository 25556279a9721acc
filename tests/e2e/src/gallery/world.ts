// A server with people in it, as after some weeks: accounts with faces, follows, rooms that are live, rooms to come.
// Those whose screens are not shown are clients of the SDK, all in one page.

import assert from 'node:assert/strict';
import type { BrowserContext, Page } from 'playwright-core';
import type { RunningBrowser } from '../browsers.js';
import { PASSWORD, Person } from '../person.js';
import * as cast from './people.js';
import { portrait } from './portraits.js';
import type { Product } from './product.js';

type Answer = Record<string, unknown>;

/** The SDK's client, as far as it is used here. */
interface Client {
  api: { ask(method: string, path: string, body?: unknown): Promise<Answer> };
  person?: { id: string };
  microphone: { open(): Promise<unknown> };
  room?: { you: { invitation?: unknown } };
  join(room: string, options?: { name: string }): Promise<unknown>;
  createRoom(room: unknown): Promise<{ id: string; path: string }>;
  raiseHand(): Promise<void>;
  invite(user: string): Promise<void>;
  acceptInvite(): Promise<void>;
  unmute(): Promise<void>;
  chat(text: string): Promise<void>;
  react(reaction: string): Promise<void>;
  pinLink(url: string): Promise<void>;
  remove(user: string): Promise<void>;
  endRoom(): Promise<void>;
}

declare global {
  interface Window {
    crowd: Map<string, Client>;
  }
}

export interface World {
  url: string;
  product: Product;
  /** The room that is visited. */
  link: string;
  host: Person;
  viewer: Person;
  /** Somebody without an account, at their own device. */
  guest: Person;
  plan: string;
  /** The page of all others, for what somebody of them does. */
  crowd: Page;
}

export async function populate(running: RunningBrowser, url: string, product: Product): Promise<World> {
  const crowd = (await Person.at(running, 'the crowd', 330)).page;
  await crowd.goto(`${url}/sdk/palco.js`);
  await crowd.evaluate(() => (window.crowd = new Map()));
  for (const one of cast.EVERYBODY) await register(crowd, url, one);
  // Mobile for their scroll bars, which lie over the page.
  const device = async (): Promise<BrowserContext> => {
    const context = await running.browser.newContext({ isMobile: true });
    // The names that the browser's make-believe devices would have on somebody's desk.
    await context.addInitScript(() => {
      if (!navigator.mediaDevices) return;
      const devices = [
        ['audioinput', 'Built-in microphone'],
        ['audiooutput', 'Headphones'],
      ];
      navigator.mediaDevices.enumerateDevices = () =>
        Promise.resolve(
          devices.map(
            ([kind, label]) => ({ deviceId: 'default', groupId: '', kind, label }) as MediaDeviceInfo,
          ),
        );
    });
    return context;
  };
  const host = await Person.in(await device(), cast.HOST.name, 440);
  const viewer = await Person.in(await device(), cast.VIEWER.name, 880);
  const guest = await Person.in(await device(), 'Federica', 880);
  await signIn(host, url, cast.HOST.handle);
  await signIn(viewer, url, cast.VIEWER.handle);
  await asks(host.page, 'PATCH', 'me', cast.ABOUT);
  await asks(viewer.page, 'PATCH', 'me', { topics: ['astronomy', 'food'], languages: ['it', 'en'] });
  for (const one of [...cast.SPEAKERS, ...cast.LISTENERS]) {
    await follows(crowd, one.handle, cast.HOST.handle);
    if (one !== cast.LISTENERS[2]) await follows(crowd, one.handle, cast.VIEWER.handle);
  }
  for (const handle of ['noor', 'priya', 'luca']) await asks(viewer.page, 'PUT', `people/${handle}/follow`);

  // Whom those follow that one follows: for whom one may want to hear.
  for (const handle of ['kwame', 'ingrid', 'amelie', 'zola'])
    for (const follower of ['priya', 'luca']) await follows(crowd, follower, handle);
  for (const handle of ['ingrid', 'amelie', 'giulia'])
    await asks(host.page, 'PUT', `people/${handle}/follow`);

  const plan = await planRooms(crowd, host.page);
  for (const room of cast.OTHER_ROOMS) await openRoom(crowd, room);
  const link = await openMainRoom(crowd, host, url);
  product.room = { server: url, id: link.slice(link.lastIndexOf('/') + 1) };
  return { url, product, link, host, viewer, guest, plan, crowd };
}

async function register(crowd: Page, url: string, one: cast.Character): Promise<void> {
  const face = await crowd.evaluate(portrait, one.looks);
  await crowd.evaluate(
    async ({ url, handle, name, headline, password, face }) => {
      const { Palco } = (await import(`${url}/sdk/palco.js`)) as {
        Palco: new (options: { token?: string; storage: null }) => Client;
      };
      const account = { handle, name, password, session: 'token' };
      const { token } = await new Palco({ storage: null }).api.ask('POST', 'accounts', account);
      const client = new Palco({ token: String(token), storage: null });
      await client.api.ask('PATCH', 'me', { headline });
      const picture = Uint8Array.from(atob(face.slice(face.indexOf(',') + 1)), (char) => char.charCodeAt(0));
      await client.api.ask('PUT', 'me/avatar', new Blob([picture], { type: 'image/png' }));
      window.crowd.set(handle, client);
    },
    { url, ...one, password: PASSWORD, face },
  );
}

async function signIn(person: Person, url: string, handle: string): Promise<void> {
  await person.signIn(url, handle);
  await person.signedIn();
}

/** What the app's own client of this page does. */
export function acts(page: Page, what: keyof Client, ...values: unknown[]): Promise<unknown> {
  return page.evaluate(
    ([what, values]) => {
      const { palco } = window as unknown as { palco: Record<string, (...values: unknown[]) => unknown> };
      return palco[what]!(...values);
    },
    [what, values] as const,
  );
}

export function asks(page: Page, method: string, path: string, body?: unknown): Promise<Answer> {
  return page.evaluate(
    ([method, path, body]) => (window as unknown as { palco: Client }).palco.api.ask(method, path, body),
    [method, path, body] as const,
  );
}

/** Whose screen it is, as the server knows them. */
export async function idOf(page: Page): Promise<string> {
  const { person } = (await asks(page, 'GET', 'me')) as { person: { id: string } };
  return person.id;
}

async function follows(crowd: Page, follower: string, followed: string): Promise<void> {
  await crowd.evaluate(
    ([follower, followed]) => window.crowd.get(follower)!.api.ask('PUT', `people/${followed}/follow`),
    [follower, followed] as const,
  );
}

/** Gives the address of the host's seminar. */
async function planRooms(crowd: Page, host: Page): Promise<string> {
  let path: unknown;
  for (const { by, inHours, seminar, title, description } of cast.PLANS) {
    const starts = Math.round(Date.now() / 3_600_000 + inHours) * 3_600_000;
    const room = {
      title,
      description,
      starts_at_ms: starts,
      ...(seminar ? { registration_required: true, capacity: 40, topics: ['astronomy'] } : {}),
    };
    const plan =
      by === cast.HOST.handle
        ? await asks(host, 'POST', 'scheduled', room)
        : await crowd.evaluate(([by, room]) => window.crowd.get(by)!.api.ask('POST', 'scheduled', room), [
            by,
            room,
          ] as const);
    if (seminar) path = plan['path'];
    for (const goer of cast.LISTENERS.slice(0, seminar ? 6 : 2)) {
      if (goer.handle === by) continue;
      await crowd.evaluate(([goer, id]) => window.crowd.get(goer)!.api.ask('PUT', `scheduled/${id}/rsvp`), [
        goer.handle,
        String(plan['id']),
      ] as const);
    }
  }
  assert.ok(typeof path === 'string');
  return path;
}

async function openRoom(
  crowd: Page,
  { host, with: others, ...room }: (typeof cast.OTHER_ROOMS)[number],
): Promise<void> {
  await crowd.evaluate(
    async ([host, others, room]) => {
      const { id } = await window.crowd.get(host)!.createRoom(room);
      await window.crowd.get(host)!.join(id);
      for (const other of others) await window.crowd.get(other)!.join(id);
    },
    [host, others, room] as const,
  );
  const invite = (id: string): Promise<void> =>
    crowd.evaluate(([host, id]) => window.crowd.get(host)!.invite(id), [host, id] as const);
  for (const other of others) await climb(crowd, other, invite);
}

/** Somebody of the crowd comes on stage, muted. */
async function climb(crowd: Page, who: string, invite: (id: string) => Promise<unknown>): Promise<void> {
  const id = await crowd.evaluate(async (who) => {
    const client = window.crowd.get(who)!;
    await client.raiseHand();
    return client.person!.id;
  }, who);
  await invite(id);
  await crowd.evaluate(async (who) => {
    const client = window.crowd.get(who)!;
    const deadline = performance.now() + 10_000;
    while (!client.room?.you.invitation && performance.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 20));
    await client.microphone.open();
    await client.acceptInvite();
  }, who);
}

async function openMainRoom(crowd: Page, host: Person, url: string): Promise<string> {
  const { path } = await asks(host.page, 'POST', 'rooms', cast.ROOM);
  const link = url + String(path);
  await host.page.goto(link);
  await host.by('join-room').click();
  await host.onStage(host.name).waitFor();
  const room = link.slice(link.lastIndexOf('/') + 1);
  const elsewhere = new Set(cast.OTHER_ROOMS.map(({ host }) => host));
  await crowd.evaluate(
    async ([url, room, speakers, listeners, guests]) => {
      for (const handle of [...speakers, ...listeners]) await window.crowd.get(handle)!.join(room);
      const { Palco } = (await import(`${url}/sdk/palco.js`)) as {
        Palco: new (options: { storage: null }) => Client;
      };
      for (const name of guests) {
        const guest = new Palco({ storage: null });
        window.crowd.set(name, guest);
        await guest.join(room, { name });
      }
    },
    [
      url,
      room,
      cast.SPEAKERS.map(({ handle }) => handle),
      cast.LISTENERS.map(({ handle }) => handle).filter((handle) => !elsewhere.has(handle)),
      cast.GUESTS,
    ] as const,
  );
  const invite = (id: string): Promise<unknown> => acts(host.page, 'invite', id);
  for (const { handle } of cast.SPEAKERS) await climb(crowd, handle, invite);
  await crowd.evaluate((handle) => window.crowd.get(handle)!.unmute(), cast.SPEAKERS[1]!.handle);
  await host.act(cast.SPEAKERS[0]!.name, 'make-moderator');
  await acts(host.page, 'pinLink', cast.PINNED);
  for (const [handle, text] of cast.CHAT)
    await crowd.evaluate(([handle, text]) => window.crowd.get(handle)!.chat(text), [handle, text] as const);
  for (const handle of ['omar', 'zola', 'Hélène'])
    await crowd.evaluate((handle) => window.crowd.get(handle)!.raiseHand(), handle);
  return link;
}
