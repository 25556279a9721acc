//! Planned rooms: who sees them, who said yes, what people are told and when.

use palco_protocol::{
    ErrorCode, RoomId, RoomKind, UserId,
    http::{Scheduled, ScheduledState},
};
use sqlx::Row;
use uuid::Uuid;

use super::{cases, somebody};
use crate::store::{
    Account, Cause, Narrowed, NewRoom, PeopleList, Plan, PlanList, Store, StoreError,
};

cases![
    a_plan_is_seen_by_whom_it_is_for,
    a_yes_counts_once_and_up_to_the_capacity,
    co_hosts_need_accounts_and_no_block,
    a_change_is_told_and_numbered,
    a_plan_that_was_called_off_stays_so,
    those_who_said_yes_enter_a_seminar,
    a_room_cut_short_starts_again,
    turns_come_once_for_each_time,
    lists_and_searches_find_what_may_be_seen,
    an_account_takes_its_plans_along,
    who_said_yes_hears_of_the_start_by_the_reminder_alone,
];

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
/// The tests' now: long ago, so that nothing depends on the clock.
const NOW: i64 = 1_700_000_000_000;
/// After whatever the clock says: in 2255.
const TO_COME: i64 = 9_000_000_000_000;

fn plan(starts_at_ms: i64) -> Plan {
    Plan {
        title: "Tea".to_owned(),
        description: "With biscuits".to_owned(),
        topics: vec!["tea".to_owned()],
        language: Some("en".to_owned()),
        starts_at_ms,
        kind: RoomKind::Open,
        co_hosts: Vec::new(),
        invited: Vec::new(),
        capacity: None,
        max_duration_ms: None,
        registration: false,
    }
}

async fn planned(store: &Store, host: &Account, plan: &Plan) -> RoomId {
    let id = RoomId(Uuid::now_v7());
    store.create_plan(id, host.id, plan, None).await.unwrap();
    id
}

async fn seen(store: &Store, viewer: UserId, id: RoomId) -> Option<Scheduled> {
    store.plan(viewer, id, NOW).await.unwrap().map(|planned| planned.shown)
}

fn refusal<T>(result: Result<T, StoreError>) -> ErrorCode {
    match result {
        Err(StoreError::Refused(code)) => code,
        Err(error) => panic!("failed: {error}"),
        Ok(_) => panic!("not refused"),
    }
}

/// Everything in the outbox, in its order.
async fn told(store: &Store) -> Vec<Cause> {
    let rows = sqlx::query("SELECT cause FROM notice ORDER BY id").fetch_all(&store.read).await;
    let causes = rows.unwrap();
    causes.iter().map(|row| serde_json::from_str(row.get("cause")).unwrap()).collect()
}

/// What of it is of plans, in short.
async fn said(store: &Store) -> Vec<String> {
    let name = |cause| match cause {
        Cause::Scheduled { .. } => Some("scheduled".to_owned()),
        Cause::Cancelled { .. } => Some("cancelled".to_owned()),
        Cause::Late { moved: Some(_), plan, .. } => Some(format!("moved to {}", plan.starts_at_ms)),
        Cause::Late { moved: None, .. } => Some("late".to_owned()),
        Cause::Reminder { live: false, .. } => Some("reminder".to_owned()),
        Cause::Reminder { live: true, .. } => Some("begins".to_owned()),
        Cause::InvitedToPlan { .. } => Some("invited".to_owned()),
        Cause::Live { .. } => Some("live".to_owned()),
        _ => None,
    };
    told(store).await.into_iter().filter_map(name).collect()
}

fn room(id: RoomId, host: &Account, kind: RoomKind) -> NewRoom {
    NewRoom {
        id,
        owner: host.id,
        title: "Tea".to_owned(),
        kind,
        invited: Vec::new(),
        causes: Vec::new(),
    }
}

async fn ended(store: &Store, id: RoomId, reason: &str) {
    let mut tx = store.begin().await.unwrap();
    sqlx::query("UPDATE room SET ended_at_ms = 1, end_reason = $2 WHERE id = $1")
        .bind(id.to_string())
        .bind(reason.to_owned())
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

async fn a_plan_is_seen_by_whom_it_is_for(store: Store) {
    let host = somebody(&store, "host").await;
    let friend = somebody(&store, "friend").await;
    let guest = somebody(&store, "guest").await;
    let other = somebody(&store, "other").await;
    let foe = somebody(&store, "foe").await;
    store.follow(host.id, friend.id).await.unwrap();
    store.block(foe.id, host.id).await.unwrap();
    let open = planned(&store, &host, &plan(NOW + HOUR)).await;
    let social = Plan { kind: RoomKind::Social, ..plan(NOW + HOUR) };
    let social = planned(&store, &host, &social).await;
    let closed = Plan { kind: RoomKind::Closed, invited: vec![guest.id], ..plan(NOW + HOUR) };
    let closed = planned(&store, &host, &closed).await;
    let sees = [
        (&host, [true, true, true]),
        (&friend, [true, true, false]),
        (&guest, [true, false, true]),
        (&other, [true, false, false]),
        (&foe, [false, false, false]),
    ];
    for (person, expected) in sees {
        for (id, expected) in [open, social, closed].into_iter().zip(expected) {
            let seen = seen(&store, person.id, id).await;
            assert_eq!(seen.is_some(), expected, "{} {id}", person.handle);
        }
    }
    let own = seen(&store, host.id, closed).await.unwrap();
    assert_eq!(own.invited, [guest.person()]);
    assert!(own.you_host && !own.you_go);
    let theirs = seen(&store, guest.id, closed).await.unwrap();
    assert_eq!((theirs.invited.len(), theirs.you_host), (0, false));
    assert_eq!((theirs.host, theirs.state), (host.person(), ScheduledState::Planned));
}

async fn a_yes_counts_once_and_up_to_the_capacity(store: Store) {
    let host = somebody(&store, "host").await;
    let (one, two) = (somebody(&store, "one").await, somebody(&store, "two").await);
    let id = planned(&store, &host, &Plan { capacity: Some(1), ..plan(NOW + HOUR) }).await;
    store.say_yes(id, one.id).await.unwrap();
    store.say_yes(id, one.id).await.unwrap();
    assert_eq!(refusal(store.say_yes(id, two.id).await), ErrorCode::RoomFull);
    let shown = seen(&store, one.id, id).await.unwrap();
    assert_eq!((shown.going, shown.you_go), (1, true));
    store.say_no(id, one.id).await.unwrap();
    store.say_no(id, one.id).await.unwrap();
    store.say_yes(id, two.id).await.unwrap();
    let list = store.people(host.id, PeopleList::GoingTo(id), None).await.unwrap().0;
    assert_eq!(list.iter().map(|listed| listed.person.id).collect::<Vec<_>>(), [two.id]);
    // A block takes the yes back.
    store.block(host.id, two.id).await.unwrap();
    assert_eq!(seen(&store, host.id, id).await.unwrap().going, 0);
}

async fn co_hosts_need_accounts_and_no_block(store: Store) {
    let host = somebody(&store, "host").await;
    let helper = somebody(&store, "helper").await;
    let foe = somebody(&store, "foe").await;
    store.block(foe.id, host.id).await.unwrap();
    let with = |co_host| Plan { co_hosts: vec![co_host], ..plan(NOW + HOUR) };
    let id = RoomId(Uuid::now_v7());
    let nobody = UserId(Uuid::now_v7());
    assert_eq!(
        refusal(store.create_plan(id, host.id, &with(nobody), None).await),
        ErrorCode::NotFound
    );
    assert_eq!(
        refusal(store.create_plan(id, host.id, &with(foe.id), None).await),
        ErrorCode::Blocked
    );
    assert!(seen(&store, host.id, id).await.is_none(), "nothing was kept");
    assert!(told(&store).await.is_empty());
    let id = planned(&store, &host, &with(helper.id)).await;
    let shown = seen(&store, helper.id, id).await.unwrap();
    assert_eq!((shown.co_hosts, shown.you_host), (vec![helper.person()], true));
    assert_eq!(said(&store).await, ["invited", "scheduled"]);
}

async fn a_change_is_told_and_numbered(store: Store) {
    let host = somebody(&store, "host").await;
    let (guest, other) = (somebody(&store, "guest").await, somebody(&store, "other").await);
    let id = planned(&store, &host, &plan(NOW + HOUR)).await;
    let number = async || store.plan(host.id, id, NOW).await.unwrap().unwrap().sequence;
    assert_eq!(number().await, 0);
    store.say_yes(id, guest.id).await.unwrap();
    store.say_yes(id, other.id).await.unwrap();
    assert_eq!(number().await, 0, "who comes changes nothing");
    let titled = Plan { title: "Coffee".to_owned(), ..plan(NOW + HOUR) };
    store.change_plan(id, host.id, &titled).await.unwrap();
    assert_eq!((number().await, said(&store).await), (1, vec!["scheduled".to_owned()]));
    for starts_at_ms in [NOW + 2 * HOUR, NOW + HOUR, NOW + 2 * HOUR] {
        store.change_plan(id, host.id, &plan(starts_at_ms)).await.unwrap();
    }
    let moved = |hours| format!("moved to {}", NOW + hours * HOUR);
    let expected = ["scheduled".to_owned(), moved(2), moved(1), moved(2)];
    assert_eq!((number().await, said(&store).await), (4, expected.to_vec()));
    // Closed to all but some: the others no longer go.
    let closed = Plan { kind: RoomKind::Closed, invited: vec![guest.id], ..plan(NOW + 2 * HOUR) };
    store.change_plan(id, host.id, &closed).await.unwrap();
    assert_eq!(seen(&store, host.id, id).await.unwrap().going, 1);
    assert!(seen(&store, other.id, id).await.is_none());
    assert!(seen(&store, guest.id, id).await.unwrap().you_go);
}

async fn a_plan_that_was_called_off_stays_so(store: Store) {
    let host = somebody(&store, "host").await;
    let guest = somebody(&store, "guest").await;
    let id = planned(&store, &host, &plan(NOW + HOUR)).await;
    store.cancel_plan(id, host.id, "Tea").await.unwrap();
    let shown = seen(&store, guest.id, id).await.unwrap();
    assert_eq!(shown.state, ScheduledState::Cancelled);
    assert_eq!(refusal(store.say_yes(id, guest.id).await), ErrorCode::Cancelled);
    let again = store.cancel_plan(id, host.id, "Tea").await;
    assert_eq!(refusal(again), ErrorCode::AlreadyStarted);
    let changed = store.change_plan(id, host.id, &plan(NOW + 2 * HOUR)).await;
    assert_eq!(refusal(changed), ErrorCode::AlreadyStarted);
    assert!(!store.start_plan(&room(id, &host, RoomKind::Open)).await.unwrap());
    assert_eq!(store.take_turns(NOW + HOUR - MINUTE).await.unwrap(), 0);
    let list = store.plans(host.id, PlanList::All, (i64::MIN, String::new()), NOW).await.unwrap();
    assert!(list.0.is_empty());
    assert_eq!(said(&store).await, ["scheduled", "cancelled"]);
}

async fn those_who_said_yes_enter_a_seminar(store: Store) {
    let host = somebody(&store, "host").await;
    let early = somebody(&store, "early").await;
    let late = somebody(&store, "late").await;
    let other = somebody(&store, "other").await;
    let id = planned(&store, &host, &Plan { registration: true, ..plan(NOW + HOUR) }).await;
    store.say_yes(id, early.id).await.unwrap();
    assert!(store.start_plan(&room(id, &host, RoomKind::Closed)).await.unwrap());
    assert!(!store.start_plan(&room(id, &host, RoomKind::Closed)).await.unwrap(), "only once");
    store.say_yes(id, late.id).await.unwrap();
    for (person, invited) in [(&early, true), (&late, true), (&other, false)] {
        let door = store.door(id, host.id, person.id).await.unwrap();
        assert_eq!(door.invited, invited, "{}", person.handle);
        let into = store.let_into(person.id, &[id]).await.unwrap();
        assert_eq!(into.len(), usize::from(invited), "{}", person.handle);
    }
    store.say_no(id, late.id).await.unwrap();
    assert!(!store.door(id, host.id, late.id).await.unwrap().invited);
    assert_eq!(seen(&store, other.id, id).await.unwrap().state, ScheduledState::Live);
    let changed = store.change_plan(id, host.id, &plan(NOW + 2 * HOUR)).await;
    assert_eq!(refusal(changed), ErrorCode::AlreadyStarted);
    assert_eq!(said(&store).await, ["scheduled", "live", "begins"]);
}

async fn a_room_cut_short_starts_again(store: Store) {
    let host = somebody(&store, "host").await;
    let id = planned(&store, &host, &plan(NOW + HOUR)).await;
    let state = async || seen(&store, host.id, id).await.unwrap().state;
    for reason in ["empty", "shutdown"] {
        assert!(store.start_plan(&room(id, &host, RoomKind::Open)).await.unwrap());
        assert_eq!(state().await, ScheduledState::Live);
        ended(&store, id, reason).await;
        assert_eq!(state().await, ScheduledState::Planned, "{reason}");
        let later = store.plan(host.id, id, NOW + 14 * HOUR).await.unwrap().unwrap().shown;
        assert_eq!(later.state, ScheduledState::Ended);
    }
    assert!(store.start_plan(&room(id, &host, RoomKind::Open)).await.unwrap());
    ended(&store, id, "ended_by_host").await;
    assert_eq!(state().await, ScheduledState::Ended);
    assert!(!store.start_plan(&room(id, &host, RoomKind::Open)).await.unwrap());
    assert_eq!(said(&store).await, ["scheduled", "live", "begins"], "each told once");
    // Not told of a room that was on already.
    assert_eq!(store.take_turns(NOW + HOUR + 6 * MINUTE).await.unwrap(), 0);
}

async fn turns_come_once_for_each_time(store: Store) {
    let host = somebody(&store, "host").await;
    let at = NOW + HOUR;
    let id = planned(&store, &host, &plan(at)).await;
    let turns = async |now_ms| store.take_turns(now_ms).await.unwrap();
    assert_eq!(turns(at - 16 * MINUTE).await, 0);
    assert_eq!(turns(at - 15 * MINUTE).await, 1);
    // The clock goes back and forth; the server starts anew, with nothing but the database.
    for now_ms in [at - 14 * MINUTE, at - HOUR, at - 15 * MINUTE, at, at + MINUTE] {
        assert_eq!(turns(now_ms).await, 0, "{}", now_ms - at);
    }
    assert_eq!(turns(at + 5 * MINUTE).await, 1);
    for now_ms in [at + 5 * MINUTE, at - 10 * MINUTE, at + 30 * MINUTE] {
        assert_eq!(turns(now_ms).await, 0, "{}", now_ms - at);
    }
    // Another time has its own turns.
    store.change_plan(id, host.id, &plan(at + 2 * HOUR)).await.unwrap();
    assert_eq!(turns(at + 2 * HOUR - MINUTE).await, 1);
    // A clock an hour and more ahead: too late for news.
    assert_eq!(turns(at + 4 * HOUR).await, 0);
    let expected = ["scheduled", "reminder", "late", &format!("moved to {}", at + 2 * HOUR)];
    assert_eq!(said(&store).await, [&expected[..], &["reminder"]].concat());
}

async fn lists_and_searches_find_what_may_be_seen(store: Store) {
    let host = somebody(&store, "host").await;
    let helper = somebody(&store, "helper").await;
    let guest = somebody(&store, "guest").await;
    let mut ids = Vec::new();
    // Two of each time, so that a page ends between equals.
    for hour in 1..=12 {
        for _ in 0..2 {
            ids.push(planned(&store, &host, &plan(NOW + hour * HOUR)).await);
        }
    }
    let special = Plan {
        title: "100% Ωmega".to_owned(),
        topics: vec!["a\"b".to_owned()],
        language: Some("pt-BR".to_owned()),
        co_hosts: vec![helper.id],
        ..plan(NOW + 20 * HOUR)
    };
    ids.push(planned(&store, &host, &special).await);
    let special = ids[24];
    let mut found = Vec::new();
    let mut after = (i64::MIN, String::new());
    for more in [true, false] {
        let page = store.plans(guest.id, PlanList::All, after, NOW).await.unwrap();
        assert_eq!(page.1, more);
        let last = &page.0.last().unwrap().shown;
        after = (last.starts_at_ms, last.id.to_string());
        found.extend(page.0.iter().map(|planned| planned.shown.id));
    }
    assert_eq!(found, ids);
    store.say_yes(ids[3], guest.id).await.unwrap();
    let start = || (i64::MIN, String::new());
    let going = store.plans(guest.id, PlanList::GoingOf(guest.id), start(), NOW).await.unwrap();
    assert_eq!(going.0.iter().map(|plan| plan.shown.id).collect::<Vec<_>>(), [ids[3]]);
    let hosted = store.plans(guest.id, PlanList::HostedBy(helper.id), start(), NOW).await.unwrap();
    assert_eq!(hosted.0.iter().map(|plan| plan.shown.id).collect::<Vec<_>>(), [special]);
    let later = store.plans(guest.id, PlanList::All, start(), NOW + 24 * HOUR).await.unwrap();
    assert_eq!(later.0.len(), 1, "those not started for twelve hours are over");

    let narrowed = |text: &str, topic: &str, language: &str| Narrowed {
        text: text.to_owned(),
        topic: topic.to_owned(),
        language: language.to_owned(),
    };
    let searches = [
        (narrowed("", "", ""), 25),
        (narrowed("100% ωm", "", ""), 1),
        (narrowed("00% x", "", ""), 0),
        (narrowed("biscuits", "", ""), 25),
        (narrowed("host the", "", ""), 25),
        (narrowed("", "a\"b", ""), 1),
        (narrowed("", "a", ""), 0),
        (narrowed("", "", "pt"), 1),
        (narrowed("", "tea", "en"), 24),
    ];
    for (narrowed, expected) in searches {
        let found = store.upcoming(guest.id, &narrowed, NOW).await.unwrap();
        assert_eq!(found.len(), expected, "{narrowed:?}");
    }
}

async fn an_account_takes_its_plans_along(store: Store) {
    let host = somebody(&store, "host").await;
    let guest = somebody(&store, "guest").await;
    let id = planned(&store, &host, &plan(TO_COME)).await;
    store.say_yes(id, guest.id).await.unwrap();
    let data = store.export(guest.id).await.unwrap();
    assert_eq!(data["parts_in_planned_rooms"][0]["part"], "going");
    assert_eq!(store.export(host.id).await.unwrap()["planned_rooms"][0]["title"], "Tea");
    store.delete_account(guest.id).await.unwrap();
    assert_eq!(seen(&store, host.id, id).await.unwrap().going, 0);
    let other = somebody(&store, "other").await;
    store.say_yes(id, other.id).await.unwrap();
    // What is called off or over is nobody's concern any more.
    let off = planned(&store, &host, &plan(TO_COME)).await;
    store.say_yes(off, other.id).await.unwrap();
    store.cancel_plan(off, host.id, "Tea").await.unwrap();
    let over = planned(&store, &host, &plan(TO_COME)).await;
    store.say_yes(over, other.id).await.unwrap();
    assert!(store.start_plan(&room(over, &host, RoomKind::Open)).await.unwrap());
    ended(&store, over, "host").await;
    store.delete_account(host.id).await.unwrap();
    assert!(seen(&store, other.id, id).await.is_none());
    let causes = told(&store).await;
    let [Cause::HostGone { user, host: gone, name, plan }] = &causes[..] else {
        panic!("{causes:?}")
    };
    assert_eq!((*user, *gone, name.as_str(), plan.id), (other.id, host.id, "host the Person", id));
}

async fn who_said_yes_hears_of_the_start_by_the_reminder_alone(store: Store) {
    let host = somebody(&store, "host").await;
    let (goes, follows) = (somebody(&store, "goes").await, somebody(&store, "follows").await);
    for follower in [&goes, &follows] {
        store.follow(follower.id, host.id).await.unwrap();
    }
    let id = planned(&store, &host, &plan(NOW + HOUR)).await;
    store.say_yes(id, goes.id).await.unwrap();
    assert!(store.start_plan(&room(id, &host, RoomKind::Open)).await.unwrap());
    let (first, last) = (UserId(Uuid::nil()), UserId(Uuid::max()));
    let mut audiences = Vec::new();
    for cause in told(&store).await {
        if matches!(cause, Cause::Live { .. } | Cause::Reminder { .. }) {
            audiences.push(store.audience(&cause, first, last, 10).await.unwrap());
        }
    }
    assert_eq!(audiences, [vec![follows.id], vec![host.id, goes.id]]);
    // Another room of theirs is news to both.
    let other = RoomId(Uuid::now_v7());
    store.create_room(room(other, &host, RoomKind::Open)).await.unwrap();
    let cause = Cause::Live { host: host.id, room: other };
    let both = store.audience(&cause, first, last, 10).await.unwrap();
    assert_eq!(both, [goes.id, follows.id]);
}
