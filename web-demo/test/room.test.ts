import { describe, expect, it } from 'vitest';
import type {
  DirectEvent,
  Event,
  Hand,
  InvitationState,
  Person,
  Role,
  RoomInfo,
  Snapshot,
  StageMember,
} from '../src/protocol.gen';
import { fromSnapshot, isGap, isModerator, memberOf, reduce, type RoomState } from '../src/sdk/room';

const person = (id: string): Person => ({ id, name: id.toUpperCase(), guest: true });
const member = (id: string, changes: Partial<StageMember> = {}): StageMember => ({
  person: person(id),
  number: 1,
  role: 'speaker',
  muted: true,
  muted_by_moderator: false,
  present: true,
  since_ms: 0,
  ...changes,
});
const hand = (id: string, order: number): Hand => ({
  person: person(id),
  order,
  raised_at_ms: order,
  has_spoken: false,
});
const room: RoomInfo = {
  id: 'r',
  title: 'Moon',
  description: '',
  kind: 'open',
  hand_policy: 'everyone',
  locked: false,
  owner: 'host',
  host: 'host',
  slow_mode_ms: 0,
  turn_ms: 0,
  max_speakers: 13,
};
const snapshot: Snapshot = {
  seq: 7,
  now_ms: 1_000,
  room,
  stage: [member('host', { role: 'host' })],
  counts: { listeners: 1, hands: 0 },
  chat: [],
  you: { person: person('me'), role: 'listener' },
};
const start = fromSnapshot(snapshot);
const fold = (state: RoomState, ...messages: (Event | DirectEvent)[]): RoomState =>
  messages.reduce(reduce, state);

describe('the sequence', () => {
  it('counts every event, known or not, and ignores those the snapshot contains', () => {
    const counts = (seq: number, listeners: number): Event => ({
      seq,
      type: 'counts',
      counts: { listeners, hands: 0 },
    });
    const state = fold(start, counts(6, 60), counts(7, 70), counts(8, 80));
    expect(state.seq).toBe(8);
    expect(state.counts.listeners).toBe(80);
    expect(reduce(state, { seq: 9, type: 'newer_than_us' } as unknown as Event)).toEqual({
      ...state,
      seq: 9,
    });
  });

  it('sees a gap only when an event is missing', () => {
    const at = (seq: number): Event => ({ seq, type: 'reactions', reactions: [] });
    expect([6, 7, 8, 9].map((seq) => isGap(start, at(seq)))).toEqual([false, false, false, true]);
    expect(isGap(start, { type: 'media_connected' })).toBe(false);
  });
});

describe('the stage', () => {
  it('keeps the order of arrival when a member changes', () => {
    const state = fold(
      start,
      { seq: 8, type: 'stage_updated', member: member('a', { number: 2 }) },
      { seq: 9, type: 'stage_updated', member: member('b', { number: 3 }) },
      { seq: 10, type: 'stage_updated', member: member('a', { number: 2, muted: false }) },
    );
    expect(state.stage.map((one) => [one.person.id, one.muted])).toEqual([
      ['host', true],
      ['a', false],
      ['b', true],
    ]);
    expect(memberOf(state, 'b')?.number).toBe(3);
  });

  it('forgets who left, and leaving twice changes nothing', () => {
    const left = (seq: number): Event => ({ seq, type: 'stage_left', user: 'host', reason: 'left' });
    expect(fold(start, left(8), left(9)).stage).toEqual([]);
  });

  it('does not change your role: only your_role does', () => {
    const state = reduce(start, { seq: 8, type: 'stage_updated', member: member('me') });
    expect(state.you.role).toBe('listener');
    expect(reduce(state, { type: 'your_role', role: 'speaker' }).you.role).toBe('speaker');
  });
});

describe('hands', () => {
  it('are in the order of the queue, one a person', () => {
    const state = fold(
      start,
      { type: 'your_role', role: 'moderator' },
      { type: 'hands', hands: [hand('b', 2)] },
      { type: 'hand_raised', hand: hand('c', 3) },
      { type: 'hand_raised', hand: hand('a', 1) },
      { type: 'hand_raised', hand: hand('c', 4) },
      { type: 'hand_lowered', user: 'b' },
    );
    expect(state.hands?.map((one) => [one.person.id, one.order])).toEqual([
      ['a', 1],
      ['c', 4],
    ]);
    expect(isModerator(state)).toBe(true);
  });

  it('are no business of those who moderate no more', () => {
    const state = fold(
      start,
      { type: 'your_role', role: 'moderator' },
      { type: 'hands', hands: [hand('b', 2)] },
      { type: 'your_role', role: 'speaker' },
    );
    expect('hands' in state).toBe(false);
  });

  it('come and go for their owner', () => {
    const up = reduce(start, { type: 'your_hand', hand: { position: 2 } });
    expect(up.you.hand).toEqual({ position: 2 });
    expect(reduce(up, { type: 'your_hand' })).toEqual(start);
  });
});

describe('invitations', () => {
  it('come and go for their receiver, and leave the hand alone', () => {
    const invited = fold(
      start,
      { type: 'your_hand', hand: { position: 1 } },
      { type: 'your_invitation', invitation: { by: 'host', expires_at_ms: 5 } },
    );
    expect(invited.you).toMatchObject({ hand: { position: 1 }, invitation: { by: 'host' } });
    const answered = reduce(invited, { type: 'your_invitation' });
    expect(answered.you.hand).toEqual({ position: 1 });
    expect('invitation' in answered.you).toBe(false);
  });

  const became = (id: string, state: InvitationState): DirectEvent => ({
    type: 'invitation_updated',
    person: person(id),
    state,
  });
  const standing = (state: RoomState): string[] => [...state.invitations.keys()];

  it.each(['accepted', 'declined', 'expired'] as const)('are known to moderators until %s', (end) => {
    const sent = fold(start, became('a', 'sent'), became('b', 'sent'), became('a', 'sent'));
    expect(standing(sent).sort()).toEqual(['a', 'b']);
    expect(sent.invitations.get('b')).toEqual(person('b'));
    expect(standing(fold(sent, became('a', end), became('c', end)))).toEqual(['b']);
    expect([standing(start), standing(sent).length]).toEqual([[], 2]);
  });

  it('of a thousand people who came and went nothing is left', () => {
    let state = start;
    for (let n = 0; n < 1_000; n++) {
      state = fold(state, became(`${n}`, 'sent'), became(`${n}`, n % 2 ? 'declined' : 'expired'));
    }
    expect(standing(state)).toEqual([]);
  });

  it('are over for whoever comes on stage by themself, and for those who moderate no more', () => {
    const role = (role: Role): DirectEvent => ({ type: 'your_role', role });
    const sent = fold(start, role('moderator'), became('a', 'sent'), became('b', 'sent'));
    expect(standing(reduce(sent, { seq: 8, type: 'stage_updated', member: member('a') }))).toEqual(['b']);
    expect(standing(reduce(sent, role('host'))).length).toBe(2);
    expect(standing(reduce(sent, role('speaker')))).toEqual([]);
  });
});

describe('chat', () => {
  const line = (seq: number, from: string): Event => ({
    seq,
    type: 'chat',
    message: { number: seq, from: person(from), text: String(seq), at_ms: seq },
  });

  it('keeps the last fifty lines, as a snapshot would', () => {
    let state = start;
    for (let seq = 8; seq < 68; seq++) state = reduce(state, line(seq, 'a'));
    expect(state.chat.length).toBe(50);
    expect([state.chat[0]?.number, state.chat[49]?.number]).toEqual([18, 67]);
  });

  it('loses the lines of somebody whose lines were taken away', () => {
    const state = fold(start, line(8, 'a'), line(9, 'b'), { seq: 10, type: 'chat_cleared', user: 'a' });
    expect(state.chat.map((one) => one.from.id)).toEqual(['b']);
  });
});

it('knows when it is over, and why', () => {
  expect(reduce(start, { seq: 8, type: 'room_ended', reason: 'time_up' }).ended).toBe('time_up');
  expect(reduce(start, { type: 'removed', banned: true }).removed).toEqual({ banned: true });
});

it('takes the room as it is now', () => {
  const state = reduce(start, { seq: 8, type: 'room_updated', room: { ...room, locked: true } });
  expect(state.room.locked).toBe(true);
  expect(start.room.locked).toBe(false);
});
