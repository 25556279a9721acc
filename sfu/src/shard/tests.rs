//! A whole shard in virtual time with scripted clients: no socket, no thread, no sleep.

use super::*;
use crate::PeerKey;
use crate::command::NewPeer;
use crate::error::ConnectError;
use crate::ice::Credentials;
use crate::offer::{AnswerParams, Offer};
use crate::packet::Variant;
use crate::relay::Reach;
use crate::room::slot_ssrcs;
use crate::stats::PeerStats;

#[path = "../../tests/support/client.rs"]
mod client;

use client::{CM, Client, GCM, Heard, Options};
use tokio::sync::oneshot;

mod allocation;
mod audio;
mod faults;
mod transport;

const ROOM: RoomKey = RoomKey(1);
const ONE_WAY: Duration = Duration::from_millis(5);

/// A shard and its clients.
struct World {
    now: Instant,
    shard: Shard,
    clients: Vec<Client>,
    paths: Vec<Path>,
    events: Vec<Event>,
    relayed: Vec<Relayed>,
    hung_up: Vec<Path>,
    index: usize,
    /// Datagrams that went to nobody's address.
    astray: usize,
}

fn address(n: usize) -> Path {
    Path::Udp(std::net::SocketAddr::from(([10, 0, (n >> 8) as u8, n as u8], 4000)))
}

fn key(n: usize) -> PeerKey {
    PeerKey(n as u64)
}

impl World {
    fn new() -> Self {
        Self::numbered(0)
    }

    fn numbered(index: usize) -> Self {
        let now = Instant::now();
        let config = ShardConfig {
            index,
            max_peers: 100,
            handshake_timeout: Duration::from_secs(30),
            consent_timeout: Duration::from_secs(30),
            bundle_from: Some(8),
        };
        let identity = Arc::new(Identity::generate().unwrap());
        Self {
            now,
            shard: Shard::new(config, identity, (now, Duration::from_secs(1_700_000_000))),
            clients: Vec::new(),
            paths: Vec::new(),
            events: Vec::new(),
            relayed: Vec::new(),
            hung_up: Vec::new(),
            index,
            astray: 0,
        }
    }

    /// Offer and answer, nothing sent yet.
    fn add(&mut self, room: RoomKey, reach: &Reach, options: Options) -> usize {
        let n = self.clients.len();
        let mut client = Client::new(options);
        let offer = Offer::parse(&client.offer()).unwrap();
        let credentials = Credentials::generate(0);
        let answer = offer.answer(&AnswerParams {
            session_id: 1,
            session_version: 1,
            ice_ufrag: credentials.ufrag_str(),
            ice_pwd: credentials.password_str(),
            fingerprint: self.shard.identity.fingerprint(),
            slot_ssrcs: slot_ssrcs(),
            candidates: &[],
        });
        client.accept(&answer);
        let peer =
            Box::new(NewPeer { key: key(n), room, reach: reach.clone(), credentials, offer });
        let (reply, mut registered) = oneshot::channel();
        self.command(Command::Connect { peer, reply });
        registered.try_recv().unwrap().unwrap();
        self.clients.push(client);
        self.paths.push(address(n));
        n
    }

    /// A client that joined and is connected.
    fn join(&mut self, options: Options) -> usize {
        let n = self.add(ROOM, &Reach::default(), options);
        self.connect(n);
        n
    }

    fn connect(&mut self, n: usize) {
        self.clients[n].check();
        self.clients[n].start_dtls(self.now);
        self.settle(Duration::from_millis(100));
        assert!(self.clients[n].connected, "client {n}");
        assert!(self.events.contains(&Event::Connected { peer: key(n) }));
    }

    fn speaker(&mut self, number: u32) -> usize {
        let n = self.join(Options::default());
        self.allow(n, number);
        n
    }

    fn allow(&mut self, n: usize, number: u32) {
        self.command(Command::AllowSending { peer: key(n), speaker: SpeakerNo(number) });
    }

    fn command(&mut self, command: Command) {
        let (shard, now) = (&mut self.shard, self.now);
        allocation::counted(|| shard.handle(now, Input::Command(command)));
        self.drain();
    }

    fn arrives(&mut self, path: Path, datagram: &[u8]) {
        let mut bytes = datagram.to_vec();
        let bytes = &mut bytes[..];
        let (shard, now) = (&mut self.shard, self.now);
        allocation::counted(|| shard.handle(now, Input::Datagram { path, bytes }));
        self.drain();
    }

    /// Sends what the client has to say.
    fn flush(&mut self, n: usize) {
        while let Some(datagram) = self.clients[n].outgoing.pop_front() {
            self.arrives(self.paths[n], &datagram);
        }
    }

    fn drain(&mut self) -> Option<Instant> {
        loop {
            match allocation::counted(|| self.shard.poll(self.now)) {
                Output::Transmit(batch) => {
                    for (path, bytes) in batch.iter() {
                        match self.paths.iter().position(|known| *known == path) {
                            Some(n) => self.clients[n].handle(self.now, bytes),
                            None => self.astray += 1,
                        }
                    }
                }
                Output::Event(event) => self.events.push(event),
                Output::HangUp(path) => self.hung_up.push(path),
                Output::Relay(_, relayed) => self.relayed.push(relayed),
                Output::Wait(until) => return until,
            }
        }
    }

    /// Lets everybody act for a span of virtual time.
    fn settle(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            for n in 0..self.clients.len() {
                self.clients[n].timeout(self.now);
                self.flush(n);
            }
            let (shard, now) = (&mut self.shard, self.now);
            allocation::counted(|| shard.handle(now, Input::Timeout));
            let until = self.drain();
            if self.clients.iter().any(|client| !client.outgoing.is_empty()) {
                self.now += ONE_WAY;
                continue;
            }
            if until.is_some_and(|at| at <= self.now) {
                continue;
            }
            let timeouts = self.clients.iter().filter_map(Client::timeout_at).chain(until);
            match timeouts.min().filter(|next| *next < end) {
                Some(next) => self.now = self.now.max(next),
                None => {
                    self.now = self.now.max(end);
                    self.shard.handle(self.now, Input::Timeout);
                    self.drain();
                    return;
                }
            }
        }
    }

    /// 20 ms of speech: one packet of client `n`.
    fn say(&mut self, n: usize, seq: u16, payload: &[u8]) {
        self.clients[n].speak(seq, u32::from(seq) * 960, 30, payload);
        self.flush(n);
        self.now += Duration::from_millis(20);
    }

    fn heard(&mut self, n: usize) -> Vec<Heard> {
        std::mem::take(&mut self.clients[n].heard)
    }

    fn payloads(&mut self, n: usize) -> Vec<Vec<u8>> {
        self.heard(n).into_iter().map(|heard| heard.payload).collect()
    }

    fn dropped(&self, cause: DropCause) -> u64 {
        self.shard.stats.drops.of(cause)
    }

    fn peer_stats(&mut self, n: usize) -> PeerStats {
        self.shard.peer_stats(key(n)).unwrap()
    }
}
