//! `palco listen`, `palco speak`, `palco probe`: the native client behind a command line.

use std::{error::Error, fs::File, io::BufWriter, path::PathBuf, time::Duration};

use clap::Args;
use palco_client::{Link, Source};
use serde::Serialize;

/// Which room.
#[derive(Args)]
struct Place {
    /// The room's link: <http://host/r/room>, or <http://host/r/room#secret>
    link: Link,
    /// Whom to trust for HTTPS, PEM: a private authority, or the server's own certificate; if not given, whom this
    /// machine trusts
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

impl Place {
    fn link(self) -> Result<Link, Box<dyn Error>> {
        let mut link = self.link;
        if let Some(file) = self.ca {
            link.server = link.server.trusting(&std::fs::read(file)?)?;
        }
        Ok(link)
    }
}

/// Listen to a room and write what is heard as Ogg Opus.
#[derive(Args)]
pub(super) struct Listen {
    #[command(flatten)]
    place: Place,
    /// Where to write
    file: PathBuf,
    /// The name that others see
    #[arg(long, default_value = "Recorder")]
    name: String,
    /// Stop after so many seconds; else when the room ends, or on Ctrl-C
    #[arg(long)]
    seconds: Option<u64>,
}

/// Speak into a room.
#[derive(Args)]
pub(super) struct Speak {
    #[command(flatten)]
    place: Place,
    /// An Ogg Opus file to play
    #[arg(required_unless_present = "tone")]
    file: Option<PathBuf>,
    /// Play a tone of this many Hz instead
    #[arg(long, conflicts_with = "file")]
    tone: Option<f64>,
    /// How long the tone lasts; else until the room ends
    #[arg(long, requires = "tone")]
    seconds: Option<u64>,
    /// The name that others see
    #[arg(long, default_value = "Player")]
    name: String,
}

/// Measure how long it takes until a room is heard.
#[derive(Args)]
pub(super) struct Probe {
    #[command(flatten)]
    place: Place,
}

pub(super) async fn listen(args: Listen) -> Result<(), Box<dyn Error>> {
    let writer = BufWriter::new(File::create(&args.file)?);
    let until = async {
        match args.seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => {
                // Without a handler for Ctrl-C, it ends the process instead.
                let _ = tokio::signal::ctrl_c().await;
            }
        }
    };
    report(&palco_client::listen(&args.place.link()?, &args.name, writer, until).await?)
}

pub(super) async fn speak(args: Speak) -> Result<(), Box<dyn Error>> {
    let source = match (args.file, args.tone) {
        (Some(file), _) => Source::OggOpus(file),
        (None, tone) => Source::Tone {
            hz: tone.unwrap_or(440.0),
            length: args.seconds.map(Duration::from_secs),
        },
    };
    report(&palco_client::speak(&args.place.link()?, &args.name, source).await?)
}

pub(super) async fn probe(args: Probe) -> Result<(), Box<dyn Error>> {
    report(&palco_client::probe(&args.place.link()?).await?)
}

fn report(report: &impl Serialize) -> Result<(), Box<dyn Error>> {
    super::print(&serde_json::to_string_pretty(report)?);
    Ok(())
}
