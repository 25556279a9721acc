// The list of notifications. Looking at it is having seen it; what was new stays marked until one leaves.

import { useEffect, useRef } from 'preact/hooks';
import type { Notification } from '../../sdk';
import * as api from '../api';
import { t } from '../i18n';
import { distance, formatDistance } from '../i18n/dates';
import { Avatar } from '../parts/avatar';
import { Icon } from '../parts/icon';
import { useLoad } from '../parts/load';
import { open, wordsOf } from '../parts/news';
import { ForMembers, PageFrame } from '../parts/page';
import { follow } from '../router';
import { arrived, attempt, errorText, markAllRead, newest, placeOf } from '../store';
import '../styles/notifications.css';

export function NotificationsPage() {
  return (
    <ForMembers title={t('news.title')}>
      {() => (
        <PageFrame
          title={t('news.title')}
          aside={
            <a
              class="icon-button"
              href="/settings#notifications"
              onClick={follow}
              aria-label={t('news.preferences')}
            >
              <Icon name="settings" />
            </a>
          }
        >
          <List />
        </PageFrame>
      )}
    </ForMembers>
  );
}

function List() {
  const { value, failure, set, again } = useLoad('notifications', () => api.notifications());
  const asked = useRef('');
  useEffect(() => {
    if (!value) return;
    // What arrives while this page is open goes into the list, not over it.
    if (arrived.value) arrived.value = undefined;
    const last = newest.value ?? '';
    // Once for each that came.
    if (last > (value.notifications[0]?.id ?? '') && asked.current !== last) {
      asked.current = last;
      again();
    }
    void markAllRead().catch(() => undefined);
  }, [value, newest.value]);

  if (failure !== undefined && !value) {
    return (
      <p class="banner banner-bad" role="alert">
        {errorText(failure)}
      </p>
    );
  }
  if (!value) return <div class="card list-card skeleton" aria-busy="true" />;
  if (value.notifications.length === 0) {
    return (
      <div class="card empty">
        <Icon name="bell" />
        <p>{t('news.empty')}</p>
        <p class="quiet">{t('news.empty.hint')}</p>
      </div>
    );
  }
  const more = async (): Promise<void> => {
    const next = await api.notifications(value.next);
    set({ ...next, notifications: [...value.notifications, ...next.notifications] });
  };
  return (
    <div class="card list-card">
      <ul class="news-list">
        {value.notifications.map((notification) => (
          <Row key={notification.id} notification={notification} />
        ))}
      </ul>
      {value.next !== undefined && (
        <button type="button" class="button plain wide" onClick={() => void attempt(more)}>
          {t('news.more')}
        </button>
      )}
    </div>
  );
}

function Row({ notification }: { notification: Notification }) {
  const { kind, by, created_at_ms: at, read } = notification;
  return (
    <li>
      <a
        class="news-row"
        href={placeOf(notification)}
        onClick={(event) => {
          if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
          event.preventDefault();
          open(notification);
        }}
        data-testid="news-row"
        data-kind={kind}
        data-read={read}
      >
        <Avatar person={by} size="s" />
        <span class="news-words">
          <span>{wordsOf(notification)}</span>
          <time class="quiet small" dateTime={new Date(at).toISOString()}>
            {formatDistance(distance(at, Date.now()))}
          </time>
        </span>
        {!read && <span class="news-dot" role="img" aria-label={t('news.unread')} />}
      </a>
    </li>
  );
}
