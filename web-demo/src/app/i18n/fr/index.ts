import { account } from './account';
import { app } from './app';
import { errors } from './errors';
import { hallway } from './hallway';
import { notifications } from './notifications';
import { people } from './people';
import { room } from './room';
import { schedule } from './schedule';
import { settings } from './settings';

const words = {
  ...app,
  ...hallway,
  ...room,
  ...settings,
  ...account,
  ...people,
  ...schedule,
  ...notifications,
  ...errors,
};

/** French sets a space before `:`, `;`, `!`, `?` and within « »; no line is broken there. */
export const fr = Object.fromEntries(
  Object.entries(words).map(([key, text]) => [key, text.replace(/ (?=[:;!?»])|(?<=«) /g, '\u00a0')]),
) as typeof words;
