// The server is about to stop: on every page what that means for whoever is there, until it is back.

import { useEffect, useState } from 'preact/hooks';
import { t, tn } from '../i18n';
import { connection, room } from '../store';

const MINUTE_MS = 60_000;
/** Often enough for minutes, which a screen reader is told again only when they change. */
const REFRESH_MS = 5_000;

export function Draining() {
  const { drainsAtMs } = connection.value;
  return (
    <div role="status" class="draining">
      {drainsAtMs !== undefined && <Words until={drainsAtMs} />}
    </div>
  );
}

function Words({ until }: { until: number }) {
  const [left, setLeft] = useState(() => until - Date.now());
  useEffect(() => {
    const timer = setInterval(() => setLeft(until - Date.now()), REFRESH_MS);
    return () => clearInterval(timer);
  }, [until]);
  const minutes = Math.floor(left / MINUTE_MS);
  const here = room.value;
  const live = here !== undefined && here.ended === undefined && !here.removed;
  return (
    <p data-testid="draining">
      {live
        ? t('draining.room', { wait: minutes < 1 ? t('hand.minute.less') : tn('hand.minutes', minutes) })
        : t('draining.page')}
    </p>
  );
}
