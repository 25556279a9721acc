//! `palco listen`: what a listener hears, as an Ogg Opus file.

use std::{
    collections::BTreeSet,
    future::Future,
    io::Write,
    pin::pin,
    time::{Duration, Instant},
};

use palco_protocol::SpeakerNumber;
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    Error, HeardCounts, Link, OggOpusWriter, SLOTS,
    audio::{FRAME_SAMPLES, RATE_HZ},
    presence::{CONNECT_TIMEOUT, goodbye, over, resumed},
    recorder::Recorder,
};

/// How often the recording is written out.
const WRITE_EVERY: Duration = Duration::from_millis(100);

/// What was heard.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ListenReport {
    /// Length of the recording.
    pub seconds: f64,
    /// All slots together.
    pub counts: HeardCounts,
    /// Who was heard, by number.
    pub speakers: BTreeSet<SpeakerNumber>,
    /// Why it ended.
    pub ended: &'static str,
}

/// Joins as a listener and records until `until` completes, the room ends, or we are removed.
/// A lost socket is resumed; the recording goes on meanwhile.
///
/// # Errors
/// If the room cannot be joined, media does not connect, or writing fails.
pub async fn listen(
    link: &Link,
    name: &str,
    writer: impl Write,
    until: impl Future<Output = ()>,
) -> Result<ListenReport, Error> {
    let guest = link.server.guest(name).await?;
    let mut client = link.server.connect(&guest.token).await?;
    let media = client.join(link.room, link.secret.as_deref()).await?.media;
    media.connected(CONNECT_TIMEOUT).await?;

    let mut tap = media.tap();
    let mut recorder = Recorder::new(Instant::now())?;
    let mut file = OggOpusWriter::new(writer, std::process::id())?;
    let mut speakers = BTreeSet::new();
    let mut write_out = interval(WRITE_EVERY);
    write_out.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut until = pin!(until);
    let ended = loop {
        tokio::select! {
            () = &mut until => break "stopped",
            Some((slot, heard)) = tap.recv() => {
                speakers.extend(heard.number);
                recorder.place(slot, &heard);
            }
            _ = write_out.tick() => {
                for packet in recorder.advance(Instant::now())? {
                    file.write(packet, FRAME_SAMPLES as u32)?;
                }
            }
            event = client.next_event() => match event {
                Some(event) => if let Some(why) = over(&event) {
                    break why;
                },
                None => match resumed(&link.server, &guest.token, &client).await {
                    Some(again) => client = again,
                    None => break "the connection is lost",
                },
            },
        }
    };
    for packet in recorder.finish()? {
        file.write(packet, FRAME_SAMPLES as u32)?;
    }
    let seconds = file.samples_48k() as f64 / f64::from(RATE_HZ);
    file.finish()?;
    if media.tap_dropped() > 0 {
        tracing::warn!(frames = media.tap_dropped(), "the recording was too slow and lost audio");
    }
    let counts = (0..SLOTS).map(|slot| media.counts(slot)).fold(HeardCounts::default(), |a, b| {
        HeardCounts {
            packets: a.packets + b.packets,
            lost: a.lost + b.lost,
            late: a.late + b.late,
            concealed_frames: a.concealed_frames + b.concealed_frames,
            recovered_frames: a.recovered_frames + b.recovered_frames,
            undecodable: a.undecodable + b.undecodable,
        }
    });
    goodbye(client).await;
    media.close().await?;
    Ok(ListenReport { seconds, counts, speakers, ended })
}
