//! The media half alone, against a bare peer connection on loopback that stands where the server
//! would: the offer's shape, slots by their section, CSRC and level, pacing, mute.

#![expect(clippy::unwrap_used, clippy::large_futures, reason = "a test fails by panicking")]

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use palco_client::{Media, MediaOptions, SLOTS, SrtpOffer, Tone};
use palco_protocol::SpeakerNumber;
use rtc::{
    ice::mdns::MulticastDnsMode,
    peer_connection::configuration::media_engine::{MIME_TYPE_OPUS, MediaEngine},
    rtp::{
        self,
        extension::{HeaderExtension, audio_level_extension::AudioLevelExtension},
    },
    rtp_transceiver::rtp_sender::{
        RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters,
        RTCRtpHeaderExtensionCapability, RtpCodecKind,
    },
};
use tokio::sync::{mpsc, watch};
use webrtc::{
    media_stream::{
        MediaStreamTrack,
        track_local::{TrackLocal, static_rtp::TrackLocalStaticRTP},
        track_remote::{TrackRemote, TrackRemoteEvent},
    },
    peer_connection::{
        PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceGatheringState,
        RTCSessionDescription, SettingEngineBuilder,
    },
};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PATIENCE: Duration = Duration::from_secs(10);

fn codec() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_OPUS.to_owned(),
        clock_rate: 48_000,
        channels: 2,
        sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
        rtcp_feedback: vec![],
    }
}

/// The other end: answers the offer, sends in the slots, hands out what the microphone sent.
struct Other {
    peer: Arc<dyn PeerConnection>,
    tracks: Vec<Arc<TrackLocalStaticRTP>>,
    microphone: mpsc::UnboundedReceiver<rtp::Packet>,
}

struct Handler {
    gathering: watch::Sender<bool>,
    microphone: mpsc::UnboundedSender<rtp::Packet>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        self.gathering.send_replace(state == RTCIceGatheringState::Complete);
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let microphone = self.microphone.clone();
        tokio::spawn(async move {
            while let Some(event) = track.poll().await {
                if let TrackRemoteEvent::OnRtpPacket(packet) = event {
                    let _ = microphone.send(packet);
                }
            }
        });
    }
}

impl Other {
    async fn answering(offer: &str) -> (Self, String) {
        let (gathering, mut gathered) = watch::channel(false);
        let (microphone_sink, microphone) = mpsc::unbounded_channel();
        let mut engine = MediaEngine::default();
        let opus = RTCRtpCodecParameters { rtp_codec: codec(), payload_type: 111 };
        engine.register_codec(opus, RtpCodecKind::Audio).unwrap();
        let level = RTCRtpHeaderExtensionCapability {
            uri: "urn:ietf:params:rtp-hdrext:ssrc-audio-level".to_owned(),
        };
        engine.register_header_extension(level, RtpCodecKind::Audio, None).unwrap();
        let settings = SettingEngineBuilder::new()
            .with_multicast_dns_mode(MulticastDnsMode::Disabled)
            .with_include_loopback_candidate(true)
            .build();
        let peer = PeerConnectionBuilder::new()
            .with_media_engine(engine)
            .with_setting_engine(settings)
            .with_handler(Arc::new(Handler { gathering, microphone: microphone_sink }))
            .with_udp_addrs(vec!["127.0.0.1:0"])
            .build()
            .await
            .unwrap();
        peer.set_remote_description(RTCSessionDescription::offer(offer.to_owned()).unwrap())
            .await
            .unwrap();
        let mut tracks = Vec::new();
        // A track takes the next free section. The first is the microphone's, and only receives.
        for section in 0..=SLOTS {
            let coding = RTCRtpEncodingParameters {
                rtp_coding_parameters: RTCRtpCodingParameters {
                    ssrc: Some(1_000 + section as u32),
                    ..Default::default()
                },
                codec: codec(),
                ..Default::default()
            };
            let track = Arc::new(TrackLocalStaticRTP::new(MediaStreamTrack::new(
                "room".to_owned(),
                format!("section{section}"),
                String::new(),
                RtpCodecKind::Audio,
                vec![coding],
            )));
            peer.add_track(Arc::clone(&track) as Arc<dyn TrackLocal>).await.unwrap();
            tracks.push(track);
        }
        let answer = peer.create_answer(None).await.unwrap();
        peer.set_local_description(answer).await.unwrap();
        gathered.wait_for(|complete| *complete).await.unwrap();
        let answer = peer.local_description().await.unwrap().sdp;
        let answer = answer.replacen("a=sendrecv", "a=recvonly", 1);
        (Self { peer: Arc::new(peer), tracks, microphone }, answer)
    }

    /// Sends `count` frames of a tone in one slot, as the server would, leaving some out.
    async fn send(&self, slot: usize, number: u32, hz: f64, count: u16, without: &[u16]) {
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        for (n, frame) in (0..count).zip(Tone::new(hz).unwrap()) {
            tick.tick().await;
            if without.contains(&n) {
                continue;
            }
            let packet = rtp::Packet {
                header: rtp::Header {
                    version: 2,
                    marker: n == 0,
                    payload_type: 111,
                    sequence_number: 65_500u16.wrapping_add(n),
                    timestamp: u32::from(n) * 960,
                    ssrc: 1_001 + slot as u32,
                    csrc: vec![number],
                    ..Default::default()
                },
                payload: frame.payload,
            };
            let level = AudioLevelExtension { level: frame.level_dbov, voice: true };
            self.tracks[1 + slot]
                .write_rtp_with_extensions(packet, &[HeaderExtension::AudioLevel(level)])
                .await
                .unwrap();
        }
    }
}

async fn connected() -> (Media, Other, String) {
    let options = MediaOptions { server: LOOPBACK, srtp: SrtpOffer::default() };
    let (media, offer) = Media::offer(options).await.unwrap();
    let (other, answer) = Other::answering(&offer).await;
    media.answer(&answer).await.unwrap();
    media.connected(PATIENCE).await.unwrap();
    (media, other, offer)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_offer_has_one_microphone_and_four_slots_and_names_its_ssrc() {
    let options = MediaOptions { server: LOOPBACK, srtp: SrtpOffer::default() };
    let (media, offer) = Media::offer(options).await.unwrap();
    let sections: Vec<&str> = offer.split("\r\nm=").skip(1).collect();
    assert_eq!(sections.len(), 1 + SLOTS);
    assert!(sections.iter().all(|section| section.starts_with("audio ")));
    assert!(sections[0].contains("\r\na=sendonly"));
    assert!(sections[0].contains("\r\na=ssrc:"));
    assert!(sections[1..].iter().all(|section| section.contains("\r\na=recvonly")));
    assert!(offer.contains("a=group:BUNDLE 0 1 2 3 4"), "{offer}");
    assert!(offer.contains(" 127.0.0.1 "), "a loopback candidate: {offer}");
    assert!(offer.contains("urn:ietf:params:rtp-hdrext:ssrc-audio-level"));
    assert!(offer.contains("a=rtpmap:111 opus/48000/2"));
    assert!(offer.len() < palco_protocol::limits::OFFER_MAX_BYTES);
    media.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_speakers_are_heard_apart_by_slot_number_pitch_and_level() {
    let (media, other, _) = connected().await;
    tokio::join!(
        async {
            tokio::join!(
                other.send(1, 7, 440.0, 60, &[]),
                other.send(3, 9, 880.0, 60, &[20, 30, 31])
            );
        },
        async {
            media.wait_for_tone(SpeakerNumber(7), 440.0, PATIENCE).await.unwrap();
            media.wait_for_tone(SpeakerNumber(9), 880.0, PATIENCE).await.unwrap();
        },
        async {
            let enough = 57 - media.packets_from(SpeakerNumber(9));
            media.wait_for_packets(SpeakerNumber(9), enough, PATIENCE).await.unwrap();
            let enough = 60 - media.packets_from(SpeakerNumber(7));
            if enough > 0 {
                media.wait_for_packets(SpeakerNumber(7), enough, PATIENCE).await.unwrap();
            }
        }
    );
    let whole = media.counts(1);
    assert_eq!((whole.packets, whole.lost, whole.late, whole.undecodable), (60, 0, 0, 0));
    let holed = media.counts(3);
    assert_eq!((holed.packets, holed.lost, holed.concealed_frames), (57, 3, 3));
    assert_eq!((media.counts(0).packets, media.counts(2).packets), (0, 0));
    let records = media.packets(1);
    assert!(records[0].marker && !records[1].marker);
    for (n, record) in records.iter().enumerate() {
        assert_eq!(record.sequence, 65_500u16.wrapping_add(n as u16));
        assert_eq!(record.timestamp_48k, n as u32 * 960);
        assert_eq!(record.number, Some(SpeakerNumber(7)));
        assert_eq!(record.level_dbov, Some(15));
    }
    media.close().await.unwrap();
    other.peer.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_microphone_is_paced_and_continuous_and_mute_stops_it() {
    let (media, mut other, _) = connected().await;
    let first = media.speak(Tone::new(440.0).unwrap().take(25));
    assert_eq!(first.finished().await, 25);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let second = media.play_tone(880.0).unwrap();
    let mut packets = Vec::new();
    while packets.len() < 50 {
        packets
            .push(tokio::time::timeout(PATIENCE, other.microphone.recv()).await.unwrap().unwrap());
    }
    media.mute();
    assert_eq!(second.finished().await, 0, "stopped");
    let sent = media.packets_sent();
    while (packets.len() as u64) < sent {
        packets
            .push(tokio::time::timeout(PATIENCE, other.microphone.recv()).await.unwrap().unwrap());
    }
    // Nothing comes after a mute: waiting a while proves it as far as waiting can.
    assert!(
        tokio::time::timeout(Duration::from_millis(200), other.microphone.recv()).await.is_err()
    );
    for (n, pair) in packets.windows(2).enumerate() {
        let [a, b] = [&pair[0].header, &pair[1].header];
        assert_eq!(b.sequence_number, a.sequence_number.wrapping_add(1));
        let passed = b.timestamp.wrapping_sub(a.timestamp);
        if n == 24 {
            assert!(b.marker && passed >= 960 + 48 * 180, "time ran on in the pause: {passed}");
        } else {
            assert!(!b.marker && passed == 960, "{n}: {passed}");
        }
        assert_eq!(a.extensions.len(), 1);
    }
    media.close().await.unwrap();
    other.peer.close().await.unwrap();
}
