//! ICE-lite (RFC 8445 section 2.5): credentials, and the answer to a connectivity check.
//!
//! Pure but for the randomness of fresh credentials. A check without valid credentials gets no answer
//! of any kind, so that the port neither amplifies nor confirms that it is there. Which address a peer
//! uses, and when it is gone, is decided by the peer's owner, the shard.

use std::net::SocketAddr;

use rtc_crypto::RTCCryptoProvider;
use rtc_stun::attributes::{ATTR_MESSAGE_INTEGRITY, ATTR_USE_CANDIDATE};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_REQUEST, BINDING_SUCCESS, Message};
use rtc_stun::xoraddr::XorMappedAddress;

/// The username fragment of one negotiation at our side: what STUN is matched by.
pub(crate) type Ufrag = [u8; 8];

/// The ice-chars of RFC 8839 section 5.4: 64 of them, so six random bits choose one without bias.
const ICE_CHARS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Our credentials towards one peer. The fragment's first character is the shard's number, so that a connection that
/// comes to a port common to all shards finds its own; 42 and 144 random bits remain, RFC 8445 section 5.3 asks for 24
/// and 128.
#[derive(Clone)]
pub(crate) struct Credentials {
    ufrag: Ufrag,
    password: [u8; 24],
}

impl Credentials {
    pub(crate) fn generate(shard: usize) -> Self {
        let mut bytes = [0; 32];
        aws_lc_rs::rand::fill(&mut bytes).expect("invariant: the system gives randomness");
        let mut chars = bytes.map(|byte| ICE_CHARS[usize::from(byte & 63)]);
        chars[0] = ICE_CHARS[shard % ICE_CHARS.len()];
        let (ufrag, password) = chars.split_at(8);
        Self {
            ufrag: ufrag.try_into().expect("invariant: split at 8"),
            password: password.try_into().expect("invariant: 32 less 8"),
        }
    }

    pub(crate) fn ufrag(&self) -> Ufrag {
        self.ufrag
    }

    pub(crate) fn ufrag_str(&self) -> &str {
        std::str::from_utf8(&self.ufrag).expect("invariant: ice-chars are ASCII")
    }

    pub(crate) fn password_str(&self) -> &str {
        std::str::from_utf8(&self.password).expect("invariant: ice-chars are ASCII")
    }
}

/// The shard whose peer this fragment can only be.
pub(crate) fn shard_of(ufrag: &Ufrag) -> Option<usize> {
    ICE_CHARS.iter().position(|char| *char == ufrag[0])
}

/// Why a STUN message got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Not a binding request that can be read (RFC 8489 section 5).
    Malformed,
    /// Nobody here has that username fragment.
    UnknownUfrag,
    /// The peer's fragment, ours being right, is not the one that was offered.
    WrongUsername,
    /// MESSAGE-INTEGRITY is missing or made with another password.
    WrongPassword,
}

/// A check that carried valid credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Check {
    /// The controlling side chose this path (RFC 8445 section 7.3.1.5).
    pub(crate) nominated: bool,
}

/// Our and the peer's username fragments as the USERNAME attribute claims them (RFC 8445 section
/// 7.2.2), read without allocation: this is all that a stranger's datagram costs.
pub(crate) fn username(datagram: &[u8]) -> Option<(Ufrag, &[u8])> {
    const HEADER_LEN: usize = 20;
    const USERNAME: [u8; 2] = [0x00, 0x06];
    let mut rest = datagram.get(HEADER_LEN..)?;
    loop {
        let (header, after) = rest.split_at_checked(4)?;
        let len = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let value = after.get(..len)?;
        if header[..2] == USERNAME {
            let (ours, theirs) = value.split_at_checked(8)?;
            let theirs = theirs.strip_prefix(b":")?;
            return Some((ours.try_into().ok()?, theirs));
        }
        rest = after.get(len.next_multiple_of(4)..)?;
    }
}

/// Checks the credentials of a binding request and writes the success response into `answer`.
pub(crate) fn answer(
    datagram: &[u8],
    from: SocketAddr,
    ours: &Credentials,
    their_ufrag: &str,
    provider: &dyn RTCCryptoProvider,
    answer: &mut Vec<u8>,
) -> Result<Check, Refused> {
    let (ufrag, theirs) = username(datagram).ok_or(Refused::Malformed)?;
    if ufrag != ours.ufrag {
        return Err(Refused::UnknownUfrag);
    }
    if theirs != their_ufrag.as_bytes() {
        return Err(Refused::WrongUsername);
    }
    let mut request = Message::new();
    request.unmarshal_binary(datagram).map_err(|_| Refused::Malformed)?;
    if request.typ != BINDING_REQUEST {
        return Err(Refused::Malformed);
    }
    if !request.contains(ATTR_MESSAGE_INTEGRITY) {
        return Err(Refused::WrongPassword);
    }
    // FINGERPRINT is for telling STUN from other protocols (RFC 8489 section 14.7); integrity says more.
    MessageIntegrity::check(&mut request, &ours.password, provider.crypto())
        .map_err(|_| Refused::WrongPassword)?;
    let mut response = Message::new();
    response
        .build(&[
            Box::new(request.transaction_id),
            Box::new(BINDING_SUCCESS),
            Box::new(XorMappedAddress { ip: from.ip(), port: from.port() }),
            Box::new(MessageIntegrity::new_short_term_integrity_with_provider(
                ours.password_str().to_owned(),
                provider.crypto(),
            )),
            Box::new(FINGERPRINT),
        ])
        .map_err(|_| Refused::Malformed)?;
    answer.clear();
    answer.extend_from_slice(&response.raw);
    Ok(Check { nominated: request.contains(ATTR_USE_CANDIDATE) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rtc_crypto::providers::AwsLcRsProvider;
    use rtc_stun::attributes::ATTR_USERNAME;
    use rtc_stun::message::{Getter as _, TransactionId};
    use rtc_stun::textattrs::TextAttribute;

    fn request(username: &str, password: &str, nominate: bool) -> Vec<u8> {
        let provider = AwsLcRsProvider::new();
        let mut message = Message::new();
        message
            .build(&[
                Box::new(TransactionId::new()),
                Box::new(BINDING_REQUEST),
                Box::new(TextAttribute::new(ATTR_USERNAME, username.to_owned())),
            ])
            .unwrap();
        if nominate {
            message.add(ATTR_USE_CANDIDATE, &[]);
        }
        let integrity = MessageIntegrity::new_short_term_integrity_with_provider(
            password.to_owned(),
            provider.crypto(),
        );
        message.build_onto(&[Box::new(integrity), Box::new(FINGERPRINT)]).unwrap();
        message.raw
    }

    trait BuildOnto {
        fn build_onto(
            &mut self,
            setters: &[Box<dyn rtc_stun::message::Setter + '_>],
        ) -> Result<(), rtc_shared::error::Error>;
    }

    impl BuildOnto for Message {
        fn build_onto(
            &mut self,
            setters: &[Box<dyn rtc_stun::message::Setter + '_>],
        ) -> Result<(), rtc_shared::error::Error> {
            setters.iter().try_for_each(|setter| setter.add_to(self))
        }
    }

    fn ask(datagram: &[u8], ours: &Credentials) -> (Result<Check, Refused>, Vec<u8>) {
        let mut out = Vec::new();
        let from = "[2001:db8::7]:4711".parse().unwrap();
        let result = answer(datagram, from, ours, "them", &AwsLcRsProvider::new(), &mut out);
        (result, out)
    }

    #[test]
    fn a_valid_check_is_answered_with_the_address_it_came_from() {
        let ours = Credentials::generate(3);
        let datagram = request(&format!("{}:them", ours.ufrag_str()), ours.password_str(), true);
        let (result, out) = ask(&datagram, &ours);
        assert_eq!(result, Ok(Check { nominated: true }));
        let mut response = Message::new();
        response.unmarshal_binary(&out).unwrap();
        assert_eq!(response.typ, BINDING_SUCCESS);
        assert_eq!(response.transaction_id.0, datagram[8..20]);
        let mut mapped = XorMappedAddress::default();
        mapped.get_from(&response).unwrap();
        assert_eq!((mapped.ip.to_string(), mapped.port), ("2001:db8::7".into(), 4711));
        FINGERPRINT.check(&response).unwrap();
        MessageIntegrity::check(
            &mut response,
            ours.password_str().as_bytes(),
            AwsLcRsProvider::new().crypto(),
        )
        .unwrap();
    }

    #[test]
    fn a_fragment_names_its_shard() {
        for shard in 0..crate::MAX_SHARDS {
            let credentials = Credentials::generate(shard);
            assert_eq!(shard_of(&credentials.ufrag()), Some(shard));
        }
        assert_eq!(shard_of(b"-AAAAAAA"), None);
    }

    #[test]
    fn a_check_with_wrong_credentials_gets_no_answer() {
        let ours = Credentials::generate(3);
        let (ufrag, password) = (ours.ufrag_str(), ours.password_str());
        let other = Credentials::generate(3);
        let cases = [
            (format!("{}:them", other.ufrag_str()), password, Refused::UnknownUfrag),
            (format!("{ufrag}:thus"), password, Refused::WrongUsername),
            (format!("{ufrag}:them"), other.password_str(), Refused::WrongPassword),
            (ufrag.to_owned(), password, Refused::Malformed),
        ];
        for (username, password, refused) in cases {
            let (result, out) = ask(&request(&username, password, false), &ours);
            assert_eq!(result, Err(refused));
            assert!(out.is_empty());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut datagram in proptest::collection::vec(any::<u8>(), 0..200), valid in any::<bool>(), at in 0_usize..100, byte in any::<u8>()) {
            let ours = Credentials::generate(3);
            if valid {
                // One changed byte of a good request reaches deeper than noise does.
                datagram = request(&format!("{}:them", ours.ufrag_str()), ours.password_str(), false);
                let at = at % datagram.len();
                datagram[at] = byte;
            }
            let _ = ask(&datagram, &ours);
        }
    }
}
