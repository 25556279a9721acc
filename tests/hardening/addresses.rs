//! Behind a proxy that is trusted the server knows where its clients are, and bans by it: it tells nobody.

use std::net::SocketAddr;

use palco_client::{Client, Server as Address};
use palco_protocol::{ClientMessage, ErrorCode, UserId};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use crate::{
    house::{Guest, SOON},
    spawned::Spawned,
};

/// A proxy that names this client in every request that begins a connection.
async fn proxy(to: SocketAddr, client: &'static str) -> Address {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    // Ends with the test's runtime.
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Whoever breaks off is the test's own concern.
            tokio::spawn(async move { pass(stream, to, client).await.ok() });
        }
    });
    format!("http://{address}").parse().expect("an address")
}

async fn pass(mut from: TcpStream, to: SocketAddr, client: &str) -> std::io::Result<()> {
    let mut to = TcpStream::connect(to).await?;
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.push(from.read_u8().await?);
    }
    line.extend(format!("X-Forwarded-For: {client}\r\n").as_bytes());
    to.write_all(&line).await?;
    copy_bidirectional(&mut from, &mut to).await.map(drop)
}

async fn comes(address: &Address, name: &str) -> (String, Client) {
    let token = address.guest(name).await.expect("a guest").token;
    let client = address.connect(&token).await.expect("hello");
    (token, client)
}

/// All that has come, up to a line of chat that this asks for.
async fn heard_so_far(guest: &mut Guest, seen: &mut String) {
    let last = format!("the last of {}", guest.id());
    guest.ask(ClientMessage::Chat { text: last.clone() }).await.expect("a line");
    while !seen.contains(&last) {
        let event = tokio::time::timeout(SOON, guest.client.next_event()).await.expect("in time");
        *seen += &format!("{event:?}\n");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_learns_an_address_that_a_trusted_proxy_tells_the_server() {
    const THEIRS: [&str; 2] = ["198.51.100.77", "198.51.100.78"];
    let process = Spawned::serve(&["--trusted-proxies", "127.0.0.0/8"]).await;
    let address = process.address.clone();
    let at = process.url().replace("http://", "").parse().expect("an address");
    let [hidden, elsewhere] = [proxy(at, THEIRS[0]).await, proxy(at, THEIRS[1]).await];

    let (token, client) = comes(&address, "Host").await;
    let room = address.create_room(&token, "A room").await.expect("a room").id;
    let mut host = Guest::enter(token, client, room).await;
    let (token, client) = comes(&address, "Witness").await;
    let mut witness = Guest::enter(token, client, room).await;
    let (token, client) = comes(&hidden, "Hidden").await;
    let mut guest = Guest::enter(token, client, room).await;
    let user: UserId = guest.id();
    guest.brought_on_stage_by(&mut host).await;
    guest.ask(ClientMessage::Chat { text: "hello".to_owned() }).await.expect("a line");
    let mut seen = String::new();
    for report in [(&host, user), (&guest, host.id())] {
        let (by, user) = report;
        let reason = "a test".to_owned();
        by.ask(ClientMessage::Report { user, reason }).await.expect("reported");
    }
    seen += &format!("{:?}\n", host.client.request(ClientMessage::Audience { cursor: None }).await);
    host.ask(ClientMessage::Remove { user, ban: true }).await.expect("removed");
    // The server knows it: whoever comes from there is the banned guest, whatever their name.
    let (_, again) = comes(&hidden, "Somebody else").await;
    let refused = again.join(room, None).await.err().and_then(|error| error.code());
    assert_eq!(refused, Some(ErrorCode::Banned));
    let (token, client) = comes(&elsewhere, "Neighbour").await;
    let neighbour = Guest::enter(token, client, room).await;

    seen += &format!("{:?}\n", neighbour.snapshot);
    seen += &format!("{:?}\n", host.client.request(ClientMessage::ModerationLog).await);
    for guest in [&mut host, &mut witness] {
        heard_so_far(guest, &mut seen).await;
    }
    for path in ["/api/v1/rooms", &format!("/api/v1/rooms/{room}"), "/metrics"] {
        let answer = address.http("GET", path, None, None).await.expect("an answer");
        assert_eq!(answer.status, 200, "{path}");
        seen += &String::from_utf8_lossy(&answer.body);
    }
    assert!(seen.contains("Hidden") && seen.contains("Neighbour"), "they are seen");
    for address in THEIRS {
        assert!(!seen.contains(address), "{address} was told: {seen}");
        assert!(!process.log().contains(address), "{address} is in the log");
    }
}
