// The one client of this page, and the name it was last used with.

import { Palco } from '../../sdk';
import { keep, kept } from '../device';

export const palco = new Palco();

declare global {
  interface Window {
    /** The client of this page, for the console and for tests. */
    palco: Palco;
  }
}
window.palco = palco;

/** Kept on this device, so that the next link needs one tap. */
const NAME = 'palco.name';

export function rememberedName(): string {
  return palco.person?.name ?? kept(NAME) ?? '';
}

export function rememberName(name: string): void {
  keep(NAME, name);
}
