//! Notices: whom a cause concerns, how far it was told, everybody's list.

use palco_protocol::{
    NoticeId, RoomId, RoomKind, UserId,
    http::{NoticeKind, NoticePreferences, Wanted},
};
use uuid::Uuid;

use super::{cases, somebody};
use crate::store::{
    Account, Cause, NewRoom, Progress, Reach, Recipient, Store, Telling, outbox::Plan,
};

cases![
    a_cause_is_told_once_however_often_it_is_put,
    followers_are_told_in_batches_and_each_once,
    a_cause_not_begun_comes_before_one_that_is,
    a_social_room_is_made_known_to_friends_and_a_closed_one_to_nobody,
    who_said_yes_is_told_of_a_plan,
    blocked_and_suspended_people_are_not_told,
    wishes_and_what_disturbed_lately_are_known,
    who_comes_catches_up_with_what_is_being_told,
    a_list_is_paged_counted_and_read,
    old_notices_are_forgotten,
];

const FIRST: UserId = UserId(Uuid::nil());
const LAST: UserId = UserId(Uuid::max());

async fn live(store: &Store, host: &Account, kind: RoomKind, title: &str) -> RoomId {
    let id = RoomId(Uuid::now_v7());
    let room = NewRoom {
        id,
        owner: host.id,
        title: title.to_owned(),
        kind,
        invited: Vec::new(),
        causes: vec![Cause::Live { host: host.id, room: id }],
    };
    store.create_room(room).await.unwrap();
    id
}

async fn next(store: &Store) -> Telling {
    store.next_telling().await.unwrap().expect("something waits")
}

async fn everybody(store: &Store, telling: &Telling) -> Vec<UserId> {
    store.audience(&telling.cause, FIRST, LAST, 100).await.unwrap()
}

/// Tells everybody the next notice, loudly.
async fn tell_next(store: &Store) -> Vec<UserId> {
    let telling = next(store).await;
    let people = everybody(store, &telling).await;
    let told = store.tell(&telling, &people, |_| Reach::Loudly, Progress::Done, false).await;
    told.unwrap().into_iter().map(|(user, _)| user).collect()
}

/// Followers of a host, by id, with the notices of their following told already.
async fn followers(store: &Store, host: &Account, count: usize) -> Vec<UserId> {
    let mut ids = Vec::new();
    for number in 0..count {
        let follower = somebody(store, &format!("fan{number}")).await.id;
        assert!(store.follow(follower, host.id).await.unwrap());
        assert_eq!(tell_next(store).await, [host.id]);
        ids.push(follower);
    }
    ids.sort();
    ids
}

async fn a_cause_is_told_once_however_often_it_is_put(store: Store) {
    let (ada, bob) = (somebody(&store, "ada").await, somebody(&store, "bob").await);
    for _ in 0..2 {
        store.follow(bob.id, ada.id).await.unwrap();
        store.unfollow(bob.id, ada.id).await.unwrap();
    }
    assert_eq!(tell_next(&store).await, [ada.id]);
    assert!(store.next_telling().await.unwrap().is_none());
    let nobody = UserId(Uuid::now_v7());
    let by_nobody = Cause::Followed { user: ada.id, by: nobody };
    store.announce(&by_nobody).await.unwrap();
    assert!(store.next_telling().await.unwrap().is_none(), "only accounts cause anything");
}

async fn followers_are_told_in_batches_and_each_once(store: Store) {
    let ada = somebody(&store, "ada").await;
    let fans = followers(&store, &ada, 5).await;
    let room = live(&store, &ada, RoomKind::Open, "Tea").await;
    let telling = next(&store).await;
    assert_eq!(
        (telling.cause.clone(), telling.reached),
        (Cause::Live { host: ada.id, room }, None)
    );
    let shown = store.notification(&telling).await.unwrap().unwrap();
    assert_eq!((shown.kind, shown.room.unwrap().title.as_str()), (NoticeKind::Live, "Tea"));

    let batch = store.audience(&telling.cause, FIRST, LAST, 2).await.unwrap();
    assert_eq!(batch, fans[..2]);
    let reach = |_: &Recipient| Reach::Loudly;
    let told = store.tell(&telling, &batch, reach, Progress::To(fans[1]), false).await.unwrap();
    assert_eq!(told.len(), 2);
    // One of the others is online and is told out of turn.
    let told = store.tell(&telling, &fans[4..], reach, Progress::Same, false).await.unwrap();
    assert_eq!(told, [(fans[4], true)]);
    // The process dies and comes back: it goes on where it was.
    let telling = next(&store).await;
    assert_eq!(telling.reached, Some(fans[1]));
    let batch = store.audience(&telling.cause, fans[1], LAST, 100).await.unwrap();
    assert_eq!(batch, fans[2..]);
    let told = store.tell(&telling, &batch, reach, Progress::Done, false).await.unwrap();
    let new: Vec<_> = told.into_iter().map(|(user, _)| user).collect();
    assert_eq!(new, fans[2..4], "who was told is not told again");
    assert!(store.next_telling().await.unwrap().is_none());
    for fan in fans {
        assert_eq!(store.unread(fan).await.unwrap().unread, 1);
    }
}

async fn a_cause_not_begun_comes_before_one_that_is(store: Store) {
    let ada = somebody(&store, "ada").await;
    let fans = followers(&store, &ada, 2).await;
    live(&store, &ada, RoomKind::Open, "Tea").await;
    let large = next(&store).await;
    let told = store.tell(&large, &fans[..1], |_| Reach::Loudly, Progress::To(fans[0]), false);
    told.await.unwrap();
    store.announce(&Cause::Followed { user: ada.id, by: fans[0] }).await.unwrap();
    let bob = somebody(&store, "bob").await;
    store.announce(&Cause::Followed { user: ada.id, by: bob.id }).await.unwrap();
    assert_eq!(tell_next(&store).await, [ada.id]);
    assert_eq!(next(&store).await.id, large.id);
    assert_eq!(store.backlog().await.unwrap().notices, 1);
}

async fn a_social_room_is_made_known_to_friends_and_a_closed_one_to_nobody(store: Store) {
    let ada = somebody(&store, "ada").await;
    let fans = followers(&store, &ada, 3).await;
    store.follow(ada.id, fans[1]).await.unwrap();
    assert_eq!(tell_next(&store).await, [fans[1]]);
    live(&store, &ada, RoomKind::Social, "Social").await;
    assert_eq!(tell_next(&store).await, [fans[1]]);
    live(&store, &ada, RoomKind::Closed, "Closed").await;
    assert_eq!(tell_next(&store).await, []);
}

async fn who_said_yes_is_told_of_a_plan(store: Store) {
    let (ada, bob) = (somebody(&store, "ada").await, somebody(&store, "bob").await);
    let cleo = somebody(&store, "cleo").await;
    let plan = Plan { id: RoomId(Uuid::now_v7()), title: "Talk".to_owned(), starts_at_ms: 7 };
    let mut tx = store.begin().await.unwrap();
    sqlx::query(
        "INSERT INTO scheduled (id, host_id, title, description, topics, folded, kind, starts_at_ms, registration, \
         changed_at_ms) VALUES ($1, $2, 'Talk', '', '[]', 'talk', 'open', 7, 0, 0)",
    )
    .bind(plan.id.to_string())
    .bind(ada.id.to_string())
    .execute(&mut tx)
    .await
    .unwrap();
    for (person, part) in [(&ada, "host"), (&bob, "going"), (&cleo, "invited")] {
        sqlx::query(
            "INSERT INTO scheduled_person (scheduled_id, account_id, part) VALUES ($1, $2, $3)",
        )
        .bind(plan.id.to_string())
        .bind(person.id.to_string())
        .bind(part)
        .execute(&mut tx)
        .await
        .unwrap();
    }
    tx.commit().await.unwrap();
    let by = ada.id;
    store.announce(&Cause::Reminder { by, plan: plan.clone(), live: false }).await.unwrap();
    let mut told = tell_next(&store).await;
    told.sort();
    assert_eq!(told, [ada.id, bob.id], "its host, too");
    store.announce(&Cause::Cancelled { by, plan: plan.clone() }).await.unwrap();
    assert_eq!(tell_next(&store).await, [bob.id]);
    let (list, _) = store.notifications(bob.id, None).await.unwrap();
    let room = list[0].room.clone().unwrap();
    assert_eq!((list[0].kind, room.starts_at_ms), (NoticeKind::Cancelled, Some(7)));
    assert_eq!((room.id, room.title.as_str()), (plan.id, "Talk"));
}

async fn blocked_and_suspended_people_are_not_told(store: Store) {
    let ada = somebody(&store, "ada").await;
    let fans = followers(&store, &ada, 3).await;
    store.suspend(fans[0], true).await.unwrap();
    live(&store, &ada, RoomKind::Open, "Tea").await;
    let telling = next(&store).await;
    // Between the look at who follows and the telling.
    let people = everybody(&store, &telling).await;
    store.block(fans[1], ada.id).await.unwrap();
    let told = store.tell(&telling, &people, |_| Reach::Loudly, Progress::Done, false).await;
    assert_eq!(told.unwrap(), [(fans[2], true)]);
    // What one was told of somebody goes with a block.
    assert_eq!(store.unread(fans[2]).await.unwrap().unread, 1);
    store.block(ada.id, fans[2]).await.unwrap();
    assert_eq!(store.unread(fans[2]).await.unwrap().unread, 0);
    assert_eq!(store.notifications(fans[2], None).await.unwrap().0, []);
}

async fn wishes_and_what_disturbed_lately_are_known(store: Store) {
    let ada = somebody(&store, "ada").await;
    let fan = followers(&store, &ada, 1).await[0];
    store.set_wanted(fan, ada.id, Wanted::Live).await.unwrap();
    let preferences = NoticePreferences { hourly_max: 3, ..NoticePreferences::default() };
    store.set_notice_preferences(fan, &preferences).await.unwrap();
    for (recent, reach) in
        [(0, Reach::Loudly), (1, Reach::Quietly), (1, Reach::Uncounted), (1, Reach::Not)]
    {
        live(&store, &ada, RoomKind::Open, "Tea").await;
        let known = std::cell::RefCell::new(None);
        let decide = |it: &Recipient| {
            known.replace(Some(it.clone()));
            reach
        };
        let telling = next(&store).await;
        let told = store.tell(&telling, &[fan], decide, Progress::Done, false).await.unwrap();
        let loud = matches!(reach, Reach::Loudly | Reach::Uncounted);
        let expected = (reach != Reach::Not).then_some((fan, loud));
        assert_eq!(told, expected.into_iter().collect::<Vec<_>>());
        let known = known.into_inner().unwrap();
        assert_eq!((known.wanted, known.recent), (Some(Wanted::Live), recent));
        assert_eq!(known.preferences, preferences);
    }
    assert_eq!(store.unread(fan).await.unwrap().unread, 3);
}

async fn who_comes_catches_up_with_what_is_being_told(store: Store) {
    let ada = somebody(&store, "ada").await;
    let fans = followers(&store, &ada, 3).await;
    live(&store, &ada, RoomKind::Open, "Tea").await;
    let telling = next(&store).await;
    let reach = |_: &Recipient| Reach::Loudly;
    store.tell(&telling, &fans[..1], reach, Progress::To(fans[0]), false).await.unwrap();
    let stranger = somebody(&store, "stranger").await.id;
    for user in [fans[2], fans[2], stranger, fans[0]] {
        store.catch_up(user, |_, _| Reach::Loudly, false).await.unwrap();
    }
    let unread = async |user| store.unread(user).await.unwrap();
    assert_eq!((unread(fans[2]).await.unread, unread(fans[2]).await.newest), (1, Some(telling.id)));
    assert_eq!((unread(fans[0]).await.unread, unread(stranger).await.unread), (1, 0));
    let told = store.tell(&telling, &fans[1..], reach, Progress::Done, false).await.unwrap();
    assert_eq!(told, [(fans[1], true)]);
}

async fn a_list_is_paged_counted_and_read(store: Store) {
    let ada = somebody(&store, "ada").await;
    let fan = followers(&store, &ada, 1).await[0];
    for number in 0..103 {
        live(&store, &ada, RoomKind::Open, &format!("Room {number}")).await;
        assert_eq!(tell_next(&store).await, [fan]);
    }
    assert_eq!(store.unread(fan).await.unwrap().unread, 100, "stands for more");
    let mut titles = Vec::new();
    let (mut before, mut more) = (None, true);
    while more {
        let page;
        (page, more) = store.notifications(fan, before).await.unwrap();
        before = page.last().map(|last| last.id);
        titles.extend(page.into_iter().map(|it| it.room.unwrap().title));
    }
    let expected: Vec<_> = (0..103).rev().map(|number| format!("Room {number}")).collect();
    assert_eq!(titles, expected);

    let (page, _) = store.notifications(fan, None).await.unwrap();
    store.mark_read(fan, None, &[page[0].id, page[2].id]).await.unwrap();
    store.mark_read(fan, Some(page[5].id), &[]).await.unwrap();
    let (page, _) = store.notifications(fan, None).await.unwrap();
    let read: Vec<_> = page[..7].iter().map(|it| it.read).collect();
    assert_eq!(read, [true, false, true, false, false, true, true]);
    assert_eq!(store.unread(fan).await.unwrap().unread, 3);
    assert_eq!(store.unread(ada.id).await.unwrap().unread, 1, "others' lists are their own");
}

async fn old_notices_are_forgotten(store: Store) {
    let ada = somebody(&store, "ada").await;
    let fans = followers(&store, &ada, 2).await;
    live(&store, &ada, RoomKind::Open, "Old").await;
    tell_next(&store).await;
    let oldest = NoticeId(Uuid::now_v7());
    live(&store, &ada, RoomKind::Open, "New").await;
    tell_next(&store).await;
    let mut after = Some(FIRST);
    while let Some(last) = after {
        after = store.forget_notices(oldest, last).await.unwrap();
    }
    for fan in fans {
        let (list, _) = store.notifications(fan, None).await.unwrap();
        let titles: Vec<_> = list.iter().map(|it| it.room.clone().unwrap().title).collect();
        assert_eq!(titles, ["New"]);
    }
    assert_eq!(store.unread(ada.id).await.unwrap().unread, 0);
}
