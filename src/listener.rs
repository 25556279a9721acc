//! The connections under HTTP: TCP, or TLS over it. Handshakes go on side by side, so that one who does not finish theirs
//! keeps nobody waiting.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig, server::TlsStream};

use crate::tls::ACME_ALPN;

/// Longer than a lost ClientHello takes to be sent again, twice.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Handshakes at a time; others wait in the kernel's queue.
const HANDSHAKES_MAX: usize = 4096;

/// A client's connection.
pub(crate) enum Stream {
    Plain(TcpStream),
    /// Boxed: TLS has a kilobyte of state that plain connections should not carry.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// What is underneath, for the socket's options.
    pub(crate) fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => tls.get_ref().0,
        }
    }
}

/// Accepts clients' connections.
pub(crate) struct Listener {
    tcp: TcpListener,
    tls: Option<TlsAcceptor>,
    handshakes: JoinSet<Option<(Stream, SocketAddr)>>,
}

impl Listener {
    pub(crate) fn new(tcp: TcpListener, tls: Option<Arc<ServerConfig>>) -> Self {
        Self { tcp, tls: tls.map(TlsAcceptor::from), handshakes: JoinSet::new() }
    }
}

impl axum::serve::Listener for Listener {
    type Io = Stream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Stream, SocketAddr) {
        loop {
            tokio::select! {
                // Also waits out what accepting runs into: no file descriptors.
                (tcp, from) = axum::serve::Listener::accept(&mut self.tcp),
                    if self.handshakes.len() < HANDSHAKES_MAX =>
                {
                    let Some(acceptor) = self.tls.clone() else { return (Stream::Plain(tcp), from) };
                    self.handshakes.spawn(async move { Some((shake(acceptor, tcp).await?, from)) });
                }
                Some(done) = self.handshakes.join_next() => {
                    // Who does not manage a handshake is nobody's concern.
                    if let Ok(Some(accepted)) = done {
                        return accepted;
                    }
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

async fn shake(acceptor: TlsAcceptor, tcp: TcpStream) -> Option<Stream> {
    let tls = timeout(HANDSHAKE, acceptor.accept(tcp)).await.ok()?.ok()?;
    // An authority that checks the name has seen what it came for.
    let for_us = tls.get_ref().1.alpn_protocol() != Some(ACME_ALPN);
    for_us.then(|| Stream::Tls(Box::new(tls)))
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buffer),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write_vectored(cx, parts),
            Self::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, parts),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(tcp) => tcp.is_write_vectored(),
            Self::Tls(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
