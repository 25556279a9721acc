// How the connection is, in words, when it is not simply good; and a tap where only a tap helps.

import { useEffect, useRef, useState } from 'preact/hooks';
import { t } from '../i18n';
import { focusHeading } from '../parts/heading';
import { connection, online, palco, quality } from '../store';

export type Health =
  'connecting' | 'connected' | 'reconnecting' | 'media' | 'offline' | 'blocked' | 'slow' | 'weak';

/** A hiccup shorter than this is not worth a word. */
const PATIENCE_MS = 800;
/** Media connects in well under a second; after this long something stands in the way. */
const SLOW_AFTER_MS = 8_000;
/** What broke heals within this, by new credentials or a new connection; else the network is to blame. */
const UNHEALED_AFTER_MS = 25_000;

export function ConnectionBanner() {
  const health = useHealth();
  const blocked = health === 'blocked';
  useEffect(() => {
    if (!blocked) return;
    // Wherever the tap is that the browser waits for.
    const play = (): void => palco.resumeAudio();
    addEventListener('click', play);
    return () => removeEventListener('click', play);
  }, [blocked]);
  const text = {
    connecting: () => t('connection.connecting'),
    connected: () => t('connection.connected'),
    reconnecting: () =>
      connection.value.media === 'connected'
        ? t('connection.reconnecting.hear')
        : t('connection.reconnecting'),
    media: () => t('connection.media'),
    offline: () => t('connection.offline'),
    blocked: () => t('connection.blocked'),
    slow: () => t('connection.slow'),
    weak: () => t('connection.weak'),
  }[health]();
  return (
    <div
      class={`connection connection-${health}`}
      role="status"
      data-testid="connection-state"
      data-state={health}
      data-media={connection.value.media}
    >
      <span>{text}</span>
      {blocked && (
        // It goes with what it did: the focus is led on.
        <button type="button" class="button primary" onClick={focusHeading} data-testid="resume-audio">
          {t('connection.unblock')}
        </button>
      )}
    </div>
  );
}

const BARS = { good: 3, fair: 2, poor: 1, none: 0 } as const;

/** Your own connection, always in sight: three bars, as on a telephone. */
export function Signal() {
  const health = healthNow();
  const grade = health === 'connected' || health === 'blocked' ? quality.value.grade : 'none';
  const label = t(`connection.grade.${grade}`);
  return (
    <span
      class={`signal signal-${grade}`}
      role="img"
      aria-label={label}
      title={label}
      data-testid="signal"
      data-grade={grade}
    >
      {[1, 2, 3].map((bar) => (
        <span key={bar} class={bar <= BARS[grade] ? 'on' : ''} />
      ))}
    </span>
  );
}

function useHealth(): Health {
  const now = healthNow();
  // A screen reader reads out what changes in the banner, not what stands there when it comes.
  const [shown, setShown] = useState<Health>(now === 'blocked' ? 'connecting' : now);
  const worked = useRef(false);
  if (now === 'connected') worked.current = true;
  // Tries that fail and begin anew are one trouble: the first connection, or one that broke.
  const silent = now === 'connecting' || now === 'media';
  const trouble = silent ? (worked.current ? 'media' : 'connecting') : now;
  useEffect(() => {
    // Good news and a needed tap at once; bad news when they last.
    if (trouble === 'connected' || trouble === 'blocked') {
      setShown(trouble);
      return;
    }
    const soon = setTimeout(() => setShown(trouble), PATIENCE_MS);
    const patience = trouble === 'connecting' ? SLOW_AFTER_MS : UNHEALED_AFTER_MS;
    const slow = setTimeout(() => silent && setShown('slow'), patience);
    return () => {
      clearTimeout(soon);
      clearTimeout(slow);
    };
  }, [trouble]);
  return shown === 'connected' && quality.value.grade === 'poor' ? 'weak' : shown;
}

function healthNow(): Health {
  const { socket, media, audioBlocked } = connection.value;
  if (!online.value && socket !== 'open') return 'offline';
  if (socket !== 'open') return 'reconnecting';
  if (audioBlocked) return 'blocked';
  if (media === 'connected') return 'connected';
  return media === 'connecting' || media === 'idle' ? 'connecting' : 'media';
}
