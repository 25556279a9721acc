//! Datagrams in: STUN by username fragment, the rest by path; handshakes when their turn comes; audio at once.

use std::time::Instant;

use bytes::BytesMut;

use super::{Due, MAX_HANDSHAKE_QUEUE, Shard};
use crate::demux::{Kind, Path, classify};
use crate::dtls::{Progress, Secured};
use crate::event::{CloseReason, Event};
use crate::ice::{self, Refused};
use crate::packet::Variant;
use crate::peer::Secure;
use crate::relay::{Packet, Relayed, What};
use crate::rtp::{RtpPacket, Ssrc, header_len};
use crate::slab::Id;
use crate::srtp;
use crate::stats::DropCause;

/// Datagrams one peer may have waiting: a flight of a browser's takes up to four.
const MAX_WAITING_PER_PEER: u8 = 8;

impl Shard {
    pub(super) fn datagram(&mut self, now: Instant, path: Path, bytes: &mut [u8]) {
        self.stats.received.count(bytes.len());
        let kind = classify(bytes);
        if kind == Some(Kind::Stun) {
            self.check(now, path, bytes);
            return;
        }
        let Some(kind) = kind else {
            self.stats.drops.count(DropCause::Unclassified);
            return;
        };
        // Nothing but a validated check makes a path known.
        let Some(id) = self.by_path.get(&path).copied() else {
            self.stats.drops.count(DropCause::UnknownPath);
            return;
        };
        self.current = Some(id);
        #[cfg(test)]
        if self.panic_on.is_some() && self.peers.get(id).map(|peer| peer.key) == self.panic_on {
            panic!("asked to by a test");
        }
        let taken = match kind {
            Kind::Rtp => self.rtp(now, id, path, bytes),
            Kind::Rtcp => self.rtcp(now, id, path, bytes),
            Kind::Dtls => self.queue_handshake(id, bytes),
            Kind::Stun => Ok(()),
        };
        if let Err(cause) = taken {
            self.stats.drops.count(cause);
            if let Some(peer) = self.peers.get_mut(id) {
                peer.drops.count(cause);
            }
        }
    }

    fn check(&mut self, now: Instant, path: Path, bytes: &[u8]) {
        let checked = ice::username(bytes)
            .ok_or(Refused::Malformed)
            .and_then(|(ufrag, _)| self.by_ufrag.get(&ufrag).copied().ok_or(Refused::UnknownUfrag))
            .and_then(|id| self.check_of(now, id, path, bytes));
        if let Err(refused) = checked {
            self.stats.drops.count(match refused {
                Refused::Malformed => DropCause::StunMalformed,
                Refused::UnknownUfrag => DropCause::StunUnknownUfrag,
                Refused::WrongUsername | Refused::WrongPassword => DropCause::StunWrongCredentials,
            });
        }
    }

    fn check_of(&mut self, now: Instant, id: Id, path: Path, bytes: &[u8]) -> Result<(), Refused> {
        self.current = Some(id);
        let peer = self.peers.get_mut(id).ok_or(Refused::UnknownUfrag)?;
        let provider = self.identity.provider();
        let mut ask = |ice: &crate::peer::IceSession| {
            ice::answer(
                bytes,
                path.address(),
                &ice.ours,
                &ice.their_ufrag,
                provider,
                &mut self.scratch,
            )
        };
        let check = match (ask(&peer.ice), &peer.former_ice) {
            (Ok(check), _) => {
                // The restart has taken effect: the former credentials are void.
                if let Some(former) = peer.former_ice.take() {
                    self.by_ufrag.remove(&former.ours.ufrag());
                }
                check
            }
            (Err(Refused::UnknownUfrag), Some(former)) => ask(former)?,
            (Err(refused), _) => return Err(refused),
        };
        self.stats.checks_answered += 1;
        self.batch.push(path, &self.scratch);
        if !peer.paths.contains(&path) {
            if let Some(oldest) = peer.keep_path(path) {
                self.by_path.remove(&oldest);
                self.hang_ups.push_back(oldest);
            }
            // A NAT may have given another peer's former address to this one, which has just proved it.
            if let Some(other) = self.by_path.insert(path, id)
                && other != id
                && let Some(other) = self.peers.get_mut(other)
            {
                other.paths.retain(|known| *known != path);
            }
        }
        let Some(peer) = self.peers.get_mut(id) else {
            return Ok(());
        };
        if peer.is_moved_by(now, path, check.nominated) {
            self.route(id, path);
        }
        if let Some(peer) = self.peers.get_mut(id) {
            peer.checked_by(now, path, check.nominated);
        }
        Ok(())
    }

    fn route(&mut self, id: Id, path: Path) {
        let Some(peer) = self.peers.get_mut(id) else {
            return;
        };
        peer.route = Some(path);
        if let Some(keys) = &peer.keys
            && let Some(room) = self.rooms.get_mut(peer.room)
            && let Some(sink) = room.sinks.get_mut(keys.sink)
        {
            sink.path = path;
        }
    }

    /// Whether a validated check came this way.
    pub(crate) fn knows(&self, path: Path) -> bool {
        self.by_path.contains_key(&path)
    }

    pub(super) fn lost(&mut self, path: Path) {
        let Some(id) = self.by_path.remove(&path) else {
            return;
        };
        let Some(peer) = self.peers.get_mut(id) else {
            return;
        };
        peer.paths.retain(|known| *known != path);
        if peer.route == Some(path) {
            // What else was proved, if anything; without, the client has until the consent time to come back.
            peer.route = None;
            if let Some(other) = peer.paths.last().copied() {
                self.route(id, other);
            }
        }
    }

    fn queue_handshake(&mut self, id: Id, bytes: &[u8]) -> Result<(), DropCause> {
        let peer = self.peers.get_mut(id).ok_or(DropCause::UnknownPath)?;
        if peer.dtls_waiting >= MAX_WAITING_PER_PEER || self.handshakes.len() >= MAX_HANDSHAKE_QUEUE
        {
            return Err(DropCause::DtlsQueueFull);
        }
        peer.dtls_waiting += 1;
        self.handshakes.push_back((id, BytesMut::from(bytes)));
        Ok(())
    }

    /// One datagram's worth of handshake: the dearest step, a key exchange and a signature, takes a third of a
    /// millisecond, and audio that came meanwhile goes first.
    pub(super) fn shake_hands(&mut self, now: Instant) {
        let Some((id, datagram)) = self.handshakes.pop_front() else {
            return;
        };
        let Some(peer) = self.peers.get_mut(id) else {
            return;
        };
        self.current = Some(id);
        peer.dtls_waiting -= 1;
        self.flights.clear();
        let progress = peer.dtls.datagram(now, &datagram, &self.identity, &mut self.flights);
        self.send_flights(now, id);
        match progress {
            Progress::Pending => {}
            Progress::Connected(secured) => self.connected(now, id, &secured),
            Progress::Closed => self.close(now, id, CloseReason::PeerClosed, false),
            Progress::Failed => self.stats.drops.count(DropCause::DtlsFailed),
        }
    }

    pub(super) fn retransmit(&mut self, now: Instant, id: Id) {
        let Some(peer) = self.peers.get_mut(id) else {
            return;
        };
        self.current = Some(id);
        peer.dtls_timer_at = None;
        self.flights.clear();
        peer.dtls.timeout(now, &mut self.flights);
        self.send_flights(now, id);
    }

    fn send_flights(&mut self, now: Instant, id: Id) {
        let Some(peer) = self.peers.get_mut(id) else {
            return;
        };
        if let Some(route) = peer.route {
            for datagram in self.flights.drain(..) {
                self.batch.push(route, &datagram);
            }
        }
        if let Some(at) = peer.dtls.timeout_at()
            && peer.dtls_timer_at.is_none_or(|set| at < set || set <= now)
        {
            peer.dtls_timer_at = Some(at);
            self.timers.set(at, Due::Retransmit(id));
        }
    }

    pub(super) fn connected(&mut self, now: Instant, id: Id, secured: &Secured) {
        let Some(peer) = self.peers.get(id) else {
            return;
        };
        if secured.peer_fingerprint != peer.offered_fingerprint {
            self.stats.wrong_fingerprints += 1;
            self.close(now, id, CloseReason::WrongFingerprint, true);
            return;
        }
        let Some((session, route)) =
            srtp::session(secured.profile, &secured.material).zip(peer.route)
        else {
            return;
        };
        let profile = peer.profile;
        let Some(room) = self.rooms.get_mut(peer.room) else {
            return;
        };
        let next = room.next_numbers(Variant::Plain);
        let Some(sink) = room.sinks.join(id, route, profile, session.rtp, next) else {
            self.close(now, id, CloseReason::TooManyProfiles, true);
            return;
        };
        let Some(peer) = self.peers.get_mut(id) else {
            return;
        };
        peer.heard_at = now;
        peer.keys = Some(Box::new(Secure { opener: session.opener, rtcp: session.rtcp, sink }));
        self.stats.handshakes_done += 1;
        self.stats.connected += 1;
        self.events.push_back(Event::Connected { peer: peer.key });
        let room = peer.room;
        self.adapt_room(room);
        self.adapt(id);
        self.tick_by(id, now + super::report::FIRST_REPORT);
    }

    fn rtp(&mut self, now: Instant, id: Id, path: Path, bytes: &mut [u8]) -> Result<(), DropCause> {
        let peer = self.peers.get_mut(id).ok_or(DropCause::UnknownPath)?;
        let keys = peer.keys.as_mut().ok_or(DropCause::NotConnected)?;
        if !peer.uplink.was_allowed {
            return Err(DropCause::NotAllowed);
        }
        let header_len = header_len(bytes).map_err(|_| DropCause::Malformed)?;
        let ssrc = Ssrc(u32::from_be_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]));
        if !peer.uplink.may_be_ours(ssrc) {
            return Err(DropCause::UnsignalledSsrc);
        }
        let len = keys.opener.open_rtp(bytes, header_len).map_err(|_| DropCause::Unopened)?;
        let packet = RtpPacket::parse(&bytes[..len]).map_err(|_| DropCause::Malformed)?;
        if !peer.uplink.is_ours(&packet) {
            return Err(DropCause::UnsignalledSsrc);
        }
        peer.heard_by(now, path);
        peer.received.count(len);
        if let Some(reception) = &mut peer.uplink.reception {
            reception.on_packet(now, packet.seq, packet.ts_48k);
        }
        let speaker = peer.uplink.speaker.ok_or(DropCause::NotAllowed)?;
        let payload = peer.uplink.opus(&packet)?;
        let level = peer.uplink.level_ext.and_then(|ext| packet.audio_level(ext));
        let packet =
            Packet::new(packet.ssrc, packet.seq, packet.ts_48k, packet.marker, level, payload)
                .ok_or(DropCause::NotForwardable)?;
        let room = peer.room;
        self.hear(now, room, speaker, Some(id), &packet);
        if let Some(room) = self.rooms.get(room) {
            // Rooms with a tap are few: nobody else pays for the look-up.
            if !self.taps.is_empty()
                && let Some(taps) = self.taps.get_mut(&room.key)
            {
                taps.retain(|tap| tap.take(now, speaker, &packet));
                if taps.is_empty() {
                    self.taps.remove(&room.key);
                }
            }
            let others = room.reach.others(self.config.index);
            if !others.is_empty() {
                let relayed = Relayed { room: room.key, speaker, what: What::Packet(packet) };
                self.relays.push_back((others, relayed));
            }
        }
        Ok(())
    }
}
