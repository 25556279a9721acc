// Before the room: what it is, who speaks, and one button. A name is asked for once per device.

import { useEffect, useRef, useState } from 'preact/hooks';
import { LIMITS, codeOf, type LiveRoom, type Scheduled } from '../../sdk';
import { scheduled } from '../api';
import { t, tn } from '../i18n';
import { Header } from '../parts/header';
import { Icon } from '../parts/icon';
import { Faces, namesOf } from '../parts/rooms';
import { useTitle } from '../parts/title';
import { address, follow } from '../router';
import { later } from '../later';
import { errorText, member, palco, rememberedName, rememberName, wanted } from '../store';
import { Over } from './over';

type Look =
  | { is: 'loading' }
  | { is: 'there'; live: LiveRoom }
  /** Not live (any more): what was planned at this address. */
  | { is: 'planned'; plan: Scheduled }
  | { is: 'gone' }
  | { is: 'unreachable' };

/** The server is asked again while it does not answer. */
const RETRY_MS = 3_000;
/** A planned room is looked for again: it may have begun, or let one in by now. */
const PLANNED_MS = 10_000;

const Plan = later(() => import('./plan').then((it) => it.Plan));

const isOver = ({ state }: Scheduled): boolean => state === 'ended' || state === 'cancelled';

/** `invited`: who came by a secret link needs no registration. */
async function lookAt(id: string, invited: boolean): Promise<Look> {
  try {
    const live = await palco.lookUp(id);
    // A seminar's door is shut to whoever did not register: its page is where they still may.
    if (live.room.kind === 'closed' && !invited) {
      const plan = await scheduled(id).catch(() => undefined);
      if (plan?.registration_required && !plan.you_go && !plan.you_host) return { is: 'planned', plan };
    }
    return { is: 'there', live };
  } catch (error) {
    if (codeOf(error) === 'unreachable') return { is: 'unreachable' };
  }
  try {
    return { is: 'planned', plan: await scheduled(id) };
  } catch (error) {
    return { is: codeOf(error) === 'unreachable' ? 'unreachable' : 'gone' };
  }
}

export function Entry({ id, link }: { id: string; link: string | undefined }) {
  const [look, setLook] = useState<Look>({ is: 'loading' });
  // This tab was in the room before it was reloaded: straight back in, without a question.
  const [returning, setReturning] = useState(() => palco.rememberedRoom === id);
  const [called, setCalled] = useState(wanted.value === id);
  const [round, setRound] = useState(0);
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

  // A tap for this room, on another page or on this one.
  useEffect(() => {
    if (wanted.value !== id) return;
    wanted.value = undefined;
    setCalled(true);
    void enter().then(() => {
      setCalled(false);
      // Refused: the door is looked at again, and says why.
      setRound((before) => before + 1);
    });
  }, [wanted.value]);

  useEffect(() => {
    let mounted = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const read = (): void => {
      void lookAt(id, link !== undefined).then((seen) => {
        if (!mounted) return;
        setLook(seen);
        if (seen.is === 'unreachable') timer = setTimeout(read, RETRY_MS);
        else if (seen.is === 'planned' && !isOver(seen.plan)) timer = setTimeout(read, PLANNED_MS);
      });
    };
    read();
    return () => {
      mounted = false;
      clearTimeout(timer);
    };
  }, [id, member.value?.id, round]);

  const planChanged = (plan: Scheduled): void => {
    setLook({ is: 'planned', plan });
    // A yes to a room that is live opens its door.
    if (plan.state === 'live') setRound((before) => before + 1);
  };
  if (look.is === 'planned' && !called) return <Plan plan={look.plan} set={planChanged} />;
  if (look.is === 'gone' && !called) return <Over reason="notfound" />;
  if (look.is === 'unreachable') return <Over reason="unreachable" />;
  return (
    <>
      <Header />
      <main class="entry" id="main">
        {returning || called ? (
          <p class="card entry-card" role="status">
            {t(called ? 'entry.joining' : 'entry.return')}
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
  /** Guests say their name. */
  onEnter: (name?: string) => Promise<void>;
}

function Card({ live, invited, refusal, onEnter }: CardProps) {
  const you = member.value;
  const [given, setName] = useState(rememberedName);
  const name = you?.name ?? given;
  const [busy, setBusy] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (rememberedName() === '') input.current?.focus();
  }, []);

  const join = async (): Promise<void> => {
    setBusy(true);
    await (you ? onEnter() : onEnter(name.trim()));
    setBusy(false);
  };
  return (
    <section class="card entry-card" aria-busy={live === undefined}>
      <p class="live-mark">
        <span class="pulse" aria-hidden="true" />
        {t('entry.live')}
        {live && <span class="quiet">{tn('count.people', live.counts.listeners + live.on_stage)}</span>}
      </p>
      <h1 tabIndex={-1}>
        <bdi>{live?.room.title ?? '\u00a0'}</bdi>
      </h1>
      {live?.room.description !== undefined && live.room.description !== '' && (
        <p dir="auto">{live.room.description}</p>
      )}
      <div class="entry-stage">
        {live && live.stage.length > 0 && (
          <>
            <Faces people={live.stage} />
            <p class="quiet">{t('hallway.with', { names: namesOf(live.stage) })}</p>
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
        {!you && (
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
        )}
        <button class="button primary wide" aria-disabled={busy} data-testid="join-room">
          {busy
            ? t('entry.joining')
            : name.trim() === ''
              ? t('entry.join.nameless')
              : t('entry.join', { name: name.trim() })}
        </button>
        <p class="quiet small">
          {t('entry.quiet')}{' '}
          {!you && (
            <a href={`/signin?to=${encodeURIComponent(address.value.path)}`} onClick={follow}>
              {t('entry.have.account')}
            </a>
          )}
        </p>
      </form>
    </section>
  );
}
