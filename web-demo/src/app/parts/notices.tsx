// Short notices at the top of the page, and the same words for screen readers.

import { notices } from '../store';

export function Notices() {
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.value.map((notice) => (
        <p key={notice.id} class={notice.bad ? 'notice notice-bad' : 'notice'}>
          {notice.text}
        </p>
      ))}
    </div>
  );
}
