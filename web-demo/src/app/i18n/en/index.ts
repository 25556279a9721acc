// English: the catalogues that say which keys there are, one file an area of the app. `{name}` marks what
// is filled in; `.one` and `.other` are plural forms (Intl.PluralRules).

import { account } from './account';
import { app } from './app';
import { errors } from './errors';
import { hallway } from './hallway';
import { notifications } from './notifications';
import { people } from './people';
import { room } from './room';
import { schedule } from './schedule';
import { settings } from './settings';

export const en = {
  ...app,
  ...hallway,
  ...room,
  ...settings,
  ...account,
  ...people,
  ...schedule,
  ...notifications,
  ...errors,
} as const;
