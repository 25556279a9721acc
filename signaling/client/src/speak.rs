//! `palco speak`: onto the stage by hand or by link, and plays a file or a tone.

use std::{
    fs::File,
    io::BufReader,
    path::PathBuf,
    time::{Duration, Instant},
};

use palco_protocol::{
    ClientMessage, DirectEvent, RoomEvent, Snapshot, SpeakerNumber, StageMember, UserId,
};
use serde::Serialize;

use crate::{
    Client, Error, Link, OggOpusReader, OpusFrame, ServerEvent, Tone,
    audio::FRAME_SAMPLES,
    microphone::duration_of,
    presence::{CONNECT_TIMEOUT, goodbye, over, resumed},
};

/// The server says who is on stage right after it accepted; this is only so as not to hang.
const STAGE_TIMEOUT: Duration = Duration::from_secs(10);

/// What is played.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// An Ogg Opus file, its packets untouched.
    OggOpus(PathBuf),
    /// A sine.
    Tone {
        /// Its pitch.
        hz: f64,
        /// How long; absent is until the room ends.
        length: Option<Duration>,
    },
}

/// What was said.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SpeakReport {
    /// Our number on this stage.
    pub number: SpeakerNumber,
    /// From joining to standing on stage, unmuted.
    pub on_stage_ms: u64,
    /// Packets sent.
    pub packets: u64,
    /// Why it ended.
    pub ended: &'static str,
}

/// Joins, raises a hand and waits for an invitation (or takes the standing one that a speaker's
/// link brings), accepts, unmutes, plays, and goes back to the audience. A lost socket is resumed;
/// what is playing plays on meanwhile.
///
/// # Errors
/// If the source cannot be read, the room cannot be joined, the stage is refused, or the room is
/// over before the stage was reached.
pub async fn speak(link: &Link, name: &str, source: Source) -> Result<SpeakReport, Error> {
    // First of all: a bad file must not bother the room.
    let frames = source.open()?;
    let guest = link.server.guest(name).await?;
    let mut client = link.server.connect(&guest.token).await?;
    let joined_at = Instant::now();
    let session = client.join(link.room, link.secret.as_deref()).await?;
    let media = session.media;
    media.connected(CONNECT_TIMEOUT).await?;

    let me = guest.person.id;
    let number = take_stage(&mut client, &session.snapshot, me).await?;
    client.request(ClientMessage::Unmute).await?;
    let on_stage_ms = millis(joined_at.elapsed());

    let before = media.packets_sent();
    let mut playing = std::pin::pin!(media.speak(frames).finished());
    let ended = loop {
        tokio::select! {
            _ = &mut playing => break "played",
            event = client.next_event() => match event {
                None => match resumed(&link.server, &guest.token, &client).await {
                    Some(again) => client = again,
                    None => break "the connection is lost",
                },
                Some(event) => if let Some(why) = over(&event).or_else(|| sent_off(&event, me)) {
                    break why;
                },
            },
        }
    };
    media.mute();
    let packets = media.packets_sent() - before;
    if ended == "played" {
        client.request(ClientMessage::StepDown).await?;
    }
    goodbye(client).await;
    media.close().await?;
    Ok(SpeakReport { number, on_stage_ms, packets, ended })
}

impl Source {
    /// The frames to send. A file's are read ahead of being sent, so a broken file is known first.
    ///
    /// # Errors
    /// [`Error::BadOgg`], [`Error::Io`].
    pub fn open(&self) -> Result<Box<dyn Iterator<Item = OpusFrame> + Send>, Error> {
        match self {
            Self::OggOpus(path) => {
                let file = OggOpusReader::new(BufReader::new(File::open(path)?))?;
                let frames: Vec<OpusFrame> = file.collect::<Result<_, _>>()?;
                Ok(Box::new(frames.into_iter()))
            }
            Self::Tone { hz, length: None } => Ok(Box::new(Tone::new(*hz)?)),
            Self::Tone { hz, length: Some(length) } => {
                let frame_ms = duration_of(FRAME_SAMPLES as u64).as_millis();
                let frames = usize::try_from(length.as_millis() / frame_ms).unwrap_or(usize::MAX);
                Ok(Box::new(Tone::new(*hz)?.take(frames)))
            }
        }
    }
}

/// Waits, as long as it takes, until we are on stage; our number there.
async fn take_stage(
    client: &mut Client,
    snapshot: &Snapshot,
    me: UserId,
) -> Result<SpeakerNumber, Error> {
    if let Some(member) = snapshot.stage.iter().find(|member| member.person.id == me) {
        return Ok(member.number);
    }
    if snapshot.you.invitation.is_none() {
        client.request(ClientMessage::RaiseHand).await?;
        loop {
            let event = client.next_event().await.ok_or(Error::Closed(client.closed().cloned()))?;
            if let Some(why) = over(&event) {
                return Err(Error::Ended(why));
            }
            if matches!(
                event,
                ServerEvent::Direct(DirectEvent::YourInvitation { invitation: Some(_) })
            ) {
                break;
            }
        }
    }
    client.request(ClientMessage::AcceptInvite).await?;
    client.wait_for("place on stage", STAGE_TIMEOUT, |event| on_stage(&event, me)).await
}

fn on_stage(event: &ServerEvent, me: UserId) -> Option<SpeakerNumber> {
    match event {
        ServerEvent::Room(event) => match &event.event {
            RoomEvent::StageUpdated { member: StageMember { person, number, .. } }
                if person.id == me =>
            {
                Some(*number)
            }
            _ => None,
        },
        _ => None,
    }
}

fn sent_off(event: &ServerEvent, me: UserId) -> Option<&'static str> {
    match event {
        ServerEvent::Room(event) => match &event.event {
            RoomEvent::StageLeft { user, .. } if *user == me => Some("no longer on stage"),
            _ => None,
        },
        _ => None,
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
