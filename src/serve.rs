//! HTTP/1.1 on the listener's connections, each with deadlines: who opens one and says nothing, or says it a byte at a
//! time, holds a descriptor and a task for half a minute and no longer.
//!
//! HTTP/2 is not spoken: nothing here needs it, and a WebSocket takes a connection of its own.

use std::{net::SocketAddr, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo, serve::Listener as _};
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1::Builder,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{sync::watch, task::JoinSet, time::timeout};

use crate::listener::{Listener, Stream};

/// How long a client may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadlines {
    /// From the connection's beginning, or from the answer before, until a request's head is here.
    pub(crate) head: Duration,
    /// From there until the answer: the largest picture over a slow line, a database that is waited for.
    pub(crate) request: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { head: Duration::from_secs(30), request: Duration::from_mins(2) }
    }
}

/// Serves until `stop` says so or is gone; then what was asked is still answered.
pub(crate) async fn serve(
    mut listener: Listener,
    router: Router,
    deadlines: Deadlines,
    mut stop: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            (stream, from) = listener.accept() => {
                connections.spawn(talk(stream, from, router.clone(), deadlines, stop.clone()));
            }
            Some(_) = connections.join_next() => {}
            () = told(&mut stop) => break,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn told(stop: &mut watch::Receiver<bool>) {
    // An error means that the server was dropped: stop as well.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn talk(
    stream: Stream,
    from: SocketAddr,
    router: Router,
    deadlines: Deadlines,
    mut stop: watch::Receiver<bool>,
) {
    // Answers and events are small and wanted now (RFC 896's coalescing would hold them back).
    let _ = stream.tcp().set_nodelay(true);
    let router = TowerToHyperService::new(router);
    let answer = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(from));
        let answer = timeout(deadlines.request, router.call(request.map(Body::new)));
        // Too late is no answer: the connection ends.
        async { answer.await.map(|Ok(answer)| answer) }
    });
    let connection = Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(deadlines.head)
        .serve_connection(TokioIo::new(stream), answer)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // What went wrong with it is its client's concern.
        _ = connection.as_mut() => return,
        () = told(&mut stop) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

#[cfg(test)]
mod tests;
