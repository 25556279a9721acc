//! `palco serve`: runs until it is told to stop.

use std::{error::Error, time::Duration};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{Config, Server};

pub(super) async fn run(config: Config) -> Result<(), Box<dyn Error>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let drain = Duration::from_secs(config.drain_s);
    let server = Server::start(config).await?;
    let scheme = if server.is_tls() { "https" } else { "http" };
    tracing::info!("listening on {scheme}://{}", server.address());
    told(&mut terminate, &mut interrupt).await;
    tracing::info!(
        "draining: rooms may go on for {} s; a second signal ends them",
        drain.as_secs()
    );
    tokio::select! {
        () = server.drain(drain) => {}
        () = told(&mut terminate, &mut interrupt) => {}
    }
    tracing::info!("stopping");
    server.stop().await;
    Ok(())
}

/// Waits to be told to end: by a service manager, or Ctrl-C.
async fn told(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
