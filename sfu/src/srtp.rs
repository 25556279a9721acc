//! SRTP and SRTCP (RFC 3711, RFC 7714): keys from the DTLS export, opening what speakers send, sealing what
//! listeners get.
//!
//! Owned by a peer on its shard. Sealing works in a reused buffer: header and payload are in place, the tag is
//! appended; nothing is allocated. Which sequence number and roll-over a packet bears is the caller's business: a
//! number must never be sealed twice under one key and SSRC (RFC 7714 section 8.1).

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_128, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;

use crate::rtp::{SeqNo, Ssrc};

const KEY_LEN: usize = 16;
const GCM_TAG_LEN: usize = 16;
/// HMAC-SHA1 cut to 80 bits.
const SHA1_TAG_LEN: usize = 10;
/// The E flag and 31-bit index that follow an SRTCP packet.
const SRTCP_INDEX_LEN: usize = 4;
/// Fixed RTCP header and sender's SSRC: sent in clear.
const RTCP_CLEAR_LEN: usize = 8;

/// The most that sealing adds to an RTP packet.
pub(crate) const MAX_OVERHEAD: usize = GCM_TAG_LEN;

/// A protection profile of DTLS-SRTP (RFC 5764 section 4.1.2, RFC 7714 section 14.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SrtpProfile {
    Aes128Gcm,
    Aes128CmSha1,
}

impl SrtpProfile {
    const fn salt_len(self) -> usize {
        match self {
            Self::Aes128Gcm => 12,
            Self::Aes128CmSha1 => 14,
        }
    }

    /// What to ask of the TLS exporter (RFC 5764 section 4.2): two keys and two salts.
    pub(crate) const fn material_len(self) -> usize {
        2 * (KEY_LEN + self.salt_len())
    }
}

/// The bytes do not open: forged, damaged, replayed or too short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unopened;

/// One peer's keys for both directions.
pub(crate) struct Session {
    pub(crate) rtp: RtpSealer,
    pub(crate) rtcp: RtcpSealer,
    pub(crate) opener: Opener,
}

/// The server's two directions from exported keying material of `profile.material_len()` bytes.
pub(crate) fn session(profile: SrtpProfile, material: &[u8]) -> Option<Session> {
    if material.len() != profile.material_len() {
        return None;
    }
    let (client_key, rest) = material.split_at(KEY_LEN);
    let (server_key, rest) = rest.split_at(KEY_LEN);
    let (client_salt, server_salt) = rest.split_at(profile.salt_len());
    Some(Session {
        rtp: RtpSealer(Keys::new(profile, server_key, server_salt, 0)),
        rtcp: RtcpSealer::new(profile, server_key, server_salt),
        opener: Opener::new(profile, client_key, client_salt),
    })
}

/// Key derivation labels of RFC 3711 section 4.3.2, for RTP; those of RTCP follow by 3.
const LABEL_KEY: u8 = 0;
const LABEL_AUTH: u8 = 1;
const LABEL_SALT: u8 = 2;
const LABELS_RTCP: u8 = 3;

/// RFC 3711 section 4.3.1 with a key derivation rate of zero; the shorter GCM salt is padded (RFC 7714 section 11).
fn derive<const N: usize>(master_key: &[u8], master_salt: &[u8], label: u8) -> [u8; N] {
    let mut iv = [0; 16];
    iv[..master_salt.len()].copy_from_slice(master_salt);
    iv[7] ^= label;
    let mut stream = [0; N];
    aes_ctr(&ctr_key(master_key), iv, &mut stream);
    stream
}

fn ctr_key(key: &[u8]) -> EncryptingKey {
    UnboundCipherKey::new(&AES_128, key)
        .and_then(EncryptingKey::ctr)
        .expect("invariant: an AES-128 key has 16 bytes")
}

fn aes_ctr(key: &EncryptingKey, iv: [u8; 16], data: &mut [u8]) {
    key.less_safe_encrypt(data, EncryptionContext::Iv128(FixedLength::from(iv)))
        .expect("invariant: counter mode takes any length");
}

/// One direction's keys for RTP or for RTCP.
enum Keys {
    Gcm {
        key: LessSafeKey,
        salt: [u8; 12],
    },
    /// Boxed: rare, and larger than the GCM key that the fan-out walks over.
    CmSha1(Box<CmSha1>),
}

struct CmSha1 {
    key: EncryptingKey,
    auth: hmac::Key,
    salt: [u8; 14],
}

impl Keys {
    fn new(profile: SrtpProfile, master_key: &[u8], master_salt: &[u8], label_base: u8) -> Self {
        let key: [u8; KEY_LEN] = derive(master_key, master_salt, label_base + LABEL_KEY);
        match profile {
            SrtpProfile::Aes128Gcm => Self::Gcm {
                key: LessSafeKey::new(
                    UnboundKey::new(&AES_128_GCM, &key)
                        .expect("invariant: an AES-128 key has 16 bytes"),
                ),
                salt: derive(master_key, master_salt, label_base + LABEL_SALT),
            },
            SrtpProfile::Aes128CmSha1 => {
                let auth: [u8; 20] = derive(master_key, master_salt, label_base + LABEL_AUTH);
                Self::CmSha1(Box::new(CmSha1 {
                    key: ctr_key(&key),
                    auth: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &auth),
                    salt: derive(master_key, master_salt, label_base + LABEL_SALT),
                }))
            }
        }
    }

    const fn tag_len(&self) -> usize {
        match self {
            Self::Gcm { .. } => GCM_TAG_LEN,
            Self::CmSha1(_) => SHA1_TAG_LEN,
        }
    }
}

/// RFC 7714 sections 8.1 and 9.1: `middle` is the roll-over counter and sequence number, or zero and the index.
fn gcm_nonce(salt: &[u8; 12], ssrc: [u8; 4], middle: [u8; 6]) -> Nonce {
    let mut nonce = *salt;
    let bytes = [0, 0].into_iter().chain(ssrc).chain(middle);
    nonce.iter_mut().zip(bytes).for_each(|(n, b)| *n ^= b);
    Nonce::assume_unique_for_key(nonce)
}

impl CmSha1 {
    /// RFC 3711 section 4.1.1; `index` is 48 bits of packet index or 31 of SRTCP index.
    fn crypt(&self, ssrc: [u8; 4], index: u64, data: &mut [u8]) {
        let mut iv = [0; 16];
        iv[..14].copy_from_slice(&self.salt);
        iv[4..8].iter_mut().zip(ssrc).for_each(|(n, b)| *n ^= b);
        let index = index.to_be_bytes();
        iv[8..14].iter_mut().zip(&index[2..]).for_each(|(n, b)| *n ^= b);
        aes_ctr(&self.key, iv, data);
    }

    fn tag(&self, parts: [&[u8]; 2]) -> [u8; SHA1_TAG_LEN] {
        let mut context = hmac::Context::with_key(&self.auth);
        parts.iter().for_each(|part| context.update(part));
        let mut tag = [0; SHA1_TAG_LEN];
        tag.copy_from_slice(&context.sign().as_ref()[..SHA1_TAG_LEN]);
        tag
    }

    fn verify(&self, parts: [&[u8]; 2], tag: &[u8]) -> Result<(), Unopened> {
        aws_lc_rs::constant_time::verify_slices_are_equal(&self.tag(parts), tag)
            .map_err(|_| Unopened)
    }
}

fn ssrc_at(packet: &[u8], at: usize) -> [u8; 4] {
    packet[at..at + 4].try_into().expect("invariant: a slice of four bytes")
}

/// 48-bit packet index as roll-over counter and sequence number, big-endian.
fn index_bytes(index: u64) -> [u8; 6] {
    let bytes = index.to_be_bytes();
    [bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]]
}

/// Seals the audio one listener gets: small and apart from the rest, as the fan-out walks over thousands of them.
pub(crate) struct RtpSealer(Keys);

impl RtpSealer {
    /// Seals the RTP packet that fills `buffer` from `start`; `index` is its roll-over counter and sequence number,
    /// whose low 16 bits already stand in the header of `header_len` bytes.
    pub(crate) fn seal(&self, buffer: &mut Vec<u8>, start: usize, header_len: usize, index: u64) {
        let packet = &mut buffer[start..];
        let ssrc = ssrc_at(packet, 8);
        let (header, payload) = packet.split_at_mut(header_len);
        match &self.0 {
            Keys::Gcm { key, salt } => {
                let nonce = gcm_nonce(salt, ssrc, index_bytes(index));
                let tag = key
                    .seal_in_place_separate_tag(nonce, Aad::from(&*header), payload)
                    .expect("invariant: a packet is far below the limit of GCM");
                buffer.extend_from_slice(tag.as_ref());
            }
            Keys::CmSha1(keys) => {
                keys.crypt(ssrc, index, payload);
                let roll_over = ((index >> 16) as u32).to_be_bytes();
                let tag = keys.tag([packet, &roll_over]);
                buffer.extend_from_slice(&tag);
            }
        }
    }
}

/// Seals the reports one client gets.
pub(crate) struct RtcpSealer {
    keys: Keys,
    /// Counts over all SSRCs of the direction, so that no index is ever used twice.
    next_index: u32,
}

impl RtcpSealer {
    fn new(profile: SrtpProfile, master_key: &[u8], master_salt: &[u8]) -> Self {
        Self {
            keys: Keys::new(profile, master_key, master_salt, LABELS_RTCP),
            // RFC 3711 sections 3.2.1 and 3.4: the index is incremented before use, so it starts at one.
            next_index: 1,
        }
    }

    /// Seals the compound RTCP packet that fills `buffer` from `start`; at least its first header must be there.
    pub(crate) fn seal(&mut self, buffer: &mut Vec<u8>, start: usize) {
        let index = self.next_index & 0x7fff_ffff;
        self.next_index = index.wrapping_add(1);
        let trailer = (0x8000_0000 | index).to_be_bytes();
        let packet = &mut buffer[start..];
        let ssrc = ssrc_at(packet, 4);
        let (clear, body) = packet.split_at_mut(RTCP_CLEAR_LEN);
        match &self.keys {
            Keys::Gcm { key, salt } => {
                // RFC 7714 section 9.2: the clear header and the index word are authenticated with the ciphertext.
                let mut aad = [0; RTCP_CLEAR_LEN + SRTCP_INDEX_LEN];
                aad[..RTCP_CLEAR_LEN].copy_from_slice(clear);
                aad[RTCP_CLEAR_LEN..].copy_from_slice(&trailer);
                let nonce = gcm_nonce(salt, ssrc, index_bytes(u64::from(index)));
                let tag = key
                    .seal_in_place_separate_tag(nonce, Aad::from(&aad), body)
                    .expect("invariant: a packet is far below the limit of GCM");
                buffer.extend_from_slice(tag.as_ref());
                buffer.extend_from_slice(&trailer);
            }
            Keys::CmSha1(keys) => {
                keys.crypt(ssrc, u64::from(index), body);
                let tag = keys.tag([packet, &trailer]);
                buffer.extend_from_slice(&trailer);
                buffer.extend_from_slice(&tag);
            }
        }
    }
}

/// The last 64 indices of one SSRC (RFC 3711 section 3.3.2 asks for at least 64).
#[derive(Clone, Copy, Debug, Default)]
struct ReplayWindow {
    highest: u64,
    /// Bit n: `highest - n` was seen.
    seen: u64,
}

impl ReplayWindow {
    fn is_fresh(&self, index: u64) -> bool {
        self.seen == 0 || index > self.highest || {
            let age = self.highest - index;
            age < 64 && self.seen & (1 << age) == 0
        }
    }

    fn accept(&mut self, index: u64) {
        if index > self.highest {
            let ahead = index - self.highest;
            self.seen = if ahead < 64 { self.seen << ahead } else { 0 } | 1;
            self.highest = index;
        } else {
            self.seen |= 1 << (self.highest - index).min(63);
        }
    }
}

/// SSRCs that a microphone may announce (`offer`).
const MAX_RTP_SOURCES: usize = 4;
/// Distinct senders of RTCP that one client may have: its microphone and the receivers of its slots. More are
/// refused, so that nobody grows the table or pushes a replay window out of it.
const MAX_RTCP_SOURCES: usize = 8;

/// Opens what one client sends.
pub(crate) struct Opener {
    rtp: Keys,
    rtcp: Keys,
    rtp_sources: Sources,
    rtcp_sources: Sources,
}

/// Replay windows by SSRC; so few that a walk is the quickest look-up.
struct Sources {
    windows: Vec<(Ssrc, ReplayWindow)>,
    most: usize,
}

impl Sources {
    fn new(most: usize) -> Self {
        Self { windows: Vec::new(), most }
    }

    /// The window of a source, an empty one if it is new and there is room for it.
    fn window(&self, ssrc: Ssrc) -> Result<ReplayWindow, Unopened> {
        match self.windows.iter().find(|(known, _)| *known == ssrc) {
            Some((_, window)) => Ok(*window),
            None if self.windows.len() < self.most => Ok(ReplayWindow::default()),
            None => Err(Unopened),
        }
    }

    /// Once the packet is known to be genuine.
    fn accept(&mut self, ssrc: Ssrc, index: u64) {
        match self.windows.iter_mut().find(|(known, _)| *known == ssrc) {
            Some((_, window)) => window.accept(index),
            None => self.windows.push((ssrc, ReplayWindow { highest: index, seen: 1 })),
        }
    }
}

impl Opener {
    fn new(profile: SrtpProfile, master_key: &[u8], master_salt: &[u8]) -> Self {
        Self {
            rtp: Keys::new(profile, master_key, master_salt, 0),
            rtcp: Keys::new(profile, master_key, master_salt, LABELS_RTCP),
            rtp_sources: Sources::new(MAX_RTP_SOURCES),
            rtcp_sources: Sources::new(MAX_RTCP_SOURCES),
        }
    }

    /// Opens an RTP packet in place and gives its length in clear. `header_len` as `rtp::header_len` read it.
    pub(crate) fn open_rtp(
        &mut self,
        packet: &mut [u8],
        header_len: usize,
    ) -> Result<usize, Unopened> {
        let clear_len = packet.len().checked_sub(self.rtp.tag_len()).ok_or(Unopened)?;
        if clear_len < header_len || header_len < 12 {
            return Err(Unopened);
        }
        let seq = SeqNo(u16::from_be_bytes([packet[2], packet[3]]));
        let ssrc = Ssrc(u32::from_be_bytes(ssrc_at(packet, 8)));
        let window = self.rtp_sources.window(ssrc)?;
        // A stream begins with roll-over counter zero.
        let index =
            if window.seen == 0 { u64::from(seq.0) } else { seq.extend_near(window.highest) };
        if !window.is_fresh(index) {
            return Err(Unopened);
        }
        let (header, sealed) = packet.split_at_mut(header_len);
        let (payload, tag) = sealed.split_at_mut(clear_len - header_len);
        match &self.rtp {
            Keys::Gcm { key, salt } => {
                let nonce = gcm_nonce(salt, ssrc.0.to_be_bytes(), index_bytes(index));
                key.open_in_place_separate_tag(nonce, Aad::from(&*header), tag, payload)
                    .map_err(|_| Unopened)?;
            }
            Keys::CmSha1(keys) => {
                let roll_over = ((index >> 16) as u32).to_be_bytes();
                let (signed, tag) = packet.split_at_mut(clear_len);
                keys.verify([signed, &roll_over], tag)?;
                keys.crypt(ssrc.0.to_be_bytes(), index, &mut signed[header_len..]);
            }
        }
        self.rtp_sources.accept(ssrc, index);
        Ok(clear_len)
    }

    /// Opens a compound RTCP packet in place and gives its length in clear.
    pub(crate) fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, Unopened> {
        let overhead = self.rtcp.tag_len() + SRTCP_INDEX_LEN;
        let clear_len = packet.len().checked_sub(overhead).ok_or(Unopened)?;
        if clear_len < RTCP_CLEAR_LEN {
            return Err(Unopened);
        }
        let ssrc = Ssrc(u32::from_be_bytes(ssrc_at(packet, 4)));
        let trailer_at = match &self.rtcp {
            Keys::Gcm { .. } => packet.len() - SRTCP_INDEX_LEN,
            Keys::CmSha1(_) => clear_len,
        };
        let trailer = ssrc_at(packet, trailer_at);
        let word = u32::from_be_bytes(trailer);
        // DTLS-SRTP always encrypts: the E flag must be set (RFC 3711 section 3.4).
        if word & 0x8000_0000 == 0 {
            return Err(Unopened);
        }
        let index = u64::from(word & 0x7fff_ffff);
        if !self.rtcp_sources.window(ssrc)?.is_fresh(index) {
            return Err(Unopened);
        }
        match &self.rtcp {
            Keys::Gcm { key, salt } => {
                let mut aad = [0; RTCP_CLEAR_LEN + SRTCP_INDEX_LEN];
                aad[..RTCP_CLEAR_LEN].copy_from_slice(&packet[..RTCP_CLEAR_LEN]);
                aad[RTCP_CLEAR_LEN..].copy_from_slice(&trailer);
                let nonce = gcm_nonce(salt, ssrc.0.to_be_bytes(), index_bytes(index));
                let (body, tag) =
                    packet[RTCP_CLEAR_LEN..trailer_at].split_at_mut(clear_len - RTCP_CLEAR_LEN);
                key.open_in_place_separate_tag(nonce, Aad::from(&aad), tag, body)
                    .map_err(|_| Unopened)?;
            }
            Keys::CmSha1(keys) => {
                let (signed, rest) = packet.split_at_mut(clear_len);
                keys.verify([signed, &trailer], &rest[SRTCP_INDEX_LEN..])?;
                keys.crypt(ssrc.0.to_be_bytes(), index, &mut signed[RTCP_CLEAR_LEN..]);
            }
        }
        self.rtcp_sources.accept(ssrc, index);
        Ok(clear_len)
    }
}

#[cfg(test)]
#[path = "srtp/tests.rs"]
mod tests;
