//! Deadlines of a shard: a heap of (when, what), entries never removed early.
//!
//! Pure. A deadline that no longer matters still fires; its owner looks at its own state and finds
//! nothing to do. That is cheaper than searching the heap, as each peer has one or two entries.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// Deadlines of things named `T`, soonest first; equal times in the order of `T`.
pub(crate) struct Timers<T> {
    heap: BinaryHeap<Reverse<(Instant, T)>>,
}

impl<T: Ord + Copy> Timers<T> {
    pub(crate) fn new() -> Self {
        Self { heap: BinaryHeap::new() }
    }

    pub(crate) fn set(&mut self, at: Instant, what: T) {
        self.heap.push(Reverse((at, what)));
    }

    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes one entry that is due.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<T> {
        if self.next_at()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse((_, what))| what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn fires_in_order_and_not_before_its_time() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut timers = Timers::new();
        timers.set(at(30), 'c');
        timers.set(at(10), 'a');
        timers.set(at(20), 'b');
        assert_eq!(timers.next_at(), Some(at(10)));
        assert_eq!(timers.pop_due(at(9)), None);
        assert_eq!(timers.pop_due(at(20)), Some('a'));
        assert_eq!(timers.pop_due(at(20)), Some('b'));
        assert_eq!(timers.pop_due(at(20)), None);
        assert_eq!(timers.pop_due(at(30)), Some('c'));
        assert_eq!(timers.next_at(), None);
    }
}
