//! The command line: one file a group of commands.

mod admin;
mod doctor;
mod native;
mod serve;
mod token;

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand, error::ErrorKind};

use crate::{
    config::{Config, file},
    telemetry::{self, LogFormat},
};

#[derive(Parser)]
#[command(
    name = "palco",
    version,
    about = "Live audio rooms: a stage, an audience, a queue of hands"
)]
struct Cli {
    /// A file with settings of `palco serve`; `palco.toml` in the working directory if there is one
    #[arg(long, global = true, env = "PALCO_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve rooms
    Serve(Box<Config>),
    /// Print a token for somebody of another product
    Token(token::Token),
    /// Look at what `palco serve` would need, and say what to do
    Doctor(Box<doctor::Doctor>),
    /// List and end rooms, suspend accounts, make API keys
    Admin(admin::Admin),
    /// Listen to a room and write what is heard as Ogg Opus
    Listen(native::Listen),
    /// Speak into a room: raises a hand, waits for the invitation, plays
    Speak(native::Speak),
    /// Measure how long it takes until a room is heard
    Probe(native::Probe),
}

/// The `palco` command.
#[must_use]
pub fn main() -> ExitCode {
    let cli = parse(std::env::args_os().collect()).unwrap_or_else(|error| error.exit());
    let (level, format) = match &cli.command {
        // A stranger's handshake must not write the log.
        Command::Serve(config) => ("info,rtc_dtls=error", config.log_format),
        // Their report is what they are run for.
        _ => ("warn,rtc_dtls=error", LogFormat::Text),
    };
    telemetry::start(level, format);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run(cli.command)),
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The command line, completed with the settings file.
fn parse(mut given: Vec<OsString>) -> Result<Cli, clap::Error> {
    let wrong = |what: String| Cli::command().error(ErrorKind::InvalidValue, what);
    let added =
        file::arguments(&Cli::command(), &given).map_err(|error| wrong(error.to_string()))?;
    let Some((path, added)) = added else { return Cli::try_parse_from(given) };
    let alone = given.clone();
    given.extend(added);
    Cli::try_parse_from(given).map_err(|error| match Cli::try_parse_from(alone) {
        Ok(_) => wrong(format!("{}: {}", path.display(), error.render())),
        Err(error) => error,
    })
}

async fn run(command: Command) -> Result<(), Box<dyn std::error::Error>> {
    match command {
        Command::Serve(config) => serve::run(*config).await,
        Command::Token(token) => token::run(token),
        Command::Doctor(doctor) => doctor::run(*doctor).await,
        Command::Admin(admin) => admin::run(admin).await,
        Command::Listen(listen) => native::listen(listen).await,
        Command::Speak(speak) => native::speak(speak).await,
        Command::Probe(probe) => native::probe(probe).await,
    }
}

#[expect(clippy::print_stdout, reason = "the report is the command's output")]
fn print(text: &str) {
    println!("{text}");
}
