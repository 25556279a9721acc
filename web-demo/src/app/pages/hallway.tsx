// The hallway: what is live, and a room of one's own in one form.

import { useEffect, useState } from 'preact/hooks';
import { LIMITS, type LiveRoom } from '../../sdk';
import { formatList, t, tn } from '../i18n';
import { Avatar } from '../parts/avatar';
import { Header, Mark } from '../parts/header';
import { Icon } from '../parts/icon';
import { useTitle } from '../parts/title';
import { follow, navigate } from '../router';
import { attempt, errorText, palco, rememberedName, rememberName } from '../store';

/** Quiet enough for the server with many people waiting here, quick enough to feel live. */
const REFRESH_MS = 10_000;

export function Hallway() {
  useTitle();
  return (
    <>
      <Header />
      <main class="hallway" id="main">
        <StartRoom />
        <LiveNow />
      </main>
    </>
  );
}

function StartRoom() {
  const [busy, setBusy] = useState(false);
  const submit = async (form: HTMLFormElement): Promise<void> => {
    // First of all, while the tap counts: sound may start.
    palco.prepareAudio();
    const field = (name: string): string => (form.elements.namedItem(name) as HTMLInputElement).value.trim();
    const name = field('name');
    const title = field('title');
    setBusy(true);
    await attempt(async () => {
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
        <button class="button primary wide" disabled={busy} data-testid="start-room">
          {busy ? t('form.starting') : t('form.start')}
        </button>
      </form>
    </section>
  );
}

function LiveNow() {
  const [rooms, setRooms] = useState<LiveRoom[] | undefined>(undefined);
  const [failure, setFailure] = useState<string | undefined>(undefined);
  useEffect(() => {
    let mounted = true;
    const read = async (): Promise<void> => {
      if (document.hidden) return;
      try {
        const answer = await palco.rooms();
        if (!mounted) return;
        setRooms(answer);
        setFailure(undefined);
      } catch (error) {
        if (mounted) setFailure(errorText(error));
      }
    };
    void read();
    const timer = setInterval(() => void read(), REFRESH_MS);
    return () => {
      mounted = false;
      clearInterval(timer);
    };
  }, []);
  return (
    <section aria-labelledby="live-title" aria-busy={rooms === undefined && failure === undefined}>
      <h2 id="live-title">{t('hallway.title')}</h2>
      {failure !== undefined && <p class="banner banner-bad">{failure}</p>}
      {rooms?.length === 0 && (
        <div class="empty card">
          <Icon name="people" />
          <p>{t('hallway.empty')}</p>
          <p class="quiet">{t('hallway.empty.hint')}</p>
        </div>
      )}
      {rooms !== undefined && rooms.length > 0 && (
        <ul class="rooms">
          {rooms.map((live) => (
            <li key={live.room.id}>
              <RoomCard live={live} />
            </li>
          ))}
        </ul>
      )}
      {rooms === undefined && failure === undefined && (
        <ul class="rooms" aria-hidden="true">
          <li class="card skeleton" />
          <li class="card skeleton" />
        </ul>
      )}
    </section>
  );
}

function RoomCard({ live }: { live: LiveRoom }) {
  const names = live.stage.slice(0, 3).map((person) => person.name);
  return (
    <a class="card room-card" href={`/r/${live.room.id}`} onClick={follow} data-testid="room-card">
      <span class="pulse" aria-hidden="true" />
      <h3>{live.room.title}</h3>
      {names.length > 0 && <p class="quiet">{t('hallway.with', { names: formatList(names) })}</p>}
      <footer>
        <Faces people={live.stage} />
        <span class="count">
          <Icon name="people" />
          {tn('count.people', live.counts.listeners + live.stage.length)}
        </span>
        {live.room.locked && <Icon name="lock" />}
      </footer>
    </a>
  );
}

/** The first few faces, one over the other. */
export function Faces({ people }: { people: LiveRoom['stage'] }) {
  return (
    <span class="faces" aria-hidden="true">
      {people.slice(0, 4).map((person) => (
        <Avatar key={person.id} person={person} size="s" />
      ))}
    </span>
  );
}
