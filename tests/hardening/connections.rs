//! One address holds so many connections and no more, whatever they are for; others come in meanwhile.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use palco_protocol::http::Problem;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use crate::house::{House, SOON};

/// This machine's own addresses may have a hundred times what is set.
const NEAR: usize = 100;
const FLOOD: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

async fn open(trusted: &[&str]) -> House {
    House::open_as(palco::Config {
        max_connections_per_address: 1,
        trusted_proxies: trusted.iter().map(|net| net.parse().expect("a network")).collect(),
        ..palco::Config::default()
    })
    .await
}

async fn connect(from: IpAddr, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((from, 0).into()).expect("an address of this machine's");
    socket.connect(to).await.expect("the kernel takes it")
}

/// A handshake, on a connection that is left open, and the answer's head.
async fn handshake(mut stream: TcpStream, client: Option<&str>) -> (TcpStream, String) {
    let forwarded = client.map(|client| format!("X-Forwarded-For: {client}\r\n"));
    let request = format!(
        "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n{}\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: palco.v1\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        forwarded.unwrap_or_default()
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    let head = async {
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(stream.read_u8().await.expect("an answer"));
        }
    };
    timeout(SOON, head).await.expect("in time");
    (stream, String::from_utf8(answer).expect("text"))
}

/// Closed by the server before it said anything.
async fn is_refused(mut stream: TcpStream) -> bool {
    let read = timeout(SOON, stream.read_u8()).await;
    read.expect("closed at once, not when it was idle too long").is_err()
}

async fn refused(house: &House) -> u64 {
    let page = house.address.http("GET", "/metrics", None, None).await.expect("metrics");
    let page = String::from_utf8(page.body.to_vec()).expect("text");
    let line = page.lines().find_map(|line| line.strip_prefix("palco_connections_refused_total "));
    line.expect("counted").parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_holds_so_many_connections_and_others_come_in_meanwhile() {
    let house = open(&[]).await;
    let to = house.http();
    // Some say nothing, some half of a request; one is a WebSocket.
    let (socket, answer) = handshake(connect(FLOOD, to).await, None).await;
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    let mut held = Vec::new();
    for number in 1..NEAR {
        let mut stream = connect(FLOOD, to).await;
        let said: &[u8] = if number % 2 == 0 { b"" } else { b"GET / HT" };
        stream.write_all(said).await.expect("sent");
        held.push(stream);
    }
    assert_eq!(refused(&house).await, 0);
    for _ in 0..3 {
        assert!(is_refused(connect(FLOOD, to).await).await);
    }
    // The same for what claims to come from elsewhere: nobody is trusted to say so.
    assert_eq!(refused(&house).await, 3);
    // Another address is another's.
    let host = house.host("Host").await;
    let listener = house.listener("Listener", host.room()).await;
    drop((listener, host));
    // Whatever ends makes room: a connection, or a WebSocket.
    for ends in [held.remove(0), socket] {
        drop(ends);
        let again = async {
            loop {
                let mut stream = connect(FLOOD, to).await;
                let asked = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
                if stream.write_all(asked.as_bytes()).await.is_ok()
                    && stream.read_u8().await.is_ok()
                {
                    return stream;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        held.push(timeout(SOON, again).await.expect("room for another"));
    }
    assert!(is_refused(connect(FLOOD, to).await).await, "and no more than that");
    drop(held);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_trusted_proxy_the_sockets_of_each_client_are_counted() {
    const CLIENTS: [&str; 2] = ["198.51.100.77", "198.51.100.78"];
    let house = open(&["127.0.0.2/32"]).await;
    let to = house.http();
    // The proxy itself may have as many as it wants.
    let mut idle = Vec::new();
    for _ in 0..=NEAR {
        idle.push(connect(FLOOD, to).await);
    }
    let (first, answer) = handshake(connect(FLOOD, to).await, Some(CLIENTS[0])).await;
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    let (mut second, answer) = handshake(connect(FLOOD, to).await, Some(CLIENTS[0])).await;
    assert!(answer.starts_with("HTTP/1.1 409"), "{answer}");
    let length = answer.to_lowercase().split_once("content-length: ").map(|(_, after)| {
        after.split("\r\n").next().expect("a line").parse::<usize>().expect("a number")
    });
    let mut body = vec![0; length.expect("a body")];
    second.read_exact(&mut body).await.expect("read");
    let problem: Problem = serde_json::from_slice(&body).expect("a problem");
    assert_eq!(problem.code, palco_protocol::ErrorCode::TooMany);
    let (_other, answer) = handshake(connect(FLOOD, to).await, Some(CLIENTS[1])).await;
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    assert_eq!(refused(&house).await, 1);
    drop(first);
    let again = async {
        loop {
            let (stream, answer) = handshake(connect(FLOOD, to).await, Some(CLIENTS[0])).await;
            if answer.starts_with("HTTP/1.1 101") {
                return stream;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, again).await.expect("room for another");
    drop(idle);
    house.close().await;
}
