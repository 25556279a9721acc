//! Signalling's media port over the media plane: ids mapped, errors translated, events pumped.

use std::{sync::Arc, time::Duration};

use palco_protocol::{Grade, RoomId, SpeakerNumber};
use palco_sfu::{CloseReason, ConnectError, Event, Handle, PeerKey, RoomKey};
use palco_signaling::{Media, MediaEvent, MediaRefusal, PeerId, PortFuture, Signaling};
use tokio::sync::mpsc;

/// The media plane behind signalling's port.
pub(crate) struct SfuMedia {
    handle: Handle,
}

impl SfuMedia {
    pub(crate) fn new(handle: Handle) -> Arc<Self> {
        Arc::new(Self { handle })
    }
}

fn peer_key(peer: PeerId) -> PeerKey {
    PeerKey(peer.0)
}

/// The last 64 bits of a UUIDv7 are its random part: two live rooms that share them would need
/// 2^31 rooms alive at once to be likely.
pub(crate) fn room_key(room: RoomId) -> RoomKey {
    RoomKey(room.0.as_u64_pair().1)
}

fn refusal(error: &ConnectError) -> MediaRefusal {
    match error {
        ConnectError::Offer(_) | ConnectError::ChangedIdentity => {
            MediaRefusal::BadOffer(error.to_string())
        }
        ConnectError::Busy | ConnectError::Stopped => MediaRefusal::Full,
        ConnectError::UnknownPeer | ConnectError::AlreadyConnected => MediaRefusal::Gone,
    }
}

impl Media for SfuMedia {
    fn connect(
        &self,
        room: RoomId,
        peer: PeerId,
        offer: String,
    ) -> PortFuture<'_, Result<String, MediaRefusal>> {
        Box::pin(async move {
            self.handle
                .connect(room_key(room), peer_key(peer), &offer)
                .await
                .map_err(|error| refusal(&error))
        })
    }

    fn restart_ice(
        &self,
        peer: PeerId,
        offer: String,
    ) -> PortFuture<'_, Result<String, MediaRefusal>> {
        Box::pin(async move {
            self.handle.restart_ice(peer_key(peer), &offer).await.map_err(|error| refusal(&error))
        })
    }

    fn allow_sending(&self, peer: PeerId, number: SpeakerNumber) {
        self.handle.allow_sending(peer_key(peer), number.0);
    }

    fn stop_sending(&self, peer: PeerId) {
        self.handle.stop_sending(peer_key(peer));
    }

    fn disconnect(&self, peer: PeerId) {
        self.handle.disconnect(peer_key(peer));
    }

    fn close_room(&self, room: RoomId) {
        self.handle.close_room(room_key(room));
    }
}

fn quality_of(peer: PeerId, quality: &palco_sfu::Quality) -> MediaEvent {
    // A share of one is a thousand thousandths: it fits.
    let permille = |share: f32| (share.clamp(0.0, 1.0) * 1_000.0).round() as u16;
    let ms = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
    MediaEvent::Quality {
        peer,
        grade: match quality.grade {
            palco_sfu::Grade::Good => Grade::Good,
            palco_sfu::Grade::Fair => Grade::Fair,
            palco_sfu::Grade::Poor => Grade::Poor,
        },
        loss_permille: permille(quality.loss_down),
        loss_up_permille: permille(quality.loss_up),
        jitter_ms: ms(quality.jitter_down),
        rtt_ms: quality.round_trip.map(ms),
    }
}

/// Hands the media plane's events to signalling until the media plane ends.
pub(crate) async fn pump(mut events: mpsc::Receiver<Event>, signaling: Signaling) {
    while let Some(event) = events.recv().await {
        let event = match event {
            Event::Connected { peer } => MediaEvent::Connected(PeerId(peer.0)),
            Event::Closed { peer, reason } => {
                if reason == CloseReason::Fault {
                    tracing::error!("a media connection ended by a panic: this is a bug");
                }
                MediaEvent::Closed(PeerId(peer.0))
            }
            Event::Quality { peer, quality } => quality_of(PeerId(peer.0), &quality),
            _ => continue,
        };
        signaling.media_event(event).await;
    }
}
