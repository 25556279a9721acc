//! `palco doctor`: looks at everything `palco serve` would need, with the same settings, and says what to do.
//!
//! Nothing is created or changed. With a server running on these settings it looks at that one.

mod checks;

use std::{error::Error, fmt};

use clap::Args;
use serde::Serialize;

use crate::Config;

/// Looks at what `palco serve` would need.
#[derive(Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    config: Config,

    /// A web server to compare this machine's clock with: any address like `https://example.org`
    #[arg(long)]
    time_from: Option<String>,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How well something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Ok,
    /// It works, though perhaps not as meant.
    Warn,
    /// The server would not start, or nobody could use it.
    Fail,
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    subject: &'static str,
    verdict: Verdict,
    /// What was found.
    found: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'static str>,
}

impl Finding {
    fn ok(subject: &'static str, found: impl Into<String>) -> Self {
        Self { subject, verdict: Verdict::Ok, found: found.into(), advice: None }
    }

    fn warn(subject: &'static str, found: impl Into<String>, advice: &'static str) -> Self {
        Self { subject, verdict: Verdict::Warn, found: found.into(), advice: Some(advice) }
    }

    fn fail(subject: &'static str, found: impl Into<String>, advice: &'static str) -> Self {
        Self { subject, verdict: Verdict::Fail, found: found.into(), advice: Some(advice) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Ok => "ok",
            Verdict::Warn => "warn",
            Verdict::Fail => "FAIL",
        };
        write!(f, "{verdict:<5}{:<10}{}", self.subject, self.found)?;
        if let Some(advice) = self.advice {
            write!(f, "\n{:15}-> {advice}", "")?;
        }
        Ok(())
    }
}

/// Fails when something would keep the server from working.
pub(super) async fn run(args: Doctor) -> Result<(), Box<dyn Error>> {
    let findings = checks::all(&args.config, args.time_from.as_deref()).await;
    if args.json {
        super::print(&serde_json::to_string_pretty(&findings)?);
    } else {
        findings.iter().for_each(|finding| super::print(&finding.to_string()));
    }
    match findings.iter().filter(|finding| finding.verdict == Verdict::Fail).count() {
        0 => Ok(()),
        failed => Err(format!("{failed} of {} checks failed", findings.len()).into()),
    }
}
