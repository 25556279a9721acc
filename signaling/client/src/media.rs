//! One peer connection: one sendonly microphone, four recvonly slots, one offer, one answer.
//!
//! The driver task of `webrtc` owns the connection. What is heard is in `hearing`, what is said in
//! `microphone`.

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use palco_protocol::{ClientMessage, Reply, RoomId, Snapshot};
use rtc::{
    peer_connection::configuration::RTCOfferOptions, rtp_transceiver::rtp_sender::RtpCodecKind,
};
use tokio::{sync::watch, time::timeout};
use webrtc::{
    media_stream::{
        track_local::{TrackLocal, static_rtp::TrackLocalStaticRTP},
        track_remote::TrackRemote,
    },
    peer_connection::{
        PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceGatheringState,
        RTCPeerConnectionState, RTCSessionDescription, Registry, configure_rtcp_reports,
    },
    rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit},
};

use crate::{
    Client, Error, OpusFrame, SLOTS, Speaking, Tone,
    hearing::{Hearing, read_slot},
    microphone::Microphone,
    setup::{self, AUDIO_LEVEL_URI},
};

const GATHER_TIMEOUT: Duration = Duration::from_secs(5);

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
    pub(crate) hearing: Arc<Hearing>,
    gathering: Arc<watch::Sender<RTCIceGatheringState>>,
    state: watch::Receiver<RTCPeerConnectionState>,
    microphone: Microphone,
    takes_tcp: bool,
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
        Self::offer_by(options, &[]).await
    }

    /// [`Media::offer`] of a connection that also takes the server's TCP candidates (RFC 6544), for networks that let
    /// no UDP through.
    ///
    /// # Errors
    /// As [`Media::offer`].
    pub async fn offer_with_tcp(options: MediaOptions) -> Result<(Self, String), Error> {
        Self::offer_by(options, &setup::bind_addresses(options.server)[..1]).await
    }

    async fn offer_by(
        options: MediaOptions,
        tcp: &[&'static str],
    ) -> Result<(Self, String), Error> {
        let hearing = Arc::new(Hearing::new()?);
        let gathering = Arc::new(watch::Sender::new(RTCIceGatheringState::New));
        let (state_sink, state) = watch::channel(RTCPeerConnectionState::New);
        let handler = Handler {
            gathering: Arc::clone(&gathering),
            state: state_sink,
            hearing: Arc::clone(&hearing),
        };
        let builder = PeerConnectionBuilder::new()
            .with_media_engine(setup::media_engine()?)
            .with_interceptor_registry(configure_rtcp_reports(Registry::new()))
            .with_setting_engine(setup::settings(options))
            .with_handler(Arc::new(handler))
            .with_udp_addrs(setup::bind_addresses(options.server))
            .with_tcp_addrs(tcp.to_vec());
        // Boxed: building is a state machine of 20 KiB, which would live in every caller's.
        let peer = Box::pin(builder.build()).await?;
        let peer: Arc<dyn PeerConnection> = Arc::new(peer);

        let ssrc = random_u32();
        let track = Arc::new(TrackLocalStaticRTP::new(setup::microphone_track(ssrc)));
        let microphone = Microphone::new(Arc::clone(&track), ssrc);
        // From here on dropping it closes the connection.
        let takes_tcp = !tcp.is_empty();
        let media = Self { peer, hearing, gathering, state, microphone, takes_tcp };
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
        self.hearing.set_level_id(setup::extension_id(sdp, AUDIO_LEVEL_URI));
        let answer = RTCSessionDescription::answer(sdp.to_owned())?;
        self.peer.set_remote_description(answer).await?;
        if self.takes_tcp {
            for candidate in setup::tcp_candidates(sdp) {
                self.peer.add_ice_candidate(candidate).await?;
            }
        }
        Ok(())
    }

    /// New ICE credentials for the same connection: the offer of `restart_ice`, whose answer goes
    /// to [`Media::answer`].
    ///
    /// # Errors
    /// [`Error::Media`].
    pub async fn restart_ice(&self) -> Result<String, Error> {
        self.gather(Some(RTCOfferOptions { ice_restart: true })).await
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

    /// Closes the connection and waits until it is.
    ///
    /// # Errors
    /// [`Error::Media`].
    pub async fn close(self) -> Result<(), Error> {
        Ok(self.peer.close().await?)
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
        // Another round of gathering must not be taken for done because the last one is.
        self.gathering.send_replace(RTCIceGatheringState::New);
        let mut gathering = self.gathering.subscribe();
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

struct Handler {
    gathering: Arc<watch::Sender<RTCIceGatheringState>>,
    state: watch::Sender<RTCPeerConnectionState>,
    hearing: Arc<Hearing>,
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
        tokio::spawn(read_slot(track, Arc::clone(&self.hearing)));
    }
}

fn random_u32() -> u32 {
    uuid::Uuid::new_v4().as_fields().0
}
