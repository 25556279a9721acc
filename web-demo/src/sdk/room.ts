// A room as this client knows it: the server's snapshot, and the fold of its events into it.
//
// Pure. `reduce` gives for every event exactly what a fresh snapshot would say (the server tests the
// same law), plus what snapshots do not hold: which invitations stand, and why it is over.

import {
  LIMITS,
  type DirectEvent,
  type Event,
  type Hand,
  type Person,
  type RoomEndReason,
  type Snapshot,
  type StageMember,
  type UserId,
} from '../protocol.gen';

export interface RoomState extends Snapshot {
  /**
   * Moderators: who has an invitation of a moderator's that was not answered yet. Since the last snapshot: what
   * became of earlier ones while the connection was lost, nobody says.
   */
  invitations: ReadonlyMap<UserId, Person>;
  /** The room is over. */
  ended?: RoomEndReason;
  /** You are out of it. */
  removed?: { banned: boolean };
}

export function fromSnapshot(snapshot: Snapshot): RoomState {
  return { ...snapshot, invitations: new Map() };
}

/** Over for good, on this visit. */
export function isOver(state: RoomState): boolean {
  return state.ended !== undefined || state.removed !== undefined;
}

/** True when events were lost on the way: only a fresh snapshot helps. */
export function isGap(state: RoomState, message: Event | DirectEvent): boolean {
  return 'seq' in message && message.seq > state.seq + 1;
}

/** Events already in the snapshot (`seq` not newer) change nothing. */
export function reduce(state: RoomState, message: Event | DirectEvent): RoomState {
  if (!('seq' in message)) return reduceDirect(state, message);
  if (message.seq <= state.seq) return state;
  return { ...reduceEvent(state, message), seq: message.seq };
}

function reduceEvent(state: RoomState, event: Event): RoomState {
  switch (event.type) {
    case 'room_updated':
      return { ...state, room: event.room };
    case 'stage_updated':
      return {
        ...state,
        stage: withMember(state.stage, event.member),
        // A moderator who was invited may come without an answer.
        invitations: without(state.invitations, event.member.person.id),
      };
    case 'stage_left':
      return { ...state, stage: state.stage.filter((member) => member.person.id !== event.user) };
    case 'counts':
      return { ...state, counts: event.counts };
    case 'chat':
      return { ...state, chat: [...state.chat, event.message].slice(-LIMITS.chatHistoryLines) };
    case 'chat_cleared':
      return { ...state, chat: state.chat.filter((line) => line.from.id !== event.user) };
    case 'reactions':
      return state;
    case 'room_ended':
      return { ...state, ended: event.reason };
    default:
      // A newer server's event: its place in the sequence counts, its content is not for us.
      return state;
  }
}

function reduceDirect(state: RoomState, event: DirectEvent): RoomState {
  switch (event.type) {
    case 'your_role': {
      const changed = { ...state, you: { ...state.you, role: event.role } };
      if (isModerator(changed)) return changed;
      delete changed.hands;
      return { ...changed, invitations: new Map() };
    }
    case 'your_hand': {
      const you = { ...state.you };
      if (event.hand) you.hand = event.hand;
      else delete you.hand;
      return { ...state, you };
    }
    case 'your_invitation': {
      const you = { ...state.you };
      if (event.invitation) you.invitation = event.invitation;
      else delete you.invitation;
      return { ...state, you };
    }
    case 'hands':
      return { ...state, hands: event.hands };
    case 'hand_raised':
      return { ...state, hands: withHand(state.hands ?? [], event.hand) };
    case 'hand_lowered':
      return { ...state, hands: (state.hands ?? []).filter((hand) => hand.person.id !== event.user) };
    case 'invitation_updated': {
      const { person } = event;
      const others = without(state.invitations, person.id);
      const invitations = event.state === 'sent' ? new Map([...others, [person.id, person]]) : others;
      return { ...state, invitations };
    }
    case 'removed':
      return { ...state, removed: { banned: event.banned } };
    default:
      return state;
  }
}

/** The stage is in the order of arrival: a member who changes keeps the place. */
function withMember(stage: StageMember[], member: StageMember): StageMember[] {
  const at = stage.findIndex((other) => other.person.id === member.person.id);
  return at < 0 ? [...stage, member] : stage.map((other, place) => (place === at ? member : other));
}

function withHand(hands: Hand[], hand: Hand): Hand[] {
  const others = hands.filter((other) => other.person.id !== hand.person.id);
  return [...others, hand].sort((a, b) => a.order - b.order);
}

function without(invitations: RoomState['invitations'], user: UserId): RoomState['invitations'] {
  if (!invitations.has(user)) return invitations;
  return new Map([...invitations].filter(([id]) => id !== user));
}

export function memberOf(state: RoomState, user: UserId): StageMember | undefined {
  return state.stage.find((member) => member.person.id === user);
}

export function isModerator(state: RoomState): boolean {
  return state.you.role === 'moderator' || state.you.role === 'host';
}
