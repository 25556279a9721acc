// The HTTP part of the server that the client uses: who I am, which rooms there are.

import type { CreateRoom, Guest, LiveRoom, LiveRooms, Problem, RoomCreated, RoomId } from '../protocol.gen';
import { PalcoError } from './errors';

export class Api {
  readonly #base: string;

  constructor(server: string) {
    this.#base = new URL('/api/v1/', server).href;
  }

  guest(name: string): Promise<Guest> {
    return this.#ask('POST', 'guests', { body: { name } });
  }

  createRoom(room: CreateRoom, token: string): Promise<RoomCreated> {
    return this.#ask('POST', 'rooms', { body: room, token });
  }

  rooms(): Promise<LiveRooms> {
    return this.#ask('GET', 'rooms');
  }

  room(id: RoomId): Promise<LiveRoom> {
    return this.#ask('GET', `rooms/${encodeURIComponent(id)}`);
  }

  async #ask<Answer>(
    method: string,
    path: string,
    { body, token }: { body?: unknown; token?: string } = {},
  ): Promise<Answer> {
    const headers: Record<string, string> = {};
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    if (token !== undefined) headers['Authorization'] = `Bearer ${token}`;
    const response = await fetch(this.#base + path, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch(() => {
      throw new PalcoError('unreachable');
    });
    if (response.ok) return (await response.json()) as Answer;
    const problem = (await response.json().catch(() => undefined)) as Problem | undefined;
    // Without a problem document it was not our server that answered, but a proxy before it.
    throw problem?.code ? new PalcoError(problem.code, problem.title) : new PalcoError('unreachable');
  }
}
