// An account's life: signing up and hosting, the profile and its picture, the password changed and forgotten,
// one's data taken home, and the end.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import type { Kind } from './browsers.js';
import { Cast } from './cast.js';
import { PASSWORD, type Person } from './person.js';

for (const kind of ['chromium', 'firefox'] satisfies Kind[]) {
  describe(`an account in ${kind}`, { timeout: 180_000 }, () => {
    let cast: Cast;
    let nora: Person;
    let guest: Person;

    before(async () => {
      cast = await Cast.in(kind);
      nora = await cast.guest('Nora Lind', 440);
      guest = await cast.guest('Gus', 880);
    });
    after(() => cast?.end());

    test('a new host signs up, goes live, is heard by a guest of two taps, and ends the room', async () => {
      await nora.page.goto(cast.url);
      await nora.by('open-sign-in').click();
      await nora.page.locator('a[href="/signup"]').click();
      await nora.by('name-input').fill('Nora Lind');
      assert.equal(await nora.by('handle-input').inputValue(), 'nora_lind');
      await nora.by('password-input').fill(PASSWORD);
      await nora.by('sign-up').click();
      await nora.by('open-start').click();
      await nora.by('title-input').fill('Opening night');
      await nora.by('start-more').click();
      await nora.by('topics-input').fill('Theatre');
      await nora.by('start-room').click();
      await nora.onStage('Nora Lind', true).waitFor();
      await nora.unmute();

      await guest.join(nora.page.url());
      await guest.hears(440);
      await nora.endRoom();
      for (const person of [nora, guest]) await person.by('room-ended').waitFor();
    });

    test('a second tab is signed in too, and signed out with the first', async () => {
      const tab = await nora.page.context().newPage();
      await tab.goto(cast.url);
      await tab.getByTestId('account-menu').waitFor();
      await nora.page.goto(cast.url);
      await nora.signOut();
      await tab.getByTestId('open-sign-in').waitFor();
      await tab.goto(`${cast.url}/signin`);
      await tab.getByTestId('login-input').fill('nora_lind');
      await tab.getByTestId('password-input').fill(PASSWORD);
      await tab.getByTestId('sign-in').click();
      await nora.signedIn();
      await tab.close();
    });

    test('a handle or an address that is taken is said to be, and nothing typed is lost', async () => {
      await guest.page.goto(`${cast.url}/signup`);
      await guest.by('name-input').fill('Nora too');
      await guest.by('handle-input').fill('nora_lind');
      await guest.by('password-input').fill(PASSWORD);
      await guest.by('sign-up').click();
      await guest.by('sign-refused').filter({ hasText: 'This handle is taken.' }).waitFor();
      assert.equal(await guest.by('name-input').inputValue(), 'Nora too');
      // The next stop is where another one is needed.
      await guest.page.keyboard.press('ControlOrMeta+A');
      await guest.page.keyboard.type('nora_too');
      assert.equal(await guest.by('handle-input').inputValue(), 'nora_too');

      await nora.page.goto(`${cast.url}/settings`);
      await nora.by('account-email').fill('nora@palco.example');
      await nora.by('account-email').press('Enter');
      await nora.page.locator('.notice').waitFor();
      await guest.by('email-input').fill('nora@palco.example');
      await guest.by('sign-up').click();
      await guest.by('sign-refused').filter({ hasText: 'This email address has an account' }).waitFor();
      assert.equal(await guest.by('password-input').inputValue(), PASSWORD);
    });

    test('the profile is edited, with a picture, and others see it', async () => {
      await nora.page.goto(`${cast.url}/me/edit`);
      const picture = { name: 'me.png', mimeType: 'image/png', buffer: await nora.page.screenshot() };
      await nora.by('avatar-file').setInputFiles(picture);
      await nora.by('remove-avatar').waitFor();
      await nora.by('edit-headline').fill('Plays, and who writes them');
      await nora.by('edit-bio').fill('First line.\nSecond line.');
      await nora.by('edit-links').fill('https://example.org/nora');
      await nora.by('edit-languages').selectOption('fr');
      await nora.by('edit-creator').click();
      await nora.by('edit-save').click();
      await nora.by('profile').waitFor();
      await nora.picture(`${kind}-account-profile`);

      await guest.page.goto(`${cast.url}/@nora_lind`);
      const profile = guest.by('profile');
      await profile.filter({ hasText: 'Plays, and who writes them' }).waitFor();
      await profile.locator('a[href="https://example.org/nora"]').waitFor();
      const avatar = profile.locator('.avatar img');
      assert.match((await avatar.getAttribute('src')) ?? '', /^\/avatars\//);
      await guest.page.waitForFunction(
        () =>
          document.querySelector<HTMLImageElement>('[data-testid="profile"] .avatar img')?.naturalWidth ===
          256,
      );
    });

    test('what is no picture is refused in words', async () => {
      await nora.page.goto(`${cast.url}/me/edit`);
      const noise = { name: 'me.png', mimeType: 'image/png', buffer: Buffer.from('no picture at all') };
      await nora.by('avatar-file').setInputFiles(noise);
      await nora.page.locator('.notice-bad').waitFor();
    });

    test('the password is changed: the old one is refused, the new one works', async () => {
      await nora.page.goto(`${cast.url}/settings`);
      await nora.by('password-current').fill('not it at all');
      await nora.by('password-new').fill('a new long password');
      await nora.by('password-change').click();
      await nora.by('settings-refused').waitFor();
      await nora.changePassword(cast.url, PASSWORD, 'a new long password');
      await nora.page.reload();
      await nora.signOut();
      await nora.signIn(cast.url, 'nora_lind');
      await nora.by('sign-refused').waitFor();
      await nora.signIn(cast.url, 'nora_lind', 'a new long password');
      await nora.signedIn();
    });

    test('a forgotten password is replaced by the link, once', async () => {
      await nora.signOut();
      await nora.page.goto(`${cast.url}/reset`);
      await nora.by('login-input').fill('nora_lind');
      await nora.by('reset-request').click();
      await nora.by('reset-sent').waitFor();
      const [path] = await cast.server.logged(/\/reset#[0-9a-f]+/);
      await nora.page.goto(cast.url + path);
      await nora.by('password-input').fill('yet another password');
      await nora.by('reset-save').click();
      await nora.by('login-input').waitFor();
      assert.equal(new URL(nora.page.url()).hash, '');
      await nora.signIn(cast.url, 'nora_lind', 'yet another password');
      await nora.signedIn();

      await guest.page.goto(cast.url + path);
      await guest.by('password-input').fill('somebody else was here');
      await guest.by('reset-save').click();
      await guest.by('sign-refused').waitFor();
    });

    test('one’s data comes as a file, and the account goes when asked', async () => {
      await nora.page.goto(`${cast.url}/settings`);
      const coming = nora.page.waitForEvent('download');
      await nora.by('export').click();
      const data: unknown = JSON.parse(await readFile(await (await coming).path(), 'utf8'));
      assert.match(JSON.stringify(data), /Plays, and who writes them/);

      await nora.by('delete-account').click();
      await nora.by('delete-password').fill('yet another password');
      await nora.by('confirm-delete').click();
      await nora.by('open-sign-in').waitFor();
      await guest.page.goto(`${cast.url}/@nora_lind`);
      await guest.by('over-noperson').waitFor();
    });

    test('no page failed', () => {
      cast.noPageFailed();
    });
  });
}
