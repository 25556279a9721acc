// Search: people by name or handle, rooms by title, topic or host. The address holds what is searched.

import { useEffect, useRef, useState } from 'preact/hooks';
import * as api from '../api';
import { t } from '../i18n';
import type { PageProps } from '../pages';
import { Icon } from '../parts/icon';
import { useLoad } from '../parts/load';
import { PageFrame } from '../parts/page';
import { PersonRow } from '../parts/people';
import { PlanCard, RoomCard } from '../parts/rooms';
import { navigate } from '../router';
import { errorText, member } from '../store';

/** After the last letter. */
const PAUSE_MS = 250;

export function Search({ query }: PageProps) {
  const asked = query.get('q') ?? '';
  const [text, setText] = useState(asked);
  const input = useRef<HTMLInputElement>(null);
  const wanted = text.trim();
  useEffect(() => input.current?.focus(), []);
  // A link to another search, from this page.
  useEffect(() => setText(asked), [asked]);
  useEffect(() => {
    if (wanted === asked) return;
    const timer = setTimeout(() => {
      navigate(wanted === '' ? '/search' : `/search?q=${encodeURIComponent(wanted)}`, { replace: true });
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [wanted]);

  return (
    <PageFrame title={t('search.title')}>
      <form role="search" class="search" onSubmit={(event) => event.preventDefault()}>
        <Icon name="search" />
        <input
          ref={input}
          type="search"
          name="q"
          autocomplete="off"
          aria-label={t('search.label')}
          placeholder={t('search.placeholder')}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          data-testid="search-input"
        />
      </form>
      {asked === '' ? <p class="quiet">{t('search.idle')}</p> : <Found key={member.value?.id} text={asked} />}
    </PageFrame>
  );
}

function Found({ text }: { text: string }) {
  const { value, failure } = useLoad(text, async () => {
    const [people, rooms] = await Promise.all([api.searchPeople(text), api.hallway(text)]);
    return { people: people.people, ...rooms };
  });
  if (failure !== undefined) {
    return (
      <p class="banner banner-bad" role="alert">
        {errorText(failure)}
      </p>
    );
  }
  if (!value) return <p class="visually-hidden" role="status" aria-busy="true" />;
  const { people, live, upcoming } = value;
  if (people.length + live.length + upcoming.length === 0) {
    return (
      <div class="card empty" role="status">
        <Icon name="search" />
        <p>{t('search.none', { text })}</p>
        <p class="quiet">{t('search.none.hint')}</p>
      </div>
    );
  }
  return (
    <>
      {people.length > 0 && (
        <section aria-labelledby="found-people">
          <h2 id="found-people">{t('search.people')}</h2>
          <div class="card list-card">
            <ul>
              {people.map((listed) => (
                <PersonRow key={listed.person.id} listed={listed} />
              ))}
            </ul>
          </div>
        </section>
      )}
      {live.length + upcoming.length > 0 && (
        <section aria-labelledby="found-rooms">
          <h2 id="found-rooms">{t('search.rooms')}</h2>
          <ul class="rooms">
            {live.map((room) => (
              <li key={room.live.room.id}>
                <RoomCard {...room} />
              </li>
            ))}
          </ul>
          <ul class="plans">
            {upcoming.map((plan) => (
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
