//! Media over bad networks: each person's audio goes through an impairment of their own, everything else is real.

mod forms;
mod loss;
mod moving;

use palco_client::{HeardCounts, Media, MediaOptions, PacketRecord, SLOTS, SrtpOffer};
use palco_protocol::{ClientMessage, Reply, RoomId, SpeakerNumber};

use crate::{
    house::{Guest, House, SOON, number_of},
    impair::{Conditions, Network, Way},
};

/// How somebody comes in.
#[derive(Clone, Copy)]
struct Entry {
    seed: u64,
    /// From the first check on, in both directions.
    while_joining: Conditions,
    /// Offer RED (RFC 2198).
    red: bool,
    /// Take TCP candidates (RFC 6544).
    tcp: bool,
}

impl Entry {
    fn seed(seed: u64) -> Self {
        Self { seed, while_joining: Conditions::default(), red: true, tcp: false }
    }
}

/// Somebody whose media goes through a network of their own; into a room of their own if none is given.
async fn enter(house: &House, name: &str, room: Option<RoomId>, entry: Entry) -> (Guest, Network) {
    let (token, client) = house.guest(name).await;
    let room = match room {
        Some(room) => room,
        None => house.address.create_room(&token, "A room").await.expect("a room").id,
    };
    let options = MediaOptions { server: house.media.ip(), srtp: SrtpOffer::All };
    let offered = match entry.tcp {
        false => Media::offer(options).await,
        true => Media::offer_with_tcp(options).await,
    };
    let (media, offer) = offered.expect("an offer");
    let offer = if entry.red { offer } else { without_red(&offer) };
    let join = ClientMessage::Join { room, offer, link: None };
    let Ok(Reply::Joined(joined)) = client.request(join).await else { panic!("joined") };
    let (network, answer) = Network::around(&joined.answer, entry.seed).await;
    network.set(Way::Up, entry.while_joining);
    network.set(Way::Down, entry.while_joining);
    media.answer(&answer).await.expect("the answer fits");
    media.connected(SOON).await.expect("media connects");
    (Guest { token, client, media, snapshot: joined.snapshot }, network)
}

/// The offer of a client that does not know RED.
fn without_red(offer: &str) -> String {
    let mut changed = String::new();
    for line in offer.lines() {
        match line {
            _ if line.starts_with("m=audio") => {
                let kept = line.strip_suffix(" 63").expect("RED is offered last");
                changed += kept;
            }
            _ if line.starts_with("a=rtpmap:63 ") || line.starts_with("a=fmtp:63 ") => continue,
            _ => changed += line,
        }
        changed += "\r\n";
    }
    changed
}

/// Unmutes and plays 440 Hz.
async fn play(host: &Guest) -> SpeakerNumber {
    host.ask(ClientMessage::Unmute).await.expect("unmuted");
    host.media.play_tone(440.0).expect("a tone");
    number_of(&host.snapshot, host.id())
}

/// What came in the one slot that was used.
fn heard(guest: &Guest) -> (HeardCounts, Vec<PacketRecord>) {
    let used: Vec<_> = (0..SLOTS).filter(|slot| guest.media.counts(*slot).packets > 0).collect();
    assert_eq!(used.len(), 1, "one speaker, one slot");
    (guest.media.counts(used[0]), guest.media.packets(used[0]))
}

/// Waits until the network has had so many media packets in this direction.
async fn pass(network: &Network, way: Way, packets: u64) {
    let passed = async {
        while network.done(way).packets < packets {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    // 20 ms each: twice their time and some.
    let within = SOON + std::time::Duration::from_millis(40 * packets);
    tokio::time::timeout(within, passed).await.expect("media flows");
}
