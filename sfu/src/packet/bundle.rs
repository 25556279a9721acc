//! Bundles: up to three 20 ms Opus frames repacketised into one packet, without transcoding. For audiences so large
//! that a third of the packets is worth 40 ms of delay; nobody on stage gets them.
//!
//! What may be merged was found by listening (docs of the repacketizer do not say): only frames of one configuration
//! (the table-of-contents byte), gapless in time; a DTX frame ends its bundle, or live speech breaks.

use opus::Repacketizer;

use super::{Frame, Kept, MAX_PAYLOAD, duration_48k, is_dtx};

const FRAMES: usize = 3;
const FRAME_48K: u32 = 960;
/// A longer frame goes alone: three of these and their lengths (RFC 6716 section 3.2.5: two bytes each at most, and
/// two in front) fit into `MAX_PAYLOAD`. 158 kbit/s.
const MAX_FRAME: usize = MAX_PAYLOAD / FRAMES - 4;

#[derive(Debug, Default)]
pub(super) struct Bundler {
    pending: [Kept; FRAMES],
    pending_len: usize,
    ready: [Kept; 2],
    ready_len: usize,
    /// Bundles have a count of their own. Loss at the source leaves no hole in it: the missing time says it.
    next_ext_seq: u64,
    /// Made when the first bundle is.
    repacketizer: Option<Repacketizer>,
}

impl Bundler {
    pub(super) fn ready(&self) -> &[Kept] {
        &self.ready[..self.ready_len]
    }

    pub(super) fn next_ext_seq(&self) -> u64 {
        self.next_ext_seq
    }

    pub(super) fn forget_ready(&mut self) {
        self.ready_len = 0;
    }

    /// Takes a frame newer than all before; makes 0 ..= 2 packets ready.
    pub(super) fn push(&mut self, frame: &Frame<'_>) {
        let dtx = is_dtx(frame.payload);
        let mergeable =
            duration_48k(frame.payload) == FRAME_48K && frame.payload.len() <= MAX_FRAME;
        if !(mergeable && self.continued_by(frame)) {
            self.flush();
        }
        self.pending[self.pending_len].keep(frame);
        self.pending_len += 1;
        if dtx || !mergeable || self.pending_len == FRAMES {
            self.flush();
        }
    }

    fn continued_by(&self, frame: &Frame<'_>) -> bool {
        let Some(last) = self.pending[..self.pending_len].last() else { return true };
        frame.ts_48k == last.ts_48k.wrapping_add(FRAME_48K)
            && frame.speaker == last.speaker
            && !frame.marker
            // All but the two bits that count the frames (RFC 6716 section 3.1).
            && frame.payload.first().map(|toc| toc & 0xfc) == last.payload.first().map(|toc| toc & 0xfc)
    }

    fn flush(&mut self) {
        let frames = &mut self.pending[..self.pending_len];
        self.pending_len = 0;
        let Some(ready) = self.ready.get_mut(self.ready_len) else { return };
        match frames {
            [] => return,
            [alone] => std::mem::swap(alone, ready),
            [first, rest @ ..] => {
                (ready.ts_48k, ready.marker, ready.speaker) =
                    (first.ts_48k, first.marker, first.speaker);
                let levels = rest.iter().filter_map(|frame| frame.level);
                // The loudest of them: it is shown for 60 ms.
                ready.level = levels.chain(first.level).min_by_key(|level| level.minus_dbov);
                if !combine(&mut self.repacketizer, first, rest, &mut ready.payload) {
                    // Not Opus, whatever its first bytes say: nothing a decoder could play.
                    return;
                }
            }
        }
        ready.ext_seq = self.next_ext_seq;
        self.next_ext_seq += 1;
        self.ready_len += 1;
    }
}

fn combine(
    repacketizer: &mut Option<Repacketizer>,
    first: &Kept,
    rest: &[Kept],
    out: &mut Vec<u8>,
) -> bool {
    let repacketizer = match repacketizer {
        Some(repacketizer) => repacketizer,
        None => match Repacketizer::new() {
            Ok(made) => repacketizer.insert(made),
            Err(_) => return false,
        },
    };
    let mut frames: [&[u8]; FRAMES] = [&first.payload; FRAMES];
    for (slot, frame) in frames[1..].iter_mut().zip(rest) {
        *slot = &frame.payload;
    }
    out.resize(MAX_PAYLOAD, 0);
    match repacketizer.combine(&frames[..=rest.len()], out) {
        Ok(len) => {
            out.truncate(len);
            true
        }
        Err(_) => false,
    }
}
