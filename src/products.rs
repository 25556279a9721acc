//! Other products' tokens: a JWT signed with an API key's secret says who one of their people is and what they may do.
//!
//! A key's secret is derived from the server's own key and the key's id: the database holds nothing to steal, and
//! `palco token` needs none of it. Whoever has the data directory's `token.key` has all secrets.

use std::time::{Duration, Instant};

use aws_lc_rs::{digest, hmac};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, dangerous::insecure_decode_claims,
    errors::ErrorKind, get_current_timestamp,
};
use palco_protocol::{ErrorCode, Person, RoomId, UserId, limits};
use palco_signaling::{Grants, Identified};
use serde::{Deserialize, Serialize};
use uuid::Builder;

use crate::{secrets::hex, tokens::AUDIENCE};

/// What an API key's id begins with.
pub(crate) const KEY_PREFIX: &str = "palco_k_";
/// A token is for a visit: it cannot be taken back but with its whole key.
pub(crate) const LIFE_MAX: Duration = Duration::from_hours(24);
/// The largest legitimate one measures some 400 bytes.
const TOKEN_MAX_BYTES: usize = 4_096;
/// The other product's own name of somebody.
const SUBJECT_MAX_CHARS: usize = 200;
/// Two machines' clocks differ.
const LEEWAY_S: u64 = 5;

/// What a token says. `docs/tokens.md` is for those who write them.
#[derive(Serialize, Deserialize)]
pub(crate) struct Claims {
    /// The API key.
    pub(crate) iss: String,
    /// Who, in the product's own terms.
    pub(crate) sub: String,
    /// The display name.
    pub(crate) name: String,
    pub(crate) aud: String,
    pub(crate) exp: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nbf: Option<u64>,
    pub(crate) grants: GrantClaims,
}

/// What is not granted is refused; a misspelt grant is no token.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct GrantClaims {
    /// A room's id; `*` or nothing: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) room: Option<String>,
    pub(crate) join: bool,
    pub(crate) speak: bool,
    pub(crate) host: bool,
}

/// The API key that a token says it is signed with; nothing is checked yet.
pub(crate) fn issuer(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Issuer {
        iss: String,
    }
    if token.len() > TOKEN_MAX_BYTES {
        return None;
    }
    let Issuer { iss } = insecure_decode_claims(token).ok()?;
    iss.starts_with(KEY_PREFIX).then_some(iss)
}

/// What the product signs with: these characters, as they are.
pub(crate) fn secret(server: &hmac::Key, key: &str) -> String {
    hex(hmac::sign(server, format!("api key {key}").as_bytes()).as_ref())
}

/// Signs what the claims say.
pub(crate) fn sign(claims: &Claims, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key)
        .expect("invariant: claims serialise and the key is symmetric")
}

/// Whose token this is and what it grants. `secret` is that of the key which [`issuer`] named.
pub(crate) fn check(token: &str, secret: &str) -> Result<Identified, ErrorCode> {
    // One algorithm, whatever the token's header asks for.
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["exp", "aud", "sub", "iss"]);
    validation.validate_nbf = true;
    validation.leeway = LEEWAY_S;
    let key = DecodingKey::from_secret(secret.as_bytes());
    let checked = jsonwebtoken::decode::<Claims>(token, &key, &validation);
    let claims = checked.map_err(|error| match error.kind() {
        ErrorKind::ExpiredSignature => ErrorCode::TokenExpired,
        _ => ErrorCode::Unauthorized,
    })?;
    let claims = claims.claims;
    let name = claims.name.trim();
    let named = (1..=limits::NAME_MAX_CHARS).contains(&name.chars().count())
        && !name.chars().any(char::is_control);
    let subject = (1..=SUBJECT_MAX_CHARS).contains(&claims.sub.chars().count());
    let left_s = claims.exp.saturating_add(LEEWAY_S).saturating_sub(get_current_timestamp());
    if !named || !subject || left_s > LIFE_MAX.as_secs() + 2 * LEEWAY_S {
        return Err(ErrorCode::Unauthorized);
    }
    // From here on the clock may be set: what counts is the time that passes.
    let until = Some(Instant::now() + Duration::from_secs(left_s));
    let person = Person {
        id: user(&claims.iss, &claims.sub),
        name: name.to_owned(),
        handle: None,
        headline: None,
        avatar: None,
        guest: false,
    };
    let room = match claims.grants.room.as_deref() {
        None | Some("*") => None,
        Some(room) => Some(room.parse::<RoomId>().map_err(|_| ErrorCode::Unauthorized)?),
    };
    let GrantClaims { join, speak, host, .. } = claims.grants;
    let grants = Some(Grants { product: claims.iss, room, join, speak, host });
    Ok(Identified { person, grants, until })
}

/// The same person of the same key has always the same id: a UUIDv8 (RFC 9562, section 5.8), which no account has.
fn user(key: &str, subject: &str) -> UserId {
    let named = digest::digest(&digest::SHA256, format!("{key}\n{subject}").as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&named.as_ref()[..16]);
    UserId(Builder::from_custom_bytes(bytes).into_uuid())
}

#[cfg(test)]
mod tests;
