//! The seam around DTLS 1.2: datagrams in, datagrams and SRTP keys out. Nothing else here knows `rtc-dtls`.
//!
//! Owned by a peer on its shard; no clock, no socket. What the seam adds to the crate behind it:
//! * GCM for whoever offers it: the crate follows the client's order of SRTP profiles, so the GCM-only configuration
//!   is tried first and the handshake begun anew with AES-CM if the client has no GCM.
//! * Retransmission. In the crate, a repeated ClientHello silences the retransmission timer for good. Here the last
//!   flight is kept and sent again, byte for byte, by our own timer and when the peer repeats itself. A verbatim copy
//!   is what the network could have made of it too: a peer that has it drops it as a replay.
//! * Bounds on what an unfinished handshake can make us hold, checked before the crate sees a byte.
//! * Little memory: once done, only what close_notify and a repeat of the last flight need is kept, serialised.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc_crypto::providers::AwsLcRsProvider;
use rtc_crypto::{HashAlgorithm, RTCCryptoProvider};
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_dtls::state::State;
use rtc_shared::TransportProtocol;
use rtc_shared::error::Error;

use crate::srtp::SrtpProfile;

mod record;

/// The crate keys its connections by address; ours is one per endpoint and the path may change, so: any.
const ANY_ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

/// First interval of retransmission, doubled each time. RFC 6347 section 4.2.4.1 recommends one second for unknown
/// paths; this path was just proved alive by ICE, and browsers start at 50 ms.
const FIRST_INTERVAL: Duration = Duration::from_millis(100);
const LONGEST_INTERVAL: Duration = Duration::from_secs(2);
/// The least time between two copies of a flight, so that a burst of repeats is answered once.
const LEAST_INTERVAL: Duration = Duration::from_millis(30);
/// Copies of the finished handshake's last flight. A client repeats itself about seven times before it gives up.
const LAST_FLIGHT_COPIES: u8 = 8;
/// Datagrams one attempt may take: a full one needs 4 to 8, each may be repeated several times under loss.
const ATTEMPT_DATAGRAMS: u8 = 64;
/// Datagrams kept to be replayed if the client turns out to have no GCM: two ClientHellos of two datagrams, twice.
const OPENING_DATAGRAMS: usize = 8;

/// Attempts of one peer: a browser needs one, with loss and restarts a few. Then 20 a second, 4 ms of work.
const ATTEMPT_BURST: u32 = 16;
const ATTEMPT_INTERVAL: Duration = Duration::from_millis(50);

/// The label of RFC 5764 section 4.2.
const SRTP_EXPORTER: &str = "EXTRACTOR-dtls_srtp";

/// The process's certificate and what follows from it. Shared by all peers.
pub(crate) struct Identity {
    provider: Arc<dyn RTCCryptoProvider>,
    gcm: Arc<HandshakeConfig>,
    cm: Arc<HandshakeConfig>,
    fingerprint: Fingerprint,
}

/// SHA-256 of a certificate (RFC 8122 section 5).
pub(crate) type Fingerprint = [u8; 32];

impl Identity {
    pub(crate) fn generate() -> Result<Self, Error> {
        let provider: Arc<dyn RTCCryptoProvider> = Arc::new(AwsLcRsProvider::new());
        let certificate =
            Certificate::generate_self_signed(vec!["palco".to_owned()], provider.crypto())?;
        let fingerprint = fingerprint(&*provider, &certificate.certificate[0])?;
        let config = |profile| {
            ConfigBuilder::default()
                .with_crypto_provider(Arc::clone(&provider))
                .with_certificates(vec![certificate.clone()])
                .with_srtp_protection_profiles(vec![profile])
                // Self-signed on both sides: the fingerprints in offer and answer stand for the chain (RFC 5763).
                .with_client_auth(ClientAuthType::RequireAnyClientCert)
                .with_insecure_skip_verify(true)
                .with_extended_master_secret(ExtendedMasterSecretType::Require)
                .build(false, None)
                .map(Arc::new)
        };
        Ok(Self {
            gcm: config(SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm)?,
            cm: config(SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80)?,
            fingerprint,
            provider,
        })
    }

    pub(crate) fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    pub(crate) fn provider(&self) -> &dyn RTCCryptoProvider {
        &*self.provider
    }

    fn endpoint(&self, config: &Arc<HandshakeConfig>) -> Endpoint {
        Endpoint::new(ANY_ADDRESS, TransportProtocol::UDP, Some(Arc::clone(config)))
    }
}

pub(crate) fn fingerprint(
    provider: &dyn RTCCryptoProvider,
    certificate: &[u8],
) -> Result<Fingerprint, Error> {
    provider
        .crypto()
        .hash(HashAlgorithm::Sha256, certificate)
        .map_err(|error| Error::Crypto(error.to_string()))?
        .as_slice()
        .try_into()
        .map_err(|_| Error::ErrInvalidCertificate)
}

/// What came of a datagram.
pub(crate) enum Progress {
    /// Nothing for the caller but the datagrams to send.
    Pending,
    /// The handshake is done.
    Connected(Secured),
    /// The client said close_notify.
    Closed,
    /// The attempt failed and was forgotten; the client may begin anew.
    Failed,
}

/// A finished handshake's result.
pub(crate) struct Secured {
    pub(crate) profile: SrtpProfile,
    /// `profile.material_len()` bytes of exported keying material.
    pub(crate) material: Vec<u8>,
    /// Of the certificate that the client showed.
    pub(crate) peer_fingerprint: Fingerprint,
}

/// One peer's DTLS, server side.
pub(crate) struct Dtls {
    state: Phase,
    /// When the budget of attempts is whole again.
    attempts_paid_at: Option<Instant>,
}

enum Phase {
    /// Nothing received yet, or the last attempt failed.
    Idle,
    Handshaking(Box<Handshake>),
    Established(Box<Established>),
}

/// An attempt under way.
struct Handshake {
    endpoint: Endpoint,
    /// Everything received until the profile is settled: empty afterwards.
    opening: Vec<BytesMut>,
    profile: SrtpProfile,
    /// The client's random, from the hello that began the attempt.
    random: Option<[u8; 32]>,
    flight: Flight,
    retransmit_at: Option<Instant>,
    interval: Duration,
    datagrams_left: u8,
}

#[derive(Default)]
struct Flight {
    datagrams: Vec<BytesMut>,
    sent_at: Option<Instant>,
}

impl Flight {
    fn repeat(&mut self, now: Instant, out: &mut Vec<BytesMut>) -> bool {
        let too_soon =
            self.sent_at.is_some_and(|at| now.saturating_duration_since(at) < LEAST_INTERVAL);
        if self.datagrams.is_empty() || too_soon {
            return false;
        }
        self.sent_at = Some(now);
        out.extend(self.datagrams.iter().cloned());
        true
    }
}

/// What a finished handshake leaves behind.
struct Established {
    /// The crate's own serialisation of keys and counters, without the peer's certificate.
    state: Box<[u8]>,
    last_flight: Flight,
    copies_left: u8,
}

impl Dtls {
    pub(crate) fn new() -> Self {
        Self { state: Phase::Idle, attempts_paid_at: None }
    }

    /// Takes one datagram from the peer's validated path; appends what is to be sent.
    pub(crate) fn datagram(
        &mut self,
        now: Instant,
        datagram: &[u8],
        identity: &Identity,
        out: &mut Vec<BytesMut>,
    ) -> Progress {
        if !record::is_acceptable(datagram) {
            return Progress::Pending;
        }
        let begins = match &mut self.state {
            Phase::Established(established) => {
                return established.datagram(now, datagram, identity, out);
            }
            _ if record::is_meddling(datagram) => return Progress::Pending,
            Phase::Idle => {
                if !record::is_hello(datagram) {
                    return Progress::Pending;
                }
                true
            }
            // Another hello than the one that began this attempt: the client started over, or somebody forged the
            // first. The crate would go on with the first one's random; the latest wins instead.
            Phase::Handshaking(handshake) => record::opening_random(datagram)
                .is_some_and(|random| handshake.random.is_some_and(|known| known != random)),
        };
        if begins {
            if !self.may_attempt(now) {
                return Progress::Pending;
            }
            self.state = Phase::Handshaking(Box::new(Handshake::new(identity)));
        }
        let Phase::Handshaking(handshake) = &mut self.state else {
            return Progress::Pending;
        };
        match handshake.datagram(now, datagram, identity, out) {
            Ok(None) => Progress::Pending,
            Ok(Some((secured, established))) => {
                self.state = Phase::Established(Box::new(established));
                Progress::Connected(secured)
            }
            Err(_) => {
                self.state = Phase::Idle;
                Progress::Failed
            }
        }
    }

    /// A peer with valid credentials could otherwise have us sign for it all day.
    fn may_attempt(&mut self, now: Instant) -> bool {
        let paid_at = self.attempts_paid_at.map_or(now, |at| at.max(now)) + ATTEMPT_INTERVAL;
        let allowed = paid_at <= now + ATTEMPT_INTERVAL * ATTEMPT_BURST;
        if allowed {
            self.attempts_paid_at = Some(paid_at);
        }
        allowed
    }

    /// When `timeout` is due.
    pub(crate) fn timeout_at(&self) -> Option<Instant> {
        match &self.state {
            Phase::Handshaking(handshake) => handshake.retransmit_at,
            Phase::Idle | Phase::Established(_) => None,
        }
    }

    /// Sends the unanswered flight again if it is due.
    pub(crate) fn timeout(&mut self, now: Instant, out: &mut Vec<BytesMut>) {
        if let Phase::Handshaking(handshake) = &mut self.state
            && handshake.retransmit_at.is_some_and(|at| at <= now)
        {
            handshake.flight.repeat(now, out);
            handshake.interval = (handshake.interval * 2).min(LONGEST_INTERVAL);
            handshake.retransmit_at = Some(now + handshake.interval);
        }
    }

    /// Says close_notify, if there is anything to close.
    pub(crate) fn close(&mut self, now: Instant, identity: &Identity, out: &mut Vec<BytesMut>) {
        if let Phase::Established(established) = &self.state
            && let Some(mut endpoint) = established.revive(now, identity)
        {
            let _ = endpoint.stop(now, ANY_ADDRESS);
            out.extend(transmits(&mut endpoint));
        }
        self.state = Phase::Idle;
    }
}

fn transmits(endpoint: &mut Endpoint) -> impl Iterator<Item = BytesMut> {
    std::iter::from_fn(|| endpoint.poll_transmit().map(|transmit| transmit.message))
}

impl Handshake {
    fn new(identity: &Identity) -> Self {
        Self {
            endpoint: identity.endpoint(&identity.gcm),
            opening: Vec::new(),
            profile: SrtpProfile::Aes128Gcm,
            random: None,
            flight: Flight::default(),
            retransmit_at: None,
            interval: FIRST_INTERVAL,
            datagrams_left: ATTEMPT_DATAGRAMS,
        }
    }

    fn datagram(
        &mut self,
        now: Instant,
        datagram: &[u8],
        identity: &Identity,
        out: &mut Vec<BytesMut>,
    ) -> Result<Option<(Secured, Established)>, Error> {
        self.datagrams_left =
            self.datagrams_left.checked_sub(1).ok_or(Error::HandshakeInProgress)?;
        self.random = self.random.or(record::opening_random(datagram));
        let datagram = BytesMut::from(datagram);
        if self.flight.datagrams.is_empty() && self.opening.len() < OPENING_DATAGRAMS {
            self.opening.push(datagram.clone());
        }
        let events = match self.endpoint.read(now, ANY_ADDRESS, None, datagram) {
            Err(Error::ErrServerNoMatchingSrtpProfile)
                if self.profile == SrtpProfile::Aes128Gcm =>
            {
                self.profile = SrtpProfile::Aes128CmSha1;
                self.endpoint = identity.endpoint(&identity.cm);
                let mut events = Vec::new();
                for datagram in self.opening.drain(..) {
                    events.extend(self.endpoint.read(now, ANY_ADDRESS, None, datagram)?);
                }
                events
            }
            result => result?,
        };
        let flight: Vec<BytesMut> = transmits(&mut self.endpoint).collect();
        if flight.is_empty() {
            // Perhaps the peer repeats itself because our flight was lost.
            self.flight.repeat(now, out);
        } else {
            self.opening = Vec::new();
            out.extend(flight.iter().cloned());
            self.flight = Flight { datagrams: flight, sent_at: Some(now) };
            self.interval = FIRST_INTERVAL;
            self.retransmit_at = Some(now + self.interval);
        }
        match events.first() {
            None => Ok(None),
            Some(EndpointEvent::HandshakeComplete) => self.complete(identity).map(Some),
            // Alerts and data before the end are nobody's in particular: begin anew.
            Some(_) => Err(Error::HandshakeInProgress),
        }
    }

    fn complete(&mut self, identity: &Identity) -> Result<(Secured, Established), Error> {
        let state =
            self.endpoint.get_connection_state(ANY_ADDRESS).ok_or(Error::HandshakeInProgress)?;
        let negotiated = match state.srtp_protection_profile() {
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm => SrtpProfile::Aes128Gcm,
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80 => SrtpProfile::Aes128CmSha1,
            _ => return Err(Error::ErrServerNoMatchingSrtpProfile),
        };
        let certificate = state.peer_certificates.first().ok_or(Error::ErrInvalidCertificate)?;
        let material =
            state.export_keying_material(SRTP_EXPORTER, &[], negotiated.material_len())?;
        let secured = Secured {
            profile: negotiated,
            material: material.into_bytes(),
            peer_fingerprint: fingerprint(identity.provider(), certificate)?,
        };
        let mut slim = State::new(Arc::clone(&identity.provider), false);
        slim.unmarshal_binary(&state.marshal_binary()?)?;
        slim.peer_certificates = Vec::new();
        let established = Established {
            state: slim.marshal_binary()?.into_boxed_slice(),
            last_flight: std::mem::take(&mut self.flight),
            copies_left: LAST_FLIGHT_COPIES,
        };
        Ok((secured, established))
    }
}

impl Established {
    fn datagram(
        &mut self,
        now: Instant,
        datagram: &[u8],
        identity: &Identity,
        out: &mut Vec<BytesMut>,
    ) -> Progress {
        // RFC 6347 section 4.2.4: the client repeats its last flight because ours was lost. A ClientHello is not
        // that, and neither answered nor believed: whoever sends it holds no key of this association.
        if record::repeats_client_finish(datagram) {
            if self.copies_left > 0 && self.last_flight.repeat(now, out) {
                self.copies_left -= 1;
            }
            return Progress::Pending;
        }
        if !record::is_protected_alert(datagram) {
            return Progress::Pending;
        }
        let Some(mut endpoint) = self.revive(now, identity) else {
            return Progress::Pending;
        };
        let closed =
            endpoint.read(now, ANY_ADDRESS, None, BytesMut::from(datagram)).is_ok_and(|events| {
                events.iter().any(|event| matches!(event, EndpointEvent::PeerClosed))
            });
        if !closed {
            return Progress::Pending;
        }
        out.extend(transmits(&mut endpoint));
        Progress::Closed
    }

    /// The association as the crate knows it, for one alert. It restores states only where it "connects"; the state
    /// itself says that we are the server, and that is what chooses the keys.
    fn revive(&self, now: Instant, identity: &Identity) -> Option<Endpoint> {
        let mut state = State::new(Arc::clone(&identity.provider), false);
        state.unmarshal_binary(&self.state).ok()?;
        let mut endpoint = identity.endpoint(&identity.gcm);
        endpoint.connect(now, ANY_ADDRESS, Arc::clone(&identity.gcm), Some(state)).ok()?;
        Some(endpoint)
    }
}

#[cfg(test)]
mod tests;
