//! The process runs out of descriptors, or its ports are taken.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    path::PathBuf,
    process::Command,
    time::Duration,
};

use palco_client::Server as Address;
use tokio::net::TcpStream;

use crate::{house::SOON, spawned::Spawned};

/// A directory of one's own, gone at the end.
pub(super) struct Directory(pub(super) PathBuf);

impl Directory {
    pub(super) fn new(what: &str) -> Self {
        let path = std::env::temp_dir().join(format!("palco-{what}-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn answers(address: &Address) {
    let answered = async {
        loop {
            let answer = address.http("GET", "/healthz", None, None);
            match tokio::time::timeout(Duration::from_secs(2), answer).await {
                Ok(Ok(answer)) if answer.status == 204 => return,
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    };
    tokio::time::timeout(SOON * 2, answered).await.expect("it answers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_descriptors_nobody_comes_in_and_with_them_everybody_does_without_a_restart() {
    let data = Directory::new("descriptors");
    let server = Spawned::start(&data.0, &[]).await;
    let open = std::fs::read_dir(format!("/proc/{}/fd", server.pid())).expect("ours").count();
    let limit = open + 20;
    let limited = Command::new("prlimit")
        .args([format!("--pid={}", server.pid()), format!("--nofile={limit}:{limit}")])
        .status();
    assert!(limited.expect("prlimit").success());
    let guest = server.address.guest("Before").await.expect("a guest");
    let client = server.address.connect(&guest.token).await.expect("hello");

    // More connections than it has descriptors: the kernel takes them, the server cannot.
    let to = client.remote();
    let mut held = Vec::new();
    for _ in 0..60 {
        held.push(TcpStream::connect(to).await.expect("the kernel's queue takes it"));
    }
    let refused = tokio::time::timeout(
        Duration::from_secs(1),
        server.address.http("GET", "/healthz", None, None),
    )
    .await;
    assert!(!matches!(refused, Ok(Ok(_))), "there was a descriptor left");
    client.request(palco_protocol::ClientMessage::Ping).await.expect("who is in is served");

    held.clear();
    answers(&server.address).await;
    let guest = server.address.guest("After").await.expect("a guest");
    let room = server.address.create_room(&guest.token, "A room").await.expect("a room");
    let client = server.address.connect(&guest.token).await.expect("hello");
    let session = client.join(room.id, None).await.expect("joined");
    session.media.connected(SOON).await.expect("media connects");
}

/// Ports that no test beside this one is given by the kernel once they are free again: they are below those it gives
/// away by itself (from 32,768). Each shard takes the next one, so that some after the first are free too.
fn ports() -> (UdpSocket, TcpListener) {
    let first = u16::try_from(20_000 + std::process::id() % 1_000 * 10).expect("a port");
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let found = (first..32_000).step_by(10).find_map(|port| {
        let free =
            |port| Some((UdpSocket::bind(at(port)).ok()?, TcpListener::bind(at(port)).ok()?));
        let rest: Option<Vec<_>> = (port + 1..port + 5).map(free).collect();
        rest.and_then(|_| Some((free(port)?.0, free(port + 5)?.1)))
    });
    found.expect("free ports")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_is_taken_is_named_and_nothing_is_left_behind() {
    let data = Directory::new("ports");
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let (udp, tcp) = ports();
    let (udp_taken, tcp_taken) =
        (udp.local_addr().expect("bound"), tcp.local_addr().expect("bound"));
    let config =
        palco::Config { listen: any, udp: any, data: data.0.clone(), ..palco::Config::default() };
    for (config, taken) in [
        (palco::Config { udp: udp_taken, ..config.clone() }, udp_taken),
        (palco::Config { listen: tcp_taken, ..config.clone() }, tcp_taken),
        (palco::Config { tcp: Some(tcp_taken), ..config.clone() }, tcp_taken),
    ] {
        let Err(error) = palco::Server::start(config).await else { panic!("{taken} is taken") };
        assert!(error.to_string().contains(&taken.to_string()), "{error}");
    }
    // Once they are free, the same data directory and the same ports do.
    drop((udp, tcp));
    let config = palco::Config { udp: udp_taken, listen: tcp_taken, ..config };
    let server = palco::Server::start(config).await.expect("starts");
    server.stop().await;
}
