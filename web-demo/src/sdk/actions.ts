// What one may ask of the room one is in: a request each. A refusal rejects with its code.

import type {
  ClientMessage,
  HandPolicy,
  LinkRole,
  ModerationEntry,
  Person,
  Reaction,
  Reply,
  UserId,
} from '../protocol.gen';
import { Emitter } from './emitter';
import type { ClientEvents } from './events';

export abstract class Actions extends Emitter<ClientEvents> {
  protected abstract ask(message: ClientMessage): Promise<Reply>;

  protected async act(message: ClientMessage): Promise<void> {
    await this.ask(message);
  }

  // The stage. (Muting is the client's: it concerns the microphone too.)

  readonly raiseHand = (): Promise<void> => this.act({ type: 'raise_hand' });
  readonly lowerHand = (): Promise<void> => this.act({ type: 'lower_hand' });
  readonly acceptInvite = (): Promise<void> => this.act({ type: 'accept_invite' });
  readonly declineInvite = (): Promise<void> => this.act({ type: 'decline_invite' });
  readonly takeStage = (): Promise<void> => this.act({ type: 'take_stage' });
  readonly stepDown = (): Promise<void> => this.act({ type: 'step_down' });

  // Moderation.

  readonly invite = (user: UserId): Promise<void> => this.act({ type: 'invite', user });
  readonly dismissHand = (user: UserId): Promise<void> => this.act({ type: 'dismiss_hand', user });
  readonly muteSpeaker = (user: UserId): Promise<void> => this.act({ type: 'mute_speaker', user });
  readonly allowUnmute = (user: UserId): Promise<void> => this.act({ type: 'allow_unmute', user });
  readonly moveToAudience = (user: UserId): Promise<void> => this.act({ type: 'move_to_audience', user });
  readonly makeModerator = (user: UserId): Promise<void> => this.act({ type: 'make_moderator', user });
  readonly revokeModerator = (user: UserId): Promise<void> => this.act({ type: 'revoke_moderator', user });
  readonly transferHost = (user: UserId): Promise<void> => this.act({ type: 'transfer_host', user });
  readonly remove = (user: UserId, ban = false): Promise<void> => this.act({ type: 'remove', user, ban });
  readonly unban = (user: UserId): Promise<void> => this.act({ type: 'unban', user });
  readonly setHandPolicy = (policy: HandPolicy): Promise<void> =>
    this.act({ type: 'set_hand_policy', policy });
  readonly lock = (): Promise<void> => this.act({ type: 'lock' });
  readonly unlock = (): Promise<void> => this.act({ type: 'unlock' });
  readonly endRoom = (): Promise<void> => this.act({ type: 'end_room' });
  readonly report = (user: UserId, reason: string): Promise<void> =>
    this.act({ type: 'report', user, reason });

  async moderationLog(): Promise<ModerationEntry[]> {
    const reply = await this.ask({ type: 'moderation_log' });
    return reply.type === 'moderation_log' ? reply.entries : [];
  }

  // Around it.

  /** On stage: somebody who follows you is told that you would like them here. */
  readonly pingFollower = (user: UserId): Promise<void> => this.act({ type: 'ping_follower', user });
  readonly chat = (text: string): Promise<void> => this.act({ type: 'chat', text });
  readonly react = (reaction: Reaction): Promise<void> => this.act({ type: 'react', reaction });
  readonly pinLink = (url?: string): Promise<void> =>
    this.act(url === undefined ? { type: 'pin_link' } : { type: 'pin_link', url });
  readonly updateRoom = (
    changes: Omit<Extract<ClientMessage, { type: 'update_room' }>, 'type'>,
  ): Promise<void> => this.act({ type: 'update_room', ...changes });

  /** A page of the audience, in the order of arrival; `next` leads to the one after it. */
  async audience(cursor?: string): Promise<{ people: Person[]; next?: string | undefined }> {
    const reply = await this.ask({ type: 'audience', ...(cursor === undefined ? {} : { cursor }) });
    return reply.type === 'audience' ? { people: reply.people, next: reply.next } : { people: [] };
  }

  /** A secret link to this room; its address is `/r/<room>#<secret>`. */
  async createLink(role: LinkRole, expiresInMs: number): Promise<string> {
    const reply = await this.ask({ type: 'create_link', role, expires_in_ms: expiresInMs });
    return reply.type === 'link' ? reply.link : '';
  }
}
