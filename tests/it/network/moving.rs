//! Addresses and credentials that change in mid-call: only a connectivity check with valid credentials moves audio.

use std::net::SocketAddr;

use palco_client::PacketRecord;
use palco_protocol::{ClientMessage, Reply};
use palco_sfu::stats::DropCause;
use tokio::{
    net::UdpSocket,
    time::{sleep, timeout},
};

use super::{Entry, enter, heard, play};
use crate::{
    house::{Guest, House, QUIET, SOON},
    impair::{Conditions, Network, Way},
};

/// A NAT that forgot a binding must not cost more (design, section 6 of the field's must-passes).
const OUTAGE_MAX_48K: u32 = 3 * 48_000;

/// The longest time without audio, by the packets' own clock.
fn longest_outage_48k(records: &[PacketRecord]) -> u32 {
    let steps = records.windows(2).map(|pair| pair[1].timestamp_48k - pair[0].timestamp_48k);
    steps.max().expect("packets")
}

/// Until the server has refused so many more packets from addresses that it does not know.
async fn refused_from_unknown(house: &House, more: u64) {
    let enough = house.dropped(DropCause::UnknownPath).await + more;
    let refused = async {
        while house.dropped(DropCause::UnknownPath).await < enough {
            sleep(QUIET / 10).await;
        }
    };
    timeout(SOON, refused).await.expect("refused and counted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_behind_a_nat_that_forgets_hears_again() {
    let house = House::open().await;
    let host = house.host("Host").await;
    let number = play(&host).await;
    let (listener, network) = enter(&house, "Listener", Some(host.room()), Entry::seed(1)).await;
    listener.hears(number, 440.0).await;
    for _ in 0..2 {
        listener.media.wait_for_packets(number, 25, SOON).await.expect("audio");
        network.rebind();
        listener.media.wait_for_packets(number, 25, SOON).await.expect("audio again");
        listener.hears(number, 440.0).await;
    }
    let (counts, records) = heard(&listener);
    let outage_48k = longest_outage_48k(&records);
    assert!(outage_48k > 960, "the NAT did forget");
    assert!(outage_48k <= OUTAGE_MAX_48K, "{} ms", outage_48k / 48);
    assert_eq!((counts.late, counts.undecodable), (0, 0));
    report("listener", outage_48k);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_speaker_behind_a_nat_that_forgets_is_heard_again_after_a_check_and_not_before() {
    let house = House::open().await;
    let (host, network) = enter(&house, "Host", None, Entry::seed(2)).await;
    let number = play(&host).await;
    let listener = house.listener("Listener", host.room()).await;
    listener.hears(number, 440.0).await;

    // As it happens: the next check comes from the new port as well.
    network.rebind();
    listener.media.wait_for_packets(number, 25, SOON).await.expect("heard again");
    listener.hears(number, 440.0).await;
    let outage_48k = longest_outage_48k(&heard(&listener).1);
    assert!(outage_48k <= OUTAGE_MAX_48K, "{} ms", outage_48k / 48);
    report("speaker", outage_48k);

    // Without a check, authentic audio from a new port moves nothing, however much comes.
    let without_stun = Conditions { without_stun: true, ..Conditions::default() };
    network.set(Way::Up, without_stun);
    listener.media.wait_for_packets(number, 5, SOON).await.expect("heard until it moves");
    network.rebind();
    refused_from_unknown(&house, 1).await;
    listener.hears_no_more(number).await;
    let before = listener.media.packets_from(number);
    refused_from_unknown(&house, 25).await;
    assert_eq!(listener.media.packets_from(number), before, "nothing moved");
    network.set(Way::Up, Conditions::default());
    listener.hears(number, 440.0).await;
    house.close().await;
}

#[expect(clippy::print_stderr, reason = "the figures of docs/measurements.md")]
fn report(who: &str, outage_48k: u32) {
    eprintln!("NAT rebinding of a {who}: {} ms without audio", outage_48k / 48);
}

/// New credentials over the WebSocket, as a client does whose network has changed.
async fn restart_ice(guest: &Guest, network: &Network) {
    let offer = guest.media.restart_ice().await.expect("an offer");
    let reply = guest.client.request(ClientMessage::RestartIce { offer }).await;
    let Ok(Reply::IceRestarted { answer }) = reply else { panic!("restarted: {reply:?}") };
    guest.media.answer(&network.between(&answer)).await.expect("the answer fits");
}

/// The server's username fragment in a check, whose first attribute is USERNAME (RFC 8489, section 14.3).
fn asked(check: &[u8]) -> &[u8] {
    assert_eq!(check[20..22], [0, 6], "a username");
    &check[24..32]
}

/// Sends the server a datagram from an address it does not know; whether it answers.
async fn is_answered(server: SocketAddr, datagram: &[u8]) -> bool {
    let stranger = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    stranger.send_to(datagram, server).await.expect("sent");
    timeout(QUIET, stranger.recv(&mut [0; 1_500])).await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn audio_goes_on_through_an_ice_restart_and_the_old_credentials_are_void() {
    let house = House::open().await;
    let (host, hosts_network) = enter(&house, "Host", None, Entry::seed(3)).await;
    let number = play(&host).await;
    let (listener, network) = enter(&house, "Listener", Some(host.room()), Entry::seed(4)).await;
    listener.hears(number, 440.0).await;
    let old_checks = [
        (network.server(), network.last_check()),
        (hosts_network.server(), hosts_network.last_check()),
    ];
    for (server, check) in &old_checks {
        assert!(is_answered(*server, check).await, "valid until the restart");
    }
    for (guest, network) in [(&listener, &network), (&host, &hosts_network)] {
        restart_ice(guest, network).await;
        let renewed = async {
            while old_checks.iter().any(|(_, old)| asked(old) == asked(&network.last_check())) {
                sleep(QUIET / 10).await;
            }
        };
        timeout(SOON, renewed).await.expect("checks with the new credentials");
        listener.media.wait_for_packets(number, 50, SOON).await.expect("audio goes on");
        listener.hears(number, 440.0).await;
    }
    let unknown = house.dropped(DropCause::StunUnknownUfrag).await;
    for (server, check) in &old_checks {
        assert!(!is_answered(*server, check).await, "void after the restart");
    }
    assert_eq!(house.dropped(DropCause::StunUnknownUfrag).await, unknown + 2);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whose_network_lets_no_udp_through_hears_and_is_heard_over_tcp() {
    let house = House::open().await;
    let blocked = Conditions { blackhole: true, ..Conditions::default() };
    let entry = Entry { while_joining: blocked, tcp: true, ..Entry::seed(5) };
    let (host, hosts_network) = enter(&house, "Host", None, entry).await;
    let number = play(&host).await;
    let (listener, network) = enter(&house, "Listener", Some(host.room()), entry).await;
    listener.hears(number, 440.0).await;
    listener.media.wait_for_packets(number, 100, SOON).await.expect("audio goes on");
    let (counts, _) = heard(&listener);
    assert_eq!((counts.lost, counts.late, counts.concealed_frames), (0, 0, 0));
    for network in [hosts_network, network] {
        assert_eq!(network.done(Way::Up).packets + network.done(Way::Down).packets, 0, "no UDP");
    }
    house.close().await;
}
