//! A room with its clock, and short words for what tests say often.

use palco_protocol::{
    DirectEvent, ErrorCode, Event, ModerationAct, ModerationEntry, Person, Role, RoomEvent, RoomId,
    RoomInfo, SpeakerNumber, StageMember, UserId, YourHand,
};
use palco_room::{Command, Effect, Entry, LinkSecret, Room, Settings};
use uuid::Uuid;

/// The people of most tests. Their number is their id.
pub(crate) const OWNER: u8 = 0;
pub(crate) const MOD: u8 = 1;
pub(crate) const ANN: u8 = 2;
pub(crate) const BEN: u8 = 3;
pub(crate) const CAT: u8 = 4;
pub(crate) const DAN: u8 = 5;

pub(crate) fn id(n: u8) -> UserId {
    UserId(Uuid::from_u128(u128::from(n) + 1))
}

pub(crate) fn person(n: u8) -> Person {
    Person {
        id: id(n),
        name: format!("person {n}"),
        handle: None,
        headline: None,
        avatar: None,
        guest: false,
    }
}

pub(crate) fn settings() -> Settings {
    Settings::new(RoomId(Uuid::from_u128(1 << 64)), "a room", id(OWNER))
}

pub(crate) fn join(n: u8) -> Command {
    Command::Join { person: person(n), entry: Entry::default() }
}

pub(crate) fn join_by(n: u8, secret: &str) -> Command {
    let entry = Entry { link: Some(LinkSecret(secret.to_owned())), ..Entry::default() };
    Command::Join { person: person(n), entry }
}

pub(crate) const RAISE: Command = Command::RaiseHand { followed: false };

pub(crate) struct World {
    pub(crate) room: Room,
    pub(crate) now: u64,
}

impl World {
    /// Nobody in it yet.
    pub(crate) fn empty(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = settings();
        change(&mut settings);
        Self { room: Room::new(settings), now: 0 }
    }

    /// The owner, a moderator and Ann on stage, all muted; Ben, Cat and Dan in the audience; nothing
    /// is pending, so that the next deadlines are those of the test.
    pub(crate) fn full(change: impl FnOnce(&mut Settings)) -> Self {
        let mut world = Self::empty(change);
        for n in [OWNER, MOD, ANN, BEN, CAT, DAN] {
            world.ok(n, join(n));
        }
        for n in [MOD, ANN] {
            world.promote(n);
        }
        world.ok(OWNER, Command::MakeModerator { user: id(MOD) });
        world.pass(2_000);
        world
    }

    pub(crate) fn promote(&mut self, n: u8) {
        self.ok(OWNER, Command::Invite { user: id(n) });
        self.ok(n, Command::AcceptInvite);
    }

    /// The effects, numbered from 0 alike: that events are numbered without a gap is checked here.
    pub(crate) fn ok(&mut self, by: u8, command: Command) -> Vec<Effect> {
        let seq = self.room.seq();
        let told = format!("{command:?}");
        match self.room.apply(self.now, id(by), command) {
            Ok(effects) => self.renumbered(seq, effects),
            Err(refusal) => panic!("{told} of {by} was refused: {refusal:?}"),
        }
    }

    /// The refusal; that the room is as it was is checked here.
    pub(crate) fn refused(&mut self, by: u8, command: Command) -> ErrorCode {
        let before = format!("{:?}", self.room);
        let told = format!("{command:?}");
        let Err(refusal) = self.room.apply(self.now, id(by), command) else {
            panic!("{told} of {by} was not refused");
        };
        assert_eq!(format!("{:?}", self.room), before, "{told} was refused and changed the room");
        refusal.code
    }

    /// Lets time pass, ticking at each deadline, as the room's owner does.
    pub(crate) fn pass(&mut self, ms: u64) -> Vec<Effect> {
        let (seq, until) = (self.room.seq(), self.now + ms);
        let mut effects = Vec::new();
        while let Some(at) = self.room.next_deadline().filter(|&at| at <= until) {
            self.now = self.now.max(at);
            effects.extend(self.room.tick(self.now));
            assert!(self.room.next_deadline().is_none_or(|next| next > self.now));
        }
        self.now = until;
        self.renumbered(seq, effects)
    }

    fn renumbered(&self, mut seq: u64, mut effects: Vec<Effect>) -> Vec<Effect> {
        for effect in &mut effects {
            if let Effect::Broadcast(event) = effect {
                seq += 1;
                assert_eq!(std::mem::take(&mut event.seq), seq);
            }
        }
        assert_eq!(self.room.seq(), seq);
        effects
    }

    pub(crate) fn role(&self, n: u8) -> Option<Role> {
        self.room.role_of(id(n))
    }

    pub(crate) fn info(&self) -> RoomInfo {
        self.room.info().clone()
    }

    pub(crate) fn host(&self) -> Option<UserId> {
        self.room.info().host
    }

    pub(crate) fn member(&self, n: u8) -> Option<StageMember> {
        self.room.stage().find(|member| member.person.id == id(n)).cloned()
    }

    pub(crate) fn on_stage(&self) -> Vec<UserId> {
        self.room.stage().map(|member| member.person.id).collect()
    }

    /// The stage's event of somebody, as they are now.
    pub(crate) fn stage_updated(&self, n: u8) -> Effect {
        all(RoomEvent::StageUpdated { member: self.member(n).expect("on stage") })
    }

    /// The room's event, as it is now.
    pub(crate) fn room_updated(&self) -> Effect {
        all(RoomEvent::RoomUpdated { room: self.info() })
    }

    pub(crate) fn record(&self, by: u8, act: ModerationAct, to: Option<u8>) -> Effect {
        let (by, to) = (person(by), to.map(person));
        Effect::Record(ModerationEntry { at_ms: self.now, by, act, to, reason: None })
    }
}

/// What everybody learns; `World` numbers all events 0.
pub(crate) fn all(event: RoomEvent) -> Effect {
    Effect::Broadcast(Event { seq: 0, event })
}

pub(crate) fn tell(n: u8, event: DirectEvent) -> Effect {
    Effect::Tell { user: id(n), event }
}

pub(crate) fn moderators(event: DirectEvent) -> Effect {
    Effect::TellModerators { event }
}

pub(crate) fn stop(n: u8) -> Effect {
    Effect::StopSending { user: id(n) }
}

pub(crate) fn allow(n: u8, number: u32) -> Effect {
    Effect::AllowSending { user: id(n), number: SpeakerNumber(number) }
}

pub(crate) fn your_role(n: u8, role: Role) -> Effect {
    tell(n, DirectEvent::YourRole { role })
}

pub(crate) fn your_hand(n: u8, position: u32, estimated_wait_ms: Option<u64>) -> Effect {
    tell(n, DirectEvent::YourHand { hand: Some(YourHand { position, estimated_wait_ms }) })
}

pub(crate) fn hand_down(n: u8) -> Effect {
    tell(n, DirectEvent::YourHand { hand: None })
}

pub(crate) fn counts(listeners: u32, hands: u32) -> Effect {
    all(RoomEvent::Counts { counts: palco_protocol::Counts { listeners, hands } })
}
