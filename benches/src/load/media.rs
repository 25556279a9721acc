//! All clients' media: the shared UDP ports, who is at which address, microphones, consent, reports.
//!
//! Owned by the one thread of the load generator. Reads in batches and naps between them while audio flows: a receiver
//! that wakes for every packet costs the server a wake-up each, which no network card would.

use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::BytesMut;
use rtc_srtp::context::Context;

use super::meter::{Meter, Reception};
use super::sdp::{Answer, Offer, offer};
use super::speaker::{FRAME_INTERVAL, Microphone, receiver_report};
use super::transport::{Identity, Progress, Transport};
use super::voice;
use crate::sys::{Epoll, Interest, ReceiveBatch, SharedPort};

/// Browsers check consent about this often (RFC 7675 section 5.1) and report what they receive.
const CONSENT_INTERVAL: Duration = Duration::from_secs(5);
/// The consents of all clients are spread over this many steps of an interval.
const CONSENT_STEPS: usize = 250;
/// Our password is never used: an ICE-lite server sends no checks.
const PASSWORD: &str = "nobodychecksthispassword";
/// First of the clients' SSRCs.
const FIRST_SSRC: u32 = 0x1000_0000;
/// Batches read from one port before others get their turn: about a millisecond.
const BATCHES_PER_TURN: usize = 16;

/// What happened to a client's media.
pub(super) enum MediaEvent {
    Connected(usize),
    Failed(usize, String),
}

#[derive(Default)]
struct Peer {
    transport: Option<Transport>,
    outbound: Option<Context>,
    reception: Option<Reception>,
    ssrcs: [u32; super::sdp::SLOTS],
}

/// The media side of all clients, by their numbers.
pub(super) struct Media {
    pub(super) identity: Identity,
    pub(super) meter: Meter,
    ports: Vec<SharedPort>,
    per_port: usize,
    peers: Vec<Peer>,
    /// Those whose handshake is under way.
    connecting: Vec<usize>,
    microphones: Vec<Microphone>,
    batch: ReceiveBatch,
    out: Vec<BytesMut>,
    consent_at: Duration,
    consent_next: usize,
    speaking: bool,
    /// Offers RED and says that a tenth is lost, so that the server sends it.
    red: bool,
    /// The ports note when datagrams arrive.
    stamped: bool,
    /// Datagrams the kernel would not take.
    pub(super) unsent: u64,
    /// The longest that a frame had to wait for us while the window was open.
    pub(super) latest_send: Duration,
}

impl Media {
    /// Ports for `clients` clients, `per_port` at each, watched as `token(port)`.
    pub(super) fn new(
        clients: usize,
        per_port: usize,
        epoll: &Epoll,
        token: impl Fn(usize) -> u64,
    ) -> Result<Self, Box<dyn Error>> {
        // 127.1.0.0 to 127.1.255.255: one address for each client of a port.
        let per_port = per_port.clamp(1, 0x1_0000);
        let ports = (0..clients.div_ceil(per_port))
            .map(|_| SharedPort::bind())
            .collect::<io::Result<Vec<_>>>()?;
        for (at, port) in ports.iter().enumerate() {
            epoll.add(port, token(at), Interest::Read)?;
        }
        Ok(Self {
            identity: Identity::generate()?,
            meter: Meter::default(),
            ports,
            per_port,
            peers: std::iter::repeat_with(Peer::default).take(clients).collect(),
            connecting: Vec::new(),
            microphones: Vec::new(),
            batch: ReceiveBatch::new(),
            out: Vec::new(),
            consent_at: Duration::ZERO,
            consent_next: 0,
            speaking: false,
            red: false,
            stamped: false,
            unsent: 0,
            latest_send: Duration::ZERO,
        })
    }

    /// From now on, clients offer RED.
    pub(super) fn offer_red(&mut self) {
        self.red = true;
    }

    /// From now on, the kernel notes when datagrams arrive.
    pub(super) fn stamp_arrivals(&mut self) -> io::Result<()> {
        self.stamped = true;
        self.ports.iter().try_for_each(SharedPort::stamp_arrivals)
    }

    /// What a client offers.
    pub(super) fn offer(&self, client: usize) -> String {
        let (ufrag, fingerprint) = (ufrag(client), self.identity.fingerprint.as_str());
        offer(&Offer {
            ufrag: &ufrag,
            pwd: PASSWORD,
            fingerprint,
            ssrc: ssrc(client),
            red: self.red,
        })
    }

    /// Begins a client's connection.
    pub(super) fn connect(&mut self, client: usize, answer: &str) -> Result<(), Box<dyn Error>> {
        let answer = Answer::parse(answer)?;
        let transport = Transport::start(
            Instant::now(),
            &ufrag(client),
            &answer,
            &self.identity,
            &mut self.out,
        )?;
        self.peers[client].transport = Some(transport);
        self.peers[client].ssrcs = answer.slot_ssrcs;
        self.connecting.push(client);
        self.flush(client);
        Ok(())
    }

    /// Handshakes under way.
    pub(super) fn connecting(&self) -> usize {
        self.connecting.len()
    }

    /// Gives a connected client a voice; it is silent until `speak` is on.
    pub(super) fn give_voice(&mut self, client: usize) -> Result<(), Box<dyn Error>> {
        let frames = voice::frames(self.microphones.len())?;
        let speaker = self.meter.speaker(&frames);
        let outbound = self.peers[client].outbound.take().ok_or("a speaker without keys")?;
        self.microphones.push(Microphone::new(client, speaker, ssrc(client), frames, outbound));
        Ok(())
    }

    /// Turns all microphones on or off.
    pub(super) fn speak(&mut self, on: bool, now: Duration) {
        self.speaking = on;
        let voices = self.microphones.len().max(1) as u32;
        for (at, microphone) in self.microphones.iter_mut().enumerate() {
            // Speakers are not in step with each other.
            microphone.next_at = now + FRAME_INTERVAL * at as u32 / voices;
        }
    }

    pub(super) fn speaking(&self) -> bool {
        self.speaking
    }

    /// Mean length of a frame's datagram on its way to a listener: what a bare send is compared with.
    pub(super) fn datagram_len(&self) -> Option<usize> {
        self.meter.bytes.checked_div(self.meter.packets).and_then(|mean| usize::try_from(mean).ok())
    }

    /// Streams of the clients from `first` on.
    pub(super) fn receptions(&self, first: usize) -> impl Iterator<Item = &Reception> {
        self.peers[first..].iter().filter_map(|peer| peer.reception.as_ref())
    }

    /// From now on, what the clients from `first` on receive counts.
    pub(super) fn open_window(&mut self, first: usize) {
        self.latest_send = Duration::ZERO;
        self.meter.open(self.peers[first..].iter_mut().filter_map(|peer| peer.reception.as_mut()));
    }

    /// Reads a port.
    pub(super) fn readable(
        &mut self,
        port: usize,
        began: Instant,
        events: &mut Vec<MediaEvent>,
    ) -> io::Result<()> {
        for _ in 0..BATCHES_PER_TURN {
            let count = self.ports[port].receive(&mut self.batch)?;
            let at = Instant::now();
            let now = at - began;
            // The stamps' clock at our beginning; taken anew each time, as it may be set.
            let began_at = self.stamped.then(|| {
                SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(now)
            });
            for place in 0..count {
                let (to, datagram) = self.batch.datagram(place);
                let client = port * self.per_port + place_of(to);
                let Some(peer) = self.peers.get_mut(client) else { continue };
                match datagram {
                    // RFC 7983: 128 to 191 is RTP or RTCP; RFC 5761 tells them apart.
                    [128..=191, kind, ..] => {
                        if let (Some(reception), false) =
                            (&mut peer.reception, (192..=223).contains(kind))
                        {
                            let stamp = began_at.zip(self.batch.arrived(place));
                            let stamp = stamp.map(|(began, stamp)| stamp.saturating_sub(began));
                            self.meter.packet(now, stamp, reception, datagram);
                        }
                    }
                    _ => {
                        let Some(transport) = &mut peer.transport else { continue };
                        let progress =
                            transport.datagram(at, datagram, &self.identity, &mut self.out);
                        self.flush(client);
                        self.progressed(client, progress, events);
                    }
                }
            }
            if count < crate::sys::BATCH {
                break;
            }
        }
        Ok(())
    }

    fn progressed(&mut self, client: usize, progress: Progress, events: &mut Vec<MediaEvent>) {
        match progress {
            Progress::Pending => return,
            Progress::Connected(keys) => {
                let peer = &mut self.peers[client];
                let port = peer.transport.as_ref().map_or(0, |transport| transport.server.port());
                let shard = self.meter.shard(port);
                peer.reception = Some(Reception::new(peer.ssrcs, keys.inbound, client, shard));
                peer.outbound = Some(keys.outbound);
                events.push(MediaEvent::Connected(client));
            }
            Progress::Failed(why) => {
                self.peers[client].transport = None;
                events.push(MediaEvent::Failed(client, why));
            }
        }
        self.connecting.retain(|connecting| *connecting != client);
    }

    /// Repeats what handshakes lost; sends what is due.
    pub(super) fn tick(&mut self, now: Duration, events: &mut Vec<MediaEvent>) {
        for place in (0..self.connecting.len()).rev() {
            let client = self.connecting[place];
            let Some(transport) = &mut self.peers[client].transport else { continue };
            let progress = transport.tick(Instant::now(), &mut self.out);
            self.flush(client);
            self.progressed(client, progress, events);
        }
        if self.consent_at <= now {
            self.consent_at = now + CONSENT_INTERVAL / CONSENT_STEPS as u32;
            self.consent();
        }
    }

    /// Sends the frames that are due.
    pub(super) fn pace(&mut self, began: Instant) -> Result<(), Box<dyn Error>> {
        for microphone in self.microphones.iter_mut().filter(|_| self.speaking) {
            while microphone.next_at <= began.elapsed() {
                self.latest_send =
                    self.latest_send.max(began.elapsed().saturating_sub(microphone.next_at));
                microphone.next_at += FRAME_INTERVAL;
                let sent = &mut self.meter.sent[microphone.speaker];
                let packet = microphone.frame(sent.next())?;
                let Some(transport) = &self.peers[microphone.client].transport else { continue };
                sent.push(began.elapsed());
                let (port, from) =
                    (microphone.client / self.per_port, address(microphone.client % self.per_port));
                let result = self.ports[port].send(from, transport.server, &packet);
                self.unsent += u64::from(result.is_err());
            }
        }
        Ok(())
    }

    /// A share of the clients says that it still wants to hear, and what it heard.
    fn consent(&mut self) {
        for _ in 0..self.peers.len().div_ceil(CONSENT_STEPS) {
            let client = self.consent_next;
            self.consent_next = (client + 1) % self.peers.len();
            let peer = &mut self.peers[client];
            let (Some(transport), Some(reception)) = (&peer.transport, &peer.reception) else {
                continue;
            };
            self.out.push(BytesMut::from(transport.consent()));
            if let Some(outbound) = &mut peer.outbound {
                let report = receiver_report(ssrc(client), self.red, reception.heard());
                self.out.extend(outbound.encrypt_rtcp(&report).ok());
            }
            self.flush(client);
        }
    }

    fn flush(&mut self, client: usize) {
        let Some(transport) = &self.peers[client].transport else {
            return self.out.clear();
        };
        let (port, from) = (&self.ports[client / self.per_port], address(client % self.per_port));
        for datagram in self.out.drain(..) {
            self.unsent += u64::from(port.send(from, transport.server, &datagram).is_err());
        }
    }
}

fn ufrag(client: usize) -> String {
    format!("load{client:06x}")
}

fn ssrc(client: usize) -> u32 {
    FIRST_SSRC + client as u32
}

/// A port's clients live at 127.1.0.0 and after.
fn address(place: usize) -> Ipv4Addr {
    let [.., high, low] = (place as u32).to_be_bytes();
    Ipv4Addr::new(127, 1, high, low)
}

fn place_of(address: Ipv4Addr) -> usize {
    let [_, _, high, low] = address.octets();
    usize::from(u16::from_be_bytes([high, low]))
}

/// Addresses as a port's clients have them: for the floor, which sends to as many.
pub(crate) fn addresses(ports: &[SharedPort], per_port: usize, count: usize) -> Vec<SocketAddrV4> {
    let at = |client: usize| {
        SocketAddrV4::new(address(client % per_port), ports[client / per_port].port())
    };
    (0..count).map(at).collect()
}
