//! Logs: structured, to standard error, without tokens or addresses at the default level.

use tracing_subscriber::{EnvFilter, fmt};

/// Starts logging. `RUST_LOG` chooses what; the default is `info`.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let subscriber = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start (tests in one process) keeps the first subscriber.
    let _ = subscriber.try_init();
}
