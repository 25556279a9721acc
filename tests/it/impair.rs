//! A bad network between one client and the server's media port: loss, bursts, jitter, reordering, duplicates,
//! silence of a direction, and a NAT that changes its port. In user space, on loopback, for one client at a time.
//!
//! What happens to the n-th packet of a kind (media or the rest) in a direction depends on the seed and n alone, never
//! on the clock: a failing test fails again with the same losses. Owned by the test.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    net::UdpSocket,
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep_until},
};

const LOOPBACK: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);
/// More than any packet of ours.
const MAX_DATAGRAM: usize = 2_048;

/// The sides' two ways through the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

/// How bad it is, in one direction. The default is a perfect network.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Conditions {
    /// Of a hundred packets, so many are lost,
    pub(crate) loss_percent: u32,
    /// so many in a row.
    pub(crate) burst: u32,
    /// Of a hundred media packets, so many come twice.
    pub(crate) duplicate_percent: u32,
    /// Of a hundred media packets, so many are overtaken by the next `overtaken_by`.
    pub(crate) reorder_percent: u32,
    /// How many media packets overtake.
    pub(crate) overtaken_by: usize,
    /// Each packet is late by up to so much, by chance; they keep their order.
    pub(crate) jitter: Duration,
    /// Nothing at all gets through.
    pub(crate) blackhole: bool,
    /// No STUN gets through.
    pub(crate) without_stun: bool,
    /// All this is over after so many media packets.
    pub(crate) media_packets: u64,
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            loss_percent: 0,
            burst: 1,
            duplicate_percent: 0,
            reorder_percent: 0,
            overtaken_by: 2,
            jitter: Duration::ZERO,
            blackhole: false,
            without_stun: false,
            media_packets: u64::MAX,
        }
    }
}

/// What was done to the media (RTP) of one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Done {
    /// Packets that came in.
    pub(crate) packets: u64,
    pub(crate) lost: u64,
    pub(crate) duplicated: u64,
    pub(crate) reordered: u64,
}

/// The network around one client.
pub(crate) struct Network {
    shared: Arc<Shared>,
    address: SocketAddr,
    _inside: JoinSet<()>,
}

struct Shared {
    server: SocketAddr,
    /// What the client sends to and hears from.
    inside: Arc<UdpSocket>,
    state: Mutex<State>,
}

struct State {
    /// A NAT's table: for each of the client's addresses the socket that the server sees.
    outside: HashMap<SocketAddr, Arc<UdpSocket>>,
    /// Former outside sockets: what still comes to them goes nowhere, as at a real NAT.
    former: Vec<Vec<Arc<UdpSocket>>>,
    /// Of the outside sockets in use.
    readers: JoinSet<()>,
    up: Direction,
    down: Direction,
    last_check: Vec<u8>,
}

impl Network {
    /// Comes between a client and the server of this answer's first candidate; the answer that makes the client go
    /// through it. Prints its seed.
    pub(crate) async fn around(answer: &str, seed: u64) -> (Self, String) {
        let network = Self::before(first_candidate(answer), seed).await;
        let answer = network.between(answer);
        (network, answer)
    }

    async fn before(server: SocketAddr, seed: u64) -> Self {
        #[expect(clippy::print_stderr, reason = "a failing test shows it")]
        {
            eprintln!("network seed {seed}");
        }
        let inside = Arc::new(UdpSocket::bind(LOOPBACK).await.expect("a socket"));
        let address = inside.local_addr().expect("bound");
        let state = State {
            outside: HashMap::new(),
            former: Vec::new(),
            readers: JoinSet::new(),
            up: Direction::new(seed),
            down: Direction::new(!seed),
            last_check: Vec::new(),
        };
        let shared = Arc::new(Shared { server, inside, state: Mutex::new(state) });
        let mut reading = JoinSet::new();
        reading.spawn(Arc::clone(&shared).read_inside());
        Self { shared, address, _inside: reading }
    }

    /// The answer with this network's address for the server's, as the only UDP candidate.
    pub(crate) fn between(&self, answer: &str) -> String {
        let ours = |line: &str| {
            let mut words: Vec<_> = line.split(' ').map(str::to_owned).collect();
            // RFC 8839, section 5.1: foundation, component, transport, priority, address, port.
            words[4] = self.address.ip().to_string();
            words[5] = self.address.port().to_string();
            words.join(" ")
        };
        let (mut changed, mut candidates) = (String::new(), 0);
        for line in answer.lines() {
            if line.starts_with("a=candidate:") && !line.contains(" tcp ") {
                candidates += 1;
                if candidates == 1 {
                    changed += &format!("{}\r\n", ours(line));
                }
            } else {
                changed += &format!("{line}\r\n");
            }
        }
        assert!(candidates > 0, "an answer with candidates: {answer}");
        changed
    }

    /// From now on it is like this; chances and counts begin anew. What was done until now.
    pub(crate) fn set(&self, way: Way, conditions: Conditions) -> Done {
        self.shared.state().direction(way).begin(conditions)
    }

    /// Where the client's packets go in the end.
    pub(crate) fn server(&self) -> SocketAddr {
        self.shared.server
    }

    /// What was done since the last `set`.
    pub(crate) fn done(&self, way: Way) -> Done {
        self.shared.state().direction(way).done
    }

    /// The NAT forgets what it knew: the server sees the client's next packet come from another port.
    pub(crate) fn rebind(&self) {
        let mut state = self.shared.state();
        state.readers.abort_all();
        let former: Vec<_> = state.outside.drain().map(|(_, socket)| socket).collect();
        assert!(!former.is_empty(), "nothing has passed yet");
        state.former.push(former);
    }

    /// The last STUN request that the client sent.
    pub(crate) fn last_check(&self) -> Vec<u8> {
        self.shared.state().last_check.clone()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // The readers hold what holds them.
        self.shared.state().readers.abort_all();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read_inside(self: Arc<Self>) {
        let mut buffer = [0; MAX_DATAGRAM];
        while let Ok((len, client)) = self.inside.recv_from(&mut buffer).await {
            let known = self.state().outside.get(&client).cloned();
            let outside = match known {
                Some(outside) => outside,
                None => self.open(client).await,
            };
            let datagram = &buffer[..len];
            let mut state = self.state();
            if Kind::of(datagram) == Kind::Check {
                state.last_check = datagram.to_vec();
            }
            state.up.pass(Parcel { bytes: datagram.to_vec(), by: outside, to: self.server });
        }
    }

    /// An outside socket for this address of the client's.
    async fn open(self: &Arc<Self>, client: SocketAddr) -> Arc<UdpSocket> {
        let outside = Arc::new(UdpSocket::bind(LOOPBACK).await.expect("a socket"));
        let mut state = self.state();
        state.outside.insert(client, Arc::clone(&outside));
        state.readers.spawn(Arc::clone(self).read_outside(Arc::clone(&outside), client));
        outside
    }

    async fn read_outside(self: Arc<Self>, outside: Arc<UdpSocket>, client: SocketAddr) {
        let mut buffer = [0; MAX_DATAGRAM];
        while let Ok(len) = outside.recv(&mut buffer).await {
            let by = Arc::clone(&self.inside);
            let parcel = Parcel { bytes: buffer[..len].to_vec(), by, to: client };
            self.state().down.pass(parcel);
        }
    }
}

impl State {
    fn direction(&mut self, way: Way) -> &mut Direction {
        match way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        }
    }
}

/// A datagram on its way.
#[derive(Clone)]
struct Parcel {
    bytes: Vec<u8>,
    by: Arc<UdpSocket>,
    to: SocketAddr,
}

/// By the first bytes (RFC 7983; RFC 5761, section 4).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A STUN request.
    Check,
    /// Other STUN.
    Stun,
    /// RTP.
    Media,
    Other,
}

impl Kind {
    fn of(datagram: &[u8]) -> Self {
        match *datagram {
            [0, 1, ..] => Self::Check,
            [0..=3, ..] => Self::Stun,
            [128..=191, 0..=191 | 224.., ..] => Self::Media,
            _ => Self::Other,
        }
    }
}

fn first_candidate(answer: &str) -> SocketAddr {
    let line = answer.lines().find(|line| line.starts_with("a=candidate:"));
    let words: Vec<_> = line.expect("a candidate").split(' ').collect();
    assert!(words[2].eq_ignore_ascii_case("udp"), "UDP is preferred: {words:?}");
    SocketAddr::new(words[4].parse().expect("an address"), words[5].parse().expect("a port"))
}

struct Direction {
    seed: u64,
    conditions: Conditions,
    done: Done,
    media: Chances,
    others: Chances,
    /// Overtaken media, and by how many more.
    held: Vec<(usize, Parcel)>,
    last_due: Instant,
    line: mpsc::UnboundedSender<(Instant, Parcel)>,
}

impl Direction {
    fn new(seed: u64) -> Self {
        let (line, parcels) = mpsc::unbounded_channel();
        tokio::spawn(deliver(parcels));
        Self {
            seed,
            conditions: Conditions::default(),
            done: Done::default(),
            media: Chances::new(seed),
            others: Chances::new(seed.rotate_left(32)),
            held: Vec::new(),
            last_due: Instant::now(),
            line,
        }
    }

    fn begin(&mut self, conditions: Conditions) -> Done {
        self.conditions = conditions;
        self.media = Chances::new(self.seed);
        self.others = Chances::new(self.seed.rotate_left(32));
        for (_, parcel) in std::mem::take(&mut self.held) {
            self.send(parcel);
        }
        std::mem::take(&mut self.done)
    }

    fn pass(&mut self, parcel: Parcel) {
        let kind = Kind::of(&parcel.bytes);
        let media = kind == Kind::Media;
        self.done.packets += u64::from(media);
        if self.done.packets > self.conditions.media_packets {
            self.conditions = Conditions::default();
        }
        let conditions = self.conditions;
        let chances = if media { &mut self.media } else { &mut self.others };
        // Always four, so that each condition's choices do not depend on the others.
        let [loss, duplicate, reorder, jitter] = std::array::from_fn(|_| chances.next());
        let percent = |chance: f64, percent: u32| chance * 100.0 < f64::from(percent);
        let stun = matches!(kind, Kind::Check | Kind::Stun);
        if conditions.blackhole || (conditions.without_stun && stun) {
            return;
        }
        let burst = conditions.burst.max(1);
        if chances.burst_left == 0 && percent(loss * f64::from(burst), conditions.loss_percent) {
            chances.burst_left = burst;
        }
        if chances.burst_left > 0 {
            chances.burst_left -= 1;
            self.done.lost += u64::from(media);
            return;
        }
        self.last_due = self.last_due.max(Instant::now() + conditions.jitter.mul_f64(jitter));
        if media && percent(reorder, conditions.reorder_percent) {
            self.done.reordered += 1;
            self.held.push((conditions.overtaken_by, parcel));
            return;
        }
        if media && percent(duplicate, conditions.duplicate_percent) {
            self.done.duplicated += 1;
            self.send(parcel.clone());
        }
        self.send(parcel);
        if media {
            self.release();
        }
    }

    /// One more has overtaken those that are held.
    fn release(&mut self) {
        for (more, _) in &mut self.held {
            *more = more.saturating_sub(1);
        }
        let ready: Vec<_> = self.held.extract_if(.., |(more, _)| *more == 0).collect();
        for (_, parcel) in ready {
            self.send(parcel);
        }
    }

    fn send(&self, parcel: Parcel) {
        // It ends only with the runtime.
        let _ = self.line.send((self.last_due, parcel));
    }
}

async fn deliver(mut parcels: mpsc::UnboundedReceiver<(Instant, Parcel)>) {
    while let Some((due, parcel)) = parcels.recv().await {
        sleep_until(due).await;
        // What the kernel does not take is lost, as in life.
        let _ = parcel.by.send_to(&parcel.bytes, parcel.to).await;
    }
}

/// SplitMix64: a sequence that its seed fixes.
struct Chances {
    state: u64,
    /// Packets of a burst still to be lost.
    burst_left: u32,
}

impl Chances {
    fn new(seed: u64) -> Self {
        Self { state: seed, burst_left: 0 }
    }

    /// 0.0 up to 1.0.
    fn next(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }
}
