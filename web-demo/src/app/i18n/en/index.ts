// English: the catalogues that say which keys there are, one file an area of the app. `{name}` marks what
// is filled in; `.one` and `.other` are plural forms (Intl.PluralRules).

import { app } from './app';
import { errors } from './errors';
import { hallway } from './hallway';
import { room } from './room';
import { settings } from './settings';

export const en = {
  ...app,
  ...hallway,
  ...room,
  ...settings,
  ...errors,
} as const;
