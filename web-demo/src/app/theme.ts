// Light, dark, or as the system says; colours themselves are in styles/tokens.css.

import { effect, signal } from '@preact/signals';
import { keep, kept } from './device';

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const STORED = 'palco.theme';

function stored(): Theme {
  const value = kept(STORED);
  return THEMES.find((theme) => theme === value) ?? 'system';
}

export const theme = signal<Theme>(stored());

effect(() => {
  document.documentElement.dataset['theme'] = theme.value;
});

export function chooseTheme(choice: Theme): void {
  keep(STORED, choice);
  theme.value = choice;
}

/** Wide enough for the room and its side panel beside each other. */
const query = matchMedia('(min-width: 60rem)');
export const wide = signal(query.matches);
query.addEventListener('change', () => (wide.value = query.matches));
