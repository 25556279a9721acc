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
    let has = |text: &str| text.to_lowercase().contains(&narrowed.text);
    let named = || {
        live.stage
            .iter()
            .any(|person| has(&person.name) || person.handle.as_deref().is_some_and(has))
    };
    let texts =
        || has(&room.title) || has(&room.description) || room.topics.iter().any(|topic| has(topic));
    (texts() || named())
        && (narrowed.topic.is_empty() || room.topics.contains(&narrowed.topic))
        && (narrowed.language.is_empty()
            || room.language.as_deref().map(primary) == Some(primary(&narrowed.language)))
}

/// Live rooms, each with everybody on its stage, in the order in which they are shown.
pub(crate) fn live(taste: &Taste, rooms: Vec<(LiveRoom, &[UserId])>) -> Vec<HallwayRoom> {
    let mut ranked = BTreeMap::new();
    for (live, stage) in rooms {
        let followed: Vec<_> =
            stage.iter().copied().filter(|user| taste.follows.contains(user)).collect();
        let room = &live.room;
        let weight = taste.weight(followed.len(), &room.topics, room.language.as_deref());
        let people = stage.len() + live.counts.listeners as usize;
        // Ids grow with time: the newer of two equals is first.
        let key = Reverse((weight, people, room.id));
        ranked.insert(key, HallwayRoom { live, followed });
    }
    ranked.into_values().take(LIVE_SHOWN).collect()
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
