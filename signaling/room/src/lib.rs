//! A room as a pure state machine: who is in it, who is on stage, whose hand is up, who may do what.
//!
//! ```text
//!   now, by, Command ──► Room::apply ──► Vec<Effect>, or a Refusal and nothing changed
//!   now ───────────────► Room::tick  ──► Vec<Effect>
//! ```
//!
//! One task owns each room, tells it the time, performs its effects in their order, and calls `tick`
//! when `next_deadline` comes, before the next `apply`. Not the room's job: sockets, sessions,
//! rate limits, media, who follows whom, making secrets, keeping history.
//!
//! Words: somebody is *in the room* (present) from `Join` until they leave, are removed, or their
//! connection has been lost for longer than the reconnect grace; *connected* while it is not lost.
//! Whoever is in the room and not on stage is in the audience, whatever their role.

mod chat;
mod command;
mod effect;
mod hands;
mod invitations;
mod links;
mod moderation;
mod presence;
mod roles;
mod settings;
mod snapshot;
mod stage;
mod succession;
mod timers;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use palco_protocol::{
    ErrorCode, Event, ModerationEntry, RoomEndReason, RoomEvent, RoomInfo, RoomTimeMs, StageExit,
    StageMember, UserId,
    limits::{CHAT_HISTORY_LINES, STAGE_MAX},
};

pub use command::{Command, Entry, Granted, LinkSecret};
pub use effect::{DropReason, Effect, Refusal};
pub use settings::{Settings, TextFilter, Timers};

use chat::{Chat, Reactions};
use effect::Effects;
use hands::Hands;
use links::Links;
use moderation::Ban;
use presence::{Departed, Member};
use roles::{Action, MODERATORS_MAX};
use stage::SpeakerRecord;
use succession::Helm;
use timers::{COUNTS_INTERVAL_MS, Pace};

/// One live room.
#[derive(Debug, Clone)]
pub struct Room {
    timers: Timers,
    max_people: u32,
    max_hands: u32,
    /// The API key of the product that opened it.
    product: Option<String>,
    text_filter: Option<Arc<dyn TextFilter>>,

    info: RoomInfo,
    /// `info` is to be broadcast before this step ends.
    info_changed: bool,
    seq: u64,
    ended: Option<RoomEndReason>,

    /// Everybody in the room.
    people: BTreeMap<UserId, Member>,
    /// Those of them who are not on stage, by the order in which they came.
    audience: BTreeMap<u64, UserId>,
    /// How many times somebody came.
    arrivals: u64,
    /// Who left last, so that they can still be banned and reported.
    departed: Departed,
    /// Whose connection is lost, by when their grace ends.
    graces: BTreeSet<(RoomTimeMs, UserId)>,
    counts_pace: Pace,

    /// In the order in which they came on stage.
    stage: Vec<StageMember>,
    /// Everybody who ever was on stage.
    speakers: BTreeMap<UserId, SpeakerRecord>,
    hands: Hands,
    /// Who has an invitation (`Member::invitation`), by when it expires.
    invited: BTreeSet<(RoomTimeMs, UserId)>,

    /// Appointed, in the order of their appointment, whether in the room or not. Never the owner.
    moderators: Vec<UserId>,
    helm: Helm,
    bans: BTreeMap<UserId, Ban>,
    links: Links,
    log: Vec<ModerationEntry>,

    chat: Chat,
    reactions: Reactions,
}

impl Room {
    /// Opens a room at time 0. The owner is not in it yet; if nobody comes to lead it within
    /// `empty_room_ms`, it ends.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let timers = settings.timers;
        let helm = Helm::Countdown { until_ms: timers.empty_room_ms };
        // STAGE_MAX is 50: it fits.
        let max_speakers = settings.max_speakers.clamp(1, STAGE_MAX as u32);
        let mut moderators = settings.moderators;
        moderators.retain(|&moderator| moderator != settings.owner);
        moderators.truncate(MODERATORS_MAX);
        let mut room = Self {
            timers,
            max_people: settings.max_people,
            max_hands: settings.max_hands,
            product: settings.product,
            text_filter: settings.text_filter,
            info: RoomInfo {
                id: settings.id,
                title: settings.title,
                description: settings.description,
                topics: settings.topics,
                language: settings.language,
                kind: settings.kind,
                hand_policy: settings.hand_policy,
                locked: false,
                owner: settings.owner,
                host: None,
                pinned_link: None,
                slow_mode_ms: settings.slow_mode_ms,
                turn_ms: settings.turn_ms,
                max_speakers,
                ends_at_ms: None,
            },
            info_changed: false,
            seq: 0,
            ended: None,
            people: BTreeMap::new(),
            audience: BTreeMap::new(),
            arrivals: 0,
            departed: Departed::default(),
            graces: BTreeSet::new(),
            counts_pace: Pace::new(COUNTS_INTERVAL_MS),
            stage: Vec::new(),
            speakers: BTreeMap::new(),
            hands: Hands::default(),
            invited: BTreeSet::new(),
            moderators,
            helm,
            bans: BTreeMap::new(),
            links: Links::default(),
            log: Vec::new(),
            chat: Chat::new(CHAT_HISTORY_LINES),
            reactions: Reactions::default(),
        };
        room.info.ends_at_ms = room.ends_at_ms();
        room
    }

    /// Does what somebody asks, or refuses and changes nothing. A deadline that is due must have
    /// been ticked before.
    pub fn apply(
        &mut self,
        now: RoomTimeMs,
        by: UserId,
        command: Command,
    ) -> Result<Vec<Effect>, Refusal> {
        if self.ended.is_some() {
            return Err(ErrorCode::RoomEnded.into());
        }
        // Commands of the table are for people in the room, according to their role; whoever was
        // lost returns first, so that an owner away does not meddle with the acting host.
        if let Some(action) = Action::of(&command) {
            if !self.is_connected(by) {
                return Err(ErrorCode::NotJoined.into());
            }
            self.permit(by, action)?;
        }
        let enters = matches!(command, Command::Join { .. } | Command::Returned);
        let mut effects = Effects::new();
        let out = &mut effects;
        match command {
            Command::Join { person, entry } => self.join(now, by, person, &entry, out)?,
            Command::Lost => self.lost(now, by, out),
            Command::Returned => self.returned(by, out)?,
            Command::Evict => self.evict(now, by, out),
            Command::Leave => self.remove_person(now, by, StageExit::Left, out),
            Command::RaiseHand { followed } => self.raise_hand(now, by, followed, out)?,
            Command::LowerHand => self.lower_hand(now, by, out),
            Command::DismissHand { user } => self.dismiss_hand(now, user, out)?,
            Command::Invite { user } => self.invite(now, by, user, out)?,
            Command::AcceptInvite => self.accept_invite(now, by, out)?,
            Command::DeclineInvite => self.decline_invite(now, by, out)?,
            Command::TakeStage => self.take_stage(now, by, out)?,
            Command::StepDown => self.step_down(now, by, out)?,
            Command::Mute => self.mute(by, out)?,
            Command::Unmute => self.unmute(by, out)?,
            Command::MuteSpeaker { user } => self.mute_speaker(now, by, user, out)?,
            Command::AllowUnmute { user } => self.allow_unmute(now, by, user, out)?,
            Command::MoveToAudience { user } => self.move_to_audience(now, by, user, out)?,
            Command::MakeModerator { user } => self.make_moderator(now, by, user, out)?,
            Command::RevokeModerator { user } => self.revoke_moderator(now, by, user, out)?,
            Command::TransferHost { user } => self.transfer_host(now, by, user, out)?,
            Command::Remove { user, ban } => self.remove(now, by, user, ban, out)?,
            Command::Unban { user } => self.unban(now, by, user, out),
            Command::SetHandPolicy { policy } => self.set_hand_policy(now, by, policy, out),
            Command::Lock => self.set_locked(now, by, true, out),
            Command::Unlock => self.set_locked(now, by, false, out),
            Command::EndRoom => self.end(RoomEndReason::EndedByHost, out),
            Command::Chat { text } => self.write(now, by, &text, out)?,
            Command::React { reaction } => self.reactions.add(now, reaction),
            Command::PinLink { url } => self.pin_link(url)?,
            Command::UpdateRoom { title, description, slow_mode_ms, turn_ms } => {
                self.update(title, description, slow_mode_ms, turn_ms)?;
            }
            Command::PingFollower { user, follows } => {
                self.ping_follower(by, user, follows, out)?;
            }
            Command::CreateLink { secret, role, expires_in_ms } => {
                self.create_link(now, by, secret, role, expires_in_ms)?;
            }
            Command::RevokeLink { secret } => self.revoke_link(&secret, out),
            Command::Report { user, reason } => self.report(now, by, user, &reason, out)?,
            Command::End { reason } => self.end(reason, out),
        }
        if self.ended.is_none() {
            self.settle(now, out);
            self.announce_info(out);
        }
        if enters {
            // Whoever comes in gets a snapshot, which says it all: told apart, it would come before it.
            out.retain(|effect| !matches!(effect, Effect::Tell { user, .. } if *user == by));
        }
        Ok(effects)
    }

    fn broadcast(&mut self, event: RoomEvent, out: &mut Effects) {
        self.seq += 1;
        out.push(Effect::Broadcast(Event { seq: self.seq, event }));
    }

    fn announce_info(&mut self, out: &mut Effects) {
        if std::mem::take(&mut self.info_changed) {
            self.broadcast(RoomEvent::RoomUpdated { room: self.info.clone() }, out);
        }
    }

    fn end(&mut self, reason: RoomEndReason, out: &mut Effects) {
        let senders = self.stage.iter().filter(|member| !member.muted);
        out.extend(senders.map(|member| Effect::StopSending { user: member.person.id }));
        self.ended = Some(reason);
        self.broadcast(RoomEvent::RoomEnded { reason }, out);
        out.push(Effect::Ended { reason });
    }
}
