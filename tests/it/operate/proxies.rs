//! Behind a reverse proxy: Debian's nginx and Caddy with the configurations of `docs/operations.md`, and requests as one
//! sends them.

use std::{
    fmt::Write,
    process::{Child, Command, Stdio},
    time::Duration,
};

use palco_client::{Link, Server as Address};
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

const DOCUMENT: &str = include_str!("../../../docs/operations.md");

/// A proxy in front of a server; killed when dropped.
struct Proxy(Child);

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may have failed to start.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a proxy is set up with besides the document's example: a port of its own, and a certificate.
struct Site {
    directory: Directory,
    port: u16,
    cert: String,
    key: String,
    server: String,
}

impl Site {
    /// The example in the document that begins with `fence`, with the site's own names, ports and files.
    fn example(&self, fence: &str, own: &[(&str, String)]) -> String {
        let (_, from) = DOCUMENT.split_once(fence).expect("an example");
        let (site, _) = from.split_once("```").expect("its end");
        own.iter().fold(site.to_owned(), |site, (from, to)| {
            assert!(site.contains(from), "{from} in {site}");
            site.replace(from, to)
        })
    }

    fn nginx(&self) -> Command {
        let site = self.example(
            "```nginx\n",
            &[
                ("listen 443 ssl", format!("listen 127.0.0.1:{} ssl", self.port)),
                ("server_name rooms.example", "server_name localhost".to_owned()),
                ("/etc/letsencrypt/live/rooms.example/fullchain.pem", self.cert.clone()),
                ("/etc/letsencrypt/live/rooms.example/privkey.pem", self.key.clone()),
                ("http://127.0.0.1:8080", self.server.clone()),
            ],
        );
        let at = self.directory.0.display();
        let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {at}/{name};"));
        let text = format!(
            "daemon off; master_process off; pid {at}/nginx.pid; error_log {at}/error.log;\n\
             events {{}}\nhttp {{ access_log off; {}\n{site} }}\n",
            paths.join(" ")
        );
        let mut command = Command::new("nginx");
        let file = self.directory.write("nginx.conf", &text);
        // Debian keeps it out of other people's PATH.
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        command.args(["-e", &format!("{at}/error.log"), "-c", &file]).env("PATH", path);
        command
    }

    fn caddy(&self) -> Command {
        // No authority can be asked for a certificate here: one is given.
        let own = format!("https://localhost:{} {{\n    tls {} {}", self.port, self.cert, self.key);
        let site = self.example(
            "```caddy\n",
            &[("rooms.example {", own), ("127.0.0.1:8080", self.server.replace("http://", ""))],
        );
        let own = "admin off\n    auto_https disable_redirects\n    default_bind 127.0.0.1";
        let file = self.directory.write("Caddyfile", &format!("{{\n    {own}\n}}\n{site}"));
        let mut command = Command::new("caddy");
        command.args(["run", "--adapter", "caddyfile", "--config", &file]);
        command.env("HOME", &self.directory.0);
        command
    }
}

async fn serves_pages_sockets_and_the_native_client(proxy: fn(&Site) -> Command) {
    let process = Spawned::serve(&["--trusted-proxies", "127.0.0.1"]).await;
    let directory = Directory::new();
    let made = generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let cert = directory.write("cert.pem", &made.cert.pem());
    let key = directory.write("key.pem", &made.signing_key.serialize_pem());
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr();
    let port = free.expect("its number").port();
    let site = Site { directory, port, cert, key, server: process.url() };
    let said = site.directory.0.join("said.log");
    let log = std::fs::File::create(&said).expect("a file");
    let started = proxy(&site).stdin(Stdio::null()).stderr(log).spawn();
    let _proxy = Proxy(started.expect("the proxy is there: scripts/setup.sh test"));
    let address: Address = format!("https://localhost:{port}").parse().expect("an address");
    let address = address.trusting(made.cert.pem().as_bytes()).expect("a certificate");
    let up = async {
        while address.http("GET", "/healthz", None, None).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    if tokio::time::timeout(SOON, up).await.is_err() {
        panic!("{:?}", std::fs::read_to_string(said));
    }

    let host = Host::speaks_at(&address).await;
    let room = host.session.snapshot.room.id;
    let link = Link { server: address.clone(), room, secret: None };
    let report = palco_client::probe(&link).await.expect("a probe");
    assert!(report.first_audio_ms.is_some(), "{report:?}");
    let metrics = address.http("GET", "/metrics", None, None).await.expect("an answer");
    assert_eq!(metrics.status, 404, "not for those behind the proxy");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_as_documented_serves_pages_sockets_and_the_native_client() {
    serves_pages_sockets_and_the_native_client(Site::nginx).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn caddy_as_documented_serves_pages_sockets_and_the_native_client() {
    serves_pages_sockets_and_the_native_client(Site::caddy).await;
}

/// Requests through a proxy that is trusted count for the client it names; through one that is not, for the proxy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn allowances_are_those_of_the_client_behind_a_trusted_proxy() {
    for (flags, expected) in
        [(&["--trusted-proxies", "127.0.0.0/8"][..], vec![false, true]), (&[], vec![true, true])]
    {
        let process = Spawned::serve(flags).await;
        let at = process.url().replace("http://", "");
        let mut outcomes = Vec::new();
        // Five requests at once are one far client's allowance; one of this machine has a hundred times that.
        for client in ["198.51.100.1", "198.51.100.2"] {
            let mut last = 0;
            for _ in 0..if outcomes.is_empty() { 6 } else { 5 } {
                last = reset_from(&at, client).await;
            }
            outcomes.push(last != 429);
        }
        assert_eq!(outcomes, expected, "{flags:?}");
    }
}

/// Asks for a password reset as a proxy would pass it on; the status of the answer.
async fn reset_from(at: &str, client: &str) -> u16 {
    let body = r#"{"login":"nobody"}"#;
    let mut request = format!("POST /api/v1/password-resets HTTP/1.1\r\nHost: {at}\r\n");
    let _ = write!(request, "X-Forwarded-For: 192.0.2.66, {client}\r\nConnection: close\r\n");
    let _ = write!(request, "Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    let mut tcp = TcpStream::connect(at).await.expect("connected");
    tcp.write_all(format!("{request}\r\n{body}").as_bytes()).await.expect("sent");
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).await.expect("an answer");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.unwrap_or_else(|| panic!("no status: {answer}"))
}
