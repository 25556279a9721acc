//! What the server of this process has logged, at the level operators see.

use std::{
    io,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Kept {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

static KEPT: OnceLock<Kept> = OnceLock::new();

/// From now on; what other tests of this process cause is kept too.
pub(super) fn keep() {
    KEPT.get_or_init(|| {
        let kept = Kept::default();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new("info,rtc_dtls=error"))
            .with_ansi(false)
            .with_writer(kept.clone());
        assert!(subscriber.try_init().is_ok(), "nobody else of this process logs");
        kept
    });
}

/// The lines with this in them.
pub(super) fn lines(with: &str) -> usize {
    let kept = KEPT.get().expect("kept");
    let bytes = kept.0.lock().unwrap_or_else(PoisonError::into_inner);
    String::from_utf8_lossy(&bytes).lines().filter(|line| line.contains(with)).count()
}
