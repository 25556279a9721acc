//! What waits to be written to one socket: a bounded queue, and the slow-reader rule.
//!
//! Room tasks push, the socket's task drains. A reader who lets more than [`MAX_MESSAGES`] messages or
//! [`MAX_BYTES`] bytes pile up is too slow: the queue is emptied, the outbox closes with `slow_reader`,
//! and the client resumes from a snapshot. An idle outbox holds no buffer, because most of ten
//! thousand listeners' are idle.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use palco_protocol::ErrorCode;
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// About a minute of a lively room's events.
const MAX_MESSAGES: usize = 512;
/// Several snapshots' worth.
const MAX_BYTES: usize = 512 * 1024;
/// A drained queue keeps at most this capacity.
const KEEP_CAPACITY: usize = 16;

#[derive(Default)]
struct State {
    queue: VecDeque<Utf8Bytes>,
    bytes: usize,
    closed: Option<ErrorCode>,
    broken: bool,
}

/// What the socket's task has to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outgoing {
    /// Write these, in order.
    Messages(Vec<Utf8Bytes>),
    /// Say why, and close.
    Close(ErrorCode),
}

/// The queue of one socket. The lock is held for a few instructions and never across an await.
#[derive(Default)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    ready: Notify,
}

impl Outbox {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // Nothing panics while the lock is held; if it did, the queue would still be a queue.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a message; after the outbox closed, drops it.
    pub(crate) fn push(&self, message: Utf8Bytes) {
        let mut state = self.state();
        if state.closed.is_some() {
            return;
        }
        state.bytes += message.len();
        if state.queue.len() >= MAX_MESSAGES || state.bytes > MAX_BYTES {
            state.queue = VecDeque::new();
            state.bytes = 0;
            state.closed = Some(ErrorCode::SlowReader);
        } else {
            state.queue.push_back(message);
        }
        drop(state);
        self.ready.notify_one();
    }

    /// What is queued is still written, then the socket closes. The first reason stands.
    pub(crate) fn close(&self, why: ErrorCode) {
        self.state().closed.get_or_insert(why);
        self.ready.notify_one();
    }

    /// Panics in the socket's task. For tests: see `RoomMessage::Break`.
    pub(crate) fn break_reader(&self) {
        self.state().broken = true;
        self.ready.notify_one();
    }

    /// Resolves when the reader is too slow: a write that hangs must not keep the socket alive.
    pub(crate) async fn overflowed(&self) {
        loop {
            let notified = self.ready.notified();
            if self.state().closed == Some(ErrorCode::SlowReader) {
                return;
            }
            notified.await;
        }
    }

    /// What there is to write now, if anything.
    pub(crate) fn take(&self) -> Option<Outgoing> {
        let mut state = self.state();
        assert!(!state.broken, "asked to break a socket");
        if state.queue.is_empty() {
            return state.closed.map(Outgoing::Close);
        }
        let messages = state.queue.drain(..).collect();
        state.queue.shrink_to(KEEP_CAPACITY);
        state.bytes = 0;
        Some(Outgoing::Messages(messages))
    }

    /// Waits for something to write. Cancel-safe.
    pub(crate) async fn next(&self) -> Outgoing {
        loop {
            let notified = self.ready.notified();
            if let Some(outgoing) = self.take() {
                return outgoing;
            }
            notified.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn message(text: &str) -> Utf8Bytes {
        Utf8Bytes::from(text)
    }

    #[tokio::test]
    async fn messages_come_in_order_then_the_close() {
        let outbox = Outbox::default();
        outbox.push(message("a"));
        outbox.push(message("b"));
        outbox.close(ErrorCode::Removed);
        outbox.push(message("too late"));
        assert_eq!(outbox.next().await, Outgoing::Messages(vec![message("a"), message("b")]));
        assert_eq!(outbox.next().await, Outgoing::Close(ErrorCode::Removed));
    }

    #[tokio::test]
    async fn a_slow_reader_is_closed_and_its_queue_freed() {
        let outbox = Outbox::default();
        for _ in 0..=MAX_MESSAGES {
            outbox.push(message("x"));
        }
        assert_eq!(outbox.overflowed().now_or_never(), Some(()), "it is known at once");
        assert_eq!(outbox.next().await, Outgoing::Close(ErrorCode::SlowReader));
    }

    #[tokio::test]
    async fn bytes_are_bounded_too() {
        let outbox = Outbox::default();
        let large = message(&"x".repeat(MAX_BYTES / 2));
        outbox.push(large.clone());
        outbox.push(large.clone());
        outbox.push(large);
        assert_eq!(outbox.next().await, Outgoing::Close(ErrorCode::SlowReader));
    }

    #[tokio::test]
    async fn the_first_reason_stands() {
        let outbox = Outbox::default();
        outbox.close(ErrorCode::TakenOver);
        outbox.close(ErrorCode::Removed);
        assert_eq!(outbox.next().await, Outgoing::Close(ErrorCode::TakenOver));
    }
}
