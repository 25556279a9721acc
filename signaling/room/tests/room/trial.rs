//! Random sequences of commands by many people in virtual time; after every step the invariants of
//! the design hold, the naive model agrees, and every client's folded picture is the room's.

use std::collections::{BTreeMap, BTreeSet};

use palco_protocol::{
    Counts, HandPolicy, LinkRole, Person, Reaction, Role, RoomEndReason, RoomKind, SpeakerNumber,
    UserId,
};
use palco_room::{Command, Effect, Entry, LinkSecret, Room, Settings, Timers};
use proptest::{prelude::*, sample::select};

use super::{
    client::Client,
    model::Model,
    world::{id, person, settings},
};

pub(crate) const PEOPLE: u8 = 9;

/// Plays it, and checks after every step.
pub(crate) fn play((opening, there, steps): (Settings, u8, Vec<Vec<Step>>)) {
    let mut trial = Trial::new(opening);
    // Most rooms have their owner and others; some steps let them leave again.
    for n in 0..there.min(PEOPLE) {
        let entry = Entry { invited: true, ..Entry::default() };
        trial.step(Step { after_ms: 5, by: n, command: enter(n, entry) });
    }
    for step in steps.into_iter().flatten() {
        trial.step(step);
    }
    trial.settle();
}

#[derive(Debug, Clone)]
pub(crate) struct Step {
    after_ms: u64,
    by: u8,
    command: Command,
}

fn anybody() -> impl Strategy<Value = UserId> {
    (0..PEOPLE).prop_map(id)
}

fn secret() -> impl Strategy<Value = LinkSecret> {
    select(vec!["red", "blue", "unknown"]).prop_map(|secret| LinkSecret(secret.to_owned()))
}

fn entry() -> impl Strategy<Value = Entry> {
    let facts = (any::<bool>(), prop::bool::weighted(0.3), prop::bool::weighted(0.03));
    let origin = prop::option::weighted(0.5, 0..4_u64);
    (prop::option::weighted(0.3, secret()), facts, origin).prop_map(|(link, facts, origin)| {
        let (followed_by_host, invited, blocked) = facts;
        Entry { link, followed_by_host, invited, blocked, origin, granted: None }
    })
}

fn text() -> impl Strategy<Value = String> {
    select(vec!["hello", "again", "  ", "a\u{0}b"]).prop_map(str::to_owned)
}

/// Guests are odd.
fn enter(n: u8, entry: Entry) -> Command {
    Command::Join { person: Person { guest: n % 2 == 1, ..person(n) }, entry }
}

/// What people ask for themselves.
fn own(by: u8) -> impl Strategy<Value = Command> {
    prop_oneof![
        6 => entry().prop_map(move |entry| enter(by, entry)),
        2 => Just(Command::Lost),
        3 => Just(Command::Returned),
        1 => Just(Command::Leave),
        1 => Just(Command::Evict),
        4 => any::<bool>().prop_map(|followed| Command::RaiseHand { followed }),
        1 => Just(Command::LowerHand),
        8 => Just(Command::AcceptInvite),
        1 => Just(Command::DeclineInvite),
        2 => Just(Command::TakeStage),
        1 => Just(Command::StepDown),
        1 => Just(Command::Mute),
        4 => Just(Command::Unmute),
        1 => text().prop_map(|text| Command::Chat { text }),
        1 => Just(Command::React { reaction: Reaction::Clap }),
    ]
}

/// What concerns others.
fn over_others() -> impl Strategy<Value = Command> {
    prop_oneof![
        10 => anybody().prop_map(|user| Command::Invite { user }),
        1 => anybody().prop_map(|user| Command::DismissHand { user }),
        2 => anybody().prop_map(|user| Command::MuteSpeaker { user }),
        2 => anybody().prop_map(|user| Command::AllowUnmute { user }),
        1 => anybody().prop_map(|user| Command::MoveToAudience { user }),
        3 => anybody().prop_map(|user| Command::MakeModerator { user }),
        1 => anybody().prop_map(|user| Command::RevokeModerator { user }),
        1 => anybody().prop_map(|user| Command::TransferHost { user }),
        2 => (anybody(), any::<bool>()).prop_map(|(user, ban)| Command::Remove { user, ban }),
        2 => anybody().prop_map(|user| Command::Unban { user }),
        1 => (anybody(), text()).prop_map(|(user, reason)| Command::Report { user, reason }),
        1 => (anybody(), any::<bool>())
            .prop_map(|(user, follows)| Command::PingFollower { user, follows }),
    ]
}

/// What concerns everybody.
fn of_the_room() -> impl Strategy<Value = Command> {
    prop_oneof![
        9 => select(vec![HandPolicy::Off, HandPolicy::Followed, HandPolicy::Everyone])
            .prop_map(|policy| Command::SetHandPolicy { policy }),
        2 => Just(Command::Lock),
        8 => Just(Command::Unlock),
        4 => text().prop_map(|title| Command::UpdateRoom {
            title: Some(title),
            description: None,
            slow_mode_ms: Some(500),
            turn_ms: None,
        }),
        4 => select(vec!["https://example.org", "gopher://example.org"])
            .prop_map(|url| Command::PinLink { url: Some(url.to_owned()) }),
        12 => (secret(), any::<bool>()).prop_map(|(secret, speaker)| Command::CreateLink {
            secret,
            role: if speaker { LinkRole::Speaker } else { LinkRole::Listener },
            expires_in_ms: 100_000,
        }),
        4 => secret().prop_map(|secret| Command::RevokeLink { secret }),
        // The end of a room ends the test: rare.
        1 => prop_oneof![
            Just(Command::EndRoom),
            Just(Command::End { reason: RoomEndReason::EndedByOperator })
        ],
    ]
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Those who may do something do it more often than those who may not.
    let leader = prop_oneof![6 => Just(0), 2 => 0..PEOPLE];
    let somebody = || 0..PEOPLE;
    let command = prop_oneof![
        50 => somebody().prop_flat_map(|by| (Just(by), own(by))),
        25 => (leader.clone(), over_others()),
        12 => (leader, of_the_room()),
    ];
    let after_ms = prop_oneof![
        60 => 0..20_u64,
        10 => 100..2_000_u64,
        2 => select(vec![10_000_u64, 15_000, 30_000, 60_000]),
    ];
    let one = (after_ms, command)
        .prop_map(|(after_ms, (by, command))| vec![Step { after_ms, by, command }]);
    let come = somebody()
        .prop_map(|n| vec![Step { after_ms: 1, by: n, command: enter(n, Entry::default()) }]);
    let promotion = somebody().prop_map(|n| {
        vec![
            Step { after_ms: 1, by: 0, command: Command::Invite { user: id(n) } },
            Step { after_ms: 1, by: n, command: Command::AcceptInvite },
        ]
    });
    prop_oneof![30 => one, 3 => come, 4 => promotion]
}

pub(crate) fn opening() -> impl Strategy<Value = Settings> {
    let kind = select(vec![RoomKind::Open, RoomKind::Open, RoomKind::Social, RoomKind::Closed]);
    let limits = (2..6_u32, select(vec![5_u32, 20, 20]), select(vec![2_u32, 20]));
    let graces = (select(vec![30_000, 5_000, 0]), select(vec![30_000, 5_000, 0]));
    let end = prop::option::weighted(0.1, Just(300_000));
    (kind, limits, graces, end).prop_map(|(kind, limits, graces, max_duration_ms)| {
        let (max_speakers, max_people, max_hands) = limits;
        let (reconnect_grace_ms, host_grace_ms) = graces;
        let timers =
            Timers { reconnect_grace_ms, host_grace_ms, max_duration_ms, ..Timers::default() };
        Settings { kind, max_speakers, max_people, max_hands, timers, ..settings() }
    })
}

/// The room, and everything around it that must stay true to it.
struct Trial {
    room: Room,
    model: Model,
    now: u64,
    clients: BTreeMap<UserId, Client>,
    heard: BTreeSet<UserId>,
    numbers: BTreeMap<SpeakerNumber, UserId>,
    stage: BTreeSet<UserId>,
    ended: bool,
}

impl Trial {
    fn new(settings: Settings) -> Self {
        Self {
            model: Model::new(&settings),
            room: Room::new(settings),
            now: 0,
            clients: BTreeMap::new(),
            heard: BTreeSet::new(),
            numbers: BTreeMap::new(),
            stage: BTreeSet::new(),
            ended: false,
        }
    }

    fn pass(&mut self, until: u64) {
        while let Some(at) = self.room.next_deadline().filter(|&at| at <= until) {
            assert!(at >= self.now, "a deadline lay in the past");
            self.now = at;
            let effects = self.room.tick(at);
            assert!(self.room.next_deadline().is_none_or(|next| next > at), "due after a tick");
            self.model.tick(at);
            self.perform(&effects);
            self.check(None);
        }
        self.now = until;
    }

    fn step(&mut self, step: Step) {
        self.pass(self.now + step.after_ms);
        let (by, command) = (id(step.by), step.command);
        let before = (format!("{:?}", self.room), self.room.seq());
        let was_present = self.room.is_present(by);
        let expected = self.model.apply(self.now, by, &command);
        let result = self.room.apply(self.now, by, command.clone());
        match &result {
            Ok(effects) => {
                assert_eq!(expected, Ok(()), "{command:?} by {by:?}");
                if command == Command::Leave && !was_present {
                    assert!(effects.is_empty(), "leaving twice is a no-op");
                }
                if matches!(command, Command::Join { .. } | Command::Returned) {
                    let told = |effect: &Effect| matches!(effect, Effect::Tell { user, .. } if *user == by);
                    assert!(!effects.iter().any(told));
                    self.clients.remove(&by);
                }
                if matches!(command, Command::Lost | Command::Leave) {
                    self.clients.remove(&by);
                }
                self.perform(effects);
                if matches!(command, Command::Join { .. } | Command::Returned) {
                    let snapshot = self.room.snapshot(self.now, by).expect("they are in it");
                    self.clients.insert(by, Client { snapshot });
                }
            }
            Err(refusal) => {
                assert_eq!(expected, Err(refusal.code), "{command:?} by {by:?}");
                let after = (format!("{:?}", self.room), self.room.seq());
                assert_eq!(after, before, "a refusal changed the room: {command:?}");
            }
        }
        self.check(Some((by, &command)));
    }

    fn perform(&mut self, effects: &[Effect]) {
        assert!(effects.is_empty() || !self.ended, "something followed the end");
        for effect in effects {
            for client in self.clients.values_mut() {
                client.receive(effect, &self.room);
            }
            match effect {
                Effect::AllowSending { user, .. } => assert!(self.heard.insert(*user)),
                Effect::StopSending { user } => assert!(self.heard.remove(user)),
                Effect::Drop { user, .. } => {
                    assert!(!self.room.is_present(*user) && !self.heard.contains(user));
                    self.clients.remove(user);
                }
                Effect::Ended { .. } => self.ended = true,
                _ => {}
            }
        }
    }

    fn check(&mut self, cause: Option<(UserId, &Command)>) {
        assert_eq!(self.room.has_ended(), self.ended);
        assert_eq!(self.room.has_ended(), self.model.ended);
        if self.ended {
            assert!(self.heard.is_empty());
            assert_eq!(self.room.next_deadline(), None);
            return;
        }
        let present =
            Vec::from_iter((0..PEOPLE).map(id).filter(|&user| self.room.is_present(user)));
        self.check_stage(cause);
        self.check_host(&present);
        self.check_hands(&present);
        self.check_audience(&present);
        self.check_clients(false);
        self.model.check(self.now, &self.room, (0..PEOPLE).map(id));
    }

    fn check_stage(&mut self, cause: Option<(UserId, &Command)>) {
        let stage = Vec::from_iter(self.room.stage());
        assert!(stage.len() <= self.room.info().max_speakers as usize);
        let users = BTreeSet::from_iter(stage.iter().map(|member| member.person.id));
        assert_eq!(users.len(), stage.len(), "on stage twice");
        for member in stage {
            let user = member.person.id;
            assert!(self.room.is_present(user), "on stage and not in the room");
            assert_eq!(Some(member.role), self.room.role_of(user));
            assert!(member.muted || !member.muted_by_moderator);
            assert_eq!(self.room.sending(user).is_some(), self.heard.contains(&user));
            assert_eq!(!member.muted, self.heard.contains(&user));
            let owner = *self.numbers.entry(member.number).or_insert(user);
            assert_eq!(owner, user, "a number was reused");
            if !self.stage.contains(&user) {
                assert!(member.muted, "arrived heard");
                let (by, command) = cause.expect("no timer brings anybody on stage");
                let consent = matches!(command, Command::AcceptInvite | Command::TakeStage)
                    || matches!(command, Command::Join { .. } if self.room.info().owner == user);
                assert!(by == user && consent, "{command:?} brought somebody else on stage");
            }
        }
        assert!(self.heard.is_subset(&users));
        self.stage = users;
    }

    fn check_host(&self, present: &[UserId]) {
        let info = self.room.info();
        let hosts = present.iter().filter(|&&user| self.room.role_of(user) == Some(Role::Host));
        assert_eq!(hosts.copied().collect::<Vec<_>>(), Vec::from_iter(info.host));
        let leads = info.host.is_some_and(|host| self.model.is_connected(host));
        assert!(leads || self.room.next_deadline().is_some(), "nobody leads, and nothing follows");
        if self.model.is_connected(info.owner) {
            assert_eq!(info.host, Some(info.owner), "the owner is here and not host");
        }
    }

    fn check_hands(&self, present: &[UserId]) {
        let mut positions = BTreeSet::new();
        for &user in present {
            let you = self.room.snapshot(self.now, user).expect("present").you;
            if let Some(hand) = you.hand {
                assert_eq!(you.role, Role::Listener, "a hand of somebody who is no listener");
                assert!(positions.insert(hand.position));
            }
        }
        let hands = self.room.counts().hands;
        assert_eq!(positions, BTreeSet::from_iter(1..=hands));
    }

    fn check_audience(&self, present: &[UserId]) {
        let (page, next) = self.room.audience(None);
        assert_eq!(next, None);
        let audience = BTreeSet::from_iter(page.iter().map(|person| person.id));
        assert_eq!(audience.len(), page.len());
        assert_eq!(self.room.counts().listeners as usize, page.len());
        let both = BTreeSet::from_iter(audience.union(&self.stage).copied());
        assert!(audience.is_disjoint(&self.stage));
        assert_eq!(both, BTreeSet::from_iter(present.iter().copied()));
    }

    /// Counts, and places in the queue, are told at most once a second: they are true once nothing is
    /// pending (`settled`).
    fn check_clients(&self, settled: bool) {
        for (user, client) in &self.clients {
            let mut told = client.snapshot.clone();
            let mut real = self.room.snapshot(self.now, *user).expect("present");
            told.now_ms = real.now_ms;
            if !settled {
                for each in [&mut told, &mut real] {
                    each.counts = Counts::default();
                    if let Some(hand) = &mut each.you.hand {
                        (hand.position, hand.estimated_wait_ms) = (0, None);
                    }
                }
            }
            assert_eq!(told, real, "the folded picture is not the room");
        }
    }

    /// Lets everything that is told with delay be told.
    fn settle(&mut self) {
        for _ in 0..1_000 {
            match self.room.next_deadline() {
                Some(at) if at <= self.now + 1_000 => self.pass(at),
                _ if self.ended => return,
                _ => return self.check_clients(true),
            }
        }
        panic!("the room does not come to rest");
    }
}
