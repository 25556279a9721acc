//! Where a request comes from: the connection's address or, through a proxy that is trusted, the one the proxy names.
//!
//! A header is read from its end: each proxy appends whom it talks to, so that the last address not of a trusted
//! proxy is the nearest one somebody trusted has seen. What stands before it is the client's own claim.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, header, request::Parts},
};
use clap::ValueEnum;
use ipnet::IpNet;
use palco_protocol::ErrorCode;

use super::{App, problem::Refused};

/// The client's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

/// The header in which trusted proxies name the client. One of them: a proxy passes the other on as the client wrote
/// it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`: what most proxies set.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// Whom to believe.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proxies {
    trusted: Vec<IpNet>,
    header: ForwardedHeader,
}

impl Proxies {
    pub(crate) fn new(trusted: Vec<IpNet>, header: ForwardedHeader) -> Self {
        Self { trusted, header }
    }

    /// Of an address in its canonical form.
    pub(crate) fn trust(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|net| net.contains(&address))
    }

    /// The client behind a connection from `peer`.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        for hop in self.hops(headers).into_iter().rev() {
            if !self.trust(client) {
                break;
            }
            // What cannot be read hides who it was: the proxy that wrote it stands for them.
            let Some(address) = hop else { break };
            client = address.to_canonical();
        }
        client
    }

    /// The addresses in the header, the client's claim first; nothing for what is no address.
    fn hops(&self, headers: &HeaderMap) -> Vec<Option<IpAddr>> {
        let name = match self.header {
            ForwardedHeader::XForwardedFor => "x-forwarded-for",
            ForwardedHeader::Forwarded => header::FORWARDED.as_str(),
        };
        let values = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default());
        let items = values.flat_map(|value| value.split(','));
        items
            .map(|item| match self.header {
                ForwardedHeader::XForwardedFor => node(item),
                ForwardedHeader::Forwarded => item.split(';').find_map(|pair| {
                    let (name, value) = pair.trim().split_once('=')?;
                    name.eq_ignore_ascii_case("for").then(|| node(value))?
                }),
            })
            .collect()
    }
}

/// An address as proxies write it: bare, with a port, in brackets, in quotes (RFC 7239, section 6).
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok();
    address.or_else(|| text.parse().ok().map(|address: SocketAddr| address.ip()))
}

impl FromRequestParts<App> for ClientAddress {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().ok_or(ErrorCode::Internal)?;
        Ok(Self(app.proxies.client(peer.0.ip(), &parts.headers)))
    }
}

/// A trusted proxy: an address, or a network (`10.0.0.0/8`).
pub(crate) fn network(text: &str) -> Result<IpNet, String> {
    let address = text.parse::<IpAddr>().map(IpNet::from);
    address.or_else(|_| text.parse()).map_err(|_| "no address and no network".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(header: ForwardedHeader, peer: &str, value: &[&str]) -> String {
        let trusted =
            ["127.0.0.1", "10.0.0.0/8", "2001:db8:1::/48"].map(|net| network(net).unwrap());
        let name = match header {
            ForwardedHeader::XForwardedFor => "x-forwarded-for",
            ForwardedHeader::Forwarded => "forwarded",
        };
        let headers = value.iter().map(|value| (name.parse().unwrap(), value.parse().unwrap()));
        let proxies = Proxies::new(trusted.to_vec(), header);
        proxies.client(peer.parse().unwrap(), &headers.collect()).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let x = |peer, value: &[&str]| client(ForwardedHeader::XForwardedFor, peer, value);
        assert_eq!(x("203.0.113.7", &["198.51.100.1"]), "203.0.113.7", "a stranger's claim");
        assert_eq!(x("127.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(x("::ffff:127.0.0.1", &["198.51.100.1"]), "198.51.100.1", "mapped into IPv6");
        assert_eq!(x("127.0.0.1", &[]), "127.0.0.1", "a program of the proxy's own machine");
    }

    #[test]
    fn what_the_client_claims_itself_is_not_believed() {
        let x = |value: &[&str]| client(ForwardedHeader::XForwardedFor, "127.0.0.1", value);
        assert_eq!(x(&["192.0.2.66, 198.51.100.1"]), "198.51.100.1");
        assert_eq!(x(&["192.0.2.66", "198.51.100.1, 10.1.2.3"]), "198.51.100.1", "two proxies");
        assert_eq!(x(&["10.9.9.9, 10.1.2.3"]), "10.9.9.9", "all of the house");
        assert_eq!(x(&["192.0.2.66, nonsense"]), "127.0.0.1", "no address: the proxy's");
        assert_eq!(x(&["192.0.2.66, nonsense, 10.1.2.3"]), "10.1.2.3");
        assert_eq!(x(&["198.51.100.1:4711"]), "198.51.100.1");
        assert_eq!(x(&["2001:db8::1"]), "2001:db8::1");
        assert_eq!(x(&["198.51.100.1, [2001:db8:1::5]:443"]), "198.51.100.1");
    }

    #[test]
    fn forwarded_is_read_as_rfc_7239_writes_it() {
        let forwarded = |value: &[&str]| client(ForwardedHeader::Forwarded, "10.0.0.1", value);
        assert_eq!(
            forwarded(&["for=192.0.2.66, For=\"[2001:db8::1]:4711\";proto=https"]),
            "2001:db8::1"
        );
        assert_eq!(forwarded(&["proto=https; for=198.51.100.1"]), "198.51.100.1");
        assert_eq!(forwarded(&["for=_hidden"]), "10.0.0.1");
        assert_eq!(forwarded(&["for=unknown, proto=https"]), "10.0.0.1");
    }
}
