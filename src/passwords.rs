//! Passwords, hashed with argon2id (RFC 9106) at the parameters OWASP names first: 19 MiB, two passes.
//!
//! A hash takes some 20 ms of a core and 19 MiB on purpose. Two threads do them and nothing else: a flood of sign-ins
//! waits for its turn, or is told `busy`, and never takes the cores that carry audio. Each has its 19 MiB and keeps them:
//! asked for anew for each hash they leave holes that the allocator does not fill, and a flood leaves a gigabyte behind.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use palco_protocol::ErrorCode;
use tokio::sync::{Semaphore, oneshot};

/// Hashes at the same time.
const AT_ONCE: usize = 2;
/// How long one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a hash is made in.
type Memory = Vec<Block>;
type Work = Box<dyn FnOnce(&mut Memory) + Send>;

/// Hashes and checks passwords, a bounded number at a time.
#[derive(Clone)]
pub(crate) struct Passwords {
    turns: Arc<Semaphore>,
    /// Holds no more than there are turns. The threads end with it.
    work: mpsc::Sender<Work>,
    /// Of no account: checked where there is none, so that the time does not tell.
    decoy: Arc<str>,
}

impl Passwords {
    pub(crate) fn new() -> Self {
        let (work, waiting) = mpsc::channel();
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..AT_ONCE {
            let waiting = Arc::clone(&waiting);
            thread::spawn(move || toil(&waiting));
        }
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        Self { turns, work, decoy: hash("of no account", &mut Memory::new()).into() }
    }

    /// The PHC string to keep.
    pub(crate) async fn hash(&self, password: String) -> Result<String, ErrorCode> {
        self.in_turn(move |memory| hash(&password, memory)).await
    }

    /// Whether `password` is the one of `kept`; without one to compare it takes as long and is false.
    pub(crate) async fn check(
        &self,
        password: String,
        kept: Option<String>,
    ) -> Result<bool, ErrorCode> {
        let decoy = Arc::clone(&self.decoy);
        self.in_turn(move |memory| {
            let known = kept.is_some();
            let matches = matches(&password, kept.as_deref().unwrap_or(&decoy), memory);
            known && matches == Some(true)
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, ErrorCode> {
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.map_err(|_| ErrorCode::Busy)?.map_err(|_| ErrorCode::Busy)?;
        let (done, result) = oneshot::channel();
        let work = Box::new(move |memory: &mut Memory| {
            let _turn = turn;
            // Who asked may be gone.
            let _ = done.send(work(memory));
        });
        self.work.send(work).map_err(|_| ErrorCode::Internal)?;
        result.await.map_err(|_| ErrorCode::Internal)
    }
}

fn toil(waiting: &Mutex<mpsc::Receiver<Work>>) {
    let mut memory = Memory::new();
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(work) = next else { return };
        // A panic, which is a bug, costs one answer.
        let _ = catch_unwind(AssertUnwindSafe(|| work(&mut memory)));
    }
}

fn hash(password: &str, memory: &mut Memory) -> String {
    let mut salt = [0; Salt::RECOMMENDED_LENGTH];
    aws_lc_rs::rand::fill(&mut salt).expect("invariant: the system gives randomness");
    let argon2 = Argon2::default();
    let output = output(&argon2, password, &salt, memory);
    let phc = PasswordHash {
        algorithm: Algorithm::default().ident(),
        version: Some(Version::default().into()),
        params: ParamsString::try_from(argon2.params())
            .expect("invariant: the default parameters can be written"),
        salt: Some(Salt::new(&salt).expect("invariant: as long as recommended")),
        hash: Some(output.expect("invariant: the default parameters are valid")),
    };
    phc.to_string()
}

/// Nothing if what was kept is no hash of ours.
fn matches(password: &str, kept: &str, memory: &mut Memory) -> Option<bool> {
    let kept = PasswordHash::new(kept).ok()?;
    let algorithm = Algorithm::try_from(kept.algorithm.as_str()).ok()?;
    let version = Version::try_from(kept.version?).ok()?;
    let argon2 = Argon2::new(algorithm, version, Params::try_from(&kept).ok()?);
    let output = output(&argon2, password, kept.salt.as_ref()?, memory)?;
    // Compared in constant time.
    Some(kept.hash? == output)
}

fn output(argon2: &Argon2<'_>, password: &str, salt: &[u8], memory: &mut Memory) -> Option<Output> {
    let params = argon2.params();
    let mut output = vec![0; params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN)];
    memory.resize(params.block_count(), Block::default());
    let hashed =
        argon2.hash_password_into_with_memory(password.as_bytes(), salt, &mut output, memory);
    hashed.ok().and_then(|()| Output::new(&output).ok())
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
