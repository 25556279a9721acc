// Notices for the reader of a screen. They are read out from where was room for them before there was
// anything to say; and of a page under an open dialog nothing is: a dialog has this of its own.

import { notices } from '../store';

export function Said() {
  return (
    <div class="visually-hidden" role="status">
      {notices.value.map((notice) => (
        <p key={notice.id}>{notice.text}</p>
      ))}
    </div>
  );
}
