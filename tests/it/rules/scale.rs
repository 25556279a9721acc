//! What everybody receives does not grow with the audience.

use std::time::Instant;

use palco_protocol::{ClientMessage, DirectEvent, Reaction, RoomEvent};

use super::venue::{Told, Venue, Visitor};

/// What a listener and a moderator were told while so many came, raised a hand, reacted and left.
struct Heard {
    counts: usize,
    listener: Vec<Told>,
    moderator: Vec<Told>,
    /// Since the first of it at the latest.
    elapsed_ms: usize,
}

async fn crowd(people: usize) -> Heard {
    let venue = Venue::open().await;
    let mut host = venue.host().await;
    let mut listener = venue.listener("Lea", host.room()).await;
    host.news().await;
    listener.sees_counts(1, 0).await;
    listener.counts.clear();
    let begun = Instant::now();
    let mut crowd: Vec<Visitor> = Vec::new();
    for n in 0..people {
        let person = venue.listener(&format!("Person {n}"), host.room()).await;
        person.does(ClientMessage::RaiseHand).await;
        person.does(ClientMessage::React { reaction: Reaction::Heart }).await;
        crowd.push(person);
    }
    for person in crowd {
        person.does(ClientMessage::Leave).await;
    }
    listener.sees_counts(1, 0).await;
    let elapsed_ms = usize::try_from(begun.elapsed().as_millis()).expect("not for ever");
    let heard = Heard {
        listener: listener.news().await,
        counts: listener.counts.len(),
        moderator: host.news().await,
        elapsed_ms,
    };
    venue.close().await;
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_is_told_no_more_while_fifty_come_than_while_five_do() {
    for people in [5, 50] {
        let heard = crowd(people).await;
        // The clock alone says how many: one count a second, one sum of reactions in a quarter of it.
        assert!(heard.counts <= heard.elapsed_ms / 1_000 + 2, "{} counts", heard.counts);
        let sums = heard.listener.len();
        assert!(sums <= heard.elapsed_ms / 250 + 1, "{sums} sums of reactions");
        let reaction = |told: &Told| matches!(told, Told::All(RoomEvent::Reactions { reactions }) if reactions.len() == 1);
        assert!(heard.listener.iter().all(reaction), "{:?}", heard.listener);
        // A moderator is told of each hand: the same measure grows there.
        let hands = heard.moderator.iter().filter(|told| {
            matches!(
                told,
                Told::Me(DirectEvent::HandRaised { .. } | DirectEvent::HandLowered { .. })
            )
        });
        assert_eq!(hands.count(), 2 * people);
    }
}
