//! A server made of a formula: frames in, sealed packets out, with losses and hand-overs that are known.

use super::*;
use rtc_crypto::RTCCryptoProvider as _;
use rtc_crypto::providers::AwsLcRsProvider;
use rtc_srtp::protection_profile::ProtectionProfile;

use crate::load::voice;

const SSRCS: [u32; SLOTS] = [11, 12, 13, 14];
const LATENCY: Duration = Duration::from_millis(3);

fn context() -> Context {
    let provider = AwsLcRsProvider::new();
    Context::new(
        &[7; 16],
        &[9; 12],
        ProtectionProfile::AeadAes128Gcm,
        None,
        None,
        provider.crypto(),
    )
    .unwrap()
}

struct World {
    meter: Meter,
    voices: Vec<Vec<Frame>>,
    reception: Reception,
    sealer: Context,
    now: Duration,
}

impl World {
    fn new(speakers: usize) -> Self {
        let mut meter = Meter::default();
        let voices: Vec<_> = (0..speakers).map(|voice| voice::frames(voice).unwrap()).collect();
        for (number, frames) in voices.iter().enumerate() {
            assert_eq!(meter.speaker(frames), number);
        }
        let reception = Reception::new(SSRCS, context(), 5, meter.shard(9));
        Self { meter, voices, reception, sealer: context(), now: Duration::from_secs(100) }
    }

    /// A speaker says the next frame, which arrives in slot 1 with this number and the slot's constant, or is lost.
    fn say(&mut self, speaker: usize, seq: u16, offset_48k: u32, lost: bool) {
        self.now += Duration::from_millis(20);
        let frame = self.meter.sent[speaker].next();
        self.meter.sent[speaker].push(self.now);
        let mut packet = vec![0x81, 111];
        packet.extend_from_slice(&seq.to_be_bytes());
        packet
            .extend_from_slice(&(frame as u32 * FRAME_48K).wrapping_add(offset_48k).to_be_bytes());
        packet.extend_from_slice(&SSRCS[1].to_be_bytes());
        packet.extend_from_slice(&(speaker as u32 + 70).to_be_bytes());
        packet.extend_from_slice(&self.voices[speaker][frame % CYCLE].opus);
        let sealed = self.sealer.encrypt_rtp(&packet).unwrap();
        if !lost {
            self.meter.packet(self.now + LATENCY, None, &mut self.reception, &sealed);
        }
    }

    fn holes(&self) -> u64 {
        Meter::holes(std::iter::once(&self.reception))
    }
}

#[test]
fn losses_and_ages_are_exact_across_the_roll_over() {
    let mut world = World::new(1);
    let start = 0xffff_u16 - 100;
    for n in 0..50 {
        world.say(0, start + n, 0xffff_0000, false);
    }
    world.meter.open(std::iter::once(&mut world.reception));
    for n in 50..250_u16 {
        world.say(0, start.wrapping_add(n), 0xffff_0000, n % 50 == 10);
    }
    world.meter.close();
    world.say(0, start.wrapping_add(250), 0xffff_0000, false);
    // n = 60, 110, 160, 210 are lost.
    assert_eq!((world.meter.frames_counted(), world.meter.delivered, world.holes()), (200, 196, 4));
    assert_eq!(world.meter.latency.total(), 196);
    assert_eq!(
        (world.meter.latency.quantile(0.0).as_millis(), world.meter.latency.longest()),
        (3, LATENCY)
    );
    assert_eq!(world.meter.longest_gap, Duration::from_millis(40));
    assert_eq!(world.meter.packets, 247);
    // Every 64th, of which the first is the sixth; the very first is opened to learn the constant.
    assert_eq!(
        (world.meter.samples_intact, world.meter.samples_unknown, world.meter.undecryptable),
        (5, 0, 0)
    );
}

#[test]
fn a_slot_that_changes_hands_is_learnt_anew() {
    let mut world = World::new(2);
    world.meter.open(std::iter::once(&mut world.reception));
    for seq in 0..10 {
        world.say(0, seq, 480, false);
    }
    for seq in 10..20 {
        world.say(1, seq, 77, false);
    }
    // The first speaker again, re-anchored.
    for seq in 20..30 {
        world.say(0, seq, 480 + 48_000, false);
    }
    world.meter.close();
    assert_eq!((world.meter.delivered, world.holes()), (30, 0));
    assert_eq!(world.meter.latency.longest(), LATENCY);
}

#[test]
fn bundles_count_for_all_their_frames_and_stamps_beside_reads() {
    let mut world = World::new(1);
    let mut merged = opus::Repacketizer::new().unwrap();
    for bundle in 0..60_u16 {
        if bundle == 10 {
            world.meter.open(std::iter::once(&mut world.reception));
        }
        let first = world.meter.sent[0].next();
        let frames: Vec<&[u8]> =
            (first..first + 3).map(|at| world.voices[0][at % CYCLE].opus.as_slice()).collect();
        let mut opus = [0; 1200];
        let len = merged.combine(&frames, &mut opus).unwrap();
        for _ in 0..3 {
            world.now += Duration::from_millis(20);
            world.meter.sent[0].push(world.now);
        }
        let mut packet = vec![0x81, 111];
        packet.extend_from_slice(&bundle.to_be_bytes());
        packet.extend_from_slice(&(first as u32 * FRAME_48K).to_be_bytes());
        packet.extend_from_slice(&SSRCS[1].to_be_bytes());
        packet.extend_from_slice(&70_u32.to_be_bytes());
        packet.extend_from_slice(&opus[..len]);
        let sealed = world.sealer.encrypt_rtp(&packet).unwrap();
        let (read, stamp) = (world.now + LATENCY, Some(world.now + LATENCY / 3));
        world.meter.packet(read, stamp, &mut world.reception, &sealed);
    }
    world.meter.close();
    assert_eq!((world.meter.frames_counted(), world.meter.delivered), (150, 150));
    // The oldest of a bundle waited for two more.
    let waited = Duration::from_millis(40);
    assert_eq!(world.meter.latency.longest(), waited + LATENCY);
    assert_eq!(world.meter.stamped_latency.longest(), waited + LATENCY / 3);
    assert_eq!(world.meter.longest_stamped_gap, Duration::from_millis(60));
    assert_eq!((world.meter.samples_unknown, world.meter.undecryptable), (0, 0));
}

#[test]
fn redundancy_is_looked_past() {
    // Two earlier frames of 3 and 2 bytes, then the frame itself.
    let red = [&[0xef, 0, 0, 3, 0xef, 0, 0, 2, 0x6f][..], b"aaabbvoice"].concat();
    assert_eq!(red_primary(&red), Some(&b"voice"[..]));
    assert_eq!((red_primary(&[0xef, 0]), red_primary(&[])), (None, None));
}

#[test]
fn noise_is_not_taken_for_audio() {
    let mut world = World::new(1);
    world.meter.open(std::iter::once(&mut world.reception));
    for len in 0..40 {
        world.meter.packet(world.now, None, &mut world.reception, &vec![0x9f; len]);
    }
    let mut foreign = vec![0x80, 111, 0, 1, 0, 0, 0, 0];
    foreign.extend_from_slice(&SSRCS[0].to_be_bytes());
    foreign.extend_from_slice(&[0; 40]);
    world.meter.packet(world.now, None, &mut world.reception, &foreign);
    assert_eq!(
        (world.meter.delivered, world.meter.samples_intact, world.meter.undecryptable),
        (0, 0, 1)
    );
}
