// People in lists: a row that leads to their profile, with the button to follow them; and the paged list.

import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { codeOf, type Listed, type People, type Person } from '../../sdk';
import * as api from '../api';
import { t, tn } from '../i18n';
import { address, follow as go, navigate } from '../router';
import { attempt, errorText, member, profilePath } from '../store';
import { Avatar } from './avatar';
import { useLoad } from './load';

interface FollowProps {
  person: Person;
  following: boolean;
  onChange: (following: boolean) => void;
}

export function FollowButton({ person, following, onChange }: FollowProps) {
  const { name, id } = person;
  if (member.value?.id === id || person.guest) return null;
  const press = (): void => {
    if (!member.value) navigate(`/signup?to=${encodeURIComponent(address.value.path)}`);
    else {
      // At once; a refusal is told, and taken back.
      onChange(!following);
      void attempt(() => (following ? api.unfollow(id) : api.follow(id))).then(
        (done) => done || onChange(following),
      );
    }
  };
  return (
    <button
      type="button"
      class={following ? 'button' : 'button primary'}
      aria-label={t(following ? 'profile.unfollow.of' : 'profile.follow.of', { name })}
      onClick={press}
      data-testid="follow"
      data-following={following}
    >
      {t(following ? 'profile.following' : 'profile.follow')}
    </button>
  );
}

export function PersonLink({ person, children }: { person: Person; children?: ComponentChildren }) {
  const face = (
    <>
      <Avatar person={person} size="s" />
      <span class="person-words">
        <bdi class="person-name">{person.name}</bdi>
        {children}
      </span>
    </>
  );
  return person.handle === undefined ? (
    <span class="person-link">{face}</span>
  ) : (
    <a class="person-link" href={profilePath(person.handle)} onClick={go}>
      {face}
    </a>
  );
}

export function PersonRow({ listed }: { listed: Listed }) {
  const { person, followers } = listed;
  const [following, setFollowing] = useState(listed.you_follow);
  return (
    <li class="person-row" data-testid="person-row" data-handle={person.handle}>
      <PersonLink person={person}>
        <small class="quiet">
          {person.headline !== undefined && person.headline !== ''
            ? person.headline
            : `@${person.handle ?? ''} · ${tn('count.followers', followers)}`}
        </small>
      </PersonLink>
      <FollowButton person={person} following={following} onChange={setFollowing} />
    </li>
  );
}

interface PeopleListProps {
  /** Whose list, and which: read anew when it changes. */
  what: string;
  read: (cursor?: string) => Promise<People>;
  empty: string;
  /** Another row; `gone` takes it off the list. */
  row?: (listed: Listed, gone: () => void) => ComponentChildren;
}

/** A list that grows page by page. */
export function PeopleList({ what, read, empty, row }: PeopleListProps) {
  const { value, failure, set } = useLoad(what, () => read());
  if (failure !== undefined) {
    return (
      <p class="banner banner-bad" role="alert" data-code={codeOf(failure)}>
        {errorText(failure)}
      </p>
    );
  }
  if (!value) return <div class="card list-card skeleton" aria-busy="true" />;
  if (value.people.length === 0) return <p class="card list-card quiet">{empty}</p>;
  const more = async (): Promise<void> => {
    const next = await read(value.next);
    const known = new Set(value.people.map(({ person }) => person.id));
    const fresh = next.people.filter(({ person }) => !known.has(person.id));
    set({ ...next, people: [...value.people, ...fresh] });
  };
  return (
    <div class="card list-card">
      <ul>
        {value.people.map((listed) => {
          const gone = (): void =>
            set({ ...value, people: value.people.filter((other) => other !== listed) });
          return row ? row(listed, gone) : <PersonRow key={listed.person.id} listed={listed} />;
        })}
      </ul>
      {value.next !== undefined && (
        <button type="button" class="button plain wide" onClick={() => void attempt(more)}>
          {t('list.more')}
        </button>
      )}
    </div>
  );
}
