//! A panic, which is a bug, ends what it happened in and nothing else: forced where nothing on the network leads.

use palco_client::ServerEvent;
use palco_protocol::{ClientMessage, DirectEvent, ErrorCode, RoomEvent, RoomId};
use palco_sfu::{PeerKey, RoomKey, stats::DropCause};

use super::log;
use crate::{
    hostile::{goes_on, running_room},
    house::{Guest, House, SOON, number_of},
};

/// The media connections of a room.
async fn connections(house: &House, room: RoomId) -> Vec<PeerKey> {
    let room = RoomKey(room.0.as_u64_pair().1);
    house.server().media().peers_of(room).await.into_iter().map(|stats| stats.peer).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_a_media_connection_ends_that_connection_alone() {
    log::keep();
    let house = House::open().await;
    let (host, listener) = running_room(&house).await;
    let before = connections(&house, host.room()).await;
    let mut victim = house.listener("Victim", host.room()).await;
    let after = connections(&house, host.room()).await;
    let key = after.into_iter().find(|key| !before.contains(key)).expect("a connection");

    house.server().media().break_peer(key);
    let closed = |event| matches!(event, DirectEvent::MediaClosed).then_some(());
    victim.direct_event("media_closed", closed).await;
    goes_on(&host, &listener).await;
    assert_eq!(house.dropped(DropCause::Fault).await, 1, "counted");
    assert_eq!(log::lines("a media connection ended by a panic"), 1, "logged once");
    assert_eq!(connections(&house, host.room()).await, before, "nothing is left of it");

    // Its person is in the room still, and hears again over a new connection.
    let again = victim.client.join(host.room(), None).await.expect("joined");
    again.media.connected(SOON).await.expect("connects");
    let number = number_of(&host.snapshot, host.id());
    again.media.wait_for_packets(number, 10, SOON).await.expect("audio");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_a_room_ends_that_room_alone() {
    log::keep();
    let house = House::open().await;
    let (host, listener) = running_room(&house).await;
    let mut other = house.host("Other").await;
    let mut member = house.listener("Member", other.room()).await;
    let broken = other.room();

    house.server().signaling().break_room(broken, None).await;
    for guest in [&mut other, &mut member] {
        let ended = |event| matches!(event, RoomEvent::RoomEnded { .. }).then_some(());
        guest.room_event("room_ended", ended).await;
        assert_eq!(guest.ask(ClientMessage::Ping).await, Ok(()), "the socket lives on");
        let refused = guest.ask(ClientMessage::RaiseHand).await.expect_err("in no room");
        assert!(matches!(refused, ErrorCode::NotJoined | ErrorCode::RoomEnded), "{refused:?}");
    }
    assert!(house.address.room(broken).await.is_err(), "it is shown no more");
    let ended = async {
        while !connections(&house, broken).await.is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, ended).await.expect("its media ends");
    assert_eq!(house.server().signaling().faults(), (1, 0), "counted");
    assert_eq!(log::lines(&format!("room={broken}")), 1, "logged once");
    goes_on(&host, &listener).await;
    // Its people go where they like.
    let moved = Guest::enter(member.token, member.client, host.room()).await;
    let number = number_of(&host.snapshot, host.id());
    moved.media.wait_for_packets(number, 10, SOON).await.expect("audio");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_a_socket_ends_that_socket_and_its_session_goes_on() {
    log::keep();
    let house = House::open().await;
    let (host, listener) = running_room(&house).await;
    let mut victim = house.listener("Victim", host.room()).await;
    victim.ask(ClientMessage::RaiseHand).await.expect("a raised hand");

    house.server().signaling().break_room(host.room(), Some(victim.id())).await;
    let closed = victim.client.wait_closed(SOON).await.expect("closed");
    assert_eq!(closed.reason, ErrorCode::Internal.as_str());
    assert_eq!(house.server().signaling().faults(), (0, 1), "counted");
    assert_eq!(log::lines("a socket ended by a panic"), 1, "logged once");
    goes_on(&host, &listener).await;

    let session = victim.client.session().to_owned();
    let mut back = house.address.resume(&victim.token, &session).await.expect("resumed");
    let resumed = back.welcome().expect("welcomed").room.clone().expect("still in the room");
    assert!(resumed.snapshot.you.hand.is_some(), "the hand is still up");
    back.request(ClientMessage::LowerHand).await.expect("lowered");
    let lowered = |event| match event {
        ServerEvent::Direct(DirectEvent::YourHand { hand: None }) => Some(()),
        _ => None,
    };
    back.wait_for("the hand", SOON, lowered).await.expect("events come again");
    let number = number_of(&host.snapshot, host.id());
    let heard = victim.media.packets_from(number);
    victim.media.wait_for_packets(number, heard + 25, SOON).await.expect("media never stopped");
    house.close().await;
}
