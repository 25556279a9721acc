//! Accounts, sessions, the follow graph.

use palco_protocol::{
    UserId,
    http::{About, TakenField},
};
use uuid::Uuid;

use super::{cases, somebody};
use crate::store::{NewAccount, PeopleList, ProfileChange, Store, StoreError, utc_ms};

cases![
    an_account_is_found_by_id_handle_and_mail,
    a_handle_and_a_mail_address_are_had_once,
    a_profile_is_kept,
    a_session_lasts_until_it_ends_or_expires,
    a_new_password_ends_the_other_sessions_and_the_reset,
    suspending_ends_sessions,
    following_is_counted_once,
    a_block_ends_following_and_hides,
    lists_are_paged_and_searched,
    suggestions_are_friends_of_friends_first,
    a_picture_is_kept_and_taken_away,
    deleting_an_account_leaves_nothing,
];

async fn an_account_is_found_by_id_handle_and_mail(store: Store) {
    let ada = somebody(&store, "ada").await;
    assert_eq!(store.account(ada.id).await.unwrap().as_ref(), Some(&ada));
    assert_eq!(store.account_by_handle("ADA").await.unwrap().as_ref(), Some(&ada));
    let (found, password) = store.credentials("Ada@Example.org").await.unwrap().unwrap();
    assert_eq!((found, password.as_str()), (ada.clone(), "$argon2id$"));
    assert!(store.credentials("bob").await.unwrap().is_none());
    assert!(store.account(UserId(Uuid::now_v7())).await.unwrap().is_none());
}

async fn a_handle_and_a_mail_address_are_had_once(store: Store) {
    let ada = somebody(&store, "ada").await;
    let bob = somebody(&store, "bob").await;
    let sign_up = async |handle: &str, email: Option<&String>| {
        let new = NewAccount {
            id: UserId(Uuid::now_v7()),
            handle: handle.to_owned(),
            name: "Another".to_owned(),
            email: email.cloned(),
            password: String::new(),
        };
        match store.create_account(new).await {
            Err(StoreError::Taken(field)) => field,
            other => panic!("not taken: {other:?}"),
        }
    };
    assert_eq!(sign_up("ada", None).await, TakenField::Handle);
    assert_eq!(sign_up("eve", ada.email.as_ref()).await, TakenField::Email);
    assert_eq!(
        sign_up("bob", ada.email.as_ref()).await,
        TakenField::Handle,
        "nothing of the other"
    );
    let change = ProfileChange {
        handle: "bob".to_owned(),
        name: "Bob".to_owned(),
        email: ada.email.clone(),
        about: About::default(),
    };
    let changed = store.update_account(bob.id, change).await;
    assert!(matches!(changed, Err(StoreError::Taken(TakenField::Email))), "{changed:?}");
    assert_eq!(store.account(bob.id).await.unwrap(), Some(bob), "nothing changed");
}

async fn a_profile_is_kept(store: Store) {
    let ada = somebody(&store, "ada").await;
    let about = About {
        headline: "Counts".to_owned(),
        bio: "Two\nlines, 日本語".to_owned(),
        links: vec!["https://example.org".to_owned()],
        languages: vec!["en".to_owned(), "it".to_owned()],
        topics: vec!["machines".to_owned()],
        creator: false,
    };
    let change = ProfileChange {
        handle: "countess".to_owned(),
        name: "Ada L.".to_owned(),
        email: None,
        about: about.clone(),
    };
    store.update_account(ada.id, change).await.unwrap();
    let kept = store.account_by_handle("countess").await.unwrap().unwrap();
    assert_eq!((kept.id, &kept.about, &kept.email), (ada.id, &about, &None));
    assert_eq!(kept.person().headline, None, "only creators show theirs");
    let creator = About { creator: true, ..about };
    let (handle, name) = ("countess".to_owned(), "Ada L.".to_owned());
    let change = ProfileChange { handle, name, email: None, about: creator };
    store.update_account(ada.id, change).await.unwrap();
    let kept = store.account(ada.id).await.unwrap().unwrap();
    assert_eq!(kept.person().headline.as_deref(), Some("Counts"));
}

async fn a_session_lasts_until_it_ends_or_expires(store: Store) {
    let ada = somebody(&store, "ada").await;
    store.create_session("one", ada.id, utc_ms() + 60_000).await.unwrap();
    store.create_session("old", ada.id, utc_ms() - 1).await.unwrap();
    assert_eq!(store.session("one").await.unwrap().map(|it| it.id), Some(ada.id));
    assert!(store.session("old").await.unwrap().is_none());
    store.end_session("one").await.unwrap();
    assert!(store.session("one").await.unwrap().is_none());
}

async fn a_new_password_ends_the_other_sessions_and_the_reset(store: Store) {
    let ada = somebody(&store, "ada").await;
    store.create_session("this", ada.id, utc_ms() + 60_000).await.unwrap();
    store.create_session("that", ada.id, utc_ms() + 60_000).await.unwrap();
    store.create_reset("first", ada.id, utc_ms() + 60_000).await.unwrap();
    store.create_reset("second", ada.id, utc_ms() + 60_000).await.unwrap();
    assert!(store.reset("first").await.unwrap().is_none(), "one at a time");
    assert_eq!(store.reset("second").await.unwrap(), Some(ada.id));
    store.set_password(ada.id, "new".to_owned(), Some("this")).await.unwrap();
    assert!(store.reset("second").await.unwrap().is_none(), "used up");
    assert!(store.session("this").await.unwrap().is_some());
    assert!(store.session("that").await.unwrap().is_none());
    assert_eq!(store.credentials("ada").await.unwrap().unwrap().1, "new");
}

async fn suspending_ends_sessions(store: Store) {
    let ada = somebody(&store, "ada").await;
    store.create_session("one", ada.id, utc_ms() + 60_000).await.unwrap();
    assert!(store.suspend(ada.id, true).await.unwrap());
    assert!(store.session("one").await.unwrap().is_none());
    assert!(store.account(ada.id).await.unwrap().unwrap().suspended);
    assert!(store.suspend(ada.id, false).await.unwrap());
    assert!(!store.account(ada.id).await.unwrap().unwrap().suspended);
    assert!(!store.suspend(UserId(Uuid::now_v7()), true).await.unwrap());
}

async fn following_is_counted_once(store: Store) {
    let (ada, bob) = (somebody(&store, "ada").await, somebody(&store, "bob").await);
    for _ in 0..2 {
        assert!(store.follow(ada.id, bob.id).await.unwrap());
    }
    assert_eq!(store.follow_counts(bob.id).await.unwrap(), (1, 0));
    assert_eq!(store.follow_counts(ada.id).await.unwrap(), (0, 1));
    let between = store.between(ada.id, bob.id).await.unwrap().unwrap();
    assert!(between.you_follow && !between.follows_you && !between.you_block);
    assert!(store.follows_any(&[bob.id, ada.id], bob.id).await.unwrap());
    assert!(!store.follows_any(&[bob.id], ada.id).await.unwrap());
    assert_eq!(store.followed_by(ada.id).await.unwrap(), [bob.id]);
    assert!(!store.follow(ada.id, UserId(Uuid::now_v7())).await.unwrap(), "nobody");
    for _ in 0..2 {
        store.unfollow(ada.id, bob.id).await.unwrap();
    }
    assert_eq!(store.follow_counts(bob.id).await.unwrap(), (0, 0));
}

async fn a_block_ends_following_and_hides(store: Store) {
    let (ada, bob) = (somebody(&store, "ada").await, somebody(&store, "bob").await);
    store.follow(ada.id, bob.id).await.unwrap();
    store.follow(bob.id, ada.id).await.unwrap();
    assert!(store.block(ada.id, bob.id).await.unwrap());
    assert_eq!(store.follow_counts(ada.id).await.unwrap(), (0, 0));
    assert_eq!(store.follow_counts(bob.id).await.unwrap(), (0, 0));
    assert!(!store.follow(bob.id, ada.id).await.unwrap());
    assert!(!store.follow(ada.id, bob.id).await.unwrap());
    assert!(store.between(bob.id, ada.id).await.unwrap().is_none(), "told nothing");
    assert!(store.between(ada.id, bob.id).await.unwrap().unwrap().you_block);
    let nowhere = palco_protocol::RoomId(Uuid::now_v7());
    for (one, other) in [(&ada, &bob), (&bob, &ada)] {
        assert!(store.door(nowhere, one.id, other.id).await.unwrap().blocked);
        assert_eq!(store.blocks_of(one.id).await.unwrap(), [other.id]);
        assert!(store.search_people(one.id, &other.handle).await.unwrap().is_empty());
    }
    let (blocked, _) = store.people(ada.id, PeopleList::BlockedBy(ada.id), None).await.unwrap();
    assert_eq!(blocked.iter().map(|it| it.person.id).collect::<Vec<_>>(), [bob.id]);
    store.unblock(ada.id, bob.id).await.unwrap();
    assert!(store.follow(bob.id, ada.id).await.unwrap());
}

async fn lists_are_paged_and_searched(store: Store) {
    let ada = somebody(&store, "ada").await;
    let mut followers = Vec::new();
    for number in 0..60 {
        let follower = somebody(&store, &format!("fan_{number:02}")).await;
        store.follow(follower.id, ada.id).await.unwrap();
        followers.push(follower.id);
    }
    store.follow(ada.id, followers[3]).await.unwrap();
    let list = PeopleList::FollowersOf(ada.id);
    let (first, more) = store.people(ada.id, list, None).await.unwrap();
    assert!(more);
    let last = first.last().unwrap().person.id;
    let (second, more) = store.people(ada.id, list, Some(last)).await.unwrap();
    assert!(!more);
    let all: Vec<_> = first.iter().chain(&second).collect();
    assert_eq!(all.iter().map(|it| it.person.id).collect::<Vec<_>>(), followers);
    let followed_back: Vec<_> = all.iter().filter(|it| it.you_follow).collect();
    assert_eq!(followed_back.len(), 1);
    let found = store.search_people(ada.id, "FAN_1").await.unwrap();
    assert_eq!(found.len(), 10, "the underscore is no wildcard, and all of fan_10 to fan_19");
    assert_eq!(store.search_people(ada.id, "the p").await.unwrap().len(), 50, "inside a name");
    assert!(store.search_people(ada.id, "%").await.unwrap().is_empty());
    assert_eq!(store.search_people(ada.id, "ad").await.unwrap()[0].followers, 60);
}

async fn suggestions_are_friends_of_friends_first(store: Store) {
    let mut people = Vec::new();
    for handle in ["ada", "bob", "cleo", "dora", "egon"] {
        people.push(somebody(&store, handle).await.id);
    }
    let [ada, bob, cleo, dora, egon] = people[..] else { unreachable!("five") };
    // Ada follows Bob, who follows Cleo; Dora is more popular, but nobody near follows her.
    for (follower, followed) in [(ada, bob), (bob, cleo), (cleo, dora), (egon, dora)] {
        store.follow(follower, followed).await.unwrap();
    }
    let ids = |listed: Vec<palco_protocol::http::Listed>| {
        listed.into_iter().map(|it| it.person.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(store.suggestions(ada).await.unwrap()), [cleo, dora]);
    store.block(cleo, ada).await.unwrap();
    assert_eq!(ids(store.suggestions(ada).await.unwrap()), [dora]);
}

async fn a_picture_is_kept_and_taken_away(store: Store) {
    let ada = somebody(&store, "ada").await;
    store.set_avatar(ada.id, Some(("v1", "aW1hZ2U=".to_owned()))).await.unwrap();
    let kept = store.account(ada.id).await.unwrap().unwrap();
    assert_eq!(kept.person().avatar, Some(format!("/avatars/{}/v1", ada.id)));
    assert_eq!(store.avatar(ada.id).await.unwrap().as_deref(), Some("aW1hZ2U="));
    store.set_avatar(ada.id, None).await.unwrap();
    assert_eq!(store.avatar(ada.id).await.unwrap(), None);
    assert_eq!(store.account(ada.id).await.unwrap().unwrap().avatar, None);
}

async fn deleting_an_account_leaves_nothing(store: Store) {
    let (ada, bob) = (somebody(&store, "ada").await, somebody(&store, "bob").await);
    store.follow(ada.id, bob.id).await.unwrap();
    store.follow(bob.id, ada.id).await.unwrap();
    store.create_session("one", ada.id, utc_ms() + 60_000).await.unwrap();
    let export = store.export(ada.id).await.unwrap();
    assert_eq!(export["account"][0]["handle"], "ada");
    assert_eq!(export["following"][0]["followed_id"], bob.id.to_string());
    assert!(!export.to_string().contains("$argon2id$"), "no secrets");
    store.delete_account(ada.id).await.unwrap();
    assert!(store.account(ada.id).await.unwrap().is_none());
    assert!(store.session("one").await.unwrap().is_none());
    assert_eq!(store.follow_counts(bob.id).await.unwrap(), (0, 0));
    let export = store.export(ada.id).await.unwrap();
    let rows = export.as_object().unwrap().values().map(|part| part.as_array().unwrap().len());
    assert_eq!(rows.sum::<usize>(), 0);
}
