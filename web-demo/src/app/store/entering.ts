// Into a room by one tap from any page: the tap starts the sound, the room's page does the rest.

import { signal } from '@preact/signals';
import type { RoomId } from '../../sdk';
import { navigate } from '../router';
import { member } from './account';
import { palco } from './client';

/** The room that was tapped for, until its page goes in. */
export const wanted = signal<RoomId | undefined>(undefined);

/** Call it from a tap. Guests come to the door and say their name there. */
export function enterRoom(room: RoomId): void {
  palco.prepareAudio();
  // Who is in it already only comes back to its page.
  if (member.value && palco.room?.room.id !== room) wanted.value = room;
  navigate(`/r/${room}`);
}
