// Bringing people in who are elsewhere: on stage one calls followers, and the owner of a room invites.

import { useState } from 'preact/hooks';
import { LIMITS, type Person, type RoomInfo } from '../../sdk';
import * as api from '../api';
import { t } from '../i18n';
import { PeopleList, PersonLink } from '../parts/people';
import { PeoplePicker } from '../parts/picker';
import { attempt, notify, ownHandle, palco } from '../store';

export function CallIn() {
  const [called, setCalled] = useState<ReadonlySet<string>>(new Set());
  const call = async ({ id, name }: Person): Promise<void> => {
    if (!(await attempt(() => palco.pingFollower(id)))) return;
    setCalled((before) => new Set(before).add(id));
    notify(t('social.pinged', { name }));
  };
  return (
    <details class="more-fields" data-testid="call-in">
      <summary>{t('social.ping')}</summary>
      <p class="quiet small">{t('social.ping.text')}</p>
      <PeopleList
        what={ownHandle.value}
        read={(cursor) => api.followers(ownHandle.value, cursor)}
        empty={t('social.ping.none')}
        row={({ person }) => (
          <li key={person.id} class="person-row">
            <PersonLink person={person}>
              <small class="quiet">{`@${person.handle ?? ''}`}</small>
            </PersonLink>
            <button
              type="button"
              class="button"
              disabled={called.has(person.id)}
              aria-label={t('social.ping.one', { name: person.name })}
              onClick={() => void call(person)}
              data-testid={`ping-${person.handle ?? ''}`}
            >
              {t('social.invite.send')}
            </button>
          </li>
        )}
      />
    </details>
  );
}

/** For the owner: who may enter besides those who may anyway. */
export function InvitePeople({ room }: { room: RoomInfo }) {
  const [chosen, setChosen] = useState<Person[]>([]);
  const invite = async (): Promise<void> => {
    const people = chosen.map(({ id }) => id);
    if (!(await attempt(() => api.inviteToRoom(room.id, people)))) return;
    notify(t('social.invited'));
    setChosen([]);
  };
  return (
    <div class="stack">
      <PeoplePicker
        label={t('social.invite')}
        hint={t('social.invite.text')}
        chosen={chosen}
        onChange={setChosen}
        max={LIMITS.invitedMax}
        testId="invite-people"
      />
      {chosen.length > 0 && (
        <button
          type="button"
          class="button wide"
          onClick={() => void invite()}
          data-testid="send-invitations"
        >
          {t('social.invite.send')}
        </button>
      )}
    </div>
  );
}
