//! Web Push: sends what waits to closed browsers, again with growing pauses until it is taken or too old to matter.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use hyper::{
    Uri,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue},
};
use palco_protocol::http::{NoticeKind, Notification};
use serde_json::json;

use super::{
    outside::{Answer, Outside, Unreached},
    queue::{Queue, again_in},
    sealed::{BrowserKeys, Vapid},
};
use crate::store::{PushJob, Store, Stored, utc_ms};

/// Sent at a time.
const AT_ONCE: i64 = 32;
/// Attempts at one push: the last some ten minutes after the first.
const ATTEMPTS: i64 = 6;
/// How long a push service keeps it for a browser that is off, in seconds: a room is over by then.
const TTL_S: &str = "14400";

/// Pushes to closed browsers.
#[derive(Clone)]
pub(crate) struct Pusher {
    pub(super) store: Store,
    pub(crate) outside: Outside,
    pub(crate) vapid: Arc<Vapid>,
}

impl Pusher {
    async fn later(&self, job: &PushJob, retry_after: Option<Duration>) -> Stored<()> {
        match again_in(job.attempts, ATTEMPTS, retry_after) {
            Some(wait_ms) => self.store.push_later(job, utc_ms() + wait_ms).await,
            None => self.give_up(job).await,
        }
    }

    async fn give_up(&self, job: &PushJob) -> Stored<()> {
        self.store.end_push(job).await?;
        self.store.unsent().pushes.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn post(&self, job: &PushJob, notice: &Notification) -> Result<Answer, Unreached> {
        let unusable = |_| Unreached::Refused("no usable subscription");
        let url: Uri = job.to.endpoint.parse().map_err(|_| Unreached::Refused("no address"))?;
        let keys = BrowserKeys::read(&job.to.keys).ok_or(Unreached::Refused("no usable keys"))?;
        let body = keys.seal(message(notice).as_bytes()).map_err(unusable)?;
        let origin = format!(
            "{}://{}",
            url.scheme_str().unwrap_or_default(),
            url.authority().map_or("", |authority| authority.as_str())
        );
        let signed = HeaderValue::from_str(&self.vapid.authorization(&origin));
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, signed.map_err(|_| Unreached::Refused("no origin"))?);
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("aes128gcm"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        headers.insert("ttl", HeaderValue::from_static(TTL_S));
        self.outside.post(&url, headers, body).await
    }
}

impl Queue for Pusher {
    type Job = PushJob;

    const NAME: &str = "pushes";
    const LOOK: Duration = Duration::from_millis(500);

    fn store(&self) -> &Store {
        &self.store
    }

    async fn due(&self) -> Stored<Vec<PushJob>> {
        self.store.due_pushes(utc_ms(), AT_ONCE).await
    }

    async fn send(&self, job: &PushJob) -> Stored<()> {
        let telling = self.store.told(job.notice).await?;
        let notification = match &telling {
            Some(telling) => self.store.notification(telling).await?,
            None => None,
        };
        let Some(notification) = notification else { return self.store.end_push(job).await };
        match self.post(job, &notification).await {
            Ok(Answer { status: 200..=299, .. }) => self.store.end_push(job).await,
            // RFC 8030, section 7.3: the subscription has ended.
            Ok(Answer { status: 404 | 410, .. }) => self.store.forget_subscription(job).await,
            Ok(Answer { status: status @ (429 | 500..=599), retry_after }) => {
                tracing::info!(status, "a push service asks for patience");
                self.later(job, retry_after).await
            }
            Ok(Answer { status, .. }) => {
                tracing::warn!(status, "a push service refuses a push");
                self.give_up(job).await
            }
            Err(Unreached::Refused(what)) => {
                tracing::info!(what, "a subscription that cannot be pushed to is forgotten");
                self.store.forget_subscription(job).await
            }
            Err(error) => {
                tracing::info!(%error, "a push service is not reached");
                self.later(job, None).await
            }
        }
    }
}

/// What the browser's service worker shows.
fn message(notice: &Notification) -> String {
    let name = &notice.by.name;
    let room = notice.room.as_ref();
    let title = match notice.kind {
        NoticeKind::Live => format!("{name} is live"),
        NoticeKind::Scheduled => format!("{name} plans a room"),
        NoticeKind::Cancelled => format!("{name} called a room off"),
        NoticeKind::Late => format!("{name}'s room begins later"),
        NoticeKind::Reminder => format!("{name}'s room begins"),
        NoticeKind::Invited => format!("{name} invites you"),
        NoticeKind::Pinged => format!("{name} calls you"),
        NoticeKind::Followed => format!("{name} follows you"),
    };
    let handle = notice.by.handle.as_deref().unwrap_or_default();
    let (body, url) = match room {
        Some(room) => (room.title.clone(), room.path.clone()),
        None => (format!("@{handle}"), format!("/@{handle}")),
    };
    json!({ "id": notice.id, "kind": notice.kind, "title": title, "body": body, "url": url })
        .to_string()
}
