//! The one negotiation: a client's offer read strictly, the server's answer written. Pure text to values and back.
//! Bounded before anything is looked at (a hostile offer costs a linear pass over 16 KiB at most). Not its job: ICE
//! and DTLS themselves, who may send.
//!
//! What Palco takes: bundled audio sections, at most one that sends (the microphone) and at most `SLOTS` that
//! receive (the slots, in their order); Opus; ICE and a sha-256 fingerprint common to all of them.

use std::net::SocketAddr;

use crate::loudest::SLOTS;
use crate::packet::Profile;
use crate::rtp::Ssrc;

mod answer;
mod read;

/// Longest offer that is read, in bytes. Chromium's and Firefox's, with five sections, have 5.
pub const MAX_OFFER_BYTES: usize = 16 * 1024;
/// Most lines of an offer; Chromium's has 150.
pub const MAX_OFFER_LINES: usize = 600;
/// Longest line of an offer, in bytes; the longest in use are fingerprints by sha-512 and candidates, about 200.
const MAX_LINE_BYTES: usize = 1024;
/// A microphone and the slots.
const MAX_SECTIONS: usize = 1 + SLOTS;

/// What a client offered, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The client's ICE user name fragment.
    pub ice_ufrag: String,
    /// The client's ICE password.
    pub ice_pwd: String,
    /// The SHA-256 of the certificate that the client will show in DTLS.
    pub fingerprint: [u8; 32],
    /// Payload types and extension ids that the client chose, the same in all its sections.
    pub profile: Profile,
    /// Extension id (1 ..= 14) under which the client names a packet's section (RFC 9143).
    pub mid_ext: Option<u8>,
    /// The section that sends, if there is one.
    pub microphone: Option<Microphone>,
    /// The mids of the sections that receive, in the offer's order: slot 0, 1, ...
    pub slots: Vec<String>,
    sections: Vec<Section>,
}

/// The section on which the client sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Microphone {
    /// Its mid.
    pub mid: String,
    /// SSRCs the client announced for it; empty if it announced none (then the first packet's mid tells).
    pub ssrcs: Vec<Ssrc>,
}

/// What a section of the offer becomes in the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Microphone,
    Slot,
    Inactive,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Section {
    mid: String,
    role: Role,
    /// Echoed (RFC 8829 section 5.3.1).
    protocol: &'static str,
}

/// Why an offer is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// Longer than `MAX_OFFER_BYTES` or `MAX_OFFER_LINES`, or a line longer than any field needs.
    #[error("offer too long")]
    TooLong,
    /// Not `v=0`, a line without `x=`, or a control character.
    #[error("not a session description")]
    Malformed,
    /// No audio section.
    #[error("offer has no audio section")]
    NoAudio,
    /// A section that is not audio over DTLS-SRTP.
    #[error("offer has a section that is not UDP/TLS/RTP/SAVPF audio")]
    NotAudio,
    /// More than one section sends.
    #[error("offer has two microphones")]
    TwoMicrophones,
    /// More receiving sections than there are slots.
    #[error("offer has too many sections")]
    TooManySections,
    /// A section without mid, or one that is no token of at most 16 characters.
    #[error("offer has a missing or invalid mid")]
    BadMid,
    /// Two sections with one mid.
    #[error("offer has a mid twice")]
    DuplicateMid,
    /// Not all sections in one BUNDLE group, led by the first; or one of them given up (port 0).
    #[error("offer does not bundle all its sections")]
    NotBundled,
    /// The bundle's first section lacks rtcp-mux.
    #[error("offer does not multiplex RTCP")]
    NoRtcpMux,
    /// No ICE credentials, invalid ones, or contradicting ones.
    #[error("offer's ICE credentials are missing or invalid")]
    BadIce,
    /// No sha-256 fingerprint (none at all, or other hashes only).
    #[error("offer has no sha-256 fingerprint")]
    NoFingerprint,
    /// A sha-256 fingerprint that is not 32 bytes in hexadecimal, or two different ones.
    #[error("offer's fingerprint is invalid")]
    BadFingerprint,
    /// The client insists on being the DTLS server, or on holding.
    #[error("offer's setup must be actpass or active")]
    BadSetup,
    /// A section without Opus at 48 kHz, two channels.
    #[error("offer has no Opus")]
    NoOpus,
    /// A payload type out of range, or not the same in every section.
    #[error("offer's payload types are invalid")]
    BadPayloadType,
    /// A header extension id out of range, used twice, or not the same in every section.
    #[error("offer's header extensions are invalid")]
    BadExtension,
    /// An SSRC that is not a number, or more of them than a microphone has.
    #[error("offer's SSRCs are invalid")]
    BadSsrc,
}

/// A local address announced to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// How to reach it.
    pub transport: Transport,
    /// Where.
    pub addr: SocketAddr,
}

/// A candidate's transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// UDP.
    Udp,
    /// TCP, the server listens (RFC 6544).
    TcpPassive,
}

/// The server's half of the negotiation.
#[derive(Clone, Copy, Debug)]
pub struct AnswerParams<'a> {
    /// Names the session; the same for every answer to one client (RFC 8866 section 5.2).
    pub session_id: u64,
    /// Grows with every answer of the session.
    pub session_version: u64,
    /// The server's ICE user name fragment for this client.
    pub ice_ufrag: &'a str,
    /// The server's ICE password for this client.
    pub ice_pwd: &'a str,
    /// The SHA-256 of the server's certificate.
    pub fingerprint: &'a [u8; 32],
    /// Slot k is sent under `slot_ssrcs[k]`.
    pub slot_ssrcs: [Ssrc; SLOTS],
    /// Announced addresses, the preferred first.
    pub candidates: &'a [Candidate],
}

impl Offer {
    /// Reads an offer.
    pub fn parse(sdp: &str) -> Result<Offer, OfferError> {
        read::offer(sdp)
    }

    /// Writes the answer to this offer.
    pub fn answer(&self, params: &AnswerParams<'_>) -> String {
        answer::write(self, params)
    }
}

#[cfg(test)]
mod tests;
