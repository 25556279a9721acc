//! One peer connection: one sendonly microphone, four recvonly slots, one offer, one answer.
//!
//! The driver task of `webrtc` owns the connection; one task per slot reads its track into a
//! [`Reception`] behind a short lock that is never held across an await.

use std::{
    fmt,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use palco_protocol::{ClientMessage, Reply, RoomId, Snapshot, SpeakerNumber};
use rtc::{
    ice::mdns::MulticastDnsMode,
    peer_connection::configuration::{
        RTCOfferOptions,
        media_engine::{MIME_TYPE_OPUS, MediaEngine},
    },
    rtp_transceiver::rtp_sender::{
        RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters,
        RTCRtpHeaderExtensionCapability, RtpCodecKind,
    },
};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};
use webrtc::{
    media_stream::{
        MediaStreamTrack,
        track_local::{TrackLocal, static_rtp::TrackLocalStaticRTP},
        track_remote::{TrackRemote, TrackRemoteEvent},
    },
    peer_connection::{
        PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceGatheringState,
        RTCPeerConnectionState, RTCSessionDescription, Registry, SettingEngineBuilder,
        SrtpProtectionProfile, configure_rtcp_reports,
    },
    rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit},
};

use crate::{
    Client, Error, HeardCounts, OpusFrame, PacketRecord, SLOTS, Speaking, Tone,
    audio::RATE_HZ,
    dominant_hz, level_dbfs,
    microphone::Microphone,
    reception::{Arrived, Heard, Reception},
};

/// As Chromium numbers it.
pub(crate) const OPUS_PAYLOAD_TYPE: u8 = 111;
const AUDIO_LEVEL_URI: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
const GATHER_TIMEOUT: Duration = Duration::from_secs(5);
/// Packets held for a missing one are let go when nothing came for this long.
const HOLD: Duration = Duration::from_millis(100);

/// Which SRTP profiles to offer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SrtpOffer {
    /// As browsers do: GCM and AES-CM.
    #[default]
    All,
    /// Only `AEAD_AES_128_GCM`.
    Gcm,
    /// Only `AES128_CM_SHA1_80`.
    AesCm,
}

/// How to make a peer connection.
#[derive(Debug, Clone, Copy)]
pub struct MediaOptions {
    /// Where the server is, so that candidates of its kind are gathered (loopback, IPv6).
    pub server: IpAddr,
    /// Which SRTP profiles to offer.
    pub srtp: SrtpOffer,
}

/// Joined: the room as it was, and the media connection.
#[derive(Debug)]
pub struct Session {
    /// The room as it was on joining.
    pub snapshot: Snapshot,
    /// What is heard and said.
    pub media: Media,
}

/// A media connection. It outlives the socket, and closes when dropped.
pub struct Media {
    peer: Arc<dyn PeerConnection>,
    shared: Arc<Shared>,
    gathering: watch::Receiver<RTCIceGatheringState>,
    state: watch::Receiver<RTCPeerConnectionState>,
    microphone: Microphone,
}

struct Shared {
    slots: [Mutex<Reception>; SLOTS],
    /// Counts arrivals, so that waiting needs no polling.
    arrivals: watch::Sender<u64>,
    /// The audio level's extension id in the answer; 0 is none.
    level_id: AtomicU8,
    tap: Mutex<Option<mpsc::Sender<(usize, Arc<Heard>)>>>,
    tap_dropped: AtomicU64,
}

impl Client {
    /// Joins a room: offer, answer, snapshot. Media connects meanwhile ([`Media::connected`]).
    ///
    /// # Errors
    /// [`Error::Refused`] with the server's code, or media cannot be set up.
    pub async fn join(&self, room: RoomId, link: Option<&str>) -> Result<Session, Error> {
        let server = self.remote().ip();
        self.join_with(room, link, MediaOptions { server, srtp: SrtpOffer::default() }).await
    }

    /// [`Client::join`] with a choice of how.
    ///
    /// # Errors
    /// As [`Client::join`].
    pub async fn join_with(
        &self,
        room: RoomId,
        link: Option<&str>,
        options: MediaOptions,
    ) -> Result<Session, Error> {
        let (media, offer) = Media::offer(options).await?;
        let join = ClientMessage::Join { room, offer, link: link.map(str::to_owned) };
        let Reply::Joined(joined) = self.request(join).await? else {
            return Err(Error::Unexpected("join"));
        };
        media.answer(&joined.answer).await?;
        Ok(Session { snapshot: joined.snapshot, media })
    }
}

impl Media {
    /// Makes a connection and its complete offer (candidates included).
    ///
    /// # Errors
    /// [`Error::Media`] if no socket can be bound or the crate refuses.
    pub async fn offer(options: MediaOptions) -> Result<(Self, String), Error> {
        let mut receptions = Vec::with_capacity(SLOTS);
        for _ in 0..SLOTS {
            receptions.push(Mutex::new(Reception::new()?));
        }
        let shared = Arc::new(Shared {
            slots: receptions.try_into().map_err(|_| Error::Unexpected("slots"))?,
            arrivals: watch::Sender::new(0),
            level_id: AtomicU8::new(0),
            tap: Mutex::new(None),
            tap_dropped: AtomicU64::new(0),
        });
        let (gathering_sink, gathering) = watch::channel(RTCIceGatheringState::New);
        let (state_sink, state) = watch::channel(RTCPeerConnectionState::New);
        let handler =
            Handler { gathering: gathering_sink, state: state_sink, shared: Arc::clone(&shared) };

        let mut engine = MediaEngine::default();
        engine.register_codec(
            RTCRtpCodecParameters {
                rtp_codec: opus_codec(),
                payload_type: OPUS_PAYLOAD_TYPE,
                ..Default::default()
            },
            RtpCodecKind::Audio,
        )?;
        engine.register_header_extension(
            RTCRtpHeaderExtensionCapability { uri: AUDIO_LEVEL_URI.to_owned() },
            RtpCodecKind::Audio,
            None,
        )?;
        let peer = PeerConnectionBuilder::new()
            .with_media_engine(engine)
            .with_interceptor_registry(configure_rtcp_reports(Registry::new()))
            .with_setting_engine(settings(options))
            .with_handler(Arc::new(handler))
            .with_udp_addrs(bind_addresses(options.server))
            .build()
            .await?;
        let peer: Arc<dyn PeerConnection> = Arc::new(peer);

        let ssrc = random_u32();
        let track = Arc::new(TrackLocalStaticRTP::new(microphone_track(ssrc)));
        let microphone = Microphone::new(Arc::clone(&track), ssrc);
        // From here on dropping it closes the connection.
        let media = Self { peer, shared, gathering, state, microphone };
        let direction = |direction| RTCRtpTransceiverInit { direction, ..Default::default() };
        media
            .peer
            .add_transceiver_from_track(
                track as Arc<dyn TrackLocal>,
                Some(direction(RTCRtpTransceiverDirection::Sendonly)),
            )
            .await?;
        for _ in 0..SLOTS {
            let init = direction(RTCRtpTransceiverDirection::Recvonly);
            media.peer.add_transceiver_from_kind(RtpCodecKind::Audio, Some(init)).await?;
        }
        let offer = media.gather(None).await?;
        Ok((media, offer))
    }

    /// Takes the server's answer; connecting begins.
    ///
    /// # Errors
    /// [`Error::Media`] if it does not fit the offer.
    pub async fn answer(&self, sdp: &str) -> Result<(), Error> {
        self.shared.level_id.store(extension_id(sdp, AUDIO_LEVEL_URI), Ordering::Relaxed);
        let answer = RTCSessionDescription::answer(sdp.to_owned())?;
        Ok(self.peer.set_remote_description(answer).await?)
    }

    /// New ICE credentials for the same connection: the offer of `restart_ice`, whose answer goes
    /// to [`Media::answer`].
    ///
    /// # Errors
    /// [`Error::Media`].
    pub async fn restart_ice(&self) -> Result<String, Error> {
        self.gather(Some(RTCOfferOptions { ice_restart: true, ..Default::default() })).await
    }

    /// Waits until media flows both ways (ICE and DTLS are done).
    ///
    /// # Errors
    /// [`Error::Timeout`], or [`Error::Ended`] if the connection failed or was closed.
    pub async fn connected(&self, within: Duration) -> Result<(), Error> {
        self.reach(within, "media connection", |state| state == RTCPeerConnectionState::Connected)
            .await
    }

    /// Waits until the connection is closed, or lost for good.
    ///
    /// # Errors
    /// [`Error::Timeout`].
    pub async fn disconnected(&self, within: Duration) -> Result<(), Error> {
        match self.reach(within, "end of the media connection", |_| false).await {
            Err(Error::Ended(_)) => Ok(()),
            other => other,
        }
    }

    /// The connection's state now.
    #[must_use]
    pub fn state(&self) -> RTCPeerConnectionState {
        *self.state.borrow()
    }

    /// Sends frames as they fall due; whatever was playing stops. The server's gate decides whether
    /// anybody hears it.
    pub fn speak(&self, frames: impl Iterator<Item = OpusFrame> + Send + 'static) -> Speaking {
        self.microphone.speak(frames)
    }

    /// Sends a sine of this pitch until [`Media::mute`].
    ///
    /// # Errors
    /// Only if libopus cannot allocate.
    pub fn play_tone(&self, hz: f64) -> Result<Speaking, Error> {
        Ok(self.speak(Tone::new(hz)?))
    }

    /// Sends nothing more.
    pub fn mute(&self) {
        self.microphone.stop();
    }

    /// Packets sent so far.
    #[must_use]
    pub fn packets_sent(&self) -> u64 {
        self.microphone.sent()
    }

    /// What came in a slot so far. Slots are numbered from 0.
    ///
    /// # Panics
    /// If there is no such slot.
    #[must_use]
    pub fn counts(&self, slot: usize) -> HeardCounts {
        self.shared.slot(slot).counts()
    }

    /// The last 3,000 packets of a slot as they arrived, oldest first.
    ///
    /// # Panics
    /// If there is no such slot.
    #[must_use]
    pub fn packets(&self, slot: usize) -> Vec<PacketRecord> {
        self.shared.slot(slot).records()
    }

    /// The pitch of what a slot played within the last `window` (at most 2 s), if it is one tone.
    ///
    /// # Panics
    /// If there is no such slot.
    #[must_use]
    pub fn tone_hz(&self, slot: usize, window: Duration) -> Option<f64> {
        whole(self.shared.slot(slot).pcm(past(window), None), window).and_then(|p| dominant_hz(&p))
    }

    /// The loudness of what a slot played within the last `window` (at most 2 s); nothing if it
    /// played nothing.
    ///
    /// # Panics
    /// If there is no such slot.
    #[must_use]
    pub fn level_dbfs(&self, slot: usize, window: Duration) -> Option<f64> {
        let pcm = self.shared.slot(slot).pcm(past(window), None);
        (!pcm.is_empty()).then(|| level_dbfs(&pcm))
    }

    /// Packets of one speaker, in whichever slots.
    #[must_use]
    pub fn packets_from(&self, number: SpeakerNumber) -> u64 {
        (0..SLOTS).map(|slot| self.shared.slot(slot).packets_from(number)).sum()
    }

    /// What one speaker said within the last `window` (at most 2 s): 48 kHz mono.
    #[must_use]
    pub fn pcm_from(&self, number: SpeakerNumber, window: Duration) -> Vec<i16> {
        (0..SLOTS)
            .map(|slot| self.shared.slot(slot).pcm(past(window), Some(number)))
            .max_by_key(Vec::len)
            .unwrap_or_default()
    }

    /// The pitch of one speaker within the last `window` (at most 2 s), if it is one tone.
    #[must_use]
    pub fn tone_from(&self, number: SpeakerNumber, window: Duration) -> Option<f64> {
        whole(self.pcm_from(number, window), window).and_then(|pcm| dominant_hz(&pcm))
    }

    /// Waits until a speaker is heard at this pitch (within 1 %) for 200 ms.
    ///
    /// # Errors
    /// [`Error::Timeout`].
    pub async fn wait_for_tone(
        &self,
        number: SpeakerNumber,
        hz: f64,
        within: Duration,
    ) -> Result<(), Error> {
        self.until("tone", within, || {
            let heard = self.tone_from(number, Duration::from_millis(200))?;
            ((heard - hz).abs() < hz / 100.0).then_some(())
        })
        .await
    }

    /// Waits until this many more packets of a speaker have come.
    ///
    /// # Errors
    /// [`Error::Timeout`].
    pub async fn wait_for_packets(
        &self,
        number: SpeakerNumber,
        more: u64,
        within: Duration,
    ) -> Result<(), Error> {
        let enough = self.packets_from(number) + more;
        self.until("packets", within, || (self.packets_from(number) >= enough).then_some(())).await
    }

    /// When the first packet came, in any slot.
    #[must_use]
    pub fn first_packet_at(&self) -> Option<Instant> {
        (0..SLOTS).filter_map(|slot| self.shared.slot(slot).first_at()).min()
    }

    /// Waits for the first packet in any slot.
    ///
    /// # Errors
    /// [`Error::Timeout`].
    pub async fn wait_for_first_packet(&self, within: Duration) -> Result<Instant, Error> {
        self.until("audio", within, || self.first_packet_at()).await
    }

    /// Closes the connection and waits until it is.
    ///
    /// # Errors
    /// [`Error::Media`].
    pub async fn close(self) -> Result<(), Error> {
        Ok(self.peer.close().await?)
    }

    /// Everything decoded from now on, with its slot. A reader too slow loses audio, counted.
    pub(crate) fn tap(&self) -> mpsc::Receiver<(usize, Arc<Heard>)> {
        // Four slots, five seconds.
        let (sink, tap) = mpsc::channel(1_000);
        *lock(&self.shared.tap) = Some(sink);
        tap
    }

    pub(crate) fn tap_dropped(&self) -> u64 {
        self.shared.tap_dropped.load(Ordering::Relaxed)
    }

    async fn until<T>(
        &self,
        what: &'static str,
        within: Duration,
        mut look: impl FnMut() -> Option<T>,
    ) -> Result<T, Error> {
        let mut arrivals = self.shared.arrivals.subscribe();
        let seen = timeout(within, async {
            loop {
                if let Some(seen) = look() {
                    return seen;
                }
                if arrivals.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        });
        seen.await.map_err(|_| Error::Timeout { what, within })
    }

    async fn reach(
        &self,
        within: Duration,
        what: &'static str,
        there: impl Fn(RTCPeerConnectionState) -> bool,
    ) -> Result<(), Error> {
        use RTCPeerConnectionState::{Closed, Failed};
        let mut state = self.state.clone();
        let reached =
            timeout(within, state.wait_for(|&now| there(now) || matches!(now, Closed | Failed)));
        match reached.await {
            Ok(Ok(now)) if there(*now) => Ok(()),
            Ok(_) => Err(Error::Ended("the media connection is closed")),
            Err(_) => Err(Error::Timeout { what, within }),
        }
    }

    async fn gather(&self, options: Option<RTCOfferOptions>) -> Result<String, Error> {
        let mut gathering = self.gathering.clone();
        gathering.mark_unchanged();
        let offer = self.peer.create_offer(options).await?;
        self.peer.set_local_description(offer).await?;
        let complete = gathering.wait_for(|state| *state == RTCIceGatheringState::Complete);
        timeout(GATHER_TIMEOUT, complete)
            .await
            .map_err(|_| Error::Timeout { what: "candidates", within: GATHER_TIMEOUT })?
            .map_err(|_| Error::Ended("the media connection is closed"))?;
        let local = self.peer.local_description().await;
        local.map(|description| description.sdp).ok_or(Error::Unexpected("gathering"))
    }
}

impl Drop for Media {
    fn drop(&mut self) {
        // The driver is a detached task: it lives on unless it is told.
        let peer = Arc::clone(&self.peer);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { peer.close().await });
        }
    }
}

impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Media").field("state", &self.state()).finish_non_exhaustive()
    }
}

impl Shared {
    fn slot(&self, slot: usize) -> MutexGuard<'_, Reception> {
        lock(&self.slots[slot])
    }

    fn hand_out(&self, slot: usize, heard: Vec<Arc<Heard>>) {
        if let Some(tap) = &*lock(&self.tap) {
            for frame in heard {
                if tap.try_send((slot, frame)).is_err() {
                    self.tap_dropped.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        self.arrivals.send_modify(|count| *count += 1);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Counters and rings are usable whatever panicked beside them.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Handler {
    gathering: watch::Sender<RTCIceGatheringState>,
    state: watch::Sender<RTCPeerConnectionState>,
    shared: Arc<Shared>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        self.gathering.send_replace(state);
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.state.send_replace(state);
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        tokio::spawn(read_slot(track, Arc::clone(&self.shared)));
    }
}

/// Reads one slot's track until the connection is closed.
async fn read_slot(track: Arc<dyn TrackRemote>, shared: Arc<Shared>) {
    let mut slot = None;
    loop {
        let waiting = slot.is_some_and(|slot| shared.slot(slot).is_waiting());
        let event = if waiting {
            match timeout(HOLD, track.poll()).await {
                Ok(event) => event,
                Err(_) => {
                    let mut heard = Vec::new();
                    if let Some(slot) = slot {
                        shared.slot(slot).flush(&mut heard);
                        shared.hand_out(slot, heard);
                    }
                    continue;
                }
            }
        } else {
            track.poll().await
        };
        match event {
            Some(TrackRemoteEvent::OnOpen(init)) => {
                // Transceivers are numbered as they were added: the microphone, then the slots.
                let transceiver: usize = init.receiver_id.into();
                slot = transceiver.checked_sub(1).filter(|slot| *slot < SLOTS);
            }
            Some(TrackRemoteEvent::OnRtpPacket(packet)) => {
                let Some(slot) = slot else { continue };
                let arrived = arrived(packet, shared.level_id.load(Ordering::Relaxed));
                let mut heard = Vec::new();
                shared.slot(slot).push(arrived, &mut heard);
                shared.hand_out(slot, heard);
            }
            Some(_) => {}
            None => return,
        }
    }
}

fn arrived(packet: rtc::rtp::Packet, level_id: u8) -> Arrived {
    let header = packet.header;
    let level = (level_id != 0).then(|| header.get_extension(level_id)).flatten();
    Arrived {
        record: PacketRecord {
            at: Instant::now(),
            sequence: header.sequence_number,
            timestamp_48k: header.timestamp,
            marker: header.marker,
            number: header.csrc.first().copied().map(SpeakerNumber),
            // RFC 6464, section 3: the first bit is voice activity.
            level_dbov: level.and_then(|bytes| bytes.first().map(|byte| byte & 0x7f)),
            payload_bytes: packet.payload.len(),
        },
        payload: packet.payload,
    }
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

fn microphone_track(ssrc: u32) -> MediaStreamTrack {
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

fn settings(options: MediaOptions) -> webrtc::peer_connection::SettingEngine {
    let settings = SettingEngineBuilder::new()
        // Else each connection opens a socket on port 5353.
        .with_multicast_dns_mode(MulticastDnsMode::Disabled)
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
fn bind_addresses(server: IpAddr) -> Vec<&'static str> {
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

/// The id that the first section of an SDP gives an extension (RFC 8285, section 5), or 0.
fn extension_id(sdp: &str, uri: &str) -> u8 {
    sdp.lines()
        .filter_map(|line| line.strip_prefix("a=extmap:")?.split_once(' '))
        .find(|(_, rest)| rest.split_whitespace().next() == Some(uri))
        .and_then(|(id, _)| id.split('/').next()?.parse().ok())
        .unwrap_or(0)
}

fn random_u32() -> u32 {
    uuid::Uuid::new_v4().as_fields().0
}

fn past(window: Duration) -> Instant {
    let now = Instant::now();
    now.checked_sub(window).unwrap_or(now)
}

/// Nothing unless at least half of the window was heard: a rest of something older is no tone now.
fn whole(pcm: Vec<i16>, window: Duration) -> Option<Vec<i16>> {
    let samples = window.as_secs_f64() * f64::from(RATE_HZ);
    #[expect(clippy::cast_precision_loss, reason = "at most two seconds")]
    let enough = pcm.len() as f64 * 2.0 >= samples;
    enough.then_some(pcm)
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
