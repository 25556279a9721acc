// French for en/settings.ts.

import type { settings as english } from '../en/settings';

export const settings: Readonly<Record<keyof typeof english, string>> = {
  'settings.title': 'Réglages',
  'settings.language': 'Langue',
  'settings.theme': 'Thème',
  'settings.theme.system': 'Système',
  'settings.theme.light': 'Clair',
  'settings.theme.dark': 'Sombre',
  'settings.output': 'Haut-parleur',
  'settings.processing': 'Nettoyer ma voix',
  'settings.processing.hint': 'Retire l’écho et le bruit. À couper pour la musique, avec un casque.',
};
