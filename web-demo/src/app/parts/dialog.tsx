// A dialog or sheet on the browser's own <dialog>: focus is kept inside and returned, Escape closes.

import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useRef } from 'preact/hooks';
import { t } from '../i18n';
import { Icon } from './icon';
import { Said } from './said';

/** How many were opened: the latest lies over all that is shown, until something else is shown anew. */
export const dialogsOpened = signal(0);

interface DialogProps {
  title: string;
  /** Absent: it cannot be dismissed except by its own buttons. */
  onClose?: () => void;
  children: ComponentChildren;
  testId?: string;
  /** `sheet` comes from below on a phone; `panel` is a tall one. */
  kind?: 'sheet' | 'panel';
}

export function Dialog({ title, onClose, children, testId, kind = 'sheet' }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  // In the same turn as the page changes: what is in it may take the focus then, and it gives the focus back
  // only while it is in the page.
  useLayoutEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    dialogsOpened.value += 1;
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={ref}
      class={`dialog dialog-${kind}`}
      aria-labelledby={titleId}
      data-testid={testId}
      onCancel={(event) => {
        event.preventDefault();
        onClose?.();
      }}
      onClose={() => {
        // Pressed twice, Escape closes whatever the page says. Not in the page any more: it was meant.
        if (!ref.current) return;
        if (onClose) onClose();
        else ref.current.showModal();
      }}
      onClick={(event) => {
        if (event.target === ref.current) onClose?.();
      }}
    >
      <div class="dialog-body">
        <div class="dialog-head">
          <h2 id={titleId}>{title}</h2>
          {onClose && (
            <button type="button" class="icon-button" aria-label={t('app.close')} onClick={onClose}>
              <Icon name="close" />
            </button>
          )}
        </div>
        {children}
        <Said />
      </div>
    </dialog>
  );
}
