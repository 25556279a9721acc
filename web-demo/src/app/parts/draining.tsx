// The server is about to stop: on every page what that means for whoever is there, until it is back.

import { t } from '../i18n';
import { connection, room } from '../store';
import { useTimeLeft } from './time-left';

export function Draining() {
  const { drainsAtMs } = connection.value;
  return (
    <div role="status" class="announcement">
      {drainsAtMs !== undefined && <Words until={drainsAtMs} />}
    </div>
  );
}

function Words({ until }: { until: number }) {
  const wait = useTimeLeft(until);
  const here = room.value;
  const live = here !== undefined && here.ended === undefined && !here.removed;
  return <p data-testid="draining">{live ? t('draining.room', { wait }) : t('draining.page')}</p>;
}
