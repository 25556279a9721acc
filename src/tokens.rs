//! The server's own signed tokens: guests', each the whole of a guest's identity, and operators'.

use std::{fs, io, path::Path, sync::Arc, time::Duration};

use aws_lc_rs::hmac;
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, errors::ErrorKind,
    get_current_timestamp,
};
use palco_protocol::{ErrorCode, Person, UserId, http::Guest};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A guest comes back under the same name for a day.
const GUEST_TOKEN_LIFE: Duration = Duration::from_hours(24);
/// Says what the token is for: another service's token with the same key is not ours.
pub(crate) const AUDIENCE: &str = "palco";
/// An operator's token, made by `palco admin` from the data directory's key, is used at once.
const OPERATOR_TOKEN_LIFE: Duration = Duration::from_mins(1);
const OPERATOR_AUDIENCE: &str = "palco-operator";
/// In the data directory.
pub(crate) const KEY_FILE: &str = "token.key";
/// As long as the output of the HMAC's hash, as RFC 7518 section 3.2 asks.
const KEY_BYTES: usize = 32;

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: UserId,
    name: String,
    aud: String,
    exp: u64,
}

#[derive(Serialize, Deserialize)]
struct OperatorClaims {
    aud: String,
    exp: u64,
}

/// Signs and checks tokens.
#[derive(Clone)]
pub(crate) struct Tokens {
    keys: Arc<Keys>,
}

struct Keys {
    sign: EncodingKey,
    check: DecodingKey,
    validation: Validation,
    /// What other secrets are derived from.
    root: hmac::Key,
    operator: Vec<u8>,
}

impl Tokens {
    /// Reads the signing key from the data directory, or makes one.
    pub(crate) fn open(data: &Path) -> io::Result<Self> {
        let path = data.join(KEY_FILE);
        let key = match fs::read(&path) {
            Ok(key) if key.len() == KEY_BYTES => key,
            Ok(_) => {
                let what = format!("{} is not a {KEY_BYTES}-byte key", path.display());
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => create_key(&path)?,
            Err(error) => return Err(error),
        };
        Ok(Self::new(&key))
    }

    /// Of a server that has run already: a missing key is an error.
    pub(crate) fn of_server(data: &Path) -> io::Result<Self> {
        fs::metadata(data.join(KEY_FILE))?;
        Self::open(data)
    }

    fn new(key: &[u8]) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "aud", "sub"]);
        validation.leeway = 0;
        let root = hmac::Key::new(hmac::HMAC_SHA256, key);
        let keys = Keys {
            sign: EncodingKey::from_secret(key),
            check: DecodingKey::from_secret(key),
            validation,
            operator: hmac::sign(&root, b"operators").as_ref().to_vec(),
            root,
        };
        Self { keys: Arc::new(keys) }
    }

    /// What other secrets are derived from.
    pub(crate) fn root(&self) -> &hmac::Key {
        &self.keys.root
    }

    /// Lets whoever can read the data directory do what operators do, for a minute.
    pub(crate) fn operator(&self) -> String {
        let claims = OperatorClaims {
            aud: OPERATOR_AUDIENCE.to_owned(),
            exp: get_current_timestamp() + OPERATOR_TOKEN_LIFE.as_secs(),
        };
        let key = EncodingKey::from_secret(&self.keys.operator);
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)
            .expect("invariant: claims serialise and the key is symmetric")
    }

    /// Whether it is an operator's token that has not expired.
    pub(crate) fn is_operator(&self, token: &str) -> bool {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[OPERATOR_AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "aud"]);
        validation.leeway = 0;
        let key = DecodingKey::from_secret(&self.keys.operator);
        jsonwebtoken::decode::<OperatorClaims>(token, &key, &validation).is_ok()
    }

    /// A new person of this name, and their token.
    pub(crate) fn guest(&self, name: String) -> Guest {
        let person = guest(UserId(Uuid::now_v7()), name);
        let claims = Claims {
            sub: person.id,
            name: person.name.clone(),
            aud: AUDIENCE.to_owned(),
            exp: get_current_timestamp() + GUEST_TOKEN_LIFE.as_secs(),
        };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.keys.sign)
            .expect("invariant: claims serialise and the key is symmetric");
        Guest { token, person }
    }

    /// Whose token this is.
    pub(crate) fn person(&self, token: &str) -> Result<Person, ErrorCode> {
        let checked =
            jsonwebtoken::decode::<Claims>(token, &self.keys.check, &self.keys.validation);
        match checked {
            Ok(data) => Ok(guest(data.claims.sub, data.claims.name)),
            Err(error) if *error.kind() == ErrorKind::ExpiredSignature => {
                Err(ErrorCode::TokenExpired)
            }
            Err(_) => Err(ErrorCode::Unauthorized),
        }
    }
}

fn guest(id: UserId, name: String) -> Person {
    Person { id, name, handle: None, headline: None, avatar: None, guest: true }
}

fn create_key(path: &Path) -> io::Result<Vec<u8>> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    // Two random UUIDs carry 244 bits of the operating system's randomness.
    let mut key = Uuid::new_v4().as_bytes().to_vec();
    key.extend_from_slice(Uuid::new_v4().as_bytes());
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(&key)?;
    file.sync_all()?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(name: &str) -> Tokens {
        let data = std::env::temp_dir().join(format!("palco-tokens-{name}-{}", Uuid::new_v4()));
        fs::create_dir_all(&data).unwrap();
        let tokens = Tokens::open(&data).unwrap();
        let again = Tokens::open(&data).unwrap();
        let guest = tokens.guest("Ada".to_owned());
        assert_eq!(again.person(&guest.token), Ok(guest.person), "the key is kept");
        fs::remove_dir_all(&data).unwrap();
        tokens
    }

    fn signed(tokens: &Tokens, header: &Header, change: impl FnOnce(&mut Claims)) -> String {
        let mut claims = Claims {
            sub: UserId(Uuid::now_v7()),
            name: "Ada".to_owned(),
            aud: AUDIENCE.to_owned(),
            exp: get_current_timestamp() + 60,
        };
        change(&mut claims);
        jsonwebtoken::encode(header, &claims, &tokens.keys.sign).unwrap()
    }

    #[test]
    fn expired_foreign_and_forged_tokens_are_refused() {
        let ours = tokens("ours");
        let theirs = tokens("theirs");
        let header = Header::new(Algorithm::HS256);
        assert!(ours.person(&signed(&ours, &header, |_| {})).is_ok());
        let expired = signed(&ours, &header, |claims| claims.exp = get_current_timestamp() - 2);
        assert_eq!(ours.person(&expired), Err(ErrorCode::TokenExpired));
        let foreign = signed(&theirs, &header, |_| {});
        assert_eq!(ours.person(&foreign), Err(ErrorCode::Unauthorized));
        let audience = signed(&ours, &header, |claims| claims.aud = "other".to_owned());
        assert_eq!(ours.person(&audience), Err(ErrorCode::Unauthorized));
        let algorithm = signed(&ours, &Header::new(Algorithm::HS512), |_| {});
        assert_eq!(ours.person(&algorithm), Err(ErrorCode::Unauthorized));
    }

    #[test]
    fn an_operators_token_is_nobody_elses_and_nobody_elses_is_an_operators() {
        let (ours, theirs) = (tokens("operator"), tokens("other"));
        assert!(ours.is_operator(&ours.operator()));
        assert!(!ours.is_operator(&theirs.operator()));
        assert_eq!(ours.person(&ours.operator()), Err(ErrorCode::Unauthorized));
        assert!(!ours.is_operator(&ours.guest("Ada".to_owned()).token));
        // The guests' key signs no operator's token, whatever it says.
        let claims = OperatorClaims { aud: OPERATOR_AUDIENCE.to_owned(), exp: u64::MAX / 2 };
        let header = Header::new(Algorithm::HS256);
        let forged = jsonwebtoken::encode(&header, &claims, &ours.keys.sign).unwrap();
        assert!(!ours.is_operator(&forged));
        let stale = OperatorClaims { exp: get_current_timestamp() - 2, ..claims };
        let key = EncodingKey::from_secret(&ours.keys.operator);
        assert!(!ours.is_operator(&jsonwebtoken::encode(&header, &stale, &key).unwrap()));
    }

    #[test]
    fn alg_none_is_refused() {
        let tokens = tokens("none");
        let valid = signed(&tokens, &Header::new(Algorithm::HS256), |_| {});
        let payload = valid.split('.').nth(1).unwrap();
        // {"alg":"none","typ":"JWT"} in base64url.
        let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}.");
        assert_eq!(tokens.person(&unsigned), Err(ErrorCode::Unauthorized));
        assert_eq!(tokens.person("nonsense"), Err(ErrorCode::Unauthorized));
        assert_eq!(tokens.person(""), Err(ErrorCode::Unauthorized));
    }
}
