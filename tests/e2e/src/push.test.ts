// Told while closed: in Firefox all the way, from the switch in the settings by a push service to a
// notification that leads into the room; and where it cannot be had, the settings say why.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { launch, type RunningBrowser } from './browsers.js';
import { Person } from './person.js';
import { startPushService, type PushService } from './push-service.js';
import { startServer, type Server } from './server.js';

const CONTACT = ['--push-contact=mailto:operator@palco.example', '--push-anywhere'];

/** The switch, once the page knows how it stands. */
const pushIs = (person: Person, on: boolean) =>
  person.page.locator(`[data-testid="push"]${on ? ':checked' : ':not(:checked)'}:enabled`).waitFor();

describe('told while closed, in firefox', { timeout: 150_000 }, () => {
  const browsers: RunningBrowser[] = [];
  let service: PushService;
  let server: Server;
  let ada: Person;
  let ben: Person;

  before(async () => {
    service = await startPushService();
    server = await startServer(...CONTACT);
    browsers.push(await launch('chromium'));
    browsers.push(
      await launch('firefox', {
        'dom.push.enabled': true,
        'dom.push.connection.enabled': true,
        'dom.push.serverURL': service.url,
        'dom.push.retryBaseInterval': 100,
        'dom.push.testing.allowInsecureServerURL': true,
        'permissions.default.desktop-notification': 1,
        // Its own: there is no desktop here to show them.
        'alerts.useSystemBackend': false,
      }),
    );
    ben = await Person.at(browsers[0]!, 'Ben', 440);
    ada = await Person.at(browsers[1]!, 'Ada', 880);
    await ben.signUp(server.url, 'ben');
    await ada.signUp(server.url, 'ada');
    await ada.follow(server.url, 'ben');
  });
  after(async () => {
    for (const running of browsers) await running.close();
    service?.stop();
    await server?.stop();
  });

  /** What the browser shows. */
  const shown = (): Promise<{ title: string; body: string; url: string }[]> =>
    ada.page.evaluate(async () => {
      const registration = await navigator.serviceWorker.ready;
      return (await registration.getNotifications()).map(({ title, body, data }) => ({
        title,
        body,
        url: (data as { url: string }).url,
      }));
    });

  /** A page of the server's on which the app does not run. */
  const withoutApp = () => ada.page.goto(`${server.url}/sdk/palco.js`);
  /** Where the server would push to. */
  const endpoints = (): Promise<string[]> =>
    ada.page.evaluate(async () => {
      const exported = await (await fetch('/api/v1/me/export')).json();
      return (exported as { push_subscriptions: { endpoint: string }[] }).push_subscriptions.map(
        ({ endpoint }) => endpoint,
      );
    });
  /** What the browser has. */
  const subscription = (): Promise<string | undefined> =>
    ada.page.evaluate(async () => {
      const registration = await navigator.serviceWorker.getRegistration('/');
      return (await registration?.pushManager.getSubscription())?.endpoint;
    });
  /** The test's own deadline ends a wait in vain. */
  const pushedTo = async (holds: (all: string[], here: string | undefined) => boolean): Promise<void> => {
    while (!holds(await endpoints(), await subscription())) await setTimeout(100);
  };
  const agreed = (all: string[], here: string | undefined): boolean =>
    here !== undefined && all.length === 1 && all[0] === here;

  test('one switch in the settings, kept over a reload', async () => {
    await ada.page.goto(`${server.url}/settings#notifications`);
    await pushIs(ada, false);
    await ada.by('push').click();
    await pushIs(ada, true);
    await ada.page.reload();
    await pushIs(ada, true);
    await ada.picture('push-1-on');
  });

  test('a push service that forgets the browser: it subscribes anew by itself, with no page of the app open', async () => {
    await withoutApp();
    const [before] = await endpoints();
    const { given } = service;
    service.forget();
    while (service.given === given) await setTimeout(50);
    await pushedTo((all, here) => here !== before && agreed(all, here));
  });

  test('what the server or the browser has lost, the next page puts right', async () => {
    await withoutApp();
    await ada.page.evaluate(
      async (all) => {
        const headers = { 'Content-Type': 'application/json' };
        for (const endpoint of all)
          await fetch('/api/v1/push/subscriptions', {
            method: 'DELETE',
            headers,
            body: JSON.stringify({ endpoint }),
          });
      },
      await endpoints(),
    );
    assert.deepEqual(await endpoints(), []);
    await ada.page.goto(server.url);
    await pushedTo(agreed);
    await withoutApp();
    await ada.page.evaluate(async () => {
      const registration = await navigator.serviceWorker.getRegistration('/');
      await (await registration!.pushManager.getSubscription())!.unsubscribe();
    });
    assert.equal(await subscription(), undefined);
    await ada.page.goto(server.url);
    await pushedTo((all, here) => all.includes(here ?? ''));
  });

  test('a host goes live, and the browser without an open page shows it; it leads into the room', async () => {
    await ada.page.goto('about:blank');
    const link = await ben.goLive(server.url, 'Told behind closed doors');
    await ben.unmute();
    while (service.posted === 0) await setTimeout(50);
    await ada.page.goto(`${server.url}/settings`);
    let notifications = await shown();
    while (notifications.length === 0) notifications = await shown();
    assert.equal(notifications.length, 1);
    assert.match(`${notifications[0]!.title} ${notifications[0]!.body}`, /Ben.*Told behind closed doors/);
    assert.equal(notifications[0]!.url, link);
    await ada.page.goto(notifications[0]!.url);
    await ada.by('join-room').click();
    await ada.hears(440);
    await ben.endRoom();
    await ada.by('room-ended').waitFor();
  });

  test('switched off, nothing is sent any more', async () => {
    await ada.page.goto(`${server.url}/settings`);
    await ada.by('push').click();
    await pushIs(ada, false);
    const before = service.posted;
    await ben.goLive(server.url, 'Nobody is pushed');
    await ada.isTold('live');
    assert.equal(service.posted, before);
  });

  test('signing out ends it: whoever uses this browser next is not told what is hers', async () => {
    await ada.page.goto(`${server.url}/settings#notifications`);
    await ada.by('push').click();
    await pushIs(ada, true);
    await ada.signOut();
    const subscribed = await ada.page.evaluate(async () => {
      const { pushManager } = await navigator.serviceWorker.ready;
      return (await pushManager.getSubscription()) !== null;
    });
    assert.equal(subscribed, false);
  });

  test('nor is whoever signs in after a session that ended elsewhere', async () => {
    await ada.signIn(server.url, 'ada');
    await ada.signedIn();
    await ada.page.goto(`${server.url}/settings#notifications`);
    await pushIs(ada, false);
    await ada.by('push').click();
    await pushIs(ada, true);
    await withoutApp();
    await ada.page.evaluate(() => fetch('/api/v1/session', { method: 'DELETE' }));
    await ada.signUp(server.url, 'eve');
    while ((await subscription()) !== undefined) await setTimeout(100);
    for (const person of [ada, ben]) assert.deepEqual(person.pageErrors, []);
  });
});

describe('where nobody can be told while closed, the settings say why', { timeout: 120_000 }, () => {
  let running: RunningBrowser;
  const servers: Server[] = [];

  before(async () => {
    running = await launch('chromium');
    servers.push(await startServer(...CONTACT), await startServer());
  });
  after(async () => {
    await running?.close();
    for (const server of servers) await server.stop();
  });

  const says = async (server: Server, allowed: boolean, text: string, before?: () => void): Promise<void> => {
    const person = await Person.at(running, 'Nora', 440);
    if (before) await person.page.addInitScript(before);
    if (allowed) await person.page.context().grantPermissions(['notifications'], { origin: server.url });
    await person.signUp(server.url, `nora_${Math.floor(Math.random() * 1e6)}`);
    await person.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    await person.page.goto(`${server.url}/settings`);
    const push = person.by('push');
    await push.waitFor();
    const words = person.page.getByRole('status').filter({ hasText: text });
    if (!before) {
      await push.click();
      await words.waitFor();
      assert.equal(await push.isChecked(), false);
    } else {
      await words.waitFor();
      assert.equal(await push.isDisabled(), true);
    }
    await person.leave();
  };

  test('notifications are blocked', () => says(servers[0]!, false, 'This browser blocks notifications.'));

  // Debian's Chromium knows no push service.
  test('the browser’s push service cannot be reached', () =>
    says(servers[0]!, true, 'This browser could not be registered.'));

  test('the server sends none', () => says(servers[1]!, true, 'This server sends none to closed browsers.'));

  test('the browser cannot', () =>
    says(servers[0]!, true, 'This browser cannot do this.', () =>
      Reflect.deleteProperty(window, 'PushManager'),
    ));
});
