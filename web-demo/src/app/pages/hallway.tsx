// The hallway: what is live, what is to come, whom one may want to hear; and a room of one's own.

import { useEffect, useState } from 'preact/hooks';
import { LIMITS, type Hallway as Rooms, type Scheduled } from '../../sdk';
import { hallway, suggestions } from '../api';
import { t } from '../i18n';
import { Header, Mark } from '../parts/header';
import { Icon } from '../parts/icon';
import { useLoad } from '../parts/load';
import { PersonRow } from '../parts/people';
import { PlanCard, RoomCard } from '../parts/rooms';
import { useTitle } from '../parts/title';
import { follow, navigate } from '../router';
import { attempt, errorText, member, palco, rememberedName, rememberName } from '../store';

/** Quiet enough for the server with many people waiting here, quick enough to feel live. */
const REFRESH_MS = 10_000;

export function Hallway() {
  useTitle();
  return (
    <>
      <Header />
      <main class="hallway" id="main">
        {member.value ? <Welcome /> : <StartRoom />}
        <Lists />
      </main>
    </>
  );
}

function StartRoom() {
  const [busy, setBusy] = useState(false);
  const submit = async (form: HTMLFormElement): Promise<void> => {
    const field = (name: string): string => (form.elements.namedItem(name) as HTMLInputElement).value.trim();
    const name = field('name');
    const title = field('title');
    setBusy(true);
    await attempt(async () => {
      // First of all, while the tap counts: sound may start.
      palco.prepareAudio();
      if (palco.person?.name !== name) await palco.signInAsGuest(name);
      rememberName(name);
      const created = await palco.createRoom({ title });
      await palco.join(created.id);
      navigate(created.path);
    });
    setBusy(false);
  };
  return (
    <section class="start card" aria-labelledby="start-title">
      <div class="start-words">
        <Mark />
        <h1 id="start-title" tabIndex={-1}>
          {t('hallway.start')}
        </h1>
        <p>{t('hallway.start.hint')}</p>
      </div>
      <form
        class="start-form"
        onSubmit={(event) => {
          event.preventDefault();
          void submit(event.currentTarget);
        }}
      >
        <label class="field">
          <span>{t('form.name')}</span>
          <input
            name="name"
            required
            autocomplete="name"
            maxLength={LIMITS.nameMaxChars}
            placeholder={t('form.name.placeholder')}
            defaultValue={rememberedName()}
            data-testid="name-input"
          />
        </label>
        <label class="field">
          <span>{t('form.title')}</span>
          <input
            name="title"
            required
            autocomplete="off"
            maxLength={LIMITS.titleMaxChars}
            placeholder={t('form.title.placeholder')}
            data-testid="title-input"
          />
        </label>
        <button class="button primary wide" aria-disabled={busy} data-testid="start-room">
          {busy ? t('form.starting') : t('form.start')}
        </button>
      </form>
    </section>
  );
}

/** A signed-in person's head of the page. */
function Welcome() {
  return (
    <section class="welcome">
      <div>
        <h1 tabIndex={-1}>{t('hallway.hello', { name: member.value?.name ?? '' })}</h1>
        <p class="quiet">{t('hallway.hello.text')}</p>
      </div>
      <div class="actions-row">
        <a class="button primary" href="/new" onClick={follow} data-testid="open-start">
          <Icon name="mic" />
          {t('hallway.start')}
        </a>
        <a class="button" href="/new?later" onClick={follow} data-testid="open-plan">
          <Icon name="calendar" />
          {t('upcoming.plan')}
        </a>
      </div>
    </section>
  );
}

interface Reading {
  rooms?: Rooms | undefined;
  failure?: string | undefined;
}

/** What there is, read again and again while somebody looks. */
function useHallway(): Reading {
  const [reading, setReading] = useState<Reading>({});
  useEffect(() => {
    let mounted = true;
    const read = async (): Promise<void> => {
      if (document.hidden) return;
      try {
        const rooms = await hallway();
        if (mounted) setReading({ rooms });
      } catch (error) {
        if (mounted) setReading((before) => ({ ...before, failure: errorText(error) }));
      }
    };
    void read();
    const timer = setInterval(() => void read(), REFRESH_MS);
    return () => {
      mounted = false;
      clearInterval(timer);
    };
  }, [member.value?.id]);
  return reading;
}

/** Live rooms; beside them, or under them where there is little room, what is to come and whom one may want to hear. */
function Lists() {
  const { rooms, failure } = useHallway();
  return (
    <>
      <Live rooms={rooms} failure={failure} />
      {/* All at once: what stands here is not pushed down by what comes later. */}
      {rooms && (
        <div class="hallway-beside">
          <Upcoming plans={rooms.upcoming} />
          {member.value && <ForYou />}
        </div>
      )}
    </>
  );
}

function Live({ rooms, failure }: Reading) {
  const waits = rooms === undefined && failure === undefined;
  return (
    <section aria-labelledby="live-title" aria-busy={waits}>
      <h2 id="live-title">{t('hallway.title')}</h2>
      {failure !== undefined && <p class="banner banner-bad">{failure}</p>}
      {rooms?.live.length === 0 && (
        <div class="empty card">
          <Icon name="people" />
          <p>{t('hallway.empty')}</p>
          <p class="quiet">{t('hallway.empty.hint')}</p>
        </div>
      )}
      {rooms !== undefined && rooms.live.length > 0 && (
        <ul class="rooms">
          {rooms.live.map((room) => (
            <li key={room.live.room.id}>
              <RoomCard {...room} />
            </li>
          ))}
        </ul>
      )}
      {waits && (
        <ul class="rooms" aria-hidden="true">
          <li class="card skeleton" />
          <li class="card skeleton" />
        </ul>
      )}
    </section>
  );
}

/** Coming rooms shown before one asks for the others. */
const UPCOMING_FIRST = 5;

/** The server says which of them are for the reader; a list with dates is read by date. */
function Upcoming({ plans }: { plans: Scheduled[] }) {
  const [all, setAll] = useState(false);
  const ordered = [...plans].sort((one, other) => one.starts_at_ms - other.starts_at_ms);
  const shown = all ? ordered : ordered.slice(0, UPCOMING_FIRST);
  return (
    <section aria-labelledby="upcoming-title">
      <h2 id="upcoming-title">{t('upcoming.title')}</h2>
      {plans.length === 0 && <p class="card list-card quiet">{t('upcoming.none')}</p>}
      <ul class="plans">
        {shown.map((plan) => (
          <li key={plan.id}>
            <PlanCard plan={plan} />
          </li>
        ))}
      </ul>
      {shown.length < ordered.length && (
        <button type="button" class="button plain wide" onClick={() => setAll(true)}>
          {t('list.more')}
        </button>
      )}
    </section>
  );
}

/** Whom one may want to hear, or the way to them; nothing without an answer: the page does without. */
function ForYou() {
  const { value } = useLoad(member.value?.id ?? '', suggestions);
  if (!value) return null;
  const { people } = value;
  return (
    <section aria-labelledby="foryou-title" data-testid={people.length > 0 ? 'for-you' : 'for-you-none'}>
      <h2 id="foryou-title">{t('foryou.title')}</h2>
      {people.length === 0 ? (
        <div class="card empty">
          <p class="quiet">{t('foryou.none')}</p>
          <a class="button" href="/search" onClick={follow}>
            <Icon name="search" />
            {t('foryou.find')}
          </a>
        </div>
      ) : (
        <div class="card list-card">
          <ul>
            {people.slice(0, 5).map((listed) => (
              <PersonRow key={listed.person.id} listed={listed} />
            ))}
          </ul>
        </div>
      )}
    </section>
  );
}
