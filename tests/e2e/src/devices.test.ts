// One account on two devices: another password, chosen on the one, is the end of the visit on the other, which
// says so and what to do, in a room and out of one.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Kind } from './browsers.js';
import { Cast } from './cast.js';
import { PASSWORD, type Person } from './person.js';

const ANOTHER = 'chosen at the desk';

for (const kind of ['chromium', 'firefox'] satisfies Kind[]) {
  describe(`one account on two devices in ${kind}`, { timeout: 120_000 }, () => {
    let cast: Cast;
    let desk: Person;
    let phone: Person;
    let listener: Person;

    before(async () => {
      cast = await Cast.in(kind);
      desk = await cast.member('Nora', 440);
      phone = await cast.guest('Nora', 660);
      listener = await cast.guest('Lena', 880);
      await phone.signIn(cast.url, 'nora');
      await phone.signedIn();
    });
    after(() => cast?.end());

    test('in a room: it is over there, nobody hears them, and the way back leads through the new password', async () => {
      const link = await phone.goLive(cast.url, 'From the phone');
      await phone.unmute();
      await listener.join(link);
      await listener.hears(660);
      await desk.changePassword(cast.url, PASSWORD, ANOTHER);
      await phone.by('over-signed_out').filter({ hasText: 'Your password was changed' }).waitFor();
      await phone.picture(`${kind}-devices-1-in-a-room`);
      await listener.hears();
      await phone.by('join-again').click();
      await phone.by('login-input').fill('nora');
      await phone.by('password-input').fill(ANOTHER);
      await phone.by('sign-in').click();
      await phone.by('join-room').click();
      await phone.onStage('Nora').waitFor();
      assert.equal(phone.page.url(), link);
      await phone.unmute();
      await listener.hears(660);
      await phone.endRoom();
      await phone.by('room-ended').waitFor();
    });

    test('on another page: it is said until they are in again, and whoever signs out there is told nothing', async () => {
      await phone.page.goto(`${cast.url}/settings`);
      await phone.by('kind-live').waitFor();
      await desk.changePassword(cast.url, ANOTHER, PASSWORD);
      const said = phone.by('signed-out');
      await said.filter({ hasText: 'Your password was changed' }).waitFor();
      await phone.picture(`${kind}-devices-2-on-a-page`);
      await said.getByRole('link', { name: 'Sign in' }).click();
      await phone.by('login-input').fill('nora');
      await phone.by('password-input').fill(PASSWORD);
      await phone.by('sign-in').click();
      await phone.by('kind-live').waitFor();
      assert.equal(await said.count(), 0);
      await phone.signOut();
      assert.equal(await said.count(), 0);
      // The one at which the password was changed goes on.
      await desk.page.goto(cast.url);
      await desk.signedIn();
      cast.noPageFailed();
    });
  });
}
