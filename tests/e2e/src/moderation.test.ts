// A room with all its roles: a moderator at work, somebody thrown out who tries to come back, a locked
// door, links by role, and a host who is gone for a while.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Kind } from './browsers.js';
import { Cast } from './cast.js';
import type { Person } from './person.js';

for (const kind of ['chromium', 'firefox'] satisfies Kind[]) {
  describe(`a moderated room in ${kind}`, { timeout: 180_000 }, () => {
    let cast: Cast;
    let host: Person;
    let moderator: Person;
    let speaker: Person;
    let listener: Person;
    let troll: Person;
    let link: string;

    before(async () => {
      cast = await Cast.in(kind, '--host-grace-s', '2');
      host = await cast.guest('Hanna', 440);
      moderator = await cast.guest('Mona', 660);
      speaker = await cast.guest('Sven', 880);
      listener = await cast.guest('Lena', 1320);
      troll = await cast.guest('Vito', 550);
    });
    after(() => cast?.end());

    test('the host makes somebody on stage a moderator', async () => {
      link = await host.startRoom(cast.url, 'Who minds the door');
      await Promise.all([moderator, speaker, listener, troll].map((person) => person.join(link)));
      await moderator.takeStageBy(host);
      await host.act('Mona', 'make-moderator');
      await listener.onStage('Mona', true).filter({ hasText: 'Moderator' }).waitFor();
      await speaker.takeStageBy(moderator);
      await speaker.unmute();
      await listener.hears(880);
    });

    test('a moderator mutes a speaker, who cannot unmute until allowed', async () => {
      await moderator.act('Sven', 'mute-speaker');
      await listener.hears();
      await speaker.onStage('Sven', true).waitFor();
      assert.equal(await speaker.by('mute-toggle').isDisabled(), true);
      await speaker.picture(`${kind}-room-1-muted-by-a-moderator`);
      await moderator.page.getByTestId('stage-member').filter({ hasText: 'Sven' }).click();
      await moderator.by('allow-unmute').waitFor();
      await moderator.picture(`${kind}-room-2-person-sheet`);
      await moderator.by('allow-unmute').click();
      await speaker.page.locator('[data-testid="mute-toggle"]:enabled').waitFor();
      await listener.hears();
      await speaker.unmute();
      await listener.hears(880);
    });

    test('chat, a reaction and a pinned link are seen by the others', async () => {
      for (const person of [host, moderator]) await person.by('tab-chat').click();
      await speaker.chat('Good evening from Trieste');
      await listener.chat('Nice to hear you');
      for (const person of [host, moderator, speaker, listener]) {
        await person.chatLine('Good evening from Trieste').waitFor();
        await person.chatLine('Nice to hear you').waitFor();
      }
      await moderator.by('open-options').click();
      await moderator.by('pin-input').fill('https://example.org/slides');
      await moderator.by('pin-save').click();
      await moderator.closeDialog();
      for (const person of [host, speaker, listener]) {
        assert.equal(await person.by('pinned-link').getAttribute('href'), 'https://example.org/slides');
      }
      await listener.by('open-reactions').click();
      await listener.by('react-clap').click();
      await host.by('reactions').getByText('👏').waitFor();
      await host.picture(`${kind}-room-3-chat-pin-reaction`);
    });

    test('who is removed is told, and may come back', async () => {
      await moderator.act('Vito', 'remove', true);
      await troll.by('join-again').waitFor();
      await troll.hears();
      await troll.picture(`${kind}-room-4-removed`);
      await troll.by('join-again').click();
      await troll.by('raise-hand').waitFor();
      await troll.hears(880);
    });

    test('who is banned is told, and the same link brings them back to the reason, not into the room', async () => {
      await troll.chat('Buy my coins');
      await listener.chatLine('Buy my coins').waitFor();
      await moderator.act('Vito', 'ban', true);
      await troll.by('room-ended').waitFor();
      assert.equal(await troll.by('join-again').count(), 0);
      await troll.picture(`${kind}-room-5-banned`);
      await listener.chatLine('Buy my coins').waitFor({ state: 'detached' });

      await troll.page.goto('about:blank');
      await troll.open(link);
      await troll.by('join-room').click();
      await troll.refused('banned');
      await troll.picture(`${kind}-room-6-banned-at-the-door`);
      await troll.hears();
      await listener.by('listener-count').and(listener.page.locator('[data-count="1"]')).waitFor();
    });

    test('a lock keeps newcomers out until it is lifted', async () => {
      await moderator.lock();
      const newcomer = await cast.guest('Nina', 990);
      await newcomer.open(link);
      await newcomer.picture(`${kind}-room-7-locked`);
      await newcomer.by('join-room').click();
      await newcomer.refused('room_locked');
      // Those inside notice nothing, and may come and go by a reload.
      await listener.page.reload();
      await listener.hears(880);
      await moderator.lock();
      await newcomer.by('join-room').click();
      await newcomer.by('raise-hand').waitFor();
      await newcomer.hears(880);
      await cast.leaves(newcomer);
    });

    test('a speaker’s link brings a guest with an invitation, through the lock', async () => {
      await host.lock();
      await host.by('open-share').click();
      await host.picture(`${kind}-room-8-share`);
      const secret = await host.linkFor('speaker');
      assert.match(secret, /\/r\/[\w-]+#.{16,}$/);
      assert.notEqual(await host.linkFor('listener'), secret);
      assert.equal(await host.linkFor('room'), link);
      assert.equal(await host.linkFor('speaker'), secret);
      await host.picture(`${kind}-room-9-share-speaker`);
      await host.closeDialog();

      const guest = await cast.guest('Greta', 1100);
      await guest.open(secret);
      await guest.by('join-room').click();
      await guest.acceptInvite();
      await guest.unmute();
      await listener.hears(880, 1100);
      await guest.by('step-down').click();
      await guest.by('raise-hand').waitFor();
      await listener.hears(880);
      await host.lock();
    });

    test('the host is gone: the moderator acts, and nobody stops hearing', async () => {
      await host.unmute();
      await listener.hears(440, 880);
      await host.page.goto('about:blank');
      await listener.page.locator('[data-testid="stage-member"][data-present="false"]').waitFor();
      await listener.picture(`${kind}-room-10-host-away`);
      await listener.onStage('Mona').filter({ hasText: 'Host' }).waitFor();
      await listener.hears(880);
      await moderator.act('Sven', 'mute-speaker');
      await listener.hears();
      await moderator.act('Sven', 'allow-unmute');
      await speaker.unmute();
      await listener.hears(880);
      // An acting host leads, and does not end what is not theirs.
      assert.equal(await moderator.by('end-room').count(), 0);
      await moderator.picture(`${kind}-room-11-acting-host`);
    });

    test('the owner returns and is host again', async () => {
      await host.page.goto(link);
      await listener.onStage('Hanna', true).filter({ hasText: 'Host' }).waitFor();
      await listener.onStage('Mona').filter({ hasText: 'Moderator' }).waitFor();
      await host.hears(880);
      await host.unmute();
      await listener.hears(440, 880);
    });

    test('the owner ends the room, and no page had an error', async () => {
      await host.endRoom();
      for (const person of [host, moderator, speaker, listener]) await person.by('room-ended').waitFor();
      cast.noPageFailed();
    });
  });
}
