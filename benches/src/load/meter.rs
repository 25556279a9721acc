//! What listeners receive, counted from headers: SRTP leaves them in clear, so that only a sample is decrypted. Pure.
//!
//! A packet's age is known without opening it: in each slot, the server's RTP time differs from the speaker's by a
//! constant until the slot changes hands or is re-anchored. A decrypted sample tells which frame a packet carries (no
//! two frames are alike), hence the constant, and proves that the audio arrived byte for byte.

use std::collections::HashMap;
use std::time::Duration;

use rtc_srtp::context::Context;

use super::sdp::{RED_PT, SLOTS};
use super::voice::{CYCLE, FRAME_48K, Frame};
use crate::histogram::Histogram;

/// One packet of each listener in so many is decrypted.
const SAMPLE: u32 = 64;
/// The most that the server bundles into a packet; a longer step in time is a gap.
const MOST_FRAMES: u32 = 3;

/// When a speaker's frames left, by their number.
#[derive(Default)]
pub(super) struct Sent {
    at: Vec<Duration>,
    /// Frames that count: those sent while the window was open.
    counted: (usize, usize),
}

impl Sent {
    /// Notes that the next frame leaves now.
    pub(super) fn push(&mut self, at: Duration) {
        self.at.push(at);
    }

    /// The number the next frame will have.
    pub(super) fn next(&self) -> usize {
        self.at.len()
    }
}

/// A slot as it flows now, the same for all listeners.
#[derive(Clone, Copy)]
struct Flow {
    csrc: u32,
    speaker: usize,
    /// The slot's RTP time less the speaker's.
    offset_48k: u32,
}

/// One listener's stream in one slot.
#[derive(Clone, Copy, Default)]
struct Stream {
    ssrc: u32,
    /// Packets since the window opened; 0: the rest says nothing.
    received: u32,
    first: u32,
    highest: u32,
    last_at: Duration,
    last_stamp: Option<Duration>,
    /// The packet before: its number and time.
    before: (u16, u32),
    /// 20 ms frames in a whole packet, less one. A bundle cut short carries those that were sent until then.
    more_frames: u32,
}

/// One listener's counts and key.
pub(super) struct Reception {
    streams: [Stream; SLOTS],
    inbound: Context,
    until_sample: u32,
    /// Whose flows these are, among `Meter::flows`.
    shard: usize,
}

impl Reception {
    /// `number` spreads the samples of many listeners over time; `shard` is from `Meter::shard`.
    pub(super) fn new(ssrcs: [u32; SLOTS], inbound: Context, number: usize, shard: usize) -> Self {
        let streams = ssrcs.map(|ssrc| Stream { ssrc, ..Stream::default() });
        Self { streams, inbound, until_sample: number as u32 % SAMPLE, shard }
    }

    /// Stream and highest extended sequence number, for receiver reports.
    pub(super) fn heard(&self) -> impl Iterator<Item = (u32, u32)> {
        self.streams
            .iter()
            .filter(|stream| stream.received > 0)
            .map(|stream| (stream.ssrc, stream.highest))
    }
}

/// All listeners' figures.
#[derive(Default)]
pub(super) struct Meter {
    pub(super) sent: Vec<Sent>,
    /// Which speaker's which frame a payload is.
    frames: HashMap<Vec<u8>, (usize, usize)>,
    /// By shard: each anchors a slot's time for itself.
    flows: Vec<(u16, [Option<Flow>; SLOTS])>,
    open: bool,
    /// Packets hold several frames, how many is known only about: `delivered` is no measure of loss.
    pub(super) bundled: bool,
    pub(super) latency: Histogram,
    pub(super) longest_gap: Duration,
    /// The same two by the kernel's stamps, if there are any: without the time that packets wait to be read.
    pub(super) stamped_latency: Histogram,
    pub(super) longest_stamped_gap: Duration,
    /// When each stream was heard first in the window.
    pub(super) first_heard: Vec<Duration>,
    /// RTP packets ever received, and their bytes.
    pub(super) packets: u64,
    pub(super) bytes: u64,
    /// Packets that carry frames sent in the window.
    pub(super) delivered: u64,
    pub(super) samples_intact: u64,
    pub(super) samples_unknown: u64,
    pub(super) undecryptable: u64,
}

/// What the server put in the clear.
struct Header {
    /// A talk begins: its time may be anchored anew, by whole frames even.
    marker: bool,
    seq: u16,
    ts_48k: u32,
    ssrc: u32,
    csrc: u32,
}

impl Header {
    fn read(packet: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u32::from_be_bytes(packet.get(at..at + 4)?.try_into().ok()?));
        let csrc = if packet.first()? & 0x0f > 0 { word(12)? } else { 0 };
        let (marker, seq) = (word(0)? & 0x80_0000 != 0, (word(0)? & 0xffff) as u16);
        Some(Self { marker, seq, ts_48k: word(4)?, ssrc: word(8)?, csrc })
    }
}

/// Header, CSRC list and extension (RFC 3550 section 5.1): what SRTP leaves in clear.
fn header_len(packet: &[u8]) -> Option<usize> {
    let fixed = 12 + 4 * usize::from(packet.first()? & 0x0f);
    if packet[0] & 0x10 == 0 {
        return Some(fixed);
    }
    let words = packet.get(fixed + 2..fixed + 4)?;
    Some(fixed + 4 + 4 * usize::from(u16::from_be_bytes([words[0], words[1]])))
}

/// A packet's first frame after its configuration: what it is told by, bundled or not.
fn first_frame(packet: &[u8]) -> Option<Vec<u8>> {
    let parsed = opus::packet::parse(packet).ok()?;
    // RFC 6716 section 3.1: all but the lowest two bits, which count frames.
    let mut key = vec![packet.first()? & !3];
    key.extend_from_slice(parsed.frames.first()?);
    Some(key)
}

/// The frame itself, behind the redundant ones (RFC 2198 section 3).
fn red_primary(mut payload: &[u8]) -> Option<&[u8]> {
    let mut redundant = 0;
    while payload.first()? & 0x80 != 0 {
        let (header, rest) = payload.split_at_checked(4)?;
        redundant += usize::from(u16::from_be_bytes([header[2], header[3]]) & 0x3ff);
        payload = rest;
    }
    payload.get(1 + redundant..)
}

impl Meter {
    /// Adds a speaker and what they will say, and gives their number.
    pub(super) fn speaker(&mut self, frames: &[Frame]) -> usize {
        let speaker = self.sent.len();
        let known = frames.iter().enumerate();
        let known =
            known.filter_map(|(at, frame)| Some((first_frame(&frame.opus)?, (speaker, at))));
        self.frames.extend(known);
        self.sent.push(Sent::default());
        speaker
    }

    /// The place of the shard at this port.
    pub(super) fn shard(&mut self, port: u16) -> usize {
        let known = self.flows.iter().position(|(at, _)| *at == port);
        known.unwrap_or_else(|| {
            self.flows.push((port, [None; SLOTS]));
            self.flows.len() - 1
        })
    }

    /// From now on, frames and packets count.
    pub(super) fn open<'a>(&mut self, receptions: impl Iterator<Item = &'a mut Reception>) {
        receptions
            .flat_map(|reception| &mut reception.streams)
            .for_each(|stream| stream.received = 0);
        self.sent.iter_mut().for_each(|sent| sent.counted = (sent.at.len(), usize::MAX));
        self.first_heard.clear();
        (self.latency, self.longest_gap, self.delivered) =
            (Histogram::default(), Duration::ZERO, 0);
        (self.stamped_latency, self.longest_stamped_gap) = (Histogram::default(), Duration::ZERO);
        self.open = true;
    }

    /// Frames sent from now on do not count; packets still on their way do.
    pub(super) fn close(&mut self) {
        self.sent.iter_mut().for_each(|sent| sent.counted.1 = sent.at.len());
    }

    /// Frames that count.
    pub(super) fn frames_counted(&self) -> u64 {
        let counted =
            self.sent.iter().map(|sent| sent.counted.1.min(sent.at.len()) - sent.counted.0);
        counted.sum::<usize>() as u64
    }

    /// Sequence numbers that never came, over all streams.
    pub(super) fn holes<'a>(receptions: impl Iterator<Item = &'a Reception>) -> u64 {
        let streams = receptions.flat_map(|reception| &reception.streams);
        let heard = streams.filter(|stream| stream.received > 0);
        heard.map(|s| u64::from((s.highest - s.first + 1).saturating_sub(s.received))).sum()
    }

    /// Takes one RTP packet of a listener, read `now`; the kernel's stamp says when it arrived.
    pub(super) fn packet(
        &mut self,
        now: Duration,
        stamp: Option<Duration>,
        reception: &mut Reception,
        packet: &[u8],
    ) {
        self.packets += 1;
        self.bytes += packet.len() as u64;
        let Some(header) = Header::read(packet) else { return };
        let Some(slot) = reception.streams.iter().position(|stream| stream.ssrc == header.ssrc)
        else {
            return;
        };
        let sample = reception.until_sample == 0;
        reception.until_sample = reception.until_sample.checked_sub(1).unwrap_or(SAMPLE - 1);
        if sample || header.marker || self.frame_of(now, (reception.shard, slot), &header).is_none()
        {
            self.learn(now, reception, slot, &header, packet);
        }
        let stream = &mut reception.streams[slot];
        if header.seq == stream.before.0.wrapping_add(1) && !header.marker {
            let step_48k = header.ts_48k.wrapping_sub(stream.before.1);
            let frames = step_48k / FRAME_48K;
            if step_48k.is_multiple_of(FRAME_48K) && (1..=MOST_FRAMES).contains(&frames) {
                // A bundle that was cut short does not make the next one short.
                stream.more_frames = stream.more_frames.max(frames - 1);
                self.bundled |= frames > 1;
            }
        }
        stream.before = (header.seq, header.ts_48k);
        if self.open {
            let at = (reception.shard, slot);
            self.count(now, stamp, &mut reception.streams[slot], at, &header);
        }
    }

    fn count(
        &mut self,
        now: Duration,
        stamp: Option<Duration>,
        stream: &mut Stream,
        at: (usize, usize),
        header: &Header,
    ) {
        if stream.received == 0 {
            // Far from zero, so that a late packet does not go below it.
            stream.first = 0x1_0000 | u32::from(header.seq);
            stream.highest = stream.first;
            self.first_heard.push(now);
            stream.last_stamp = None;
        } else {
            let ahead = header.seq.wrapping_sub((stream.highest & 0xffff) as u16).cast_signed();
            stream.highest = stream.highest.max(stream.highest.wrapping_add_signed(ahead.into()));
            self.longest_gap = self.longest_gap.max(now.saturating_sub(stream.last_at));
        }
        stream.received += 1;
        stream.last_at = now;
        if let Some((stamp, before)) = stamp.zip(std::mem::replace(&mut stream.last_stamp, stamp)) {
            self.longest_stamped_gap = self.longest_stamped_gap.max(stamp.saturating_sub(before));
        }
        let Some((speaker, frame)) = self.frame_of(now, at, header) else { return };
        let sent = &self.sent[speaker];
        let whole = frame..(frame + 1 + stream.more_frames as usize).min(sent.at.len());
        for frame in whole.filter(|frame| (sent.counted.0..sent.counted.1).contains(frame)) {
            self.delivered += 1;
            self.latency.record(now.saturating_sub(sent.at[frame]));
            if let Some(stamp) = stamp {
                self.stamped_latency.record(stamp.saturating_sub(sent.at[frame]));
            }
        }
    }

    /// Which frame the header's time says it is, if the slot's constant is known and the answer makes sense.
    fn frame_of(
        &self,
        now: Duration,
        (shard, slot): (usize, usize),
        header: &Header,
    ) -> Option<(usize, usize)> {
        let flow = self.flows[shard].1[slot].filter(|flow| flow.csrc == header.csrc)?;
        let speaker_48k = header.ts_48k.wrapping_sub(flow.offset_48k);
        let frame = (speaker_48k / FRAME_48K) as usize;
        let at = *self.sent[flow.speaker].at.get(frame)?;
        let sensible = speaker_48k.is_multiple_of(FRAME_48K) && now.saturating_sub(at) < cycle();
        sensible.then_some((flow.speaker, frame))
    }

    /// Opens a packet and learns the slot's constant from what it carries.
    fn learn(
        &mut self,
        now: Duration,
        reception: &mut Reception,
        slot: usize,
        header: &Header,
        packet: &[u8],
    ) {
        let Ok(clear) = reception.inbound.decrypt_rtp(packet) else {
            self.undecryptable += 1;
            return;
        };
        let payload = header_len(&clear).and_then(|len| clear.get(len..)).unwrap_or_default();
        let payload = if clear[1] & 0x7f == RED_PT { red_primary(payload) } else { Some(payload) };
        let known = payload.and_then(first_frame).and_then(|first| self.frames.get(&first));
        let Some((speaker, place)) = known.copied() else {
            self.samples_unknown += 1;
            return;
        };
        // The last time the speaker said this: packets are younger than a cycle.
        let at = &self.sent[speaker].at;
        let Some(frame) = (0..at.len()).rev().take(CYCLE).find(|frame| frame % CYCLE == place)
        else {
            return;
        };
        if now.saturating_sub(at[frame]) < cycle() {
            self.samples_intact += 1;
            let offset_48k = header.ts_48k.wrapping_sub((frame as u32).wrapping_mul(FRAME_48K));
            self.flows[reception.shard].1[slot] =
                Some(Flow { csrc: header.csrc, speaker, offset_48k });
        }
    }
}

fn cycle() -> Duration {
    Duration::from_millis(20) * CYCLE as u32
}

#[cfg(test)]
#[path = "meter/tests.rs"]
mod tests;
