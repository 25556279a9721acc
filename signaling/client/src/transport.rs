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
        let tls = TlsConnector::from(tls_config()?).connect(name, tcp).await?;
        Ok(Dialled { stream: Box::new(tls), remote })
    }
}

/// Trusts what the system trusts; `SSL_CERT_FILE` adds a private authority.
fn tls_config() -> io::Result<Arc<ClientConfig>> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(Arc::clone(config));
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::clone(CONFIG.get_or_init(|| Arc::new(config))))
}
