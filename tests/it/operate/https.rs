//! TLS in the box: pages, the API, the WebSocket and the native client through it.

use palco_client::{Error, HttpAnswer, Link, Server as Address};
use palco_protocol::{ClientMessage, RoomId};
use rcgen::generate_simple_self_signed;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::Host;
use crate::{
    house::SOON,
    spawned::{Directory, Spawned},
};

/// A certificate for `localhost` and its key, PEM.
fn certificate() -> (String, String) {
    let made = generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    (made.cert.pem(), made.signing_key.serialize_pem())
}

/// The server under a name that a certificate can have.
fn by_name(process: &Spawned, trusted: &str) -> Address {
    let address: Address = process.url().replace("127.0.0.1", "localhost").parse().expect("a URL");
    address.trusting(trusted.as_bytes()).expect("a certificate")
}

async fn with_files(flags: &[&str]) -> (Spawned, String) {
    let (cert, key) = certificate();
    let directory = Directory::new();
    let cert_file = directory.write("cert.pem", &cert);
    let key_file = directory.write("key.pem", &key);
    let mut all = vec!["--listen", "127.0.0.1:0", "--udp", "127.0.0.1:0", "--tls", "files"];
    all.extend(["--tls-cert", &cert_file, "--tls-key", &key_file]);
    all.extend(flags);
    (Spawned::serve_in(directory, &all, &[]).await, cert)
}

async fn page(address: &Address) -> Result<HttpAnswer, Error> {
    address.http("GET", "/", None, None).await
}

fn header<'a>(answer: &'a HttpAnswer, name: &str) -> Option<&'a str> {
    answer.headers.get(name).map(|value| value.to_str().expect("text"))
}

/// The room's link, with a host that hears it.
fn link(address: &Address, room: RoomId) -> Link {
    Link { server: address.clone(), room, secret: None }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_sockets_and_the_native_client_work_by_https() {
    let (process, cert) = with_files(&[]).await;
    assert!(process.url().starts_with("https://"));
    let address = by_name(&process, &cert);
    let answer = page(&address).await.expect("a page");
    assert_eq!(header(&answer, "strict-transport-security"), Some("max-age=31536000"));

    let host = Host::speaks_at(&address).await;
    let link = link(&address, host.session.snapshot.room.id);
    let report = palco_client::probe(&link).await.expect("a probe");
    assert!(report.first_audio_ms.is_some() && report.packets > 0, "{report:?}");

    let stranger: Address = process.url().parse().expect("an address");
    let refused = page(&stranger).await;
    assert!(matches!(refused, Err(Error::Unreachable { .. })), "not trusted: {refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_certificate_is_served_after_sighup_and_a_bad_one_is_not() {
    let (mut process, old) = with_files(&[]).await;
    let before = Host::speaks_at(&by_name(&process, &old)).await;

    process.directory().write("cert.pem", "half writt");
    process.signal("HUP");
    process.logs("the former certificate stays").await;
    page(&by_name(&process, &old)).await.expect("the former certificate");

    let (cert, key) = certificate();
    process.directory().write("cert.pem", &cert);
    process.directory().write("key.pem", &key);
    process.signal("HUP");
    let fresh = by_name(&process, &cert);
    let served = async {
        while page(&fresh).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, served).await.expect("the new certificate");
    assert!(page(&by_name(&process, &old)).await.is_err(), "the old one is gone");
    before.client.request(ClientMessage::Ping).await.expect("who was there stays");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_the_servers_own_serves_the_local_network() {
    let process = Spawned::serve(&["--tls", "self-signed"]).await;
    let own = process.directory().0.join("data/self-signed.pem");
    let own = std::fs::read_to_string(own).expect("kept in the data directory");
    let by_address: Address = process.url().parse().expect("an address");
    let by_address = by_address.trusting(own.as_bytes()).expect("a certificate");
    for address in [by_address, by_name(&process, &own)] {
        let answer = page(&address).await.expect("a page");
        assert_eq!(header(&answer, "strict-transport-security"), None, "browsers warn of it");
    }
    let print = process.logged("fingerprint: ");
    assert_eq!(print.split(':').count(), 32, "{print}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_http_is_sent_on() {
    let (process, _) = with_files(&["--tls-redirect", "127.0.0.1:0"]).await;
    let plain: Address = process.logged("sending on to HTTPS from ").parse().expect("an address");
    let sent = plain.http("GET", "/r/some?a=b", None, None).await.expect("an answer");
    let expected = format!("{}/r/some?a=b", process.url());
    assert_eq!((sent.status, header(&sent, "location")), (308, Some(expected.as_str())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_finish_a_handshake_keeps_nobody_waiting() {
    let (process, cert) = with_files(&[]).await;
    let at = process.url().replace("https://", "");
    let mut idle = Vec::new();
    for _ in 0..50 {
        idle.push(TcpStream::connect(&at).await.expect("connected"));
    }
    let mut plain = TcpStream::connect(&at).await.expect("connected");
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("sent");
    page(&by_name(&process, &cert)).await.expect("a page meanwhile");
    let mut answer = Vec::new();
    // A TLS alert, or just the end.
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "no plain HTTP on the HTTPS port");
}
