// The HTTP API: who I am, which rooms there are; and `ask`, for everything else under /api/v1.

import type { CreateRoom, Guest, LiveRoom, LiveRooms, Problem, RoomCreated, RoomId } from '../protocol.gen';
import { PalcoError } from './errors';

/** For a whole request; a picture over a slow line takes its time. */
const DEADLINE_MS = 60_000;

export class Api {
  readonly #base: string;
  readonly #token: () => string | undefined;

  /** `token`: of the person who asks, once there is one. */
  constructor(server: string, token: () => string | undefined) {
    this.#base = new URL('/api/v1/', server).href;
    this.#token = token;
  }

  guest(name: string): Promise<Guest> {
    return this.ask('POST', 'guests', { name });
  }

  createRoom(room: CreateRoom): Promise<RoomCreated> {
    return this.ask('POST', 'rooms', room);
  }

  rooms(): Promise<LiveRooms> {
    return this.ask('GET', 'rooms');
  }

  room(id: RoomId): Promise<LiveRoom> {
    return this.ask('GET', `rooms/${encodeURIComponent(id)}`);
  }

  /**
   * Rejects with the code of the problem document, or `unreachable` (also after a minute). An empty answer is
   * undefined. A file goes as it is, anything else as JSON.
   */
  async ask<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
    const headers: Record<string, string> = {};
    const token = this.#token();
    const file = body instanceof Blob;
    if (body !== undefined) headers['Content-Type'] = file ? body.type : 'application/json';
    if (token !== undefined) headers['Authorization'] = `Bearer ${token}`;
    const response = await fetch(this.#base + path, {
      method,
      headers,
      signal: AbortSignal.timeout(DEADLINE_MS),
      ...(body === undefined ? {} : { body: file ? body : JSON.stringify(body) }),
    }).catch(() => {
      throw new PalcoError('unreachable');
    });
    if (response.status === 204 || response.status === 202) return undefined as Answer;
    // What is no JSON is not our server's, but of a proxy before it, or of the door to a hotel's network.
    const answer: unknown = await response.json().catch(() => {
      throw new PalcoError('unreachable');
    });
    if (response.ok) return answer as Answer;
    const { code = 'unreachable', title, field } = (answer ?? {}) as Partial<Problem>;
    const seconds = Number(response.headers.get('Retry-After') ?? NaN);
    throw new PalcoError(code, title, Number.isFinite(seconds) ? seconds * 1000 : undefined, field);
  }
}
