//! The queue of hands: who sees it, who is told of a place in it, what survives.

use palco::config::Rooms;
use palco_protocol::{
    ClientMessage, Counts, DirectEvent, ErrorCode, Hand, HandPolicy, RoomEvent, UserId, YourHand,
};

use super::venue::{Told, Venue, Visitor, all_are_told};

fn at(position: u32) -> Told {
    let hand = Some(YourHand { position, estimated_wait_ms: None });
    Told::Me(DirectEvent::YourHand { hand })
}

const DOWN: Told = Told::Me(DirectEvent::YourHand { hand: None });

fn lowered(user: UserId) -> Told {
    Told::Me(DirectEvent::HandLowered { user })
}

fn raised(told: Told) -> Hand {
    match told {
        Told::Me(DirectEvent::HandRaised { hand }) => hand,
        other => panic!("no raised hand: {other:?}"),
    }
}

/// Three people whose hands are up in this order, and who know.
async fn three(venue: &Venue, host: &Visitor) -> [Visitor; 3] {
    let mut people = Vec::new();
    for (position, name) in (1..).zip(["Ann", "Ben", "Cat"]) {
        let mut person = venue.listener(name, host.room()).await;
        person.does(ClientMessage::RaiseHand).await;
        assert_eq!(person.one_news().await, at(position));
        people.push(person);
    }
    people.try_into().unwrap_or_else(|_| unreachable!("three names"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moderators_see_the_queue_its_people_their_place_and_listeners_nothing() {
    let venue = Venue::open().await;
    let mut host = venue.host().await;
    let mut moderator = venue.moderator("Mo", &host).await;
    let mut speaker = venue.speaker("Sue", &host).await;
    let mut listener = venue.listener("Lea", host.room()).await;
    host.news().await;
    moderator.news().await;
    speaker.news().await;
    let [mut ann, mut ben, mut cat] = three(&venue, &host).await;

    let seen: Vec<Hand> = host.news().await.into_iter().map(raised).collect();
    assert_eq!(moderator.news().await.into_iter().map(raised).collect::<Vec<_>>(), seen);
    let people = [&ann.person, &ben.person, &cat.person];
    assert_eq!(seen.iter().map(|hand| &hand.person).collect::<Vec<_>>(), people);
    assert!(seen.is_sorted_by_key(|hand| (hand.order, hand.raised_at_ms)));
    assert!(seen.iter().all(|hand| !hand.has_spoken));
    all_are_told([&mut speaker, &mut listener, &mut ann, &mut ben, &mut cat], &[]).await;

    // The same in the snapshots; the counts are for everybody.
    let snapshot = host.resumes(&venue).await.expect("in the room");
    assert_eq!(snapshot.hands, Some(seen));
    assert_eq!(snapshot.counts, Counts { listeners: 4, hands: 3 });
    let snapshot = listener.resumes(&venue).await.expect("in the room");
    assert_eq!((snapshot.hands, snapshot.you.hand), (None, None));
    assert_eq!(snapshot.counts.hands, 3);
    let place = cat.resumes(&venue).await.expect("in the room").you.hand;
    assert_eq!(place.map(|hand| hand.position), Some(3));

    // One goes down: those behind move up and learn it, moderators learn that it is down.
    ann.does(ClientMessage::LowerHand).await;
    all_are_told([&mut ann], &[DOWN]).await;
    all_are_told([&mut host, &mut moderator], &[lowered(ann.id())]).await;
    assert_eq!(ben.next_news().await, at(1));
    assert_eq!(cat.next_news().await, at(2));
    // Raised again it is the last, whoever it is.
    ann.does(ClientMessage::RaiseHand).await;
    assert_eq!(ann.one_news().await, at(3));
    assert_eq!(raised(host.one_news().await).order, 4);
    assert_eq!(raised(moderator.one_news().await).order, 4);

    // A moderator takes one down without inviting.
    moderator.does(ClientMessage::DismissHand { user: cat.id() }).await;
    assert_eq!(cat.one_news().await, DOWN);
    all_are_told([&mut host, &mut moderator], &[lowered(cat.id())]).await;
    assert_eq!(ann.next_news().await, at(2));
    let again = moderator.ask(ClientMessage::DismissHand { user: cat.id() }).await;
    assert_eq!(again, Err(ErrorCode::NoHand));

    // What comes once a second was no more than the counts for who is not concerned.
    all_are_told([&mut speaker, &mut listener, &mut ben], &[]).await;
    listener.sees_counts(4, 2).await;
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_measured_turn_gives_each_hand_its_wait() {
    let venue = Venue::open().await;
    let host = venue.host().await;
    let mut speaker = venue.speaker("Sue", &host).await;
    let [mut ann, mut ben, mut cat] = three(&venue, &host).await;
    // A turn of some milliseconds, by the server's clock.
    super::venue::pass(20).await;
    speaker.does(ClientMessage::StepDown).await;
    let mut waits = Vec::new();
    for (person, place) in [&mut ann, &mut ben, &mut cat].into_iter().zip(1..) {
        let left = person.next_news().await;
        assert!(matches!(left, Told::All(RoomEvent::StageLeft { .. })), "{left:?}");
        let Told::Me(DirectEvent::YourHand { hand: Some(hand) }) = person.next_news().await else {
            panic!("no place told");
        };
        assert_eq!(hand.position, place);
        waits.push(hand.estimated_wait_ms.expect("a turn was measured"));
    }
    let turn_ms = waits[0];
    assert!(turn_ms >= 20, "{turn_ms} ms");
    assert_eq!(waits, [turn_ms, 2 * turn_ms, 3 * turn_ms]);

    // Whoever raises later is told at once, the one who spoke too; moderators can sort quiet first.
    speaker.news().await;
    speaker.does(ClientMessage::RaiseHand).await;
    let hand = Some(YourHand { position: 4, estimated_wait_ms: Some(4 * turn_ms) });
    assert_eq!(speaker.one_news().await, Told::Me(DirectEvent::YourHand { hand }));
    let mut moderator = venue.moderator("Mo", &host).await;
    let news = moderator.news().await;
    let hands = news.iter().find_map(|told| match told {
        Told::Me(DirectEvent::Hands { hands }) => Some(hands),
        _ => None,
    });
    let hands = hands.expect("a new moderator gets the queue");
    assert_eq!(
        hands.iter().map(|hand| (hand.person.id, hand.has_spoken)).collect::<Vec<_>>(),
        [(ann.id(), false), (ben.id(), false), (cat.id(), false), (speaker.id(), true)]
    );
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_takes_down_the_hands_it_does_not_take() {
    let venue = Venue::open().await;
    let mut host = venue.host().await;
    let mut listener = venue.listener("Lea", host.room()).await;
    let [mut ann, mut ben, mut cat] = three(&venue, &host).await;
    host.news().await;

    // Nobody's hand is one that a moderator follows: none stays.
    for policy in [HandPolicy::Followed, HandPolicy::Off] {
        host.does(ClientMessage::SetHandPolicy { policy }).await;
        let news = listener.one_news().await;
        let Told::All(RoomEvent::RoomUpdated { room }) = &news else { panic!("{news:?}") };
        assert_eq!(room.hand_policy, policy);
        let down = policy == HandPolicy::Followed;
        for person in [&mut ann, &mut ben, &mut cat] {
            let expected = if down { vec![DOWN, news.clone()] } else { vec![news.clone()] };
            all_are_told([person], &expected).await;
        }
        let queue = Told::Me(DirectEvent::Hands { hands: Vec::new() });
        let expected = if down { vec![queue, news.clone()] } else { vec![news.clone()] };
        all_are_told([&mut host], &expected).await;
        for person in [&ann, &listener] {
            assert_eq!(person.ask(ClientMessage::RaiseHand).await, Err(ErrorCode::HandsOff));
        }
        all_are_told([&mut host, &mut ann, &mut listener], &[]).await;
    }
    listener.sees_counts(4, 0).await;

    // Open again, the queue begins anew; the order goes on.
    host.does(ClientMessage::SetHandPolicy { policy: HandPolicy::Everyone }).await;
    ben.news().await;
    host.news().await;
    ben.does(ClientMessage::RaiseHand).await;
    assert_eq!(ben.one_news().await, at(1));
    assert_eq!(raised(host.one_news().await).order, 4);
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hand_survives_a_resumed_socket_and_not_the_grace() {
    let venue = Venue::open_with(Rooms { reconnect_grace_s: 1, ..Rooms::default() }).await;
    let mut host = venue.host().await;
    let [mut ann, mut ben, mut cat] = three(&venue, &host).await;
    host.news().await;
    for _ in 0..2 {
        ann.loses_socket();
        let snapshot = ann.resumes(&venue).await.expect("in the room");
        assert_eq!(snapshot.you.hand, Some(YourHand { position: 1, estimated_wait_ms: None }));
    }
    all_are_told([&mut host, &mut ann, &mut ben, &mut cat], &[]).await;

    // Lost for good: the moderators are told once, and those behind move up.
    ann.loses_socket();
    assert_eq!(host.next_news().await, lowered(ann.id()));
    assert_eq!(ben.next_news().await, at(1));
    assert_eq!(cat.next_news().await, at(2));
    assert_eq!(ann.resumes(&venue).await, None, "the place is not kept for ever");
    ann.enter(host.room(), None).await.expect("an open door");
    ann.does(ClientMessage::RaiseHand).await;
    assert_eq!(ann.one_news().await, at(3));
    assert_eq!(raised(host.one_news().await).person, ann.person);
    all_are_told([&mut host, &mut ben, &mut cat], &[]).await;
    venue.close().await;
}
