//! The hallway's order: what comes first for somebody. Pure.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashSet},
};

use palco_protocol::{
    UserId,
    http::{HallwayRoom, LiveRoom, Scheduled},
};

use crate::store::Narrowed;

/// Rooms shown.
const LIVE_SHOWN: usize = 100;
/// Planned rooms shown.
const UPCOMING_SHOWN: usize = 20;

/// What somebody likes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Taste {
    pub(crate) follows: HashSet<UserId>,
    pub(crate) topics: Vec<String>,
    pub(crate) languages: Vec<String>,
}

/// What is compared, the most important first: people followed, topics in common, whether it is in a language of theirs.
type Weight = (usize, usize, bool);

impl Taste {
    fn weight(&self, followed: usize, topics: &[String], language: Option<&str>) -> Weight {
        let in_common = topics.iter().filter(|topic| self.topics.contains(topic)).count();
        let understood = language.is_some_and(|language| {
            self.languages.iter().any(|one| primary(one) == primary(language))
        });
        (followed, in_common, understood)
    }
}

/// The language without its region: `pt-BR` is understood by whoever speaks `pt`.
fn primary(language: &str) -> String {
    language.split('-').next().unwrap_or_default().to_lowercase()
}

/// Whether a live room is one of those searched for.
pub(crate) fn matches(narrowed: &Narrowed, live: &LiveRoom) -> bool {
    let room = &live.room;
    let all = narrowed.text.is_empty();
    let has = |text: &str| text.to_lowercase().contains(&narrowed.text);
    let named = || {
        live.stage
            .iter()
            .any(|person| has(&person.name) || person.handle.as_deref().is_some_and(has))
    };
    let texts =
        || has(&room.title) || has(&room.description) || room.topics.iter().any(|topic| has(topic));
    (all || texts() || named())
        && (narrowed.topic.is_empty() || room.topics.contains(&narrowed.topic))
        && (narrowed.language.is_empty()
            || room.language.as_deref().map(primary) == Some(primary(&narrowed.language)))
}

/// Live rooms, each with everybody on its stage, in the order in which they are shown.
pub(crate) fn live(taste: &Taste, rooms: &[(&LiveRoom, &[UserId])]) -> Vec<HallwayRoom> {
    let mut ranked = BTreeMap::new();
    for &(live, stage) in rooms {
        let followed = stage.iter().filter(|user| taste.follows.contains(user)).count();
        let room = &live.room;
        let weight = taste.weight(followed, &room.topics, room.language.as_deref());
        let people = stage.len() + live.counts.listeners as usize;
        // Ids grow with time: the newer of two equals is first.
        let key = Reverse((weight, people, room.id));
        ranked.insert(key, (live, stage));
    }
    // Of many thousand rooms, only what is shown is copied.
    let shown = ranked.into_values().take(LIVE_SHOWN);
    let whole = |(live, stage): (&LiveRoom, &[UserId])| {
        let followed = stage.iter().copied().filter(|user| taste.follows.contains(user)).collect();
        HallwayRoom { live: live.clone(), followed }
    };
    shown.map(whole).collect()
}

/// Planned rooms in the order in which they are shown; sooner ones first among equals.
pub(crate) fn upcoming(taste: &Taste, mut plans: Vec<Scheduled>) -> Vec<Scheduled> {
    plans.sort_by_cached_key(|plan| {
        let hosts = std::iter::once(&plan.host).chain(&plan.co_hosts);
        let followed = hosts.filter(|host| taste.follows.contains(&host.id)).count();
        let weight = taste.weight(followed, &plan.topics, plan.language.as_deref());
        (Reverse(weight), plan.starts_at_ms, plan.id)
    });
    plans.truncate(UPCOMING_SHOWN);
    plans
}

#[cfg(test)]
mod tests {
    use palco_protocol::{
        Counts, HandPolicy, Person, RoomId, RoomInfo, RoomKind, http::ScheduledState,
    };
    use uuid::Uuid;

    use super::*;

    fn user(n: u8) -> UserId {
        UserId(Uuid::from_u128(n.into()))
    }

    fn person(n: u8) -> Person {
        Person {
            id: user(n),
            name: format!("Person {n}"),
            handle: Some(format!("person{n}")),
            headline: None,
            avatar: None,
            guest: false,
        }
    }

    fn room(n: u8, topics: &[&str], language: Option<&str>, listeners: u32) -> LiveRoom {
        let room = RoomInfo {
            id: RoomId(Uuid::from_u128(n.into())),
            title: format!("Room {n}"),
            description: String::new(),
            topics: topics.iter().map(|&topic| topic.to_owned()).collect(),
            language: language.map(str::to_owned),
            kind: RoomKind::Open,
            hand_policy: HandPolicy::Everyone,
            locked: false,
            owner: user(n),
            host: None,
            pinned_link: None,
            slow_mode_ms: 0,
            turn_ms: 0,
            max_speakers: 13,
            ends_at_ms: None,
        };
        LiveRoom {
            room,
            counts: Counts { listeners, hands: 0 },
            stage: vec![person(n)],
            on_stage: 1,
        }
    }

    fn taste() -> Taste {
        Taste {
            follows: [user(50), user(51)].into(),
            topics: vec!["tea".to_owned(), "jazz".to_owned()],
            languages: vec!["pt".to_owned()],
        }
    }

    #[test]
    fn live_rooms_come_by_people_topics_language_size_and_age() {
        let (one, two) = ([user(1), user(50)], [user(50), user(1), user(51)]);
        let nobody: [UserId; 0] = [];
        let rooms = [
            (room(1, &[], None, 5), &nobody[..]),
            (room(2, &[], None, 5), &nobody[..]),
            (room(3, &[], None, 900), &nobody[..]),
            (room(4, &[], Some("pt-BR"), 0), &nobody[..]),
            (room(5, &["tea"], None, 0), &nobody[..]),
            (room(6, &["jazz", "tea"], None, 0), &nobody[..]),
            (room(7, &["jazz", "tea"], Some("pt"), 900), &one[..]),
            (room(8, &[], None, 0), &two[..]),
        ];
        let rooms: Vec<_> = rooms.iter().map(|(live, stage)| (live, *stage)).collect();
        let shown = live(&taste(), &rooms);
        let order: Vec<_> = shown.iter().map(|shown| shown.live.room.id.0.as_u128()).collect();
        assert_eq!(order, [8, 7, 6, 5, 4, 3, 2, 1]);
        let followed: Vec<_> = shown.iter().map(|shown| &shown.followed[..]).collect();
        assert_eq!(followed[..3], [&[user(50), user(51)][..], &[user(50)], &[]]);
        // A stranger has no taste: size, then age.
        let order: Vec<_> = live(&Taste::default(), &rooms)
            .iter()
            .map(|shown| shown.live.room.id.0.as_u128())
            .collect();
        assert_eq!(order, [7, 3, 2, 1, 8, 6, 5, 4]);
    }

    #[test]
    fn planned_rooms_come_by_people_topics_language_and_time() {
        let plan = |n: u8, starts_at_ms, host, co_hosts: &[u8], topics: &[&str]| Scheduled {
            id: RoomId(Uuid::from_u128(n.into())),
            title: String::new(),
            description: String::new(),
            topics: topics.iter().map(|&topic| topic.to_owned()).collect(),
            language: None,
            starts_at_ms,
            kind: RoomKind::Open,
            host: person(host),
            co_hosts: co_hosts.iter().map(|&n| person(n)).collect(),
            invited: Vec::new(),
            capacity: None,
            max_duration_ms: None,
            registration_required: false,
            going: 0,
            you_go: false,
            you_host: false,
            state: ScheduledState::Planned,
            path: String::new(),
        };
        let plans = vec![
            plan(1, 10, 1, &[], &[]),
            plan(2, 9, 1, &[], &[]),
            plan(3, 11, 1, &[], &["tea"]),
            plan(4, 12, 1, &[51], &[]),
            plan(5, 13, 50, &[51], &[]),
            plan(6, 9, 1, &[], &[]),
        ];
        let order: Vec<_> =
            upcoming(&taste(), plans).iter().map(|plan| plan.id.0.as_u128()).collect();
        assert_eq!(order, [5, 4, 3, 2, 6, 1]);
    }

    #[test]
    fn a_search_looks_at_texts_topics_and_people() {
        let mut live = room(7, &["tea"], Some("pt-BR"), 0);
        live.room.description = "Über alles".to_owned();
        let narrowed = |text: &str, topic: &str, language: &str| Narrowed {
            text: text.to_owned(),
            topic: topic.to_owned(),
            language: language.to_owned(),
        };
        for (text, topic, language, expected) in [
            ("", "", "", true),
            ("room 7", "", "", true),
            ("über", "", "", true),
            ("person7", "tea", "pt", true),
            ("te", "", "", true),
            ("", "te", "", false),
            ("", "", "en", false),
            ("room 8", "", "", false),
        ] {
            let narrowed = narrowed(text, topic, language);
            assert_eq!(matches(&narrowed, &live), expected, "{narrowed:?}");
        }
    }
}
