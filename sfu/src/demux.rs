//! Tells the protocols that share one port apart, before anything is parsed in earnest.
//!
//! Pure. Who a datagram belongs to is the shard's question: STUN is matched by its username fragment
//! (an ICE restart keeps the address), everything else by the path it came on.

use std::net::SocketAddr;

/// The way to one client: where its datagrams come from and go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Path {
    /// A UDP address, IPv4-mapped ones in their IPv4 form.
    Udp(SocketAddr),
    /// An ICE-TCP connection: its number within the shard and its remote address.
    Tcp(u32, SocketAddr),
}

impl Path {
    /// The client's transport address, as it will be told in XOR-MAPPED-ADDRESS.
    pub(crate) fn address(self) -> SocketAddr {
        match self {
            Self::Udp(address) | Self::Tcp(_, address) => address,
        }
    }
}

/// What a datagram is, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Stun,
    Dtls,
    Rtp,
    Rtcp,
}

/// RFC 7983 section 7, and RFC 5761 section 4 for RTP against RTCP. `None` is to be dropped.
pub(crate) fn classify(datagram: &[u8]) -> Option<Kind> {
    match *datagram {
        [0..=3, ..] => Some(Kind::Stun),
        [20..=63, ..] => Some(Kind::Dtls),
        [128..=191, 192..=223, ..] => Some(Kind::Rtcp),
        [128..=191, _, ..] => Some(Kind::Rtp),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_as_in_rfc_7983() {
        let cases: [(&[u8], Option<Kind>); 12] = [
            (&[], None),
            (&[0], Some(Kind::Stun)),
            (&[3, 9], Some(Kind::Stun)),
            (&[4, 9], None),
            (&[19], None),
            (&[20], Some(Kind::Dtls)),
            (&[63], Some(Kind::Dtls)),
            (&[64], None),
            (&[128, 111], Some(Kind::Rtp)),
            (&[0x90, 111 | 0x80], Some(Kind::Rtp)),
            (&[128, 200], Some(Kind::Rtcp)),
            (&[192, 200], None),
        ];
        for (datagram, kind) in cases {
            assert_eq!(classify(datagram), kind, "{datagram:?}");
        }
    }
}
