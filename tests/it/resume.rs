//! A lost socket is not a lost session: role, media and mute survive it.

use std::time::Duration;

use palco::config::Rooms;
use palco_client::{Media, MediaOptions, SrtpOffer};
use palco_protocol::{ClientMessage, ErrorCode, Role, RoomEvent, StageExit};

use crate::house::{House, SOON, number_of};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_speaker_whose_socket_drops_stays_on_stage_and_is_heard() {
    let house = House::open().await;
    let mut host = house.host("Host").await;
    let mut speaker = house.listener("Speaker", host.room()).await;
    let number = speaker.brought_on_stage_by(&mut host).await;
    speaker.ask(ClientMessage::Unmute).await.expect("unmuted");
    let _speaking = speaker.media.play_tone(880.0).expect("a tone");
    host.hears(number, 880.0).await;

    let (me, session) = (speaker.id(), speaker.client.session().to_owned());
    drop(speaker.client);
    let absent = |event| match event {
        RoomEvent::StageUpdated { member } => {
            (member.person.id == me && !member.present).then_some(())
        }
        _ => None,
    };
    host.room_event("absent", absent).await;

    let back = house.address.resume(&speaker.token, &session).await.expect("resumed");
    let resumed = back.welcome().expect("welcomed").room.clone().expect("still in the room");
    assert_eq!(resumed.snapshot.you.role, Role::Speaker);
    assert_eq!(number_of(&resumed.snapshot, me), number);
    let present = |event| match event {
        RoomEvent::StageUpdated { member } => {
            (member.person.id == me && member.present).then_some(())
        }
        _ => None,
    };
    host.room_event("present", present).await;
    host.hears(number, 880.0).await;

    let left = back.request(ClientMessage::Leave).await;
    left.expect("left");
    let gone = |event| match event {
        RoomEvent::StageLeft { user, reason } => (user == me).then_some(reason),
        _ => None,
    };
    assert_eq!(host.room_event("gone", gone).await, StageExit::Left);
    host.hears_no_more(number).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_persons_session_cannot_be_resumed() {
    let house = House::open().await;
    let host = house.host("Host").await;
    let thief = house.address.guest("Thief").await.expect("a token");
    let client = house.address.resume(&thief.token, host.client.session()).await.expect("hello");
    let welcome = client.welcome().expect("welcomed");
    assert!(welcome.room.is_none(), "a session of their own, in no room");
    assert_ne!(welcome.session, host.client.session());
    assert_eq!(host.ask(ClientMessage::Ping).await, Ok(()), "the host's socket lives on");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_device_takes_over_role_and_media() {
    let house = House::open().await;
    let mut host = house.host("Host").await;
    let number = number_of(&host.snapshot, host.id());
    let listener = house.listener("Listener", host.room()).await;

    let second = house.address.connect(&host.token).await.expect("hello");
    let session = second.join(host.room(), None).await.expect("joined");
    assert_eq!(session.snapshot.you.role, Role::Host);
    session.media.connected(SOON).await.expect("connected");
    let closed = host.client.wait_closed(SOON).await.expect("the first device is closed");
    assert_eq!(closed.code, ErrorCode::TakenOver.close_code());

    second.request(ClientMessage::Unmute).await.expect("unmuted");
    let _speaking = session.media.play_tone(440.0).expect("a tone");
    listener.hears(number, 440.0).await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_sent_twice_is_answered_as_if_sent_once() {
    let house = House::open().await;
    let mut host = house.host("Host").await;
    let text = r#"{"id":900,"type":"chat","text":"once"}"#;
    host.client.send_text(text).await.expect("sent");
    host.client.send_text(text).await.expect("sent again");
    host.ask(ClientMessage::Chat { text: "after".to_owned() }).await.expect("written");
    let mut lines = Vec::new();
    while lines.last().is_none_or(|line| line != "after") {
        let line = |event| match event {
            RoomEvent::Chat { message } => Some(message.text),
            _ => None,
        };
        lines.push(host.room_event("chat", line).await);
    }
    assert_eq!(lines, ["once", "after"]);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_who_is_too_slow_is_closed_resumes_and_the_others_go_on() {
    let house = House::open().await;
    let host = house.host("Host").await;
    let mut slow = house.listener("Slow", host.room()).await;
    slow.ask(ClientMessage::RaiseHand).await.expect("a raised hand");
    slow.client.set_reading(false);

    // Eighty people write the longest lines there are, as fast as they may.
    let options = MediaOptions { server: house.media.ip(), srtp: SrtpOffer::All };
    let (_media, offer) = Media::offer(options).await.expect("an offer");
    let mut writers = Vec::new();
    for n in 0..80 {
        let (_, client) = house.guest(&format!("Writer {n}")).await;
        let join = ClientMessage::Join { room: host.room(), offer: offer.clone(), link: None };
        client.request(join).await.expect("joined");
        writers.push(client);
    }
    let sockets = house.load().1;
    let text = "\u{1f3a4}".repeat(palco_protocol::limits::CHAT_MAX_CHARS);
    let flood = async {
        while house.load().1 == sockets {
            for writer in &writers {
                // Refused when too many; the next round tries again.
                let _ = writer.request(ClientMessage::Chat { text: text.clone() }).await;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(SOON * 4, flood).await.expect("the slow reader is closed");

    slow.client.set_reading(true);
    let _ = slow.client.wait_closed(SOON).await.expect("closed");
    let session = slow.client.session();
    let back = house.address.resume(&slow.token, session).await.expect("resumed");
    let resumed = back.welcome().expect("welcomed").room.clone().expect("still in the room");
    assert!(resumed.snapshot.you.hand.is_some(), "the hand is still up");
    assert_eq!(resumed.snapshot.chat.last().map(|line| &line.text), Some(&text));
    assert_eq!(host.ask(ClientMessage::Ping).await, Ok(()), "nobody else was closed");
    for writer in &writers {
        writer.request(ClientMessage::Ping).await.expect("nobody else was closed");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_grace_a_lost_speaker_is_gone_and_everybody_is_told_once() {
    let house = House::open_with(Rooms { reconnect_grace_s: 1, ..Rooms::default() }).await;
    let mut host = house.host("Host").await;
    let mut speaker = house.listener("Speaker", host.room()).await;
    let number = speaker.brought_on_stage_by(&mut host).await;
    speaker.ask(ClientMessage::Unmute).await.expect("unmuted");
    let _speaking = speaker.media.play_tone(880.0).expect("a tone");
    host.hears(number, 880.0).await;

    let (me, session) = (speaker.id(), speaker.client.session().to_owned());
    assert_eq!(speaker.client.welcome().map(|welcome| welcome.reconnect_grace_ms), Some(1_000));
    drop(speaker.client);
    let gone = |event| match event {
        RoomEvent::StageLeft { user, reason } => (user == me).then_some(reason),
        _ => None,
    };
    assert_eq!(host.room_event("gone", gone).await, StageExit::Lost);
    host.hears_no_more(number).await;

    let back = house.address.resume(&speaker.token, &session).await.expect("hello");
    assert!(back.welcome().expect("welcomed").room.is_none(), "the place is not kept for ever");
    host.ask(ClientMessage::Chat { text: "after".to_owned() }).await.expect("written");
    let told_again = |event| match event {
        RoomEvent::StageLeft { .. } => Some(true),
        RoomEvent::Chat { .. } => Some(false),
        _ => None,
    };
    assert!(!host.room_event("the chat", told_again).await, "told once");
    house.close().await;
}
