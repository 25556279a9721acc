//! What came in one slot: packets in order, decoded, counted, remembered for a while. Pure but for
//! the decoder's state: the time is given.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use opus::{Channels, Decoder};
use palco_protocol::SpeakerNumber;
use serde::Serialize;

use crate::{
    Error,
    audio::{FRAME_SAMPLES, RATE_HZ},
    red::Redundant,
    reorder::{InOrder, Reorder},
};

/// Packets remembered for a test's questions: a minute of one slot.
const RECORDS_MAX: usize = 3_000;
/// Decoded audio remembered for measuring.
const PCM_KEPT: Duration = Duration::from_secs(2);
/// 120 ms, the longest Opus packet.
const PACKET_MAX_SAMPLES: usize = 5_760;
/// Longer gaps than 100 ms are not concealed: nobody could guess what was said.
const CONCEAL_MAX_SAMPLES: u32 = 5 * FRAME_SAMPLES as u32;

/// A packet as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PacketRecord {
    /// When.
    pub at: Instant,
    /// RTP sequence number.
    pub sequence: u16,
    /// RTP timestamp.
    pub timestamp_48k: u32,
    /// RTP marker: the first packet after silence.
    pub marker: bool,
    /// Who speaks: the packet's CSRC.
    pub number: Option<SpeakerNumber>,
    /// The RFC 6464 level, in -dBov.
    pub level_dbov: Option<u8>,
    /// Size of the Opus packet.
    pub payload_bytes: usize,
    /// An earlier frame came with it (RFC 2198).
    pub redundant: bool,
}

/// What happened in one slot so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct HeardCounts {
    /// Packets that came, late ones included.
    pub packets: u64,
    /// Packets that never came, by their sequence numbers.
    pub lost: u64,
    /// Packets that came twice, or after they were given up.
    pub late: u64,
    /// Frames of 20 ms that the decoder had to make up.
    pub concealed_frames: u64,
    /// Lost frames that came again with the next packet (RFC 2198).
    pub recovered_frames: u64,
    /// Packets that were not Opus.
    pub undecodable: u64,
}

/// A packet with its payload, before it is in order.
pub(crate) struct Arrived {
    pub(crate) record: PacketRecord,
    pub(crate) payload: Bytes,
    pub(crate) redundant: Option<Redundant>,
}

/// A stretch of decoded audio.
pub(crate) struct Heard {
    pub(crate) at: Instant,
    pub(crate) timestamp_48k: u32,
    pub(crate) number: Option<SpeakerNumber>,
    pub(crate) pcm: Vec<i16>,
    /// The packet it came from; absent where it is concealment.
    pub(crate) payload: Option<Bytes>,
}

pub(crate) struct Reception {
    decoder: Decoder,
    reorder: Reorder<Arrived>,
    in_order: Vec<InOrder<Arrived>>,
    /// The timestamp at which the audio heard so far ends.
    expected_48k: Option<u32>,
    lost_before_next: bool,
    records: VecDeque<PacketRecord>,
    recent: VecDeque<Arc<Heard>>,
    counts: HeardCounts,
    by_number: HashMap<SpeakerNumber, u64>,
    first_at: Option<Instant>,
}

impl Reception {
    pub(crate) fn new() -> Result<Self, Error> {
        Ok(Self {
            decoder: Decoder::new(RATE_HZ, Channels::Mono)?,
            reorder: Reorder::new(),
            in_order: Vec::new(),
            expected_48k: None,
            lost_before_next: false,
            records: VecDeque::new(),
            recent: VecDeque::new(),
            counts: HeardCounts::default(),
            by_number: HashMap::new(),
            first_at: None,
        })
    }

    /// Takes a packet; what it made audible goes to `heard`, in order.
    pub(crate) fn push(&mut self, arrived: Arrived, heard: &mut Vec<Arc<Heard>>) {
        let now = arrived.record.at;
        self.first_at.get_or_insert(now);
        self.counts.packets += 1;
        if let Some(number) = arrived.record.number {
            *self.by_number.entry(number).or_default() += 1;
        }
        if self.records.len() == RECORDS_MAX {
            self.records.pop_front();
        }
        self.records.push_back(arrived.record.clone());
        self.reorder.push(arrived.record.sequence, arrived, &mut self.in_order);
        self.decode(heard);
        while self.recent.front().is_some_and(|old| now.duration_since(old.at) > PCM_KEPT) {
            self.recent.pop_front();
        }
    }

    /// Gives up on missing packets: nothing more came for a while.
    pub(crate) fn flush(&mut self, heard: &mut Vec<Arc<Heard>>) {
        self.reorder.flush(&mut self.in_order);
        self.decode(heard);
    }

    /// Packets are held back for a missing one.
    pub(crate) fn is_waiting(&self) -> bool {
        self.reorder.is_waiting()
    }

    pub(crate) fn counts(&self) -> HeardCounts {
        self.counts
    }

    pub(crate) fn first_at(&self) -> Option<Instant> {
        self.first_at
    }

    pub(crate) fn packets_from(&self, number: SpeakerNumber) -> u64 {
        self.by_number.get(&number).copied().unwrap_or(0)
    }

    pub(crate) fn records(&self) -> Vec<PacketRecord> {
        self.records.iter().cloned().collect()
    }

    /// Audio that came after `since`, of one speaker or of whoever had the slot, oldest first.
    pub(crate) fn pcm(&self, since: Instant, number: Option<SpeakerNumber>) -> Vec<i16> {
        self.recent
            .iter()
            .filter(|heard| heard.at > since && (number.is_none() || heard.number == number))
            .flat_map(|heard| heard.pcm.iter().copied())
            .collect()
    }

    fn decode(&mut self, heard: &mut Vec<Arc<Heard>>) {
        for step in std::mem::take(&mut self.in_order) {
            match step {
                InOrder::Late => self.counts.late += 1,
                InOrder::Lost(packets) => {
                    self.counts.lost += u64::from(packets);
                    self.lost_before_next = true;
                }
                InOrder::Packet(arrived) => {
                    if std::mem::take(&mut self.lost_before_next) {
                        self.conceal(&arrived, heard);
                    }
                    let mut pcm = vec![0; PACKET_MAX_SAMPLES];
                    match self.decoder.decode(&arrived.payload, &mut pcm, false) {
                        Ok(samples) => pcm.truncate(samples),
                        Err(_) => {
                            self.counts.undecodable += 1;
                            continue;
                        }
                    }
                    let payload = Some(arrived.payload.clone());
                    self.remember(&arrived, arrived.record.timestamp_48k, pcm, payload, heard);
                }
            }
        }
    }

    /// Fills the gap before `next`: a frame that `next` carries along from that; else the last one
    /// from the copy that in-band FEC may carry (RFC 6716, section 2.1.7), the others by
    /// extrapolation.
    fn conceal(&mut self, next: &Arrived, heard: &mut Vec<Arc<Heard>>) {
        let Some(expected) = self.expected_48k else { return };
        let gap = next.record.timestamp_48k.wrapping_sub(expected);
        if gap == 0 || gap > CONCEAL_MAX_SAMPLES {
            return;
        }
        let frames = gap / FRAME_SAMPLES as u32;
        for frame in 0..frames {
            let last = frame + 1 == frames;
            let at_48k = expected.wrapping_add(frame * FRAME_SAMPLES as u32);
            let earlier_48k = next.record.timestamp_48k.wrapping_sub(at_48k);
            let carried = next.redundant.as_ref().filter(|it| it.offset_48k == earlier_48k);
            let mut pcm = vec![0; FRAME_SAMPLES];
            if let Some(carried) = carried
                && self.decoder.decode(&carried.payload, &mut pcm, false).is_ok()
            {
                self.counts.recovered_frames += 1;
                self.remember(next, at_48k, pcm, Some(carried.payload.clone()), heard);
                continue;
            }
            let input: &[u8] = if last { &next.payload } else { &[] };
            if self.decoder.decode(input, &mut pcm, last).is_ok() {
                self.counts.concealed_frames += 1;
                self.remember(next, at_48k, pcm, None, heard);
            }
        }
    }

    fn remember(
        &mut self,
        from: &Arrived,
        timestamp_48k: u32,
        pcm: Vec<i16>,
        payload: Option<Bytes>,
        heard: &mut Vec<Arc<Heard>>,
    ) {
        let samples = pcm.len() as u32;
        self.expected_48k = Some(timestamp_48k.wrapping_add(samples));
        let frame = Arc::new(Heard {
            at: from.record.at,
            timestamp_48k,
            number: from.record.number,
            pcm,
            payload,
        });
        self.recent.push_back(Arc::clone(&frame));
        heard.push(frame);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Tone, dominant_hz};

    fn packets(hz: f64, number: u32, count: u16) -> Vec<Arrived> {
        let start = Instant::now();
        Tone::new(hz)
            .unwrap()
            .zip(0..count)
            .map(|(frame, n)| Arrived {
                record: PacketRecord {
                    at: start + Duration::from_millis(20) * u32::from(n),
                    sequence: 65_530u16.wrapping_add(n),
                    timestamp_48k: (u32::MAX - 2_000).wrapping_add(u32::from(n) * 960),
                    marker: n == 0,
                    number: Some(SpeakerNumber(number)),
                    level_dbov: Some(frame.level_dbov),
                    payload_bytes: frame.payload.len(),
                    redundant: false,
                },
                payload: frame.payload,
                redundant: None,
            })
            .collect()
    }

    #[test]
    fn a_whole_stream_is_decoded_across_both_wraps() {
        let mut reception = Reception::new().unwrap();
        let mut heard = Vec::new();
        let sent = packets(440.0, 7, 50);
        let last = sent[49].record.at;
        for packet in sent {
            reception.push(packet, &mut heard);
        }
        assert_eq!(reception.counts(), HeardCounts { packets: 50, ..HeardCounts::default() });
        assert_eq!(heard.len(), 50);
        for pair in heard.windows(2) {
            assert_eq!(pair[1].timestamp_48k.wrapping_sub(pair[0].timestamp_48k), 960);
        }
        assert_eq!(reception.packets_from(SpeakerNumber(7)), 50);
        let since = last - Duration::from_millis(200);
        let pcm = reception.pcm(since, Some(SpeakerNumber(7)));
        assert_eq!(pcm.len(), 10 * 960);
        assert!((dominant_hz(&pcm).unwrap() - 440.0).abs() < 2.0);
        assert!(reception.pcm(since, Some(SpeakerNumber(8))).is_empty());
        assert!(reception.pcm(last, None).is_empty());
    }

    #[test]
    fn lost_packets_are_counted_and_concealed_and_the_rest_stays_in_time() {
        let mut reception = Reception::new().unwrap();
        let mut heard = Vec::new();
        let sent = packets(440.0, 7, 50);
        for (index, packet) in sent.into_iter().enumerate() {
            if index != 20 && index != 30 && index != 31 {
                reception.push(packet, &mut heard);
            }
        }
        assert_eq!(
            reception.counts(),
            HeardCounts { packets: 47, lost: 3, concealed_frames: 3, ..HeardCounts::default() }
        );
        assert_eq!(heard.len(), 50);
        assert_eq!(heard.iter().filter(|frame| frame.payload.is_none()).count(), 3);
        for pair in heard.windows(2) {
            assert_eq!(pair[1].timestamp_48k.wrapping_sub(pair[0].timestamp_48k), 960);
        }
    }

    #[test]
    fn a_lost_frame_that_comes_along_with_the_next_is_not_concealed() {
        let mut reception = Reception::new().unwrap();
        let mut heard = Vec::new();
        let mut sent = packets(440.0, 7, 20);
        for at in 1..20 {
            let payload = sent[at - 1].payload.clone();
            sent[at].redundant = Some(Redundant { offset_48k: 960, payload });
        }
        let whole: Vec<_> = sent.iter().map(|packet| Some(packet.payload.clone())).collect();
        for (index, packet) in sent.into_iter().enumerate() {
            // One alone, and two in a row, of which the first is not carried along.
            if ![5, 10, 11].contains(&index) {
                reception.push(packet, &mut heard);
            }
        }
        let counts = HeardCounts {
            packets: 17,
            lost: 3,
            concealed_frames: 1,
            recovered_frames: 2,
            ..HeardCounts::default()
        };
        assert_eq!(reception.counts(), counts);
        let mut expected = whole;
        expected[10] = None;
        let payloads: Vec<_> = heard.iter().map(|frame| frame.payload.clone()).collect();
        assert_eq!(payloads, expected, "each frame once, in order");
    }

    #[test]
    fn what_is_held_for_a_missing_packet_comes_out_at_a_flush() {
        let mut reception = Reception::new().unwrap();
        let mut heard = Vec::new();
        for (index, packet) in packets(440.0, 7, 4).into_iter().enumerate() {
            if index != 2 {
                reception.push(packet, &mut heard);
            }
        }
        assert_eq!((heard.len(), reception.is_waiting()), (2, true));
        reception.flush(&mut heard);
        assert_eq!((heard.len(), reception.is_waiting()), (4, false));
    }

    #[test]
    fn what_is_not_opus_is_counted_and_harmless() {
        let mut reception = Reception::new().unwrap();
        let mut heard = Vec::new();
        let mut sent = packets(440.0, 7, 3);
        // A code 3 packet without its frame count (RFC 6716, section 3.2.5).
        sent[1].payload = Bytes::from_static(&[0x03]);
        for packet in sent {
            reception.push(packet, &mut heard);
        }
        assert_eq!(reception.counts().undecodable, 1);
        assert_eq!(heard.len(), 2);
    }
}
