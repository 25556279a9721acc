//! Clients who take their time, on real sockets, with deadlines that a test can wait for.

use std::sync::Arc;

use axum::{body::Bytes, routing::post};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::connections::Connections;

const SHORT: Deadlines =
    Deadlines { head: Duration::from_millis(300), request: Duration::from_millis(300) };
/// Only a test that fails waits for it.
const SOON: Duration = Duration::from_secs(15);

async fn start() -> (SocketAddr, watch::Sender<bool>) {
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tcp.local_addr().unwrap();
    let router = Router::new().route("/", post(async |body: Bytes| body));
    let stop = watch::Sender::new(false);
    let listener = Listener::new(tcp, None, Connections::new(100, Arc::default()));
    tokio::spawn(serve(listener, router, SHORT, stop.subscribe()));
    (address, stop)
}

async fn says(to: SocketAddr, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// All that comes until the server closes.
async fn until_closed(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    let read = timeout(SOON, stream.read_to_end(&mut answer)).await;
    let _ = read.expect("the server closes");
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn who_says_nothing_or_not_all_of_it_is_sent_away() {
    let (address, _stop) = start().await;
    let unfinished = [
        "",
        "POST / HT",
        "POST / HTTP/1.1\r\nHost: a\r\nX-Slow: ",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nsl",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nsl\r\n",
        // HTTP/2 without asking first (RFC 9113, section 3.3).
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ];
    let mut slow = Vec::new();
    for text in unfinished {
        slow.push(says(address, text).await);
    }
    let whole = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nfast";
    let mut fast = says(address, whole).await;
    let mut answer = [0; 12];
    fast.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    for stream in slow {
        let answer = until_closed(stream).await;
        assert!(!answer.contains("200"), "{answer}");
    }
    // Nor is a connection kept for whoever asks nothing more.
    assert!(until_closed(fast).await.ends_with("fast"));
}

#[tokio::test]
async fn at_the_end_what_was_asked_is_answered_and_nobody_waits_for_who_is_idle() {
    let (address, stop) = start().await;
    let idle = says(address, "").await;
    let mut asking =
        says(address, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nla").await;
    // The request is under way once its interim answer would be: give it a turn of the runtime.
    tokio::time::sleep(Duration::from_millis(50)).await;
    stop.send_replace(true);
    asking.write_all(b"st").await.unwrap();
    assert!(until_closed(asking).await.ends_with("last"));
    assert_eq!(until_closed(idle).await, "");
    assert!(TcpStream::connect(address).await.is_err(), "nobody new is let in");
}
