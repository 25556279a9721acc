// Settings.

export const settings = {
  'settings.title': 'Settings',
  'settings.language': 'Language',
  'settings.theme': 'Theme',
  'settings.theme.system': 'System',
  'settings.theme.light': 'Light',
  'settings.theme.dark': 'Dark',
  'settings.output': 'Loudspeaker',
  'settings.processing': 'Clean up my voice',
  'settings.processing.hint': 'Removes echo and noise. Switch it off for music, with headphones.',
} as const;
