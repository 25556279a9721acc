// When it is over, or never was: what happened, and what to do next.

import { useEffect, useRef } from 'preact/hooks';
import type { RoomEndReason } from '../../sdk';
import { hasWords, t, type Key } from '../i18n';
import { Header, Mark } from '../parts/header';
import { useTitle } from '../parts/title';
import { follow } from '../router';
import { connection } from '../store';

export type OverReason =
  | RoomEndReason
  | 'removed'
  | 'banned'
  | 'taken_over'
  | 'session'
  | 'signed_out'
  | 'suspended'
  | 'notfound'
  | 'noperson'
  | 'nopage'
  | 'unreachable';

interface OverProps {
  reason: OverReason;
  /** What the main button does, where coming back is possible. */
  again?: () => void;
}

export function Over({ reason, again }: OverProps) {
  const returned = useReturn();
  const shown = reason === 'shutdown' && returned ? 'back' : reason;
  // A newer server's reason: that it is over is all there are words for.
  const known = hasWords(`over.${shown}`);
  const title = known ? t(`over.${shown}` satisfies Key) : t('error.room_ended');
  useTitle(title);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), [shown]);
  const ended = reason === 'removed' || reason === 'banned' || isEnd(reason);
  const hook = ended ? 'room-ended' : `over-${reason === 'nopage' ? 'notfound' : reason}`;
  return (
    <>
      <Header />
      <main class="entry" id="main">
        <section class="card entry-card over" role="alert" data-testid={hook} data-reason={shown}>
          <Mark />
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {known && <p>{t(`over.${shown}.text` satisfies Key)}</p>}
          {again && (
            <button type="button" class="button primary wide" onClick={again} data-testid="join-again">
              {wayBack(reason)}
            </button>
          )}
          <a class={again ? 'button wide' : 'button primary wide'} href="/" onClick={follow}>
            {t('app.back')}
          </a>
        </section>
      </main>
    </>
  );
}

/** What the main button is called. */
function wayBack(reason: OverReason): string {
  if (reason === 'taken_over') return t('over.taken_over.here');
  return reason === 'signed_out' ? t('sign.in') : t('over.again');
}

/** Whether the server was away since, and is there again. */
function useReturn(): boolean {
  const away = useRef(false);
  const there = connection.value.socket === 'open';
  if (!there) away.current = true;
  return there && away.current;
}

function isEnd(reason: OverReason): boolean {
  return ['ended_by_host', 'empty', 'time_up', 'ended_by_operator', 'shutdown'].includes(reason);
}
