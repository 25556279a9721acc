//! From a microphone to a listener's ear and back: the whole path, without a browser.

use palco_protocol::{ClientMessage, Role, RoomEndReason, RoomEvent};

use crate::house::{House, number_of};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_hears_the_host_goes_on_stage_and_is_heard() {
    let house = House::open().await;
    let mut host = house.host("Host").await;
    assert_eq!(host.snapshot.you.role, Role::Host);
    let host_number = number_of(&host.snapshot, host.id());
    host.ask(ClientMessage::Unmute).await.expect("the host unmutes");
    let _host_speaks = host.media.play_tone(440.0).expect("a tone");

    let mut guest = house.listener("Guest", host.room()).await;
    assert_eq!(guest.snapshot.you.role, Role::Listener);
    assert!(guest.snapshot.stage.iter().any(|member| member.number == host_number));
    guest.hears(host_number, 440.0).await;

    // Hand, invitation, acceptance: on stage, muted, with nothing negotiated again.
    let guest_number = guest.brought_on_stage_by(&mut host).await;
    let _guest_speaks = guest.media.play_tone(880.0).expect("a tone");
    let third = house.listener("Third", host.room()).await;
    third.hears(host_number, 440.0).await;
    assert_eq!(third.media.packets_from(guest_number), 0, "a new speaker arrives muted");

    guest.ask(ClientMessage::Unmute).await.expect("unmuted");
    third.hears(guest_number, 880.0).await;
    third.hears(host_number, 440.0).await;
    host.hears(guest_number, 880.0).await;
    guest.hears(host_number, 440.0).await;
    assert_eq!(host.media.packets_from(host_number), 0, "a speaker does not hear themself");
    assert_eq!(guest.media.packets_from(guest_number), 0, "a speaker does not hear themself");

    guest.ask(ClientMessage::Mute).await.expect("muted");
    third.hears_no_more(guest_number).await;
    third.hears(host_number, 440.0).await;

    host.ask(ClientMessage::EndRoom).await.expect("ended");
    let mut third = third;
    for person in [&mut guest, &mut third] {
        let ended = |event| match event {
            RoomEvent::RoomEnded { reason } => Some(reason),
            _ => None,
        };
        let reason = person.room_event("the end", ended).await;
        assert_eq!(reason, RoomEndReason::EndedByHost);
        person.hears_no_more(host_number).await;
    }
    assert_eq!(house.load().0, 0, "no room is left");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_listener_hears_at_once_and_several_speak_at_once() {
    let house = House::open().await;
    let mut host = house.host("Host").await;
    let host_number = number_of(&host.snapshot, host.id());
    host.ask(ClientMessage::Unmute).await.expect("unmuted");
    let _speaking = host.media.play_tone(300.0).expect("a tone");
    let early = house.listener("Early", host.room()).await;
    early.hears(host_number, 300.0).await;
    early.media.wait_for_packets(host_number, 100, crate::house::SOON).await.expect("more audio");

    let mut speakers = Vec::new();
    for (name, hz) in [("A", 500.0), ("B", 700.0), ("C", 1_100.0)] {
        let mut speaker = house.listener(name, host.room()).await;
        let number = speaker.brought_on_stage_by(&mut host).await;
        speaker.ask(ClientMessage::Unmute).await.expect("unmuted");
        let speaking = speaker.media.play_tone(hz).expect("a tone");
        speakers.push((speaker, number, hz, speaking));
    }
    let late = house.listener("Late", host.room()).await;
    for listener in [&early, &late] {
        listener.hears(host_number, 300.0).await;
        for (_, number, hz, _) in &speakers {
            listener.hears(*number, *hz).await;
        }
    }
    house.close().await;
}
