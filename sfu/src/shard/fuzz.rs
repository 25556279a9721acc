//! Entry points of the fuzz targets (tests/fuzz) that need a shard's private parts. Compiled with the feature `fuzz`
//! only; no interface of this crate.
//!
//! Each takes any bytes, plays them to a whole shard in virtual time, and panics if something is wrong: a panic inside
//! the shard, which the shard itself would survive, an answer longer than its question, a number sealed twice.

mod handshake;

pub use handshake::dtls;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};

use rtc_crypto::RTCCryptoProvider as _;
use rtc_crypto::providers::AwsLcRsProvider;
use rtc_stun::attributes::{ATTR_USE_CANDIDATE, ATTR_USERNAME, AttrType};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_REQUEST, Message, Setter as _, TransactionId};
use rtc_stun::textattrs::TextAttribute;
use tokio::sync::oneshot;

use super::*;
use crate::command::NewPeer;
use crate::demux::{Kind, classify};
use crate::dtls::Secured;
use crate::ice::Credentials;
use crate::offer::Offer;
use crate::relay::Reach;
use crate::rtp::{Ssrc, header_len};
use crate::srtp::{Session, SrtpProfile, session};

const ROOM: RoomKey = RoomKey(1);

/// Any bytes as a sequence of parts, each a tag and some bytes; a length in between, cut to what is left.
pub fn parts(mut data: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (head, rest) = data.split_first_chunk::<3>()?;
        let len = usize::from(u16::from_le_bytes([head[1], head[2]])).min(rest.len());
        let (bytes, rest) = rest.split_at(len);
        data = rest;
        Some((head[0], bytes))
    })
}

/// Checks and what might be taken for them, from strangers and from who is known: raw, or signed as it should be with
/// attributes of the data's choice.
pub fn stun(data: &[u8]) {
    let mut world = World::new();
    let victim = world.admit(1);
    world.connect(&victim);
    for (tag, bytes) in parts(data) {
        let from = if tag & 1 == 0 { victim.path } else { path(200 + u16::from(tag >> 4)) };
        let mut datagram = match tag & 6 {
            0 => bytes.to_vec(),
            kind => victim.check(kind == 4, bytes),
        };
        let asked = datagram.len();
        let answered = world.arrives(from, &mut datagram);
        if classify(&datagram) == Some(Kind::Stun) {
            assert!(answered <= asked, "{answered} bytes out for {asked} bytes in");
        }
        world.passes(Duration::from_millis(u64::from(tag >> 3) * 100));
    }
    world.is_sound();
}

/// RTP of a speaker who holds keys, and whatever looks like it: what is sealed well reaches every part of the way.
pub fn rtp(data: &[u8]) {
    let mut world = World::new();
    let (speaker, listener) = (world.admit(1), world.admit(2));
    let keys = world.connect(&speaker);
    let mut heard = world.connect(&listener).opener;
    world.allow(&speaker);
    for (tag, bytes) in parts(data) {
        let mut datagram = bytes.to_vec();
        if tag & 1 == 0 && datagram.len() >= 12 {
            // What would only be thrown away at the first glance.
            datagram[0] = 0x80 | datagram[0] & 0x3f;
            datagram[8..12].copy_from_slice(&speaker.ssrc.0.to_be_bytes());
        }
        if tag & 2 == 0
            && let Ok(header_len) = header_len(&datagram)
        {
            let index = u64::from(u16::from_be_bytes([datagram[2], datagram[3]]));
            keys.rtp.seal(&mut datagram, 0, header_len, index);
        }
        world.arrives(speaker.path, &mut datagram);
        world.passes(Duration::from_millis([20, 0, 60, 1_000][usize::from(tag >> 2 & 3)]));
        world.opens(&listener, &mut heard);
    }
    world.is_sound();
}

/// Reports of a client who holds keys, and whatever looks like them.
pub fn rtcp(data: &[u8]) {
    let mut world = World::new();
    let (speaker, listener) = (world.admit(1), world.admit(2));
    world.connect(&listener);
    let mut keys = world.connect(&speaker);
    world.allow(&speaker);
    for (tag, bytes) in parts(data) {
        let mut datagram = bytes.to_vec();
        if tag & 1 == 0 && datagram.len() >= 8 {
            datagram[0] = 0x80 | datagram[0] & 0x3f;
            datagram[1] = 200 + datagram[1] % 8;
        }
        if tag & 2 == 0 && datagram.len() >= 8 {
            keys.rtcp.seal(&mut datagram, 0);
        }
        world.arrives(speaker.path, &mut datagram);
        world.passes(Duration::from_millis(u64::from(tag >> 2) * 50));
    }
    world.is_sound();
}

fn path(n: u16) -> Path {
    Path::Udp(SocketAddr::from((Ipv4Addr::new(10, 0, 0, 1), 4_000 + n)))
}

fn identity() -> Arc<Identity> {
    // A certificate costs more than a run.
    static IDENTITY: OnceLock<Arc<Identity>> = OnceLock::new();
    let identity = || Identity::generate().expect("invariant: a certificate can be made");
    Arc::clone(IDENTITY.get_or_init(|| Arc::new(identity())))
}

/// A shard and what it sent.
struct World {
    now: Instant,
    shard: Shard,
    sent: Vec<(Path, Vec<u8>)>,
}

/// Somebody whose offer was taken.
struct Caller {
    key: PeerKey,
    path: Path,
    credentials: Credentials,
    their_ufrag: String,
    fingerprint: [u8; 32],
    ssrc: Ssrc,
}

impl Caller {
    /// A check with valid credentials, and more attributes: each a type, a length and a value.
    fn check(&self, nominate: bool, mut attributes: &[u8]) -> Vec<u8> {
        let provider = AwsLcRsProvider::new();
        let username = format!("{}:{}", self.credentials.ufrag_str(), self.their_ufrag);
        let username = TextAttribute::new(ATTR_USERNAME, username);
        let mut message = Message::new();
        message
            .build(&[Box::new(TransactionId::new()), Box::new(BINDING_REQUEST), Box::new(username)])
            .expect("invariant: a request of a few attributes");
        if nominate {
            message.add(ATTR_USE_CANDIDATE, &[]);
        }
        while let Some((head, rest)) = attributes.split_first_chunk::<3>() {
            let (value, rest) = rest.split_at(usize::from(head[2]).min(rest.len()));
            message.add(AttrType(u16::from_be_bytes([head[0], head[1]])), value);
            attributes = rest;
        }
        let integrity = MessageIntegrity::new_short_term_integrity_with_provider(
            self.credentials.password_str().to_owned(),
            provider.crypto(),
        );
        // A message that has one already, or has grown too long, takes none: then it goes out as it is.
        let _ = integrity.add_to(&mut message);
        let _ = FINGERPRINT.add_to(&mut message);
        message.raw
    }
}

impl World {
    fn new() -> Self {
        let now = Instant::now();
        let config = ShardConfig {
            index: 0,
            max_peers: 8,
            handshake_timeout: Duration::from_secs(30),
            consent_timeout: Duration::from_secs(30),
            bundle_from: None,
        };
        let shard = Shard::new(config, identity(), (now, Duration::from_secs(1_700_000_000)));
        Self { now, shard, sent: Vec::new() }
    }

    /// Somebody who offers what Chromium does, and whose address is proved.
    fn admit(&mut self, n: u16) -> Caller {
        self.admit_with(n, None)
    }

    /// Somebody with a certificate of that fingerprint.
    fn admit_with(&mut self, n: u16, fingerprint: Option<[u8; 32]>) -> Caller {
        let offer = include_str!("../../tests/fixtures/chromium-156.offer.sdp");
        let mut offer = Offer::parse(offer).expect("invariant: a real offer");
        offer.fingerprint = fingerprint.unwrap_or(offer.fingerprint);
        let caller = Caller {
            key: PeerKey(u64::from(n)),
            path: path(n),
            credentials: Credentials::generate(0),
            their_ufrag: offer.ice_ufrag.clone(),
            fingerprint: offer.fingerprint,
            ssrc: offer.microphone.as_ref().map_or(Ssrc(0), |microphone| microphone.ssrcs[0]),
        };
        let (reply, mut registered) = oneshot::channel();
        let peer = Box::new(NewPeer {
            key: caller.key,
            room: ROOM,
            reach: Reach::default(),
            credentials: caller.credentials.clone(),
            offer,
        });
        self.shard.handle(self.now, Input::Command(Command::Connect { peer, reply }));
        assert!(matches!(registered.try_recv(), Ok(Ok(()))), "there is room");
        let mut check = caller.check(true, &[]);
        assert!(self.arrives(caller.path, &mut check) > 0, "a check is answered");
        caller
    }

    /// Skips the handshake: both sides get keys as if there had been one. The caller's.
    fn connect(&mut self, caller: &Caller) -> Session {
        const PROFILE: SrtpProfile = SrtpProfile::Aes128Gcm;
        let half = PROFILE.material_len() / 2;
        let byte = caller.key.0 as u8;
        let (client, server) = (vec![byte; half], vec![!byte; half]);
        // RFC 5764 section 4.2: keys, then salts, the client's first.
        let material = |first: &[u8], second: &[u8]| {
            [&first[..16], &second[..16], &first[16..], &second[16..]].concat()
        };
        let secured = Secured {
            profile: PROFILE,
            material: material(&client, &server),
            peer_fingerprint: caller.fingerprint,
        };
        let id = self.shard.by_key[&caller.key];
        self.shard.connected(self.now, id, &secured);
        self.drain();
        session(PROFILE, &material(&server, &client)).expect("invariant: as long as it asks for")
    }

    fn allow(&mut self, caller: &Caller) {
        let command = Command::AllowSending { peer: caller.key, speaker: SpeakerNo(1) };
        self.shard.handle(self.now, Input::Command(command));
        self.drain();
    }

    /// Gives how many bytes went out because of it.
    fn arrives(&mut self, path: Path, bytes: &mut [u8]) -> usize {
        let before = self.sent.len();
        self.shard.handle(self.now, Input::Datagram { path, bytes });
        self.drain();
        self.sent[before..].iter().map(|(_, bytes)| bytes.len()).sum()
    }

    fn passes(&mut self, span: Duration) {
        self.now += span;
        self.shard.handle(self.now, Input::Timeout);
        self.drain();
    }

    fn drain(&mut self) {
        loop {
            match self.shard.poll(self.now) {
                Output::Transmit(batch) => {
                    self.sent.extend(batch.iter().map(|(path, bytes)| (path, bytes.to_vec())));
                }
                Output::Wait(_) => return,
                Output::Event(_) | Output::Relay(..) | Output::HangUp(_) => {}
            }
        }
    }

    /// All audio that was sent to this caller is whole, and no number was used twice.
    fn opens(&mut self, caller: &Caller, heard: &mut crate::srtp::Opener) {
        for (to, mut bytes) in std::mem::take(&mut self.sent) {
            if to == caller.path && classify(&bytes) == Some(Kind::Rtp) {
                let header_len = header_len(&bytes).expect("our own header");
                heard.open_rtp(&mut bytes, header_len).expect("sealed well, and once");
            }
        }
    }

    fn is_sound(&self) {
        assert_eq!(self.shard.stats.drops.of(DropCause::Fault), 0, "a panic was caught");
    }
}
