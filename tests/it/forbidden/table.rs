//! Every cell of the permission table, as the document has it.

use std::collections::BTreeMap;

use palco::config::Rooms;
use palco_protocol::{
    ClientMessage as M, ErrorCode, HandPolicy, LinkRole, ModerationEntry, Reply, RoomEvent, UserId,
};

use super::Witness;
use crate::{
    protocol::DOCUMENT,
    rules::venue::{Told, Venue, Visitor},
};

/// The columns of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Listener,
    Speaker,
    Moderator,
    ActingHost,
    Owner,
}

const STANDINGS: [Standing; 5] = [
    Standing::Listener,
    Standing::Speaker,
    Standing::Moderator,
    Standing::ActingHost,
    Standing::Owner,
];

/// What the document says nobody of a standing may ask, and what they are told.
fn forbidden_to(standing: Standing) -> BTreeMap<String, ErrorCode> {
    let mut forbidden = BTreeMap::new();
    for line in DOCUMENT.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        // The only table of seven columns; a row begins and ends with a bar.
        let ["", name, may @ .., otherwise, ""] = &cells[..] else { continue };
        if may.len() == STANDINGS.len() && may[standing as usize] == "–" {
            let code = format!("\"{}\"", otherwise.trim_matches('`'));
            let code = serde_json::from_str(&code).expect("a code");
            forbidden.insert(name.trim_matches('`').to_owned(), code);
        }
    }
    forbidden
}

/// A room with somebody of every standing, an actor of one, and a moderator to watch them.
struct Scene {
    venue: Venue,
    actor: Visitor,
    witness: Witness,
    /// Who can read the log, where the actor cannot.
    leader: Option<Visitor>,
    owner: UserId,
    moderator: UserId,
    speaker: UserId,
    listener: UserId,
    _others: Vec<Visitor>,
}

impl Scene {
    async fn of(standing: Standing) -> Self {
        let venue = Venue::open_with(Rooms { host_grace_s: 0, ..Rooms::default() }).await;
        let mut owner = venue.host().await;
        let first = venue.moderator("Mo", &owner).await;
        let mut second = venue.moderator("Max", &owner).await;
        let speaker = venue.speaker("Sue", &owner).await;
        let talker = venue.speaker("Tom", &owner).await;
        let plain = venue.listener("Lea", owner.room()).await;
        let listener = venue.listener("Lou", owner.room()).await;
        listener.does(M::RaiseHand).await;
        second.sees_counts(2, 1).await;
        let acting = standing == Standing::ActingHost;
        if acting {
            owner.loses_socket();
            let taken = |told: &Told| match told {
                Told::All(RoomEvent::RoomUpdated { room }) => room.host == Some(first.id()),
                _ => false,
            };
            second.news_until(taken).await;
        }
        let (owner_id, moderator) = (owner.id(), second.id());
        let (speaker_id, listener_id) = (talker.id(), listener.id());
        let mut others = vec![plain, speaker, first, owner, talker, listener];
        let mut actor = others.remove(match standing {
            Standing::Listener => 0,
            Standing::Speaker => 1,
            Standing::Moderator | Standing::ActingHost => 2,
            Standing::Owner => 3,
        });
        let leader = others.iter().position(|other| other.id() == owner_id && !acting);
        let leader = leader.map(|index| others.remove(index));
        let witness = Witness::of(&venue, second).await;
        actor.news().await;
        Self {
            venue,
            actor,
            witness,
            leader,
            owner: owner_id,
            moderator,
            speaker: speaker_id,
            listener: listener_id,
            _others: others,
        }
    }

    /// A request of this kind that would do something, were it allowed.
    fn request(&self, kind: &str) -> M {
        let (user, secret) = (self.speaker, "0".repeat(32));
        match kind {
            "raise_hand" => M::RaiseHand,
            "step_down" => M::StepDown,
            "mute" => M::Mute,
            "unmute" => M::Unmute,
            "ping_follower" => M::PingFollower { user: UserId(uuid::Uuid::nil()) },
            "take_stage" => M::TakeStage,
            "invite" => M::Invite { user: self.listener },
            "dismiss_hand" => M::DismissHand { user: self.listener },
            "mute_speaker" => M::MuteSpeaker { user },
            "allow_unmute" => M::AllowUnmute { user },
            "move_to_audience" => M::MoveToAudience { user },
            "remove" => M::Remove { user: self.listener, ban: true },
            "unban" => M::Unban { user },
            "set_hand_policy" => M::SetHandPolicy { policy: HandPolicy::Off },
            "lock" => M::Lock,
            "unlock" => M::Unlock,
            "pin_link" => M::PinLink { url: Some("https://example.org".to_owned()) },
            "update_room" => M::UpdateRoom {
                title: Some("Mine".to_owned()),
                description: None,
                slow_mode_ms: None,
                turn_ms: None,
            },
            "create_link" => M::CreateLink { role: LinkRole::Speaker, expires_in_ms: 60_000 },
            "revoke_link" => M::RevokeLink { link: secret },
            "make_moderator" => M::MakeModerator { user },
            "revoke_moderator" => M::RevokeModerator { user: self.moderator },
            "moderation_log" => M::ModerationLog,
            "transfer_host" => M::TransferHost { user },
            "end_room" => M::EndRoom,
            other => panic!("no sample of {other}"),
        }
    }

    async fn log(&self) -> Option<Vec<ModerationEntry>> {
        match self.leader.as_ref()?.request(M::ModerationLog).await {
            Ok(Reply::ModerationLog { entries }) => Some(entries),
            other => panic!("no log: {other:?}"),
        }
    }

    async fn refuses(&mut self, request: M, code: ErrorCode) {
        let what = format!("{request:?} of {}", self.actor.person.name);
        let answer = self.actor.request(request).await.expect_err(&what);
        assert_eq!((answer.code, answer.retry_after_ms), (code, None), "{what}");
        assert_eq!(self.actor.news().await, [], "the actor learns nothing of {what}");
        self.witness.saw_nothing(&self.venue, &what).await;
    }
}

async fn every_cell_of(standing: Standing) {
    let forbidden = forbidden_to(standing);
    let expected = [24, 21, 6, 3, 1][standing as usize];
    assert_eq!(forbidden.len(), expected, "cells of {standing:?}");
    let mut scene = Box::pin(Scene::of(standing)).await;
    let log = scene.log().await;
    for (kind, code) in forbidden {
        scene.refuses(scene.request(&kind), code).await;
    }
    assert_eq!(scene.log().await, log, "no act is in the log");
    scene.venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_listener_may_not_is_refused_and_changes_nothing() {
    Box::pin(every_cell_of(Standing::Listener)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_speaker_may_not_is_refused_and_changes_nothing() {
    Box::pin(every_cell_of(Standing::Speaker)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_moderator_may_not_is_refused_and_changes_nothing() {
    Box::pin(every_cell_of(Standing::Moderator)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_acting_host_may_not_is_refused_and_changes_nothing() {
    Box::pin(every_cell_of(Standing::ActingHost)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_owner_may_not_is_refused_and_changes_nothing() {
    Box::pin(every_cell_of(Standing::Owner)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_acts_against_an_equal_or_somebody_above() {
    for standing in [Standing::Moderator, Standing::ActingHost, Standing::Owner] {
        let mut scene = Box::pin(Scene::of(standing)).await;
        let log = scene.log().await;
        let (themself, owner) = (scene.actor.id(), scene.owner);
        let targets = match standing {
            Standing::Moderator => vec![scene.moderator, themself, owner],
            Standing::ActingHost => vec![themself, owner],
            _ => vec![themself],
        };
        for user in targets {
            for request in [
                M::MuteSpeaker { user },
                M::AllowUnmute { user },
                M::MoveToAudience { user },
                M::Remove { user, ban: false },
                M::Remove { user, ban: true },
            ] {
                scene.refuses(request, ErrorCode::Forbidden).await;
            }
        }
        if standing == Standing::ActingHost {
            let revoke = M::RevokeModerator { user: themself };
            scene.refuses(revoke, ErrorCode::Forbidden).await;
        }
        assert_eq!(scene.log().await, log, "no act is in the log");
        scene.venue.close().await;
    }
}
