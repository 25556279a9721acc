//! Where a server is, and links to its rooms.

use std::{fmt, str::FromStr, sync::Arc};

use hyper::Uri;
use palco_protocol::RoomId;
use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};

use crate::Error;

/// A server: `http://host[:port]` or `https://host[:port]`. Has no state; connections are made
/// per call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Server {
    pub(crate) tls: bool,
    /// As in a URL: an IPv6 address keeps its brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Whom to trust for HTTPS; whom the system trusts if empty.
    pub(crate) authorities: Arc<[CertificateDer<'static>]>,
}

impl FromStr for Server {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let uri: Uri = text.parse().map_err(|_| Error::BadAddress("not a URL"))?;
        let server = Self::of(&uri)?;
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() || text.contains('#') {
            return Err(Error::BadAddress("a path, query or fragment after the host"));
        }
        Ok(server)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

impl Server {
    fn of(uri: &Uri) -> Result<Self, Error> {
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(Error::BadAddress("it must begin with http:// or https://")),
        };
        let authority = uri.authority().ok_or(Error::BadAddress("no host"))?;
        if authority.as_str().contains('@') {
            return Err(Error::BadAddress("a user name before the host"));
        }
        let host = authority.host();
        if host.is_empty() {
            return Err(Error::BadAddress("no host"));
        }
        let port = match (authority.port(), tls) {
            (Some(port), _) => port.as_u16(),
            (None, true) => 443,
            (None, false) => 80,
        };
        Ok(Self { tls, host: host.to_owned(), port, authorities: Arc::default() })
    }

    /// The same server, trusted for HTTPS if one of these authorities says so, or one of these certificates is its own,
    /// and not because of whom the system trusts. PEM.
    ///
    /// # Errors
    /// [`Error::BadAuthority`].
    pub fn trusting(mut self, pem: &[u8]) -> Result<Self, Error> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let certificates = certificates.map_err(|_| Error::BadAuthority("not PEM"))?;
        if certificates.is_empty() {
            return Err(Error::BadAuthority("no certificate in it"));
        }
        self.authorities = certificates.into();
        Ok(self)
    }

    /// The `Host` header's value.
    pub(crate) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// A link to a room, as people share it: `<server>/r/<room>[#<secret>]`.
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    /// Where.
    pub server: Server,
    /// Which room.
    pub room: RoomId,
    /// What the link grants, known to the server. Never printed by `Debug`.
    pub secret: Option<String>,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("server", &self.server)
            .field("room", &self.room)
            .field("has_secret", &self.secret.is_some())
            .finish()
    }
}

impl FromStr for Link {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        // The fragment is cut off first: it never travels in a request, and `Uri` drops it.
        let (address, secret) = match text.split_once('#') {
            Some((address, secret)) => (address, Some(secret)),
            None => (text, None),
        };
        let uri: Uri = address.parse().map_err(|_| Error::BadLink("not a URL"))?;
        let server = Server::of(&uri)?;
        let room = uri
            .path()
            .strip_prefix("/r/")
            .ok_or(Error::BadLink("no /r/ before the room"))?
            .trim_end_matches('/')
            .parse()
            .map_err(|_| Error::BadLink("no room after /r/"))?;
        if uri.query().is_some() {
            return Err(Error::BadLink("a query after the room"));
        }
        Ok(Self { server, room, secret: secret.filter(|s| !s.is_empty()).map(str::to_owned) })
    }
}

impl Link {
    /// The link as text, its secret included.
    #[must_use]
    pub fn to_url(&self) -> String {
        let base = format!("{}/r/{}", self.server, self.room);
        match &self.secret {
            Some(secret) => format!("{base}#{secret}"),
            None => base,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: &str = "0198c0de-0000-7000-8000-000000000001";

    #[test]
    fn a_link_is_read_with_and_without_its_secret() {
        let plain: Link = format!("http://127.0.0.1:8080/r/{ROOM}").parse().unwrap();
        assert_eq!(plain.server, "http://127.0.0.1:8080".parse().unwrap());
        assert_eq!(plain.room.to_string(), ROOM);
        assert_eq!(plain.secret, None);

        let text = format!("https://rooms.example:443/r/{ROOM}#s3cret");
        let secret: Link = text.parse().unwrap();
        assert_eq!(secret.secret.as_deref(), Some("s3cret"));
        assert_eq!(secret.to_url(), text);
        let ipv6: Link = format!("http://[::1]:9/r/{ROOM}/").parse().unwrap();
        assert_eq!((ipv6.server.host.as_str(), ipv6.server.port), ("[::1]", 9));
    }

    #[test]
    fn a_secret_is_not_printed() {
        let link: Link = format!("http://h/r/{ROOM}#s3cret").parse().unwrap();
        assert!(!format!("{link:?}").contains("s3cret"));
    }

    #[test]
    fn ports_follow_the_scheme() {
        let port = |text: &str| text.parse::<Server>().unwrap().port;
        assert_eq!(port("http://h"), 80);
        assert_eq!(port("https://h/"), 443);
        assert_eq!(port("http://h:8080"), 8080);
    }

    #[test]
    fn what_is_no_authority_is_refused() {
        let server = || "https://h".parse::<Server>().unwrap();
        assert!(matches!(server().trusting(b"nothing"), Err(Error::BadAuthority(_))));
        let broken = b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
        assert!(matches!(server().trusting(broken), Err(Error::BadAuthority(_))));
    }

    #[test]
    fn what_is_no_link_is_refused() {
        for text in [
            "",
            "rooms",
            "ftp://h/r/0198c0de-0000-7000-8000-000000000001",
            "http://h/x/0198c0de-0000-7000-8000-000000000001",
            "http://h/r/42",
            "http://u:p@h/r/0198c0de-0000-7000-8000-000000000001",
            "http://h/r/0198c0de-0000-7000-8000-000000000001?a=b",
        ] {
            assert!(text.parse::<Link>().is_err(), "{text}");
        }
        for text in ["", "h:8080", "http://", "http://h/path", "http://h#x"] {
            assert!(text.parse::<Server>().is_err(), "{text}");
        }
    }
}
