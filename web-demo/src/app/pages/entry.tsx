// Before the room: what it is, who speaks, and one button. A name is asked for once per device.

import { useEffect, useRef, useState } from 'preact/hooks';
import { LIMITS, codeOf, type LiveRoom } from '../../sdk';
import { formatList, t, tn } from '../i18n';
import { Header } from '../parts/header';
import { Icon } from '../parts/icon';
import { useTitle } from '../parts/title';
import { errorText, palco, rememberedName, rememberName } from '../store';
import { Faces } from './hallway';
import { Over } from './over';

type Look = { is: 'loading' } | { is: 'there'; live: LiveRoom } | { is: 'gone' } | { is: 'unreachable' };

/** The server is asked again while it does not answer. */
const RETRY_MS = 3_000;

export function Entry({ id, link }: { id: string; link: string | undefined }) {
  const [look, setLook] = useState<Look>({ is: 'loading' });
  // This tab was in the room before it was reloaded: straight back in, without a question.
  const [returning, setReturning] = useState(palco.rememberedRoom === id);
  /** Why the last try to enter failed; it stays until the next one. */
  const [refusal, setRefusal] = useState<unknown>(undefined);

  useTitle(look.is === 'there' ? look.live.room.title : undefined);

  const enter = async (name?: string): Promise<void> => {
    setRefusal(undefined);
    try {
      await palco.join(id, name === undefined ? { link } : { name, link });
      if (name !== undefined) rememberName(name);
    } catch (error) {
      setRefusal(error);
    }
  };

  useEffect(() => {
    if (!returning) return;
    void enter().then(() => setReturning(false));
    // Once, when the page was loaded.
  }, []);

  useEffect(() => {
    let mounted = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const read = (): void => {
      palco.lookUp(id).then(
        (live) => mounted && setLook({ is: 'there', live }),
        (error: unknown) => {
          if (!mounted) return;
          const away = error instanceof Error && 'code' in error && error.code === 'unreachable';
          setLook({ is: away ? 'unreachable' : 'gone' });
          if (away) timer = setTimeout(read, RETRY_MS);
        },
      );
    };
    read();
    return () => {
      mounted = false;
      clearTimeout(timer);
    };
  }, [id]);

  if (look.is === 'gone') return <Over reason="notfound" />;
  if (look.is === 'unreachable') return <Over reason="unreachable" />;
  return (
    <>
      <Header />
      <main class="entry" id="main">
        {returning ? (
          <p class="card entry-card" role="status">
            {t('entry.return')}
          </p>
        ) : (
          <Card
            live={look.is === 'there' ? look.live : undefined}
            invited={link !== undefined}
            refusal={refusal}
            onEnter={enter}
          />
        )}
      </main>
    </>
  );
}

interface CardProps {
  live: LiveRoom | undefined;
  /** Came by a secret link: a lock does not keep them out. */
  invited: boolean;
  refusal: unknown;
  onEnter: (name: string) => Promise<void>;
}

function Card({ live, invited, refusal, onEnter }: CardProps) {
  const [name, setName] = useState(rememberedName);
  const [busy, setBusy] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (rememberedName() === '') input.current?.focus();
  }, []);

  const join = async (): Promise<void> => {
    setBusy(true);
    await onEnter(name.trim());
    setBusy(false);
  };
  return (
    <section class="card entry-card" aria-busy={live === undefined}>
      <p class="live-mark">
        <span class="pulse" aria-hidden="true" />
        {t('entry.live')}
        {live && <span class="quiet">{tn('count.people', live.counts.listeners + live.stage.length)}</span>}
      </p>
      <h1 tabIndex={-1}>{live?.room.title ?? '\u00a0'}</h1>
      {live?.room.description !== undefined && live.room.description !== '' && <p>{live.room.description}</p>}
      <div class="entry-stage">
        {live && live.stage.length > 0 && (
          <>
            <Faces people={live.stage} />
            <p class="quiet">
              {t('hallway.with', { names: formatList(live.stage.slice(0, 3).map((person) => person.name)) })}
            </p>
          </>
        )}
      </div>
      {refusal !== undefined ? (
        <p class="banner banner-bad" role="alert" data-testid="join-refused" data-code={codeOf(refusal)}>
          {errorText(refusal)}
        </p>
      ) : (
        live?.room.locked === true &&
        !invited && (
          <p class="banner">
            <Icon name="lock" />
            {t('entry.locked')}
          </p>
        )
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void join();
        }}
      >
        <label class="field">
          <span>{t('form.name')}</span>
          <input
            ref={input}
            required
            name="name"
            autocomplete="name"
            maxLength={LIMITS.nameMaxChars}
            placeholder={t('form.name.placeholder')}
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
            data-testid="name-input"
          />
        </label>
        <button class="button primary wide" disabled={busy} data-testid="join-room">
          {busy
            ? t('entry.joining')
            : name.trim() === ''
              ? t('entry.join.nameless')
              : t('entry.join', { name: name.trim() })}
        </button>
        <p class="quiet small">{t('entry.quiet')}</p>
      </form>
    </section>
  );
}
