//! A database that neither answers nor refuses: whoever asks is told after a while, rooms live on, nothing is stuck when
//! it is back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use palco_client::ServerEvent;
use palco_protocol::{
    ClientMessage, DirectEvent, ErrorCode,
    http::{Problem, Profile, RoomCreated, RoomHistory},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

use crate::{
    house::{Guest, House, SOON, number_of},
    postgres::Postgres,
    rules::venue::Venue,
};

/// A network between the server and its database, which can begin to swallow everything. What was connected then stays
/// dead, as behind a firewall that forgot it; who connects is taken and never answered.
struct Line {
    url: String,
    swallows: watch::Sender<bool>,
    carriers: JoinSet<()>,
}

impl Line {
    async fn to(database: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let (before, after) = database.split_once("@127.0.0.1:").expect("as the test made it");
        let (far, name) = after.split_once('/').expect("a name");
        let (url, far) = (format!("{before}@127.0.0.1:{port}/{name}"), format!("127.0.0.1:{far}"));
        let swallows = watch::Sender::new(false);
        let told = swallows.subscribe();
        let mut carriers = JoinSet::new();
        carriers.spawn(async move {
            let mut under_way = JoinSet::new();
            loop {
                let (near, _) = listener.accept().await.expect("accepted");
                let far = TcpStream::connect(&far).await.expect("the database listens");
                under_way.spawn(carry(near, far, told.clone()));
            }
        });
        Self { url, swallows, carriers }
    }

    fn swallow(&self, all: bool) {
        self.swallows.send_replace(all);
    }
}

/// Both ways until one end closes, or, once something was swallowed, until the near one does.
async fn carry(mut near: TcpStream, mut far: TcpStream, swallows: watch::Receiver<bool>) {
    let mut dead = false;
    let (mut up, mut down) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    loop {
        let (length, bytes, to) = tokio::select! {
            read = near.read(&mut up) => match read {
                Ok(length @ 1..) => (length, &up, &mut far),
                _ => return,
            },
            read = far.read(&mut down), if !dead => match read {
                Ok(length @ 1..) => (length, &down, &mut near),
                _ => return,
            },
        };
        dead |= *swallows.borrow();
        if !dead && to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
}

/// More at once than the server has connections to its database.
const CROWD: usize = 40;

async fn is_ready(house: &House) -> Result<(), ErrorCode> {
    let answer = house.address.http("GET", "/readyz", None, None).await.expect("an answer");
    if answer.status == 204 {
        return Ok(());
    }
    let problem: Problem = serde_json::from_slice(&answer.body).expect("a problem");
    assert_eq!(problem.status, answer.status);
    Err(problem.code)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_lives_on_while_the_database_hangs_and_nothing_is_stuck_afterwards() {
    let postgres = tokio::task::spawn_blocking(Postgres::start).await.expect("no panic");
    let mut line = Line::to(&postgres.database()).await;
    let house = House::open_as(palco::Config {
        database_url: Some(line.url.clone()),
        database_timeout_s: 2,
        ..palco::Config::default()
    });
    let venue = Venue::around(house.await).await;
    let house = &venue.house;
    let (ada, bob) = (house.member("ada").await, Arc::new(house.member("bob").await));
    let cyd = house.member("cyd").await;
    house.tell("PUT", "people/ada/follow", &cyd).await.expect("follows");
    let body = json!({ "title": "Tea" });
    let room: RoomCreated =
        house.call("POST", "rooms", Some(&ada.token), &body).await.expect("a room");
    let client = house.address.connect(&ada.token).await.expect("hello");
    let host = Guest::enter(ada.token.clone(), client, room.id).await;
    host.ask(ClientMessage::Unmute).await.expect("unmuted");
    let _speaking = host.media.play_tone(440.0).expect("a tone");
    let number = number_of(&host.snapshot, host.id());
    let listener = house.listener("Listener", room.id).await;
    listener.hears(number, 440.0).await;
    let mut visitor = venue.comes(&bob).await;
    visitor.enter(room.id, None).await.expect("an open door");
    let mut follower = house.address.connect(&cyd.token).await.expect("hello");
    is_ready(house).await.expect("ready");
    let (heard, sent) = (listener.media.packets_from(number), host.media.packets_sent());

    // It begins in the middle of a crowd's questions: on every connection one waits for its answer.
    let answered = AtomicUsize::new(0);
    let asks = (0..CROWD).map(|_| async {
        loop {
            match house.get::<Profile>("people/ada", None).await {
                Ok(_) if answered.fetch_add(1, Ordering::Relaxed) == 5 * CROWD => {
                    line.swallow(true);
                }
                Ok(_) => {}
                Err(code) => return code,
            }
        }
    });
    let told = tokio::time::timeout(SOON * 2, join_all(asks)).await.expect("all are told");
    assert_eq!(told, [ErrorCode::StorageUnavailable; CROWD]);
    // More than there are connections, and again: nobody waits for what the ones before left behind.
    for round in 0..2 {
        let follows = (0..CROWD).map(|_| house.tell("PUT", "people/ada/follow", &bob));
        for follows in tokio::time::timeout(SOON, join_all(follows))
            .await
            .unwrap_or_else(|_| panic!("round {round}: not told"))
        {
            assert_eq!(follows, Err(ErrorCode::StorageUnavailable));
        }
        assert_eq!(is_ready(house).await, Err(ErrorCode::StorageUnavailable));
    }
    // The room needs no database.
    visitor.does(ClientMessage::RaiseHand).await;
    host.ask(ClientMessage::Invite { user: visitor.id() }).await.expect("invited");
    visitor.does(ClientMessage::AcceptInvite).await;
    visitor.does(ClientMessage::Chat { text: "still here".to_owned() }).await;
    let calls = host.ask(ClientMessage::PingFollower { user: cyd.account.person.id }).await;
    assert_eq!(calls, Err(ErrorCode::StorageUnavailable));
    let guest = house.listener("Gus", room.id).await;
    guest.hears(number, 440.0).await;
    let sent = host.media.packets_sent() - sent;
    let under_way = sent.saturating_sub(listener.media.packets_from(number) - heard);
    listener.media.wait_for_packets(number, under_way, SOON).await.expect("all of it");
    let lost: u64 = (0..palco_client::SLOTS).map(|slot| listener.media.counts(slot).lost).sum();
    assert_eq!(lost, 0);

    line.swallow(false);
    let heals = async {
        while is_ready(house).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(SOON, heals).await.expect("ready again");
    // Every connection works, none is lost to the pool: as many at once as before.
    let follows = (0..CROWD).map(|_| house.tell("PUT", "people/ada/follow", &bob));
    for follows in join_all(follows).await {
        follows.expect("follows now");
    }
    let profile: Profile = house.get("people/ada", None).await.expect("seen");
    assert_eq!(profile.followers, 2);
    let cake: RoomCreated = house
        .call("POST", "rooms", Some(&ada.token), &json!({ "title": "Cake" }))
        .await
        .expect("a room");
    let notice = follower.wait_for("the notice", SOON, |event| match event {
        ServerEvent::Direct(DirectEvent::Notice { notification, .. }) => {
            notification.room.filter(|room| room.id == cake.id)
        }
        _ => None,
    });
    notice.await.expect("told");
    // What happened in the room meanwhile is on record, once.
    let written = async {
        loop {
            let path = format!("rooms/{}/history", room.id);
            let history: RoomHistory = house.get(&path, Some(&ada.token)).await.expect("read");
            let said = |text: &str| {
                history.events.iter().filter(|event| event.body.to_string().contains(text)).count()
            };
            if said("still here") > 0 {
                return said("still here");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert_eq!(tokio::time::timeout(SOON, written).await.expect("written"), 1);
    // And a server that stops does not wait for a database that hangs.
    line.swallow(true);
    drop((visitor, listener, guest, follower));
    tokio::time::timeout(SOON * 2, venue.close()).await.expect("stopped");
    line.carriers.shutdown().await;
    drop(postgres);
}
