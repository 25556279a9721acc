// Generated from signaling/protocol; do not edit. `make generate` writes it, `make check` compares it.

export type RoomId = string;

export type UserId = string;

export type NoticeId = string;

export type RequestId = number;

export type SpeakerNumber = number;

export type ErrorCode = "bad_message" | "too_large" | "hello_timeout" | "unauthorized" | "token_expired" | "forbidden_origin" | "slow_reader" | "taken_over" | "draining" | "removed" | "unknown_type" | "invalid_field" | "rate_limited" | "busy" | "internal" | "not_found" | "method_not_allowed" | "key_reused" | "taken" | "wrong_password" | "account_required" | "not_granted" | "suspended" | "storage_unavailable" | "already_started" | "cancelled" | "too_many" | "room_not_found" | "room_ended" | "room_full" | "room_locked" | "not_invited" | "banned" | "blocked" | "invalid_link" | "already_joined" | "not_joined" | "bad_offer" | "media_unavailable" | "forbidden" | "not_present" | "not_on_stage" | "already_on_stage" | "hands_off" | "no_hand" | "no_invitation" | "stage_full" | "muted_by_moderator" | "slow_mode" | "text_refused";

export type ErrorBody = { 
/**
 * What went wrong, for programs.
 */
code: ErrorCode, 
/**
 * What went wrong, for people (English).
 */
message: string, 
/**
 * When to try again, for `rate_limited`, `slow_mode` and `busy`.
 */
retry_after_ms?: number, };

export type Person = { 
/**
 * Who it is, across rooms and devices.
 */
id: UserId, 
/**
 * The display name.
 */
name: string, 
/**
 * The unique handle, for those who have an account.
 */
handle?: string, 
/**
 * One line under the name, shown for creators.
 */
headline?: string, 
/**
 * Where the picture is, relative to the server.
 */
avatar?: string, 
/**
 * Entered by a link, without an account.
 */
guest: boolean, };

export type Role = "listener" | "speaker" | "moderator" | "host";

export type RoomKind = "open" | "social" | "closed";

export type HandPolicy = "off" | "followed" | "everyone";

export type LinkRole = "listener" | "speaker";

export type Reaction = "clap" | "heart" | "laugh" | "fire" | "wow" | "hundred";

export type RoomInfo = { 
/**
 * The room.
 */
id: RoomId, 
/**
 * What it is about, in a line.
 */
title: string, 
/**
 * What it is about, at more length.
 */
description: string, 
/**
 * What it is about, in lower-case words, for finding it.
 */
topics?: Array<string>, 
/**
 * What is spoken: a BCP 47 tag.
 */
language?: string, 
/**
 * Who may enter.
 */
kind: RoomKind, 
/**
 * Whose hands are taken.
 */
hand_policy: HandPolicy, 
/**
 * Nobody new may enter.
 */
locked: boolean, 
/**
 * Who opened the room, and reclaims it on return.
 */
owner: UserId, 
/**
 * Who is host now (acting, while the owner is away); nobody in the seconds before succession.
 */
host?: UserId, 
/**
 * A link shown to everybody.
 */
pinned_link?: string, 
/**
 * Least time between two lines of chat by one person; 0 is off.
 */
slow_mode_ms: number, 
/**
 * How long a turn on stage should last, shown to all; 0 is off.
 */
turn_ms: number, 
/**
 * Most people on stage.
 */
max_speakers: number, 
/**
 * When the room will end by itself if nothing changes (nobody on stage, or its time is up).
 */
ends_at_ms?: number, };

export type StageMember = { 
/**
 * Who.
 */
person: Person, 
/**
 * The CSRC of their packets.
 */
number: SpeakerNumber, 
/**
 * Host, moderator or speaker.
 */
role: Role, 
/**
 * Not heard: by their own choice or a moderator's.
 */
muted: boolean, 
/**
 * Not heard until a moderator allows it again.
 */
muted_by_moderator: boolean, 
/**
 * False while their connection is lost and the reconnect grace runs.
 */
present: boolean, 
/**
 * When they came on stage.
 */
since_ms: number, };

export type Hand = { 
/**
 * Whose.
 */
person: Person, 
/**
 * Place in the queue: smaller was raised earlier.
 */
order: number, 
/**
 * When it was raised.
 */
raised_at_ms: number, 
/**
 * Has been on stage in this room before (for quiet-first sorting).
 */
has_spoken: boolean, };

export type YourHand = { 
/**
 * 1 is next.
 */
position: number, 
/**
 * Median turn so far times position; absent until a turn was measured.
 */
estimated_wait_ms?: number, };

export type YourInvitation = { 
/**
 * Who invites.
 */
by: UserId, 
/**
 * When it expires.
 */
expires_at_ms: number, };

export type InvitationState = "sent" | "accepted" | "declined" | "expired";

export type StageExit = "stepped_down" | "moved" | "left" | "removed" | "lost";

export type RoomEndReason = "ended_by_host" | "empty" | "time_up" | "ended_by_operator" | "shutdown";

export type Counts = { 
/**
 * People in the audience.
 */
listeners: number, 
/**
 * Raised hands.
 */
hands: number, };

export type Grade = "good" | "fair" | "poor";

export type ChatMessage = { 
/**
 * Counts up within the room.
 */
number: number, 
/**
 * Who wrote it.
 */
from: Person, 
/**
 * What they wrote.
 */
text: string, 
/**
 * When.
 */
at_ms: number, };

export type ModerationAct = "muted" | "allowed_unmute" | "moved_to_audience" | "made_moderator" | "revoked_moderator" | "transferred_host" | "removed" | "banned" | "unbanned" | "locked" | "unlocked" | "changed_hand_policy" | "reported";

export type ModerationEntry = { 
/**
 * When.
 */
at_ms: number, 
/**
 * Who did it.
 */
by: Person, 
/**
 * What was done.
 */
act: ModerationAct, 
/**
 * To whom, where it was done to somebody.
 */
to?: Person, 
/**
 * The reason given with a report.
 */
reason?: string, };

export type You = { 
/**
 * Who you are.
 */
person: Person, 
/**
 * What you are.
 */
role: Role, 
/**
 * Your hand, while it is up.
 */
hand?: YourHand, 
/**
 * Your invitation to the stage, while it stands.
 */
invitation?: YourInvitation, };

export type Snapshot = { 
/**
 * The last event it contains.
 */
seq: number, 
/**
 * What time it is in the room.
 */
now_ms: number, 
/**
 * The room.
 */
room: RoomInfo, 
/**
 * Who is on stage, in the order in which they came.
 */
stage: Array<StageMember>, 
/**
 * How many people.
 */
counts: Counts, 
/**
 * The last lines of chat, oldest first.
 */
chat: Array<ChatMessage>, 
/**
 * You.
 */
you: You, 
/**
 * The queue of hands in its order, for moderators and the host.
 */
hands?: Array<Hand>, };

export type Resume = { 
/**
 * The secret from `welcome`.
 */
session: string, };

export type ClientMessage = { "type": "hello", 
/**
 * From `POST /api/v1/guests`, from signing in, or from another product's application token. A page of the
 * server's own may leave it out: its session cookie came with the handshake.
 */
token?: string, 
/**
 * Continue a lost session.
 */
resume?: Resume, } | { "type": "ping" } | { "type": "join", 
/**
 * Which.
 */
room: RoomId, 
/**
 * SDP: one sendonly and up to four recvonly audio sections.
 */
offer: string, 
/**
 * The secret of a link, for closed and locked rooms or with a role.
 */
link?: string, } | { "type": "leave" } | { "type": "restart_ice", 
/**
 * The new offer.
 */
offer: string, } | { "type": "raise_hand" } | { "type": "lower_hand" } | { "type": "invite", 
/**
 * To whom.
 */
user: UserId, } | { "type": "dismiss_hand", 
/**
 * Whose.
 */
user: UserId, } | { "type": "accept_invite" } | { "type": "decline_invite" } | { "type": "take_stage" } | { "type": "step_down" } | { "type": "mute" } | { "type": "unmute" } | { "type": "mute_speaker", 
/**
 * Whom.
 */
user: UserId, } | { "type": "allow_unmute", 
/**
 * Whom.
 */
user: UserId, } | { "type": "move_to_audience", 
/**
 * Whom.
 */
user: UserId, } | { "type": "make_moderator", 
/**
 * Whom.
 */
user: UserId, } | { "type": "revoke_moderator", 
/**
 * Whom.
 */
user: UserId, } | { "type": "transfer_host", 
/**
 * To whom.
 */
user: UserId, } | { "type": "remove", 
/**
 * Whom.
 */
user: UserId, 
/**
 * And never again in this room.
 */
ban: boolean, } | { "type": "unban", 
/**
 * Whose.
 */
user: UserId, } | { "type": "set_hand_policy", 
/**
 * The new policy.
 */
policy: HandPolicy, } | { "type": "lock" } | { "type": "unlock" } | { "type": "end_room" } | { "type": "chat", 
/**
 * What.
 */
text: string, } | { "type": "react", 
/**
 * With what.
 */
reaction: Reaction, } | { "type": "pin_link", 
/**
 * An http or https address; absent takes it away.
 */
url?: string, } | { "type": "update_room", 
/**
 * A new title.
 */
title?: string, 
/**
 * A new description.
 */
description?: string, 
/**
 * Least time between two lines of chat by one person; 0 is off.
 */
slow_mode_ms?: number, 
/**
 * How long a turn on stage should last; 0 is off.
 */
turn_ms?: number, } | { "type": "ping_follower", 
/**
 * Whom.
 */
user: UserId, } | { "type": "audience", 
/**
 * From the page before; absent for the first.
 */
cursor?: string, } | { "type": "create_link", 
/**
 * What it gives.
 */
role: LinkRole, 
/**
 * How long it works.
 */
expires_in_ms: number, } | { "type": "revoke_link", 
/**
 * Its secret.
 */
link: string, } | { "type": "report", 
/**
 * Whom.
 */
user: UserId, 
/**
 * Why.
 */
reason: string, } | { "type": "moderation_log" };

export type Request = { 
/**
 * Named in the answer's `re`. The same id sent twice is answered as if sent once.
 */
id: RequestId, } & ({ "type": "hello", 
/**
 * From `POST /api/v1/guests`, from signing in, or from another product's application token. A page of the
 * server's own may leave it out: its session cookie came with the handshake.
 */
token?: string, 
/**
 * Continue a lost session.
 */
resume?: Resume, } | { "type": "ping" } | { "type": "join", 
/**
 * Which.
 */
room: RoomId, 
/**
 * SDP: one sendonly and up to four recvonly audio sections.
 */
offer: string, 
/**
 * The secret of a link, for closed and locked rooms or with a role.
 */
link?: string, } | { "type": "leave" } | { "type": "restart_ice", 
/**
 * The new offer.
 */
offer: string, } | { "type": "raise_hand" } | { "type": "lower_hand" } | { "type": "invite", 
/**
 * To whom.
 */
user: UserId, } | { "type": "dismiss_hand", 
/**
 * Whose.
 */
user: UserId, } | { "type": "accept_invite" } | { "type": "decline_invite" } | { "type": "take_stage" } | { "type": "step_down" } | { "type": "mute" } | { "type": "unmute" } | { "type": "mute_speaker", 
/**
 * Whom.
 */
user: UserId, } | { "type": "allow_unmute", 
/**
 * Whom.
 */
user: UserId, } | { "type": "move_to_audience", 
/**
 * Whom.
 */
user: UserId, } | { "type": "make_moderator", 
/**
 * Whom.
 */
user: UserId, } | { "type": "revoke_moderator", 
/**
 * Whom.
 */
user: UserId, } | { "type": "transfer_host", 
/**
 * To whom.
 */
user: UserId, } | { "type": "remove", 
/**
 * Whom.
 */
user: UserId, 
/**
 * And never again in this room.
 */
ban: boolean, } | { "type": "unban", 
/**
 * Whose.
 */
user: UserId, } | { "type": "set_hand_policy", 
/**
 * The new policy.
 */
policy: HandPolicy, } | { "type": "lock" } | { "type": "unlock" } | { "type": "end_room" } | { "type": "chat", 
/**
 * What.
 */
text: string, } | { "type": "react", 
/**
 * With what.
 */
reaction: Reaction, } | { "type": "pin_link", 
/**
 * An http or https address; absent takes it away.
 */
url?: string, } | { "type": "update_room", 
/**
 * A new title.
 */
title?: string, 
/**
 * A new description.
 */
description?: string, 
/**
 * Least time between two lines of chat by one person; 0 is off.
 */
slow_mode_ms?: number, 
/**
 * How long a turn on stage should last; 0 is off.
 */
turn_ms?: number, } | { "type": "ping_follower", 
/**
 * Whom.
 */
user: UserId, } | { "type": "audience", 
/**
 * From the page before; absent for the first.
 */
cursor?: string, } | { "type": "create_link", 
/**
 * What it gives.
 */
role: LinkRole, 
/**
 * How long it works.
 */
expires_in_ms: number, } | { "type": "revoke_link", 
/**
 * Its secret.
 */
link: string, } | { "type": "report", 
/**
 * Whom.
 */
user: UserId, 
/**
 * Why.
 */
reason: string, } | { "type": "moderation_log" });

export type Welcome = { 
/**
 * A secret: whoever sends it in `hello.resume` continues this session.
 */
session: string, 
/**
 * Who you are.
 */
person: Person, 
/**
 * How long a lost session is kept.
 */
reconnect_grace_ms: number, 
/**
 * What waits to be seen; absent for guests, and while the database does not answer.
 */
notices?: Unread, 
/**
 * The room this session is in, if it was resumed there.
 */
room?: Resumed, };

export type Resumed = { 
/**
 * Which.
 */
room: RoomId, 
/**
 * The room as it is now.
 */
snapshot: Snapshot, };

export type Joined = { 
/**
 * SDP: the one answer this connection needs.
 */
answer: string, 
/**
 * The room as it is now.
 */
snapshot: Snapshot, };

export type Reply = { "type": "ok" } | { "type": "welcome" } & Welcome | { "type": "joined" } & Joined | { "type": "ice_restarted", 
/**
 * The SDP answer.
 */
answer: string, } | { "type": "audience", 
/**
 * Listeners, in the order in which they came.
 */
people: Array<Person>, 
/**
 * For the next page; absent on the last.
 */
next?: string, } | { "type": "link", 
/**
 * The secret; the page's address is `/r/<room>#<secret>`.
 */
link: string, } | { "type": "moderation_log", 
/**
 * Oldest first.
 */
entries: Array<ModerationEntry>, } | { "type": "error", 
/**
 * Why.
 */
error: ErrorBody, };

export type RoomEvent = { "type": "room_updated", 
/**
 * The room as it is now.
 */
room: RoomInfo, } | { "type": "stage_updated", 
/**
 * The member as they are now.
 */
member: StageMember, } | { "type": "stage_left", 
/**
 * Who.
 */
user: UserId, 
/**
 * Why.
 */
reason: StageExit, } | { "type": "counts", 
/**
 * The new counts.
 */
counts: Counts, } | { "type": "chat", 
/**
 * The line.
 */
message: ChatMessage, } | { "type": "chat_cleared", 
/**
 * Whose.
 */
user: UserId, } | { "type": "reactions", 
/**
 * How many of each.
 */
reactions: Array<[Reaction, number]>, } | { "type": "room_ended", 
/**
 * Why.
 */
reason: RoomEndReason, };

export type Event = { 
/**
 * One more than the event before.
 */
seq: number, } & ({ "type": "room_updated", 
/**
 * The room as it is now.
 */
room: RoomInfo, } | { "type": "stage_updated", 
/**
 * The member as they are now.
 */
member: StageMember, } | { "type": "stage_left", 
/**
 * Who.
 */
user: UserId, 
/**
 * Why.
 */
reason: StageExit, } | { "type": "counts", 
/**
 * The new counts.
 */
counts: Counts, } | { "type": "chat", 
/**
 * The line.
 */
message: ChatMessage, } | { "type": "chat_cleared", 
/**
 * Whose.
 */
user: UserId, } | { "type": "reactions", 
/**
 * How many of each.
 */
reactions: Array<[Reaction, number]>, } | { "type": "room_ended", 
/**
 * Why.
 */
reason: RoomEndReason, });

export type DirectEvent = { "type": "your_role", 
/**
 * What you are now.
 */
role: Role, } | { "type": "your_hand", 
/**
 * Absent: your hand is down.
 */
hand?: YourHand, } | { "type": "your_invitation", 
/**
 * Absent: it was answered, withdrawn, or has expired.
 */
invitation?: YourInvitation, } | { "type": "your_mute", 
/**
 * Not heard.
 */
muted: boolean, 
/**
 * Only a moderator can lift it.
 */
by_moderator: boolean, } | { "type": "removed", 
/**
 * And cannot come back.
 */
banned: boolean, } | { "type": "hands", 
/**
 * In the queue's order.
 */
hands: Array<Hand>, } | { "type": "hand_raised", 
/**
 * Whose, and where.
 */
hand: Hand, } | { "type": "hand_lowered", 
/**
 * Whose.
 */
user: UserId, } | { "type": "invitation_updated", 
/**
 * Whose.
 */
person: Person, 
/**
 * What.
 */
state: InvitationState, } | { "type": "reported", 
/**
 * What the log says.
 */
entry: ModerationEntry, } | { "type": "notice", 
/**
 * What.
 */
notification: Notification, 
/**
 * Do not disturb: count it, show it where notices are listed, and nothing more.
 */
quiet: boolean, } | { "type": "notices_read", 
/**
 * What waits now.
 */
notices: Unread, } | { "type": "media_connected" } | { "type": "media_closed" } | { "type": "quality", 
/**
 * All in all.
 */
grade: Grade, 
/**
 * Packets lost on the way to you, in thousandths.
 */
loss_permille: number, 
/**
 * Packets lost on the way from you, in thousandths.
 */
loss_up_permille: number, 
/**
 * Interarrival jitter on the way to you.
 */
jitter_ms: number, 
/**
 * Round trip, once known.
 */
rtt_ms?: number, } | { "type": "server_draining", 
/**
 * How long, from now on; what is live then ends.
 */
deadline_ms: number, } | { "type": "closing", 
/**
 * The reason.
 */
error: ErrorBody, };

export type ServerMessage = { 
/**
 * The request's id.
 */
re: RequestId, } & ({ "type": "ok" } | { "type": "welcome" } & Welcome | { "type": "joined" } & Joined | { "type": "ice_restarted", 
/**
 * The SDP answer.
 */
answer: string, } | { "type": "audience", 
/**
 * Listeners, in the order in which they came.
 */
people: Array<Person>, 
/**
 * For the next page; absent on the last.
 */
next?: string, } | { "type": "link", 
/**
 * The secret; the page's address is `/r/<room>#<secret>`.
 */
link: string, } | { "type": "moderation_log", 
/**
 * Oldest first.
 */
entries: Array<ModerationEntry>, } | { "type": "error", 
/**
 * Why.
 */
error: ErrorBody, }) | Event | DirectEvent;

export type CreateGuest = { 
/**
 * The display name.
 */
name: string, };

export type Guest = { 
/**
 * For `hello` and for `Authorization: Bearer`.
 */
token: string, 
/**
 * Who you are now.
 */
person: Person, };

export type CreateRoom = { 
/**
 * What it is about.
 */
title: string, 
/**
 * At more length.
 */
description?: string, 
/**
 * Who may enter; anybody if not given. Social and closed rooms need an account.
 */
kind?: RoomKind, 
/**
 * Whose hands are taken at first; everybody's if not given.
 */
hand_policy?: HandPolicy, 
/**
 * What is spoken: a BCP 47 tag.
 */
language?: string, 
/**
 * What it is about, in words.
 */
topics?: Array<string>, 
/**
 * Who may enter a closed room, and is told of this one; at most 100 accounts.
 */
invited?: Array<UserId>, };

export type LiveRoom = { 
/**
 * The room.
 */
room: RoomInfo, 
/**
 * How many people.
 */
counts: Counts, 
/**
 * Who is on stage, the first few.
 */
stage: Array<Person>, 
/**
 * How many are on stage.
 */
on_stage: number, };

export type RoomCreated = { 
/**
 * The room's id.
 */
id: RoomId, 
/**
 * The page to share, relative to the server: `/r/<id>`.
 */
path: string, };

export type LiveRooms = { 
/**
 * The page, largest first.
 */
rooms: Array<LiveRoom>, 
/**
 * `?cursor=` of the next page; absent on the last.
 */
next?: string, };

export type InviteToRoom = { 
/**
 * At most 100 accounts.
 */
people: Array<UserId>, };

export type RoomHistory = { 
/**
 * A page, oldest first.
 */
events: Array<RoomHistoryEvent>, 
/**
 * `?cursor=` of the next page; absent on the last.
 */
next?: string, };

export type RoomHistoryEvent = { 
/**
 * Counts up within the room.
 */
number: number, 
/**
 * When, in the room's time.
 */
at_ms: number, 
/**
 * `joined`, `left`, `moderated`, `reported`, or the name of the room's event.
 */
kind: string, 
/**
 * What, depending on the kind.
 */
body: unknown, };

export type Report = { 
/**
 * The report's id.
 */
id: string, 
/**
 * In which room.
 */
room: RoomId, 
/**
 * When, UTC.
 */
created_at_ms: number, 
/**
 * Who reported whom, and why.
 */
entry: ModerationEntry, 
/**
 * The reported person's lines of chat, the last ones.
 */
evidence: Array<ChatMessage>, };

export type Reports = { 
/**
 * The page.
 */
reports: Array<Report>, 
/**
 * `?cursor=` of the next page; absent on the last.
 */
next?: string, };

export type CreateApiKey = { 
/**
 * Whose it is, for operators.
 */
name: string, };

export type ApiKey = { 
/**
 * What its tokens name as their issuer (`iss`); no secret.
 */
id: string, 
/**
 * Whose it is, for operators.
 */
name: string, 
/**
 * When it was made, UTC.
 */
created_at_ms: number, };

export type ApiKeyCreated = { 
/**
 * The key.
 */
key: ApiKey, 
/**
 * What the product signs with (HMAC-SHA256 over these characters); shown once.
 */
secret: string, };

export type ApiKeys = { 
/**
 * All of them.
 */
keys: Array<ApiKey>, };

export type Problem = { 
/**
 * `about:blank#<code>`.
 */
type: string, 
/**
 * For people.
 */
title: string, 
/**
 * The HTTP status.
 */
status: number, 
/**
 * The stable code.
 */
code: ErrorCode, 
/**
 * What exactly, where there is more to say.
 */
detail?: string, 
/**
 * What somebody else has, with `taken`.
 */
field?: TakenField, };

export type TakenField = "handle" | "email";

export type CreateAccount = { 
/**
 * Unique: 3 to 20 of a to z, 0 to 9 and `_`, beginning with a letter.
 */
handle: string, 
/**
 * The display name.
 */
name: string, 
/**
 * At least eight characters.
 */
password: string, 
/**
 * For resetting the password; shown to nobody.
 */
email?: string, 
/**
 * How this client keeps the session; a cookie if not given.
 */
session?: SessionIn, };

export type SignIn = { 
/**
 * The handle or the email address.
 */
login: string, 
/**
 * The password.
 */
password: string, 
/**
 * How this client keeps the session; a cookie if not given.
 */
session?: SessionIn, };

export type SessionIn = "cookie" | "token";

export type SignedIn = { 
/**
 * Whose session it is.
 */
account: Account, 
/**
 * For `hello` and for `Authorization: Bearer`, if asked for.
 */
token?: string, };

export type Account = { 
/**
 * As others see one.
 */
person: Person, 
/**
 * For resetting the password.
 */
email?: string, 
/**
 * What is written on the profile.
 */
about: About, 
/**
 * May use the operators' API.
 */
admin: boolean, 
/**
 * When it was made, UTC.
 */
created_at_ms: number, };

export type About = { 
/**
 * One line under the name.
 */
headline: string, 
/**
 * At more length.
 */
bio: string, 
/**
 * Addresses of pages: http or https.
 */
links: Array<string>, 
/**
 * BCP 47 tags, `en` or `pt-BR`.
 */
languages: Array<string>, 
/**
 * Lower-case words.
 */
topics: Array<string>, 
/**
 * Creator mode: the headline is shown in rooms, people follow without being followed.
 */
creator: boolean, };

export type UpdateAccount = { 
/**
 * The handle.
 */
handle?: string, 
/**
 * The display name.
 */
name?: string, 
/**
 * The email address; an empty one takes it away.
 */
email?: string, 
/**
 * One line under the name.
 */
headline?: string, 
/**
 * At more length.
 */
bio?: string, 
/**
 * Addresses of pages.
 */
links?: Array<string>, 
/**
 * BCP 47 tags.
 */
languages?: Array<string>, 
/**
 * Words.
 */
topics?: Array<string>, 
/**
 * Creator mode.
 */
creator?: boolean, };

export type ChangePassword = { 
/**
 * The one until now.
 */
current: string, 
/**
 * The one from now.
 */
new: string, };

export type DeleteAccount = { 
/**
 * To be sure.
 */
password: string, };

export type RequestReset = { 
/**
 * The handle or the email address.
 */
login: string, };

export type ResetPassword = { 
/**
 * The one from now.
 */
password: string, };

export type Profile = { 
/**
 * Who.
 */
person: Person, 
/**
 * What they say of themself.
 */
about: About, 
/**
 * How many follow them.
 */
followers: number, 
/**
 * How many they follow.
 */
following: number, 
/**
 * What is between them and the caller; absent for guests and strangers.
 */
between?: Between, 
/**
 * The room they are hosting now, where the caller may see it.
 */
live?: LiveRoom, 
/**
 * When the account was made, UTC.
 */
created_at_ms: number, };

export type Between = { 
/**
 * The caller follows them.
 */
you_follow: boolean, 
/**
 * They follow the caller.
 */
follows_you: boolean, 
/**
 * The caller blocked them.
 */
you_block: boolean, 
/**
 * How much the caller hears of them, if following.
 */
notices?: Wanted, };

export type Listed = { 
/**
 * Who.
 */
person: Person, 
/**
 * How many follow them.
 */
followers: number, 
/**
 * The caller follows them.
 */
you_follow: boolean, };

export type People = { 
/**
 * The page.
 */
people: Array<Listed>, 
/**
 * `?cursor=` of the next page; absent on the last.
 */
next?: string, };

export type CreateScheduled = { 
/**
 * What it is about.
 */
title: string, 
/**
 * At more length.
 */
description?: string, 
/**
 * What it is about, in words.
 */
topics?: Array<string>, 
/**
 * What is spoken: a BCP 47 tag.
 */
language?: string, 
/**
 * When it is to begin, UTC.
 */
starts_at_ms: number, 
/**
 * Who may see and enter it; `open` if not given.
 */
kind?: RoomKind, 
/**
 * Who hosts with the caller: moderators from the beginning.
 */
co_hosts?: Array<UserId>, 
/**
 * Who may see and enter a `closed` one.
 */
invited?: Array<UserId>, 
/**
 * Most people.
 */
capacity?: number, 
/**
 * The room ends at this age.
 */
max_duration_ms?: number, 
/**
 * Only those who said yes may enter, besides the hosts.
 */
registration_required?: boolean, };

export type UpdateScheduled = { 
/**
 * What it is about.
 */
title?: string, 
/**
 * At more length.
 */
description?: string, 
/**
 * What it is about, in words.
 */
topics?: Array<string>, 
/**
 * What is spoken: a BCP 47 tag; empty takes it away.
 */
language?: string, 
/**
 * When it is to begin, UTC. Those who said yes are told.
 */
starts_at_ms?: number, 
/**
 * Who may see and enter it.
 */
kind?: RoomKind, 
/**
 * All who host with the host.
 */
co_hosts?: Array<UserId>, 
/**
 * All who may see and enter a `closed` one.
 */
invited?: Array<UserId>, 
/**
 * Most people; 0 takes the limit away.
 */
capacity?: number, 
/**
 * The room ends at this age; 0 takes the limit away.
 */
max_duration_ms?: number, 
/**
 * Only those who said yes may enter, besides the hosts.
 */
registration_required?: boolean, };

export type Scheduled = { 
/**
 * The room's, now and once it is live: one link for both.
 */
id: RoomId, 
/**
 * What it is about.
 */
title: string, 
/**
 * At more length.
 */
description: string, 
/**
 * What it is about, in words.
 */
topics: Array<string>, 
/**
 * What is spoken: a BCP 47 tag.
 */
language?: string, 
/**
 * When it is to begin, UTC.
 */
starts_at_ms: number, 
/**
 * Who may see and enter it.
 */
kind: RoomKind, 
/**
 * Whose room it will be.
 */
host: Person, 
/**
 * Who hosts with them.
 */
co_hosts: Array<Person>, 
/**
 * Who may see and enter a `closed` one; told to its hosts only.
 */
invited?: Array<Person>, 
/**
 * Most people.
 */
capacity?: number, 
/**
 * The room ends at this age.
 */
max_duration_ms?: number, 
/**
 * Only those who said yes may enter, besides the hosts.
 */
registration_required: boolean, 
/**
 * How many said yes.
 */
going: number, 
/**
 * The caller said yes.
 */
you_go: boolean, 
/**
 * The caller is the host or a co-host: may start it, and see who said yes.
 */
you_host: boolean, 
/**
 * How far it is.
 */
state: ScheduledState, 
/**
 * The page to share, relative to the server: `/r/<id>`.
 */
path: string, };

export type ScheduledState = "planned" | "live" | "ended" | "cancelled";

export type ScheduledList = "all" | "mine" | "going";

export type ScheduledRooms = { 
/**
 * The page.
 */
scheduled: Array<Scheduled>, 
/**
 * `?cursor=` of the next page; absent on the last.
 */
next?: string, };

export type Hallway = { 
/**
 * Live now: first where people are whom the caller follows, then by their topics and languages, then by size.
 */
live: Array<HallwayRoom>, 
/**
 * To come, in the same order, sooner ones first among equals.
 */
upcoming: Array<Scheduled>, };

export type HallwayRoom = { 
/**
 * The room.
 */
live: LiveRoom, 
/**
 * Those on its stage whom the caller follows.
 */
followed: Array<UserId>, };

export type NoticeKind = "live" | "scheduled" | "cancelled" | "late" | "reminder" | "invited" | "pinged" | "followed";

export type Notification = { 
/**
 * Later ones have greater ids, also as text. The same id twice is the same notice.
 */
id: NoticeId, 
/**
 * What happened.
 */
kind: NoticeKind, 
/**
 * Whose doing it is.
 */
by: Person, 
/**
 * In which room; absent for `followed`.
 */
room?: NoticeRoom, 
/**
 * When it happened, UTC.
 */
created_at_ms: number, 
/**
 * You have seen it.
 */
read: boolean, };

export type NoticeRoom = { 
/**
 * Which.
 */
id: RoomId, 
/**
 * Its title then.
 */
title: string, 
/**
 * Its page, relative to the server.
 */
path: string, 
/**
 * When it is to begin, UTC, for one that is planned.
 */
starts_at_ms?: number, };

export type Notifications = { 
/**
 * The page.
 */
notifications: Array<Notification>, 
/**
 * How many you have not seen, over all pages; 100 stands for more.
 */
unread: number, 
/**
 * `?cursor=` of the next page; absent on the last.
 */
next?: string, };

export type Unread = { 
/**
 * How many you have not seen; 100 stands for more.
 */
unread: number, 
/**
 * The newest notice that is yours. A `notice` whose id is not greater is counted already.
 */
newest?: NoticeId, };

export type MarkRead = { 
/**
 * This one and all before it.
 */
up_to?: NoticeId, 
/**
 * These, at most 100.
 */
ids?: Array<NoticeId>, };

export type NoticePreferences = { 
/**
 * Kinds that you do not want at all.
 */
off: Array<NoticeKind>, 
/**
 * When nothing may disturb you: notices of these hours are kept silently.
 */
quiet?: QuietHours, 
/**
 * How many notices an hour may disturb you, at most 60: the others are kept silently. Invitations, pings, reminders
 * and changes of rooms you said yes to are not counted.
 */
hourly_max: number, };

export type QuietHours = { 
/**
 * `22:30`
 */
from: string, 
/**
 * `07:00`
 */
to: string, 
/**
 * Where: a name of the IANA time zone database, `Europe/Rome`.
 */
zone: string, };

export type Wanted = "all" | "live" | "none";

export type SetWanted = { 
/**
 * How much.
 */
notices: Wanted, };

export type PushKey = { 
/**
 * `applicationServerKey`: an uncompressed P-256 point in base64url (RFC 8292, section 3.2).
 */
key: string, };

export type PushSubscription = { 
/**
 * Where to push to. A capability: whoever knows it and the keys can push.
 */
endpoint: string, 
/**
 * What to encrypt with.
 */
keys: PushKeys, };

export type PushKeys = { 
/**
 * The browser's public key.
 */
p256dh: string, 
/**
 * A secret shared with the browser.
 */
auth: string, };

export type EndPush = { 
/**
 * Which.
 */
endpoint: string, };

export const SUBPROTOCOL = "palco.v1";

export const LIMITS = {
  nameMaxChars: 40,
  titleMaxChars: 80,
  descriptionMaxChars: 500,
  chatMaxChars: 500,
  chatHistoryLines: 50,
  headlineMaxChars: 80,
  bioMaxChars: 1000,
  listMax: 5,
  topicMaxChars: 30,
  avatarMaxBytes: 4194304,
  coHostsMax: 5,
  invitedMax: 200,
} as const;
