//! The one negotiation, from the client's side: the smallest offer that Palco takes, and the answer read. Pure.

use std::net::{Ipv4Addr, SocketAddrV4};

/// Streams a listener can receive at once.
pub(super) const SLOTS: usize = 4;
/// Payload type of Opus, as Chromium numbers it.
pub(super) const OPUS_PT: u8 = 111;
/// Payload type of RED, as Chromium numbers it.
pub(super) const RED_PT: u8 = 63;
/// Extension ids of the audio level and the mid, as Chromium numbers them.
pub(super) const LEVEL_EXT: u8 = 1;
pub(super) const MID_EXT: u8 = 4;
/// The mid of the microphone's section.
pub(super) const MICROPHONE_MID: &str = "0";

/// What the server must know of a client.
pub(super) struct Offer<'a> {
    pub(super) ufrag: &'a str,
    pub(super) pwd: &'a str,
    /// `AB:CD:...`
    pub(super) fingerprint: &'a str,
    pub(super) ssrc: u32,
    /// Offers redundancy (RFC 2198).
    pub(super) red: bool,
}

/// One section that sends, four that receive, bundled.
pub(super) fn offer(offer: &Offer<'_>) -> String {
    let Offer { ufrag, pwd, fingerprint, ssrc, red } = offer;
    let mut sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2 3 4\r\n"
        .to_owned();
    let formats = if *red { format!("{OPUS_PT} {RED_PT}") } else { OPUS_PT.to_string() };
    for mid in 0..=SLOTS {
        let direction = if mid == 0 { "sendonly" } else { "recvonly" };
        sdp += &format!(
            "m=audio 9 UDP/TLS/RTP/SAVPF {formats}\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n\
             a=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\na=fingerprint:sha-256 {fingerprint}\r\na=setup:actpass\r\n\
             a=mid:{mid}\r\na={direction}\r\na=rtcp-mux\r\n\
             a=rtpmap:{OPUS_PT} opus/48000/2\r\na=fmtp:{OPUS_PT} minptime=10;useinbandfec=1\r\n\
             a=extmap:{LEVEL_EXT} urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
             a=extmap:{MID_EXT} urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
        );
        if *red {
            sdp += &format!(
                "a=rtpmap:{RED_PT} red/48000/2\r\na=fmtp:{RED_PT} {OPUS_PT}/{OPUS_PT}\r\n"
            );
        }
        if mid == 0 {
            sdp += &format!("a=ssrc:{ssrc} cname:load\r\n");
        }
    }
    sdp
}

/// What a client must know of the server.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) ufrag: String,
    pub(super) pwd: String,
    /// Of the server's certificate.
    pub(super) fingerprint: [u8; 32],
    /// The first UDP candidate over IPv4.
    pub(super) server: SocketAddrV4,
    /// The slots' SSRCs in their order; 0 where there is none.
    pub(super) slot_ssrcs: [u32; SLOTS],
}

impl Answer {
    pub(super) fn parse(sdp: &str) -> Result<Self, String> {
        let field = |name: &str| {
            let values = sdp.lines().filter_map(|line| line.strip_prefix("a=")?.strip_prefix(name));
            values.map(str::trim_end).next().ok_or_else(|| format!("the answer has no {name}"))
        };
        let server = sdp
            .lines()
            .filter_map(|line| line.strip_prefix("a=candidate:"))
            .find_map(udp_candidate)
            .ok_or("the answer has no UDP candidate over IPv4")?;
        let mut slot_ssrcs = [0; SLOTS];
        let announced = sdp
            .lines()
            .filter_map(|line| line.strip_prefix("a=ssrc:")?.split(' ').next()?.parse().ok());
        slot_ssrcs.iter_mut().zip(announced).for_each(|(slot, ssrc)| *slot = ssrc);
        Ok(Self {
            ufrag: field("ice-ufrag:")?.to_owned(),
            pwd: field("ice-pwd:")?.to_owned(),
            fingerprint: digest(field("fingerprint:sha-256 ")?)
                .ok_or("the answer's fingerprint is invalid")?,
            server,
            slot_ssrcs,
        })
    }
}

/// `<foundation> <component> <transport> <priority> <address> <port> typ ...` (RFC 8839 section 5.1).
fn udp_candidate(value: &str) -> Option<SocketAddrV4> {
    let mut fields = value.split(' ');
    let transport = fields.nth(2)?;
    let (ip, port) = (fields.nth(1)?.parse::<Ipv4Addr>().ok()?, fields.next()?.parse().ok()?);
    transport.eq_ignore_ascii_case("udp").then(|| SocketAddrV4::new(ip, port))
}

fn digest(hex: &str) -> Option<[u8; 32]> {
    let bytes: Option<Vec<u8>> =
        hex.split(':').map(|pair| u8::from_str_radix(pair, 16).ok()).collect();
    bytes?.try_into().ok()
}

/// `AB:CD:...`
pub(super) fn colons(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;
    use palco_sfu::loudest;
    use palco_sfu::offer::{AnswerParams, Candidate, Offer as ServerOffer, Transport};
    use palco_sfu::rtp::Ssrc;

    /// The server's own reader and writer stand at the other end.
    #[test]
    fn the_server_reads_our_offer_and_we_read_its_answer() {
        let fingerprint = colons(&[0xab; 32]);
        let sdp = offer(&Offer {
            ufrag: "load",
            pwd: "abcdefghijklmnopqrstuv",
            fingerprint: &fingerprint,
            ssrc: 77,
            red: true,
        });
        let read = ServerOffer::parse(&sdp).unwrap();
        assert_eq!(read.profile.red_pt, Some(RED_PT));
        assert_eq!((read.ice_ufrag.as_str(), read.fingerprint), ("load", [0xab; 32]));
        assert_eq!(
            (read.profile.opus_pt, read.profile.level_ext, read.mid_ext),
            (OPUS_PT, Some(LEVEL_EXT), Some(MID_EXT))
        );
        let microphone = read.microphone.clone().unwrap();
        assert_eq!((microphone.mid.as_str(), microphone.ssrcs), (MICROPHONE_MID, vec![Ssrc(77)]));
        assert_eq!((read.slots.len(), SLOTS), (SLOTS, loudest::SLOTS));

        let udp = |addr: &str| Candidate { transport: Transport::Udp, addr: addr.parse().unwrap() };
        let candidates = [udp("[2001:db8::1]:9"), udp("127.0.0.1:4711")];
        let answer = read.answer(&AnswerParams {
            session_id: 1,
            session_version: 1,
            ice_ufrag: "serv",
            ice_pwd: "0123456789abcdefghijkl",
            fingerprint: &[0x1c; 32],
            slot_ssrcs: [Ssrc(5), Ssrc(6), Ssrc(7), Ssrc(8)],
            candidates: &candidates,
        });
        let expected = Answer {
            ufrag: "serv".to_owned(),
            pwd: "0123456789abcdefghijkl".to_owned(),
            fingerprint: [0x1c; 32],
            server: "127.0.0.1:4711".parse().unwrap(),
            slot_ssrcs: [5, 6, 7, 8],
        };
        assert_eq!(Answer::parse(&answer), Ok(expected));
    }

    #[test]
    fn an_answer_that_lacks_something_says_what() {
        assert_eq!(
            Answer::parse("v=0\r\n"),
            Err("the answer has no UDP candidate over IPv4".to_owned())
        );
        let candidate = "a=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n";
        assert_eq!(Answer::parse(candidate), Err("the answer has no ice-ufrag:".to_owned()));
    }
}
