// From a microphone to a listener's ear, through the hand, the invitation, the mute and the end, in
// Chromium, in Firefox, and between them.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launch, type Kind, type RunningBrowser } from './browsers.js';
import { Person } from './person.js';
import { startServer, type Server } from './server.js';

interface Cast {
  host: Kind;
  guest: Kind;
  witness: Kind;
}

const casts: Cast[] = [
  { host: 'chromium', guest: 'chromium', witness: 'chromium' },
  { host: 'chromium', guest: 'firefox', witness: 'chromium' },
  { host: 'firefox', guest: 'chromium', witness: 'firefox' },
];

const browsers = new Map<Kind, RunningBrowser>();
before(async () => {
  for (const kind of ['chromium', 'firefox'] satisfies Kind[]) browsers.set(kind, await launch(kind));
});
after(async () => {
  for (const running of browsers.values()) await running.close();
});

for (const cast of casts) {
  const title = `${cast.host} hosts, ${cast.guest} speaks, ${cast.witness} listens`;
  const picture = (what: string): string => `${cast.host}-${cast.guest}-${cast.witness}-${what}`;

  describe(title, { timeout: 180_000 }, () => {
    let server: Server;
    let host: Person;
    let guest: Person;
    let witness: Person;
    let link: string;

    before(async () => {
      server = await startServer();
      host = await Person.at(browsers.get(cast.host)!, 'Hanna', 440);
      guest = await Person.at(browsers.get(cast.guest)!, 'Gustav', 880);
      witness = await Person.at(browsers.get(cast.witness)!, 'Wilma', 1320);
    });
    after(async () => {
      for (const person of [host, guest, witness]) await person?.leave();
      await server?.stop();
    });

    test('a host starts a room and speaks', async () => {
      link = await host.startRoom(server.url, 'First sound');
      await host.unmute();
      await host.picture(picture('1-host-alone'));
    });

    test('a listener opens the link, joins and hears the host, unasked for a microphone', async () => {
      await guest.open(link);
      await guest.picture(picture('2-entry'));
      await guest.join(link);
      await guest.hears(440);
      assert.equal(await guest.timesAskedForMicrophone(), 0);
    });

    test('the host does not hear themself', async () => {
      await host.hears();
    });

    test('the hand is raised, invited, and its owner comes on stage muted', async () => {
      await witness.join(link);
      await guest.raiseHand();
      await guest.picture(picture('3-hand-up'));
      await host.seesHandOf('Gustav');
      await host.picture(picture('4-queue-of-hands'));
      await host.invite('Gustav');
      await guest.by('accept-invite').waitFor();
      await guest.picture(picture('5-invited'));
      await guest.acceptInvite();
      await witness.onStage('Gustav', true).waitFor();
      await witness.hears(440);
    });

    test('unmuted, everybody else hears them, and the third person hears both', async () => {
      await guest.unmute();
      await witness.hears(440, 880);
      await host.hears(880);
      await guest.hears(440);
      await witness.picture(picture('6-two-speakers'));
    });

    test('after mute the third person hears one', async () => {
      await guest.mute();
      await witness.hears(440);
    });

    test('unmuted again, heard again', async () => {
      await guest.unmute();
      await witness.hears(440, 880);
    });

    test('after the end of the room nobody hears anything and all are told', async () => {
      await host.endRoom();
      for (const person of [host, guest, witness]) {
        await person.by('room-ended').waitFor();
        await person.hears();
        assert.deepEqual(person.pageErrors, []);
      }
      await witness.picture(picture('7-ended'));
    });
  });
}
