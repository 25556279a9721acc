//! What a media connection hears: four slots, read by one task each, asked by anybody.
//!
//! Each slot's [`Reception`] stands behind a lock that is held for the decoding of one packet and
//! never across an await.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use palco_protocol::SpeakerNumber;
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};

use crate::{
    Error, HeardCounts, Media, PacketRecord, SLOTS,
    audio::RATE_HZ,
    dominant_hz, level_dbfs,
    reception::{Arrived, Heard, Reception},
    red,
    setup::RED_PAYLOAD_TYPE,
};

/// Packets held for a missing one are let go when nothing came for this long.
const HOLD: Duration = Duration::from_millis(100);

/// What a slot played, and which slot.
pub(crate) type Tapped = (usize, Arc<Heard>);

pub(crate) struct Hearing {
    slots: [Mutex<Reception>; SLOTS],
    /// Counts arrivals, so that waiting needs no polling.
    arrivals: watch::Sender<u64>,
    /// The audio level's extension id in the answer; 0 is none.
    level_id: AtomicU8,
    tap: Mutex<Option<mpsc::Sender<Tapped>>>,
    tap_dropped: AtomicU64,
}

impl Media {
    /// What came in a slot so far. Slots are numbered from 0.
    ///
    /// # Panics
    /// If there is no such slot.
    #[must_use]
    pub fn counts(&self, slot: usize) -> HeardCounts {
        self.hearing.slot(slot).counts()
    }

    /// The last 3,000 packets of a slot as they arrived, oldest first.
    ///
    /// # Panics
    /// If there is no such slot.
    #[must_use]
    pub fn packets(&self, slot: usize) -> Vec<PacketRecord> {
        self.hearing.slot(slot).records()
    }

    /// The pitch of what a slot played within the last `window` (at most 2 s), if it is one tone.
    ///
    /// # Panics
    /// If there is no such slot.
    #[must_use]
    pub fn tone_hz(&self, slot: usize, window: Duration) -> Option<f64> {
        whole(self.hearing.slot(slot).pcm(past(window), None), window).and_then(|p| dominant_hz(&p))
    }

    /// The loudness of what a slot played within the last `window` (at most 2 s); nothing if it
    /// played nothing.
    ///
    /// # Panics
    /// If there is no such slot.
    #[must_use]
    pub fn level_dbfs(&self, slot: usize, window: Duration) -> Option<f64> {
        let pcm = self.hearing.slot(slot).pcm(past(window), None);
        (!pcm.is_empty()).then(|| level_dbfs(&pcm))
    }

    /// Packets of one speaker, in whichever slots.
    #[must_use]
    pub fn packets_from(&self, number: SpeakerNumber) -> u64 {
        (0..SLOTS).map(|slot| self.hearing.slot(slot).packets_from(number)).sum()
    }

    /// What one speaker said within the last `window` (at most 2 s): 48 kHz mono.
    #[must_use]
    pub fn pcm_from(&self, number: SpeakerNumber, window: Duration) -> Vec<i16> {
        (0..SLOTS)
            .map(|slot| self.hearing.slot(slot).pcm(past(window), Some(number)))
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
        (0..SLOTS).filter_map(|slot| self.hearing.slot(slot).first_at()).min()
    }

    /// Waits for the first packet in any slot.
    ///
    /// # Errors
    /// [`Error::Timeout`].
    pub async fn wait_for_first_packet(&self, within: Duration) -> Result<Instant, Error> {
        self.until("audio", within, || self.first_packet_at()).await
    }

    /// Everything decoded from now on, with its slot. A reader too slow loses audio, counted.
    pub(crate) fn tap(&self) -> mpsc::Receiver<Tapped> {
        // Four slots, five seconds.
        let (sink, tap) = mpsc::channel(1_000);
        *lock(&self.hearing.tap) = Some(sink);
        tap
    }

    pub(crate) fn tap_dropped(&self) -> u64 {
        self.hearing.tap_dropped.load(Ordering::Relaxed)
    }

    async fn until<T>(
        &self,
        what: &'static str,
        within: Duration,
        mut look: impl FnMut() -> Option<T>,
    ) -> Result<T, Error> {
        let mut arrivals = self.hearing.arrivals.subscribe();
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
}

impl Hearing {
    pub(crate) fn new() -> Result<Self, Error> {
        let mut slots = Vec::with_capacity(SLOTS);
        for _ in 0..SLOTS {
            slots.push(Mutex::new(Reception::new()?));
        }
        Ok(Self {
            slots: slots.try_into().map_err(|_| Error::Unexpected("slots"))?,
            arrivals: watch::Sender::new(0),
            level_id: AtomicU8::new(0),
            tap: Mutex::new(None),
            tap_dropped: AtomicU64::new(0),
        })
    }

    pub(crate) fn set_level_id(&self, id: u8) {
        self.level_id.store(id, Ordering::Relaxed);
    }

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

/// Reads one slot's track until the connection is closed.
pub(crate) async fn read_slot(track: Arc<dyn TrackRemote>, hearing: Arc<Hearing>) {
    let mut slot = None;
    loop {
        let waiting = slot.is_some_and(|slot| hearing.slot(slot).is_waiting());
        let event = if waiting {
            match timeout(HOLD, track.poll()).await {
                Ok(event) => event,
                Err(_) => {
                    let mut heard = Vec::new();
                    if let Some(slot) = slot {
                        hearing.slot(slot).flush(&mut heard);
                        hearing.hand_out(slot, heard);
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
                let level_id = hearing.level_id.load(Ordering::Relaxed);
                let Some(arrived) = arrived(packet, level_id) else { continue };
                let mut heard = Vec::new();
                hearing.slot(slot).push(arrived, &mut heard);
                hearing.hand_out(slot, heard);
            }
            Some(_) => {}
            None => return,
        }
    }
}

/// Nothing if it cannot be taken apart: as good as lost.
fn arrived(packet: rtc::rtp::Packet, level_id: u8) -> Option<Arrived> {
    let header = packet.header;
    let (payload, redundant) = match header.payload_type {
        RED_PAYLOAD_TYPE => red::unwrap(packet.payload)?,
        _ => (packet.payload, None),
    };
    let level = (level_id != 0).then(|| header.get_extension(level_id)).flatten();
    Some(Arrived {
        record: PacketRecord {
            at: Instant::now(),
            sequence: header.sequence_number,
            timestamp_48k: header.timestamp,
            marker: header.marker,
            number: header.csrc.first().copied().map(SpeakerNumber),
            // RFC 6464, section 3: the first bit is voice activity.
            level_dbov: level.and_then(|bytes| bytes.first().map(|byte| byte & 0x7f)),
            payload_bytes: payload.len(),
            redundant: redundant.is_some(),
        },
        payload,
        redundant,
    })
}

fn past(window: Duration) -> Instant {
    let now = Instant::now();
    now.checked_sub(window).unwrap_or(now)
}

/// Nothing unless at least half of the window was heard: a rest of something older is no tone now.
fn whole(pcm: Vec<i16>, window: Duration) -> Option<Vec<i16>> {
    let samples = window.as_secs_f64() * f64::from(RATE_HZ);
    let enough = pcm.len() as f64 * 2.0 >= samples;
    enough.then_some(pcm)
}
