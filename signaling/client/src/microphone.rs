//! The sending half: Opus frames paced by a real timer into the one track that was offered.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rtc::rtp::{
    self,
    extension::{HeaderExtension, audio_level_extension::AudioLevelExtension},
};
use tokio::{
    task::{AbortHandle, JoinHandle},
    time::{Instant, sleep_until},
};
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;

use crate::{OpusFrame, audio::RATE_HZ, setup::OPUS_PAYLOAD_TYPE};

/// Louder than this is marked as voice in the extension's V bit.
const VOICE_DBOV: u8 = 50;

pub(crate) struct Microphone {
    track: Arc<TrackLocalStaticRTP>,
    ssrc: u32,
    clock: Arc<tokio::sync::Mutex<MicrophoneClock>>,
    speaking: Mutex<Option<AbortHandle>>,
    sent: Arc<AtomicU64>,
}

/// Sequence and time of the stream, continuous over pauses: RTP time runs on while nobody speaks.
struct MicrophoneClock {
    sequence: u16,
    timestamp_48k: u32,
    /// When `timestamp_48k` was or will be due.
    due: Instant,
}

/// A stretch of speech under way. Dropping it lets it play on.
pub struct Speaking(JoinHandle<u64>);

impl Speaking {
    /// Waits for the last frame; how many packets were sent. Zero if it was stopped.
    pub async fn finished(self) -> u64 {
        self.0.await.unwrap_or(0)
    }

    /// Stops it; the microphone sends nothing more.
    pub fn stop(self) {
        self.0.abort();
    }
}

impl fmt::Debug for Speaking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Speaking").field("finished", &self.0.is_finished()).finish()
    }
}

impl Microphone {
    pub(crate) fn new(track: Arc<TrackLocalStaticRTP>, ssrc: u32) -> Self {
        let clock = MicrophoneClock {
            // Any start serves; below 2^15, an SRTP receiver cannot misread the first roll-over
            // (RFC 3711, section 3.3.1).
            sequence: (ssrc & 0x7fff) as u16,
            timestamp_48k: ssrc.rotate_left(16),
            due: Instant::now(),
        };
        Self {
            track,
            ssrc,
            clock: Arc::new(tokio::sync::Mutex::new(clock)),
            speaking: Mutex::new(None),
            sent: Arc::new(AtomicU64::new(0)),
        }
    }

    /// Plays frames; whatever was playing stops.
    pub(crate) fn speak(
        &self,
        frames: impl Iterator<Item = OpusFrame> + Send + 'static,
    ) -> Speaking {
        let (track, clock) = (Arc::clone(&self.track), Arc::clone(&self.clock));
        let (ssrc, sent) = (self.ssrc, Arc::clone(&self.sent));
        let task = tokio::spawn(async move {
            let mut packets = 0;
            // Until the one before, aborted, is gone.
            let mut clock = clock.lock().await;
            clock.catch_up(Instant::now());
            for frame in frames {
                sleep_until(clock.due).await;
                let extension = HeaderExtension::AudioLevel(AudioLevelExtension {
                    level: frame.level_dbov.min(127),
                    voice: frame.level_dbov < VOICE_DBOV,
                });
                let packet = rtp::Packet {
                    header: rtp::Header {
                        version: 2,
                        // RFC 3551, section 4.1: the first packet after silence.
                        marker: packets == 0,
                        payload_type: OPUS_PAYLOAD_TYPE,
                        sequence_number: clock.sequence,
                        timestamp: clock.timestamp_48k,
                        ssrc,
                        ..Default::default()
                    },
                    payload: frame.payload,
                };
                if let Err(error) = track.write_rtp_with_extensions(packet, &[extension]).await {
                    tracing::debug!(%error, "the microphone's track is closed");
                    break;
                }
                sent.fetch_add(1, Ordering::Relaxed);
                packets += 1;
                clock.advance(frame.samples_48k);
            }
            packets
        });
        self.replace(Some(task.abort_handle()));
        Speaking(task)
    }

    pub(crate) fn stop(&self) {
        self.replace(None);
    }

    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    fn replace(&self, next: Option<AbortHandle>) {
        let mut speaking = self.speaking.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = std::mem::replace(&mut *speaking, next) {
            before.abort();
        }
    }
}

impl Drop for Microphone {
    fn drop(&mut self) {
        self.stop();
    }
}

impl MicrophoneClock {
    fn advance(&mut self, samples_48k: u32) {
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp_48k = self.timestamp_48k.wrapping_add(samples_48k);
        self.due += duration_of(u64::from(samples_48k));
    }

    /// Time passed in silence: the timestamp follows it.
    fn catch_up(&mut self, now: Instant) {
        let silent = now.saturating_duration_since(self.due);
        let samples_48k = (silent.as_micros() * u128::from(RATE_HZ) / 1_000_000) as u32;
        self.timestamp_48k = self.timestamp_48k.wrapping_add(samples_48k);
        self.due += silent;
    }
}

pub(crate) fn duration_of(samples_48k: u64) -> Duration {
    Duration::from_micros(samples_48k * 1_000_000 / u64::from(RATE_HZ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rtp_time_follows_the_wall_clock_over_a_pause() {
        let start = Instant::now();
        let mut clock =
            MicrophoneClock { sequence: u16::MAX, timestamp_48k: u32::MAX - 959, due: start };
        clock.advance(960);
        assert_eq!((clock.sequence, clock.timestamp_48k), (0, 0));
        assert_eq!(clock.due, start + Duration::from_millis(20));
        clock.catch_up(start + Duration::from_millis(10));
        assert_eq!(clock.timestamp_48k, 0, "nothing to catch up before the next is due");
        clock.catch_up(start + Duration::from_millis(1_020));
        assert_eq!((clock.sequence, clock.timestamp_48k), (0, 48_000));
        assert_eq!(clock.due, start + Duration::from_millis(1_020));
    }
}
