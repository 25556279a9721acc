//! Puts a slot's packets back into the order of their sequence numbers. Pure.

/// How many packets may wait for a missing one: 100 ms of speech. Past that it is lost.
const HELD_MAX: usize = 5;
/// A jump beyond this is a new stream, not a loss (RFC 3550, appendix A.1: MAX_DROPOUT).
const JUMP_MAX: u16 = 3_000;

/// What comes out, in order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum InOrder<T> {
    /// The next packet.
    Packet(T),
    /// This many packets never came.
    Lost(u16),
    /// The packet came after it was given up, or a second time; it is dropped.
    Late,
}

/// Waits for missing packets only while later ones are at hand: what comes in order passes at once.
pub(crate) struct Reorder<T> {
    next: Option<u16>,
    /// Sorted by distance from `next`, all ahead of it.
    held: Vec<(u16, T)>,
}

impl<T> Reorder<T> {
    pub(crate) fn new() -> Self {
        Self { next: None, held: Vec::with_capacity(HELD_MAX + 1) }
    }

    pub(crate) fn push(&mut self, sequence: u16, packet: T, out: &mut Vec<InOrder<T>>) {
        let next = *self.next.get_or_insert(sequence);
        let ahead = sequence.wrapping_sub(next);
        if (JUMP_MAX..=u16::MAX - JUMP_MAX).contains(&ahead) {
            self.flush(out);
            self.next = Some(sequence);
            return self.push(sequence, packet, out);
        }
        if ahead > u16::MAX / 2 {
            return out.push(InOrder::Late);
        }
        match self.held.binary_search_by_key(&ahead, |(held, _)| held.wrapping_sub(next)) {
            Ok(_) => return out.push(InOrder::Late),
            Err(place) => self.held.insert(place, (sequence, packet)),
        }
        self.release(out);
        if self.held.len() > HELD_MAX {
            self.skip_gap(out);
        }
    }

    /// Gives up on what is missing: call it when nothing more came for a while.
    pub(crate) fn flush(&mut self, out: &mut Vec<InOrder<T>>) {
        while !self.held.is_empty() {
            self.skip_gap(out);
        }
    }

    pub(crate) fn is_waiting(&self) -> bool {
        !self.held.is_empty()
    }

    fn skip_gap(&mut self, out: &mut Vec<InOrder<T>>) {
        let (Some(next), Some(&(first, _))) = (self.next, self.held.first()) else { return };
        out.push(InOrder::Lost(first.wrapping_sub(next)));
        self.next = Some(first);
        self.release(out);
    }

    fn release(&mut self, out: &mut Vec<InOrder<T>>) {
        while let Some(&(sequence, _)) = self.held.first() {
            if Some(sequence) != self.next {
                return;
            }
            self.next = Some(sequence.wrapping_add(1));
            out.push(InOrder::Packet(self.held.remove(0).1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{InOrder::*, *};

    /// Pushes packets that are their own sequence numbers; the outputs, in order.
    fn through(sequences: &[u16]) -> Vec<InOrder<u16>> {
        let mut reorder = Reorder::new();
        let mut out = Vec::new();
        for &sequence in sequences {
            reorder.push(sequence, sequence, &mut out);
        }
        out
    }

    #[test]
    fn packets_come_out_in_order_across_the_wrap() {
        for (sequences, expected) in [
            (&[7, 8, 9][..], vec![Packet(7), Packet(8), Packet(9)]),
            (&[7, 9, 8], vec![Packet(7), Packet(8), Packet(9)]),
            (&[65_535, 1, 0], vec![Packet(65_535), Packet(0), Packet(1)]),
            (&[7, 7, 8], vec![Packet(7), Late, Packet(8)]),
            (&[7, 9, 9, 8], vec![Packet(7), Late, Packet(8), Packet(9)]),
            (&[7, 6], vec![Packet(7), Late]),
            (&[0, 65_535], vec![Packet(0), Late]),
            // A gap is given up when a sixth packet waits behind it.
            (&[7, 9, 10, 11, 12, 13], vec![Packet(7)]),
            (
                &[7, 10, 11, 12, 13, 14, 15, 8],
                vec![
                    Packet(7),
                    Lost(2),
                    Packet(10),
                    Packet(11),
                    Packet(12),
                    Packet(13),
                    Packet(14),
                    Packet(15),
                    Late,
                ],
            ),
            // Another stream begins.
            (&[7, 20_000, 20_001], vec![Packet(7), Packet(20_000), Packet(20_001)]),
        ] {
            assert_eq!(through(sequences), expected, "{sequences:?}");
        }
    }

    #[test]
    fn a_flush_gives_up_every_gap() {
        let mut reorder = Reorder::new();
        let mut out = Vec::new();
        for sequence in [1u16, 3, 6] {
            reorder.push(sequence, sequence, &mut out);
        }
        assert!(reorder.is_waiting());
        reorder.flush(&mut out);
        assert_eq!(out, [Packet(1), Lost(1), Packet(3), Lost(2), Packet(6)]);
        assert!(!reorder.is_waiting());
    }
}
