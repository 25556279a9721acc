//! Several slots made into one stream of 20 ms Opus packets. Pure: the time is given.
//!
//! Each slot's packets are placed on one timeline by their RTP timestamps, anchored to their
//! arrival. Who speaks alone is copied untouched; those who speak together are mixed and encoded
//! anew; nobody is a silent frame, so that the recording keeps the room's time.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use bytes::Bytes;
use opus::{Application, Channels, Encoder, Repacketizer};

use crate::{
    Error, SLOTS,
    audio::{FRAME_SAMPLES, PACKET_MAX_BYTES, RATE_HZ},
    reception::Heard,
};

const TICK: Duration = Duration::from_millis(20);
/// How late a packet may be and still find its place: nobody waits for a recording.
const DELAY_TICKS: u64 = 10;
/// A slot whose time runs further ahead than this is anchored anew.
const AHEAD_MAX_TICKS: u64 = 100;
/// 20 ms of digital silence: CELT, fullband, mono (RFC 6716, section 3.1).
const SILENCE: &[u8] = &[0xf8, 0xff, 0xfe];

pub(crate) struct Recorder {
    encoder: Encoder,
    repacketizer: Repacketizer,
    start: Instant,
    slots: [SlotTime; SLOTS],
    /// The first tick not yet out; the front of `ticks`.
    next_tick: u64,
    ticks: VecDeque<Vec<Voice>>,
}

#[derive(Default)]
struct SlotTime {
    /// Where the last 20 ms went: their timestamp and tick.
    last: Option<(u32, u64)>,
    /// The begin of 20 ms of which the rest has not come (packets of 10 ms or less).
    partial: Vec<i16>,
}

struct Voice {
    pcm: Vec<i16>,
    payload: Option<Bytes>,
}

impl Recorder {
    pub(crate) fn new(start: Instant) -> Result<Self, Error> {
        Ok(Self {
            encoder: Encoder::new(RATE_HZ, Channels::Mono, Application::Voip)?,
            repacketizer: Repacketizer::new()?,
            start,
            slots: Default::default(),
            next_tick: 0,
            ticks: VecDeque::new(),
        })
    }

    /// Takes what a slot played.
    pub(crate) fn place(&mut self, slot: usize, heard: &Heard) {
        let whole = heard.pcm.len() / FRAME_SAMPLES;
        if self.slots[slot].partial.is_empty() && heard.pcm.len() == whole * FRAME_SAMPLES {
            let packets = heard.payload.as_ref().and_then(|packet| self.split(packet, whole));
            for (index, pcm) in heard.pcm.chunks(FRAME_SAMPLES).enumerate() {
                let payload = packets.as_ref().and_then(|packets| packets.get(index)).cloned();
                let voice = Voice { pcm: pcm.to_vec(), payload };
                self.place_voice(slot, after(heard.timestamp_48k, index), heard.at, voice);
            }
            return;
        }
        let mut pcm = std::mem::take(&mut self.slots[slot].partial);
        let begins = heard.timestamp_48k.wrapping_sub(pcm.len() as u32);
        pcm.extend_from_slice(&heard.pcm);
        let rest = pcm.split_off(pcm.len() / FRAME_SAMPLES * FRAME_SAMPLES);
        self.slots[slot].partial = rest;
        for (index, pcm) in pcm.chunks(FRAME_SAMPLES).enumerate() {
            let voice = Voice { pcm: pcm.to_vec(), payload: None };
            self.place_voice(slot, after(begins, index), heard.at, voice);
        }
    }

    /// The packets, of 20 ms each, whose time has come.
    pub(crate) fn advance(&mut self, now: Instant) -> Result<Vec<Bytes>, Error> {
        let until = self.tick_at(now).saturating_sub(DELAY_TICKS);
        self.take_until(until)
    }

    /// All that is left.
    pub(crate) fn finish(&mut self) -> Result<Vec<Bytes>, Error> {
        self.take_until(self.next_tick + self.ticks.len() as u64)
    }

    fn take_until(&mut self, tick: u64) -> Result<Vec<Bytes>, Error> {
        let mut packets = Vec::new();
        while self.next_tick < tick {
            let voices = self.ticks.pop_front().unwrap_or_default();
            packets.push(self.packet(voices)?);
            self.next_tick += 1;
        }
        Ok(packets)
    }

    fn packet(&mut self, mut voices: Vec<Voice>) -> Result<Bytes, Error> {
        if voices.is_empty() {
            return Ok(Bytes::from_static(SILENCE));
        }
        if let [Voice { payload, .. }] = voices.as_mut_slice()
            && let Some(untouched) = payload.take()
        {
            return Ok(untouched);
        }
        let mut mixed = [0i16; FRAME_SAMPLES];
        for voice in &voices {
            for (sum, sample) in mixed.iter_mut().zip(&voice.pcm) {
                *sum = sum.saturating_add(*sample);
            }
        }
        Ok(self.encoder.encode_vec(&mixed, PACKET_MAX_BYTES)?.into())
    }

    fn place_voice(&mut self, slot: usize, timestamp_48k: u32, arrived: Instant, voice: Voice) {
        let continued = self.slots[slot].last.and_then(|(last_48k, last_tick)| {
            let passed = timestamp_48k.wrapping_sub(last_48k);
            let ticks = (passed + FRAME_SAMPLES as u32 / 2) / FRAME_SAMPLES as u32;
            // Two voices of one slot never share a tick.
            let tick = last_tick + u64::from(ticks.max(1));
            let in_reach = self.next_tick..self.next_tick + AHEAD_MAX_TICKS;
            (passed < u32::MAX / 2 && in_reach.contains(&tick)).then_some(tick)
        });
        let tick = continued.unwrap_or_else(|| self.tick_at(arrived).max(self.next_tick));
        self.slots[slot].last = Some((timestamp_48k, tick));
        let place = (tick - self.next_tick) as usize;
        if self.ticks.len() <= place {
            self.ticks.resize_with(place + 1, Vec::new);
        }
        self.ticks[place].push(voice);
    }

    /// A packet of several 20 ms frames as that many packets, without decoding.
    fn split(&mut self, packet: &Bytes, frames: usize) -> Option<Vec<Bytes>> {
        if frames == 1 {
            return Some(vec![packet.clone()]);
        }
        if opus::packet::get_nb_frames(packet).ok()? != frames {
            return None;
        }
        let mut state = self.repacketizer.begin();
        state.cat(packet).ok()?;
        (0..frames)
            .map(|frame| {
                let mut single = vec![0; packet.len() + 3];
                let length = state.out_range(frame, frame + 1, &mut single).ok()?;
                single.truncate(length);
                Some(single.into())
            })
            .collect()
    }

    fn tick_at(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.start);
        (since.as_micros() / TICK.as_micros()) as u64
    }
}

fn after(timestamp_48k: u32, frames: usize) -> u32 {
    timestamp_48k.wrapping_add((frames * FRAME_SAMPLES) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Tone, dominant_hz};
    use opus::Decoder;

    struct Talk {
        tone: Tone,
        decoder: Decoder,
    }

    impl Talk {
        fn new(hz: f64) -> Self {
            Self {
                tone: Tone::new(hz).unwrap(),
                decoder: Decoder::new(RATE_HZ, Channels::Mono).unwrap(),
            }
        }

        fn heard(&mut self, at: Instant, timestamp_48k: u32) -> Heard {
            let packet = self.tone.next().unwrap().payload;
            let mut pcm = vec![0; FRAME_SAMPLES];
            self.decoder.decode(&packet, &mut pcm, false).unwrap();
            Heard { at, timestamp_48k, number: None, pcm, payload: Some(packet) }
        }
    }

    #[test]
    fn one_voice_is_copied_untouched_and_nobody_is_silence() {
        let start = Instant::now();
        let mut recorder = Recorder::new(start).unwrap();
        let mut talk = Talk::new(440.0);
        let mut sent = Vec::new();
        for n in 0..20u32 {
            // Arrives with jitter; the timeline does not mind.
            let jitter = Duration::from_millis(u64::from(n % 3) * 7);
            let at = start + TICK * (n + 5) + jitter;
            let heard = talk.heard(at, (u32::MAX - 960).wrapping_add(n * 960));
            sent.push(heard.payload.clone().unwrap());
            recorder.place(1, &heard);
        }
        let packets = recorder.advance(start + TICK * 50).unwrap();
        assert_eq!(packets.len(), 40);
        assert!(packets[..5].iter().all(|packet| packet == SILENCE));
        assert_eq!(packets[5..25], sent[..]);
        assert!(packets[25..].iter().all(|packet| packet == SILENCE));
        assert!(recorder.finish().unwrap().is_empty());
    }

    #[test]
    fn those_who_speak_together_are_mixed() {
        let start = Instant::now();
        let mut recorder = Recorder::new(start).unwrap();
        let (mut low, mut high) = (Talk::new(440.0), Talk::new(1_760.0));
        for n in 0..25u32 {
            let at = start + TICK * n;
            recorder.place(0, &low.heard(at, n * 960));
            if n >= 10 {
                recorder.place(3, &high.heard(at, 77_777 + n * 960));
            }
        }
        let packets = recorder.finish().unwrap();
        assert_eq!(packets.len(), 25);
        let mut decoder = Decoder::new(RATE_HZ, Channels::Mono).unwrap();
        let pcm: Vec<i16> = packets
            .iter()
            .flat_map(|packet| {
                let mut pcm = vec![0; FRAME_SAMPLES];
                assert_eq!(decoder.decode(packet, &mut pcm, false).unwrap(), FRAME_SAMPLES);
                pcm
            })
            .collect();
        let alone = dominant_hz(&pcm[3 * 960..10 * 960]).unwrap();
        assert!((alone - 440.0).abs() < 4.0, "{alone}");
        assert_eq!(dominant_hz(&pcm[14 * 960..]), None, "two tones are not one");
    }

    #[test]
    fn bundles_are_taken_apart_and_short_packets_put_together() {
        let start = Instant::now();
        let mut recorder = Recorder::new(start).unwrap();
        let mut talk = Talk::new(440.0);
        let three: Vec<_> = (0..3).map(|n| talk.heard(start, n * 960)).collect();
        let singles: Vec<Bytes> = three.iter().map(|h| h.payload.clone().unwrap()).collect();
        let mut bundle = vec![0; 2_000];
        let parts: Vec<&[u8]> = singles.iter().map(|bytes| &bytes[..]).collect();
        let length = Repacketizer::new().unwrap().combine(&parts, &mut bundle).unwrap();
        bundle.truncate(length);
        recorder.place(
            0,
            &Heard {
                at: start,
                timestamp_48k: 0,
                number: None,
                pcm: three.iter().flat_map(|heard| heard.pcm.clone()).collect(),
                payload: Some(bundle.into()),
            },
        );
        assert_eq!(recorder.finish().unwrap(), singles);

        for half in 0..4u32 {
            let at = start + TICK * 3;
            let pcm = vec![1_000; FRAME_SAMPLES / 2];
            let payload = Some(Bytes::from_static(&[0]));
            recorder.place(
                0,
                &Heard { at, timestamp_48k: 2_880 + half * 480, number: None, pcm, payload },
            );
        }
        assert_eq!(recorder.finish().unwrap().len(), 2);
    }

    #[test]
    fn a_slot_whose_time_jumps_is_anchored_to_its_arrival() {
        let start = Instant::now();
        let mut recorder = Recorder::new(start).unwrap();
        let mut talk = Talk::new(440.0);
        recorder.place(0, &talk.heard(start, 0));
        // An hour ahead, then back: neither may reserve an hour of memory.
        recorder.place(0, &talk.heard(start + TICK, 3_600 * 48_000));
        recorder.place(0, &talk.heard(start + TICK * 2, 0));
        assert_eq!(recorder.finish().unwrap().len(), 3);
    }
}
