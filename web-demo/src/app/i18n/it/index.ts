import { account } from './account';
import { app } from './app';
import { errors } from './errors';
import { hallway } from './hallway';
import { notifications } from './notifications';
import { people } from './people';
import { room } from './room';
import { schedule } from './schedule';
import { settings } from './settings';

export const it = {
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
