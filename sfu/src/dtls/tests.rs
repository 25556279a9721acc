//! Handshakes in virtual time against the crate's own client, over a network that loses what it is told to.

use super::*;

const ONE_WAY: Duration = Duration::from_millis(5);
/// Chromium's and Firefox's first interval of retransmission.
const CLIENT_INTERVAL: Duration = Duration::from_millis(50);
const GCM: SrtpProtectionProfile = SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm;
const CM: SrtpProtectionProfile = SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80;

/// RFC 6347 section 4.2.4: the messages of one turn, which are lost and repeated together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FlightNo {
    Hello,
    VerifyRequest,
    HelloWithCookie,
    ServerHello,
    ClientFinished,
    ServerFinished,
}

use FlightNo::*;

fn flight_of(from_client: bool, datagram: &[u8]) -> FlightNo {
    let message = (datagram[0] == 22 && datagram[4] == 0).then(|| datagram[13]);
    match (from_client, message) {
        (true, Some(1)) if datagram[18] == 0 => Hello,
        (true, Some(1)) => HelloWithCookie,
        (true, _) => ClientFinished,
        (false, Some(3)) => VerifyRequest,
        (false, Some(_)) => ServerHello,
        (false, None) => ServerFinished,
    }
}

struct Client {
    endpoint: Endpoint,
    connected: bool,
    closed: bool,
}

impl Client {
    fn new(now: Instant, profiles: &[SrtpProtectionProfile]) -> Self {
        let provider: Arc<dyn RTCCryptoProvider> = Arc::new(AwsLcRsProvider::new());
        let certificate =
            Certificate::generate_self_signed(vec!["client".to_owned()], provider.crypto())
                .unwrap();
        let config = ConfigBuilder::default()
            .with_crypto_provider(provider)
            .with_certificates(vec![certificate])
            .with_srtp_protection_profiles(profiles.to_vec())
            .with_insecure_skip_verify(true)
            .with_extended_master_secret(ExtendedMasterSecretType::Require)
            .with_flight_interval(CLIENT_INTERVAL)
            .build(true, None)
            .unwrap();
        let mut endpoint = Endpoint::new(ANY_ADDRESS, TransportProtocol::UDP, None);
        endpoint.connect(now, ANY_ADDRESS, Arc::new(config), None).unwrap();
        Self { endpoint, connected: false, closed: false }
    }

    fn datagram(&mut self, now: Instant, datagram: &[u8]) {
        let events = self
            .endpoint
            .read(now, ANY_ADDRESS, None, BytesMut::from(datagram))
            .unwrap_or_default();
        for event in events {
            match event {
                EndpointEvent::HandshakeComplete => self.connected = true,
                EndpointEvent::PeerClosed => self.closed = true,
                _ => {}
            }
        }
    }

    fn material(&self, len: usize) -> Vec<u8> {
        self.endpoint
            .get_connection_state(ANY_ADDRESS)
            .unwrap()
            .export_keying_material(SRTP_EXPORTER, &[], len)
            .unwrap()
            .into_bytes()
    }
}

/// A client, a server and the network between them.
struct World {
    now: Instant,
    start: Instant,
    identity: Identity,
    client: Client,
    server: Dtls,
    secured: Option<Secured>,
    server_closed: bool,
    in_flight: std::collections::VecDeque<(Instant, bool, BytesMut)>,
    sent: usize,
}

impl World {
    fn new(profiles: &[SrtpProtectionProfile]) -> Self {
        let now = Instant::now();
        Self {
            now,
            start: now,
            identity: Identity::generate().unwrap(),
            client: Client::new(now, profiles),
            server: Dtls::new(),
            secured: None,
            server_closed: false,
            in_flight: std::collections::VecDeque::new(),
            sent: 0,
        }
    }

    /// Runs until nothing is left to happen or virtual `limit` is over. `lost` is asked for each datagram:
    /// its flight, its ordinal among all sent, when.
    fn run(&mut self, limit: Duration, lost: &mut dyn FnMut(FlightNo, usize, Instant) -> bool) {
        let end = self.now + limit;
        loop {
            let mut out = Vec::new();
            out.extend(transmits(&mut self.client.endpoint).map(|d| (true, d)));
            self.send(out, lost);
            let due = self.in_flight.front().map(|(at, ..)| *at);
            let timeouts =
                [due, self.server.timeout_at(), self.client.endpoint.poll_timeout(&ANY_ADDRESS)];
            let next = timeouts.into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            let mut out = Vec::new();
            if due.is_some_and(|at| at <= self.now)
                && let Some((_, from_client, datagram)) = self.in_flight.pop_front()
            {
                if from_client {
                    match self.server.datagram(self.now, &datagram, &self.identity, &mut out) {
                        Progress::Connected(secured) => self.secured = Some(secured),
                        Progress::Closed => self.server_closed = true,
                        Progress::Failed => panic!("a good client's attempt failed"),
                        Progress::Pending => {}
                    }
                } else {
                    self.client.datagram(self.now, &datagram);
                }
            }
            self.server.timeout(self.now, &mut out);
            let _ = self.client.endpoint.handle_timeout(ANY_ADDRESS, self.now);
            self.send(out.into_iter().map(|d| (false, d)).collect(), lost);
        }
    }

    fn send(
        &mut self,
        datagrams: Vec<(bool, BytesMut)>,
        lost: &mut dyn FnMut(FlightNo, usize, Instant) -> bool,
    ) {
        for (from_client, datagram) in datagrams {
            let ordinal = self.sent;
            self.sent += 1;
            if !lost(flight_of(from_client, &datagram), ordinal, self.now) {
                self.in_flight.push_back((self.now + ONE_WAY, from_client, datagram));
            }
        }
    }

    fn both_done(&self) -> bool {
        self.client.connected && self.secured.is_some()
    }

    fn until_done(&mut self, lost: &mut dyn FnMut(FlightNo, usize, Instant) -> bool) -> Duration {
        while !self.both_done() && self.now < self.start + Duration::from_secs(10) {
            self.run(Duration::from_millis(1), lost);
        }
        assert!(self.both_done(), "never finished");
        self.now - self.start
    }
}

fn lossless(_: FlightNo, _: usize, _: Instant) -> bool {
    false
}

#[test]
fn keys_agree_and_gcm_is_taken_whatever_the_client_prefers() {
    let cases: [(&[SrtpProtectionProfile], SrtpProfile); 4] = [
        (&[GCM], SrtpProfile::Aes128Gcm),
        (&[GCM, CM], SrtpProfile::Aes128Gcm),
        (&[CM, GCM], SrtpProfile::Aes128Gcm),
        (&[CM], SrtpProfile::Aes128CmSha1),
    ];
    for (offered, taken) in cases {
        let mut world = World::new(offered);
        let took = world.until_done(&mut lossless);
        assert!(took < Duration::from_millis(40), "three round trips: {took:?}");
        let secured = world.secured.as_ref().unwrap();
        assert_eq!(secured.profile, taken, "{offered:?}");
        assert_eq!(secured.material, world.client.material(taken.material_len()));
    }
}

#[test]
fn the_loss_of_any_flight_once_or_twice_costs_less_than_a_second() {
    let flights =
        [Hello, VerifyRequest, HelloWithCookie, ServerHello, ClientFinished, ServerFinished];
    for flight in flights {
        for times in 1..=2 {
            let mut world = World::new(&[CM, GCM]);
            // The datagrams of one transmission bear one time.
            let mut lost_at = Vec::new();
            let mut lost = |sent: FlightNo, _: usize, now: Instant| {
                if sent != flight || (!lost_at.contains(&now) && lost_at.len() == times) {
                    return false;
                }
                lost_at.push(now);
                lost_at.dedup();
                true
            };
            let took = world.until_done(&mut lost);
            assert_eq!(lost_at.len(), times, "{flight:?} was sent again");
            assert!(took < Duration::from_secs(1), "{flight:?} {times}: {took:?}");
        }
    }
}

#[test]
fn the_loss_of_any_one_or_two_datagrams_costs_less_than_a_second() {
    let mut world = World::new(&[GCM]);
    world.until_done(&mut lossless);
    let total = world.sent;
    for first in 0..total {
        for second in first..total + 2 {
            let mut world = World::new(&[GCM]);
            let took = world.until_done(&mut |_, ordinal, _| ordinal == first || ordinal == second);
            assert!(took < Duration::from_secs(1), "{first}, {second}: {took:?}");
        }
    }
}

#[test]
fn every_datagram_twice_does_no_harm() {
    let mut world = World::new(&[CM]);
    let mut copies = std::collections::VecDeque::new();
    while !world.both_done() {
        world.run(Duration::from_millis(1), &mut lossless);
        copies.extend(world.in_flight.iter().cloned());
        if let Some(copy) = copies.pop_front() {
            world.in_flight.push_back((world.now, copy.1, copy.2));
        }
        assert!(world.now < world.start + Duration::from_secs(1));
    }
}

#[test]
fn close_notify_is_heard_and_said_with_the_little_that_is_kept() {
    let mut world = World::new(&[GCM]);
    world.until_done(&mut lossless);
    world.run(Duration::from_secs(3), &mut lossless);
    let Phase::Established(established) = &world.server.state else {
        panic!("established");
    };
    let kept = size_of_val(&**established)
        + established.state.len()
        + established.last_flight.datagrams.iter().map(BytesMut::capacity).sum::<usize>();
    assert!(kept < 1024, "{kept} bytes kept");

    let _ = world.client.endpoint.stop(world.now, ANY_ADDRESS);
    world.run(Duration::from_secs(1), &mut lossless);
    assert!(world.server_closed);

    let mut world = World::new(&[GCM]);
    world.until_done(&mut lossless);
    let mut out = Vec::new();
    world.server.close(world.now, &world.identity, &mut out);
    assert_eq!(out.len(), 1);
    world.client.datagram(world.now, &out[0]);
    assert!(world.client.closed);
    assert!(matches!(world.server.state, Phase::Idle));
}

#[test]
fn a_thousand_hellos_with_unusable_ciphers_leave_the_handshake_and_the_call_alone() {
    let mut bad = Client::new(Instant::now(), &[GCM]);
    let mut hello: Vec<u8> = transmits(&mut bad.endpoint).next().unwrap().to_vec();
    // Behind record and handshake headers: version 2, random 32, session id 1 + 0, cookie 1 + 0, then the ciphers.
    let ciphers_at = 13 + 12 + 2 + 32 + 1 + 1;
    let len = usize::from(u16::from_be_bytes([hello[ciphers_at], hello[ciphers_at + 1]]));
    hello[ciphers_at + 2..ciphers_at + 2 + len].fill(0xfa);

    let mut world = World::new(&[GCM]);
    let mut out = Vec::new();
    let mut failed = 0;
    for _ in 0..1_000 {
        let progress = world.server.datagram(world.now, &hello, &world.identity, &mut out);
        failed += usize::from(matches!(progress, Progress::Failed));
    }
    assert_eq!(failed, 16, "the others were not even looked at");
    assert!(out.is_empty());
    let took = world.until_done(&mut lossless);
    assert!(took < Duration::from_secs(1), "{took:?}");
    // Until the budget of attempts is whole again: now only the association itself can say no.
    world.run(ATTEMPT_INTERVAL * ATTEMPT_BURST, &mut lossless);
    for _ in 0..1_000 {
        let progress = world.server.datagram(world.now, &hello, &world.identity, &mut out);
        assert!(matches!(progress, Progress::Pending));
    }
    assert!(out.is_empty());
    let _ = world.client.endpoint.stop(world.now, ANY_ADDRESS);
    world.run(Duration::from_secs(1), &mut lossless);
    assert!(world.server_closed);
}

#[test]
fn an_attempt_holds_a_bounded_number_of_datagrams() {
    let mut client = Client::new(Instant::now(), &[GCM]);
    let hello = transmits(&mut client.endpoint).next().unwrap().to_vec();
    let mut world = World::new(&[GCM]);
    let mut out = Vec::new();
    let mut feed =
        |datagram: &[u8]| world.server.datagram(world.now, datagram, &world.identity, &mut out);
    assert!(matches!(feed(&hello), Progress::Pending));
    // A fragment of a message that never completes.
    let mut stray = hello[..13 + 12 + 10].to_vec();
    stray[11..13].copy_from_slice(&22_u16.to_be_bytes());
    stray[18] = 9;
    stray[22..25].copy_from_slice(&[0, 0, 10]);
    let failed_after = (0..1_000)
        .position(|seq: u16| {
            stray[9..11].copy_from_slice(&(seq + 100).to_be_bytes());
            matches!(feed(&stray), Progress::Failed)
        })
        .unwrap();
    assert_eq!(failed_after, usize::from(ATTEMPT_DATAGRAMS) - 1);
}

#[test]
fn alerts_and_data_in_clear_end_no_handshake_at_any_moment() {
    let record = |content: u8, body: &[u8]| {
        [&[content, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 9, 9, 0, body.len() as u8][..], body].concat()
    };
    let meddling = [record(21, &[2, 40]), record(21, &[1, 0]), record(23, b"hello")];
    let mut world = World::new(&[GCM]);
    let mut out = Vec::new();
    while !world.both_done() {
        for datagram in &meddling {
            let progress = world.server.datagram(world.now, datagram, &world.identity, &mut out);
            assert!(matches!(progress, Progress::Pending));
        }
        assert!(out.is_empty());
        world.run(Duration::from_millis(1), &mut lossless);
        assert!(world.now < world.start + Duration::from_millis(40));
    }
}
