//! Passwords, hashed with argon2id (RFC 9106) at the parameters OWASP names first: 19 MiB, two passes.
//!
//! A hash takes some 20 ms of a core and 19 MiB on purpose. They run on the blocking pool, two at a time: a flood of
//! sign-ins waits for its turn, or is told `busy`, and never takes the cores that carry audio.

use std::{sync::Arc, time::Duration};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use palco_protocol::ErrorCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Hashes at the same time.
const AT_ONCE: usize = 2;
/// How long one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// Hashes and checks passwords, a bounded number at a time.
#[derive(Clone)]
pub(crate) struct Passwords {
    turns: Arc<Semaphore>,
    /// Of no account: checked where there is none, so that the time does not tell.
    decoy: Arc<str>,
}

impl Passwords {
    pub(crate) fn new() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)), decoy: hash("of no account").into() }
    }

    /// The PHC string to keep.
    pub(crate) async fn hash(&self, password: String) -> Result<String, ErrorCode> {
        self.in_turn(move || hash(&password)).await
    }

    /// Whether `password` is the one of `kept`; without one to compare it takes as long and is false.
    pub(crate) async fn check(
        &self,
        password: String,
        kept: Option<String>,
    ) -> Result<bool, ErrorCode> {
        let decoy = Arc::clone(&self.decoy);
        self.in_turn(move || {
            let known = kept.is_some();
            let text = kept.as_deref().unwrap_or(&decoy);
            let matches = PasswordHash::new(text).is_ok_and(|hash| {
                Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
            });
            known && matches
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ErrorCode> {
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        let turn: OwnedSemaphorePermit =
            turn.map_err(|_| ErrorCode::Busy)?.map_err(|_| ErrorCode::Busy)?;
        let worked = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        worked.await.map_err(|_| ErrorCode::Internal)
    }
}

fn hash(password: &str) -> String {
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.expect("invariant: the default parameters are valid").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_again_by_its_argon2id_hash() {
        let passwords = Passwords::new();
        let kept = passwords.hash("correct horse".to_owned()).await.unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        let check = |password: &str, kept: Option<&str>| {
            let (passwords, password) = (passwords.clone(), password.to_owned());
            let kept = kept.map(str::to_owned);
            async move { passwords.check(password, kept).await.unwrap() }
        };
        assert!(check("correct horse", Some(&kept)).await);
        assert!(!check("correct hors", Some(&kept)).await);
        assert!(!check("correct horse", None).await);
        assert!(!check("of no account", None).await, "nobody signs in with the decoy");
    }
}
