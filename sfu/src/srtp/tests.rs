//! Against `rtc-srtp`, which is not ours, in both directions and both profiles.

use super::*;
use rtc_crypto::RTCCryptoProvider as _;
use rtc_crypto::providers::AwsLcRsProvider;
use rtc_srtp::context::Context;
use rtc_srtp::option::{srtcp_replay_protection, srtp_replay_protection};
use rtc_srtp::protection_profile::ProtectionProfile;

const PROFILES: [SrtpProfile; 2] = [SrtpProfile::Aes128Gcm, SrtpProfile::Aes128CmSha1];

fn material(profile: SrtpProfile) -> Vec<u8> {
    (0..profile.material_len()).map(|at| (at * 7 + 3) as u8).collect()
}

/// The other implementation in the client's role: what it sends with, what it receives with.
fn client(profile: SrtpProfile) -> (Context, Context) {
    let material = material(profile);
    let salt_len = profile.salt_len();
    let rtc = match profile {
        SrtpProfile::Aes128Gcm => ProtectionProfile::AeadAes128Gcm,
        SrtpProfile::Aes128CmSha1 => ProtectionProfile::Aes128CmHmacSha1_80,
    };
    let provider = AwsLcRsProvider::new();
    let context = |at: usize, salt_at: usize| {
        Context::new(
            &material[at..at + 16],
            &material[salt_at..salt_at + salt_len],
            rtc,
            Some(srtp_replay_protection(64)),
            Some(srtcp_replay_protection(64)),
            provider.crypto(),
        )
        .unwrap()
    };
    (context(0, 32), context(16, 32 + salt_len))
}

fn rtp(seq: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x90, 111];
    packet.extend_from_slice(&seq.to_be_bytes());
    packet.extend_from_slice(&[0, 0, 3, 0xc0, 0xde, 0xad, 0xbe, 0xef]);
    packet.extend_from_slice(&[0xbe, 0xde, 0, 1, 0x10, 0x25, 0, 0]);
    packet.extend_from_slice(payload);
    packet
}

/// An empty receiver report followed by 24 bytes of source description.
fn rtcp() -> Vec<u8> {
    let mut packet = vec![0x80, 201, 0, 1, 0xca, 0xfe, 0, 1];
    packet.extend_from_slice(&[0x81, 202, 0, 5, 0xca, 0xfe, 0, 1, 1, 10]);
    packet.extend_from_slice(b"somebody@x\0\0\0\0");
    packet
}

#[test]
fn the_other_implementation_opens_what_we_seal_across_the_roll_over() {
    for profile in PROFILES {
        let sealer = session(profile, &material(profile)).unwrap().rtp;
        let (_, mut theirs) = client(profile);
        for index in 65_530..65_545_u64 {
            let plain = rtp(index as u16, &[index as u8; 33]);
            let mut buffer = b"something before".to_vec();
            let start = buffer.len();
            buffer.extend_from_slice(&plain);
            sealer.seal(&mut buffer, start, 20, index);
            assert!(buffer.len() - start - plain.len() <= MAX_OVERHEAD);
            assert_eq!(theirs.decrypt_rtp(&buffer[start..]).unwrap(), plain);
        }
    }
}

#[test]
fn we_open_what_the_other_implementation_seals_across_the_roll_over_and_once_only() {
    for profile in PROFILES {
        let mut opener = session(profile, &material(profile)).unwrap().opener;
        let (mut theirs, _) = client(profile);
        for index in 65_530..65_545_u64 {
            let plain = rtp(index as u16, &[index as u8; 33]);
            let sealed = theirs.encrypt_rtp(&plain).unwrap();
            let mut packet = sealed.to_vec();
            assert_eq!(opener.open_rtp(&mut packet, 20), Ok(plain.len()));
            assert_eq!(packet[..plain.len()], plain);
            assert_eq!(opener.open_rtp(&mut sealed.to_vec(), 20), Err(Unopened));
        }
    }
}

#[test]
fn reordered_packets_open_and_those_older_than_the_window_do_not() {
    let profile = SrtpProfile::Aes128Gcm;
    let mut opener = session(profile, &material(profile)).unwrap().opener;
    let (mut theirs, _) = client(profile);
    let sealed: Vec<_> =
        (0..200_u16).map(|seq| theirs.encrypt_rtp(&rtp(seq, b"x")).unwrap().to_vec()).collect();
    let mut open = |seq: usize| opener.open_rtp(&mut sealed[seq].clone(), 20).is_ok();
    assert!(open(10) && open(8) && open(9) && open(100));
    assert!(open(37), "63 behind is inside the window");
    assert!(!open(36), "64 behind is not");
    assert!(!open(37) && !open(100) && !open(9));
    assert!(open(199));
}

#[test]
fn sealed_rtcp_opens_at_the_other_side_and_back_once_only() {
    for profile in PROFILES {
        let Session { rtcp: mut sealer, mut opener, .. } =
            session(profile, &material(profile)).unwrap();
        let (mut sends, mut receives) = client(profile);
        for _ in 0..3 {
            let mut buffer = rtcp();
            sealer.seal(&mut buffer, 0);
            assert_eq!(receives.decrypt_rtcp(&buffer).unwrap(), rtcp());

            let sealed = sends.encrypt_rtcp(&rtcp()).unwrap();
            let mut packet = sealed.to_vec();
            assert_eq!(opener.open_rtcp(&mut packet), Ok(rtcp().len()));
            assert_eq!(packet[..rtcp().len()], rtcp());
            assert_eq!(opener.open_rtcp(&mut sealed.to_vec()), Err(Unopened));
        }
    }
}

#[test]
fn any_changed_byte_is_refused_and_changes_nothing() {
    for profile in PROFILES {
        let mut opener = session(profile, &material(profile)).unwrap().opener;
        let (mut theirs, _) = client(profile);
        let plain = rtp(7, b"speech");
        let sealed = theirs.encrypt_rtp(&plain).unwrap();
        let control = theirs.encrypt_rtcp(&rtcp()).unwrap();
        for at in 0..sealed.len() {
            let mut packet = sealed.to_vec();
            packet[at] ^= 0x40;
            assert_eq!(opener.open_rtp(&mut packet, 20), Err(Unopened), "byte {at}");
        }
        for at in 0..control.len() {
            let mut packet = control.to_vec();
            packet[at] ^= 0x40;
            assert_eq!(opener.open_rtcp(&mut packet), Err(Unopened), "byte {at}");
        }
        for len in 0..sealed.len() {
            let _ = opener.open_rtp(&mut sealed[..len].to_vec(), 20.min(len));
            let _ = opener.open_rtcp(&mut control[..len.min(control.len())].to_vec());
        }
        assert_eq!(opener.open_rtp(&mut sealed.to_vec(), 20), Ok(plain.len()));
    }
}

#[test]
fn a_ninth_sender_of_rtcp_is_refused() {
    let profile = SrtpProfile::Aes128Gcm;
    let mut opener = session(profile, &material(profile)).unwrap().opener;
    let (mut theirs, _) = client(profile);
    for source in 0..9_u8 {
        let mut plain = rtcp();
        plain[7] = source;
        let mut packet = theirs.encrypt_rtcp(&plain).unwrap().to_vec();
        assert_eq!(opener.open_rtcp(&mut packet).is_ok(), source < 8);
    }
}

#[test]
fn each_source_keeps_its_window_and_a_fifth_is_refused() {
    let profile = SrtpProfile::Aes128Gcm;
    let mut opener = session(profile, &material(profile)).unwrap().opener;
    let (mut theirs, _) = client(profile);
    let mut of = |source: u8, seq: u16| {
        let mut plain = rtp(seq, b"x");
        plain[11] = source;
        theirs.encrypt_rtp(&plain).unwrap().to_vec()
    };
    let mut open = |sealed: &[u8]| opener.open_rtp(&mut sealed.to_vec(), 20).is_ok();
    let (first, second) = (of(1, 5), of(2, 5));
    assert!(open(&first) && open(&second));
    assert!(!open(&first) && !open(&second), "replayed after the other had its turn");
    assert!(open(&of(3, 0)) && open(&of(4, 0)) && !open(&of(5, 0)));
    assert!(open(&of(1, 6)));
}
