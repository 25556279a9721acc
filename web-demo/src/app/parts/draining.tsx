// The server is about to stop: on every page what that means for whoever is there, until it is back.

import { t, tn } from '../i18n';
import { connection, room } from '../store';
import { useMinutesLeft } from './minutes-left';

export function Draining() {
  const { drainsAtMs } = connection.value;
  return (
    <div role="status" class="announcement">
      {drainsAtMs !== undefined && <Words until={drainsAtMs} />}
    </div>
  );
}

function Words({ until }: { until: number }) {
  const minutes = useMinutesLeft(until);
  const wait = minutes < 1 ? t('hand.minute.less') : tn('hand.minutes', minutes);
  const here = room.value;
  const live = here !== undefined && here.ended === undefined && !here.removed;
  return <p data-testid="draining">{live ? t('draining.room', { wait }) : t('draining.page')}</p>;
}
