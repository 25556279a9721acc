//! One client's way to the server: an ICE check, DTLS as the client, SRTP keys. No socket and no clock inside.
//!
//! Independent of the server's own code: STUN, DTLS and SRTP are the webrtc project's crates, so that a mistake of the
//! server's is not repeated here.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc_crypto::providers::AwsLcRsProvider;
use rtc_crypto::{HashAlgorithm, RTCCryptoProvider};
use rtc_dtls::config::{ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_shared::TransportProtocol;
use rtc_srtp::config::{Config as SrtpConfig, LABEL_EXTRACTOR_DTLS_SRTP};
use rtc_srtp::context::Context;
use rtc_srtp::protection_profile::ProtectionProfile;
use rtc_stun::attributes::{
    ATTR_ICE_CONTROLLING, ATTR_PRIORITY, ATTR_USE_CANDIDATE, ATTR_USERNAME, RawAttribute,
};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_REQUEST, Message, Setter, TransactionId};

use super::sdp::{self, Answer};

/// The crate keys connections by address; there is one per endpoint, so: any.
const ANY_ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1);
/// RFC 8445 section 14.3 asks for at least 500 ms between two copies of a check; a lost one on loopback is a burst's,
/// and browsers' checks come faster.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);
/// Chromium's and Firefox's first DTLS interval.
const FLIGHT_INTERVAL: Duration = Duration::from_millis(50);
/// How long a client tries before it counts as failed.
const GIVE_UP: Duration = Duration::from_secs(20);

/// What all clients share: one certificate, as one browser's connections might.
pub(super) struct Identity {
    provider: Arc<dyn RTCCryptoProvider>,
    config: Arc<HandshakeConfig>,
    /// `AB:CD:...`, for the offer.
    pub(super) fingerprint: String,
}

impl Identity {
    pub(super) fn generate() -> Result<Self, Box<dyn Error>> {
        let provider: Arc<dyn RTCCryptoProvider> = Arc::new(AwsLcRsProvider::new());
        let certificate =
            Certificate::generate_self_signed(vec!["load".to_owned()], provider.crypto())?;
        let fingerprint = sdp::colons(
            &provider.crypto().hash(HashAlgorithm::Sha256, &certificate.certificate[0])?,
        );
        let config = ConfigBuilder::default()
            .with_crypto_provider(Arc::clone(&provider))
            .with_certificates(vec![certificate])
            .with_srtp_protection_profiles(vec![SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm])
            // Self-signed: the answer's fingerprint, compared below, stands for the chain (RFC 5763).
            .with_insecure_skip_verify(true)
            .with_extended_master_secret(ExtendedMasterSecretType::Require)
            .with_flight_interval(FLIGHT_INTERVAL)
            .build(true, None)?;
        Ok(Self { provider, config: Arc::new(config), fingerprint })
    }
}

/// A connected client's keys.
pub(super) struct Keys {
    /// For what it sends.
    pub(super) outbound: Context,
    /// For what it receives.
    pub(super) inbound: Context,
}

/// What came of a datagram.
pub(super) enum Progress {
    Pending,
    Connected(Box<Keys>),
    Failed(String),
}

enum Stage {
    Checking { next_at: Instant },
    Handshaking(Box<Endpoint>),
    Connected,
}

/// One client's transport.
pub(super) struct Transport {
    /// Where the answer said.
    pub(super) server: SocketAddrV4,
    /// The connectivity check, kept: the server verifies it anew each time, and we need not write it anew.
    check: Box<[u8]>,
    server_fingerprint: [u8; 32],
    stage: Stage,
    give_up_at: Instant,
}

impl Transport {
    /// Begins with a check, which is in `out`.
    pub(super) fn start(
        now: Instant,
        our_ufrag: &str,
        answer: &Answer,
        identity: &Identity,
        out: &mut Vec<BytesMut>,
    ) -> Result<Self, Box<dyn Error>> {
        let check = check(our_ufrag, answer, identity)?;
        out.push(BytesMut::from(&check[..]));
        Ok(Self {
            server: answer.server,
            check,
            server_fingerprint: answer.fingerprint,
            stage: Stage::Checking { next_at: now + CHECK_INTERVAL },
            give_up_at: now + GIVE_UP,
        })
    }

    /// The check again, for consent (RFC 7675).
    pub(super) fn consent(&self) -> &[u8] {
        &self.check
    }

    /// Takes a STUN or DTLS datagram from the server.
    pub(super) fn datagram(
        &mut self,
        now: Instant,
        datagram: &[u8],
        identity: &Identity,
        out: &mut Vec<BytesMut>,
    ) -> Progress {
        match self.take(now, datagram, identity, out) {
            Ok(None) => Progress::Pending,
            Ok(Some(keys)) => Progress::Connected(Box::new(keys)),
            Err(error) => Progress::Failed(error.to_string()),
        }
    }

    fn take(
        &mut self,
        now: Instant,
        datagram: &[u8],
        identity: &Identity,
        out: &mut Vec<BytesMut>,
    ) -> Result<Option<Keys>, Box<dyn Error>> {
        // RFC 7983: 0 to 3 is STUN, 20 to 63 DTLS. A success response (0x0101) ends the check.
        match (&mut self.stage, datagram) {
            (Stage::Checking { .. }, [1, 1, ..]) => {
                let mut endpoint = Endpoint::new(ANY_ADDRESS, TransportProtocol::UDP, None);
                endpoint.connect(now, ANY_ADDRESS, Arc::clone(&identity.config), None)?;
                transmit(&mut endpoint, out);
                self.stage = Stage::Handshaking(Box::new(endpoint));
            }
            (Stage::Handshaking(endpoint), [20..=63, ..]) => {
                let events = endpoint.read(now, ANY_ADDRESS, None, BytesMut::from(datagram))?;
                transmit(endpoint, out);
                if events.iter().any(|event| matches!(event, EndpointEvent::HandshakeComplete)) {
                    let keys = keys(endpoint, &self.server_fingerprint, identity)?;
                    self.stage = Stage::Connected;
                    return Ok(Some(keys));
                }
            }
            _ => {}
        }
        Ok(None)
    }

    /// Repeats what went unanswered; to be called every few milliseconds until connected.
    pub(super) fn tick(&mut self, now: Instant, out: &mut Vec<BytesMut>) -> Progress {
        match &mut self.stage {
            Stage::Connected => return Progress::Pending,
            Stage::Checking { next_at } if *next_at <= now => {
                *next_at = now + CHECK_INTERVAL;
                out.push(BytesMut::from(&self.check[..]));
            }
            Stage::Checking { .. } => {}
            Stage::Handshaking(endpoint) => {
                if let Err(error) = endpoint.handle_timeout(ANY_ADDRESS, now) {
                    return Progress::Failed(error.to_string());
                }
                transmit(endpoint, out);
            }
        }
        if now < self.give_up_at {
            return Progress::Pending;
        }
        let waited_for = if matches!(self.stage, Stage::Checking { .. }) { "ICE" } else { "DTLS" };
        Progress::Failed(format!("{waited_for} took more than {} s", GIVE_UP.as_secs()))
    }
}

fn transmit(endpoint: &mut Endpoint, out: &mut Vec<BytesMut>) {
    out.extend(std::iter::from_fn(|| endpoint.poll_transmit().map(|transmit| transmit.message)));
}

fn keys(
    endpoint: &Endpoint,
    fingerprint: &[u8; 32],
    identity: &Identity,
) -> Result<Keys, Box<dyn Error>> {
    let crypto = identity.provider.crypto();
    let state = endpoint.get_connection_state(ANY_ADDRESS).ok_or("no DTLS state")?;
    if state.srtp_protection_profile() != SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm {
        return Err("the server chose no AEAD_AES_128_GCM".into());
    }
    let shown = state.peer_certificates.first().ok_or("the server showed no certificate")?;
    if crypto.hash(HashAlgorithm::Sha256, shown)?.as_slice() != fingerprint {
        return Err("the server's certificate is not the answer's".into());
    }
    let profile = ProtectionProfile::AeadAes128Gcm;
    let mut config = SrtpConfig { profile, ..SrtpConfig::default() };
    let material = state.export_keying_material(
        LABEL_EXTRACTOR_DTLS_SRTP,
        &[],
        config.keying_material_len(),
    )?;
    config.set_session_keys_from_keying_material(&material.into_bytes(), true)?;
    let keys = &config.keys;
    let context = |key: &[u8], salt: &[u8]| Context::new(key, salt, profile, None, None, crypto);
    Ok(Keys {
        outbound: context(&keys.local_master_key, &keys.local_master_salt)?,
        inbound: context(&keys.remote_master_key, &keys.remote_master_salt)?,
    })
}

/// A check that nominates (RFC 8445 sections 7.2.2 and 8.1.1): the server is ICE-lite, so we control.
fn check(
    our_ufrag: &str,
    answer: &Answer,
    identity: &Identity,
) -> Result<Box<[u8]>, Box<dyn Error>> {
    let raw =
        |typ, value: &[u8]| RawAttribute { typ, length: value.len() as u16, value: value.to_vec() };
    let username = format!("{}:{our_ufrag}", answer.ufrag);
    let integrity = MessageIntegrity::new_short_term_integrity_with_provider(
        answer.pwd.clone(),
        identity.provider.crypto(),
    );
    // A peer-reflexive candidate's priority, as the host candidate it is would have it.
    let priority: u32 = (110 << 24) | (0xffff << 8) | 255;
    let setters: [Box<dyn Setter + '_>; 8] = [
        Box::new(TransactionId::new()),
        Box::new(BINDING_REQUEST),
        Box::new(raw(ATTR_USERNAME, username.as_bytes())),
        Box::new(raw(ATTR_PRIORITY, &priority.to_be_bytes())),
        Box::new(raw(ATTR_ICE_CONTROLLING, &[7; 8])),
        Box::new(raw(ATTR_USE_CANDIDATE, &[])),
        Box::new(integrity),
        Box::new(FINGERPRINT),
    ];
    let mut message = Message::new();
    message.build(&setters)?;
    Ok(message.raw.into_boxed_slice())
}

#[cfg(test)]
#[path = "transport/tests.rs"]
mod tests;
