//! The connections under HTTP: TCP, or TLS over it. Handshakes go on side by side, so that one who does not finish theirs
//! keeps nobody waiting.

use std::{
    collections::VecDeque,
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
    task::{AbortHandle, JoinSet},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig, server::TlsStream};

use crate::{
    connections::{Connections, Place},
    tls::ACME_ALPN,
};

/// Longer than a lost ClientHello takes to be sent again, twice.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Handshakes at a time. When there are more the oldest is given up: whoever means it is done in a moment, and a flood of
/// those who do not would else keep everybody waiting.
const HANDSHAKES_MAX: usize = 4096;

/// A client's connection.
pub(crate) struct Stream {
    kind: Kind,
    /// Its address's, unless it is a trusted proxy's.
    _place: Option<Place>,
}

enum Kind {
    Plain(TcpStream),
    /// Boxed: TLS has a kilobyte of state that plain connections should not carry.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// What is underneath, for the socket's options.
    pub(crate) fn tcp(&self) -> &TcpStream {
        match &self.kind {
            Kind::Plain(tcp) => tcp,
            Kind::Tls(tls) => tls.get_ref().0,
        }
    }
}

/// Accepts clients' connections.
pub(crate) struct Listener {
    tcp: TcpListener,
    tls: Option<TlsAcceptor>,
    connections: Connections,
    handshakes: JoinSet<Option<(Stream, SocketAddr)>>,
    /// As they came; some may be done.
    by_age: VecDeque<AbortHandle>,
    most: usize,
}

impl Listener {
    pub(crate) fn new(
        tcp: TcpListener,
        tls: Option<Arc<ServerConfig>>,
        connections: Connections,
    ) -> Self {
        Self {
            tcp,
            tls: tls.map(TlsAcceptor::from),
            connections,
            handshakes: JoinSet::new(),
            by_age: VecDeque::new(),
            most: HANDSHAKES_MAX,
        }
    }

    fn begin(
        &mut self,
        acceptor: TlsAcceptor,
        tcp: TcpStream,
        from: SocketAddr,
        place: Option<Place>,
    ) {
        if self.by_age.len() >= self.most {
            self.by_age.retain(|handshake| !handshake.is_finished());
        }
        if self.by_age.len() >= self.most
            && let Some(oldest) = self.by_age.pop_front()
        {
            oldest.abort();
        }
        let shaking = async move {
            let kind = shake(acceptor, tcp).await?;
            Some((Stream { kind, _place: place }, from))
        };
        self.by_age.push_back(self.handshakes.spawn(shaking));
    }
}

impl axum::serve::Listener for Listener {
    type Io = Stream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Stream, SocketAddr) {
        loop {
            tokio::select! {
                // Also waits out what accepting runs into: no file descriptors.
                (tcp, from) = axum::serve::Listener::accept(&mut self.tcp) => {
                    // Closed without a word: whoever holds so many knows what they do.
                    let Ok(place) = self.connections.accept(from.ip()) else { continue };
                    let Some(acceptor) = self.tls.clone() else {
                        return (Stream { kind: Kind::Plain(tcp), _place: place }, from);
                    };
                    self.begin(acceptor, tcp, from, place);
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

async fn shake(acceptor: TlsAcceptor, tcp: TcpStream) -> Option<Kind> {
    let tls = timeout(HANDSHAKE, acceptor.accept(tcp)).await.ok()?.ok()?;
    // An authority that checks the name has seen what it came for.
    let for_us = tls.get_ref().1.alpn_protocol() != Some(ACME_ALPN);
    for_us.then(|| Kind::Tls(Box::new(tls)))
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().kind {
            Kind::Plain(tcp) => Pin::new(tcp).poll_read(cx, buffer),
            Kind::Tls(tls) => Pin::new(tls).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().kind {
            Kind::Plain(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Kind::Tls(tls) => Pin::new(tls).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().kind {
            Kind::Plain(tcp) => Pin::new(tcp).poll_write_vectored(cx, parts),
            Kind::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, parts),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.kind {
            Kind::Plain(tcp) => tcp.is_write_vectored(),
            Kind::Tls(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().kind {
            Kind::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Kind::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().kind {
            Kind::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Kind::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::serve::Listener as _;
    use tokio::io::AsyncReadExt;
    use tokio_rustls::{
        TlsConnector,
        rustls::{ClientConfig, RootCertStore, pki_types::ServerName},
    };

    use super::*;

    const SOON: Duration = Duration::from_secs(15);

    #[tokio::test]
    async fn a_flood_of_handshakes_that_do_not_end_costs_its_oldest_and_nobody_else() {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = made.cert.der().clone();
        let key = made.signing_key.serialize_der().try_into().unwrap();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        let mut listener =
            Listener::new(tcp, Some(Arc::new(config)), Connections::new(100, Arc::default()));
        listener.most = 4;
        let mut accepted = tokio::spawn(async move {
            let first = listener.accept().await.1;
            (first, listener)
        });

        let mut flood = Vec::new();
        for _ in 0..20 {
            flood.push(TcpStream::connect(address).await.unwrap());
        }
        let mut roots = RootCertStore::empty();
        roots.add(certificate).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let client = TcpStream::connect(address).await.unwrap();
        let own = client.local_addr().unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let shaken = TlsConnector::from(Arc::new(config)).connect(name, client);
        let (shaken, accepted) = tokio::join!(timeout(SOON, shaken), timeout(SOON, &mut accepted));
        shaken.expect("in time").expect("a handshake");
        let (first, listener) = accepted.expect("in time").expect("no panic");
        assert_eq!(first, own);
        assert!(listener.handshakes.len() <= 4, "{} are held", listener.handshakes.len());
        // Long before the deadline of a handshake.
        let gone = timeout(HANDSHAKE / 2, flood[0].read_u8()).await;
        assert!(gone.expect("given up").is_err(), "closed without a word");
    }
}
