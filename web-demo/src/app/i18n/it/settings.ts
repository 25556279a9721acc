// Italian for en/settings.ts.

import type { settings as english } from '../en/settings';

export const settings: Readonly<Record<keyof typeof english, string>> = {
  'settings.title': 'Impostazioni',
  'settings.language': 'Lingua',
  'settings.theme': 'Tema',
  'settings.theme.system': 'Sistema',
  'settings.theme.light': 'Chiaro',
  'settings.theme.dark': 'Scuro',
  'settings.output': 'Altoparlante',
  'settings.processing': 'Ripulisci la mia voce',
  'settings.processing.hint': 'Toglie eco e rumore. Spegnilo per la musica, con le cuffie.',
};
