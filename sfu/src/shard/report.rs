//! RTCP (RFC 3550 section 6): what clients report, what is reported to them, and when.

use std::time::{Duration, Instant};

use super::Shard;
use crate::demux::Path;
use crate::loudest::SLOTS;
use crate::room::{RECEIVER_SSRC, slot_ssrcs};
use crate::rtcp::{
    MAX_REPORT_LEN, Rtcp, SenderReport, parse, write_receiver_report, write_sender_report,
};
use crate::slab::Id;
use crate::stats::DropCause;

/// Soon enough for the round trip to be known when the first sound plays.
pub(super) const FIRST_REPORT: Duration = Duration::from_millis(500);
/// RFC 3550 section 6.2 recommends five seconds at least; varied by up to a tenth so that peers do not march in step.
const LISTENER_INTERVAL: Duration = Duration::from_secs(5);
/// Speakers adapt their forward error correction to our reports; RFC 3550's reduced minimum allows it.
pub(super) const SPEAKER_INTERVAL: Duration = Duration::from_secs(1);

impl Shard {
    pub(super) fn rtcp(
        &mut self,
        now: Instant,
        id: Id,
        path: Path,
        bytes: &mut [u8],
    ) -> Result<(), DropCause> {
        let ntp = self.ntp(now);
        let peer = self.peers.get_mut(id).ok_or(DropCause::UnknownPath)?;
        let keys = peer.keys.as_mut().ok_or(DropCause::NotConnected)?;
        let len = keys.opener.open_rtcp(bytes).map_err(|_| DropCause::Unopened)?;
        peer.heard_by(now, path);
        peer.received.count(len);
        for packet in parse(&bytes[..len]) {
            match packet {
                Rtcp::SenderReport(report, blocks) => {
                    if let Some(reception) = &mut peer.uplink.reception {
                        reception.on_sender_report(now, report.ntp);
                    }
                    peer.downlink.read(ntp, blocks);
                }
                Rtcp::ReceiverReport(_, blocks) => peer.downlink.read(ntp, blocks),
                Rtcp::Bye(_) => {}
            }
        }
        self.adapt(id);
        self.tell_quality(id);
        Ok(())
    }

    /// Sends a peer its reports; returns when the next are due.
    pub(super) fn report(&mut self, now: Instant, id: Id) -> Option<Duration> {
        let ntp = self.ntp(now);
        let peer = self.peers.get_mut(id)?;
        let (route, keys) = (peer.route?, peer.keys.as_mut()?);
        let room = self.rooms.get_mut(peer.room)?;
        let mut report = [0; MAX_REPORT_LEN];
        for (slot, ssrc) in slot_ssrcs().into_iter().enumerate().take(SLOTS) {
            let Some(ts_48k) = room.slot_time(slot, now) else {
                continue;
            };
            let (packets, octets) = room.sinks.get_mut(keys.sink)?.slot_sent(slot);
            if packets == 0 {
                continue;
            }
            let sender_report = SenderReport { ssrc, ntp, ts_48k, packets, octets };
            let len = write_sender_report(&sender_report, &mut report);
            self.batch.push_with(route, |buffer, start| {
                buffer.extend_from_slice(&report[..len]);
                keys.rtcp.seal(buffer, start);
            });
        }
        let block = peer.uplink.reception.as_mut().and_then(|reception| reception.report(now));
        if let Some(block) = block {
            peer.loss_up_256 = block.fraction_lost;
            let len = write_receiver_report(RECEIVER_SSRC, &block, &mut report);
            self.batch.push_with(route, |buffer, start| {
                buffer.extend_from_slice(&report[..len]);
                keys.rtcp.seal(buffer, start);
            });
        }
        let speaks = peer.uplink.speaker.is_some();
        self.tell_quality(id);
        if speaks {
            return Some(SPEAKER_INTERVAL);
        }
        Some(LISTENER_INTERVAL + spread(id))
    }
}

/// Up to half a second, by the peer's place.
fn spread(id: Id) -> Duration {
    Duration::from_millis(id.scatter() % 500)
}
