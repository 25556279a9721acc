// The client: one person, at most one room, sound in and out.
//
// Owns the socket, the media connection, the microphone and the playback, and keeps them in step with
// the room's state. Everything that heals by itself (a lost socket, a changed network, media that
// died) is decided here.

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
import type { ClientOptions, Connection, JoinOptions } from './events';
import { PalcoError, codeOf } from './errors';
import { Healing } from './healing';
import { Api } from './http';
import { Media, type MediaState } from './media';
import { Memory } from './memory';
import { Microphone } from './microphone';
import { Playback } from './playback';
import { GOOD, qualityOf, type Quality } from './quality';
import { fromSnapshot, isGap, memberOf, reduce, type RoomState } from './room';
import { Socket } from './socket';
import type { Speaking } from './speaking';

export class Palco extends Actions {
  readonly microphone = new Microphone();
  readonly playback = new Playback();
  readonly #server: string;
  /** The HTTP API, asked as the person this is. */
  readonly api: Api;
  readonly #memory: Memory;
  #socket: Socket | undefined;
  #media: Media | undefined;
  #health: Omit<Connection, 'socket'> = { media: 'idle', audioBlocked: false };
  #state: RoomState | undefined;
  #speaking: Speaking = new Map();
  #quality = GOOD;
  /** `Date.now` when the room's clock said 0. */
  #roomOpenedAt = 0;
  /** Between the tap on unmute and the server's word, we already send. */
  #unmuting = false;
  #level = 0;
  readonly #healing = new Healing({
    signalling: () => this.#socket?.state.is === 'open',
    restart: () => this.#restartIce(),
    renew: () => this.#rejoin(),
  });
  #rejoining = false;
  /** Ends what this client listens to on the page. */
  readonly #closed = new AbortController();
  /** While a join is under way: what was heard since, some of it newer than the snapshot to come. */
  #heardMeanwhile: (Event | DirectEvent)[] | undefined;

  constructor(options: ClientOptions = {}) {
    super();
    this.#server = options.server ?? location.origin;
    this.#memory = new Memory(options.storage);
    this.api = new Api(this.#server, () => this.#memory.values.token);
    if (options.token !== undefined) this.#use(options.token);
    this.playback.onBlocked = (audioBlocked) => this.#tellConnection({ audioBlocked });
    this.microphone.on('track', () => void this.#syncMicrophone());
    this.microphone.on('level', (level) => (this.#level = level));
    const { signal } = this.#closed;
    addEventListener('online', () => this.#networkChanged(), { signal });
    addEventListener('pageshow', (event) => event.persisted && this.#networkChanged(), { signal });
    document.addEventListener('visibilitychange', () => document.hidden || this.#socket?.check(), { signal });
  }

  /** You, once known. */
  get person(): Person | undefined {
    return this.#memory.values.person;
  }

  /** The room you are in, as it is now. */
  get room(): RoomState | undefined {
    return this.#state;
  }

  /** The room this tab was in before a reload. */
  get rememberedRoom(): RoomId | undefined {
    return this.#memory.values.person === undefined ? undefined : this.#memory.values.room;
  }

  get connection(): Connection {
    return { socket: this.#socket?.state.is ?? 'idle', ...this.#health };
  }

  get speaking(): Speaking {
    return this.#speaking;
  }

  /** Your place on stage; undefined in the audience. */
  get onStage(): StageMember | undefined {
    return this.#state && memberOf(this.#state, this.#state.you.person.id);
  }

  /** Milliseconds since the room opened: the clock of every `…_ms` in the state. */
  get roomNowMs(): number {
    return Date.now() - this.#roomOpenedAt;
  }

  /** For measurements on the page. */
  get peerConnection(): RTCPeerConnection | undefined {
    return this.#media?.connection;
  }

  get quality(): Quality {
    return this.#quality;
  }

  // Before a room.

  /**
   * Connects without entering a room: the server says who you are, and its events reach you. `token` is
   * an application's; without one it is the one at hand. (`join` connects by itself.)
   */
  async connect(token?: string): Promise<Person | undefined> {
    if (token !== undefined) this.#use(token);
    // Answered only after `hello` is.
    await this.act({ type: 'ping' });
    return this.person;
  }

  async signInAsGuest(name: string): Promise<Person> {
    const guest = await this.api.guest(name);
    this.signIn(guest.token, guest.person);
    return guest.person;
  }

  /** From now on this is the person of the token; what the one before was in is left behind. */
  signIn(token: string, person: Person): void {
    this.#use(token);
    this.#memory.set({ person });
  }

  /** From now on this is the person of the browser's session cookie: somebody of this server, on its own pages. */
  signInByCookie(person: Person): void {
    this.#use(undefined);
    this.#memory.set({ person });
  }

  /** From now on this is nobody. */
  signOut(): void {
    this.#closeSocket();
    this.#memory.set({ token: undefined, person: undefined, session: undefined, room: undefined });
  }

  rooms(): Promise<LiveRoom[]> {
    return this.api.rooms().then((answer) => answer.rooms);
  }

  lookUp(room: RoomId): Promise<LiveRoom> {
    return this.api.room(room);
  }

  createRoom(room: CreateRoom): Promise<RoomCreated> {
    return this.api.createRoom(room);
  }

  /** Call at the beginning of the tap that will lead to `join`, if something is awaited in between. */
  prepareAudio(): void {
    this.playback.prepare();
    if (!this.#media) this.#makeMedia();
  }

  /** After `connection.audioBlocked`: call from a tap. */
  resumeAudio(): void {
    this.playback.resume();
  }

  // In and out.

  /** Enters a room. Call it from a tap: sound starts here. */
  async join(room: RoomId, { name, link }: JoinOptions = {}): Promise<RoomState> {
    this.prepareAudio();
    if (this.#state && !this.#state.ended && !this.#state.removed) await this.leave();
    this.prepareAudio();
    try {
      if (name !== undefined && name !== this.person?.name) await this.signInAsGuest(name);
      this.#memory.set({ room, link });
      return await this.#enter(room);
    } catch (error) {
      this.#memory.set({ room: undefined, link: undefined });
      this.#dropMedia();
      throw error;
    }
  }

  async leave(): Promise<void> {
    const inRoom = this.#state && !this.#state.ended && !this.#state.removed;
    this.#state = undefined;
    this.#memory.set({ room: undefined, link: undefined });
    this.#dropMedia();
    this.emit('room', undefined);
    if (inRoom) await this.ask({ type: 'leave' }).catch(ignore);
  }

  /** Away from everything; the client is of no more use. */
  close(): void {
    this.#closed.abort();
    this.leave()
      .finally(() => this.#closeSocket())
      .catch(ignore);
    this.playback.remove();
  }

  // The stage.

  /** Silent at once, whatever the server says. */
  async mute(): Promise<void> {
    this.#unmuting = false;
    await this.#media?.send(null);
    await this.act({ type: 'mute' });
  }

  /** Opens the microphone if it is not, and speaks. */
  async unmute(): Promise<void> {
    await this.microphone.open();
    // Until the room's own word arrives, which may be after the answer.
    this.#unmuting = true;
    try {
      await Promise.all([this.act({ type: 'unmute' }), this.#syncMicrophone()]);
    } catch (error) {
      this.#unmuting = false;
      await this.#syncMicrophone();
      throw error;
    }
  }

  // Inside.

  async #enter(room: RoomId): Promise<RoomState> {
    const media = this.#media ?? this.#makeMedia();
    const offer = await media.offer();
    const { link } = this.#memory.values;
    const message: ClientMessage = { type: 'join', room, offer, ...(link === undefined ? {} : { link }) };
    this.#heardMeanwhile = [];
    const reply = await this.ask(message)
      .catch(async (error: unknown) => {
        // A resumed session may be in another room still.
        if (codeOf(error) !== 'already_joined') throw error;
        await this.ask({ type: 'leave' });
        return this.ask(message);
      })
      .catch((error: unknown) => {
        this.#heardMeanwhile = undefined;
        throw error;
      });
    if (reply.type !== 'joined') throw new PalcoError('internal');
    // Before anything is awaited: the next message may be an event after this snapshot.
    const state = this.#take(reply.snapshot);
    const heard = this.#heardMeanwhile;
    this.#heardMeanwhile = undefined;
    for (const event of heard) {
      // The end of the connection that this join replaces is no news.
      if (event.type !== 'media_closed') this.#heard(event);
    }
    await media.answer(reply.answer);
    await this.#syncMicrophone();
    // After a reload the microphone is not open any more: say so rather than seem to speak.
    if (this.onStage?.muted === false && !this.microphone.track)
      void this.ask({ type: 'mute' }).catch(ignore);
    return state;
  }

  #take(snapshot: Snapshot): RoomState {
    this.#roomOpenedAt = Date.now() - snapshot.now_ms;
    const state = fromSnapshot(snapshot);
    if (this.#state?.room.id === state.room.id) state.invitations = this.#state.invitations;
    this.#state = state;
    this.emit('room', state);
    return state;
  }

  #connect(): Socket {
    if (this.#socket && this.#socket.state.is !== 'closed') return this.#socket;
    const url = new URL('/ws', this.#server);
    url.protocol = url.protocol.replace('http', 'ws');
    const { token, session } = this.#memory.values;
    const socket = new Socket({ url: url.href, token, session });
    socket.on('state', (state) => {
      if (this.#socket !== socket) return;
      this.#tellConnection();
      if (state.is === 'closed') this.#socketEnded(state.code);
    });
    socket.on('welcome', (welcome) => this.#welcomed(welcome));
    socket.on('message', (message) => this.#heard(message));
    this.#socket = socket;
    this.#tellConnection();
    return socket;
  }

  /** Another token is another person: what the one before was in is theirs. */
  #use(token: string | undefined): void {
    if (token !== undefined && this.#memory.values.token === token) return;
    this.#closeSocket();
    this.#memory.set({ token, person: undefined, session: undefined, room: undefined, link: undefined });
  }

  #closeSocket(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }

  protected ask(message: ClientMessage): Promise<Reply> {
    return this.#connect().request(message);
  }

  #welcomed(welcome: Welcome): void {
    this.#memory.set({ session: welcome.session, person: welcome.person });
    // One that is about to stop says so again, after this.
    this.#tellConnection({ drainsAtMs: undefined });
    this.emit('welcome', welcome);
    const state = this.#state;
    if (!state || state.ended || state.removed) return;
    if (welcome.room?.room === state.room.id) {
      this.#take(welcome.room.snapshot);
      void this.#syncMicrophone();
    } else void this.#rejoin();
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
    if (message.type === 'quality') this.#qualityChanged(qualityOf(message));
    if (isGap(before, message)) {
      this.#socket?.reconnect();
      return;
    }
    const state = reduce(before, message);
    this.#state = state;
    if (state.ended !== undefined || state.removed) {
      this.#memory.set({ room: undefined, link: undefined });
      this.#dropMedia();
    } else if (before.stage !== state.stage || message.type === 'your_mute') {
      if (message.type === 'your_mute' || this.onStage !== memberOf(before, before.you.person.id)) {
        this.#unmuting = false;
      }
      void this.#syncMicrophone();
    }
    if (state !== before) this.emit('room', state);
    this.emit('event', message);
  }

  #socketEnded(code: ErrorCode | undefined): void {
    if (code === undefined) return;
    this.#dropMedia();
    if (code === 'unauthorized' || code === 'token_expired') {
      this.#memory.set({ token: undefined, person: undefined, session: undefined });
    }
    if (code === 'taken_over' || code === 'removed')
      this.#memory.set({ session: undefined, room: undefined });
    this.emit('closed', code);
  }

  /** What is sent follows from the state alone: on stage, and not muted. */
  async #syncMicrophone(): Promise<void> {
    const member = this.onStage;
    // In the audience it is open only for the check before the stage.
    const you = this.#state?.you;
    if (you && !member && !you.invitation && !you.hand) this.microphone.close();
    const speaks = member && (!member.muted || this.#unmuting) && !member.muted_by_moderator;
    await this.#media?.send((speaks ? this.microphone.track : undefined) ?? null);
  }

  // Media that heals.

  #makeMedia(): Media {
    const media = new Media({
      state: (state) => this.#media === media && this.#mediaChanged(state),
      speaking: (speaking) => {
        this.#speaking = speaking;
        this.emit('speaking', speaking);
      },
      own: () => {
        const member = this.onStage;
        if (!member || member.muted || !this.microphone.track) return undefined;
        return { number: member.number, level: this.#level };
      },
    });
    this.#healing.reset();
    this.#media = media;
    this.#health = { ...this.#health, media: 'connecting' };
    this.#qualityChanged(GOOD);
    this.playback.play(media.tracks);
    return media;
  }

  #qualityChanged(quality: Quality): void {
    this.#quality = quality;
    this.emit('quality', quality);
  }

  #dropMedia(): void {
    this.#healing.reset();
    this.#media?.close();
    this.#media = undefined;
    this.playback.stop();
    this.microphone.close();
    this.#speaking = new Map();
    this.emit('speaking', this.#speaking);
    this.#tellConnection({ media: 'idle' });
  }

  #mediaChanged(media: MediaState): void {
    this.#healing.mediaChanged(media);
    this.#tellConnection({ media });
  }

  async #restartIce(): Promise<void> {
    const media = this.#media;
    if (!media) return;
    const reply = await this.ask({ type: 'restart_ice', offer: await media.restartOffer() });
    if (reply.type === 'ice_restarted' && this.#media === media) await media.answer(reply.answer);
  }

  #networkChanged(): void {
    this.#socket?.check();
    if (this.#media && this.#state) this.#healing.networkChanged();
  }

  /** The session or its media is gone for good: enter the same room again, with a new connection. */
  async #rejoin(): Promise<void> {
    const room = this.#state?.room.id;
    if (room === undefined || this.#rejoining || this.#state?.ended || this.#state?.removed) return;
    this.#rejoining = true;
    this.#media?.close();
    this.#makeMedia();
    this.#tellConnection();
    try {
      await this.#enter(room);
    } catch (error) {
      this.#rejoinFailed(codeOf(error));
    } finally {
      this.#rejoining = false;
    }
  }

  #rejoinFailed(code: ReturnType<typeof codeOf>): void {
    const state = this.#state;
    if (!state) return;
    if (code === 'room_not_found' || code === 'room_ended') {
      this.#state = { ...state, ended: 'empty' };
      this.#memory.set({ room: undefined, link: undefined });
      this.#dropMedia();
      this.emit('room', this.#state);
    } else if (code === 'timeout' || code === 'unreachable' || code === 'busy' || code === 'rate_limited') {
      this.#healing.renewLater();
    } else if (this.#socket?.state.is === 'open') {
      this.#dropMedia();
      this.emit('closed', code as ErrorCode);
    }
  }

  #tellConnection(changed: Partial<Connection> = {}): void {
    this.#health = { ...this.#health, ...changed };
    this.emit('connection', this.connection);
  }
}

/** The answer would change nothing: what was asked for is already so on this side. */
const ignore = (): void => undefined;
