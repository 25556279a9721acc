//! Around the stage: chat, reactions, what the room says of itself, coming and going.

use std::collections::BTreeMap;

use palco_protocol::{
    ClientMessage, ErrorCode, Person, Reaction, Reply, RoomEvent, RoomInfo, http::LiveRoom, limits,
};
use palco_room::TextFilter;

use super::venue::{Told, Venue, Visitor, all_are_told};

fn chat(text: &str) -> ClientMessage {
    ClientMessage::Chat { text: text.to_owned() }
}

fn update(title: Option<&str>, description: Option<&str>) -> ClientMessage {
    let (title, description) = (title.map(str::to_owned), description.map(str::to_owned));
    ClientMessage::UpdateRoom { title, description, slow_mode_ms: None, turn_ms: None }
}

fn pin(url: Option<&str>) -> ClientMessage {
    ClientMessage::PinLink { url: url.map(str::to_owned) }
}

async fn room_update(person: &mut Visitor) -> RoomInfo {
    match person.one_news().await {
        Told::All(RoomEvent::RoomUpdated { room }) => room,
        other => panic!("no room: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_reaches_all_and_the_snapshot_keeps_the_last_fifty() {
    let venue = Venue::open().await;
    let mut host = venue.host().await;
    let mut witness = venue.listener("Wim", host.room()).await;
    // Sixty lines are twelve people's bursts.
    let mut written = Vec::new();
    for n in 0..12 {
        let writer = venue.listener(&format!("Writer {n}"), host.room()).await;
        for line in 0..5 {
            writer.does(chat(&format!("  {n}\n{line} "))).await;
            written.push((writer.person.clone(), format!("{n}\n{line}")));
        }
    }
    let news = witness.news().await;
    let lines: Vec<_> = news
        .iter()
        .map(|told| match told {
            Told::All(RoomEvent::Chat { message }) => message.clone(),
            other => panic!("no line: {other:?}"),
        })
        .collect();
    let came: Vec<(Person, String)> =
        lines.iter().map(|line| (line.from.clone(), line.text.clone())).collect();
    assert_eq!(came, written);
    assert!(lines.iter().map(|line| line.number).eq(1..=60));
    assert!(lines.is_sorted_by_key(|line| line.at_ms));
    all_are_told([&mut host], &news).await;
    let mut late = venue.visitor("Late").await;
    let snapshot = late.enter(host.room(), None).await.expect("an open door");
    assert_eq!(snapshot.chat, lines[60 - limits::CHAT_HISTORY_LINES..]);
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reactions_are_summed_and_name_nobody() {
    let venue = Venue::open().await;
    let mut host = venue.host().await;
    let mut witness = venue.listener("Wim", host.room()).await;
    let mut sent = BTreeMap::new();
    for n in 0..6 {
        let fan = venue.listener(&format!("Fan {n}"), host.room()).await;
        for reaction in [Reaction::Clap, Reaction::Clap, Reaction::Fire] {
            fan.does(ClientMessage::React { reaction }).await;
            *sent.entry(reaction).or_insert(0) += 1;
        }
    }
    let mut seen = BTreeMap::new();
    let mut events = Vec::new();
    while seen != sent {
        let told = witness.next_news().await;
        let Told::All(RoomEvent::Reactions { reactions }) = &told else { panic!("{told:?}") };
        let mut kinds: Vec<_> = reactions.iter().map(|(reaction, _)| reaction).collect();
        kinds.dedup();
        assert_eq!(kinds.len(), reactions.len(), "each kind once");
        for (reaction, count) in reactions {
            *seen.entry(*reaction).or_insert(0) += count;
        }
        events.push(told);
    }
    assert!(events.len() < 18, "summed: {} events", events.len());
    all_are_told([&mut host], &events).await;
    all_are_told([&mut witness], &[]).await;
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pinned_link_is_checked_and_shown_to_all() {
    let venue = Venue::open().await;
    let mut host = venue.host().await;
    let mut witness = venue.listener("Wim", host.room()).await;
    let longest = format!("https://{}", "x".repeat(limits::LINK_MAX_BYTES - 8));
    let too_long = format!("{longest}x");
    for url in [
        "javascript:alert(1)",
        "data:text/html,x",
        "HTTPS//x",
        "//example.org",
        "example.org",
        "",
        "https://example.org/a b",
        "https://example.org/\n",
        "https://example.org/\u{7}",
        &too_long,
    ] {
        assert_eq!(host.ask(pin(Some(url))).await, Err(ErrorCode::InvalidField), "{url:?}");
    }
    all_are_told([&mut host, &mut witness], &[]).await;
    for url in [Some("http://example.org/?a=b#c"), Some(&*longest), None] {
        host.does(pin(url)).await;
        assert_eq!(room_update(&mut witness).await.pinned_link.as_deref(), url);
        host.news().await;
    }
    // What is so already is told to nobody.
    host.does(pin(None)).await;
    all_are_told([&mut host, &mut witness], &[]).await;
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_room_says_what_moderators_write_of_it() {
    let venue = Venue::open().await;
    let mut host = venue.host().await;
    let mut witness = venue.listener("Wim", host.room()).await;
    let before = witness.resumes(&venue).await.expect("in the room").room;
    host.does(update(Some(" Tea "), None)).await;
    let tea = RoomInfo { title: "Tea".to_owned(), ..before };
    assert_eq!(room_update(&mut witness).await, tea);
    host.does(update(None, Some("At five."))).await;
    let at_five = RoomInfo { description: "At five.".to_owned(), ..tea };
    assert_eq!(room_update(&mut witness).await, at_five);
    host.does(update(None, Some(""))).await;
    let plain = RoomInfo { description: String::new(), ..at_five };
    assert_eq!(room_update(&mut witness).await, plain);
    host.news().await;
    // The hallway sees it without the usual delay.
    let live: LiveRoom = venue.house.address.room(plain.id).await.expect("live");
    assert_eq!(live.room, plain);

    let (title, description) =
        ("x".repeat(limits::TITLE_MAX_CHARS + 1), "x".repeat(limits::DESCRIPTION_MAX_CHARS + 1));
    for change in [
        update(Some(&title), None),
        update(Some(" "), None),
        // Nothing of what is partly wrong is done.
        update(Some("good"), Some(&description)),
        ClientMessage::UpdateRoom {
            title: Some("good".to_owned()),
            description: None,
            slow_mode_ms: Some(24 * 3_600_000 + 1),
            turn_ms: None,
        },
    ] {
        assert_eq!(host.ask(change).await, Err(ErrorCode::InvalidField));
    }
    all_are_told([&mut host, &mut witness], &[]).await;
    assert_eq!(witness.resumes(&venue).await.expect("in the room").room, plain);
    venue.close().await;
}

#[derive(Debug)]
struct NoWeather;

impl TextFilter for NoWeather {
    fn refuses(&self, text: &str) -> bool {
        text.contains("weather")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_word_filter_refuses_what_others_would_read() {
    let venue = Venue::open().await;
    let filter = |settings: &mut palco_room::Settings| {
        settings.text_filter = Some(std::sync::Arc::new(NoWeather));
    };
    let host = venue.host_of(filter).await;
    let mut witness = venue.listener("Wim", host.room()).await;
    for message in [
        chat("nice weather"),
        update(Some("the weather"), None),
        update(None, Some("all about weather")),
    ] {
        assert_eq!(host.ask(message).await, Err(ErrorCode::TextRefused));
    }
    all_are_told([&mut witness], &[]).await;
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_come_and_go_quietly() {
    let venue = Venue::open().await;
    let mut host = venue.host().await;
    let mut witness = venue.listener("Wim", host.room()).await;
    let quiet = venue.listener("Quiet", host.room()).await;
    host.sees_counts(2, 0).await;
    witness.sees_counts(2, 0).await;
    quiet.does(ClientMessage::Leave).await;
    host.sees_counts(1, 0).await;
    witness.sees_counts(1, 0).await;
    all_are_told([&mut host, &mut witness], &[]).await;

    // Lost for good is as quiet; so is a session that is only resumed.
    let mut lost = venue.listener("Lost", host.room()).await;
    witness.sees_counts(2, 0).await;
    lost.loses_socket();
    lost.resumes(&venue).await.expect("in the room");
    all_are_told([&mut host, &mut witness, &mut lost], &[]).await;
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_audience_comes_in_pages_and_knows_who_left() {
    let venue = Venue::open().await;
    let host = venue.host().await;
    let mut people = Vec::new();
    for n in 0..=limits::AUDIENCE_PAGE {
        people.push(venue.listener(&format!("Listener {n}"), host.room()).await);
    }
    let page = async |cursor: Option<String>| match people[0]
        .request(ClientMessage::Audience { cursor })
        .await
    {
        Ok(Reply::Audience { people, next }) => (people, next),
        other => panic!("no page: {other:?}"),
    };
    let persons: Vec<&Person> = people.iter().map(|visitor| &visitor.person).collect();
    let (first, next) = page(None).await;
    assert!(first.iter().eq(persons[..limits::AUDIENCE_PAGE].iter().copied()));
    let (second, end) = page(Some(next.expect("another page"))).await;
    assert!(second.iter().eq(persons[limits::AUDIENCE_PAGE..].iter().copied()));
    assert_eq!(end, None);

    people[7].does(ClientMessage::Leave).await;
    let (whole, end) = page(None).await;
    assert_eq!((whole.len(), end), (limits::AUDIENCE_PAGE, None));
    assert!(!whole.contains(&people[7].person));
    for cursor in ["x", "-1", "18446744073709551616"] {
        let cursor = Some(cursor.to_owned());
        let refused = people[0].request(ClientMessage::Audience { cursor }).await;
        assert_eq!(refused.map_err(|error| error.code), Err(ErrorCode::InvalidField));
    }
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_called_who_does_not_follow() {
    let venue = Venue::open().await;
    let host = venue.host().await;
    let mut stranger = venue.visitor("Stranger").await;
    let call = ClientMessage::PingFollower { user: stranger.id() };
    assert_eq!(host.ask(call.clone()).await, Err(ErrorCode::Forbidden));
    let listener = venue.listener("Lea", host.room()).await;
    assert_eq!(listener.ask(call).await, Err(ErrorCode::NotOnStage));
    all_are_told([&mut stranger], &[]).await;
    venue.close().await;
}
