//! A shard's thread: the sockets, the wake-up and the only clock. Moves bytes between the kernel and the sans-IO core
//! and decides nothing but the order: commands, then audio, then one step of handshake work.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc;

use crate::command::Command;
use crate::demux::{Kind, Path, classify};
use crate::event::Event;
use crate::handle::Directory;
use crate::relay::Relayed;
use crate::shard::{Input, Output, Shard};
use crate::socket::{Bell, Interest, Received, Sending, Udp, Waiter};
use crate::stats::DropCause;
use crate::tcp::Connections;

/// Commands that may wait for a shard. A room of 1,000 joining at once waits a few milliseconds; beyond, `connect` is
/// refused as busy and the others wait.
const COMMAND_QUEUE: usize = 1024;
/// Packets from other shards that may wait: 50 speakers send 2,500 a second, so a fifth of a second of all of them.
const RELAY_QUEUE: usize = 512;
/// Commands taken before audio gets its turn: each costs a few microseconds.
const COMMANDS_PER_TURN: usize = 64;
/// Batches received before timers and handshakes get their turn.
const BATCHES_PER_TURN: usize = 4;

const UDP: u64 = 0;
const BELL: u64 = 1;
/// Tokens of TCP connections: their number above this.
const FIRST_TCP: u64 = 2;

fn tcp_token(number: u32) -> u64 {
    FIRST_TCP + u64::from(number)
}

/// How to reach a shard from other threads.
pub(crate) struct Link {
    commands: SyncSender<Command>,
    relays: SyncSender<Relayed>,
    bell: Bell,
    /// The bell was rung and not yet answered: a burst costs one system call.
    rung: AtomicBool,
}

/// The shard's queue is full or its thread has ended.
pub(crate) enum Unsent {
    Full,
    Ended,
}

impl Link {
    /// Refused if the queue is full.
    pub(crate) fn try_send(&self, command: Command) -> Result<(), Unsent> {
        let sent = self.commands.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => Unsent::Full,
            TrySendError::Disconnected(_) => Unsent::Ended,
        });
        self.wake();
        sent
    }

    /// Waits while the queue is full, which a shard's turn, a few milliseconds, ends. For what must not be lost.
    pub(crate) fn send(&self, command: Command) {
        if let Err(TrySendError::Full(command)) = self.commands.try_send(command) {
            self.wake();
            // It can only fail when the thread has ended, and with it everything that was asked.
            let _ = self.commands.send(command);
        }
        self.wake();
    }

    fn relay(&self, relayed: Relayed) -> bool {
        let sent = self.relays.try_send(relayed).is_ok();
        self.wake();
        sent
    }

    fn wake(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            self.bell.ring();
        }
    }
}

/// The thread's ends of a shard's queues.
pub(crate) struct Queues {
    commands: Receiver<Command>,
    relays: Receiver<Relayed>,
}

pub(crate) fn link() -> std::io::Result<(Link, Queues)> {
    let (commands, commands_out) = sync_channel(COMMAND_QUEUE);
    let (relays, relays_out) = sync_channel(RELAY_QUEUE);
    let link = Link { commands, relays, bell: Bell::new()?, rung: AtomicBool::new(false) };
    let queues = Queues { commands: commands_out, relays: relays_out };
    Ok((link, queues))
}

pub(crate) struct Runner {
    index: usize,
    shard: Shard,
    udp: Udp,
    queues: Queues,
    links: Arc<[Link]>,
    directory: Arc<Directory>,
    events: mpsc::Sender<Event>,
    /// Events that the caller has not made room for. Bounded by the peers: each ends with one event.
    unsent_events: VecDeque<Event>,
    waiter: Waiter,
    tcp: Connections,
    ready_tcp: Vec<u32>,
    frame: Vec<u8>,
    received: Received,
    sending: Sending,
    wait_until: Option<Instant>,
}

impl Runner {
    pub(crate) fn new(
        index: usize,
        shard: Shard,
        udp: Udp,
        queues: Queues,
        links: Arc<[Link]>,
        directory: Arc<Directory>,
        events: mpsc::Sender<Event>,
    ) -> std::io::Result<Self> {
        let waiter = Waiter::new()?;
        waiter.add(&udp, UDP, Interest::Read)?;
        waiter.add(&links[index].bell, BELL, Interest::Read)?;
        Ok(Self {
            index,
            shard,
            udp,
            queues,
            links,
            directory,
            events,
            unsent_events: VecDeque::new(),
            waiter,
            tcp: Connections::new(),
            ready_tcp: Vec::new(),
            frame: Vec::new(),
            received: Received::new(),
            sending: Sending::new(),
            wait_until: None,
        })
    }

    /// Until `Command::Stop`.
    pub(crate) fn run(mut self) {
        loop {
            let timeout = self.timeout();
            let mut bell = false;
            for token in self.waiter.wait(timeout) {
                bell |= token == BELL;
                let number = token.checked_sub(FIRST_TCP);
                self.ready_tcp.extend(number.and_then(|number| u32::try_from(number).ok()));
            }
            let woken = Instant::now();
            if bell && !self.answer_bell() {
                return;
            }
            let before_audio = Instant::now();
            self.receive();
            while let Some(number) = self.ready_tcp.pop() {
                self.receive_tcp(number);
            }
            let after_audio = Instant::now();
            self.handle(Input::Timeout);
            self.retry_events();
            self.shard.count_delay(after_audio.elapsed() + (before_audio - woken));
        }
    }

    fn timeout(&self) -> Option<Duration> {
        /// How soon to offer events again that the caller had no room for.
        const EVENT_RETRY: Duration = Duration::from_millis(20);
        let wait = self.wait_until.map(|at| at.saturating_duration_since(Instant::now()));
        if self.unsent_events.is_empty() {
            return wait;
        }
        Some(wait.map_or(EVENT_RETRY, |wait| wait.min(EVENT_RETRY)))
    }

    /// False: to end.
    fn answer_bell(&mut self) -> bool {
        let link = &self.links[self.index];
        link.bell.silence();
        // Before the queues are emptied: whoever adds to them from now on rings again.
        link.rung.swap(false, Ordering::AcqRel);
        for _ in 0..RELAY_QUEUE {
            let Ok(relayed) = self.queues.relays.try_recv() else {
                break;
            };
            self.handle(Input::Relayed(&relayed));
        }
        for _ in 0..COMMANDS_PER_TURN {
            match self.queues.commands.try_recv() {
                Ok(Command::Stop) => {
                    self.handle(Input::Command(Command::Stop));
                    return false;
                }
                Ok(Command::TcpClient { accepted }) => {
                    if let Some(number) = self.tcp.add(accepted, &self.waiter, tcp_token) {
                        self.receive_tcp(number);
                    }
                }
                Ok(command) => {
                    if matches!(command, Command::Stats { .. }) {
                        self.shard.note_receive_drops(self.udp.receive_drops());
                    }
                    self.handle(Input::Command(command));
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return true,
            }
        }
        // There may be more: after the audio.
        self.links[self.index].wake();
        true
    }

    fn receive(&mut self) {
        for _ in 0..BATCHES_PER_TURN {
            let count = self.udp.receive(&mut self.received);
            for at in 0..count {
                let now = Instant::now();
                let stale = self.is_stale(at);
                if let Some((from, bytes)) = self.received.get(at) {
                    if stale && classify(bytes) == Some(Kind::Rtp) {
                        self.shard.count_drops(DropCause::Stale, 1);
                        continue;
                    }
                    let path = Path::Udp(from);
                    self.shard.handle(now, Input::Datagram { path, bytes });
                }
                self.drain(now);
            }
            if count == 0 {
                return;
            }
        }
        // There may be more: come back at once, after timers and handshakes.
    }

    /// Whether audio has waited for so long that sending it on would only lengthen the queue: an overloaded shard
    /// then loses packets, as evenly as they come, instead of falling behind without end.
    fn is_stale(&self, at: usize) -> bool {
        /// More than browsers' jitter buffers hold in ordinary conditions.
        const TOO_LATE: Duration = Duration::from_millis(200);
        /// A clock that was set meanwhile explains more than this.
        const UNBELIEVABLE: Duration = Duration::from_secs(60);
        let unix_now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.received
            .waited(at, unix_now)
            .is_some_and(|waited| (TOO_LATE..UNBELIEVABLE).contains(&waited))
    }

    fn receive_tcp(&mut self, number: u32) {
        let ready = self.tcp.ready(number, &self.waiter, tcp_token(number));
        let Some((path, mut open)) = ready else {
            return;
        };
        let mut frame = std::mem::take(&mut self.frame);
        while let Some(whole) = self.tcp.next_frame(number, &mut frame) {
            if !whole {
                open = false;
                break;
            }
            let bytes = &mut frame[..];
            self.handle(Input::Datagram { path, bytes });
        }
        self.frame = frame;
        // Who has not asked properly in what was sent so far is nobody's client.
        if !open || !self.shard.knows(path) {
            self.tcp.hang_up(number);
            self.handle(Input::Lost { path });
        }
    }

    fn handle(&mut self, input: Input<'_>) {
        let now = Instant::now();
        self.shard.handle(now, input);
        self.drain(now);
    }

    fn drain(&mut self, now: Instant) {
        loop {
            match self.shard.poll(now) {
                Output::Transmit(batch) => {
                    let datagrams = batch.iter().filter_map(|(path, bytes)| match path {
                        Path::Udp(to) => Some((to, bytes)),
                        Path::Tcp(..) => None,
                    });
                    let mut sent = self.udp.send(datagrams, &mut self.sending);
                    if !self.tcp.is_empty() {
                        for (path, bytes) in batch.iter() {
                            let Path::Tcp(number, _) = path else { continue };
                            let token = tcp_token(number);
                            if self.tcp.send(number, bytes, &self.waiter, token) {
                                sent.packets += 1;
                                sent.bytes += bytes.len() as u64;
                            } else {
                                sent.refused += 1;
                            }
                        }
                    }
                    self.shard.count_sent(sent.packets, sent.bytes);
                    self.shard.count_drops(DropCause::SendFailed, sent.refused);
                }
                Output::HangUp(path) => {
                    if let Path::Tcp(number, _) = path {
                        self.tcp.hang_up(number);
                    }
                }
                Output::Relay(shards, relayed) => {
                    let mut refused = 0;
                    for shard in shards {
                        let taken =
                            self.links.get(shard).is_some_and(|link| link.relay(relayed.clone()));
                        refused += u64::from(!taken);
                    }
                    self.shard.count_drops(DropCause::RelayFull, refused);
                }
                // The caller is behind: what is worth little when late is not kept for it.
                Output::Event(Event::Quality { .. }) if !self.unsent_events.is_empty() => {}
                Output::Event(event) => {
                    if let Event::Closed { peer, .. } = &event {
                        self.directory.remove(*peer);
                    }
                    self.unsent_events.push_back(event);
                    self.retry_events();
                }
                Output::Wait(until) => {
                    self.wait_until = until;
                    return;
                }
            }
        }
    }

    fn retry_events(&mut self) {
        while let Some(event) = self.unsent_events.pop_front() {
            match self.events.try_send(event) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(event)) => {
                    self.unsent_events.push_front(event);
                    return;
                }
                // Nobody listens any more.
                Err(mpsc::error::TrySendError::Closed(_)) => {}
            }
        }
    }
}
