//! How well a peer hears, from its reports: pure. What follows (another form, an event) is the shard's to do.

use std::time::Duration;

use crate::event::{Grade, Quality};
use crate::peer::Peer;
use crate::room::slot_ssrcs;
use crate::rtcp::{Blocks, NtpTime, round_trip};

/// Loss from which the previous frame is carried along, in 256ths: 3 %. Opus hides less than that well; RED costs
/// the listener about 70 % more bytes.
const RED_FROM_256: u8 = 8;
/// Loss below which a report counts as good, in 256ths: 1 %.
const GOOD_BELOW_256: u8 = 3;
/// Good reports in a row before RED is given up: 15 s and more, as losses come in groups.
const GOOD_REPORTS: u8 = 3;

/// A listener's reports of the slots it gets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Downlink {
    loss_256: u8,
    jitter: Duration,
    round_trip: Option<Duration>,
    lossy: bool,
    good_reports: u8,
}

impl Downlink {
    /// Takes the blocks of one report; those of other streams than ours say nothing.
    pub(crate) fn read(&mut self, now: NtpTime, blocks: Blocks<'_>) {
        let ours = slot_ssrcs();
        let (mut loss_256, mut jitter_48k) = (None, 0);
        for block in blocks.filter(|block| ours.contains(&block.ssrc)) {
            loss_256 = loss_256.max(Some(block.fraction_lost));
            jitter_48k = jitter_48k.max(block.jitter_48k);
            self.round_trip = round_trip(now, &block).or(self.round_trip);
        }
        let Some(loss_256) = loss_256 else { return };
        self.loss_256 = loss_256;
        self.jitter = Duration::from_micros(u64::from(jitter_48k) * 1_000 / 48);
        if loss_256 >= RED_FROM_256 {
            (self.lossy, self.good_reports) = (true, 0);
        } else if loss_256 < GOOD_BELOW_256 {
            self.good_reports = self.good_reports.saturating_add(1);
            self.lossy &= self.good_reports < GOOD_REPORTS;
        } else {
            self.good_reports = 0;
        }
    }

    /// It loses so much, or did lately, that redundancy is worth its bytes.
    pub(crate) fn wants_redundancy(&self) -> bool {
        self.lossy
    }
}

fn grade(loss_256: u8, round_trip: Option<Duration>) -> Grade {
    // 2 and 8 %; ITU-T G.114: up to 400 ms both ways is acceptable, above, people talk into each other.
    let ms = round_trip.unwrap_or_default().as_millis();
    match (loss_256, ms) {
        (0..5, 0..=400) => Grade::Good,
        (0..20, 0..=800) => Grade::Fair,
        _ => Grade::Poor,
    }
}

impl Peer {
    pub(crate) fn quality(&self) -> Quality {
        let down = &self.downlink;
        Quality {
            grade: grade(down.loss_256.max(self.loss_up_256), down.round_trip),
            loss_down: f32::from(down.loss_256) / 256.0,
            loss_up: f32::from(self.loss_up_256) / 256.0,
            jitter_down: down.jitter,
            round_trip: down.round_trip,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtcp::{Rtcp, parse};

    fn read(downlink: &mut Downlink, lost_256: u8, ssrc: u32) {
        let mut report = vec![0x81, 201, 0, 7, 0, 0, 0, 1];
        report.extend_from_slice(&ssrc.to_be_bytes());
        report.extend_from_slice(&[lost_256, 0, 0, 9, 0, 0, 0, 99]);
        report.extend_from_slice(&[0; 12]);
        let Some(Rtcp::ReceiverReport(_, blocks)) = parse(&report).next() else {
            panic!("a receiver report");
        };
        downlink.read(NtpTime(1 << 40), blocks);
    }

    #[test]
    fn redundancy_comes_with_loss_and_goes_after_three_good_reports() {
        let ours = slot_ssrcs()[2].0;
        let mut downlink = Downlink::default();
        let steps = [
            (7, false),
            (8, true),
            (0, true),
            (0, true),
            (5, true),
            (0, true),
            (2, true),
            (0, false),
            (255, true),
        ];
        for (at, (lost_256, wants)) in steps.into_iter().enumerate() {
            read(&mut downlink, lost_256, ours);
            assert_eq!(downlink.wants_redundancy(), wants, "step {at}");
        }
        let mut deaf = Downlink::default();
        read(&mut deaf, 255, 4711);
        assert!(!deaf.wants_redundancy(), "not a stream of ours");
    }

    #[test]
    fn grades() {
        let ms = Duration::from_millis;
        assert_eq!(grade(0, None), Grade::Good);
        assert_eq!(grade(4, Some(ms(400))), Grade::Good);
        assert_eq!(grade(5, Some(ms(10))), Grade::Fair);
        assert_eq!(grade(0, Some(ms(401))), Grade::Fair);
        assert_eq!(grade(20, None), Grade::Poor);
        assert_eq!(grade(0, Some(ms(801))), Grade::Poor);
    }
}
