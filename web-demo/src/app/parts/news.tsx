// A notification in words, and the one that just arrived: a card over every page, one tap from the room.

import { useEffect, useRef } from 'preact/hooks';
import type { Notification } from '../../sdk';
import { t } from '../i18n';
import { navigate } from '../router';
import { arrived, enterRoom, isCall, placeOf } from '../store';
import { Avatar } from './avatar';
import { Icon } from './icon';

/** Long enough to read it, look for the mouse, and tap. It stays in the list. */
const SHOWN_MS = 15_000;

export function wordsOf({ kind, by, room }: Notification): string {
  const { name } = by;
  // Only followers come without a room; a newer server's kinds are told as what they have.
  if (!room || kind === 'followed') return t('news.followed', { name });
  switch (kind) {
    case 'late':
    case 'reminder':
      return t(`news.${kind}`, { room: room.title });
    case 'live':
    case 'scheduled':
    case 'cancelled':
    case 'invited':
    case 'pinged':
      return t(`news.${kind}`, { name, room: room.title });
    default:
      return room.title;
  }
}

/** To where it leads, or right in. */
export function open(notification: Notification): void {
  const { room } = notification;
  if (room && isCall(notification)) enterRoom(room.id);
  else navigate(placeOf(notification));
}

export function News() {
  const notification = arrived.value;
  const box = useRef<HTMLDivElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const dismiss = (): void => {
    arrived.value = undefined;
  };
  const stay = (): void => clearTimeout(timer.current);
  const goLater = (): void => {
    stay();
    timer.current = setTimeout(dismiss, SHOWN_MS);
  };
  useEffect(() => {
    if (!notification) return;
    goLater();
    // Over an open dialog, as notices are.
    const element = box.current;
    if (element && 'showPopover' in element) element.showPopover();
    return stay;
  }, [notification?.id]);
  return (
    <>
      {/* Read out from where it was before it had anything to say. */}
      <p class="visually-hidden" role="status">
        {notification && wordsOf(notification)}
      </p>
      <div class="news" hidden={!notification} ref={box} popover="manual">
        {notification && (
          <article
            key={notification.id}
            class="card news-card"
            onPointerEnter={stay}
            onPointerLeave={goLater}
            onFocusIn={stay}
            onFocusOut={goLater}
            data-testid="news"
            data-kind={notification.kind}
          >
            <Avatar person={notification.by} size="s" />
            <p>{wordsOf(notification)}</p>
            <button
              type="button"
              class="button primary"
              onClick={() => {
                dismiss();
                open(notification);
              }}
              data-testid="news-open"
            >
              {isCall(notification) ? t('news.join') : t('news.open')}
            </button>
            <button type="button" class="icon-button" aria-label={t('news.dismiss')} onClick={dismiss}>
              <Icon name="close" />
            </button>
          </article>
        )}
      </div>
    </>
  );
}
