// Somebody's profile: who they are, what they do here, and what you may do with them.

import { useState } from 'preact/hooks';
import { codeOf, type Person, type Profile, type Wanted } from '../../sdk';
import * as api from '../api';
import { formatList, formatNumber, t, tn } from '../i18n';
import { languageName } from '../i18n/dates';
import type { PageProps } from '../pages';
import { Avatar } from '../parts/avatar';
import { Dialog } from '../parts/dialog';
import { Header } from '../parts/header';
import { Icon } from '../parts/icon';
import { useLoad } from '../parts/load';
import { Menu } from '../parts/menu';
import { FollowButton } from '../parts/people';
import { PlanCard, RoomCard } from '../parts/rooms';
import { ShareLink } from '../parts/share-link';
import { Topics } from '../parts/tags';
import { useTitle } from '../parts/title';
import { follow } from '../router';
import { attempt, member, notify, ownHandle, profilePath } from '../store';
import { Over } from './over';
import '../styles/profile.css';

export function ProfilePage({ params }: PageProps) {
  const handle = params['handle'] ?? '';
  const loaded = useLoad(`${handle} ${member.value?.id ?? ''}`, () => api.profile(handle));
  const { value, failure } = loaded;
  if (failure !== undefined && !value) {
    const gone = codeOf(failure) === 'not_found';
    return gone ? <Over reason="noperson" /> : <Over reason="unreachable" again={loaded.again} />;
  }
  return (
    <>
      <Header />
      <main class="page" id="main" aria-busy={!value}>
        {value ? (
          <Shown profile={value} set={loaded.set} again={loaded.again} />
        ) : (
          <div class="card profile-card skeleton" />
        )}
      </main>
    </>
  );
}

interface ShownProps {
  profile: Profile;
  set: (profile: Profile) => void;
  again: () => void;
}

function Shown({ profile, set, again }: ShownProps) {
  const { person, about, between } = profile;
  const handle = person.handle ?? '';
  useTitle(person.name);
  const own = ownHandle.value === handle;
  const path = profilePath(handle);
  return (
    <>
      <section class="card profile-card" data-testid="profile">
        <Avatar person={person} size="xl" />
        <div class="profile-words">
          <h1 tabIndex={-1}>
            <bdi>{person.name}</bdi>
          </h1>
          <p class="quiet profile-handle">
            <span>{`@${handle}`}</span>
            {about.creator && (
              <span class="tag">
                <Icon name="star" />
                {t('profile.creator')}
              </span>
            )}
            {between?.follows_you === true && <span class="tag">{t('profile.follows.you')}</span>}
          </p>
          {about.headline !== '' && <p class="profile-headline">{about.headline}</p>}
          <p class="profile-counts">
            <a href={`${path}/followers`} onClick={follow} data-testid="follower-count">
              {tn('count.followers', profile.followers)}
            </a>
            <a href={`${path}/following`} onClick={follow}>
              {t('profile.follows.count', { count: formatNumber(profile.following) })}
            </a>
          </p>
        </div>
        <div class="profile-actions">
          {own ? (
            <a class="button" href="/me/edit" onClick={follow} data-testid="edit-profile">
              <Icon name="edit" />
              {t('profile.edit')}
            </a>
          ) : (
            <Relation profile={profile} set={set} again={again} />
          )}
          {own && <More person={person} />}
        </div>
        {between?.you_block === true && <p class="banner profile-wide">{t('profile.blocked.note')}</p>}
        {about.bio !== '' && <p class="profile-bio profile-wide">{about.bio}</p>}
        <Details profile={profile} />
      </section>
      <Rooms profile={profile} />
    </>
  );
}

function Details({ profile: { about } }: { profile: Profile }) {
  return (
    <>
      {about.links.length > 0 && (
        <ul class="profile-links profile-wide">
          {about.links.map((url) => (
            <li key={url}>
              <a href={url} target="_blank" rel="noopener noreferrer nofollow me">
                <Icon name="pin" />
                <span>{url.replace(/^https?:\/\/(www\.)?/i, '').replace(/\/$/, '')}</span>
              </a>
            </li>
          ))}
        </ul>
      )}
      <Topics topics={about.topics} className="profile-wide" />
      {about.languages.length > 0 && (
        <p class="quiet small profile-wide">
          {t('profile.languages', { languages: formatList(about.languages.map(languageName)) })}
        </p>
      )}
    </>
  );
}

/** Following, what one hears of them, blocking. */
function Relation({ profile, set, again }: ShownProps) {
  const { person, between } = profile;
  const following = between?.you_follow ?? false;
  if (between?.you_block === true) {
    return (
      <>
        <button
          type="button"
          class="button"
          onClick={() => {
            void attempt(() => api.unblock(person.id)).then((done) => {
              if (!done) return;
              notify(t('profile.unblocked', { name: person.name }));
              again();
            });
          }}
          data-testid="unblock"
        >
          {t('profile.unblock')}
        </button>
        <More person={person} />
      </>
    );
  }
  const changed = (now: boolean): void => {
    const known = between ?? { you_follow: false, follows_you: false, you_block: false };
    set({
      ...profile,
      followers: profile.followers + (now === following ? 0 : now ? 1 : -1),
      between: { ...known, you_follow: now },
    });
  };
  return (
    <>
      <FollowButton person={person} following={following} onChange={changed} />
      {following && <WantedChoice person={person} wanted={between?.notices ?? 'all'} />}
      <More person={person} onBlocked={again} />
    </>
  );
}

const WANTED = ['all', 'live', 'none'] as const satisfies readonly Wanted[];

function WantedChoice({ person, wanted }: { person: Person; wanted: Wanted }) {
  const [chosen, setChosen] = useState(wanted);
  const choose = (choice: Wanted): void => {
    setChosen(choice);
    void attempt(() => api.setWanted(person.id, choice)).then((done) => {
      if (done) notify(t('profile.notices.saved'));
      else setChosen(chosen);
    });
  };
  return (
    <label class="wanted">
      <Icon name="bell" />
      <span class="visually-hidden">{t('profile.notices')}</span>
      <select
        value={chosen}
        onChange={(event) => choose(event.currentTarget.value as Wanted)}
        data-testid="wanted"
      >
        {WANTED.map((choice) => (
          <option key={choice} value={choice}>
            {t(`profile.notices.${choice}`)}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Sharing for everybody; `onBlocked` where blocking is possible. */
function More({ person, onBlocked }: { person: Person; onBlocked?: () => void }) {
  const [sheet, setSheet] = useState<'share' | 'block' | undefined>(undefined);
  const close = (): void => setSheet(undefined);
  const { name } = person;
  return (
    <>
      <Menu label={t('profile.more', { name })} face={<Icon name="more" />} testId="profile-more">
        {(closeMenu) => (
          <>
            <button
              type="button"
              onClick={() => {
                closeMenu();
                setSheet('share');
              }}
            >
              <Icon name="share" />
              {t('profile.share')}
            </button>
            {onBlocked && member.value && (
              <button
                type="button"
                onClick={() => {
                  closeMenu();
                  setSheet('block');
                }}
                data-testid="block"
              >
                <Icon name="shield" />
                {t('profile.block')}
              </button>
            )}
          </>
        )}
      </Menu>
      {sheet === 'share' && (
        <Dialog title={t('profile.share')} onClose={close}>
          <ShareLink url={`${location.origin}${profilePath(person.handle ?? '')}`} title={name} />
        </Dialog>
      )}
      {sheet === 'block' && onBlocked && (
        <Dialog title={t('profile.block.title', { name })} onClose={close} testId="block-dialog">
          <p>{t('profile.block.text')}</p>
          <div class="actions">
            <button
              type="button"
              class="button danger wide"
              onClick={() => {
                void attempt(() => api.block(person.id)).then((done) => {
                  close();
                  if (!done) return;
                  notify(t('profile.blocked', { name }));
                  onBlocked();
                });
              }}
              data-testid="confirm-block"
            >
              {t('profile.block')}
            </button>
            <button type="button" class="button wide" onClick={close}>
              {t('app.cancel')}
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}

function Rooms({ profile: { person, live } }: { profile: Profile }) {
  const { value } = useLoad(person.id, () => api.scheduledBy(person.id));
  const plans = value?.scheduled.filter(({ state }) => state === 'planned') ?? [];
  return (
    <>
      {live && (
        <section aria-labelledby="profile-live">
          <h2 id="profile-live">{t('profile.live')}</h2>
          <ul class="rooms">
            <li>
              <RoomCard live={live} />
            </li>
          </ul>
        </section>
      )}
      {plans.length > 0 && (
        <section aria-labelledby="profile-upcoming">
          <h2 id="profile-upcoming">{t('profile.upcoming')}</h2>
          <ul class="plans">
            {plans.map((plan) => (
              <li key={plan.id}>
                <PlanCard plan={plan} />
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}
