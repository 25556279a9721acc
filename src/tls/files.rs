//! Certificate files, read again when they change or on SIGHUP. What cannot be used leaves the former ones in place.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};
use tokio_rustls::rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::{TlsError, certificates, key, provider};

/// How often the files are looked at: a renewal is noticed long before the old certificate ends.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// The certificate in use.
#[derive(Debug)]
pub(super) struct Held(RwLock<Arc<CertifiedKey>>);

impl Held {
    pub(super) fn new(certified: CertifiedKey) -> Arc<Self> {
        Arc::new(Self(RwLock::new(Arc::new(certified))))
    }

    fn replace(&self, certified: CertifiedKey) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certified);
    }
}

impl ResolvesServerCert for Held {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// The certificate of a file with the key of another; they must fit.
pub(super) fn load(cert: &Path, key_file: &Path) -> Result<CertifiedKey, TlsError> {
    Ok(CertifiedKey::from_der(certificates(cert)?, key(key_file)?, &provider())?)
}

/// Loads the files and keeps an eye on them. Must be called within a tokio runtime.
pub(super) fn watch(cert: PathBuf, key: PathBuf) -> Result<(Arc<Held>, JoinHandle<()>), TlsError> {
    let held = Held::new(load(&cert, &key)?);
    let mut hangup = signal(SignalKind::hangup()).map_err(|error| TlsError::file(&cert, &error))?;
    let watched = Arc::clone(&held);
    let mut seen = changed_at(&cert, &key).ok();
    let watching = tokio::spawn(async move {
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let asked = tokio::select! {
                _ = look.tick() => false,
                asked = hangup.recv() => asked.is_some(),
            };
            let now = changed_at(&cert, &key).ok();
            if asked || now != seen {
                seen = now;
                match load(&cert, &key) {
                    Ok(certified) => {
                        watched.replace(certified);
                        tracing::info!("the certificate was read again");
                    }
                    // Half written, or a certificate whose key comes next: the next change tells.
                    Err(error) => tracing::warn!("the former certificate stays: {error}"),
                }
            }
        }
    });
    Ok((held, watching))
}

fn changed_at(cert: &Path, key: &Path) -> io::Result<(SystemTime, SystemTime)> {
    let of = |path: &Path| fs::metadata(path)?.modified();
    Ok((of(cert)?, of(key)?))
}
