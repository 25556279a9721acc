//! DTLS up to the end of the handshake: records of the data's choice, or a real client whose datagrams the data loses,
//! repeats and changes.

use std::collections::VecDeque;

use rtc_dtls::config::{ConfigBuilder, ExtendedMasterSecretType};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::endpoint::Endpoint;
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_shared::TransportProtocol;

use super::*;
use crate::dtls::fingerprint;

/// The crate keys its connections by address; one per endpoint here.
const ANY_ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1);
/// Losses that a handshake must get over within the time a run gives it.
const FEW: usize = 2;

/// See the module.
pub fn dtls(data: &[u8]) {
    let mut world = World::new();
    let Some((kind, data)) = data.split_first() else {
        return;
    };
    if kind & 1 == 0 {
        let caller = world.admit(1);
        for (tag, bytes) in parts(data) {
            world.arrives(caller.path, &mut bytes.to_vec());
            world.passes(Duration::from_millis(u64::from(tag)));
        }
    } else {
        shake_hands(&mut world, data);
    }
    world.is_sound();
}

/// Each part of the data is done to one of the client's datagrams; what comes after them passes as it is.
fn shake_hands(world: &mut World, data: &[u8]) {
    let mut client = Client::new(world.now);
    let caller = world.admit_with(1, Some(client.fingerprint));
    let mut parts = parts(data);
    let (mut lost, mut changed) = (0, 0);
    // More turns than any handshake takes, each as long as a way and back.
    for _ in 0..60 {
        for mut datagram in client.says(world.now) {
            let Some((tag, bytes)) = parts.next() else {
                world.arrives(caller.path, &mut datagram);
                continue;
            };
            match tag % 8 {
                0 => {}
                1 => {
                    lost += 1;
                    continue;
                }
                2 => {
                    world.arrives(caller.path, &mut datagram.clone());
                }
                3 => {
                    changed += 1;
                    for at in bytes.chunks_exact(3) {
                        let index =
                            usize::from(u16::from_le_bytes([at[0], at[1]])) % datagram.len();
                        datagram[index] ^= at[2];
                    }
                }
                4 => {
                    changed += 1;
                    datagram.truncate(bytes.len());
                }
                5 => {
                    changed += 1;
                    datagram.extend_from_slice(bytes);
                }
                6 => {
                    changed += 1;
                    world.arrives(caller.path, &mut bytes.to_vec());
                }
                _ => {
                    changed += 1;
                    datagram = bytes.to_vec();
                }
            }
            world.arrives(caller.path, &mut datagram);
        }
        world.passes(Duration::from_millis(20));
        client.hears(world.now, world.sent.drain(..).map(|(_, bytes)| bytes));
    }
    if changed == 0 && lost <= FEW {
        assert_eq!(world.shard.stats.handshakes_done, 1, "no loss of {lost} keeps anybody out");
    }
}

struct Client {
    endpoint: Endpoint,
    fingerprint: [u8; 32],
    waiting: VecDeque<Vec<u8>>,
}

impl Client {
    fn new(now: Instant) -> Self {
        static CERTIFICATE: OnceLock<Certificate> = OnceLock::new();
        let provider: Arc<dyn rtc_crypto::RTCCryptoProvider> = Arc::new(AwsLcRsProvider::new());
        let certificate = CERTIFICATE.get_or_init(|| {
            Certificate::generate_self_signed(vec!["client".to_owned()], provider.crypto())
                .expect("invariant: a certificate can be made")
        });
        let fingerprint = fingerprint(&*provider, &certificate.certificate[0])
            .expect("invariant: anything has a hash");
        let config = ConfigBuilder::default()
            .with_crypto_provider(provider)
            .with_certificates(vec![certificate.clone()])
            .with_srtp_protection_profiles(vec![SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm])
            .with_insecure_skip_verify(true)
            .with_extended_master_secret(ExtendedMasterSecretType::Require)
            .with_flight_interval(Duration::from_millis(50))
            .build(true, None)
            .expect("invariant: a client's configuration");
        let mut endpoint = Endpoint::new(ANY_ADDRESS, TransportProtocol::UDP, None);
        let begun = endpoint.connect(now, ANY_ADDRESS, Arc::new(config), None);
        assert!(begun.is_ok(), "a first flight");
        Self { endpoint, fingerprint, waiting: VecDeque::new() }
    }

    fn says(&mut self, now: Instant) -> Vec<Vec<u8>> {
        // Its own fault if it cannot: the handshake then fails, which only a changed one may.
        let _ = self.endpoint.handle_timeout(ANY_ADDRESS, now);
        let transmits = std::iter::from_fn(|| self.endpoint.poll_transmit());
        self.waiting.extend(transmits.map(|transmit| transmit.message.to_vec()));
        self.waiting.drain(..).filter(|datagram| !datagram.is_empty()).collect()
    }

    fn hears(&mut self, now: Instant, datagrams: impl Iterator<Item = Vec<u8>>) {
        for datagram in datagrams {
            if classify(&datagram) == Some(Kind::Dtls) {
                // What a changed handshake makes of the client is not what is tested.
                let _ = self.endpoint.read(now, ANY_ADDRESS, None, datagram[..].into());
            }
        }
    }
}
