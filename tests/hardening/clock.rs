//! The wall clock is moved under a running server.

use std::{fs, path::Path};

use palco_client::ServerEvent;
use palco_protocol::{ClientMessage, DirectEvent};

use super::limits::Directory;
use crate::{
    house::{Guest, SOON, number_of},
    spawned::Spawned,
};

async fn invited(guest: &mut Guest) {
    let invited = |event| match event {
        ServerEvent::Direct(DirectEvent::YourInvitation { invitation: Some(_) }) => Some(()),
        _ => None,
    };
    guest.client.wait_for("the invitation", SOON, invited).await.expect("invited");
}

async fn walk_through(server: &Spawned, clock: &Path) {
    let guest = server.address.guest("Host").await.expect("a guest");
    let room = server.address.create_room(&guest.token, "A room").await.expect("a room").id;
    let client = server.address.connect(&guest.token).await.expect("hello");
    let host = Guest::enter(guest.token, client, room).await;
    host.ask(ClientMessage::Unmute).await.expect("unmuted");
    let _speaking = host.media.play_tone(440.0).expect("a tone");
    let number = number_of(&host.snapshot, host.id());
    let guest = server.address.guest("Listener").await.expect("a guest");
    let client = server.address.connect(&guest.token).await.expect("hello");
    let mut listener = Guest::enter(guest.token, client, room).await;
    listener.hears(number, 440.0).await;
    for (moved, late) in [("+1h", "Late"), ("-1h", "Early"), ("+0", "Punctual")] {
        host.ask(ClientMessage::Invite { user: listener.id() }).await.expect("invited");
        invited(&mut listener).await;
        fs::write(clock, moved).expect("written");
        // Timers: the invitation stands, nobody is taken for lost; the audio is not taken for old.
        let heard = listener.media.packets_from(number);
        listener.media.wait_for_packets(number, heard + 50, SOON).await.expect("audio goes on");
        listener.ask(ClientMessage::AcceptInvite).await.expect("the invitation stands");
        listener.sees_on_stage(listener.id()).await;
        listener.ask(ClientMessage::StepDown).await.expect("stepped down");
        // Tokens of before, and new ones.
        server.address.connect(&listener.token).await.expect("the token is good");
        let guest = server.address.guest(late).await.expect("a guest");
        let client = server.address.connect(&guest.token).await.expect("a new token is good");
        let newcomer = Guest::enter(guest.token, client, room).await;
        newcomer.hears(number, 440.0).await;
    }
    let lost: u64 = (0..palco_client::SLOTS).map(|slot| listener.media.counts(slot).lost).sum();
    assert_eq!(lost, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wall_clock_moved_by_an_hour_changes_nothing() {
    let data = Directory::new("clock");
    let clock = data.0.join("clock");
    fs::write(&clock, "+0").expect("written");
    let server = Spawned::start_by_clock(&data.0, &[], &clock).await;
    walk_through(&server, &clock).await;
}
