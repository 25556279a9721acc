//! What a peer connection is made of: codec, track, sockets, extension ids. Decides nothing.

use std::{net::IpAddr, time::Duration};

use rtc::{
    ice::mdns::MulticastDnsMode,
    peer_connection::configuration::media_engine::{MIME_TYPE_OPUS, MediaEngine},
    rtp_transceiver::rtp_sender::{
        RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters,
        RTCRtpHeaderExtensionCapability, RtpCodecKind,
    },
};
use webrtc::{
    media_stream::MediaStreamTrack,
    peer_connection::{
        RTCIceCandidateInit, SettingEngine, SettingEngineBuilder, SrtpProtectionProfile,
    },
};

use crate::{Error, MediaOptions, SrtpOffer, audio::RATE_HZ};

/// As Chromium numbers it.
pub(crate) const OPUS_PAYLOAD_TYPE: u8 = 111;
/// As Chromium numbers it.
pub(crate) const RED_PAYLOAD_TYPE: u8 = 63;
pub(crate) const AUDIO_LEVEL_URI: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";

const CHECK_INTERVAL: Duration = Duration::from_millis(10);
const CHECKS_MAX: u16 = 500;

/// Opus, redundant or not, and the audio level, nothing else.
pub(crate) fn media_engine() -> Result<MediaEngine, Error> {
    let mut engine = MediaEngine::default();
    engine.register_codec(
        RTCRtpCodecParameters { rtp_codec: opus_codec(), payload_type: OPUS_PAYLOAD_TYPE },
        RtpCodecKind::Audio,
    )?;
    // Second: it is taken, and Opus is sent.
    engine.register_codec(
        RTCRtpCodecParameters { rtp_codec: red_codec(), payload_type: RED_PAYLOAD_TYPE },
        RtpCodecKind::Audio,
    )?;
    engine.register_header_extension(
        RTCRtpHeaderExtensionCapability { uri: AUDIO_LEVEL_URI.to_owned() },
        RtpCodecKind::Audio,
        None,
    )?;
    Ok(engine)
}

fn opus_codec() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_OPUS.to_owned(),
        clock_rate: RATE_HZ,
        // RFC 7587, section 4.2.10: always 2, stereo or not.
        channels: 2,
        sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
        rtcp_feedback: vec![],
    }
}

fn red_codec() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: "audio/red".to_owned(),
        clock_rate: RATE_HZ,
        channels: 2,
        // RFC 2198, section 5: what the blocks hold.
        sdp_fmtp_line: format!("{OPUS_PAYLOAD_TYPE}/{OPUS_PAYLOAD_TYPE}"),
        rtcp_feedback: vec![],
    }
}

pub(crate) fn microphone_track(ssrc: u32) -> MediaStreamTrack {
    let coding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() },
        codec: opus_codec(),
        ..Default::default()
    };
    MediaStreamTrack::new(
        "palco".to_owned(),
        "microphone".to_owned(),
        "microphone".to_owned(),
        RtpCodecKind::Audio,
        vec![coding],
    )
}

pub(crate) fn settings(options: MediaOptions) -> SettingEngine {
    let settings = SettingEngineBuilder::new()
        // Else each connection opens a socket on port 5353.
        .with_multicast_dns_mode(MulticastDnsMode::Disabled)
        // The agent sends its first check, and the DTLS client its ClientHello, only at a tick: the
        // default of 200 ms costs 400 ms of every join. A candidate is given up after 5 s.
        .with_ice_connection_attempts(Some(CHECK_INTERVAL), Some(CHECKS_MAX))
        .with_include_loopback_candidate(options.server.is_loopback());
    match options.srtp {
        SrtpOffer::All => settings,
        SrtpOffer::Gcm => settings
            .with_srtp_protection_profiles(vec![SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm]),
        SrtpOffer::AesCm => settings.with_srtp_protection_profiles(vec![
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
        ]),
    }
    .build()
}

/// A wildcard stands for every interface but loopback, which is added where the server is there.
pub(crate) fn bind_addresses(server: IpAddr) -> Vec<&'static str> {
    let mut addresses = Vec::new();
    match server {
        IpAddr::V4(ip) if ip.is_loopback() => addresses.push("127.0.0.1:0"),
        IpAddr::V6(ip) if ip.is_loopback() => addresses.push("[::1]:0"),
        IpAddr::V6(_) => addresses.push("[::]:0"),
        IpAddr::V4(_) => {}
    }
    addresses.push("0.0.0.0:0");
    addresses
}

/// The candidates of an SDP to which a TCP connection can be made (RFC 6544, section 4.5).
pub(crate) fn tcp_candidates(sdp: &str) -> impl Iterator<Item = RTCIceCandidateInit> {
    let passive = |line: &&str| line.contains(" tcp ") && line.contains(" tcptype passive");
    sdp.lines().filter_map(|line| line.strip_prefix("a=")).filter(passive).map(|line| {
        RTCIceCandidateInit { candidate: line.to_owned(), ..RTCIceCandidateInit::default() }
    })
}

/// The id that the first section of an SDP gives an extension (RFC 8285, section 5), or 0.
pub(crate) fn extension_id(sdp: &str, uri: &str) -> u8 {
    sdp.lines()
        .filter_map(|line| line.strip_prefix("a=extmap:")?.split_once(' '))
        .find(|(_, rest)| rest.split_whitespace().next() == Some(uri))
        .and_then(|(id, _)| id.split('/').next()?.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::extension_id;

    #[test]
    fn the_answers_extension_ids_are_read() {
        let sdp = "v=0\r\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
                   a=extmap:12/recvonly urn:ietf:params:rtp-hdrext:ssrc-audio-level vad=on\r\n";
        assert_eq!(extension_id(sdp, super::AUDIO_LEVEL_URI), 12);
        assert_eq!(extension_id(sdp, "urn:ietf:params:rtp-hdrext:sdes:mid"), 4);
        assert_eq!(extension_id(sdp, "urn:other"), 0);
        assert_eq!(extension_id("a=extmap:x urn:other", "urn:other"), 0);
    }
}
