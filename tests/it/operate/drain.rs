//! SIGTERM: announced, no new rooms, the live ones go on until they end or the deadline, then the process ends.

use palco_client::{PacketRecord, SLOTS, ServerEvent};
use palco_protocol::{ClientMessage, DirectEvent, ErrorCode, RoomEndReason, RoomEvent};

use super::Host;
use crate::{
    house::{SOON, number_of},
    spawned::Spawned,
};

/// 60 ms of RTP's clock.
const GAP_48K: u32 = 2_880;
/// Two seconds of speech.
const PACKETS: u64 = 100;

#[expect(clippy::needless_pass_by_value, reason = "what `wait_for` hands over")]
fn announced(event: ServerEvent) -> Option<u64> {
    match event {
        ServerEvent::Direct(DirectEvent::ServerDraining { deadline_ms }) => Some(deadline_ms),
        _ => None,
    }
}

fn ended(event: ServerEvent) -> Option<RoomEndReason> {
    match event {
        ServerEvent::Room(event) => match event.event {
            RoomEvent::RoomEnded { reason } => Some(reason),
            _ => None,
        },
        ServerEvent::Direct(_) | ServerEvent::Unasked { .. } => None,
    }
}

/// The audio of these packets in order, by RTP's own clock, which a loaded machine does not disturb.
fn longest_gap_48k(packets: &[PacketRecord]) -> u32 {
    let steps =
        packets.windows(2).map(|two| two[1].timestamp_48k.wrapping_sub(two[0].timestamp_48k));
    steps.max().expect("two packets")
}

/// Must pass 28: announced, deadline kept, no gap over 60 ms for those who stay.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn must_pass_28_a_drain_is_announced_and_audio_goes_on_until_its_deadline() {
    let mut process = Spawned::serve(&["--drain-s", "6"]).await;
    let address = process.address.clone();
    let mut host = Host::speaks_at(&address).await;
    let room = host.session.snapshot.room.id;
    let number = number_of(&host.session.snapshot, host.session.snapshot.you.person.id);
    let token = address.guest("Listener").await.expect("a token").token;
    let mut listener = address.connect(&token).await.expect("hello");
    let heard = listener.join(room, None).await.expect("joined");
    heard.media.wait_for_packets(number, PACKETS / 2, SOON).await.expect("audio");
    let ready =
        async || address.http("GET", "/readyz", None, None).await.expect("an answer").status;
    assert_eq!(ready().await, 204);

    process.signal("TERM");
    let deadline_ms = host.client.wait_for("notice", SOON, announced).await.expect("announced");
    assert!((1..=6_000).contains(&deadline_ms), "{deadline_ms}");
    listener.wait_for("notice", SOON, announced).await.expect("announced to listeners too");
    assert_eq!(ready().await, 503);
    let refused = address.create_room(&token, "Another").await.expect_err("no new room");
    assert_eq!(refused.code(), Some(ErrorCode::Draining));
    let mut late = address.connect(&token).await.expect("sockets are still served");
    late.wait_for("notice", SOON, announced).await.expect("who comes later is told");

    heard.media.wait_for_packets(number, PACKETS, SOON).await.expect("audio goes on");
    let reason = listener.wait_for("the end", SOON, ended).await.expect("ended");
    assert_eq!(reason, RoomEndReason::Shutdown);
    let closed = listener.wait_closed(SOON).await.expect("closed");
    assert_eq!(closed.code, ErrorCode::Draining.close_code());
    assert!(process.ended().await.success());

    let slots = (0..SLOTS).map(|slot| heard.media.packets(slot));
    let packets = slots.max_by_key(Vec::len).expect("slots");
    assert!(packets.len() as u64 > PACKETS, "{}", packets.len());
    let gap = longest_gap_48k(&packets);
    assert!(gap <= GAP_48K, "a gap of {} ms", gap / 48);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_ends_with_the_last_room_and_a_second_signal_ends_it_at_once() {
    // Longer than any test may take: the deadline is not what ends these.
    for second_signal in [false, true] {
        let mut process = Spawned::serve(&["--drain-s", "3600"]).await;
        let mut host = Host::speaks_at(&process.address).await;
        process.signal("TERM");
        host.client.wait_for("notice", SOON, announced).await.expect("announced");
        if second_signal {
            process.signal("INT");
        } else {
            host.client.request(ClientMessage::EndRoom).await.expect("ended by the host");
        }
        assert!(process.ended().await.success());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_come_back_to_the_restarted_server_by_themselves() {
    let mut process = Spawned::serve(&["--drain-s", "0"]).await;
    let address = process.address.clone();
    let mut host = Host::speaks_at(&address).await;
    process.signal("TERM");
    let closed = host.client.wait_closed(SOON).await.expect("closed");
    assert_eq!(closed.code, ErrorCode::Draining.close_code(), "the code that says: come back");
    assert!(process.ended().await.success());

    let port = process.url().replace("http://", "");
    let data = process.directory().0.join("data").display().to_string();
    let flags = ["--listen", &port, "--udp", "127.0.0.1:0", "--data", &data];
    let again = Spawned::serve_in(crate::spawned::Directory::new(), &flags, &[]).await;
    let back = again.address.resume(&host.token, host.client.session()).await.expect("hello");
    let welcome = back.welcome().expect("welcomed");
    assert_eq!(welcome.person.id, host.session.snapshot.you.person.id, "the same person");
    assert!(welcome.room.is_none(), "rooms end with the process");
    let room = address.create_room(&host.token, "Again").await.expect("a room").id;
    back.join(room, None).await.expect("joined");
}
