// The queue of hands, in the server's order; moderators invite, dismiss, and say whose hands are taken.

import { useEffect, useState } from 'preact/hooks';
import type { Hand, HandPolicy, Person, RoomState } from '../../sdk';
import { t } from '../i18n';
import { formatMinutes, MINUTE_MS } from '../i18n/dates';
import { Avatar } from '../parts/avatar';
import { Icon } from '../parts/icon';
import { attempt, palco } from '../store';

interface HandsProps {
  state: RoomState;
  onPerson: (person: Person) => void;
}

const POLICIES = ['everyone', 'followed', 'off'] as const satisfies readonly HandPolicy[];

export function Hands({ state, onPerson }: HandsProps) {
  const [quietFirst, setQuietFirst] = useState(false);
  useTicks();
  const queue = state.hands ?? [];
  const hands = quietFirst ? [...queue].sort((a, b) => Number(a.has_spoken) - Number(b.has_spoken)) : queue;
  return (
    <div class="hands">
      <label class="field">
        <span>{t('hands.policy')}</span>
        <select
          value={state.room.hand_policy}
          onChange={(event) => {
            const policy = event.currentTarget.value as HandPolicy;
            void attempt(() => palco.setHandPolicy(policy));
          }}
          data-testid="hand-policy"
        >
          {POLICIES.map((policy) => (
            <option key={policy} value={policy}>
              {t(`hands.policy.${policy}`)}
            </option>
          ))}
        </select>
      </label>
      {queue.length > 1 && (
        <label class="switch">
          <span>{t('hands.quiet')}</span>
          <input
            type="checkbox"
            role="switch"
            checked={quietFirst}
            onChange={(event) => setQuietFirst(event.currentTarget.checked)}
          />
        </label>
      )}
      {hands.length === 0 ? (
        <div class="empty">
          <Icon name="hand" />
          <p>{t('hands.empty')}</p>
          <p class="quiet">{t('hands.empty.hint')}</p>
        </div>
      ) : (
        <ol class="queue">
          {hands.map((hand) => (
            <Row key={hand.person.id} hand={hand} state={state} onPerson={onPerson} />
          ))}
        </ol>
      )}
    </div>
  );
}

/** Drawn again as time passes: it says how long they wait. */
function useTicks(): void {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((before) => before + 1), MINUTE_MS / 4);
    return () => clearInterval(timer);
  }, []);
}

interface RowProps extends HandsProps {
  hand: Hand;
}

function Row({ hand, state, onPerson }: RowProps) {
  const { person } = hand;
  const minutes = Math.floor((palco.roomNowMs - hand.raised_at_ms) / MINUTE_MS);
  const invited = state.invitations.has(person.id);
  return (
    <li class="hand-row" data-testid="hand-row" data-user={person.id}>
      <button type="button" class="hand-person" onClick={() => onPerson(person)}>
        <Avatar person={person} size="s" />
        <span>
          <bdi>{person.name}</bdi>
          <small class="quiet">
            {hand.has_spoken ? t('hands.spoken') : t('hands.new')}
            {minutes > 0 && ` · ${formatMinutes(minutes)}`}
          </small>
        </span>
      </button>
      {invited ? (
        <span class="badge badge-soft">{t('hands.invited')}</span>
      ) : (
        <button
          type="button"
          class="button primary"
          aria-label={t('hands.invite.to', { name: person.name })}
          onClick={() => void attempt(() => palco.invite(person.id))}
          data-testid={`invite-${person.id}`}
        >
          {t('hands.invite')}
        </button>
      )}
      <button
        type="button"
        class="icon-button"
        aria-label={t('hands.dismiss.of', { name: person.name })}
        onClick={() => void attempt(() => palco.dismissHand(person.id))}
        data-testid={`dismiss-${person.id}`}
      >
        <Icon name="close" />
      </button>
    </li>
  );
}
