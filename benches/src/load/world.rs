//! One thread, one epoll: all clients' sockets, and the media behind them.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::time::{Duration, Instant};

use palco_protocol::{ClientMessage, Reply, RoomId, ServerMessage};

use super::client::{Client, Entrance, Signal, Wish};
use super::media::{Media, MediaEvent};
use crate::sys::{self, Epoll, Interest};

/// Marks a token as a UDP port's; others are clients'.
const PORT: u64 = 1 << 63;
/// While audio flows, sockets are looked at this often: a nap in which the server sends without waking anybody. Adds
/// up to this much to what is measured as latency.
const NAP: Duration = Duration::from_micros(500);
/// How often handshakes are ticked while no audio flows.
const TICK: Duration = Duration::from_millis(5);
/// How long a request to the server may take.
const ANSWER: Duration = Duration::from_secs(10);
/// How often a request is made that comes too early.
const MOST_ASKED: u32 = 50;
/// Larger than a whole `joined`: most messages are read at once and never kept.
const READ_BYTES: usize = 64 * 1024;

struct Socket {
    stream: TcpStream,
    /// What the kernel has not taken yet.
    unsent: Vec<u8>,
}

/// All clients and what they are connected to.
pub(super) struct World {
    pub(super) began: Instant,
    pub(super) media: Media,
    pub(super) clients: Vec<Client>,
    sockets: Vec<Option<Socket>>,
    server: SocketAddrV4,
    authority: String,
    room: RoomId,
    /// Clients' media is connected, not only offered.
    with_media: bool,
    epoll: Epoll,
    ready: Vec<u64>,
    room_for_reading: Vec<u8>,
    /// Clients whose media is connected.
    pub(super) connected: usize,
    /// What went wrong, and how often.
    pub(super) failures: BTreeMap<String, u32>,
    pub(super) failed: usize,
    /// Clients that resumed, and when each saw the last stage event.
    pub(super) resumed: Vec<Duration>,
    pub(super) stage_events: Vec<Duration>,
}

impl World {
    pub(super) fn new(
        server: SocketAddrV4,
        room: RoomId,
        clients: Vec<Client>,
        per_port: usize,
        with_media: bool,
    ) -> Result<Self, Box<dyn Error>> {
        let epoll = Epoll::new()?;
        let ports_for = if with_media { clients.len() } else { 0 };
        let media = Media::new(ports_for, per_port, &epoll, |port| PORT | port as u64)?;
        Ok(Self {
            began: Instant::now(),
            media,
            sockets: clients.iter().map(|_| None).collect(),
            clients,
            server,
            authority: server.to_string(),
            room,
            with_media,
            epoll,
            ready: Vec::new(),
            room_for_reading: vec![0; READ_BYTES],
            connected: 0,
            failures: BTreeMap::new(),
            failed: 0,
            resumed: Vec::new(),
            stage_events: Vec::new(),
        })
    }

    pub(super) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Opens a client's socket; it enters the room, or resumes, by itself.
    pub(super) fn start(&mut self, client: usize) -> io::Result<()> {
        let stream = sys::connect(self.server)?;
        stream.set_nodelay(true)?;
        self.epoll.add(&stream, client as u64, Interest::ReadWrite)?;
        self.clients[client].signal = Signal::Connecting;
        self.clients[client].times.started = self.now();
        self.sockets[client] = Some(Socket { stream, unsent: Vec::new() });
        Ok(())
    }

    /// Drops a client's socket without a word, as a lost network does.
    pub(super) fn drop_socket(&mut self, client: usize) {
        self.sockets[client] = None;
        self.clients[client].closed();
    }

    /// Whether a client got as far as it will: media too, if that is wanted.
    pub(super) fn is_settled(&self, client: usize) -> bool {
        let client = &self.clients[client];
        match client.signal {
            Signal::In => !self.with_media || client.times.connected.is_some(),
            _ => false,
        }
    }

    /// Whether a client has no socket: it failed, or has not begun.
    pub(super) fn is_offline(&self, client: usize) -> bool {
        self.sockets[client].is_none()
    }

    /// Waits for whatever comes next, at most `wait`, and handles it.
    pub(super) fn turn(&mut self, wait: Duration) -> Result<(), Box<dyn Error>> {
        let wait = if self.media.speaking() {
            std::thread::sleep(NAP);
            Duration::ZERO
        } else if self.media.connecting() > 0 {
            wait.min(TICK)
        } else {
            wait
        };
        self.media.pace(self.began)?;
        let mut ready = std::mem::take(&mut self.ready);
        ready.clear();
        self.epoll.wait(wait, &mut ready)?;
        let mut events = Vec::new();
        for token in &ready {
            match token & PORT {
                0 => self.socket_ready(*token as usize),
                _ => self.media.readable((token & !PORT) as usize, self.began, &mut events)?,
            }
        }
        self.ready = ready;
        if self.with_media {
            self.media.tick(self.began.elapsed(), &mut events);
        }
        for event in events {
            match event {
                MediaEvent::Connected(client) => {
                    self.clients[client].times.connected = Some(self.now());
                    self.connected += 1;
                }
                MediaEvent::Failed(client, why) => self.fail(client, &why),
            }
        }
        Ok(())
    }

    /// Turns until `done`; false if it did not come within `limit`.
    pub(super) fn until(
        &mut self,
        limit: Duration,
        mut done: impl FnMut(&mut Self) -> bool,
    ) -> Result<bool, Box<dyn Error>> {
        let end = self.now() + limit;
        while !done(self) {
            if self.now() >= end {
                return Ok(false);
            }
            self.turn(Duration::from_millis(10))?;
        }
        Ok(true)
    }

    /// Turns for a while.
    pub(super) fn pass(&mut self, time: Duration) -> Result<(), Box<dyn Error>> {
        self.until(time, |_| false).map(drop)
    }

    /// Asks the server something for a followed client and gives the answer; asks again when it says to.
    pub(super) fn request(
        &mut self,
        client: usize,
        message: &ClientMessage,
    ) -> Result<Reply, Box<dyn Error>> {
        for _ in 0..MOST_ASKED {
            match self.ask(client, message.clone())? {
                Reply::Error { error } => match error.retry_after_ms {
                    Some(ms) => self.pass(Duration::from_millis(ms.into()))?,
                    None => return Err(format!("{message:?}: {}", error.code.as_str()).into()),
                },
                reply => return Ok(reply),
            }
        }
        Err(format!("{message:?}: refused {MOST_ASKED} times").into())
    }

    fn ask(&mut self, client: usize, message: ClientMessage) -> Result<Reply, Box<dyn Error>> {
        let what = format!("{message:?}");
        let (id, frame) = self.clients[client].request(message);
        self.send(client, &frame);
        let mut answer = None;
        let is_answer = |message: &ServerMessage| matches!(message, ServerMessage::Reply { re, .. } if *re == id);
        self.until(ANSWER, |world| {
            let messages = &mut world.clients[client].messages;
            answer = messages.iter().position(is_answer).map(|at| messages.remove(at));
            answer.is_some()
        })?;
        match answer {
            Some(ServerMessage::Reply { reply, .. }) => Ok(reply),
            _ => Err(format!("{what}: no answer").into()),
        }
    }

    fn fail(&mut self, client: usize, why: &str) {
        self.drop_socket(client);
        self.failed += 1;
        *self.failures.entry(why.to_owned()).or_default() += 1;
    }

    fn socket_ready(&mut self, client: usize) {
        if let Err(error) = self.serve(client) {
            self.fail(client, &error);
        }
    }

    fn serve(&mut self, client: usize) -> Result<(), String> {
        let Some(socket) = &mut self.sockets[client] else { return Ok(()) };
        let text = |error: io::Error| error.to_string();
        if self.clients[client].signal == Signal::Connecting {
            if let Some(error) = socket.stream.take_error().map_err(text)? {
                return Err(format!("TCP: {error}"));
            }
            self.epoll.change(&socket.stream, client as u64, Interest::Read).map_err(text)?;
            let request = self.clients[client].opened(&self.authority);
            self.send(client, &request);
            return Ok(());
        }
        if !socket.unsent.is_empty() {
            let unsent = std::mem::take(&mut socket.unsent);
            self.epoll.change(&socket.stream, client as u64, Interest::Read).map_err(text)?;
            self.send(client, &unsent);
        }
        self.read(client)
    }

    fn read(&mut self, client: usize) -> Result<(), String> {
        let Some(socket) = &mut self.sockets[client] else { return Ok(()) };
        let len = match socket.stream.read(&mut self.room_for_reading) {
            Ok(0) => return Err("the server closed the connection".to_owned()),
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(format!("TCP: {error}")),
        };
        let now = self.began.elapsed();
        let mut wishes = Vec::new();
        let entrance = Entrance { room: self.room, offer: &|| self.media.offer(client) };
        self.clients[client].received(
            now,
            &self.room_for_reading[..len],
            &entrance,
            &mut wishes,
        )?;
        for wish in wishes {
            match wish {
                Wish::Send(frame) => self.send(client, &frame),
                Wish::Media(answer) if self.with_media => {
                    self.media.connect(client, &answer).map_err(|error| error.to_string())?;
                }
                Wish::Media(_) => {}
                Wish::Resumed => self.resumed.push(now),
                Wish::StageEvent => self.stage_events.push(now),
            }
        }
        Ok(())
    }

    pub(super) fn send(&mut self, client: usize, bytes: &[u8]) {
        let Some(socket) = &mut self.sockets[client] else { return };
        let taken =
            if socket.unsent.is_empty() { socket.stream.write(bytes).unwrap_or(0) } else { 0 };
        if taken < bytes.len() {
            socket.unsent.extend_from_slice(&bytes[taken..]);
            // An error here is the socket's, which the next read tells.
            let _ = self.epoll.change(&socket.stream, client as u64, Interest::ReadWrite);
        }
    }
}
