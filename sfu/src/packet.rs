//! The prepared packet: a slot's frame written once per profile and variant, then only copied, patched and sealed
//! per listener. Owned by the room on its shard; buffers are reused. Not its job: who gets which variant, keys.

use crate::loudest::SpeakerNo;
use crate::rtp::{AudioLevel, RtpHeader, SeqNo, Ssrc};

mod bundle;

use bundle::Bundler;

/// Largest RTP payload that is forwarded: with header (24), GCM tag (16), UDP and IPv6 (48) it stays within
/// 1,288 bytes, under every usual path MTU. Opus at 64 kbit/s needs 160 bytes for 20 ms.
pub const MAX_PAYLOAD: usize = 1200;

/// What differs between browsers in an otherwise equal packet: one prepared packet per profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Profile {
    /// Payload type of Opus.
    pub opus_pt: u8,
    /// Payload type of RED, where the listener takes it.
    pub red_pt: Option<u8>,
    /// Extension id (1 ..= 14) of the audio level.
    pub level_ext: Option<u8>,
}

/// The forms in which a slot's stream can be sent. Plain and RED share one count of sequence numbers, bundled has
/// its own: a listener who changes to or from bundled switches its `slot::ListenerSeq`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variant {
    /// One frame a packet.
    Plain,
    /// The previous frame carried along (RFC 2198); the plain packet where the profile has no RED.
    Red,
    /// Up to three 20 ms frames in one packet.
    Bundled,
}

/// One frame of a slot, in its place (see `slot::Continued`).
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The slot's extended sequence number.
    pub ext_seq: u64,
    /// The slot's timestamp, units of 1/48000 s.
    pub ts_48k: u32,
    /// First packet of a talk.
    pub marker: bool,
    /// Who speaks: the CSRC.
    pub speaker: SpeakerNo,
    /// How loud.
    pub level: Option<AudioLevel>,
    /// The Opus packet.
    pub payload: &'a [u8],
}

/// A packet ready to be copied, patched (`rtp::patch_seq`) and sealed.
#[derive(Debug)]
pub struct Prepared {
    bytes: Vec<u8>,
    header_len: usize,
    ext_seq: u64,
}

impl Default for Prepared {
    fn default() -> Prepared {
        Prepared {
            bytes: Vec::with_capacity(RtpHeader::MAX_LEN + MAX_PAYLOAD),
            header_len: 0,
            ext_seq: 0,
        }
    }
}

impl Prepared {
    /// Header and payload, in clear.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes that are authenticated but not encrypted.
    pub fn header_len(&self) -> usize {
        self.header_len
    }

    /// The extended sequence number in the variant's stream, for `slot::ListenerSeq::place`.
    pub fn ext_seq(&self) -> u64 {
        self.ext_seq
    }
}

/// A frame kept in a reused buffer.
#[derive(Clone, Debug)]
struct Kept {
    ext_seq: u64,
    ts_48k: u32,
    marker: bool,
    speaker: SpeakerNo,
    level: Option<AudioLevel>,
    payload: Vec<u8>,
}

impl Default for Kept {
    fn default() -> Kept {
        let (ext_seq, ts_48k, marker, speaker, level) = (0, 0, false, SpeakerNo(0), None);
        Kept { ext_seq, ts_48k, marker, speaker, level, payload: Vec::new() }
    }
}

impl Kept {
    fn keep(&mut self, frame: &Frame<'_>) {
        (self.ext_seq, self.ts_48k, self.marker) = (frame.ext_seq, frame.ts_48k, frame.marker);
        (self.speaker, self.level) = (frame.speaker, frame.level);
        self.payload.clear();
        self.payload.extend_from_slice(frame.payload);
    }
}

/// A slot's frames on their way into packets: keeps the previous frame (RED) and the frames being bundled.
#[derive(Debug)]
pub struct SlotPackets {
    ssrc: Ssrc,
    /// One past the highest number pushed.
    next_ext_seq: u64,
    present: Kept,
    previous: Kept,
    presence: Presence,
    bundler: Bundler,
}

/// What `SlotPackets::present` holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    /// Nothing: no frame yet, or the last one was refused.
    Nothing,
    /// The newest frame; `previous` is the one before it.
    Newest,
    /// A late frame that fills a hole; `previous` is the newest.
    Late,
}

impl SlotPackets {
    /// For the slot that all listeners know under `ssrc`.
    pub fn new(ssrc: Ssrc) -> SlotPackets {
        SlotPackets {
            ssrc,
            next_ext_seq: 0,
            present: Kept::default(),
            previous: Kept::default(),
            presence: Presence::Nothing,
            bundler: Bundler::default(),
        }
    }

    /// Takes the next frame. False: refused (empty or longer than `MAX_PAYLOAD`), and there is nothing to write.
    pub fn push(&mut self, frame: &Frame<'_>) -> bool {
        if self.presence == Presence::Newest {
            std::mem::swap(&mut self.present, &mut self.previous);
        }
        self.presence = Presence::Nothing;
        self.bundler.forget_ready();
        if frame.payload.is_empty() || frame.payload.len() > MAX_PAYLOAD {
            return false;
        }
        self.present.keep(frame);
        if frame.ext_seq >= self.next_ext_seq {
            self.next_ext_seq = frame.ext_seq + 1;
            self.presence = Presence::Newest;
            self.bundler.push(frame);
        } else {
            // Bundles have gone out past it: the listeners of bundles conceal it.
            self.presence = Presence::Late;
        }
        true
    }

    /// How many packets the last `push` made ready: plain and RED 1, bundled 0 ..= 2.
    pub fn ready(&self, variant: Variant) -> usize {
        match variant {
            Variant::Plain | Variant::Red => usize::from(self.presence != Presence::Nothing),
            Variant::Bundled => self.bundler.ready().len(),
        }
    }

    /// The number that the variant's next packet, of a later `push`, will bear: for a listener who joins or switches
    /// now.
    pub fn next_ext_seq(&self, variant: Variant) -> u64 {
        match variant {
            Variant::Plain | Variant::Red => self.next_ext_seq,
            Variant::Bundled => self.bundler.next_ext_seq(),
        }
    }

    /// Writes packet `index` (below `ready`) for a profile into a reused buffer. False: there is no such packet.
    pub fn write(
        &self,
        variant: Variant,
        index: usize,
        profile: &Profile,
        out: &mut Prepared,
    ) -> bool {
        if index >= self.ready(variant) {
            return false;
        }
        match variant {
            Variant::Plain => self.write_plain(&self.present, profile, out),
            Variant::Red => self.write_red(profile, out),
            Variant::Bundled => self.write_plain(&self.bundler.ready()[index], profile, out),
        }
        true
    }

    fn write_header(&self, frame: &Kept, payload_type: u8, profile: &Profile, out: &mut Prepared) {
        let header = RtpHeader {
            marker: frame.marker,
            payload_type,
            seq: SeqNo((frame.ext_seq & 0xffff) as u16),
            ts_48k: frame.ts_48k,
            ssrc: self.ssrc,
            csrc: Some(frame.speaker.0),
            level: profile.level_ext.zip(frame.level),
        };
        let mut bytes = [0; RtpHeader::MAX_LEN];
        out.header_len = header.write(&mut bytes);
        out.ext_seq = frame.ext_seq;
        out.bytes.clear();
        out.bytes.extend_from_slice(&bytes[..out.header_len]);
    }

    fn write_plain(&self, frame: &Kept, profile: &Profile, out: &mut Prepared) {
        self.write_header(frame, profile.opus_pt, profile, out);
        out.bytes.extend_from_slice(&frame.payload);
    }

    /// RFC 2198 with one redundant block. Where none can be carried the plain packet says the same in fewer bytes;
    /// receivers take both payload types at any time.
    fn write_red(&self, profile: &Profile, out: &mut Prepared) {
        let (Some(red_pt), Some(offset_48k)) = (profile.red_pt, self.redundancy_offset()) else {
            return self.write_plain(&self.present, profile, out);
        };
        self.write_header(&self.present, red_pt, profile, out);
        let block = (0x80 | u32::from(profile.opus_pt)) << 24
            | offset_48k << 10
            | self.previous.payload.len() as u32;
        out.bytes.extend_from_slice(&block.to_be_bytes());
        out.bytes.push(profile.opus_pt & 0x7f);
        out.bytes.extend_from_slice(&self.previous.payload);
        out.bytes.extend_from_slice(&self.present.payload);
    }

    /// How much earlier the previous frame lies, if it can and should be carried: the offset has 14 bits, the length
    /// 10, and the whole must fit. A DTX frame is not worth it.
    fn redundancy_offset(&self) -> Option<u32> {
        let previous = &self.previous.payload;
        let offset = self.present.ts_48k.wrapping_sub(self.previous.ts_48k);
        let fits = previous.len() < 1 << 10
            && 5 + previous.len() + self.present.payload.len() <= MAX_PAYLOAD;
        let carried = self.presence == Presence::Newest
            && !is_dtx(previous)
            && fits
            && (1..1 << 14).contains(&offset);
        carried.then_some(offset)
    }
}

/// What a slot sends when a talk stops without ending in silence by itself: 20 ms of Opus silence (full band, CELT),
/// then a DTX frame (table-of-contents byte alone, RFC 6716 section 3.1) that keeps the decoder quiet.
pub const END_FRAMES: [&[u8]; 2] = [&[0xf8, 0xff, 0xfe], &[0xf8]];

/// Whether an Opus payload is a DTX frame: browsers send two bytes or fewer, libopus never codes speech in three.
pub fn is_dtx(payload: &[u8]) -> bool {
    payload.len() <= 3
}

/// The sound an Opus packet holds in units of 1/48000 s, by its first bytes (RFC 6716 section 3.1); 0 if malformed
/// or longer than the 120 ms that the RFC allows.
pub fn duration_48k(payload: &[u8]) -> u32 {
    let Some(toc) = payload.first() else { return 0 };
    let config = toc >> 3;
    let frame_48k = match config {
        // SILK: 10, 20, 40, 60 ms; hybrid: 10, 20 ms; CELT: 2.5, 5, 10, 20 ms.
        0..=11 => [480, 960, 1920, 2880][usize::from(config & 3)],
        12..=15 => [480, 960][usize::from(config & 1)],
        _ => [120, 240, 480, 960][usize::from(config & 3)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(payload.get(1).map_or(0, |count| count & 0x3f)),
    };
    let total = frame_48k * frames;
    if total > 5760 { 0 } else { total }
}

#[cfg(test)]
mod tests;
