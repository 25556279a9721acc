//! One client's transport state: credentials, paths, DTLS, keys, and whether it may send.
//!
//! Owned by a shard. What it hears is in its room's sinks; what it says goes through here.

use std::time::{Duration, Instant};

use crate::PeerKey;
use crate::command::NewPeer;
use crate::demux::Path;
use crate::dtls::{Dtls, Fingerprint};
use crate::event::Grade;
use crate::ice::Credentials;
use crate::loudest::SpeakerNo;
use crate::packet::Profile;
use crate::quality::Downlink;
use crate::rtcp::Reception;
use crate::rtp::{RtpPacket, Ssrc};
use crate::slab::Id;
use crate::srtp::{Opener, RtcpSealer};
use crate::stats::{DropCause, Drops, Traffic};

/// Validated paths kept per peer: what it uses, and what it used before while packets are still on their way.
const MAX_PATHS: usize = 4;

/// A nomination is said once (RFC 8445 section 8.1.1), the consent checks that follow are plain: from a client that
/// works so, a plain check by another path while the route is silent for so long means that a NAT has moved it. With a
/// check every 2 s it is back within 3 s.
const MOVED_AFTER: Duration = Duration::from_secs(1);
/// Who nominates by every check (Chromium, towards a lite agent) says where to send, and checks spare paths plainly:
/// believed only when two checks of the route, 2.5 s apart, have failed.
const LOST_AFTER: Duration = Duration::from_secs(6);

pub(crate) struct Peer {
    pub(crate) key: PeerKey,
    pub(crate) room: Id,
    pub(crate) ice: IceSession,
    /// Before an ICE restart took effect: valid until the first check with the new credentials (RFC 8445 section 9).
    pub(crate) former_ice: Option<IceSession>,
    pub(crate) paths: Vec<Path>,
    /// Where to send: the path that was nominated last, or to which a NAT has moved the client since.
    pub(crate) route: Option<Path>,
    /// When something authentic last came by the route.
    route_heard_at: Instant,
    /// Since when the route's checks have all been nominations.
    nominated_since: Option<Instant>,
    /// They are so for longer than the repetition of one nomination takes.
    renominates: bool,
    pub(crate) dtls: Dtls,
    pub(crate) offered_fingerprint: Fingerprint,
    pub(crate) profile: Profile,
    pub(crate) keys: Option<Box<Secure>>,
    pub(crate) uplink: Uplink,
    /// The retransmission timer that is set, so that it is set once.
    pub(crate) dtls_timer_at: Option<Instant>,
    /// Datagrams waiting for their turn of handshake work.
    pub(crate) dtls_waiting: u8,
    pub(crate) created_at: Instant,
    /// When something authentic last came.
    pub(crate) heard_at: Instant,
    /// When the peer is to be looked after next; earlier timers of the same kind are stale.
    pub(crate) tick_at: Instant,
    pub(crate) received: Traffic,
    pub(crate) drops: Drops,
    pub(crate) downlink: Downlink,
    /// What was lost on its way to us by our last report, in 256ths.
    pub(crate) loss_up_256: u8,
    /// What the caller was told last.
    pub(crate) told: Option<Grade>,
}

/// Our credentials and the client's username fragment of one negotiation.
pub(crate) struct IceSession {
    pub(crate) ours: Credentials,
    pub(crate) their_ufrag: String,
}

/// What a finished handshake gives; the audio sealer is in the room's sinks.
pub(crate) struct Secure {
    pub(crate) opener: Opener,
    pub(crate) rtcp: RtcpSealer,
    /// This peer's place in the room's sinks.
    pub(crate) sink: usize,
}

/// The microphone's side.
pub(crate) struct Uplink {
    mid: Option<(u8, Box<[u8]>)>,
    /// SSRCs of the offer; none means that the first packet with the right mid tells.
    announced: Vec<Ssrc>,
    latched: Option<Ssrc>,
    opus_pt: u8,
    red_pt: Option<u8>,
    pub(crate) level_ext: Option<u8>,
    has_microphone: bool,
    /// The gate: the number under which the peer may be heard.
    pub(crate) speaker: Option<SpeakerNo>,
    /// It was allowed once: its packets are then opened even while it is not, so that the roll-over counter and the
    /// replay window stay right for when it is again. Those of others cost no decryption.
    pub(crate) was_allowed: bool,
    pub(crate) reception: Option<Box<Reception>>,
}

impl Uplink {
    fn new(offer: &crate::offer::Offer) -> Self {
        let microphone = offer.microphone.as_ref();
        Self {
            mid: microphone
                .zip(offer.mid_ext)
                .map(|(microphone, id)| (id, microphone.mid.as_bytes().into())),
            announced: microphone.map_or_else(Vec::new, |microphone| microphone.ssrcs.clone()),
            latched: None,
            opus_pt: offer.profile.opus_pt,
            red_pt: offer.profile.red_pt,
            level_ext: offer.profile.level_ext,
            has_microphone: microphone.is_some(),
            speaker: None,
            was_allowed: false,
            reception: None,
        }
    }

    /// Whether a packet of this SSRC is worth opening.
    pub(crate) fn may_be_ours(&self, ssrc: Ssrc) -> bool {
        self.has_microphone
            && match self.latched {
                Some(latched) => latched == ssrc || self.announced.contains(&ssrc),
                None => self.announced.is_empty() || self.announced.contains(&ssrc),
            }
    }

    /// Whether an opened packet is the microphone's. An SSRC that was not announced is believed on the word of its
    /// mid (RFC 8843 section 9.2), once; without the extension there is only one section it can belong to.
    pub(crate) fn is_ours(&mut self, packet: &RtpPacket<'_>) -> bool {
        if self.latched == Some(packet.ssrc) {
            return true;
        }
        let told = self.announced.contains(&packet.ssrc)
            || self.mid.as_ref().is_none_or(|(id, mid)| packet.extension(*id) == Some(mid));
        if told {
            self.latched = Some(packet.ssrc);
            self.reception = Some(Box::new(Reception::new(packet.ssrc)));
        }
        told
    }

    /// The Opus frame of a packet, RED unwrapped.
    pub(crate) fn opus<'a>(&self, packet: &RtpPacket<'a>) -> Result<&'a [u8], DropCause> {
        if packet.payload_type == self.opus_pt {
            return Ok(packet.payload);
        }
        if Some(packet.payload_type) != self.red_pt {
            return Err(DropCause::NotForwardable);
        }
        let red = crate::rtp::red::Red::parse(packet.payload).map_err(|_| DropCause::Malformed)?;
        if red.primary_payload_type == self.opus_pt {
            Ok(red.primary)
        } else {
            Err(DropCause::NotForwardable)
        }
    }
}

impl Peer {
    pub(crate) fn new(new: NewPeer, room: Id, now: Instant, tick_at: Instant) -> Self {
        Self {
            key: new.key,
            room,
            uplink: Uplink::new(&new.offer),
            ice: IceSession { ours: new.credentials, their_ufrag: new.offer.ice_ufrag },
            former_ice: None,
            paths: Vec::new(),
            route: None,
            route_heard_at: now,
            nominated_since: None,
            renominates: false,
            dtls: Dtls::new(),
            offered_fingerprint: new.offer.fingerprint,
            profile: new.offer.profile,
            keys: None,
            dtls_timer_at: None,
            dtls_waiting: 0,
            created_at: now,
            heard_at: now,
            tick_at,
            received: Traffic::default(),
            drops: Drops::default(),
            downlink: Downlink::default(),
            loss_up_256: 0,
            told: None,
        }
    }

    /// Something authentic came by this path.
    pub(crate) fn heard_by(&mut self, now: Instant, path: Path) {
        self.heard_at = now;
        if self.route == Some(path) {
            self.route_heard_at = now;
        }
    }

    /// A validated check came by this path, after whatever move it caused.
    pub(crate) fn checked_by(&mut self, now: Instant, path: Path, nominated: bool) {
        self.heard_by(now, path);
        if self.route != Some(path) {
            return;
        }
        self.nominated_since = nominated.then(|| self.nominated_since.unwrap_or(now));
        let so_long = self.nominated_since.map(|since| now.saturating_duration_since(since));
        self.renominates = so_long.is_some_and(|so_long| so_long >= MOVED_AFTER);
    }

    /// Whether a validated check by this path moves the route there.
    pub(crate) fn is_moved_by(&self, now: Instant, path: Path, nominated: bool) -> bool {
        let silent_for = now.saturating_duration_since(self.route_heard_at);
        let patience = if self.renominates { LOST_AFTER } else { MOVED_AFTER };
        self.route != Some(path) && (self.route.is_none() || nominated || silent_for >= patience)
    }

    /// Keeps a validated path; returns the one that had to make room.
    pub(crate) fn keep_path(&mut self, path: Path) -> Option<Path> {
        self.paths.push(path);
        if self.paths.len() <= MAX_PATHS {
            return None;
        }
        // The oldest that is not in use.
        let at = self.paths.iter().position(|path| Some(*path) != self.route);
        at.map(|at| self.paths.remove(at))
    }
}
