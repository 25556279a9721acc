//! Durations counted in buckets of 1.6 % width: quantiles of millions of values without keeping them. Pure.

use std::time::Duration;

/// Buckets for each doubling: a quantile is at most 1/64 too high.
const PER_OCTAVE: usize = 64;
const SHIFT: u32 = PER_OCTAVE.trailing_zeros();
/// 2^36 ns is 69 s; longer is counted there.
const OCTAVES: usize = 31;

/// Counts of durations.
#[derive(Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    longest: Duration,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; PER_OCTAVE * OCTAVES], total: 0, longest: Duration::ZERO }
    }
}

fn bucket(ns: u64) -> usize {
    // Below 64 ns a bucket each; above, the six bits after the leading one choose within the octave.
    let octave = (64 - (ns >> SHIFT).leading_zeros()) as usize;
    let within = (ns >> octave.saturating_sub(1)) as usize & (PER_OCTAVE - 1);
    (octave * PER_OCTAVE + within).min(PER_OCTAVE * OCTAVES - 1)
}

/// The largest value that falls into a bucket.
fn top_ns(bucket: usize) -> u64 {
    let (octave, within) = (bucket / PER_OCTAVE, (bucket % PER_OCTAVE) as u64);
    match octave {
        0 => within,
        _ => ((PER_OCTAVE as u64 + within + 1) << (octave - 1)) - 1,
    }
}

impl Histogram {
    /// Counts one.
    pub fn record(&mut self, value: Duration) {
        let ns = u64::try_from(value.as_nanos()).unwrap_or(u64::MAX);
        self.counts[bucket(ns)] += 1;
        self.total += 1;
        self.longest = self.longest.max(value);
    }

    /// How many were counted.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The longest of all, exactly.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.longest
    }

    /// The value that `share` (0.0 to 1.0) of all do not exceed; zero if there are none.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Duration {
        let rank = ((share * self.total as f64).ceil() as u64).max(1);
        let mut below = 0;
        for (at, count) in self.counts.iter().enumerate() {
            below += count;
            if below >= rank {
                return Duration::from_nanos(top_ns(at)).min(self.longest);
            }
        }
        self.longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_contiguous_and_a_sixty_fourth_wide() {
        let mut next = 0;
        for at in 0..PER_OCTAVE * OCTAVES {
            assert_eq!(bucket(next), at);
            assert_eq!(bucket(top_ns(at)), at);
            assert!(top_ns(at) - next <= next / 64);
            next = top_ns(at) + 1;
        }
        assert_eq!(next, 1 << 36);
        assert_eq!(bucket(u64::MAX), PER_OCTAVE * OCTAVES - 1);
    }

    #[test]
    fn quantiles_of_known_values() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), Duration::ZERO);
        for ms in 1..=1000 {
            histogram.record(Duration::from_millis(ms));
        }
        for (share, ms) in [(0.5, 500.0), (0.99, 990.0), (0.999, 999.0)] {
            let got = histogram.quantile(share).as_secs_f64() * 1e3;
            assert!(got >= ms && got <= ms * 65.0 / 64.0, "{share}: {got}");
        }
        assert_eq!(histogram.quantile(1.0), Duration::from_millis(1000));
        assert_eq!((histogram.total(), histogram.longest()), (1000, Duration::from_secs(1)));
    }
}
