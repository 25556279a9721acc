//! The load generator against a server that runs already.

use std::error::Error;
use std::io::Write;

use clap::Parser;
use palco_benches::load::{self, Options};

/// Joins listeners and speakers, measures what they hear and what it costs the server
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let report = load::run(&arguments.options)?;
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        write!(out, "{report}")?;
    }
    Ok(())
}
