//! Private parts of a datagram's way, for the benchmarks to time alone. Compiled with the feature `bench` only; no
//! interface of this crate. Each function prepares its part and gives what is to be timed, once for each call.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};

use rtc_crypto::RTCCryptoProvider as _;
use rtc_crypto::providers::AwsLcRsProvider;
use rtc_stun::attributes::ATTR_USERNAME;
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_REQUEST, Message, TransactionId};
use rtc_stun::textattrs::TextAttribute;

use crate::demux::{Kind, Path, classify};
use crate::ice::{self, Credentials, Ufrag};
use crate::srtp::{SrtpProfile, session};

/// Whose datagram it is, by its first bytes and its path among those of `peers`; gives whether it was found.
pub fn path_look_up(peers: u32) -> impl FnMut() -> bool {
    let path = |peer: u32| {
        let address = Ipv4Addr::from(0x7f01_0000 + peer);
        Path::Udp(SocketAddr::from((address, 4711)))
    };
    let by_path: HashMap<Path, u32> = (0..peers).map(|peer| (path(peer), peer)).collect();
    let (datagram, mut peer) = ([0x90, 111, 0, 1], 0);
    move || {
        // A stride that visits all, in no order that a cache could guess.
        peer = (peer + 7919) % peers;
        classify(&datagram) == Some(Kind::Rtp) && by_path.contains_key(&path(peer))
    }
}

/// Whose a STUN request is, by the username fragment among those of `peers`: all that a stranger's request costs.
/// Gives whether it was found.
pub fn username_look_up(peers: usize) -> impl FnMut() -> bool {
    let credentials: Vec<_> = (0..peers).map(|_| Credentials::generate(0)).collect();
    let by_ufrag: HashMap<Ufrag, usize> =
        credentials.iter().enumerate().map(|(at, ours)| (ours.ufrag(), at)).collect();
    // A header, then USERNAME (RFC 8489 section 14.3) of 13 bytes, padded.
    let request = |ours: &Credentials| {
        let mut request = [0_u8; 20].to_vec();
        request.extend_from_slice(&[0, 6, 0, 13]);
        request.extend_from_slice(format!("{}:them\0\0\0", ours.ufrag_str()).as_bytes());
        request
    };
    let requests: Vec<_> = credentials.iter().take(256).map(request).collect();
    let mut next = 0;
    move || {
        next = (next + 1) % requests.len();
        let datagram = &requests[next];
        classify(datagram) == Some(Kind::Stun)
            && ice::username(datagram).is_some_and(|(ufrag, _)| by_ufrag.contains_key(&ufrag))
    }
}

/// A valid STUN request answered: its integrity checked, the response signed. Gives whether it was.
pub fn stun_answer() -> impl FnMut() -> bool {
    let provider = AwsLcRsProvider::new();
    let ours = Credentials::generate(0);
    let mut request = Message::new();
    let username = TextAttribute::new(ATTR_USERNAME, format!("{}:them", ours.ufrag_str()));
    request
        .build(&[
            Box::new(TransactionId::new()),
            Box::new(BINDING_REQUEST),
            Box::new(username),
            Box::new(MessageIntegrity::new_short_term_integrity_with_provider(
                ours.password_str().to_owned(),
                provider.crypto(),
            )),
            Box::new(FINGERPRINT),
        ])
        .expect("invariant: a request of a few attributes");
    let request = request.raw;
    let from = SocketAddr::from((Ipv4Addr::LOCALHOST, 4711));
    let mut answer = Vec::new();
    move || ice::answer(&request, from, &ours, "them", &provider, &mut answer).is_ok()
}

/// Seals a packet with this many bytes of header and payload in a reused buffer, by AES-128-GCM or by AES-CM with
/// HMAC-SHA1; gives the sealed length.
pub fn seal(gcm: bool, header_len: usize, payload_len: usize) -> impl FnMut() -> usize {
    let profile = if gcm { SrtpProfile::Aes128Gcm } else { SrtpProfile::Aes128CmSha1 };
    let sealer = session(profile, &vec![7; profile.material_len()])
        .expect("invariant: as much material as the profile asks for")
        .rtp;
    let packet = vec![0x5a; header_len + payload_len];
    let (mut buffer, mut index) = (Vec::new(), 0);
    move || {
        index += 1;
        buffer.clear();
        buffer.extend_from_slice(&packet);
        sealer.seal(&mut buffer, 0, header_len, index);
        buffer.len()
    }
}
