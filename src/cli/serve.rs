//! `palco serve`: runs until it is told to stop.

use std::{error::Error, io};

use tokio::signal::unix::{SignalKind, signal};

use crate::{Config, Server};

pub(super) async fn run(config: Config) -> Result<(), Box<dyn Error>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let server = Server::start(config).await?;
    tracing::info!("listening on http://{}", server.address());
    let interrupted: io::Result<()> = tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    };
    interrupted?;
    tracing::info!("stopping");
    server.stop().await;
    Ok(())
}
