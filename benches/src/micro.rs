//! The parts of a packet's and a room's way, alone, each beside its floor in the same run.

use std::hint::black_box;
use std::time::{Duration, Instant};

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair,
    UnparsedPublicKey,
};
use aws_lc_rs::{agreement, rand};
use palco_protocol::{Person, RoomId, ServerMessage, UserId};
use palco_room::{Command, Effect, Entry, Room, Settings};
use palco_sfu::bench;
use palco_sfu::loudest::{Loudest, SpeakerNo};
use palco_sfu::packet::{Frame, Prepared, Profile, SlotPackets, Variant};
use palco_sfu::rtp::{AudioLevel, RtpPacket, SeqNo, Ssrc};
use palco_sfu::slot::{ListenerSeq, Slot, Source, SourcePacket};
use serde::Serialize;
use uuid::Uuid;

/// A measured part.
#[derive(Clone, Debug, Serialize)]
pub struct Part {
    /// What was done.
    pub name: &'static str,
    /// Nanoseconds for each.
    pub ns: f64,
    /// What it is compared with.
    pub floor: &'static str,
    /// And its nanoseconds.
    pub floor_ns: f64,
}

/// A frame of about 32 kbit/s.
const PAYLOAD: usize = 80;
/// Fixed header, one CSRC, one word of extension.
const HEADER: usize = 12 + 4 + 8;
const DATAGRAM: usize = HEADER + PAYLOAD + 16;
/// People of the room that commands are applied to.
const PEOPLE: u32 = 10_000;

/// Nanoseconds of one call: the best of five rounds of 30 ms, so that neighbours' noise is not counted.
fn time(mut call: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    let mut calls = 16_u32;
    for _ in 0..5 {
        let start = Instant::now();
        let mut done = 0_u64;
        while start.elapsed() < Duration::from_millis(30) {
            (0..calls).for_each(|_| call());
            done += u64::from(calls);
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / done as f64);
        // Long enough between two looks at the clock that looking costs nothing.
        calls = ((100_000.0 / best) as u32).clamp(1, 100_000);
    }
    best
}

/// Measures all parts.
#[must_use]
pub fn measure() -> Vec<Part> {
    let datagram = [0x5a_u8; DATAGRAM];
    let mut copy = [0_u8; DATAGRAM];
    let memcpy = time(|| black_box(&mut copy).copy_from_slice(black_box(&datagram)));
    let seal = seal();
    let part = |name, ns| Part { name, ns, floor: "copy of the packet", floor_ns: memcpy };
    let mut parts = vec![part("AES-128-GCM seal of a packet in a reused buffer", seal)];
    let seal_part = |name, ns| Part { name, ns, floor: "seal", floor_ns: seal };
    let sealed = |gcm| {
        let mut seal = bench::seal(gcm, HEADER, PAYLOAD);
        time(move || {
            black_box(seal());
        })
    };
    parts.push(seal_part("the server's seal, AES-128-GCM", sealed(true)));
    parts.push(seal_part("the server's seal, AES-CM with HMAC-SHA1", sealed(false)));
    let found = |mut look_up: Box<dyn FnMut() -> bool>| {
        time(move || {
            black_box(look_up());
        })
    };
    let path = found(Box::new(bench::path_look_up(PEOPLE)));
    parts.push(seal_part("demultiplexing: a path among 10,000", path));
    let username = found(Box::new(bench::username_look_up(PEOPLE as usize)));
    parts.push(seal_part("STUN: a username among 10,000", username));
    parts.push(seal_part(
        "STUN: a check verified and answered",
        found(Box::new(bench::stun_answer())),
    ));
    parts.push(seal_part("header and level read", parse()));
    parts.push(seal_part("loudest: one of 50 speakers' packets weighed", loudest(50)));
    parts.push(seal_part("slot: a packet's place found", slot()));
    parts.push(seal_part("packet prepared, once per slot and profile", prepare()));
    parts.push(seal_part("listener's number found", place()));
    let (join, stage, serialised) = room();
    parts.push(part("room of 10,000: leave and join", join));
    parts.push(part("room of 10,000: mute or unmute", stage));
    parts.push(part("stage event serialised, once for all", serialised));
    parts
}

fn seal() -> f64 {
    let Ok(key) = UnboundKey::new(&AES_128_GCM, &[7; 16]).map(LessSafeKey::new) else {
        return f64::NAN;
    };
    let mut packet = [0x5a_u8; HEADER + PAYLOAD];
    let mut index = 0_u64;
    time(|| {
        index += 1;
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&index.to_be_bytes());
        let (header, payload) = black_box(&mut packet).split_at_mut(HEADER);
        let nonce = Nonce::assume_unique_for_key(nonce);
        // Only arguments of the wrong length fail.
        let _ = black_box(key.seal_in_place_separate_tag(nonce, Aad::from(&*header), payload));
    })
}

/// One ECDHE and ECDSA P-256 handshake's share of one side in milliseconds: a key made and agreed, a signature made
/// and the peer's verified. The floor of a join.
#[must_use]
pub fn handshake_ms() -> f64 {
    let measured = || -> Result<f64, Unspecified> {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random)?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref())
            .map_err(|_| Unspecified)?;
        let theirs = agreement::EphemeralPrivateKey::generate(&agreement::ECDH_P256, &random)?
            .compute_public_key()?;
        let mut transcript = [0; 32];
        rand::fill(&mut transcript)?;
        let shown = pair.public_key().as_ref().to_vec();
        Ok(time(|| {
            let done = || -> Result<(), Unspecified> {
                let ours =
                    agreement::EphemeralPrivateKey::generate(&agreement::ECDH_P256, &random)?;
                black_box(ours.compute_public_key()?);
                let theirs = agreement::UnparsedPublicKey::new(&agreement::ECDH_P256, &theirs);
                agreement::agree_ephemeral(ours, theirs, Unspecified, |secret| {
                    Ok(black_box(secret[0]))
                })?;
                let signature = pair.sign(&random, &transcript)?;
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &shown)
                    .verify(&transcript, signature.as_ref())
            };
            // Fresh keys and our own signature do not fail; if they did, the figure would be absurdly small.
            let _ = black_box(done());
        }))
    };
    measured().map_or(f64::NAN, |ns| ns / 1e6)
}

const SPEAKER: SpeakerNo = SpeakerNo(7);
const LEVEL: AudioLevel = AudioLevel { minus_dbov: 30, voice: true };
const PROFILE: Profile = Profile { opus_pt: 111, red_pt: None, level_ext: Some(1) };

fn parse() -> f64 {
    let mut packet = [0_u8; DATAGRAM];
    packet[..4].copy_from_slice(&[0x90, 111, 0, 1]);
    packet[12..20].copy_from_slice(&[0xbe, 0xde, 0, 1, 0x10, 30, 0, 0]);
    time(|| {
        let read = RtpPacket::parse(black_box(&packet));
        black_box(read.ok().and_then(|packet| packet.audio_level(1)));
    })
}

fn loudest(speakers: u32) -> f64 {
    let mut loudest = Loudest::new();
    let start = Instant::now();
    let mut step = 0_u32;
    time(|| {
        step = step.wrapping_add(1);
        let now = start + Duration::from_micros(20_000 / u64::from(speakers)) * step;
        let level = AudioLevel { minus_dbov: 20 + (step % 40) as u8, voice: true };
        black_box(loudest.on_packet(now, SpeakerNo(step % speakers), Some(level), false));
    })
}

fn slot() -> f64 {
    let mut slot = Slot::new(0);
    let start = Instant::now();
    let mut step = 0_u32;
    time(|| {
        step = step.wrapping_add(1);
        let packet = SourcePacket {
            source: Source { speaker: SPEAKER, ssrc: Ssrc(5) },
            seq: SeqNo((step & 0xffff) as u16),
            ts_48k: step.wrapping_mul(960),
            marker: false,
            duration_48k: 960,
            dtx: false,
        };
        black_box(slot.on_packet(start + Duration::from_millis(20) * step, &packet));
    })
}

fn prepare() -> f64 {
    let mut packets = SlotPackets::new(Ssrc(5));
    let mut prepared = Prepared::default();
    let payload = [0x78; PAYLOAD];
    let mut ext_seq = 0;
    time(|| {
        ext_seq += 1;
        let ts_48k = (ext_seq as u32).wrapping_mul(960);
        let frame = Frame {
            ext_seq,
            ts_48k,
            marker: false,
            speaker: SPEAKER,
            level: Some(LEVEL),
            payload: &payload,
        };
        packets.push(black_box(&frame));
        packets.write(Variant::Plain, 0, &PROFILE, black_box(&mut prepared));
    })
}

fn place() -> f64 {
    let mut listener = ListenerSeq::join(0);
    let mut ext_seq = 0;
    time(|| {
        ext_seq += 1;
        black_box(listener.place(black_box(ext_seq)));
    })
}

fn person(number: u32) -> Person {
    let id = UserId(Uuid::from_u128(u128::from(number) + 1));
    let name = format!("Listener {number}");
    // Read as from the wire: what else a person may have is absent.
    serde_json::from_value(serde_json::json!({ "id": id, "name": name }))
        .expect("invariant: a person is an id and a name")
}

/// Nanoseconds of a leave with a join, of a mute, and of writing the event that follows from it.
fn room() -> (f64, f64, f64) {
    let host = person(0);
    let mut room = Room::new(Settings::new(RoomId(Uuid::from_u128(9)), "Bench", host.id));
    let join = |person: Person| Command::Join { person, entry: Entry::default() };
    for number in 0..PEOPLE {
        let person = person(number);
        // The first is the host; nobody is refused an open room below its limit.
        let _ = room.apply(0, person.id, join(person));
    }
    let coming_and_going = person(77);
    let leave_and_join = time(|| {
        let _ = black_box(room.apply(0, coming_and_going.id, Command::Leave));
        let _ = black_box(room.apply(0, coming_and_going.id, join(coming_and_going.clone())));
    });
    let mut muted = true;
    let mut event = None;
    let mute = time(|| {
        muted = !muted;
        let command = if muted { Command::Mute } else { Command::Unmute };
        let effects = room.apply(0, host.id, command).unwrap_or_default();
        event = effects.into_iter().find_map(|effect| match effect {
            Effect::Broadcast(event) => Some(event),
            _ => None,
        });
    });
    let message = event.map(ServerMessage::Event);
    let serialise = time(|| {
        let _ = black_box(serde_json::to_string(black_box(&message)));
    });
    (leave_and_join, mute, serialise)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_measured() {
        let parts = measure();
        assert_eq!(parts.len(), 14);
        // What is timed succeeds.
        assert!(
            bench::path_look_up(10)() && bench::username_look_up(10)() && bench::stun_answer()()
        );
        let sealed = [true, false].map(|gcm| bench::seal(gcm, HEADER, PAYLOAD)());
        assert_eq!(sealed, [HEADER + PAYLOAD + 16, HEADER + PAYLOAD + 10]);
        for part in &parts {
            // Nothing is optimised away: the least is a few instructions.
            assert!(part.ns.is_finite() && part.ns > 0.1 && part.floor_ns > 0.1, "{part:?}");
        }
        let ms = handshake_ms();
        assert!(ms > 0.01 && ms < 100.0, "{ms}");
    }
}
