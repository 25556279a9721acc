import { app } from './app';
import { errors } from './errors';
import { hallway } from './hallway';
import { room } from './room';
import { settings } from './settings';

export const it = {
  ...app,
  ...hallway,
  ...room,
  ...settings,
  ...errors,
};
