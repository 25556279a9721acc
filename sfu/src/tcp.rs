//! ICE-TCP, passive (RFC 6544), for clients that UDP does not reach: frames of RFC 4571 on a stream, each one a
//! datagram to the shard.
//!
//! One thread accepts for all shards and waits for a connection's first frame. It must be a check, and its username
//! fragment names the shard (`ice::shard_of`), which gets the connection; what does not ask properly is closed. From
//! then on the connection is the shard's thread's. A stream cannot lose what is half sent, so a client that does not
//! read loses the newest: beyond a bounded buffer its packets are dropped and counted.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::command::Command;
use crate::demux::{Kind, Path, classify};
use crate::ice;
use crate::runner::Link;
use crate::socket::{Bell, Interest, Waiter};

/// RFC 4571 section 2: the length before each frame.
const LENGTH_LEN: usize = 2;
/// Nothing of ours is longer: see `socket`.
const MAX_FRAME: usize = 2048;
/// Unsent bytes per connection: four slots of 50 packets a second for about two seconds.
const MAX_UNSENT: usize = 64 * 1024;
/// Connections of one shard: each holds a descriptor.
const MAX_CONNECTIONS: usize = 4096;
/// Connections that have not asked yet, and how long they may take: a round trip and its repetitions.
const MAX_WAITING: usize = 256;
const FIRST_FRAME_WITHIN: Duration = Duration::from_secs(5);

/// The frames of one direction of one stream.
#[derive(Default)]
struct Frames {
    bytes: Vec<u8>,
}

/// What the stream holds next.
enum Next {
    Frame(usize),
    Incomplete,
    /// A frame too long for anything of ours.
    Nonsense,
}

impl Frames {
    fn next(&self) -> Next {
        let Some(length) = self.bytes.first_chunk::<LENGTH_LEN>() else {
            return Next::Incomplete;
        };
        let len = usize::from(u16::from_be_bytes(*length));
        if len > MAX_FRAME {
            Next::Nonsense
        } else if self.bytes.len() < LENGTH_LEN + len {
            Next::Incomplete
        } else {
            Next::Frame(len)
        }
    }

    fn peek(&self, len: usize) -> &[u8] {
        &self.bytes[LENGTH_LEN..LENGTH_LEN + len]
    }

    fn take(&mut self, len: usize, into: &mut Vec<u8>) {
        into.clear();
        into.extend_from_slice(self.peek(len));
        self.bytes.drain(..LENGTH_LEN + len);
    }

    /// One read, as far as there is room. False: the stream has ended.
    fn read_from(&mut self, stream: &mut TcpStream) -> bool {
        let mut buffer = [0; LENGTH_LEN + MAX_FRAME];
        match stream.read(&mut buffer) {
            Ok(0) => false,
            Ok(len) => {
                self.bytes.extend_from_slice(&buffer[..len]);
                true
            }
            Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
        }
    }
}

/// An accepted connection with what was read of it.
pub(crate) struct Accepted {
    stream: TcpStream,
    remote: SocketAddr,
    frames: Frames,
}

/// The accepting thread, until the bell rings.
pub(crate) struct Acceptor {
    listener: TcpListener,
    links: Arc<[Link]>,
    bell: Arc<Bell>,
    waiter: Waiter,
    waiting: HashMap<u64, (Accepted, Instant)>,
    next_token: u64,
}

const LISTENER: u64 = 0;
const BELL: u64 = 1;
const FIRST_TOKEN: u64 = 2;

impl Acceptor {
    pub(crate) fn new(listener: TcpListener, links: Arc<[Link]>, bell: Arc<Bell>) -> Result<Self> {
        listener.set_nonblocking(true)?;
        let waiter = Waiter::new()?;
        waiter.add(&listener, LISTENER, Interest::Read)?;
        waiter.add(&*bell, BELL, Interest::Read)?;
        Ok(Self { listener, links, bell, waiter, waiting: HashMap::new(), next_token: FIRST_TOKEN })
    }

    pub(crate) fn run(mut self) {
        let mut ready = Vec::new();
        loop {
            let timeout = (!self.waiting.is_empty()).then_some(Duration::from_secs(1));
            ready.clear();
            ready.extend(self.waiter.wait(timeout));
            for token in &ready {
                match *token {
                    LISTENER => self.accept(),
                    BELL => {
                        self.bell.silence();
                        return;
                    }
                    token => self.read(token),
                }
            }
            let now = Instant::now();
            self.waiting.retain(|_, (_, until)| *until > now);
        }
    }

    fn accept(&mut self) {
        /// When no descriptor is left, the listener stays ready: do not spin on it.
        const PAUSE: Duration = Duration::from_millis(20);
        match self.listener.accept() {
            Ok((stream, remote)) => {
                // Whoever has been silent for longest makes room: silence in number keeps nobody out.
                if self.waiting.len() >= MAX_WAITING
                    && let Some(oldest) = self.waiting.keys().min().copied()
                {
                    self.waiting.remove(&oldest);
                }
                let token = self.next_token;
                let ready = stream
                    .set_nonblocking(true)
                    .and_then(|()| stream.set_nodelay(true))
                    .and_then(|()| self.waiter.add(&stream, token, Interest::Read));
                if ready.is_ok() {
                    self.next_token += 1;
                    let accepted =
                        Accepted { stream, remote: canonical(remote), frames: Frames::default() };
                    let until = Instant::now() + FIRST_FRAME_WITHIN;
                    self.waiting.insert(token, (accepted, until));
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => std::thread::sleep(PAUSE),
        }
    }

    fn read(&mut self, token: u64) {
        let Some((accepted, _)) = self.waiting.get_mut(&token) else {
            return;
        };
        let open = accepted.frames.read_from(&mut accepted.stream);
        let len = match accepted.frames.next() {
            Next::Incomplete if open => return,
            Next::Frame(len) => len,
            Next::Incomplete | Next::Nonsense => {
                self.waiting.remove(&token);
                return;
            }
        };
        let Some((accepted, _)) = self.waiting.remove(&token) else {
            return;
        };
        let first = accepted.frames.peek(len);
        let asked_for = (classify(first) == Some(Kind::Stun))
            .then(|| ice::username(first))
            .flatten()
            .and_then(|(ufrag, _)| ice::shard_of(&ufrag));
        if let Some(link) = asked_for.and_then(|shard| self.links.get(shard))
            && self.waiter.remove(&accepted.stream).is_ok()
        {
            // A shard that is too busy to take it leaves the client to try again.
            let _ = link.try_send(Command::TcpClient { accepted });
        }
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// A shard's connections.
pub(crate) struct Connections {
    by_number: HashMap<u32, Connection>,
    next_number: u32,
}

struct Connection {
    stream: TcpStream,
    path: Path,
    frames: Frames,
    unsent: Vec<u8>,
    waits_to_write: bool,
}

impl Connections {
    pub(crate) fn new() -> Self {
        Self { by_number: HashMap::new(), next_number: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_number.is_empty()
    }

    /// Takes a connection over; its number, if there is room.
    pub(crate) fn add(
        &mut self,
        accepted: Accepted,
        waiter: &Waiter,
        token: impl Fn(u32) -> u64,
    ) -> Option<u32> {
        if self.by_number.len() >= MAX_CONNECTIONS {
            return None;
        }
        let number = self.next_number;
        self.next_number = number.wrapping_add(1);
        waiter.add(&accepted.stream, token(number), Interest::Read).ok()?;
        let connection = Connection {
            path: Path::Tcp(number, accepted.remote),
            stream: accepted.stream,
            frames: accepted.frames,
            unsent: Vec::new(),
            waits_to_write: false,
        };
        self.by_number.insert(number, connection);
        Some(number)
    }

    /// Reads once and sends what was waiting. The path, and whether the stream is still open.
    pub(crate) fn ready(
        &mut self,
        number: u32,
        waiter: &Waiter,
        token: u64,
    ) -> Option<(Path, bool)> {
        let connection = self.by_number.get_mut(&number)?;
        let open =
            connection.frames.read_from(&mut connection.stream) && connection.flush(waiter, token);
        Some((connection.path, open))
    }

    /// The next whole frame. `Some(false)`: what comes is not one, hang up.
    pub(crate) fn next_frame(&mut self, number: u32, into: &mut Vec<u8>) -> Option<bool> {
        let frames = &mut self.by_number.get_mut(&number)?.frames;
        match frames.next() {
            Next::Frame(len) => {
                frames.take(len, into);
                Some(true)
            }
            Next::Incomplete => None,
            Next::Nonsense => Some(false),
        }
    }

    /// Sends or keeps a frame. False: there was no room, or no such connection.
    pub(crate) fn send(&mut self, number: u32, frame: &[u8], waiter: &Waiter, token: u64) -> bool {
        let Some(connection) = self.by_number.get_mut(&number) else {
            return false;
        };
        let Ok(len) = u16::try_from(frame.len()) else {
            return false;
        };
        if connection.unsent.len() + LENGTH_LEN + frame.len() > MAX_UNSENT {
            return false;
        }
        connection.unsent.extend_from_slice(&len.to_be_bytes());
        connection.unsent.extend_from_slice(frame);
        // A stream that has ended is noticed when it is read.
        connection.waits_to_write || connection.flush(waiter, token)
    }

    pub(crate) fn hang_up(&mut self, number: u32) {
        self.by_number.remove(&number);
    }
}

impl Connection {
    fn flush(&mut self, waiter: &Waiter, token: u64) -> bool {
        let mut sent = 0;
        let open = loop {
            match self.stream.write(&self.unsent[sent..]) {
                Ok(0) => break true,
                Ok(len) => sent += len,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => break error.kind() == ErrorKind::WouldBlock,
            }
        };
        self.unsent.drain(..sent);
        let waits = !self.unsent.is_empty();
        if waits != self.waits_to_write {
            self.waits_to_write = waits;
            let interest = if waits { Interest::ReadWrite } else { Interest::Read };
            return open && waiter.change(&self.stream, token, interest).is_ok();
        }
        open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_cut_wherever_the_stream_was() {
        let whole = [&[0, 3][..], b"abc", &[0, 0], &[0, 1], b"z", &[9, 0]].concat();
        for cut in 0..whole.len() {
            let mut frames = Frames::default();
            let (mut out, mut got) = (Vec::new(), Vec::new());
            for part in [&whole[..cut], &whole[cut..]] {
                frames.bytes.extend_from_slice(part);
                while let Next::Frame(len) = frames.next() {
                    frames.take(len, &mut out);
                    got.push(out.clone());
                }
            }
            assert_eq!(got, [b"abc".to_vec(), Vec::new(), b"z".to_vec()]);
            assert!(matches!(frames.next(), Next::Nonsense));
        }
    }
}
