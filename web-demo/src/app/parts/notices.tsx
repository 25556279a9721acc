// Short notices above the bar, for the eye; for screen readers the same words are in said.tsx.

import { useEffect, useRef } from 'preact/hooks';
import { notices } from '../store';
import { dialogsOpened } from './dialog';

export function Notices() {
  const ref = useRef<HTMLDivElement>(null);
  const shown = notices.value;
  const opened = dialogsOpened.value;
  useEffect(() => {
    // A dialog is in the browser's top layer: the latest popover lies over it, anything else under it.
    const element = ref.current;
    if (!element || !('showPopover' in element) || shown.length === 0) return;
    element.showPopover();
    return () => element.hidePopover();
  }, [shown, opened]);
  return (
    <div ref={ref} class="notices" popover="manual" aria-hidden="true">
      {shown.map((notice) => (
        <p key={notice.id} class={notice.bad ? 'notice notice-bad' : 'notice'}>
          {notice.text}
        </p>
      ))}
    </div>
  );
}
