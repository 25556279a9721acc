//! Another product's people: its tokens, what they grant, and what they do not.

use std::process::Stdio;

use palco_protocol::{
    ClientMessage, DirectEvent, ErrorCode, Role, RoomId,
    http::{ApiKeyCreated, RoomCreated},
};
use serde_json::json;

use crate::{
    house::House,
    rules::venue::{Told, Venue, Visitor},
};

impl House {
    pub(super) async fn key(&self, name: &str) -> ApiKeyCreated {
        self.admin_reads(&["key", "create", name]).await
    }

    /// As `palco token` prints it.
    pub(super) async fn token(&self, key: &ApiKeyCreated, user: &str, more: &[&str]) -> String {
        let arguments = ["--key", &key.key.id, "--user", user, "--name", user];
        let output = self.palco("token", &[&arguments[..], more].concat()).await;
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    }
}

pub(super) async fn comes(venue: &Venue, token: &str) -> Visitor {
    let client = venue.house.address.connect(token).await.expect("hello");
    venue.device(token.to_owned(), client)
}

pub(super) async fn opens(
    venue: &Venue,
    token: &str,
    room: serde_json::Value,
) -> Result<RoomId, ErrorCode> {
    let created = venue.house.call::<RoomCreated>("POST", "rooms", Some(token), &room).await;
    created.map(|room| room.id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_products_people_do_what_their_tokens_grant() {
    let venue = Venue::open().await;
    let key = venue.house.key("School").await;
    let teacher = venue.house.token(&key, "teacher", &["--host"]).await;
    let room = opens(&venue, &teacher, json!({ "title": "Physics", "kind": "closed" })).await;
    let room = room.expect("a room");
    let mut host = comes(&venue, &teacher).await;
    assert!(!host.person.guest);
    assert_eq!(host.enter(room, None).await.expect("one's own").you.role, Role::Host);

    // A second teacher moderates, a speaker is invited, a listener listens.
    let only = room.to_string();
    let token = venue.house.token(&key, "assistant", &["--host"]).await;
    let mut assistant = comes(&venue, &token).await;
    assert_eq!(assistant.enter(room, None).await.expect("in").you.role, Role::Moderator);
    let token = venue.house.token(&key, "pupil", &["--speak", "--room", &only]).await;
    let mut pupil = comes(&venue, &token).await;
    assert!(pupil.enter(room, None).await.expect("in").you.invitation.is_some());
    pupil.does(ClientMessage::AcceptInvite).await;
    let token = venue.house.token(&key, "parent", &["--room", &only]).await;
    let mut parent = comes(&venue, &token).await;
    assert_eq!(parent.enter(room, None).await.expect("in").you.invitation, None);
    assert_eq!(parent.ask(ClientMessage::RaiseHand).await, Err(ErrorCode::NotGranted));
    host.does(ClientMessage::Invite { user: parent.id() }).await;
    assert_eq!(parent.ask(ClientMessage::AcceptInvite).await, Err(ErrorCode::NotGranted));

    // The token is for that room, and for no other; opening rooms needs more.
    let other = opens(&venue, &teacher, json!({ "title": "Maths" })).await.expect("a room");
    parent.does(ClientMessage::Leave).await;
    assert_eq!(parent.enter(other, None).await.err(), Some(ErrorCode::NotGranted));
    let opened = opens(&venue, &token, json!({ "title": "Mine" })).await;
    assert_eq!(opened, Err(ErrorCode::NotGranted));
    let follows = venue.house.call::<()>("PUT", "people/ada/follow", Some(&token), &()).await;
    assert_eq!(follows, Err(ErrorCode::AccountRequired));
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_products_grants_count_in_its_own_rooms_only() {
    let venue = Venue::open().await;
    let (school, shop) = (venue.house.key("School").await, venue.house.key("Shop").await);
    let teacher = venue.house.token(&school, "teacher", &["--host"]).await;
    let open = opens(&venue, &teacher, json!({ "title": "Open day" })).await.expect("a room");
    let closed = json!({ "title": "Staff", "kind": "closed" });
    let closed = opens(&venue, &teacher, closed).await.expect("a room");
    let seller = venue.house.token(&shop, "seller", &["--host", "--speak"]).await;
    let mut seller = comes(&venue, &seller).await;
    assert_eq!(seller.enter(closed, None).await.err(), Some(ErrorCode::NotInvited));
    let you = seller.enter(open, None).await.expect("an open door").you;
    assert_eq!((you.role, you.invitation), (Role::Listener, None));
    // The same name in two products is two people.
    let one = comes(&venue, &venue.house.token(&school, "kim", &[]).await).await;
    let other = comes(&venue, &venue.house.token(&shop, "kim", &[]).await).await;
    assert_ne!(one.id(), other.id());
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_lets_nobody_in_and_puts_out_who_is() {
    let venue = Venue::open().await;
    let key = venue.house.key("School").await;
    let token = venue.house.token(&key, "teacher", &["--host"]).await;
    let room = opens(&venue, &token, json!({ "title": "Physics" })).await.expect("a room");
    let mut host = comes(&venue, &token).await;
    host.enter(room, None).await.expect("one's own");
    let mut guest = venue.visitor("Guest").await;

    venue.house.admin(&["key", "revoke", &key.key.id]).await.expect("revoked");
    let closing = |told: &Told| matches!(told, Told::Me(DirectEvent::Closing { error }) if error.code == ErrorCode::Unauthorized);
    host.news_until(closing).await;
    assert_eq!(opens(&venue, &token, json!({ "title": "B" })).await, Err(ErrorCode::Unauthorized));
    assert!(venue.house.address.connect(&token).await.is_err());
    assert_eq!(guest.ask(ClientMessage::Ping).await, Ok(()), "others stay");
    guest.enter(room, None).await.expect("the room lives by its own rules");
    venue.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_guides_node_and_python_lines_make_tokens_that_work() {
    let guide = include_str!("../../../docs/tokens.md");
    let venue = Venue::open().await;
    let key = venue.house.key("School").await;
    for (language, program) in [("js", "node"), ("python", "python3")] {
        let fence = format!("```{language}\n");
        let (_, rest) = guide.split_once(&fence).expect("an example");
        let (example, _) = rest.split_once("```").expect("its end");
        let mut run = std::process::Command::new(program);
        // Node reads a module from its input, Python a program.
        let input: &[&str] = if program == "node" { &["--input-type=module", "-"] } else { &["-"] };
        let mut child = run
            .args(input)
            .env("PALCO_API_KEY", &key.key.id)
            .env("PALCO_API_SECRET", &key.secret)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the interpreter");
        std::io::Write::write_all(&mut child.stdin.take().expect("piped"), example.as_bytes())
            .expect("read");
        let output = child.wait_with_output().expect("it ran");
        let token = String::from_utf8(output.stdout).expect("text");
        let mut ada = comes(&venue, token.trim()).await;
        assert_eq!(ada.person.name, "Ada", "{language}");
        let room = opens(&venue, token.trim(), json!({ "title": language })).await.expect("a room");
        assert_eq!(ada.enter(room, None).await.expect("in").you.role, Role::Host);
    }
    venue.close().await;
}
