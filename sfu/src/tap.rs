//! A room's speakers, opened, for whoever records, mixes or captions.
//!
//! A tap is a bounded queue that must never slow the listeners: what does not fit is dropped and counted. It hears
//! what arrives from speakers who may send, whether or not they are among the loudest. The shard's side is owned by
//! the shard; the receiver's by the caller.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tokio::sync::mpsc;

use crate::loudest::SpeakerNo;
use crate::relay::Packet;

/// One Opus frame of one speaker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TapFrame {
    /// The number given to `allow_sending`.
    pub speaker: u32,
    /// When it arrived.
    pub at: Instant,
    /// The speaker's own clock, units of 1/48000 s; stands still while nothing is sent.
    pub ts_48k: u32,
    /// The speaker's sequence number: a gap is a loss.
    pub seq: u16,
    /// In -dBov, if the client tells.
    pub level_minus_dbov: Option<u8>,
    /// The Opus packet.
    pub opus: Box<[u8]>,
}

/// The caller's end of a tap. It ends when it is dropped or the room is closed.
#[derive(Debug)]
pub struct Tap {
    frames: mpsc::Receiver<TapFrame>,
    dropped: Arc<AtomicU64>,
}

impl Tap {
    /// The next frame; `None` when the room was closed.
    pub async fn next(&mut self) -> Option<TapFrame> {
        self.frames.recv().await
    }

    /// Frames that did not fit, since the beginning.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// A shard's end.
#[derive(Clone)]
pub(crate) struct TapSink {
    frames: mpsc::Sender<TapFrame>,
    dropped: Arc<AtomicU64>,
}

/// Both ends, with room for `frames`.
pub(crate) fn tap(frames: usize) -> (TapSink, Tap) {
    let (sender, receiver) = mpsc::channel(frames.max(1));
    let dropped = Arc::new(AtomicU64::new(0));
    let sink = TapSink { frames: sender, dropped: Arc::clone(&dropped) };
    let tap = Tap { frames: receiver, dropped };
    (sink, tap)
}

impl TapSink {
    pub(crate) fn is_open(&self) -> bool {
        !self.frames.is_closed()
    }

    /// False: nobody listens any more.
    pub(crate) fn take(&self, now: Instant, speaker: SpeakerNo, packet: &Packet) -> bool {
        match self.frames.try_reserve() {
            Ok(place) => {
                place.send(TapFrame {
                    speaker: speaker.0,
                    at: now,
                    ts_48k: packet.ts_48k,
                    seq: packet.seq.0,
                    level_minus_dbov: packet.level.map(|level| level.minus_dbov),
                    opus: packet.payload().into(),
                });
                true
            }
            Err(mpsc::error::TrySendError::Full(())) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
                true
            }
            Err(mpsc::error::TrySendError::Closed(())) => false,
        }
    }
}
