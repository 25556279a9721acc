//! `palco token`: prints a token of another product's, as that product would make it.

use std::{error::Error, path::PathBuf};

use clap::Args;
use jsonwebtoken::get_current_timestamp;

use crate::{
    products::{self, Claims, GrantClaims},
    tokens::{AUDIENCE, Tokens},
};

/// A token signed with an API key.
#[derive(Args)]
pub(super) struct Token {
    /// The API key: `palco admin key create`
    #[arg(long)]
    key: String,

    /// The key's secret; if not given, it is derived from the server's data directory
    #[arg(long, env = "PALCO_API_SECRET", hide_env_values = true)]
    secret: Option<String>,

    /// The server's data directory
    #[arg(long, env = "PALCO_DATA", default_value = "data")]
    data: PathBuf,

    /// Who, in your product's own terms
    #[arg(long)]
    user: String,

    /// The name that others see
    #[arg(long)]
    name: String,

    /// The one room it is for; any if not given
    #[arg(long)]
    room: Option<String>,

    /// May ask for the stage, and is invited to it in your product's own rooms
    #[arg(long)]
    speak: bool,

    /// May open rooms, and is a moderator in your product's own
    #[arg(long)]
    host: bool,

    /// How long it works
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=24 * 60))]
    minutes: u64,
}

pub(super) fn run(args: Token) -> Result<(), Box<dyn Error>> {
    let secret = match args.secret {
        Some(secret) => secret,
        None => {
            let tokens = Tokens::of_server(&args.data).map_err(|error| {
                format!("cannot read the server's key in {}: {error}", args.data.display())
            })?;
            products::secret(tokens.root(), &args.key)
        }
    };
    let claims = Claims {
        iss: args.key,
        sub: args.user,
        name: args.name,
        aud: AUDIENCE.to_owned(),
        exp: get_current_timestamp() + args.minutes * 60,
        nbf: None,
        grants: GrantClaims { room: args.room, join: true, speak: args.speak, host: args.host },
    };
    let token = products::sign(&claims, &secret);
    // What the server would refuse is not printed.
    products::check(&token, &secret)
        .map_err(|_| "such a token is not valid: see docs/tokens.md")?;
    super::print(&token);
    Ok(())
}
