//! Counters: what came in, what went out, what was dropped and why. Each is owned by one shard and copied on request.

use std::time::Duration;

use crate::event::Quality;
use crate::packet::Variant;
use crate::{PeerKey, RoomKey};

/// Why a datagram or packet went no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum DropCause {
    /// Its first bytes name no protocol of ours.
    Unclassified,
    /// DTLS or SRTP from an address that no validated check came from.
    UnknownPath,
    /// STUN that is no readable binding request.
    StunMalformed,
    /// STUN for a username fragment that nobody here has.
    StunUnknownUfrag,
    /// STUN with the wrong password or the wrong fragment of the peer.
    StunWrongCredentials,
    /// A DTLS attempt that failed and was forgotten.
    DtlsFailed,
    /// DTLS beyond what may wait for its turn.
    DtlsQueueFull,
    /// SRTP before the handshake was done.
    NotConnected,
    /// RTP of a peer who may not send.
    NotAllowed,
    /// RTP of an SSRC that the offer does not account for.
    UnsignalledSsrc,
    /// SRTP that does not open: forged, damaged or replayed.
    Unopened,
    /// RTP or RTCP that opened but cannot be read.
    Malformed,
    /// RTP of a payload type or size that is not forwarded.
    NotForwardable,
    /// Not among the loudest.
    NotHeard,
    /// A duplicate, or later than its slot has moved on.
    Late,
    /// Audio that waited too long in the kernel: the shard is overloaded.
    Stale,
    /// The queue to another shard was full.
    RelayFull,
    /// The kernel's send buffer stayed full, or the kernel refused the packet.
    SendFailed,
    /// A panic while handling it: a bug that cost one peer.
    Fault,
}

impl DropCause {
    /// All causes, in the order of their counters.
    pub const ALL: [Self; 19] = [
        Self::Unclassified,
        Self::UnknownPath,
        Self::StunMalformed,
        Self::StunUnknownUfrag,
        Self::StunWrongCredentials,
        Self::DtlsFailed,
        Self::DtlsQueueFull,
        Self::NotConnected,
        Self::NotAllowed,
        Self::UnsignalledSsrc,
        Self::Unopened,
        Self::Malformed,
        Self::NotForwardable,
        Self::NotHeard,
        Self::Late,
        Self::Stale,
        Self::RelayFull,
        Self::SendFailed,
        Self::Fault,
    ];

    /// The cause as a metric's label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Unclassified => "unclassified",
            Self::UnknownPath => "unknown_path",
            Self::StunMalformed => "stun_malformed",
            Self::StunUnknownUfrag => "stun_unknown_ufrag",
            Self::StunWrongCredentials => "stun_wrong_credentials",
            Self::DtlsFailed => "dtls_failed",
            Self::DtlsQueueFull => "dtls_queue_full",
            Self::NotConnected => "not_connected",
            Self::NotAllowed => "not_allowed",
            Self::UnsignalledSsrc => "unsignalled_ssrc",
            Self::Unopened => "unopened",
            Self::Malformed => "malformed",
            Self::NotForwardable => "not_forwardable",
            Self::NotHeard => "not_heard",
            Self::Late => "late",
            Self::Stale => "stale",
            Self::RelayFull => "relay_full",
            Self::SendFailed => "send_failed",
            Self::Fault => "fault",
        }
    }
}

/// Drops by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drops([u64; DropCause::ALL.len()]);

impl Drops {
    pub(crate) fn count(&mut self, cause: DropCause) {
        self.0[cause as usize] += 1;
    }

    pub(crate) fn add(&mut self, cause: DropCause, n: u64) {
        self.0[cause as usize] += n;
    }

    /// How many for this cause.
    pub fn of(&self, cause: DropCause) -> u64 {
        self.0[cause as usize]
    }
}

/// Datagrams and bytes, UDP payload counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Datagrams.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Traffic {
    pub(crate) fn count(&mut self, len: usize) {
        self.packets += 1;
        self.bytes += len as u64;
    }
}

/// One shard's counters since start, gauges as of now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShardStats {
    /// Everything received.
    pub received: Traffic,
    /// Everything handed to the kernel.
    pub sent: Traffic,
    /// Drops by cause.
    pub drops: Drops,
    /// Datagrams that the kernel dropped because the shard did not take them in time.
    pub receive_buffer_full: u64,
    /// STUN checks that were answered.
    pub checks_answered: u64,
    /// Handshakes that ended well.
    pub handshakes_done: u64,
    /// Handshakes whose certificate was not the offered one.
    pub wrong_fingerprints: u64,
    /// The longest that audio had to wait for other work of this shard: commands, timers, a step of a handshake. By the
    /// clock on the wall, so it includes what the system did meanwhile.
    pub longest_delay: Duration,
    /// Peers, connected or not.
    pub peers: usize,
    /// Peers that are connected.
    pub connected: usize,
    /// Rooms with a peer here.
    pub rooms: Vec<RoomStats>,
}

/// One room's share of one shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomStats {
    /// Which.
    pub room: RoomKey,
    /// Connected peers: those who get the room's audio.
    pub listeners: usize,
    /// Audio of the room's speakers that arrived and was let through.
    pub received: Traffic,
    /// Audio sealed for listeners.
    pub forwarded: Traffic,
    /// Slots that changed hands.
    pub slot_changes: u64,
}

/// One peer's counters.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerStats {
    /// Which.
    pub peer: PeerKey,
    /// Media received that opened.
    pub received: Traffic,
    /// Audio sent to it.
    pub sent: Traffic,
    /// Drops of what it sent, by cause.
    pub drops: Drops,
    /// What reports say of its connection.
    pub quality: Quality,
    /// The form in which it gets the audio.
    pub variant: Variant,
}

/// The media plane's counters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// By shard, in the order of their ports.
    pub shards: Vec<ShardStats>,
}

impl Stats {
    /// Drops for one cause, over all shards.
    pub fn dropped(&self, cause: DropCause) -> u64 {
        self.shards.iter().map(|shard| shard.drops.of(cause)).sum()
    }

    /// Peers over all shards.
    pub fn peers(&self) -> usize {
        self.shards.iter().map(|shard| shard.peers).sum()
    }

    /// Connected peers over all shards.
    pub fn connected(&self) -> usize {
        self.shards.iter().map(|shard| shard.connected).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_its_own_counter() {
        let mut drops = Drops::default();
        for (n, cause) in DropCause::ALL.into_iter().enumerate() {
            drops.add(cause, n as u64 + 1);
        }
        for (n, cause) in DropCause::ALL.into_iter().enumerate() {
            assert_eq!(drops.of(cause), n as u64 + 1, "{}", cause.label());
        }
    }
}
