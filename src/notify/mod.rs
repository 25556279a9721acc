//! Telling people: reads the outbox in order, finds out whom each cause concerns and how they want it, writes their
//! lists, and delivers to every online device.
//!
//! One task. A notice for few is told at once. One for many goes first to those online, batch by batch, and then, when
//! nothing newer waits and no faster than half of the time, to the others: a host with 100,000 followers stalls nobody.
//! Who comes online in between catches up before `welcome`, so that every device learns notices in order. A batch and
//! how far it brings the notice are one transaction: a killed process goes on where it was and repeats nothing.

mod outside;
mod push;
mod queue;
mod reach;
mod sealed;
mod webhook;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use palco_protocol::{
    DirectEvent, NoticeId, UserId,
    http::{NoticePreferences, Notification, Unread},
};
use palco_signaling::Signaling;
use tokio::{task::JoinSet, time::Instant};
use uuid::Uuid;

use crate::store::{Backlog, Progress, Store, Stored, Telling, utc_ms};

pub(crate) use outside::{Outside, is_public};
pub(crate) use push::Pusher;
pub(crate) use sealed::{BrowserKeys, Vapid};
pub(crate) use webhook::WebhookConfigError;
pub(crate) use webhook::Webhooks;

use reach::Quiet;

/// People told in one transaction: some milliseconds of the database's one writer.
const BATCH: usize = 500;
/// People looked at for who is online.
const PAGE: usize = 5_000;
/// A cause whose writer did not ring is found after this time.
const LOOK: Duration = Duration::from_millis(200);
/// Between two attempts when the database is away.
const RETRY: Duration = Duration::from_secs(1);
/// How long lists go back.
const KEPT: Duration = Duration::from_hours(30 * 24);
/// Between two rounds of forgetting what is older, and between two batches of one round.
const SWEEP: (Duration, Duration) = (Duration::from_hours(6), Duration::from_millis(100));

const FIRST: UserId = UserId(Uuid::nil());
const LAST: UserId = UserId(Uuid::max());

/// What was done since the start.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// Lists written to.
    pub(crate) told: AtomicU64,
    /// Sockets delivered to.
    pub(crate) delivered: AtomicU64,
}

/// Tells people. Clones share their counts.
#[derive(Clone)]
pub(crate) struct Notifier {
    store: Store,
    pusher: Option<Pusher>,
    done: Arc<Done>,
}

impl Notifier {
    /// With `push`, closed browsers are told, too.
    pub(crate) fn new(store: Store, push: Option<(Outside, Vapid)>) -> Self {
        let pusher = push.map(|(outside, vapid)| Pusher {
            store: store.clone(),
            outside,
            vapid: Arc::new(vapid),
        });
        Self { store, pusher, done: Arc::default() }
    }

    /// The way to closed browsers, if this server has one.
    pub(crate) fn pusher(&self) -> Option<&Pusher> {
        self.pusher.as_ref()
    }

    /// Starts telling, until the tasks are dropped: between two steps or within one, the outbox knows how far it came.
    pub(crate) fn start(&self, signaling: Signaling, webhooks: Option<Webhooks>) -> JoinSet<()> {
        let (teller, sweeper) = (self.clone(), self.store.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { teller.run(&signaling).await });
        tasks.spawn(async move { sweep(&sweeper).await });
        if let Some(pusher) = self.pusher.clone() {
            tasks.spawn(async move { queue::work(&pusher).await });
        }
        if let Some(webhooks) = webhooks {
            tasks.spawn(async move { queue::work(&webhooks).await });
        }
        tasks
    }

    pub(crate) fn done(&self) -> &Done {
        &self.done
    }

    pub(crate) async fn backlog(&self) -> Stored<Backlog> {
        self.store.backlog().await
    }

    /// What waits for somebody who has just come, whose device is in signalling's directory already.
    pub(crate) async fn waiting(&self, user: UserId) -> Stored<Unread> {
        let now_ms = utc_ms();
        let reach = |telling: &Telling, it: &_| reach::reach(&telling.cause, it, now_ms);
        self.store.catch_up(user, reach, self.pusher.is_some()).await?;
        self.store.unread(user).await
    }

    async fn run(&self, signaling: &Signaling) {
        loop {
            let step = match self.store.next_telling().await {
                Ok(Some(telling)) => self.step(signaling, &telling).await,
                Ok(None) => {
                    // Either way it is time to look.
                    let _ = tokio::time::timeout(LOOK, self.store.rung()).await;
                    Ok(())
                }
                Err(error) => Err(error),
            };
            if let Err(error) = step {
                tracing::warn!(%error, "notices wait");
                tokio::time::sleep(RETRY).await;
            }
        }
    }

    async fn step(&self, signaling: &Signaling, telling: &Telling) -> Stored<()> {
        let Some(notification) = self.store.notification(telling).await? else {
            // Their account went between the look and here, and the notice with it.
            return Ok(());
        };
        let notice = Notice { signaling, telling, notification: &notification };
        match telling.reached {
            None => self.begin(notice).await,
            Some(reached) => {
                let begun = Instant::now();
                self.batch_after(notice, reached).await?;
                // As long as it took, unless something newer comes.
                let _ = tokio::time::timeout(begun.elapsed(), self.store.rung()).await;
                Ok(())
            }
        }
    }

    /// The first batch, whoever is in it; of the others, who is online.
    async fn begin(&self, notice: Notice<'_>) -> Stored<()> {
        let cause = &notice.telling.cause;
        let Some(mut last) = self.batch_after(notice, FIRST).await? else { return Ok(()) };
        loop {
            let page = self.store.audience(cause, last, LAST, PAGE).await?;
            let Some(&end) = page.last() else { return Ok(()) };
            last = end;
            let online: Vec<UserId> =
                page.into_iter().filter(|&user| notice.signaling.is_online(user)).collect();
            for batch in online.chunks(BATCH) {
                self.tell(notice, batch, Progress::Same).await?;
            }
        }
    }

    /// Everybody of the next batch. Returns its last, if there may be more.
    async fn batch_after(&self, notice: Notice<'_>, after: UserId) -> Stored<Option<UserId>> {
        let batch = self.store.audience(&notice.telling.cause, after, LAST, BATCH).await?;
        let more = batch.last().filter(|_| batch.len() == BATCH).copied();
        let progress = more.map_or(Progress::Done, Progress::To);
        self.tell(notice, &batch, progress).await?;
        Ok(more)
    }

    async fn tell(&self, notice: Notice<'_>, people: &[UserId], then: Progress) -> Stored<()> {
        let Notice { signaling, telling, notification } = notice;
        let now_ms = utc_ms();
        let reach = |it: &_| reach::reach(&telling.cause, it, now_ms);
        let told = self.store.tell(telling, people, reach, then, self.pusher.is_some()).await?;
        for quiet in [false, true] {
            let them = told.iter().filter(|(_, loud)| *loud != quiet).map(|(user, _)| *user);
            let them: Vec<UserId> = them.collect();
            let event = DirectEvent::Notice { notification: notification.clone(), quiet };
            let devices = signaling.tell(&them, event);
            self.done.delivered.fetch_add(devices as u64, Ordering::Relaxed);
        }
        self.done.told.fetch_add(told.len() as u64, Ordering::Relaxed);
        // The sockets' tasks have something to write.
        tokio::task::yield_now().await;
        Ok(())
    }
}

/// What is being told.
#[derive(Clone, Copy)]
struct Notice<'a> {
    signaling: &'a Signaling,
    telling: &'a Telling,
    notification: &'a Notification,
}

/// Forgets what is too old to be listed, a little at a time.
async fn sweep(store: &Store) {
    let (round, batch) = SWEEP;
    loop {
        tokio::time::sleep(round).await;
        let kept_ms = i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX);
        let oldest = u128::try_from(utc_ms().saturating_sub(kept_ms)).unwrap_or(0);
        // The first id of that millisecond (RFC 9562, section 5.7).
        let oldest = NoticeId(Uuid::from_u128(oldest << 80));
        let mut after = Some(FIRST);
        while let Some(last) = after {
            tokio::time::sleep(batch).await;
            after = store.forget_notices(oldest, last).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "old notices are not forgotten");
                None
            });
        }
    }
}

/// Preferences as they may be kept.
pub(crate) fn checked(preferences: NoticePreferences) -> Result<NoticePreferences, String> {
    if preferences.hourly_max > 60 {
        return Err("hourly_max is more than 60".to_owned());
    }
    if let Some(hours) = &preferences.quiet {
        Quiet::read(hours).map_err(|error| error.to_string())?;
    }
    let mut off = preferences.off;
    off.sort_unstable();
    off.dedup();
    Ok(NoticePreferences { off, ..preferences })
}
