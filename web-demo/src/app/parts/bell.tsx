// The bell: how many notifications wait, and the way to their list.

import { formatNumber, t, tn } from '../i18n';
import { follow } from '../router';
import { unread, UNREAD_MAX } from '../store';
import { Icon } from './icon';

export function Bell({ live }: { live: boolean }) {
  const count = unread.value;
  const shown = count > UNREAD_MAX ? `${formatNumber(UNREAD_MAX)}+` : formatNumber(count);
  return (
    <a
      class="icon-button bell"
      href="/notifications"
      // From a room into a tab of its own: the talk goes on.
      {...(live ? { target: '_blank' } : { onClick: follow })}
      aria-label={count === 0 ? t('bell.label.none') : tn('bell.label', count)}
      data-testid="bell"
      data-count={count}
    >
      <Icon name="bell" />
      {count > 0 && (
        <span class="badge" aria-hidden="true">
          {shown}
        </span>
      )}
    </a>
  );
}
