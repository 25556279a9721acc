// Reactions: six of them, summed by the server, shown as they rise and gone.

import { signal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { Reaction } from '../../sdk';
import { t } from '../i18n';
import { attempt, palco } from '../store';

export const SYMBOLS: Record<Reaction, string> = {
  clap: '👏',
  heart: '❤️',
  laugh: '😂',
  fire: '🔥',
  wow: '😮',
  hundred: '💯',
};

interface Floating {
  id: number;
  reaction: Reaction;
  count: number;
  /** Across the strip, in hundredths. */
  place: number;
}

const floating = signal<Floating[]>([]);
/** As long as the animation in bar.css. */
const FLOAT_MS = 2_600;
/** A storm of reactions must not slow the page: the newest stay. */
const FLOATING_MAX = 24;
let nextId = 1;

function float(reactions: [Reaction, number][]): void {
  const fresh = reactions.map(([reaction, count]) => ({
    id: nextId++,
    reaction,
    count,
    place: Math.round(Math.random() * 100),
  }));
  floating.value = [...floating.value, ...fresh].slice(-FLOATING_MAX);
  const ids = new Set(fresh.map((one) => one.id));
  setTimeout(() => (floating.value = floating.value.filter((one) => !ids.has(one.id))), FLOAT_MS);
}

export function FloatingReactions() {
  useEffect(
    () =>
      palco.on('event', (event) => {
        if (event.type === 'reactions') float(event.reactions);
      }),
    [],
  );
  return (
    <div class="floating" aria-hidden="true" data-testid="reactions">
      {floating.value.map((one) => (
        <span
          key={one.id}
          style={{ insetInlineStart: `calc(${one.place / 100} * (100% - 2.5rem))` }}
          data-reaction={one.reaction}
        >
          {SYMBOLS[one.reaction]}
          {one.count > 1 && <small>{one.count}</small>}
        </span>
      ))}
    </div>
  );
}

export function ReactionPicker({ onClose }: { onClose: () => void }) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    // It lies before its button in the page: the keyboard goes there, and back again.
    const opener = document.activeElement;
    box.current?.querySelector('button')?.focus();
    return () => opener instanceof HTMLElement && opener.focus();
  }, []);
  return (
    <div
      class="picker"
      ref={box}
      role="group"
      aria-label={t('react.title')}
      onKeyDown={(event) => event.key === 'Escape' && onClose()}
    >
      {(Object.keys(SYMBOLS) as Reaction[]).map((reaction) => (
        <button
          key={reaction}
          type="button"
          aria-label={t(`react.${reaction}`)}
          onClick={() => {
            onClose();
            void attempt(() => palco.react(reaction));
          }}
          data-testid={`react-${reaction}`}
        >
          {SYMBOLS[reaction]}
        </button>
      ))}
    </div>
  );
}
