//! `palco probe`: how long it takes to hear a room, for monitoring.

use std::time::{Duration, Instant};

use palco_protocol::{ClientMessage, Reply};
use serde::Serialize;

use crate::{
    Error, HeardCounts, Link, Media, MediaOptions, SLOTS, SrtpOffer,
    presence::{CONNECT_TIMEOUT, goodbye},
    speak::millis,
};

/// With somebody speaking, audio comes with the first packets; a pause between sentences is
/// shorter than this.
const AUDIO_TIMEOUT: Duration = Duration::from_secs(5);
/// How much is listened to, for loss.
const LISTEN: Duration = Duration::from_secs(1);

/// Times since the probe began its join, except the first two.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProbeReport {
    /// `POST /api/v1/guests`.
    pub guest_ms: u64,
    /// WebSocket handshake and `hello`.
    pub hello_ms: u64,
    /// Gathering and the round trip of `join`.
    pub join_ms: u64,
    /// ICE and DTLS done.
    pub connected_ms: u64,
    /// First packet of audio; absent if nobody spoke within 5 s.
    pub first_audio_ms: Option<u64>,
    /// One second of listening, all slots together.
    pub packets: u64,
    /// Of these, lost.
    pub lost: u64,
    /// People on stage and how many of them are unmuted: whether audio was to be expected.
    pub stage: usize,
    /// See `stage`.
    pub unmuted: usize,
}

/// Joins as a listener, measures, and leaves.
///
/// # Errors
/// If any step fails; silence is no failure.
pub async fn probe(link: &Link) -> Result<ProbeReport, Error> {
    let begun = Instant::now();
    let guest = link.server.guest("probe").await?;
    let guest_ms = millis(begun.elapsed());
    let connecting = Instant::now();
    let client = link.server.connect(&guest.token).await?;
    let hello_ms = millis(connecting.elapsed());

    let joining = Instant::now();
    let options = MediaOptions { server: client.remote().ip(), srtp: SrtpOffer::default() };
    let (media, offer) = Media::offer(options).await?;
    let join = ClientMessage::Join { room: link.room, offer, link: link.secret.clone() };
    let Reply::Joined(joined) = client.request(join).await? else {
        return Err(Error::Unexpected("join"));
    };
    let join_ms = millis(joining.elapsed());
    media.answer(&joined.answer).await?;
    media.connected(CONNECT_TIMEOUT).await?;
    let connected_ms = millis(joining.elapsed());
    let first_audio_ms = match media.wait_for_first_packet(AUDIO_TIMEOUT).await {
        Ok(at) => {
            tokio::time::sleep(LISTEN).await;
            Some(millis(at.duration_since(joining)))
        }
        Err(Error::Timeout { .. }) => None,
        Err(error) => return Err(error),
    };
    let counts: [HeardCounts; SLOTS] = std::array::from_fn(|slot| media.counts(slot));
    goodbye(client).await;
    media.close().await?;
    Ok(ProbeReport {
        guest_ms,
        hello_ms,
        join_ms,
        connected_ms,
        first_audio_ms,
        packets: counts.iter().map(|slot| slot.packets).sum(),
        lost: counts.iter().map(|slot| slot.lost).sum(),
        stage: joined.snapshot.stage.len(),
        unmuted: joined.snapshot.stage.iter().filter(|member| !member.muted).count(),
    })
}
