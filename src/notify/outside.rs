//! POST requests to servers that are not ours: push services, an operator's webhook receiver.
//!
//! Where to is chosen by whoever subscribes: only HTTPS, and only to addresses of the public internet, unless the
//! operator allows others. The address is looked up here, checked, and connected to: no second look-up can lead elsewhere,
//! and no redirect is followed.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use hyper::{
    Request, Uri,
    body::Bytes,
    client::conn::http1,
    header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderValue, RETRY_AFTER},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types::ServerName},
};

/// From the look-up to the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the other server said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// When to try again, if it says so.
    pub(super) retry_after: Option<Duration>,
}

/// Why nothing was said.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreached {
    /// It will never be sent.
    #[error("{0}")]
    Refused(&'static str),
    #[error("{0}")]
    Failed(#[from] io::Error),
    #[error("{0}")]
    Http(#[from] hyper::Error),
    #[error("no answer in time")]
    Late,
}

/// The way out.
#[derive(Clone)]
pub(crate) struct Outside {
    tls: TlsConnector,
    private_too: bool,
}

impl Outside {
    /// Trusts what the system trusts. `private_too`: plain HTTP and addresses of this machine and its networks as well.
    pub(crate) fn new(private_too: bool) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { tls: TlsConnector::from(Arc::new(config)), private_too })
    }

    /// Whether this may be an address to send to, as far as its text says.
    pub(crate) fn allows(&self, url: &str) -> bool {
        let Ok(url) = url.parse::<Uri>() else { return false };
        self.place(&url).is_ok_and(|(host, _, _)| {
            host.parse::<IpAddr>().map_or(true, |address| self.private_too || is_public(address))
        })
    }

    pub(super) async fn post(
        &self,
        url: &Uri,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<Answer, Unreached> {
        let sent = tokio::time::timeout(PATIENCE, self.send(url, headers, body)).await;
        sent.map_err(|_| Unreached::Late)?
    }

    /// Host, port, and whether by TLS.
    fn place<'a>(&self, url: &'a Uri) -> Result<(&'a str, u16, bool), Unreached> {
        let tls = match url.scheme_str() {
            Some("https") => true,
            Some("http") if self.private_too => false,
            _ => return Err(Unreached::Refused("no https address")),
        };
        let host = url.host().ok_or(Unreached::Refused("no host"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Ok((host, url.port_u16().unwrap_or(if tls { 443 } else { 80 }), tls))
    }

    async fn send(
        &self,
        url: &Uri,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<Answer, Unreached> {
        let (host, port, tls) = self.place(url)?;
        let addresses: Vec<SocketAddr> = lookup_host((host, port))
            .await?
            .filter(|address| self.private_too || is_public(address.ip()))
            .collect();
        if addresses.is_empty() {
            return Err(Unreached::Refused("no public address"));
        }
        let tcp = TcpStream::connect(&addresses[..]).await?;
        if !tls {
            return exchange(tcp, url, headers, body).await;
        }
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        exchange(self.tls.connect(name, tcp).await?, url, headers, body).await
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    url: &Uri,
    headers: HeaderMap,
    body: Vec<u8>,
) -> Result<Answer, Unreached> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let authority = url.authority().map_or("", |authority| authority.as_str());
    let mut request = Request::post(path)
        .header(HOST, authority)
        .header(CONTENT_LENGTH, body.len())
        .body(http_body_util::Full::new(Bytes::from(body)))
        .map_err(|_| Unreached::Refused("no usable address"))?;
    request.headers_mut().extend(headers);
    // The body of the answer does not matter: the connection ends here.
    tokio::select! {
        answer = sender.send_request(request) => {
            let answer = answer?;
            let seconds = answer.headers().get(RETRY_AFTER).and_then(seconds);
            Ok(Answer { status: answer.status().as_u16(), retry_after: seconds })
        }
        ended = connection => {
            ended?;
            Err(io::Error::from(io::ErrorKind::UnexpectedEof).into())
        }
    }
}

fn seconds(value: &HeaderValue) -> Option<Duration> {
    value.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// Whether an address belongs to the public internet (the IANA special-purpose registries, RFC 6890).
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4.is_documentation()
                || a == 0
                || a >= 240
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0 && c == 0)
                || (a == 198 && (b == 18 || b == 19)))
        }
        IpAddr::V6(v6) => {
            let [first, second, ..] = v6.segments();
            // Global unicast only, without documentation, Teredo and 6to4, which lead to IPv4 addresses.
            first & 0xe000 == 0x2000
                && !(first == 0x2001 && (second < 0x0200 || second == 0x0db8))
                && first != 0x2002
                && first != 0x3fff
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_to_public_addresses_is_allowed() {
        let (strict, lenient) = (Outside::new(false).unwrap(), Outside::new(true).unwrap());
        for url in [
            "http://push.example/a",
            "https://127.0.0.1/a",
            "https://10.1.2.3/a",
            "https://169.254.169.254/latest",
            "https://100.64.0.1/",
            "https://0.0.0.0/",
            "https://[::1]/a",
            "https://[fe80::1]/a",
            "https://[fd00::1]/a",
            "https://[::ffff:192.168.0.1]/a",
            "https://[2002:7f00:1::]/a",
            "ftp://push.example/a",
            "push.example",
            "",
        ] {
            assert!(!strict.allows(url), "{url}");
        }
        assert!(strict.allows("https://push.example/a?b"));
        assert!(strict.allows("https://93.184.215.14/a"));
        assert!(strict.allows("https://[2606:2800:21f::1]/a"));
        assert!(lenient.allows("http://127.0.0.1:9/a"));
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_not_followed() {
        let strict = Outside::new(false).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
        assert!(strict.allows(&url), "a name says nothing yet");
        let sent = strict.post(&url.parse().unwrap(), HeaderMap::new(), Vec::new()).await;
        assert!(matches!(sent, Err(Unreached::Refused("no public address"))), "{sent:?}");
    }
}
