//! `palco admin`: what operators do, on the running server. No password: whoever can read the data directory is one.

use std::{error::Error, path::PathBuf};

use clap::{Args, Subcommand};
use palco_client::Server;
use palco_protocol::http::Problem;

use crate::tokens::Tokens;

/// What operators do, on the running server.
#[derive(Args)]
pub(super) struct Admin {
    /// The running server
    #[arg(long, env = "PALCO_SERVER", default_value = "http://127.0.0.1:8080", global = true)]
    server: Server,

    /// The server's data directory
    #[arg(long, env = "PALCO_DATA", default_value = "data", global = true)]
    data: PathBuf,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List live rooms, the largest first
    Rooms,
    /// End a room
    EndRoom {
        /// The room's id
        room: String,
    },
    /// Suspend an account: it cannot sign in, and is out of everything at once
    Suspend {
        /// The handle or the id
        person: String,
    },
    /// Lift a suspension
    Unsuspend {
        /// The handle or the id
        person: String,
    },
    /// Make an account an operator
    Grant {
        /// The handle or the id
        person: String,
    },
    /// Make an account an operator no longer
    Revoke {
        /// The handle or the id
        person: String,
    },
    /// List reports that nobody has handled
    Reports,
    /// A report is done with
    Handle {
        /// The report's id
        report: String,
    },
    /// API keys of other products
    #[command(subcommand)]
    Key(Key),
}

#[derive(Subcommand)]
enum Key {
    /// Make a key, and show its secret
    Create {
        /// Whose it is
        name: String,
    },
    /// List keys
    List,
    /// Revoke a key: its tokens work no more
    Revoke {
        /// The key's id
        key: String,
    },
}

pub(super) async fn run(args: Admin) -> Result<(), Box<dyn Error>> {
    let tokens = Tokens::of_server(&args.data).map_err(|error| {
        format!("cannot read the server's key in {}: {error}", args.data.display())
    })?;
    let (method, path, body) = request(args.command);
    let (path, token) = (format!("/api/v1/admin/{path}"), tokens.operator());
    let answer = args.server.http(method, &path, Some(&token), body).await?;
    if !(200..300).contains(&answer.status) {
        let problem: Option<Problem> = serde_json::from_slice(&answer.body).ok();
        return Err(match problem {
            Some(problem) => format!("{} ({})", problem.title, problem.code.as_str()),
            None => format!("the server answered {}", answer.status),
        }
        .into());
    }
    if answer.body.is_empty() {
        return Ok(());
    }
    let answer: serde_json::Value = serde_json::from_slice(&answer.body)?;
    super::print(&serde_json::to_string_pretty(&answer)?);
    Ok(())
}

fn request(command: Command) -> (&'static str, String, Option<Vec<u8>>) {
    let plain = |method, path: String| (method, path, None);
    match command {
        Command::Rooms => plain("GET", "rooms".to_owned()),
        Command::EndRoom { room } => plain("DELETE", format!("rooms/{room}")),
        Command::Suspend { person } => plain("PUT", format!("people/{person}/suspension")),
        Command::Unsuspend { person } => plain("DELETE", format!("people/{person}/suspension")),
        Command::Grant { person } => plain("PUT", format!("people/{person}/operator")),
        Command::Revoke { person } => plain("DELETE", format!("people/{person}/operator")),
        Command::Reports => plain("GET", "reports".to_owned()),
        Command::Handle { report } => plain("PUT", format!("reports/{report}/handled")),
        Command::Key(Key::List) => plain("GET", "keys".to_owned()),
        Command::Key(Key::Revoke { key }) => plain("DELETE", format!("keys/{key}")),
        Command::Key(Key::Create { name }) => {
            let body = serde_json::json!({ "name": name }).to_string();
            ("POST", "keys".to_owned(), Some(body.into_bytes()))
        }
    }
}
