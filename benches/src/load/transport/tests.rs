//! Against the crates' own server side, in virtual time.

use super::*;
use rtc_dtls::config::ClientAuthType;
use rtc_stun::message::BINDING_SUCCESS;

struct Server {
    provider: AwsLcRsProvider,
    endpoint: Endpoint,
    fingerprint: [u8; 32],
}

impl Server {
    fn new() -> Self {
        let provider = AwsLcRsProvider::new();
        let certificate =
            Certificate::generate_self_signed(vec!["server".to_owned()], provider.crypto())
                .unwrap();
        let digest =
            provider.crypto().hash(HashAlgorithm::Sha256, &certificate.certificate[0]).unwrap();
        let config = ConfigBuilder::default()
            .with_crypto_provider(Arc::new(AwsLcRsProvider::new()))
            .with_certificates(vec![certificate])
            .with_srtp_protection_profiles(vec![SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm])
            .with_client_auth(ClientAuthType::RequireAnyClientCert)
            .with_insecure_skip_verify(true)
            .build(false, None)
            .unwrap();
        let endpoint = Endpoint::new(ANY_ADDRESS, TransportProtocol::UDP, Some(Arc::new(config)));
        Self { provider, endpoint, fingerprint: digest.as_slice().try_into().unwrap() }
    }

    fn answer(&self) -> Answer {
        Answer {
            ufrag: "serv".to_owned(),
            pwd: "0123456789abcdefghijkl".to_owned(),
            fingerprint: self.fingerprint,
            server: "127.0.0.1:9".parse().unwrap(),
            slot_ssrcs: [1, 2, 3, 4],
        }
    }

    /// Checks the credentials, then answers; everything else goes to DTLS.
    fn take(&mut self, now: Instant, datagram: &[u8]) -> Vec<BytesMut> {
        if datagram[0] < 4 {
            let mut check = Message::new();
            check.unmarshal_binary(datagram).unwrap();
            assert_eq!(check.get(ATTR_USERNAME).unwrap(), b"serv:load");
            assert!(check.contains(ATTR_USE_CANDIDATE) && check.contains(ATTR_PRIORITY));
            MessageIntegrity::check(&mut check, b"0123456789abcdefghijkl", self.provider.crypto())
                .unwrap();
            FINGERPRINT.check(&check).unwrap();
            let mut answer = Message::new();
            answer.build(&[Box::new(check.transaction_id), Box::new(BINDING_SUCCESS)]).unwrap();
            return vec![BytesMut::from(&answer.raw[..])];
        }
        self.endpoint.read(now, ANY_ADDRESS, None, BytesMut::from(datagram)).unwrap();
        std::iter::from_fn(|| self.endpoint.poll_transmit().map(|transmit| transmit.message))
            .collect()
    }
}

/// Runs both until the client is done; `lost` loses client datagrams by their ordinal. Gives the result and how long
/// it took in virtual time.
fn run(
    server: &mut Server,
    answer: &Answer,
    lost: &[usize],
) -> (Result<Box<Keys>, String>, Duration) {
    let identity = Identity::generate().unwrap();
    let start = Instant::now();
    let mut out = Vec::new();
    let mut client = Transport::start(start, "load", answer, &identity, &mut out).unwrap();
    let mut sent = 0;
    for step in 0.. {
        let now = start + Duration::from_millis(10) * step;
        match client.tick(now, &mut out) {
            Progress::Failed(error) => return (Err(error), now - start),
            Progress::Pending => {}
            Progress::Connected(_) => panic!("a tick does not connect"),
        }
        while let Some(datagram) = (!out.is_empty()).then(|| out.remove(0)) {
            sent += 1;
            if lost.contains(&(sent - 1)) {
                continue;
            }
            for back in server.take(now, &datagram) {
                match client.datagram(now, &back, &identity, &mut out) {
                    Progress::Connected(keys) => return (Ok(keys), now - start),
                    Progress::Failed(error) => return (Err(error), now - start),
                    Progress::Pending => {}
                }
            }
        }
    }
    unreachable!("a client gives up")
}

#[test]
fn it_connects_and_both_sides_have_the_same_keys() {
    let mut server = Server::new();
    let answer = server.answer();
    let (result, _) = run(&mut server, &answer, &[]);
    let mut keys = result.unwrap();
    let state = server.endpoint.get_connection_state(ANY_ADDRESS).unwrap();
    let profile = ProtectionProfile::AeadAes128Gcm;
    let mut config = SrtpConfig { profile, ..SrtpConfig::default() };
    let material = state
        .export_keying_material(LABEL_EXTRACTOR_DTLS_SRTP, &[], config.keying_material_len())
        .unwrap();
    config.set_session_keys_from_keying_material(&material.into_bytes(), false).unwrap();
    let crypto = server.provider.crypto();
    let context =
        |key: &[u8], salt: &[u8]| Context::new(key, salt, profile, None, None, crypto).unwrap();
    let mut theirs = context(&config.keys.remote_master_key, &config.keys.remote_master_salt);
    let mut ours = context(&config.keys.local_master_key, &config.keys.local_master_salt);
    let packet = [&[0x80, 111, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5][..], b"voice"].concat();
    assert_eq!(theirs.decrypt_rtp(&keys.outbound.encrypt_rtp(&packet).unwrap()).unwrap(), packet);
    assert_eq!(keys.inbound.decrypt_rtp(&ours.encrypt_rtp(&packet).unwrap()).unwrap(), packet);
}

#[test]
fn a_lost_check_and_a_lost_hello_are_repeated() {
    let mut server = Server::new();
    let answer = server.answer();
    let (result, took) = run(&mut server, &answer, &[0, 2]);
    assert!(result.is_ok());
    assert!(took >= CHECK_INTERVAL + FLIGHT_INTERVAL && took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn a_silent_server_is_given_up_and_a_false_one_refused() {
    let mut server = Server::new();
    let answer = server.answer();
    let all: Vec<usize> = (0..1000).collect();
    let (result, took) = run(&mut server, &answer, &all);
    assert_eq!(result.err(), Some("ICE took more than 20 s".to_owned()));
    assert_eq!(took, GIVE_UP);
    let false_answer = Answer { fingerprint: [0; 32], ..server.answer() };
    let (result, _) = run(&mut server, &false_answer, &[]);
    assert_eq!(result.err(), Some("the server's certificate is not the answer's".to_owned()));
}
