// What the element shows: a door, the stage, what a listener and a speaker do; and when it is over, why.

import { useEffect, useState } from 'preact/hooks';
import { hasWords, t, tn } from '../app/i18n';
import { Avatar } from '../app/parts/avatar';
import { Icon } from '../app/parts/icon';
import { useMinutesLeft } from '../app/parts/minutes-left';
import {
  LIMITS,
  codeOf,
  type Connection,
  type PalcoError,
  type Palco,
  type RoomState,
  type StageMember,
} from '../sdk';

interface ViewProps {
  client: Palco;
  room: string;
  name: string | undefined;
  link: string | undefined;
  /** A token says who this is: no name is asked for. */
  known: boolean;
}

export function View({ client, room, name, link, known }: ViewProps) {
  const [state, setState] = useState<RoomState | undefined>(client.room);
  const [closedBy, setClosedBy] = useState<PalcoError['code'] | undefined>(undefined);
  const [trouble, setTrouble] = useState<string | undefined>(undefined);
  useEffect(() => {
    const stops = [
      client.on('room', setState),
      client.on('closed', setClosedBy),
      client.on('microphoneLost', (why) =>
        setTrouble(t(why === undefined ? 'notice.mic.replaced' : 'notice.mic.lost')),
      ),
    ];
    return () => stops.forEach((stop) => stop());
  }, [client]);

  const attempt = async (action: () => Promise<unknown>): Promise<void> => {
    setTrouble(undefined);
    try {
      await action();
    } catch (error) {
      setTrouble(errorText(codeOf(error)));
    }
  };
  const join = (as: string | undefined): Promise<void> => {
    setClosedBy(undefined);
    return attempt(() => client.join(room, { link, ...(as === undefined ? {} : { name: as }) }));
  };
  const inside = state && !state.ended && !state.removed && closedBy === undefined;
  return (
    <section class="frame" part="frame" aria-label={state?.room.title ?? t('app.name')}>
      {inside ? (
        <Inside client={client} state={state} attempt={attempt} />
      ) : (
        <>
          {state && <Over state={state} closedBy={closedBy} />}
          {!state?.ended && !state?.removed?.banned && <Door name={name} known={known} onJoin={join} />}
        </>
      )}
      <p class="trouble" role="alert">
        {trouble}
      </p>
    </section>
  );
}

function Door({
  name,
  known,
  onJoin,
}: {
  name: string | undefined;
  known: boolean;
  onJoin: (as?: string) => Promise<void>;
}) {
  const [typed, setTyped] = useState('');
  const [busy, setBusy] = useState(false);
  const asks = !known && name === undefined;
  return (
    <form
      class="door"
      onSubmit={(event) => {
        event.preventDefault();
        setBusy(true);
        void onJoin(known ? undefined : (name ?? typed.trim())).finally(() => setBusy(false));
      }}
    >
      {asks && (
        <label>
          <span>{t('form.name')}</span>
          <input
            required
            part="input"
            autocomplete="name"
            maxLength={LIMITS.nameMaxChars}
            value={typed}
            onInput={(event) => setTyped(event.currentTarget.value)}
          />
        </label>
      )}
      <button class="primary" part="button join" disabled={busy}>
        {busy ? t('entry.joining') : t('entry.join.nameless')}
      </button>
    </form>
  );
}

function Over({ state, closedBy }: { state: RoomState; closedBy: PalcoError['code'] | undefined }) {
  const text = state.ended
    ? endText(state.ended)
    : state.removed
      ? t(state.removed.banned ? 'over.banned' : 'over.removed')
      : errorText(closedBy ?? 'closed');
  return <p role="status">{text}</p>;
}

interface InsideProps {
  client: Palco;
  state: RoomState;
  attempt: (action: () => Promise<unknown>) => Promise<void>;
}

function Inside({ client, state, attempt }: InsideProps) {
  const { room, counts, stage, you } = state;
  const member = stage.find((one) => one.person.id === you.person.id);
  return (
    <>
      <header>
        <h2 part="title">{room.title}</h2>
        <p class="quiet">{tn('count.listeners', counts.listeners)}</p>
      </header>
      <Trouble client={client} />
      <Draining client={client} />
      <ul class="stage" aria-label={t('stage.title')}>
        {stage.map((one) => (
          <Tile key={one.person.id} client={client} member={one} />
        ))}
      </ul>
      {you.invitation && !member && (
        <div class="invitation" role="alertdialog" aria-label={t('invitation.title')}>
          <p>{t('invitation.text.nobody')}</p>
          <button
            type="button"
            class="primary"
            part="button"
            // First the microphone: who refuses it stays in the audience.
            onClick={() => void attempt(() => client.microphone.open().then(client.acceptInvite))}
          >
            {t('invitation.accept')}
          </button>
          <button type="button" part="button" onClick={() => void attempt(client.declineInvite)}>
            {t('invitation.decline')}
          </button>
        </div>
      )}
      <div class="controls" role="group" aria-label={t('bar.label')}>
        <button type="button" part="button leave" onClick={() => void client.leave()}>
          <Icon name="leave" />
          {t('bar.leave')}
        </button>
        {member ? (
          <button
            type="button"
            class="primary"
            part="button microphone"
            aria-pressed={!member.muted}
            disabled={member.muted_by_moderator}
            onClick={() => void attempt(() => (member.muted ? client.unmute() : client.mute()))}
          >
            <Icon name={member.muted ? 'micOff' : 'mic'} />
            {member.muted ? t('bar.unmute') : t('bar.mute')}
          </button>
        ) : (
          <button
            type="button"
            class="primary"
            part="button hand"
            aria-pressed={you.hand !== undefined}
            disabled={room.hand_policy === 'off' && !you.hand}
            onClick={() => void attempt(you.hand ? client.lowerHand : client.raiseHand)}
          >
            <Icon name="hand" />
            {you.hand ? t('bar.hand.lower') : t('bar.hand.raise')}
          </button>
        )}
      </div>
    </>
  );
}

/** When the sound or the server is away, and where only a tap helps. */
function Trouble({ client }: { client: Palco }) {
  const [now, setNow] = useState<Connection>(client.connection);
  useEffect(() => client.on('connection', setNow), [client]);
  const away = now.socket !== 'open' ? t('connection.reconnecting') : t('connection.media');
  const fine = now.socket === 'open' && (now.media === 'connected' || now.media === 'connecting');
  return (
    <>
      <p class="quiet" role="status">
        {now.audioBlocked ? t('connection.blocked') : fine ? '' : away}
      </p>
      {now.audioBlocked && (
        <button type="button" class="primary" part="button" onClick={() => client.resumeAudio()}>
          {t('connection.unblock')}
        </button>
      )}
    </>
  );
}

/** The server is about to stop: how long the room can go on. */
function Draining({ client }: { client: Palco }) {
  const [until, setUntil] = useState(client.connection.drainsAtMs);
  useEffect(() => client.on('connection', (now) => setUntil(now.drainsAtMs)), [client]);
  return (
    <p class="announcement" role="status">
      {until !== undefined && <DrainingWords until={until} />}
    </p>
  );
}

function DrainingWords({ until }: { until: number }) {
  const minutes = useMinutesLeft(until);
  const wait = minutes < 1 ? t('hand.minute.less') : tn('hand.minutes', minutes);
  return <>{t('draining.room', { wait })}</>;
}

function Tile({ client, member }: { client: Palco; member: StageMember }) {
  const { person, number, muted } = member;
  const [levels, setLevels] = useState(client.speaking);
  useEffect(() => {
    // A steady voice makes no event: what it was before we listened counts too.
    setLevels(client.speaking);
    return client.on('speaking', setLevels);
  }, [client]);
  const level = levels.get(number) ?? 0;
  const speaks = level > 0 && !muted;
  return (
    <li class="tile" part="tile" data-speaking={speaks} data-user={person.id}>
      <span class="portrait" style={{ '--level': speaks ? level : 0 }}>
        <Avatar person={person} />
        {muted && <Icon name="micOff" />}
      </span>
      <bdi>{person.name}</bdi>
      <span class="hidden">{muted ? t('stage.muted') : speaks ? t('stage.speaking') : ''}</span>
    </li>
  );
}

/** A newer server's reason: that it is over is all there are words for. */
function endText(reason: string): string {
  const key = `over.${reason}`;
  return t(hasWords(key) ? (key as 'over.empty') : 'error.room_ended');
}

function errorText(code: string): string {
  const key = `error.${code}`;
  return t(hasWords(key) ? (key as 'error.internal') : 'error.internal');
}
