//! Real offers (fixtures recorded from Chromium 156, Firefox 153 ESR and the `rtc` 0.21 crate) and hostile ones.

use proptest::prelude::*;

use super::*;

const CHROMIUM: &str = include_str!("../../tests/fixtures/chromium-156.offer.sdp");
const CHROMIUM_RESTART: &str = include_str!("../../tests/fixtures/chromium-156-restart.offer.sdp");
const FIREFOX: &str = include_str!("../../tests/fixtures/firefox-153.offer.sdp");
const FIREFOX_RESTART: &str = include_str!("../../tests/fixtures/firefox-153-restart.offer.sdp");
const RTC: &str = include_str!("../../tests/fixtures/rtc-0.21.offer.sdp");

const UDP_AND_TCP: [Candidate; 3] = [
    Candidate { transport: Transport::Udp, addr: addr_v4([192, 0, 2, 7], 4000) },
    Candidate { transport: Transport::Udp, addr: ADDR_V6 },
    Candidate { transport: Transport::TcpPassive, addr: addr_v4([192, 0, 2, 7], 4443) },
];
const ADDR_V6: SocketAddr = SocketAddr::new(
    std::net::IpAddr::V6(std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7)),
    4000,
);

const fn addr_v4(ip: [u8; 4], port: u16) -> SocketAddr {
    let [a, b, c, d] = ip;
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(a, b, c, d)), port)
}

fn params(candidates: &[Candidate]) -> AnswerParams<'_> {
    AnswerParams {
        session_id: 1000,
        session_version: 2,
        ice_ufrag: "srvU",
        ice_pwd: "0123456789abcdefghijkl",
        fingerprint: &[0xab; 32],
        slot_ssrcs: [Ssrc(0x5000_0000), Ssrc(0x5000_0001), Ssrc(0x5000_0002), Ssrc(0x5000_0003)],
        candidates,
    }
}

/// The smallest offer: a microphone and `slots` slots.
fn small(slots: usize) -> String {
    let mids = (0..=slots).map(|mid| mid.to_string()).collect::<Vec<_>>().join(" ");
    let mut sdp =
        format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {mids}\r\n");
    for mid in 0..=slots {
        let direction = if mid == 0 { "sendonly" } else { "recvonly" };
        sdp += &format!(
            "m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\n\
             a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\na=fingerprint:sha-256 {}\r\n\
             a=setup:actpass\r\na=mid:{mid}\r\na={direction}\r\na=rtcp-mux\r\n\
             a=rtpmap:111 opus/48000/2\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n\
             a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
             a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n",
            ["AB"; 32].join(":")
        );
    }
    sdp
}

/// `small(4)` with a piece of its text replaced everywhere.
fn altered(from: &str, to: &str) -> Result<Offer, OfferError> {
    let sdp = small(4);
    assert!(sdp.contains(from), "nothing to replace");
    Offer::parse(&sdp.replace(from, to))
}

/// `small(4)` with a piece of its text replaced where it stands first.
fn altered_once(from: &str, to: &str) -> Result<Offer, OfferError> {
    let sdp = small(4);
    assert!(sdp.contains(from), "nothing to replace");
    Offer::parse(&sdp.replacen(from, to, 1))
}

#[test]
fn reads_chromium() {
    let offer = Offer::parse(CHROMIUM).unwrap();
    assert_eq!(offer.profile, Profile { opus_pt: 111, red_pt: Some(63), level_ext: Some(1) });
    assert_eq!(offer.mid_ext, Some(4));
    assert_eq!(offer.slots, ["1", "2", "3", "4"]);
    let microphone = offer.microphone.unwrap();
    assert_eq!((microphone.mid.as_str(), microphone.ssrcs.len()), ("0", 1));
    let line = |start: &str| CHROMIUM.lines().find_map(|line| line.strip_prefix(start)).unwrap();
    assert_eq!(offer.ice_ufrag, line("a=ice-ufrag:"));
    assert_eq!(offer.ice_pwd, line("a=ice-pwd:"));
    let hex: Vec<String> = offer.fingerprint.iter().map(|byte| format!("{byte:02X}")).collect();
    assert_eq!(hex.join(":"), line("a=fingerprint:sha-256 "));
}

#[test]
fn reads_firefox() {
    let offer = Offer::parse(FIREFOX).unwrap();
    assert_eq!(offer.profile, Profile { opus_pt: 109, red_pt: None, level_ext: Some(1) });
    assert_eq!(offer.mid_ext, Some(3));
    assert_eq!(offer.slots, ["1", "2", "3", "4"]);
    assert_eq!(
        offer.microphone.unwrap().ssrcs.len(),
        1,
        "the SSRCs of receiving sections do not count"
    );
}

#[test]
fn answers_chromium_exactly() {
    let expected = include_str!("../../tests/fixtures/chromium-156.answer.sdp");
    assert_eq!(Offer::parse(CHROMIUM).unwrap().answer(&params(&UDP_AND_TCP)), expected);
}

#[test]
fn answers_firefox_exactly() {
    let expected = include_str!("../../tests/fixtures/firefox-153.answer.sdp");
    assert_eq!(Offer::parse(FIREFOX).unwrap().answer(&params(&UDP_AND_TCP)), expected);
}

#[test]
fn answers_the_rtc_crate_exactly() {
    let expected = include_str!("../../tests/fixtures/rtc-0.21.answer.sdp");
    assert_eq!(Offer::parse(RTC).unwrap().answer(&params(&UDP_AND_TCP[..1])), expected);
}

#[test]
fn an_ice_restart_changes_credentials_only() {
    for (first, restart) in [(CHROMIUM, CHROMIUM_RESTART), (FIREFOX, FIREFOX_RESTART)] {
        let (first, restart) = (Offer::parse(first).unwrap(), Offer::parse(restart).unwrap());
        assert_ne!(first.ice_ufrag, restart.ice_ufrag);
        assert_ne!(first.ice_pwd, restart.ice_pwd);
        let (ice_ufrag, ice_pwd) = (restart.ice_ufrag.clone(), restart.ice_pwd.clone());
        assert_eq!(Offer { ice_ufrag, ice_pwd, ..first }, restart);
    }
}

#[test]
fn any_number_of_slots_up_to_four() {
    for slots in 0..=4 {
        let offer = Offer::parse(&small(slots)).unwrap();
        assert_eq!(offer.slots.len(), slots);
        let answer = offer.answer(&params(&[]));
        assert_eq!(answer.matches("a=sendonly").count(), slots);
        assert_eq!(answer.matches("a=ssrc:").count(), slots);
        assert_eq!(answer.matches("a=recvonly").count(), 1);
        assert_eq!(answer.matches("m=audio 9 ").count(), slots + 1);
    }
    assert_eq!(Offer::parse(&small(5)), Err(OfferError::TooManySections));
    // The same number of sections, but all of them receive.
    assert_eq!(altered_once("a=sendonly", "a=recvonly"), Err(OfferError::TooManySections));
}

#[test]
fn directions() {
    let listens_only = Offer::parse(&small(3).replace("sendonly", "inactive")).unwrap();
    assert_eq!((listens_only.microphone.is_none(), listens_only.slots.len()), (true, 3));
    assert_eq!(listens_only.answer(&params(&[])).matches("a=inactive").count(), 1);
    let both = Offer::parse(&small(4).replace("sendonly", "sendrecv")).unwrap();
    assert_eq!(both, Offer::parse(&small(4)).unwrap(), "sendrecv is a microphone");
    let unsaid = Offer::parse(&small(4).replace("a=sendonly\r\n", "")).unwrap();
    assert_eq!(unsaid, both, "no direction is sendrecv");
    let above =
        small(4).replace("a=sendonly\r\n", "").replace("t=0 0\r\n", "t=0 0\r\na=inactive\r\n");
    assert!(
        Offer::parse(&above).unwrap().microphone.is_none(),
        "the session's direction is the default"
    );
    assert_eq!(altered_once("recvonly", "sendonly"), Err(OfferError::TwoMicrophones));
}

#[test]
fn transport_attributes_may_stand_above_the_sections() {
    let plain = small(1);
    let fingerprint = format!("a=fingerprint:sha-256 {}\r\n", ["AB"; 32].join(":"));
    let transport = format!(
        "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n{fingerprint}a=setup:actpass\r\n"
    );
    let above =
        plain.replace(&transport, "").replace("t=0 0\r\n", &format!("t=0 0\r\n{transport}"));
    assert_ne!(above, plain);
    assert_eq!(Offer::parse(&above), Offer::parse(&plain));
}

#[test]
fn line_ends_with_and_without_carriage_return() {
    assert_eq!(Offer::parse(&small(4).replace("\r\n", "\n")), Offer::parse(&small(4)));
}

#[test]
fn a_client_that_serves_dtls_is_refused() {
    assert!(altered("setup:actpass", "setup:active").is_ok());
    for setup in ["passive", "holdconn", ""] {
        assert_eq!(altered("setup:actpass", &format!("setup:{setup}")), Err(OfferError::BadSetup));
    }
    assert_eq!(altered("a=setup:actpass\r\n", ""), Err(OfferError::BadSetup));
}

#[test]
fn refusals() {
    use OfferError as E;
    let ab = ["AB"; 32].join(":");
    let cases: [(&str, &str, E); 29] = [
        ("v=0", "v=1", E::Malformed),
        ("s=-", "hello", E::Malformed),
        ("s=-", "s=\u{7}", E::Malformed),
        ("s=-", "v=0", E::Malformed),
        ("m=audio 9", "m=audio x", E::Malformed),
        ("m=audio", "m=video", E::NotAudio),
        ("m=audio", "m=application", E::NotAudio),
        ("UDP/TLS/RTP/SAVPF", "RTP/AVP", E::NotAudio),
        ("a=mid:3\r\n", "", E::BadMid),
        ("a=mid:3", "a=mid:", E::BadMid),
        ("a=mid:3", "a=mid:12345678901234567", E::BadMid),
        ("a=mid:3", "a=mid:a b", E::BadMid),
        ("a=mid:3", "a=mid:3\r\na=mid:7", E::BadMid),
        ("a=mid:3", "a=mid:2", E::DuplicateMid),
        ("a=group:BUNDLE 0 1 2 3 4\r\n", "", E::NotBundled),
        ("BUNDLE 0 1 2 3 4", "BUNDLE 0 1 2 3", E::NotBundled),
        ("BUNDLE 0 1 2 3 4", "BUNDLE 1 0 2 3 4", E::NotBundled),
        ("BUNDLE 0 1 2 3 4", "BUNDLE 0 1 2 3 3", E::NotBundled),
        ("m=audio 9", "m=audio 0", E::NotBundled),
        ("a=rtcp-mux\r\n", "", E::NoRtcpMux),
        ("a=ice-pwd:abcdefghijklmnopqrstuv\r\n", "", E::BadIce),
        ("ice-pwd:abcdefghijklmnopqrstuv", "ice-pwd:short", E::BadIce),
        ("ice-ufrag:abcd", "ice-ufrag:ab:d", E::BadIce),
        ("a=ice-ufrag:abcd", "a=ice-ufrag:abcd\r\na=ice-ufrag:efgh", E::BadIce),
        ("fingerprint:sha-256", "fingerprint:sha-1", E::NoFingerprint),
        ("sha-256 AB:", "sha-256 ", E::BadFingerprint),
        ("sha-256 AB:", "sha-256 +B:", E::BadFingerprint),
        ("sha-256 AB:", "sha-256 AB:AB:", E::BadFingerprint),
        (
            "sha-256 AB:",
            &format!("sha-256 CD{}\r\na=fingerprint:sha-256 AB:", &ab[2..]),
            E::BadFingerprint,
        ),
    ];
    for (from, to, error) in cases {
        assert_eq!(altered(from, to), Err(error), "{from:?} -> {to:?}");
    }
}

#[test]
fn refusals_of_codecs_extensions_and_sources() {
    use OfferError as E;
    let many = "a=rtcp-mux\r\na=ssrc:1 cname:a\r\na=ssrc:2 cname:a\r\na=ssrc:3 a\r\na=ssrc:4 a\r\na=ssrc:5 a";
    let cases = [
        ("rtpmap:111 opus/48000/2", "rtpmap:111 opus/8000", E::NoOpus),
        ("SAVPF 111 63", "SAVPF 63", E::NoOpus),
        ("rtpmap:111", "rtpmap:500", E::BadPayloadType),
        ("rtpmap:111", "rtpmap:128", E::BadPayloadType),
        ("rtpmap:111", "rtpmap:-1", E::BadPayloadType),
        ("rtpmap:111", "rtpmap:72", E::BadPayloadType),
        ("rtpmap:111 opus/48000/2", "rtpmap:111", E::BadPayloadType),
        ("extmap:4 ", "extmap:1 ", E::BadExtension),
        ("extmap:4 ", "extmap:15 ", E::BadExtension),
        ("extmap:4 ", "extmap:0 ", E::BadExtension),
        ("extmap:4 ", "extmap:x ", E::BadExtension),
        ("extmap:4 urn:", "extmap:4urn:", E::BadExtension),
        ("a=rtcp-mux", "a=rtcp-mux\r\na=ssrc:4294967296 cname:a", E::BadSsrc),
        ("a=rtcp-mux", many, E::BadSsrc),
    ];
    for (from, to, error) in cases {
        assert_eq!(altered(from, to), Err(error), "{from:?} -> {to:?}");
    }
    // One section unlike the others.
    assert_eq!(
        altered_once("SAVPF 111 63\r\n", "SAVPF 96 63\r\na=rtpmap:96 opus/48000/2\r\n"),
        Err(E::BadPayloadType)
    );
    assert_eq!(altered_once("extmap:4 ", "extmap:5 "), Err(E::BadExtension));
}

#[test]
fn what_one_section_lacks_is_not_used() {
    let base = Offer::parse(&small(4)).unwrap();
    let no_red = altered_once("a=fmtp:63 111/111\r\n", "").unwrap();
    assert_eq!((base.profile.red_pt, no_red.profile.red_pt), (Some(63), None));
    assert_eq!(altered("a=fmtp:63 111/111", "a=fmtp:63 111/0").unwrap().profile.red_pt, None);
    let no_level =
        altered_once("a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n", "").unwrap();
    assert_eq!((base.profile.level_ext, no_level.profile.level_ext), (Some(1), None));
    assert_eq!(
        altered("extmap:1 ", "extmap:20 ").unwrap().profile.level_ext,
        None,
        "needs the two-byte form"
    );
}

#[test]
fn too_long() {
    let lines = small(4) + &"a=x\r\n".repeat(10_000);
    assert_eq!(Offer::parse(&lines), Err(OfferError::TooLong));
    let short_lines = small(4) + &"a=\n".repeat(MAX_OFFER_LINES);
    assert!(short_lines.len() < MAX_OFFER_BYTES);
    assert_eq!(Offer::parse(&short_lines), Err(OfferError::TooLong));
    let line = small(4) + "a=" + &"x".repeat(2000) + "\r\n";
    assert_eq!(Offer::parse(&line), Err(OfferError::TooLong));
    assert!(Offer::parse(&(small(4) + "a=" + &"x".repeat(1000) + "\r\n")).is_ok());
    let sections = format!("v=0\r\n{}", "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n".repeat(6));
    assert_eq!(Offer::parse(&sections), Err(OfferError::TooManySections));
}

#[test]
fn nothing_to_hear() {
    assert_eq!(Offer::parse(""), Err(OfferError::Malformed));
    assert_eq!(Offer::parse("v=0\r\n"), Err(OfferError::NoAudio));
    assert_eq!(Offer::parse("v=0\r\ns=-\r\na=group:BUNDLE\r\n"), Err(OfferError::NoAudio));
}

#[test]
fn tcp_is_echoed_and_mapped_addresses_are_unmapped() {
    let offer = altered("UDP/TLS/RTP/SAVPF", "TCP/DTLS/RTP/SAVPF").unwrap();
    let mapped = "[::ffff:192.0.2.7]:4000".parse().unwrap();
    let answer = offer.answer(&params(&[Candidate { transport: Transport::Udp, addr: mapped }]));
    assert_eq!(answer.matches("m=audio 9 TCP/DTLS/RTP/SAVPF 111 63\r\n").count(), 5);
    assert!(answer.contains("a=candidate:1 1 udp 2130706431 192.0.2.7 4000 typ host\r\n"));
}

/// Lines that mean something here, so that random offers get past the first checks.
fn line() -> impl Strategy<Value = String> {
    let known = prop_oneof![
        Just("v=0"),
        Just("a=group:BUNDLE 0 1"),
        Just("m=audio 9 UDP/TLS/RTP/SAVPF 111"),
        Just("m=audio 0 UDP/TLS/RTP/SAVPF 111"),
        Just("a=bundle-only"),
        Just("a=mid:0"),
        Just("a=mid:1"),
        Just("a=sendonly"),
        Just("a=recvonly"),
        Just("a=rtcp-mux"),
        Just("a=setup:active"),
        Just("a=ice-ufrag:abcd"),
        Just("a=ice-pwd:abcdefghijklmnopqrstuv"),
        Just("a=rtpmap:111 opus/48000/2"),
        Just("a=rtpmap:63 red/48000/2"),
        Just("a=fmtp:63 111/111"),
        Just("a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level"),
        Just("a=ssrc:"),
        Just("a=fingerprint:sha-256 "),
    ];
    prop_oneof![6 => known.prop_map(str::to_owned), 1 => "[a-z]=\\PC{0,40}", 1 => "\\PC{0,40}"]
}

proptest! {
    #[test]
    fn no_text_panics(sdp in "\\PC{0,400}") {
        let _ = Offer::parse(&sdp);
    }

    #[test]
    fn no_lines_panic(lines in prop::collection::vec(line(), 0..60)) {
        if let Ok(offer) = Offer::parse(&lines.join("\r\n")) {
            let _ = offer.answer(&params(&UDP_AND_TCP));
        }
    }

    /// A real offer with bytes overwritten: refused or read, and what is read can be answered.
    #[test]
    fn no_damage_panics(places in prop::collection::vec((any::<prop::sample::Index>(), 32u8..127), 1..8)) {
        let mut bytes = CHROMIUM.as_bytes().to_vec();
        for (place, byte) in places {
            let at = place.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(offer) = Offer::parse(std::str::from_utf8(&bytes).unwrap()) {
            let answer = offer.answer(&params(&UDP_AND_TCP));
            prop_assert_eq!(answer.matches("m=audio 9 ").count(), 5);
            prop_assert!(offer.slots.len() <= SLOTS);
        }
    }
}
