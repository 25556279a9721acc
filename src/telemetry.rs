//! Logs: structured, to standard error, without tokens or addresses at the default level.

use clap::ValueEnum;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{EnvFilter, filter::Directive, fmt};

/// Libraries that print secrets when asked for details: whole frames with the token of `hello`, ICE passwords. They
/// stay at `info` whatever `RUST_LOG` says.
const TALKATIVE: [&str; 4] = ["tungstenite", "tokio_tungstenite", "rtc_ice", "hyper"];

/// How a line of the log is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// An object each, for programs.
    Json,
}

/// Starts logging. `RUST_LOG` chooses what; `default` is what it is without.
pub(crate) fn start(default: &str, format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let filter = TALKATIVE
        .iter()
        .fold(filter, |filter, target| filter.add_directive(cap(target, LevelFilter::INFO)));
    let subscriber = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start (tests in one process) keeps the first subscriber.
    let _ = match format {
        LogFormat::Text => subscriber.try_init(),
        LogFormat::Json => subscriber.json().try_init(),
    };
}

fn cap(target: &str, level: LevelFilter) -> Directive {
    format!("{target}={level}").parse().expect("invariant: a target and a level are a directive")
}
