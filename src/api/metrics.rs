//! `GET /metrics`: the server's counters in the OpenMetrics text format.
//!
//! Collected when asked for: the media plane's shards copy theirs, signalling counts its own. Rooms are named only if
//! the hallway names them too; the others share one label. For programs of this machine: what comes from another
//! address, or through a proxy, is told that there is nothing. `?room=<id>` adds that room's connections one by one.

use std::{collections::HashMap, fmt, net::SocketAddr, sync::atomic::Ordering, time::Duration};

use axum::{
    extract::{ConnectInfo, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use palco_protocol::{ErrorCode, RoomId};
use palco_sfu::{
    RoomKey, Stats,
    stats::{DropCause, PeerStats, Traffic},
};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
    registry::{Registry, Unit},
};

use serde::Deserialize;

use super::{
    App,
    problem::{Query, Refused},
};
use crate::{
    media::room_key,
    store::{Backlog, utc_ms},
};

/// What proxies add to a request they pass on.
const FORWARDED: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

/// For the database's part of the page.
const PATIENCE: Duration = Duration::from_secs(2);

/// `GET /metrics`
pub(super) async fn show(
    State(app): State<App>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Query(query): Query<Detail>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let forwarded = FORWARDED.iter().any(|name| headers.contains_key(*name));
    if forwarded || !from.ip().to_canonical().is_loopback() {
        return Err(ErrorCode::NotFound.into());
    }
    let live = app.signaling.live_rooms();
    let names = live.rooms.iter().map(|live| (room_key(live.room.id), live.room.id.to_string()));
    let (rooms, sockets) = app.signaling.load();
    let peers = match query.room {
        Some(room) => app.media.peers_of(room_key(room)).await,
        None => Vec::new(),
    };
    // Unknown while the database is away, or hangs: it is not this page that shall fail then.
    let backlog = tokio::time::timeout(PATIENCE, app.notices.backlog()).await;
    let backlog = backlog.ok().and_then(Result::ok);
    let unsent = app.identities.store.unsent();
    let snapshot = Snapshot {
        peers,
        rooms,
        sockets,
        tasks: tokio::runtime::Handle::current().metrics().num_alive_tasks(),
        faults: app.signaling.faults(),
        refused: app.connections.refused(),
        history: app.histories.backlog(),
        backlog,
        told: app.notices.done().told.load(Ordering::Relaxed),
        delivered: app.notices.done().delivered.load(Ordering::Relaxed),
        unsent_pushes: unsent.pushes.load(Ordering::Relaxed),
        unsent_webhooks: unsent.webhooks.load(Ordering::Relaxed),
        names: names.collect(),
        media: app.media.stats().await,
    };
    let mut registry = Registry::with_prefix("palco");
    registry.register_collector(Box::new(snapshot));
    let mut page = String::new();
    text::encode(&mut page, &registry).map_err(|_| ErrorCode::Internal)?;
    let mut response = page.into_response();
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}

/// What to show besides the totals.
#[derive(Debug, Deserialize)]
pub(super) struct Detail {
    /// A room whose connections are to be shown one by one.
    room: Option<RoomId>,
}

/// Everything as it is at one moment.
#[derive(Debug)]
struct Snapshot {
    rooms: usize,
    sockets: usize,
    /// Of the runtime: one for each socket, room and connection to the API.
    tasks: usize,
    /// Connections, their address holding as many as it may.
    refused: u64,
    /// Rooms and sockets that a panic ended.
    faults: (u64, u64),
    /// Entries of histories that wait, and that were lost.
    history: (usize, u64),
    /// What waits to be told; unknown while the database is away.
    backlog: Option<Backlog>,
    /// Lists written to, and devices delivered to.
    told: u64,
    delivered: u64,
    /// Given up, refused, or too many waited.
    unsent_pushes: u64,
    unsent_webhooks: u64,
    /// Rooms that the hallway shows.
    names: HashMap<RoomKey, String>,
    media: Stats,
    /// Of the room that was asked for.
    peers: Vec<PeerStats>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Shard {
    shard: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Faulty {
    of: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Dropped {
    shard: u64,
    cause: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Peer {
    peer: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PeerDropped {
    peer: u64,
    cause: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Room {
    room: String,
}

/// One room over all shards.
#[derive(Debug, Clone, Copy, Default)]
struct RoomTotals {
    listeners: u64,
    received: Traffic,
    forwarded: Traffic,
    slot_changes: u64,
}

impl Snapshot {
    fn room_totals(&self) -> HashMap<String, RoomTotals> {
        let mut totals: HashMap<String, RoomTotals> = HashMap::new();
        for room in self.media.shards.iter().flat_map(|shard| &shard.rooms) {
            let name = self.names.get(&room.room).map_or("hidden", String::as_str);
            let total = totals.entry(name.to_owned()).or_default();
            total.listeners += room.listeners as u64;
            for (sum, part) in
                [(&mut total.received, room.received), (&mut total.forwarded, room.forwarded)]
            {
                sum.packets += part.packets;
                sum.bytes += part.bytes;
            }
            // A room's slots change hands on every shard at the same time.
            total.slot_changes = total.slot_changes.max(room.slot_changes);
        }
        totals
    }

    fn shards(&self) -> impl Iterator<Item = (Shard, &palco_sfu::stats::ShardStats)> {
        self.media.shards.iter().zip(0..).map(|(stats, shard)| (Shard { shard }, stats))
    }
}

impl Snapshot {
    fn encode_notices(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let about = "Lists of people that a notice was written to";
        single(out, "notices_told", about, &ConstCounter::new(self.told))?;
        let about = "Devices that a notice was queued for";
        single(out, "notices_delivered", about, &ConstCounter::new(self.delivered))?;
        let about = "Web pushes given up, or refused by the push service";
        single(out, "pushes_dropped", about, &ConstCounter::new(self.unsent_pushes))?;
        let about = "Webhooks given up, or dropped because too many waited";
        single(out, "webhooks_dropped", about, &ConstCounter::new(self.unsent_webhooks))?;
        let Some(backlog) = self.backlog else { return Ok(()) };
        let about = "Notices that not everybody was told of yet";
        single(out, "notices_waiting", about, &waiting(backlog.notices))?;
        let age_ms = backlog.oldest_at_ms.map_or(0, |at| utc_ms().saturating_sub(at).max(0));
        let age = ConstGauge::new(age_ms as f64 / 1_000.0);
        let about = "Age of the oldest of them";
        let kind = age.metric_type();
        let name = "notices_oldest_age";
        age.encode(out.encode_descriptor(name, about, Some(&Unit::Seconds), kind)?)?;
        single(out, "pushes_waiting", "Web pushes to be sent", &waiting(backlog.pushes))?;
        single(out, "webhooks_waiting", "Webhooks to be sent", &waiting(backlog.webhooks))
    }

    fn encode_peers(&self, out: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let peers = || self.peers.iter().map(|stats| (Peer { peer: stats.peer.0 }, stats));
        let (bytes, seconds) = (Some(&Unit::Bytes), Some(&Unit::Seconds));
        let packets = peers().map(|(p, stats)| (p, ConstCounter::new(stats.received.packets)));
        family(out, "peer_received_packets", "Media packets of a peer", None, packets)?;
        let sum = peers().map(|(p, stats)| (p, ConstCounter::new(stats.received.bytes)));
        family(out, "peer_received", "Bytes of media of a peer", bytes, sum)?;
        let packets = peers().map(|(p, stats)| (p, ConstCounter::new(stats.sent.packets)));
        family(out, "peer_sent_packets", "Audio packets sent to a peer", None, packets)?;
        let sum = peers().map(|(p, stats)| (p, ConstCounter::new(stats.sent.bytes)));
        family(out, "peer_sent", "Bytes of audio sent to a peer", bytes, sum)?;
        let loss =
            peers().map(|(p, stats)| (p, ConstGauge::new(f64::from(stats.quality.loss_down))));
        family(out, "peer_loss_down_ratio", "Lost on the way to a peer", None, loss)?;
        let loss = peers().map(|(p, stats)| (p, ConstGauge::new(f64::from(stats.quality.loss_up))));
        family(out, "peer_loss_up_ratio", "Lost on the way from a peer", None, loss)?;
        let jitter =
            peers().map(|(p, stats)| (p, ConstGauge::new(stats.quality.jitter_down.as_secs_f64())));
        family(out, "peer_jitter", "Interarrival jitter at a peer", seconds, jitter)?;
        let round_trip = peers().filter_map(|(p, stats)| {
            Some((p, ConstGauge::new(stats.quality.round_trip?.as_secs_f64())))
        });
        family(out, "peer_round_trip", "Round trip to a peer and back", seconds, round_trip)?;
        let drops = peers().flat_map(|(Peer { peer }, stats)| {
            let causes = DropCause::ALL.into_iter().filter(|cause| stats.drops.of(*cause) > 0);
            causes.map(move |cause| {
                let labels = PeerDropped { peer, cause: cause.label() };
                (labels, ConstCounter::new(stats.drops.of(cause)))
            })
        });
        family(out, "peer_drops", "What a peer sent and was dropped, by cause", None, drops)
    }
}

/// Writes one family of metrics.
fn family<L: EncodeLabelSet, M: EncodeMetric>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    unit: Option<&Unit>,
    values: impl IntoIterator<Item = (L, M)>,
) -> fmt::Result {
    let mut values = values.into_iter().peekable();
    let Some((_, first)) = values.peek() else { return Ok(()) };
    let mut metric = encoder.encode_descriptor(name, help, unit, first.metric_type())?;
    for (labels, value) in values {
        value.encode(metric.encode_family(&labels)?)?;
    }
    Ok(())
}

/// Writes one metric that has no labels.
fn single(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: &impl EncodeMetric,
) -> fmt::Result {
    value.encode(encoder.encode_descriptor(name, help, None, value.metric_type())?)
}

fn waiting(value: u64) -> ConstGauge<i64> {
    ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX))
}

fn gauge(value: usize) -> ConstGauge<i64> {
    ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX))
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let out = &mut encoder;
        let bytes = Some(&Unit::Bytes);
        single(out, "rooms", "Live rooms", &gauge(self.rooms))?;
        single(out, "sockets", "Open WebSockets", &gauge(self.sockets))?;
        let about = "Connections refused, their address holding as many as it may";
        single(out, "connections_refused", about, &ConstCounter::new(self.refused))?;
        self.encode_notices(out)?;
        single(out, "tasks", "Tasks of the runtime", &gauge(self.tasks))?;
        let faults = [("room", self.faults.0), ("socket", self.faults.1)];
        let faults = faults.map(|(of, count)| (Faulty { of }, ConstCounter::new(count)));
        family(out, "faults", "What a panic ended, which is a bug", None, faults)?;
        let (waiting, dropped) = self.history;
        single(
            out,
            "history_waiting",
            "Entries of rooms' histories to be written",
            &gauge(waiting),
        )?;
        let about = "Entries of rooms' histories lost, the database being away too long";
        single(out, "history_dropped", about, &ConstCounter::new(dropped))?;

        let peers = self.shards().map(|(shard, stats)| (shard, gauge(stats.peers)));
        family(out, "media_peers", "Media connections, connected or not", None, peers)?;
        let peers = self.shards().map(|(shard, stats)| (shard, gauge(stats.connected)));
        family(out, "media_connected_peers", "Connected media connections", None, peers)?;
        let done = self.shards().map(|(s, stats)| (s, ConstCounter::new(stats.handshakes_done)));
        family(out, "media_handshakes", "DTLS handshakes that ended well", None, done)?;
        let wrong =
            self.shards().map(|(s, stats)| (s, ConstCounter::new(stats.wrong_fingerprints)));
        family(
            out,
            "media_wrong_fingerprints",
            "DTLS handshakes with a certificate that the offer did not name",
            None,
            wrong,
        )?;
        let checks = self.shards().map(|(s, stats)| (s, ConstCounter::new(stats.checks_answered)));
        family(out, "media_checks_answered", "STUN checks that were answered", None, checks)?;
        let packets =
            self.shards().map(|(s, stats)| (s, ConstCounter::new(stats.received.packets)));
        family(out, "media_received_packets", "Datagrams received", None, packets)?;
        let sum = self.shards().map(|(s, stats)| (s, ConstCounter::new(stats.received.bytes)));
        family(out, "media_received", "Bytes of datagrams received", bytes, sum)?;
        let packets = self.shards().map(|(s, stats)| (s, ConstCounter::new(stats.sent.packets)));
        family(out, "media_sent_packets", "Datagrams sent", None, packets)?;
        let sum = self.shards().map(|(s, stats)| (s, ConstCounter::new(stats.sent.bytes)));
        family(out, "media_sent", "Bytes of datagrams sent", bytes, sum)?;
        let drops = self.shards().flat_map(|(Shard { shard }, stats)| {
            DropCause::ALL.into_iter().map(move |cause| {
                let labels = Dropped { shard, cause: cause.label() };
                (labels, ConstCounter::new(stats.drops.of(cause)))
            })
        });
        family(out, "media_drops", "Datagrams and packets dropped, by cause", None, drops)?;

        let totals = self.room_totals();
        let rooms = || totals.iter().map(|(name, total)| (Room { room: name.clone() }, total));
        let listeners = rooms().map(|(room, total)| {
            (room, ConstGauge::new(i64::try_from(total.listeners).unwrap_or(i64::MAX)))
        });
        family(out, "room_listeners", "Who gets the room's audio", None, listeners)?;
        let packets = rooms().map(|(r, total)| (r, ConstCounter::new(total.received.packets)));
        family(out, "room_received_packets", "Audio packets let in", None, packets)?;
        let sum = rooms().map(|(r, total)| (r, ConstCounter::new(total.received.bytes)));
        family(out, "room_received", "Bytes of audio let in", bytes, sum)?;
        let packets = rooms().map(|(r, total)| (r, ConstCounter::new(total.forwarded.packets)));
        family(out, "room_forwarded_packets", "Audio packets sent to listeners", None, packets)?;
        let sum = rooms().map(|(r, total)| (r, ConstCounter::new(total.forwarded.bytes)));
        family(out, "room_forwarded", "Bytes of audio sent to listeners", bytes, sum)?;
        let changes = rooms().map(|(r, total)| (r, ConstCounter::new(total.slot_changes)));
        family(out, "room_slot_changes", "Slots that changed hands", None, changes)?;
        self.encode_peers(out)
    }
}
