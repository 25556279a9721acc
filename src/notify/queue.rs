//! What waits in the database to be sent to other servers: sends what is due, some at a time, and when to try again.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::store::{Store, Stored, utc_ms};

/// Between two attempts when the database is away.
const RETRY: Duration = Duration::from_secs(1);
/// A clock that is slewed is off by less than this between two looks.
const STEP_MS: i64 = 1_000;

/// Jobs of one kind. Whatever comes of one is written down by `send`; one that was not is due again.
pub(super) trait Queue: Sync {
    type Job: Send + Sync;

    /// What they are, for the log.
    const NAME: &str;
    /// Between two looks when nothing is due.
    const LOOK: Duration;

    fn store(&self) -> &Store;

    /// Some whose time has come.
    fn due(&self) -> impl Future<Output = Stored<Vec<Self::Job>>> + Send;

    fn send(&self, job: &Self::Job) -> impl Future<Output = Stored<()>> + Send;
}

/// Sends for as long as it is let.
pub(super) async fn work<Q: Queue>(queue: &Q) {
    let mut clock = Clock::default();
    loop {
        match round(queue, &mut clock).await {
            Ok(0) => tokio::time::sleep(Q::LOOK).await,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "{} wait", Q::NAME);
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

async fn round<Q: Queue>(queue: &Q, clock: &mut Clock) -> Stored<usize> {
    if clock.went_back(Instant::now(), utc_ms()) {
        queue.store().hasten_jobs(utc_ms()).await?;
        clock.looked(Instant::now(), utc_ms());
    }
    let jobs = queue.due().await?;
    let sent = join_all(jobs.iter().map(|job| queue.send(job))).await;
    sent.into_iter().collect::<Stored<Vec<()>>>()?;
    Ok(jobs.len())
}

/// The wall clock, beside the one that nobody sets. When a job is due is kept by the wall clock, for a restart to find:
/// after that was set back, or while the server was off, nobody knows for how long it would wait.
#[derive(Default)]
struct Clock {
    seen: Option<(Instant, i64)>,
}

impl Clock {
    fn looked(&mut self, at: Instant, wall_ms: i64) {
        self.seen = Some((at, wall_ms));
    }

    /// Since the last look that found it in order; true at first.
    fn went_back(&mut self, at: Instant, wall_ms: i64) -> bool {
        let back = self.seen.is_none_or(|(then, then_ms)| {
            let passed_ms = i64::try_from((at - then).as_millis()).unwrap_or(i64::MAX);
            wall_ms < then_ms.saturating_add(passed_ms) - STEP_MS
        });
        if !back {
            self.looked(at, wall_ms);
        }
        back
    }
}

/// How long to wait, in milliseconds, after an attempt failed that so many went before: from a second on four times as
/// long each time, to an hour; or as long as was asked for. `None`: it is given up.
pub(super) fn again_in(before: i64, attempts: i64, asked: Option<Duration>) -> Option<i64> {
    const HOUR_MS: i64 = 60 * 60 * 1_000;
    if before + 1 >= attempts {
        return None;
    }
    let grown = 4_i64.saturating_pow(u32::try_from(before).unwrap_or(0)).saturating_mul(1_000);
    let asked = asked.map_or(0, |wait| i64::try_from(wait.as_millis()).unwrap_or(HOUR_MS));
    Some(grown.max(asked).min(HOUR_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_set_back_is_noticed_and_one_set_forward_or_slewed_is_none() {
        let start = Instant::now();
        let mut clock = Clock::default();
        let second = |n: u64| start + Duration::from_secs(n);
        assert!(clock.went_back(start, 5_000_000), "at first");
        assert!(clock.went_back(start, 5_000_000), "until it was seen to");
        clock.looked(start, 5_000_000);
        assert!(!clock.went_back(second(1), 5_000_900), "slewed");
        assert!(!clock.went_back(second(2), 8_600_900), "an hour forward");
        assert!(clock.went_back(second(3), 5_002_900), "and back");
        clock.looked(second(3), 5_002_900);
        assert!(!clock.went_back(second(10), 5_009_900));
    }

    #[test]
    fn pauses_grow_to_an_hour_and_end() {
        let pauses: Vec<_> = (0..13).map(|before| again_in(before, 12, None)).collect();
        assert_eq!(pauses[..4], [Some(1_000), Some(4_000), Some(16_000), Some(64_000)]);
        assert_eq!(pauses[10..], [Some(3_600_000), None, None]);
        assert_eq!(again_in(0, 12, Some(Duration::from_secs(30))), Some(30_000));
    }
}
