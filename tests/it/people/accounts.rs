//! Signing up, in and out; one's own data; cookies and origins; what is guessed is limited.

use palco_client::HttpAnswer;
use palco_protocol::{
    ClientMessage, ErrorCode,
    http::{
        Account, ChangePassword, DeleteAccount, People, Problem, Profile, SessionIn, SignIn,
        SignedIn, TakenField, UpdateAccount,
    },
};
use serde_json::json;

use super::PASSWORD;
use crate::house::{House, SOON};

fn sign_in(login: &str, password: &str) -> SignIn {
    SignIn { login: login.to_owned(), password: password.to_owned(), session: SessionIn::Token }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_made_known_again_changed_and_gone() {
    let house = House::open().await;
    let ada = house.member("ada").await;
    let token = Some(ada.token.as_str());
    assert_eq!(house.get::<Account>("me", token).await, Ok(ada.account.clone()));
    let again = json!({ "handle": "Ada", "name": "Another", "password": PASSWORD });
    let refused = house.call::<SignedIn>("POST", "accounts", None, &again).await;
    assert_eq!(refused.err(), Some(ErrorCode::Taken));

    let update = UpdateAccount {
        bio: Some("Counts.".to_owned()),
        headline: Some("Countess".to_owned()),
        topics: Some(vec!["#Machines".to_owned(), "machines".to_owned()]),
        creator: Some(true),
        ..UpdateAccount::default()
    };
    let changed: Account = house.call("PATCH", "me", token, &update).await.expect("changed");
    assert_eq!(changed.about.topics, ["machines"]);
    assert_eq!(changed.person.headline.as_deref(), Some("Countess"));
    let profile: Profile = house.get("people/@ada", None).await.expect("seen by strangers");
    assert_eq!((profile.person, profile.about), (changed.person, changed.about));
    for wrong in [
        json!({ "links": ["javascript:alert(1)"] }),
        json!({ "languages": ["english please"] }),
        json!({ "handle": "1st" }),
        json!({ "topics": ["a", "b", "c", "d", "e", "f"] }),
        json!({ "email": "nobody" }),
        json!({ "rank": "admiral" }),
    ] {
        let refused = house.call::<Account>("PATCH", "me", token, &wrong).await;
        assert_eq!(refused.err(), Some(ErrorCode::InvalidField), "{wrong}");
    }

    let wrong = house.call::<SignedIn>("POST", "session", None, &sign_in("ada", "wrong")).await;
    assert_eq!(wrong.err(), Some(ErrorCode::WrongPassword));
    let second: SignedIn =
        house.call("POST", "session", None, &sign_in("ADA", PASSWORD)).await.expect("signed in");
    let second = second.token.expect("a token");
    let new = "a better one".to_owned();
    let change = ChangePassword { current: PASSWORD.to_owned(), new: new.clone() };
    house.call::<()>("POST", "me/password", token, &change).await.expect("changed");
    let ended = house.get::<Account>("me", Some(&second)).await;
    assert_eq!(ended.err(), Some(ErrorCode::TokenExpired), "other sessions end");
    assert!(house.get::<Account>("me", token).await.is_ok(), "one's own stays");

    let delete = |password: &str| DeleteAccount { password: password.to_owned() };
    let refused = house.call::<()>("DELETE", "me", token, &delete(PASSWORD)).await;
    assert_eq!(refused, Err(ErrorCode::WrongPassword));
    house.call::<()>("DELETE", "me", token, &delete(&new)).await.expect("deleted");
    assert_eq!(house.get::<Profile>("people/ada", None).await.err(), Some(ErrorCode::NotFound));
    assert_eq!(house.get::<Account>("me", token).await.err(), Some(ErrorCode::TokenExpired));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_signs_up_or_changes_learns_which_of_handle_and_address_is_taken() {
    let house = House::open().await;
    let sign_up = async |handle: &str, email: &str| {
        let body = json!({ "handle": handle, "name": "N", "email": email, "password": PASSWORD, "session": "token" });
        let body = Some(body.to_string().into_bytes());
        house.address.http("POST", "/api/v1/accounts", None, body).await.expect("an answer")
    };
    let taken = |answer: &HttpAnswer| {
        assert_eq!(answer.status, 409);
        let problem: Problem = serde_json::from_slice(&answer.body).expect("a problem");
        assert_eq!(problem.code, ErrorCode::Taken);
        problem.field
    };
    assert_eq!(sign_up("ada", "ada@rooms.example").await.status, 201);
    let second = sign_up("bob", "bob@rooms.example").await;
    let bob: SignedIn = serde_json::from_slice(&second.body).expect("signed in");
    assert_eq!(taken(&sign_up("Ada", "cyd@rooms.example").await), Some(TakenField::Handle));
    assert_eq!(taken(&sign_up("cyd", "ADA@rooms.example").await), Some(TakenField::Email));
    // Whether the address has an account as well, it does not say.
    assert_eq!(taken(&sign_up("ada", "bob@rooms.example").await), Some(TakenField::Handle));
    for (change, field) in [
        (json!({ "handle": "ada" }), TakenField::Handle),
        (json!({ "email": "ada@rooms.example" }), TakenField::Email),
    ] {
        let body = Some(change.to_string().into_bytes());
        let answer = house.address.http("PATCH", "/api/v1/me", bob.token.as_deref(), body).await;
        assert_eq!(taken(&answer.expect("an answer")), Some(field), "{change}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guests_have_no_account_and_signing_out_ends_the_session() {
    let house = House::open().await;
    let guest = house.address.guest("Gus").await.expect("a guest").token;
    let refused = house.get::<Account>("me", Some(&guest)).await;
    assert_eq!(refused.err(), Some(ErrorCode::AccountRequired));
    let social = json!({ "title": "Tea", "kind": "social" });
    let refused = house
        .call::<palco_protocol::http::RoomCreated>("POST", "rooms", Some(&guest), &social)
        .await;
    assert_eq!(refused.err(), Some(ErrorCode::AccountRequired));
    let ada = house.member("ada").await;
    house.tell("DELETE", "session", &ada).await.expect("signed out");
    let over = house.get::<Account>("me", Some(&ada.token)).await;
    assert_eq!(over.err(), Some(ErrorCode::TokenExpired));
    assert_eq!(
        house.address.connect(&ada.token).await.err().and_then(|error| error.code()),
        Some(ErrorCode::TokenExpired)
    );
    house.close().await;
}

/// A socket is no longer let in than the token it came with.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_are_closed_with_the_sessions_that_end() {
    let house = House::open().await;
    let ada = house.member("ada").await;
    let token = Some(ada.token.as_str());
    let mut others = Vec::new();
    for _ in 0..2 {
        let signed: SignedIn = house
            .call("POST", "session", None, &sign_in("ada", PASSWORD))
            .await
            .expect("signed in");
        others.push(signed.token.expect("a token"));
    }
    let connect = async |token: &str| house.address.connect(token).await.expect("hello");
    let mut own = connect(&ada.token).await;
    let (mut second, mut third) = (connect(&others[0]).await, connect(&others[1]).await);
    let over = ErrorCode::TokenExpired.close_code();
    let code = |closed: palco_client::Closed| closed.code;

    let signed_out = house.call::<()>("DELETE", "session", Some(&others[1]), &json!({})).await;
    signed_out.expect("signed out");
    assert_eq!(third.wait_closed(SOON).await.map(code).expect("closed"), over);
    let change = ChangePassword { current: PASSWORD.to_owned(), new: "a better one".to_owned() };
    house.call::<()>("POST", "me/password", token, &change).await.expect("changed");
    assert_eq!(second.wait_closed(SOON).await.map(code).expect("closed"), over);
    own.request(ClientMessage::Ping).await.expect("one's own device stays");
    let delete = DeleteAccount { password: "a better one".to_owned() };
    house.call::<()>("DELETE", "me", token, &delete).await.expect("deleted");
    assert_eq!(own.wait_closed(SOON).await.map(code).expect("closed"), over);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_follow_are_listed_and_searched() {
    let house = House::open().await;
    let (ada, bob) = (house.member("ada").await, house.member("bob").await);
    house.tell("PUT", "people/bob/follow", &ada).await.expect("follows");
    let profile: Profile = house.get("people/bob", Some(&ada.token)).await.expect("seen");
    assert_eq!((profile.followers, profile.between.expect("known").you_follow), (1, true));
    let followers: People = house.get("people/bob/followers", None).await.expect("listed");
    assert_eq!(followers.people[0].person, ada.account.person);
    let found: People = house.get("people?q=BO", Some(&ada.token)).await.expect("found");
    assert!(found.people[0].you_follow);
    let oneself = house.tell("PUT", "people/ada/follow", &ada).await;
    assert_eq!(oneself, Err(ErrorCode::InvalidField));
    assert_eq!(house.tell("PUT", "people/nobody/follow", &ada).await, Err(ErrorCode::NotFound));

    house.tell("PUT", "people/ada/block", &bob).await.expect("blocks");
    let hidden = house.get::<Profile>("people/bob", Some(&ada.token)).await;
    assert_eq!(hidden.err(), Some(ErrorCode::NotFound));
    assert_eq!(house.tell("PUT", "people/bob/follow", &ada).await, Err(ErrorCode::Blocked));
    let blocked: People = house.get("me/blocks", Some(&bob.token)).await.expect("listed");
    assert_eq!(blocked.people[0].person, ada.account.person);
    house.close().await;
}
