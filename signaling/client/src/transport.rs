//! TCP, with TLS for `https`: the byte stream under HTTP requests and the WebSocket.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types::ServerName},
};

use crate::{Error, Server};

/// Connecting, TLS included. A person waits for it; a lost SYN is sent again after 1 and 3 s.
const DIAL_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

pub(crate) struct Dialled {
    pub(crate) stream: Box<dyn ByteStream>,
    /// The server's address, which tells which interfaces media may need.
    pub(crate) remote: SocketAddr,
}

impl Server {
    pub(crate) async fn dial(&self) -> Result<Dialled, Error> {
        let unreachable = |cause| Error::Unreachable { server: self.to_string(), cause };
        match timeout(DIAL_TIMEOUT, self.open()).await {
            Ok(opened) => opened.map_err(unreachable),
            Err(_) => Err(unreachable(io::ErrorKind::TimedOut.into())),
        }
    }

    async fn open(&self) -> io::Result<Dialled> {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        let tcp = TcpStream::connect((host, self.port)).await?;
        tcp.set_nodelay(true)?;
        let remote = tcp.peer_addr()?;
        if !self.tls {
            return Ok(Dialled { stream: Box::new(tcp), remote });
        }
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let tls = TlsConnector::from(self.tls_config()?).connect(name, tcp).await?;
        Ok(Dialled { stream: Box::new(tls), remote })
    }

    fn tls_config(&self) -> io::Result<Arc<ClientConfig>> {
        // The system's authorities are a hundred or two: read once.
        static SYSTEM: OnceLock<Arc<ClientConfig>> = OnceLock::new();
        if !self.authorities.is_empty() {
            let mut roots = RootCertStore::empty();
            for authority in self.authorities.iter() {
                roots.add(authority.clone()).map_err(io::Error::other)?;
            }
            return trusting(roots).map(Arc::new);
        }
        if let Some(config) = SYSTEM.get() {
            return Ok(Arc::clone(config));
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let config = Arc::new(trusting(roots)?);
        Ok(Arc::clone(SYSTEM.get_or_init(|| config)))
    }
}

fn trusting(roots: RootCertStore) -> io::Result<ClientConfig> {
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
