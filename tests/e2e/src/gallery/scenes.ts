// What stands on the screen in each picture, in the order of a visit; a scene returns whose screen it is.

import type { Page } from 'playwright-core';
import { ANOTHER_TITLE, SPEAKERS } from './people.js';
import { listenThere } from './product.js';
import { acts, idOf, type World } from './world.js';

export interface Scene {
  name: string;
  /** For the gallery's index. */
  says: string;
  show: (world: World) => Promise<Page>;
  /** Panels lie over the room on narrow screens only: set again at each width. */
  at?: (page: Page, wide: boolean) => Promise<void>;
  /** Where the language is not the app's to choose. */
  speak?: (world: World, page: Page, language: string) => Promise<void>;
}

const opens =
  (
    who: 'guest' | 'viewer' | 'host',
    path: string | ((world: World) => string),
    waitFor: string,
  ): Scene['show'] =>
  async (world) => {
    const { page } = world[who];
    await page.goto(world.url + (typeof path === 'string' ? path : path(world)));
    await page.locator(waitFor).first().waitFor();
    return page;
  };

/** What stood beside the room lies over it when the screen gets narrow: by itself, and soon. */
const afterWidth = (page: Page): Promise<void> => page.waitForTimeout(400);

/** On a narrow screen behind a button of the bar, on a wide one beside the room. */
const panel =
  (name: 'chat' | 'hands'): NonNullable<Scene['at']> =>
  async (page, wide) => {
    const open = page.locator('dialog[open]');
    if (wide) {
      if (name === 'hands') await page.getByTestId('tab-hands').click();
      return;
    }
    await afterWidth(page);
    if ((await open.count()) === 0) await page.getByTestId(`open-${name}`).click();
    await open.waitFor();
  };

const closed: NonNullable<Scene['at']> = async (page) => {
  const open = page.locator('dialog[open]');
  await afterWidth(page);
  if ((await open.count()) > 0) await page.keyboard.press('Escape');
  await open.waitFor({ state: 'detached' });
};

/** Inside the page: the next time it asks for the microphone, its owner says no. */
function refuseOnce(): void {
  const { mediaDevices } = navigator;
  const asked = mediaDevices.getUserMedia;
  mediaDevices.getUserMedia = () => {
    mediaDevices.getUserMedia = asked;
    return Promise.reject(new DOMException('Permission denied', 'NotAllowedError'));
  };
}

export const SCENES: Scene[] = [
  {
    name: 'hallway-guest',
    says: 'The hallway, to a stranger',
    show: opens('guest', '/', '[data-testid=room-card]'),
  },
  { name: 'hallway', says: 'The hallway, signed in', show: opens('viewer', '/', '[data-testid=for-you]') },
  {
    name: 'menu',
    says: 'One’s own menu',
    show: async ({ viewer }) => {
      await viewer.by('account-menu').click();
      await viewer.by('menu-profile').waitFor();
      return viewer.page;
    },
  },
  { name: 'sign-up', says: 'Sign up', show: opens('guest', '/signup', '[data-testid=sign-up]') },
  { name: 'sign-in', says: 'Sign in', show: opens('guest', '/signin', '[data-testid=sign-in]') },
  {
    name: 'entry',
    says: 'A link to a room, opened by a guest',
    show: opens('guest', ({ link, url }) => link.slice(url.length), '.faces'),
  },
  {
    name: 'settings-guest',
    says: 'A guest’s settings',
    show: async ({ guest }) => {
      await guest.by('open-settings').click();
      await guest.page.locator('dialog[open]').waitFor();
      return guest.page;
    },
  },
  {
    name: 'room-listener',
    says: 'In the room, listening; reactions rise',
    show: async ({ viewer, link, crowd }) => {
      await viewer.page.goto(link);
      await viewer.by('join-room').click();
      await viewer.by('raise-hand').waitFor();
      await crowd.evaluate(() => {
        const kinds = ['clap', 'heart', 'fire', 'hundred'];
        let turn = 0;
        setInterval(
          () =>
            void window.crowd
              .get(['ben', 'sofia', 'yuki'][turn % 3]!)
              ?.react(kinds[turn++ % 4]!)
              .catch(() => undefined),
          700,
        );
      });
      return viewer.page;
    },
  },
  {
    name: 'room-chat',
    says: 'The chat: over the room on a telephone, beside it elsewhere',
    show: ({ viewer }) => Promise.resolve(viewer.page),
    at: panel('chat'),
  },
  {
    name: 'room-hand',
    says: 'One’s hand is up: place in the queue and about how long',
    show: async ({ viewer }) => {
      await viewer.raiseHand();
      return viewer.page;
    },
    at: closed,
  },
  {
    name: 'room-host',
    says: 'The host’s screen',
    show: async ({ host }) => Promise.resolve(host.page),
    at: async (page, wide) => {
      await closed(page, wide);
      if (wide) await page.getByTestId('tab-chat').click();
    },
  },
  {
    name: 'hands',
    says: 'The host’s queue of hands',
    show: ({ host }) => Promise.resolve(host.page),
    at: panel('hands'),
  },
  {
    name: 'moderation',
    says: 'What a host may do with a speaker',
    show: async ({ host }) => {
      // The hands lay over the room where it was narrow, and would come back with the sheet under them.
      await host.page.setViewportSize({ width: 390, height: 844 });
      await closed(host.page, false);
      await host.onStage(SPEAKERS[3]!.name).click();
      await host.by('person-sheet').waitFor();
      return host.page;
    },
  },
  {
    name: 'share',
    says: 'Links by role',
    show: async ({ host }) => {
      await closed(host.page, false);
      await host.by('open-share').click();
      await host.by('share-link').waitFor();
      return host.page;
    },
  },
  {
    name: 'options',
    says: 'The room’s options',
    show: async ({ host }) => {
      await closed(host.page, false);
      await host.by('open-options').click();
      await host.by('lock-room').waitFor();
      return host.page;
    },
  },
  {
    name: 'microphone-refused',
    says: 'The browser refuses the microphone: what to do',
    show: async ({ host, viewer }) => {
      await closed(host.page, false);
      await acts(host.page, 'invite', await idOf(viewer.page));
      await viewer.page.evaluate(refuseOnce);
      await viewer.by('accept-invite').click();
      await viewer.by('retry-mic').waitFor();
      return viewer.page;
    },
  },
  {
    name: 'invitation',
    says: 'Invited to the stage: asked first',
    show: async ({ host, viewer }) => {
      await viewer.page.keyboard.press('Escape');
      await viewer.by('mic-check').waitFor({ state: 'detached' });
      await acts(host.page, 'invite', await idOf(viewer.page));
      await viewer.by('accept-invite').waitFor();
      return viewer.page;
    },
  },
  {
    name: 'microphone',
    says: 'Then the microphone, with a level check',
    show: async ({ viewer }) => {
      await viewer.by('accept-invite').click();
      await viewer.by('confirm-mic').waitFor();
      return viewer.page;
    },
  },
  {
    name: 'room-speaker',
    says: 'On stage, speaking',
    show: async ({ viewer }) => {
      await viewer.by('confirm-mic').click();
      await viewer.onStage(viewer.name).waitFor();
      await viewer.unmute();
      return viewer.page;
    },
    at: closed,
  },
  {
    name: 'embed',
    says: 'The room in the page of another product',
    show: ({ guest }) => Promise.resolve(guest.page),
    speak: ({ product }, page, language) => listenThere(page, product, language),
  },
  {
    name: 'removed',
    says: 'Removed by a moderator',
    show: async ({ host, viewer }) => {
      await acts(host.page, 'remove', await idOf(viewer.page));
      await viewer.by('room-ended').waitFor();
      return viewer.page;
    },
  },
  {
    name: 'ended',
    says: 'The room is over',
    show: async ({ host }) => {
      await host.endRoom();
      await host.by('room-ended').waitFor();
      return host.page;
    },
  },
  {
    name: 'alone',
    says: 'A room just opened: the next thing is its link',
    show: async ({ host, url }) => {
      await host.goLive(url, ANOTHER_TITLE);
      await host.by('share-first').waitFor();
      return host.page;
    },
  },
  {
    name: 'profile',
    says: 'Somebody’s profile',
    show: async (world) => {
      await acts(world.host.page, 'endRoom');
      return opens('viewer', '/@noor', '[data-testid=profile]')(world);
    },
  },
  {
    name: 'profile-own',
    says: 'One’s own profile',
    show: opens('host', '/@noor', '[data-testid=edit-profile]'),
  },
  { name: 'edit-profile', says: 'Editing it', show: opens('host', '/me/edit', '[data-testid=edit-save]') },
  {
    name: 'followers',
    says: 'Who follows',
    show: opens('viewer', '/@noor/followers', '[data-testid=person-row]'),
  },
  {
    name: 'search',
    says: 'Search: people, live rooms, rooms to come',
    show: async (world) => {
      const page = await opens('viewer', '/search', '[data-testid=search-input]')(world);
      await page.getByTestId('search-input').fill('ma');
      await page.getByTestId('person-row').first().waitFor();
      return page;
    },
  },
  { name: 'start', says: 'A room, now', show: opens('viewer', '/new', '[data-testid=start-room]') },
  { name: 'plan', says: 'A room, later', show: opens('viewer', '/new?later', '[data-testid=starts-input]') },
  {
    name: 'planned',
    says: 'A planned seminar',
    show: opens('viewer', ({ plan }) => plan, '[data-testid=plan]'),
  },
  {
    name: 'planned-host',
    says: 'The same, to its host',
    show: opens('host', ({ plan }) => plan, '[data-testid=start-plan]'),
  },
  {
    name: 'notifications',
    says: 'Notifications',
    show: opens('host', '/notifications', '[data-testid=news-row]'),
  },
  { name: 'settings', says: 'Settings', show: opens('viewer', '/settings', 'main h2') },
  {
    name: 'not-found',
    says: 'An address that leads nowhere',
    show: opens('guest', '/nowhere', '[data-testid=over-notfound]'),
  },
];
