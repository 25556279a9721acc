// A button that opens a short list of links and actions under itself. Escape, a tap elsewhere and a choice
// close it; what the keyboard had is given back.

import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';

interface MenuProps {
  label: string;
  /** What the button shows. */
  face: ComponentChildren;
  /** `close` ends the menu: call it from what is chosen. */
  children: (close: () => void) => ComponentChildren;
  testId: string;
  kind?: 'icon-button' | 'button';
}

export function Menu({ label, face, children, testId, kind = 'icon-button' }: MenuProps) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  const close = (): void => setOpen(false);

  useEffect(() => {
    if (!open) return;
    box.current?.querySelector<HTMLElement>('[role="group"] a, [role="group"] button')?.focus();
    const outside = ({ target }: Event): void => {
      if (target instanceof Node && !box.current?.contains(target)) close();
    };
    const escape = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape') return;
      close();
      button.current?.focus();
    };
    document.addEventListener('pointerdown', outside);
    document.addEventListener('focusin', outside);
    document.addEventListener('keydown', escape);
    return () => {
      document.removeEventListener('pointerdown', outside);
      document.removeEventListener('focusin', outside);
      document.removeEventListener('keydown', escape);
    };
  }, [open]);

  return (
    <div class="menu" ref={box}>
      <button
        ref={button}
        type="button"
        class={kind}
        aria-label={label}
        aria-expanded={open}
        aria-controls={id}
        onClick={() => setOpen(!open)}
        data-testid={testId}
      >
        {face}
      </button>
      <div id={id} class="menu-list card" role="group" aria-label={label} hidden={!open}>
        {open && children(close)}
      </div>
    </div>
  );
}
