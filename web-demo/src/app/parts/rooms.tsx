// Rooms in lists: those that are live, and those to come.

import type { LiveRoom, Person, Scheduled, UserId } from '../../sdk';
import { formatList, t, tn } from '../i18n';
import { formatLeaf, formatMoment } from '../i18n/dates';
import { follow } from '../router';
import { member } from '../store';
import { Avatar } from './avatar';
import { Icon } from './icon';

interface RoomCardProps {
  live: LiveRoom;
  /** Whom of the stage the viewer follows: named first. */
  followed?: UserId[];
}

export function RoomCard({ live, followed = [] }: RoomCardProps) {
  const { room, stage, counts, on_stage } = live;
  const known = stage.filter(({ id }) => followed.includes(id));
  const people = [...known, ...stage.filter(({ id }) => !followed.includes(id))];
  return (
    <a class="card room-card" href={`/r/${room.id}`} onClick={follow} data-testid="room-card">
      <span class="pulse" aria-hidden="true" />
      <h3>
        <bdi>{room.title}</bdi>
      </h3>
      {people.length > 0 && (
        <p class={known.length > 0 ? 'room-known' : 'quiet'}>
          {known.length > 0
            ? t('hallway.followed', { names: namesOf(known) })
            : t('hallway.with', { names: namesOf(people) })}
        </p>
      )}
      <footer>
        <Faces people={people} />
        {room.kind !== 'open' && <span class="tag">{t(`kind.${room.kind}`)}</span>}
        {room.locked && <Icon name="lock" />}
        <span class="count">
          <Icon name="people" />
          {tn('count.people', counts.listeners + on_stage)}
        </span>
      </footer>
    </a>
  );
}

/** `Ada, Grace and others`: no more than a line or two. */
export function namesOf(people: Person[]): string {
  const names = people.map(({ name }) => name);
  return formatList(names.length > 3 ? [...names.slice(0, 2), t('hallway.others')] : names);
}

/** The first few faces, one over the other. */
export function Faces({ people }: { people: Person[] }) {
  return (
    <span class="faces" aria-hidden="true">
      {people.slice(0, 4).map((person) => (
        <Avatar key={person.id} person={person} size="s" />
      ))}
    </span>
  );
}

/** A leaf of the calendar. */
export function Leaf({ ms }: { ms: number }) {
  const { month, day } = formatLeaf(ms);
  return (
    <span class="leaf" aria-hidden="true">
      <span>{month}</span>
      <strong>{day}</strong>
    </span>
  );
}

export function PlanCard({ plan }: { plan: Scheduled }) {
  const hosts = [plan.host, ...plan.co_hosts];
  const mine = member.value !== undefined && plan.you_host;
  return (
    <a class="card plan-card" href={plan.path} onClick={follow} data-testid="plan-card">
      <Leaf ms={plan.starts_at_ms} />
      <span class="plan-words">
        <time class="plan-time" dateTime={new Date(plan.starts_at_ms).toISOString()}>
          {formatMoment(plan.starts_at_ms)}
        </time>
        <h3>
          <bdi>{plan.title}</bdi>
        </h3>
        <span class="quiet">{t('hallway.with', { names: namesOf(hosts) })}</span>
      </span>
      <span class="plan-marks">
        {plan.state === 'live' && <span class="tag tag-live">{t('plan.live')}</span>}
        {mine ? (
          <span class="tag">{t('upcoming.mine')}</span>
        ) : (
          plan.you_go && (
            <span class="tag">
              <Icon name="check" />
              {t('upcoming.you.go')}
            </span>
          )
        )}
        {plan.kind !== 'open' && <span class="tag">{t(`kind.${plan.kind}`)}</span>}
      </span>
    </a>
  );
}
