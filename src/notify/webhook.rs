//! Webhooks: tells the operator's own server what happens in rooms, signed, again until it takes it.
//!
//! Headers and signature are those of Standard Webhooks, so that a receiver can check them with a library.

use std::{sync::atomic::Ordering, time::Duration};

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_STANDARD};
use hyper::{
    Uri,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue},
};

use super::{
    outside::{Answer, Outside, Unreached},
    queue::{Queue, again_in},
};
use crate::store::{Store, Stored, WebhookJob, utc_ms};

/// Sent at a time.
const AT_ONCE: i64 = 8;
/// Attempts at one webhook: the last some hours after the first.
const ATTEMPTS: i64 = 12;
/// A secret is `whsec_` and base64 of so many bytes.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Sends webhooks.
pub(crate) struct Webhooks {
    store: Store,
    outside: Outside,
    url: Uri,
    key: hmac::Key,
}

/// Why webhooks cannot be sent as configured.
#[derive(Debug, thiserror::Error)]
pub enum WebhookConfigError {
    /// Not an address.
    #[error("webhook_url is no http or https address")]
    Url,
    /// Not a secret.
    #[error("webhook_secret is not whsec_ and base64 of 24 to 64 bytes")]
    Secret,
}

impl Webhooks {
    pub(crate) fn new(
        store: Store,
        outside: Outside,
        url: &str,
        secret: &str,
    ) -> Result<Self, WebhookConfigError> {
        if !outside.allows(url) {
            return Err(WebhookConfigError::Url);
        }
        let url = url.parse().map_err(|_| WebhookConfigError::Url)?;
        let secret = secret.strip_prefix("whsec_").and_then(|it| BASE64_STANDARD.decode(it).ok());
        let secret = secret.filter(|bytes| SECRET_BYTES.contains(&bytes.len()));
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret.ok_or(WebhookConfigError::Secret)?);
        Ok(Self { store, outside, url, key })
    }

    async fn post(&self, job: &WebhookJob) -> Result<Answer, Unreached> {
        let at_s = utc_ms() / 1_000;
        let signature = sign(&self.key, &job.id, at_s, &job.body);
        let text = |value: &str| {
            HeaderValue::from_str(value).map_err(|_| Unreached::Refused("no usable header"))
        };
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("webhook-id", text(&job.id)?);
        headers.insert("webhook-timestamp", HeaderValue::from(at_s));
        headers.insert("webhook-signature", text(&signature)?);
        self.outside.post(&self.url, headers, job.body.clone().into_bytes()).await
    }
}

impl Queue for Webhooks {
    type Job = WebhookJob;

    const NAME: &str = "webhooks";
    const LOOK: Duration = Duration::from_millis(200);

    fn store(&self) -> &Store {
        &self.store
    }

    async fn due(&self) -> Stored<Vec<WebhookJob>> {
        self.store.due_webhooks(utc_ms(), AT_ONCE).await
    }

    async fn send(&self, job: &WebhookJob) -> Stored<()> {
        let retry_after = match self.post(job).await {
            Ok(Answer { status: 200..=299, .. }) => return self.store.end_webhook(job).await,
            Ok(Answer { status, retry_after }) => {
                tracing::info!(status, "a webhook is not taken");
                retry_after
            }
            Err(error) => {
                tracing::info!(%error, "the webhooks' receiver is not reached");
                None
            }
        };
        match again_in(job.attempts, ATTEMPTS, retry_after) {
            Some(wait_ms) => self.store.webhook_later(job, utc_ms() + wait_ms).await,
            None => {
                tracing::warn!(id = job.id, "a webhook is given up");
                self.store.end_webhook(job).await?;
                self.store.unsent().webhooks.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
        }
    }
}

fn sign(key: &hmac::Key, id: &str, at_s: i64, body: &str) -> String {
    let signed = hmac::sign(key, format!("{id}.{at_s}.{body}").as_bytes());
    format!("v1,{}", BASE64_STANDARD.encode(signed))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification.
    #[test]
    fn the_signature_is_that_of_the_specification() {
        let secret = BASE64_STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        let signed =
            sign(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
