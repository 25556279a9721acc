// The stage: a tile each, with a ring that follows the voice and a mark for those who are muted.

import { useComputed } from '@preact/signals';
import type { Person, Role, RoomState, StageMember } from '../../sdk';
import { t } from '../i18n';
import { Avatar } from '../parts/avatar';
import { Icon } from '../parts/icon';
import { speaking } from '../store';

interface StageProps {
  state: RoomState;
  onPerson: (person: Person) => void;
}

const RANK: Record<Role, number> = { host: 0, moderator: 1, speaker: 2, listener: 3 };

export function Stage({ state, onPerson }: StageProps) {
  // The host first; among equals the order of arrival (sort is stable).
  const members = [...state.stage].sort((a, b) => RANK[a.role] - RANK[b.role]);
  return (
    <section aria-labelledby="stage-title">
      <h2 id="stage-title" class="section-title">
        {t('stage.title')}
      </h2>
      {members.length === 0 ? (
        <p class="quiet">{t('stage.empty')}</p>
      ) : (
        <ul class="stage">
          {members.map((member) => (
            <li key={member.person.id}>
              <Tile member={member} you={member.person.id === state.you.person.id} onPerson={onPerson} />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

interface TileProps {
  member: StageMember;
  you: boolean;
  onPerson: (person: Person) => void;
}

function Tile({ member, you, onPerson }: TileProps) {
  const { person, number } = member;
  const level = useComputed(() => speaking.value.get(number) ?? 0);
  const speaks = level.value > 0 && !member.muted;
  const role = t(`role.${member.role}`);
  const mark = member.muted_by_moderator ? t('stage.muted.moderator') : t('stage.muted');
  return (
    <button
      type="button"
      class="tile stage-tile"
      onClick={() => onPerson(person)}
      aria-haspopup="dialog"
      data-testid="stage-member"
      data-user={person.id}
      data-number={number}
      data-muted={member.muted}
      data-speaking={speaks}
      data-present={member.present}
    >
      <span class="portrait" style={{ '--level': speaks ? level.value : 0 }}>
        <Avatar person={person} size="l" />
        {member.muted && (
          <span class={member.muted_by_moderator ? 'mute-mark mute-mark-hard' : 'mute-mark'} title={mark}>
            <Icon name="micOff" />
          </span>
        )}
      </span>
      <span class="tile-name">
        <bdi>{you ? t('you', { name: person.name }) : person.name}</bdi>
      </span>
      <span class="tile-role quiet">
        {member.role === 'host' && <Icon name="star" />}
        {member.role === 'moderator' && <Icon name="shield" />}
        {member.present ? role : t('stage.away')}
      </span>
      <span class="visually-hidden">{member.muted ? mark : speaks ? t('stage.speaking') : ''}</span>
    </button>
  );
}
