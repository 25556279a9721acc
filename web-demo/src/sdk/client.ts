// The client: one person, at most one room, sound in and out.
//
// Keeps the line to the server and the sound in step with the room's state. Everything that heals by itself (a lost
// socket, a changed network, media that died) is decided here.
//
// A visit begins with `join` and ends with `leave`, another `join`, `close` or another person. Whatever is awaited may
// be answered after that: then it is of no concern any more (`#still`).

import type {
  ClientMessage,
  CreateRoom,
  DirectEvent,
  ErrorCode,
  Event,
  LiveRoom,
  Person,
  Reply,
  RoomCreated,
  RoomId,
  Snapshot,
  StageMember,
  Welcome,
} from '../protocol.gen';
import { Actions } from './actions';
import { PalcoError, codeOf } from './errors';
import type { ClientOptions, Connection, JoinOptions } from './events';
import type { Api } from './http';
import { Line } from './line';
import type { Microphone } from './microphone';
import type { Playback } from './playback';
import { qualityOf, type Quality } from './quality';
import { fromSnapshot, isGap, isOver, memberOf, reduce, type RoomState } from './room';
import { Sound } from './sound';
import type { Speaking } from './speaking';

export class Palco extends Actions {
  /** The HTTP API, asked as the person this is. */
  readonly api: Api;
  readonly microphone: Microphone;
  readonly playback: Playback;
  readonly #line: Line;
  readonly #sound: Sound;
  #health: Omit<Connection, 'socket'> = { media: 'idle', audioBlocked: false };
  #state: RoomState | undefined;
  #visit = 0;
  #joining: { room: RoomId; done: Promise<RoomState>; named: boolean } | undefined;
  /** The visit that enters its room anew. */
  #rejoining: number | undefined;
  /** `performance.now` when the room's clock said 0. */
  #roomOpenedAt = 0;
  /** While a join is under way: what was heard since, some of it newer than the snapshot to come. */
  #heardMeanwhile: (Event | DirectEvent)[] | undefined;
  /** Ends what this client listens to on the page. */
  readonly #closed = new AbortController();

  constructor(options: ClientOptions = {}) {
    super();
    this.#line = new Line(options);
    this.api = this.#line.api;
    this.#line.on('state', () => this.#tellConnection());
    this.#line.on('welcome', (welcome) => this.#welcomed(welcome));
    this.#line.on('message', (message) => this.#heard(message));
    this.#line.on('ended', (code) => this.#lineEnded(code));
    this.#sound = new Sound({
      you: () => this.#state?.you,
      member: () => this.onStage,
      ask: (message) => this.ask(message),
      signalling: () => this.#line.state === 'open',
      renew: () => this.#rejoin(),
      changed: (health) => this.#tellConnection(health),
      speaking: (speaking) => this.emit('speaking', speaking),
      quality: (quality) => this.emit('quality', quality),
      lost: (why) => this.emit('microphoneLost', why),
    });
    this.microphone = this.#sound.microphone;
    this.playback = this.#sound.playback;
    const { signal } = this.#closed;
    addEventListener('online', () => this.#networkChanged(), { signal });
    addEventListener('pageshow', (event) => event.persisted && this.#networkChanged(), { signal });
    document.addEventListener('visibilitychange', () => document.hidden || this.#looked(), { signal });
  }

  /** You, once known. */
  get person(): Person | undefined {
    return this.#line.remembered.person;
  }

  /** The room you are in, as it is now. */
  get room(): RoomState | undefined {
    return this.#state;
  }

  /** The room this tab was in before a reload. */
  get rememberedRoom(): RoomId | undefined {
    return this.person === undefined ? undefined : this.#line.remembered.room;
  }

  get connection(): Connection {
    return { socket: this.#line.state, ...this.#health };
  }

  get speaking(): Speaking {
    return this.#sound.speaking;
  }

  get quality(): Quality {
    return this.#sound.quality;
  }

  /** Your place on stage; undefined in the audience. */
  get onStage(): StageMember | undefined {
    return this.#state && memberOf(this.#state, this.#state.you.person.id);
  }

  /** Milliseconds since the room opened: the clock of every `…_ms` in the state. */
  get roomNowMs(): number {
    return performance.now() - this.#roomOpenedAt;
  }

  /** For measurements on the page. */
  get peerConnection(): RTCPeerConnection | undefined {
    return this.#sound.media?.connection;
  }

  // Before a room.

  /**
   * Connects without entering a room: the server says who you are, and its events reach you. `token` is an
   * application's; without one it is the one at hand. The next token of the same person (the same `iss` and
   * `sub`) goes on with the visit; another person's ends it. (`join` connects by itself.)
   */
  async connect(token?: string): Promise<Person | undefined> {
    if (token === undefined) await this.#line.renewal?.first();
    else {
      if (!this.#line.holds(token)) this.#another();
      this.#line.use(token);
    }
    // Answered only after `hello` is.
    await this.act({ type: 'ping' });
    return this.person;
  }

  /** A new person of this name, without an account. */
  async signInAsGuest(name: string): Promise<Person> {
    const guest = await this.api.guest(name);
    this.signIn(guest.token, guest.person);
    return guest.person;
  }

  /** From now on this is the person of the token; what the one before was in is left behind. */
  signIn(token: string, person: Person): void {
    this.#another();
    this.#line.become(token, person);
  }

  /** From now on this is the person of the browser's session cookie: somebody of this server, on its own pages. */
  signInByCookie(person: Person): void {
    this.#another();
    this.#line.become(undefined, person);
  }

  /** From now on this is nobody, and in no room. */
  signOut(): void {
    this.#forget();
    this.#line.signOut();
  }

  /** The rooms that anybody may enter, most listeners first. */
  rooms(): Promise<LiveRoom[]> {
    return this.api.rooms().then((answer) => answer.rooms);
  }

  /** A live room; rejects with `room_not_found`. */
  lookUp(room: RoomId): Promise<LiveRoom> {
    return this.api.room(room);
  }

  /** A live room of yours; `join` enters it. */
  createRoom(room: CreateRoom): Promise<RoomCreated> {
    return this.api.createRoom(room);
  }

  /** Call at the beginning of the tap that will lead to `join`, if something is awaited in between. */
  prepareAudio(): void {
    if (!this.#closed.signal.aborted) this.#sound.prepare();
  }

  /** After `connection.audioBlocked`: call from a tap. */
  resumeAudio(): void {
    this.playback.resume();
  }

  // In and out.

  /**
   * Enters a room, out of another one if need be. Call it from a tap: sound starts here. Asked again for the
   * same room, it is the same visit. Rejects with what the door says, `unreachable` or `timeout` without a
   * server, `browser_too_old`, or `aborted` when `leave` or another `join` came before it was done.
   */
  async join(room: RoomId, options: JoinOptions = {}): Promise<RoomState> {
    if (this.#closed.signal.aborted) throw new PalcoError('closed');
    if (options.signal?.aborted) throw new PalcoError('aborted');
    if (this.#joining?.room === room) return this.#joining.done;
    const state = this.#state;
    const same = state?.room.id === room && options.link === this.#line.remembered.link;
    if (same && !isOver(state) && this.#sound.media) return state;
    // What the tap allows is begun before anything is awaited.
    this.prepareAudio();
    const left = this.#state || this.#joining ? this.leave() : this.#line.left;
    const visit = ++this.#visit;
    const abort = (): void => void (visit === this.#visit && this.leave());
    options.signal?.addEventListener('abort', abort);
    const done = this.#join(room, options, visit, left).finally(() => {
      options.signal?.removeEventListener('abort', abort);
      if (this.#joining?.done === done) this.#joining = undefined;
    });
    this.#joining = { room, done, named: options.name !== undefined };
    return done;
  }

  async #join(
    room: RoomId,
    { name, link }: JoinOptions,
    visit: number,
    left: Promise<void>,
  ): Promise<RoomState> {
    const { renewal } = this.#line;
    const enter = (): Promise<RoomState> => {
      this.#still(visit);
      this.#line.remember(room, link);
      return this.#enter(room, visit);
    };
    try {
      await left;
      this.#still(visit);
      await renewal?.first();
      if (name !== undefined && name !== this.person?.name) await this.#enterAs(name, visit);
      return await enter().catch(async (error: unknown) => {
        this.#still(visit);
        const code = codeOf(error);
        if (code !== 'token_expired' && code !== 'unauthorized') throw error;
        // Who one was has ended: come as whom one can.
        if (renewal) await renewal.now();
        else if (name !== undefined) await this.#enterAs(name, visit);
        else throw error;
        return enter();
      });
    } catch (error) {
      this.#still(visit);
      void this.leave();
      throw error;
    }
  }

  async #enterAs(name: string, visit: number): Promise<void> {
    const { token, person } = await this.api.guest(name);
    this.#still(visit);
    this.#line.become(token, person);
  }

  /** Resolves once the server knows, or cannot be told: then it notices by itself. */
  async leave(): Promise<void> {
    this.#forget();
    await this.#line.goodbye();
  }

  /** Away from everything; the client is of no more use. */
  close(): void {
    if (this.#closed.signal.aborted) return;
    this.#forget();
    this.#line.close();
    this.#sound.close();
    this.#closed.abort();
  }

  #still(visit: number): void {
    if (visit !== this.#visit) throw new PalcoError('aborted');
  }

  /** Another person: no visit of the one before goes on. Sound that is prepared stays for theirs. */
  #another(): void {
    if (this.#state || this.#joining) this.#forget();
  }

  /** The visit is over, on this side. */
  #forget(): void {
    const before = this.#state;
    this.#visit += 1;
    this.#joining = undefined;
    this.#heardMeanwhile = undefined;
    this.#state = undefined;
    this.#line.remember(undefined);
    this.#sound.drop();
    if (before) this.emit('room', undefined);
  }

  // The stage.

  /** Silent at once, whatever the server says, and until `unmute`. Rejects with `not_on_stage`. */
  mute(): Promise<void> {
    return this.#sound.voice.mute();
  }

  /**
   * Opens the microphone if it is not, and speaks. Rejects with a `microphone_…` code, `muted_by_moderator`,
   * `not_on_stage`, or `aborted` by a `mute` meanwhile.
   */
  unmute(): Promise<void> {
    return this.#sound.voice.unmute();
  }

  // Inside.

  async #enter(room: RoomId, visit: number): Promise<RoomState> {
    const media = this.#sound.prepare();
    const offer = await media.offer();
    this.#still(visit);
    const { link } = this.#line.remembered;
    const message: ClientMessage = { type: 'join', room, offer, ...(link === undefined ? {} : { link }) };
    this.#heardMeanwhile = [];
    const reply = await this.ask(message)
      .catch(async (error: unknown) => {
        this.#still(visit);
        // A resumed session may be in another room still.
        if (codeOf(error) !== 'already_joined') throw error;
        await this.ask({ type: 'leave' });
        this.#still(visit);
        // What came before was that room's.
        this.#heardMeanwhile = [];
        return this.ask(message);
      })
      .catch((error: unknown) => {
        this.#still(visit);
        this.#heardMeanwhile = undefined;
        throw error;
      });
    this.#still(visit);
    if (reply.type !== 'joined') throw new PalcoError('internal');
    // Before anything is awaited: the next message may be an event after this snapshot.
    const state = this.#take(reply.snapshot);
    const heard = this.#heardMeanwhile;
    this.#heardMeanwhile = undefined;
    for (const event of heard) {
      // The end of the connection that this join replaces is no news.
      if (event.type !== 'media_closed') this.#heard(event);
    }
    await media.answer(reply.answer).catch((error: unknown) => {
      // Replaced already, by one that heals.
      if (this.#sound.media === media) throw error;
    });
    this.#still(visit);
    // After a reload the microphone is not open any more.
    this.#sound.voice.settle();
    return this.#state ?? state;
  }

  #take(snapshot: Snapshot): RoomState {
    this.#roomOpenedAt = performance.now() - snapshot.now_ms;
    const state = fromSnapshot(snapshot);
    this.#state = state;
    this.emit('room', state);
    return state;
  }

  protected ask(message: ClientMessage): Promise<Reply> {
    return this.#line.ask(message);
  }

  #welcomed(welcome: Welcome): void {
    // One that is about to stop says so again, after this.
    this.#tellConnection({ drainsAtMs: undefined });
    this.emit('welcome', welcome);
    const state = this.#state;
    const there = welcome.room?.room;
    if (state && !isOver(state)) {
      if (welcome.room && there === state.room.id) {
        this.#take(welcome.room.snapshot);
        this.#sound.voice.settle();
      } else void this.#rejoin();
    } else if (there !== undefined && !this.#joining && there !== this.#line.remembered.room) {
      // Left while the server could not be told.
      void this.#line.goodbye();
    }
  }

  #heard(message: Event | DirectEvent): void {
    if (message.type === 'server_draining')
      this.#tellConnection({ drainsAtMs: Date.now() + message.deadline_ms });
    if (this.#heardMeanwhile) {
      this.#heardMeanwhile.push(message);
      return;
    }
    const before = this.#state;
    if (!before) {
      // Late news of a room that was left is none; what is yours reaches you anywhere.
      if (!('seq' in message)) this.emit('event', message);
      return;
    }
    if (message.type === 'media_closed') {
      void this.#rejoin();
      return;
    }
    if (message.type === 'quality') this.#sound.measured(qualityOf(message));
    if (isGap(before, message)) {
      this.#line.resync();
      return;
    }
    const state = reduce(before, message);
    this.#state = state;
    if (isOver(state)) {
      this.#line.unseated();
      this.#line.remember(undefined);
      this.#sound.drop();
    } else if (before.stage !== state.stage || message.type === 'your_mute') {
      const own = memberOf(before, before.you.person.id);
      if (message.type === 'your_mute' || this.onStage !== own) this.#sound.voice.heardOfYou();
      this.#sound.voice.follow();
    }
    // Reactions pass, several times a second: nothing of the room is another.
    if (state !== before && message.type !== 'reactions') this.emit('room', state);
    this.emit('event', message);
  }

  #lineEnded(code: ErrorCode): void {
    this.#sound.drop();
    // Out of the room, and back with the next token. Who is just joining comes back by that.
    const back = code === 'token_expired' ? this.#line.renewal?.now() : undefined;
    if (back) back.then(() => this.#rejoin()).catch(() => this.emit('closed', code));
    // Who joins by name comes again as somebody new.
    else if (!this.#joining?.named) this.emit('closed', code);
  }

  // Media that heals.

  #looked(): void {
    this.#line.check();
    this.#sound.looked();
  }

  #networkChanged(): void {
    this.#line.check();
    if (this.#sound.media && this.#state) this.#sound.healing.networkChanged();
  }

  /** The session or its media is gone for good: enter the same room again, with a new connection. */
  async #rejoin(): Promise<void> {
    const state = this.#state;
    const visit = this.#visit;
    if (!state || isOver(state) || this.#rejoining === visit) return;
    this.#rejoining = visit;
    try {
      this.#sound.renew();
      await this.#enter(state.room.id, visit);
    } catch (error) {
      if (visit === this.#visit) this.#rejoinFailed(error);
    } finally {
      if (this.#rejoining === visit) this.#rejoining = undefined;
    }
  }

  #rejoinFailed(error: unknown): void {
    const state = this.#state;
    const code = codeOf(error);
    if (!state || isOver(state)) return;
    if (code === 'room_not_found' || code === 'room_ended') {
      this.#state = { ...state, ended: 'empty' };
      this.#line.unseated();
      this.#line.remember(undefined);
      this.#sound.drop();
      this.emit('room', this.#state);
    } else if (!(error instanceof PalcoError) || error.advice === 'retry') {
      this.#sound.healing.renewLater();
    } else if (this.#line.state === 'open') {
      this.#line.unseated();
      this.#sound.drop();
      this.emit('closed', code);
    }
  }

  #tellConnection(changed: Partial<Connection> = {}): void {
    this.#health = { ...this.#health, ...changed };
    this.emit('connection', this.connection);
  }
}
