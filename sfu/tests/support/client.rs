//! A client without sockets and without a clock, on protocol crates that are not ours: what a browser does on the
//! wire, and whatever a hostile one might. Shared by the tests over real sockets and those in virtual time.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc_crypto::providers::AwsLcRsProvider;
use rtc_crypto::{HashAlgorithm, RTCCryptoProvider};
use rtc_dtls::config::{ConfigBuilder, ExtendedMasterSecretType};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_shared::TransportProtocol;
use rtc_srtp::context::Context;
use rtc_srtp::option::{srtcp_replay_protection, srtp_replay_protection};
use rtc_srtp::protection_profile::ProtectionProfile;
use rtc_stun::attributes::{ATTR_USE_CANDIDATE, ATTR_USERNAME};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_REQUEST, BINDING_SUCCESS, Message, Setter, TransactionId};
use rtc_stun::textattrs::TextAttribute;

pub(crate) const GCM: SrtpProtectionProfile = SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm;
pub(crate) const CM: SrtpProtectionProfile = SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80;

/// The DTLS crate keys connections by address; one per endpoint here.
fn any_address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 1))
}

/// How a client differs from the ordinary one.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) opus_pt: u8,
    pub(crate) red_pt: Option<u8>,
    pub(crate) level_ext: u8,
    pub(crate) mid_ext: u8,
    pub(crate) ssrc: u32,
    /// Announce the SSRC in the offer, as browsers do.
    pub(crate) announce_ssrc: bool,
    pub(crate) srtp: Vec<SrtpProtectionProfile>,
    /// Name another certificate's fingerprint in the offer.
    pub(crate) lie_about_certificate: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            opus_pt: 111,
            red_pt: None,
            level_ext: 1,
            mid_ext: 4,
            ssrc: 0x1234_5678,
            announce_ssrc: true,
            srtp: vec![CM, GCM],
            lie_about_certificate: false,
        }
    }
}

/// A packet as it was heard, decrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    /// 0 ..= 3, by the SSRC that the answer gave for it.
    pub(crate) slot: usize,
    pub(crate) seq: u16,
    pub ts_48k: u32,
    pub(crate) marker: bool,
    pub(crate) payload_type: u8,
    pub(crate) csrc: Option<u32>,
    /// The level extension's byte.
    pub(crate) level: Option<u8>,
    pub(crate) payload: Vec<u8>,
}

pub(crate) struct Client {
    options: Options,
    provider: Arc<dyn RTCCryptoProvider>,
    certificate: Certificate,
    pub(crate) ufrag: String,
    pub(crate) password: String,
    pub(crate) their_ufrag: String,
    pub(crate) their_password: String,
    slot_ssrcs: Vec<u32>,
    dtls: Endpoint,
    keys: Option<(Context, Context)>,
    pub(crate) outgoing: VecDeque<Vec<u8>>,
    pub(crate) checks_answered: usize,
    pub(crate) connected: bool,
    pub(crate) closed: bool,
    pub(crate) heard: Vec<Heard>,
    /// Compound packets, decrypted.
    pub(crate) reports: Vec<Vec<u8>>,
    pub(crate) unreadable: usize,
}

impl Client {
    pub(crate) fn new(options: Options) -> Self {
        let provider: Arc<dyn RTCCryptoProvider> = Arc::new(AwsLcRsProvider::new());
        let certificate =
            Certificate::generate_self_signed(vec!["client".to_owned()], provider.crypto())
                .unwrap();
        Self {
            options,
            provider,
            certificate,
            ufrag: "cufr".to_owned(),
            password: "client-password-of-24-ch".replace('-', "x"),
            their_ufrag: String::new(),
            their_password: String::new(),
            slot_ssrcs: Vec::new(),
            dtls: Endpoint::new(any_address(), TransportProtocol::UDP, None),
            keys: None,
            outgoing: VecDeque::new(),
            checks_answered: 0,
            connected: false,
            closed: false,
            heard: Vec::new(),
            reports: Vec::new(),
            unreadable: 0,
        }
    }

    pub(crate) fn offer(&self) -> String {
        let mut hash = self
            .provider
            .crypto()
            .hash(HashAlgorithm::Sha256, &self.certificate.certificate[0])
            .unwrap();
        if self.options.lie_about_certificate {
            hash[0] ^= 1;
        }
        let fingerprint: Vec<String> = hash.iter().map(|byte| format!("{byte:02X}")).collect();
        let fingerprint = fingerprint.join(":");
        let Options { opus_pt, level_ext, mid_ext, ssrc, .. } = &self.options;
        let (red_list, red_map) = self.options.red_pt.map_or_else(Default::default, |red| {
            (
                format!(" {red}"),
                format!("a=rtpmap:{red} red/48000/2\r\na=fmtp:{red} {opus_pt}/{opus_pt}\r\n"),
            )
        });
        let mut sdp = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
                       a=group:BUNDLE 0 1 2 3 4\r\na=msid-semantic: WMS\r\n"
            .to_owned();
        for mid in 0..5 {
            let direction = if mid == 0 { "sendonly" } else { "recvonly" };
            sdp += &format!(
                "m=audio 9 UDP/TLS/RTP/SAVPF {opus_pt}{red_list}\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n\
                 a=ice-ufrag:{}\r\na=ice-pwd:{}\r\na=ice-options:trickle\r\n\
                 a=fingerprint:sha-256 {fingerprint}\r\na=setup:actpass\r\na=mid:{mid}\r\n\
                 a=extmap:{level_ext} urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
                 a=extmap:{mid_ext} urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
                 a={direction}\r\na=rtcp-mux\r\na=rtpmap:{opus_pt} opus/48000/2\r\n\
                 a=fmtp:{opus_pt} minptime=10;useinbandfec=1\r\n{red_map}",
                self.ufrag, self.password
            );
            if mid == 0 && self.options.announce_ssrc {
                sdp += &format!("a=ssrc:{ssrc} cname:client\r\n");
            }
        }
        sdp
    }

    /// Reads the answer; the addresses of the candidates, UDP only.
    pub(crate) fn accept(&mut self, answer: &str) -> Vec<SocketAddr> {
        let value = |key: &str| {
            let found = answer.lines().find_map(|line| line.strip_prefix(key));
            found.unwrap_or_default().trim().to_owned()
        };
        self.their_ufrag = value("a=ice-ufrag:");
        self.their_password = value("a=ice-pwd:");
        self.slot_ssrcs = answer
            .lines()
            .filter_map(|line| line.strip_prefix("a=ssrc:"))
            .map(|line| line.split(' ').next().unwrap().parse().unwrap())
            .collect();
        self.slot_ssrcs.dedup();
        answer
            .lines()
            .filter_map(|line| line.strip_prefix("a=candidate:"))
            .map(|line| line.split(' ').collect::<Vec<_>>())
            .filter(|fields| fields[2].eq_ignore_ascii_case("udp"))
            .map(|fields| SocketAddr::new(fields[4].parse().unwrap(), fields[5].parse().unwrap()))
            .collect()
    }

    /// A connectivity check with these credentials.
    pub(crate) fn check_with(&self, username: &str, password: &str, nominate: bool) -> Vec<u8> {
        let mut message = Message::new();
        let username = TextAttribute::new(ATTR_USERNAME, username.to_owned());
        message
            .build(&[Box::new(TransactionId::new()), Box::new(BINDING_REQUEST), Box::new(username)])
            .unwrap();
        if nominate {
            message.add(ATTR_USE_CANDIDATE, &[]);
        }
        let integrity = MessageIntegrity::new_short_term_integrity_with_provider(
            password.to_owned(),
            self.provider.crypto(),
        );
        integrity.add_to(&mut message).unwrap();
        FINGERPRINT.add_to(&mut message).unwrap();
        message.raw
    }

    pub(crate) fn check(&mut self) {
        let username = format!("{}:{}", self.their_ufrag, self.ufrag);
        let check = self.check_with(&username, &self.their_password, true);
        self.outgoing.push_back(check);
    }

    /// Begins the handshake.
    pub(crate) fn start_dtls(&mut self, now: Instant) {
        let config = ConfigBuilder::default()
            .with_crypto_provider(Arc::clone(&self.provider))
            .with_certificates(vec![self.certificate.clone()])
            .with_srtp_protection_profiles(self.options.srtp.clone())
            .with_insecure_skip_verify(true)
            .with_extended_master_secret(ExtendedMasterSecretType::Require)
            .with_flight_interval(Duration::from_millis(50))
            .build(true, None)
            .unwrap();
        self.dtls.connect(now, any_address(), Arc::new(config), None).unwrap();
        self.collect();
    }

    fn collect(&mut self) {
        while let Some(transmit) = self.dtls.poll_transmit() {
            self.outgoing.push_back(transmit.message.to_vec());
        }
    }

    pub(crate) fn timeout_at(&self) -> Option<Instant> {
        self.dtls.poll_timeout(&any_address())
    }

    pub(crate) fn timeout(&mut self, now: Instant) {
        let _ = self.dtls.handle_timeout(any_address(), now);
        self.collect();
    }

    pub(crate) fn close(&mut self, now: Instant) {
        let _ = self.dtls.stop(now, any_address());
        self.collect();
    }

    /// Takes one datagram.
    pub(crate) fn handle(&mut self, now: Instant, datagram: &[u8]) {
        match datagram {
            [0..=3, ..] => {
                let mut message = Message::new();
                message.unmarshal_binary(datagram).unwrap();
                assert_eq!(message.typ, BINDING_SUCCESS);
                let password = self.their_password.as_bytes();
                let whole = MessageIntegrity::check(&mut message, password, self.provider.crypto());
                self.checks_answered += usize::from(whole.is_ok());
            }
            [20..=63, ..] => {
                let bytes = BytesMut::from(datagram);
                let events = self.dtls.read(now, any_address(), None, bytes).unwrap_or_default();
                for event in events {
                    match event {
                        EndpointEvent::HandshakeComplete => self.secure(),
                        EndpointEvent::PeerClosed => self.closed = true,
                        _ => {}
                    }
                }
                self.collect();
            }
            [_, 192..=223, ..] => {
                match self.keys.as_mut().map(|keys| keys.1.decrypt_rtcp(datagram)) {
                    Some(Ok(report)) => self.reports.push(report.to_vec()),
                    _ => self.unreadable += 1,
                }
            }
            _ => match self.keys.as_mut().map(|keys| keys.1.decrypt_rtp(datagram)) {
                Some(Ok(packet)) => {
                    let heard = self.read(&packet);
                    self.heard.push(heard);
                }
                _ => self.unreadable += 1,
            },
        }
    }

    fn secure(&mut self) {
        let state = self.dtls.get_connection_state(any_address()).unwrap();
        let profile = match state.srtp_protection_profile() {
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm => ProtectionProfile::AeadAes128Gcm,
            _ => ProtectionProfile::Aes128CmHmacSha1_80,
        };
        let mut config = rtc_srtp::config::Config { profile, ..Default::default() };
        let material = state
            .export_keying_material("EXTRACTOR-dtls_srtp", &[], config.keying_material_len())
            .unwrap();
        config.set_session_keys_from_keying_material(material.as_ref(), true).unwrap();
        let context = |key: &[u8], salt: &[u8]| {
            let replay = (Some(srtp_replay_protection(64)), Some(srtcp_replay_protection(64)));
            Context::new(key, salt, profile, replay.0, replay.1, self.provider.crypto()).unwrap()
        };
        let keys = &config.keys;
        self.keys = Some((
            context(&keys.local_master_key, &keys.local_master_salt),
            context(&keys.remote_master_key, &keys.remote_master_salt),
        ));
        self.connected = true;
    }

    fn read(&self, packet: &[u8]) -> Heard {
        let word = |at: usize| u32::from_be_bytes(packet[at..at + 4].try_into().unwrap());
        let csrcs = usize::from(packet[0] & 15);
        let mut at = 12 + 4 * csrcs;
        let mut level = None;
        if packet[0] & 0x10 != 0 {
            assert_eq!(packet[at..at + 2], [0xbe, 0xde]);
            let len = 4 * usize::from(u16::from_be_bytes([packet[at + 2], packet[at + 3]]));
            let element = packet[at + 4];
            assert_eq!(element >> 4, self.options.level_ext);
            level = Some(packet[at + 5]);
            at += 4 + len;
        }
        let ssrc = word(8);
        Heard {
            slot: self
                .slot_ssrcs
                .iter()
                .position(|known| *known == ssrc)
                .expect("an announced SSRC"),
            seq: u16::from_be_bytes([packet[2], packet[3]]),
            ts_48k: word(4),
            marker: packet[1] & 0x80 != 0,
            payload_type: packet[1] & 0x7f,
            csrc: (csrcs > 0).then(|| word(12)),
            level,
            payload: packet[at..].to_vec(),
        }
    }

    /// An RTP packet of this SSRC, in clear.
    pub(crate) fn rtp(
        &self,
        ssrc: u32,
        seq: u16,
        ts_48k: u32,
        level: u8,
        payload: &[u8],
    ) -> Vec<u8> {
        let mut packet = vec![0x90, self.options.opus_pt];
        packet.extend_from_slice(&seq.to_be_bytes());
        packet.extend_from_slice(&ts_48k.to_be_bytes());
        packet.extend_from_slice(&ssrc.to_be_bytes());
        let ids = [self.options.mid_ext << 4, b'0', self.options.level_ext << 4, level];
        packet.extend_from_slice(&[0xbe, 0xde, 0, 1]);
        packet.extend_from_slice(&ids);
        packet.extend_from_slice(payload);
        packet
    }

    /// Seals a packet or a report with this client's keys.
    pub(crate) fn seal(&mut self, packet: &[u8]) -> Vec<u8> {
        self.try_seal(packet).unwrap()
    }

    pub(crate) fn try_seal(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let sends = &mut self.keys.as_mut().expect("connected").0;
        let sealed = match packet[1] {
            192..=223 => sends.encrypt_rtcp(packet),
            _ => sends.encrypt_rtp(packet),
        };
        sealed.ok().map(|sealed| sealed.to_vec())
    }

    /// Speaks a packet of the microphone.
    pub(crate) fn speak(&mut self, seq: u16, ts_48k: u32, level: u8, payload: &[u8]) {
        let packet = self.rtp(self.options.ssrc, seq, ts_48k, level, payload);
        let sealed = self.seal(&packet);
        self.outgoing.push_back(sealed);
    }
}
