//! Rooms' histories, written behind them: a bounded queue and one writer, in batches.
//!
//! A room never waits for the database. While that is away the queue fills; when it is full the newest entries are
//! dropped and counted (`palco_history_dropped_total`). What replays, transcripts and attendance are made of.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use palco_protocol::{ModerationAct, RoomEvent, RoomId, RoomTimeMs};
use palco_signaling::{Happened, History};
use serde_json::json;
use tokio::{
    sync::{Notify, mpsc},
    task::JoinHandle,
};

use crate::store::{HistoryRow, Store};

/// Entries that may wait: some seconds of ten thousand people coming at once, or a minute's outage of the database.
const QUEUE: usize = 65_536;
/// Entries of one transaction.
const BATCH: usize = 512;
/// Between two attempts when the database is away.
const RETRY: Duration = Duration::from_secs(1);

/// Signalling's history port.
#[derive(Clone)]
pub(crate) struct Histories {
    queue: mpsc::Sender<HistoryRow>,
    dropped: Arc<AtomicU64>,
    closing: Arc<Notify>,
}

impl Histories {
    /// With its writer, which ends after `close`, when everything is written.
    pub(crate) fn start(store: Store) -> (Self, JoinHandle<()>) {
        let (queue, entries) = mpsc::channel(QUEUE);
        let closing = Arc::new(Notify::new());
        let writer = tokio::spawn(write(store, entries, Arc::clone(&closing)));
        (Self { queue, dropped: Arc::default(), closing }, writer)
    }

    /// Nothing more will happen.
    pub(crate) fn close(&self) {
        self.closing.notify_one();
    }

    /// How many entries wait, and how many were dropped.
    pub(crate) fn backlog(&self) -> (usize, u64) {
        (QUEUE - self.queue.capacity(), self.dropped.load(Ordering::Relaxed))
    }
}

impl History for Histories {
    fn record(&self, room: RoomId, at_ms: RoomTimeMs, happened: Happened) {
        let (kind, body) = described(&happened);
        let at_ms = i64::try_from(at_ms).unwrap_or(i64::MAX);
        if self.queue.try_send(HistoryRow { room, at_ms, kind, body }).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The kind, as in the protocol's own names, and the JSON that is kept.
fn described(happened: &Happened) -> (&'static str, String) {
    match happened {
        Happened::Joined(person) => ("joined", json!({ "person": person }).to_string()),
        Happened::Left(user) => ("left", json!({ "user": user }).to_string()),
        Happened::Event(event) => (kind_of(event), json!(event).to_string()),
        Happened::Moderated { entry, evidence } => {
            let kind = if entry.act == ModerationAct::Reported { "reported" } else { "moderated" };
            (kind, json!({ "entry": entry, "evidence": evidence }).to_string())
        }
    }
}

fn kind_of(event: &RoomEvent) -> &'static str {
    match event {
        RoomEvent::RoomUpdated { .. } => "room_updated",
        RoomEvent::StageUpdated { .. } => "stage_updated",
        RoomEvent::StageLeft { .. } => "stage_left",
        RoomEvent::Counts { .. } => "counts",
        RoomEvent::Chat { .. } => "chat",
        RoomEvent::ChatCleared { .. } => "chat_cleared",
        RoomEvent::Reactions { .. } => "reactions",
        RoomEvent::RoomEnded { .. } => "room_ended",
    }
}

async fn write(store: Store, mut entries: mpsc::Receiver<HistoryRow>, closing: Arc<Notify>) {
    // How far each live room's history is written. Only this process writes it.
    let mut written: HashMap<RoomId, i64> = HashMap::new();
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let received = tokio::select! {
            biased;
            () = closing.notified() => {
                entries.close();
                entries.recv_many(&mut batch, BATCH).await
            }
            received = entries.recv_many(&mut batch, BATCH) => received,
        };
        if received == 0 {
            return;
        }
        loop {
            match store.append_history(&batch, &mut written).await {
                Ok(()) => break,
                Err(error) => {
                    tracing::warn!(%error, waiting = entries.len(), "rooms' histories cannot be written");
                    if entries.is_closed() {
                        // The server is stopping: it cannot wait for a database that is away.
                        return;
                    }
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
        for row in batch.drain(..).filter(|row| row.kind == "room_ended") {
            written.remove(&row.room);
        }
    }
}
