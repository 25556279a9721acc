//! API keys, answers kept for repeated requests, rooms on record and reports about them.

use std::collections::HashMap;

use palco_protocol::{RoomId, RoomKind, UserId};
use serde_json::json;
use uuid::Uuid;

use super::{cases, somebody};
use crate::store::{Done, HistoryRow, NewRoom, Once, Store};

cases![
    a_key_is_known_until_it_is_deleted,
    an_answer_is_kept_for_its_caller_and_key,
    a_closed_room_knows_its_guests,
    a_history_goes_on_where_it_was_and_a_report_waits_until_it_is_handled,
];

async fn a_key_is_known_until_it_is_deleted(store: Store) {
    let made = store.create_api_key("one", "A shop").await.unwrap();
    store.create_api_key("two", "A school").await.unwrap();
    assert_eq!(store.api_key("one").await.unwrap().as_ref(), Some(&made));
    assert_eq!(store.api_keys().await.unwrap().len(), 2);
    assert!(store.delete_api_key("one").await.unwrap());
    assert!(!store.delete_api_key("one").await.unwrap());
    assert_eq!(store.api_key("one").await.unwrap(), None);
}

async fn an_answer_is_kept_for_its_caller_and_key(store: Store) {
    let caller = UserId(Uuid::now_v7());
    let done = Done { request: "asked".to_owned(), status: 201, body: "sealed".to_owned() };
    assert!(store.done_before(caller, "key").await.unwrap().is_none());
    store.remember_done(caller, "key", &done).await.unwrap();
    let kept = store.done_before(caller, "key").await.unwrap().unwrap();
    assert_eq!((&kept.request, kept.status, &kept.body), (&done.request, done.status, &done.body));
    assert!(store.done_before(UserId(Uuid::now_v7()), "key").await.unwrap().is_none());
    assert!(store.done_before(caller, "other").await.unwrap().is_none());
    // What was made is known before there is an answer, and until there is one.
    let once = Once { caller, key: "plan".to_owned(), request: "asked".to_owned() };
    let plan = RoomId(Uuid::now_v7());
    let mut tx = store.begin().await.unwrap();
    once.made(&mut tx, plan).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.done_before(caller, "plan").await.unwrap().unwrap().made(), Some(plan));
    store.remember_done(caller, "plan", &done).await.unwrap();
    let kept = store.done_before(caller, "plan").await.unwrap().unwrap();
    assert_eq!((kept.made(), kept.status, kept.body), (None, 201, done.body));
}

async fn opened(store: &Store, owner: UserId, kind: RoomKind, invited: Vec<UserId>) -> RoomId {
    let id = RoomId(Uuid::now_v7());
    let title = "Tea".to_owned();
    let room = NewRoom { id, owner, title, kind, invited, causes: Vec::new() };
    store.create_room(room).await.unwrap();
    id
}

async fn a_closed_room_knows_its_guests(store: Store) {
    let (ada, bob) = (somebody(&store, "ada").await, somebody(&store, "bob").await);
    let nobody = UserId(Uuid::now_v7());
    let room = opened(&store, ada.id, RoomKind::Closed, vec![bob.id, nobody]).await;
    assert!(store.door(room, ada.id, bob.id).await.unwrap().invited);
    assert!(!store.door(room, ada.id, nobody).await.unwrap().invited, "no account");
    let cleo = somebody(&store, "cleo").await;
    store.invite_to_room(room, &[cleo.id], &[]).await.unwrap();
    assert!(store.door(room, ada.id, cleo.id).await.unwrap().invited);
    assert_eq!(store.room_owner(room).await.unwrap(), Some(ada.id));
}

async fn a_history_goes_on_where_it_was_and_a_report_waits_until_it_is_handled(store: Store) {
    let ada = somebody(&store, "ada").await;
    let room = opened(&store, ada.id, RoomKind::Open, Vec::new()).await;
    let row = |room, kind, body: serde_json::Value| HistoryRow {
        room,
        at_ms: 5,
        kind,
        body: body.to_string(),
    };
    let (by, to) = (ada.person(), somebody(&store, "bob").await.person());
    let report = json!({
        "entry": { "at_ms": 5, "by": by, "act": "reported", "to": to, "reason": "rude" },
        "evidence": [],
    });
    let elsewhere = RoomId(Uuid::now_v7());
    let rows = [
        row(room, "joined", json!({})),
        row(elsewhere, "joined", json!({})),
        row(room, "reported", report),
        row(room, "room_ended", json!({ "reason": "empty" })),
    ];
    let mut written = HashMap::from([(room, 0)]);
    store.append_history(&rows, &mut written).await.unwrap();
    // Whoever was not told that it is done does it again.
    let mut again = HashMap::from([(room, 0)]);
    store.append_history(&rows, &mut again).await.unwrap();
    assert_eq!((again[&room], &again), (3, &written));
    let (events, more) = store.room_history(room, 1).await.unwrap();
    assert!(!more);
    let kinds: Vec<_> = events.iter().map(|it| (it.number, it.kind.as_str())).collect();
    assert_eq!(kinds, [(2, "reported"), (3, "room_ended")]);
    assert!(store.room_history(elsewhere, 0).await.unwrap().0.is_empty(), "no room, no history");
    // A process that knows nothing of what another wrote goes on behind it.
    let more = [row(room, "left", json!({}))];
    store.append_history(&more, &mut HashMap::new()).await.unwrap();
    let (events, _) = store.room_history(room, 3).await.unwrap();
    assert_eq!(events.iter().map(|it| it.number).collect::<Vec<_>>(), [4]);
    let (reports, more) = store.open_reports("").await.unwrap();
    assert_eq!((reports.len(), more), (1, false));
    assert_eq!((reports[0].room, &reports[0].entry.to), (room, &Some(to)));
    assert_eq!(reports[0].entry.reason.as_deref(), Some("rude"));
    assert!(store.handle_report(&reports[0].id).await.unwrap());
    assert!(!store.handle_report(&reports[0].id).await.unwrap(), "once");
    assert!(store.open_reports("").await.unwrap().0.is_empty());
    assert_eq!(store.close_stale_rooms().await.unwrap(), 0, "it has ended");
}
