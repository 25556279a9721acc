//! Clients over real sockets against a media plane with real threads. Waits are bounded and end with what is waited for.

#![allow(dead_code, reason = "each test file uses its part")]

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use palco_sfu::{Config, ConnectError, Event, Handle, PeerKey, RoomKey};
use tokio::sync::mpsc::Receiver;

pub(crate) mod client;

use client::{Client, Options};

/// Longer than anything here takes, even on a loaded machine; a wait that long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Plane {
    pub(crate) handle: Handle,
    pub(crate) events: Receiver<Event>,
    runtime: tokio::runtime::Runtime,
}

impl Plane {
    pub(crate) fn start(config: Config) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (handle, events) = palco_sfu::start(config).unwrap();
        Self { handle, events, runtime }
    }

    pub(crate) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime
            .block_on(async { tokio::time::timeout(PATIENCE, future).await.expect("in time") })
    }

    /// The next event.
    pub(crate) fn event(&mut self) -> Event {
        let events = &mut self.events;
        self.runtime
            .block_on(async { tokio::time::timeout(PATIENCE, events.recv()).await })
            .expect("in time")
            .expect("not ended")
    }

    pub(crate) fn offer(
        &self,
        room: u64,
        peer: u64,
        options: Options,
    ) -> Result<Caller, ConnectError> {
        let mut client = Client::new(options);
        let offer = client.offer();
        let answer = self.wait(self.handle.connect(RoomKey(room), PeerKey(peer), &offer))?;
        let candidates = client.accept(&answer);
        let server = candidates[0];
        let any: SocketAddr =
            if server.is_ipv6() { "[::1]:0" } else { "127.0.0.1:0" }.parse().unwrap();
        let socket = UdpSocket::bind(any).unwrap();
        Ok(Caller { client, socket, server, answer })
    }

    /// A connected client.
    pub(crate) fn join(&mut self, room: u64, peer: u64, options: Options) -> Caller {
        let mut caller = self.offer(room, peer, options).unwrap();
        caller.client.check();
        caller.until("a check answered", |client| client.checks_answered > 0);
        caller.client.start_dtls(Instant::now());
        caller.until("the handshake", |client| client.connected);
        assert_eq!(self.event(), Event::Connected { peer: PeerKey(peer) });
        caller
    }

    pub(crate) fn speaker(&mut self, room: u64, peer: u64, number: u32) -> Caller {
        let caller = self.join(room, peer, Options::default());
        self.handle.allow_sending(PeerKey(peer), number);
        caller
    }
}

/// A client with a socket.
pub(crate) struct Caller {
    pub(crate) client: Client,
    pub(crate) socket: UdpSocket,
    pub(crate) server: SocketAddr,
    pub(crate) answer: String,
}

impl Caller {
    pub(crate) fn flush(&mut self) {
        while let Some(datagram) = self.client.outgoing.pop_front() {
            self.socket.send_to(&datagram, self.server).unwrap();
        }
    }

    /// Sends and receives for one short turn.
    pub(crate) fn turn(&mut self) {
        self.client.timeout(Instant::now());
        self.flush();
        self.socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        let mut buffer = [0; 2048];
        if let Ok((len, from)) = self.socket.recv_from(&mut buffer) {
            assert_eq!(from, self.server);
            self.client.handle(Instant::now(), &buffer[..len]);
        }
        self.flush();
    }

    /// Sends and receives what is there, without waiting.
    pub(crate) fn pump(&mut self) {
        self.client.timeout(Instant::now());
        self.flush();
        self.socket.set_nonblocking(true).unwrap();
        let mut buffer = [0; 2048];
        while let Ok((len, _)) = self.socket.recv_from(&mut buffer) {
            self.client.handle(Instant::now(), &buffer[..len]);
        }
        self.socket.set_nonblocking(false).unwrap();
        self.flush();
    }

    pub(crate) fn until(&mut self, what: &str, done: impl Fn(&Client) -> bool) {
        let start = Instant::now();
        while !done(&self.client) {
            self.turn();
            assert!(start.elapsed() < PATIENCE, "waiting for {what}");
        }
    }

    pub(crate) fn say(&mut self, seq: u16, payload: &[u8]) {
        self.client.speak(seq, u32::from(seq) * 960, 30, payload);
        self.flush();
    }

    pub(crate) fn payloads(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.client.heard).into_iter().map(|heard| heard.payload).collect()
    }
}
