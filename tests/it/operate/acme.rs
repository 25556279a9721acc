//! Certificates by ACME, from a real authority for tests: Pebble, which `scripts/setup.sh test` builds.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use palco_client::{Error, Server as Address};
use rcgen::generate_simple_self_signed;
use serde_json::json;

use crate::{
    house::SOON,
    spawned::{Directory, Spawned},
};

/// A running authority; killed when dropped.
struct Pebble {
    child: Child,
    directory: String,
    /// PEM of its own HTTPS.
    own: PathBuf,
    /// PEM of the authority that signs what it issues; another one at each start.
    root: Vec<u8>,
    _files: Directory,
}

impl Drop for Pebble {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("bound").port()
}

impl Pebble {
    /// An authority that checks names at this port.
    async fn start(program: &Path, tls_port: u16) -> Self {
        let files = Directory::new();
        let made = generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let own = files.write("own.pem", &made.cert.pem());
        let [port, management, unused] = [free_port(), free_port(), free_port()];
        let config = json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{port}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": own,
            "privateKey": files.write("own.key", &made.signing_key.serialize_pem()),
            "httpPort": unused,
            "tlsPort": tls_port,
        } });
        let config = files.write("pebble.json", &config.to_string());
        let child = Command::new(program)
            .args(["-config", &config])
            // It waits some seconds before each check otherwise.
            .env("PEBBLE_VA_NOSLEEP", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("pebble starts");
        let management: Address =
            format!("https://localhost:{management}").parse().expect("an address");
        let management = management.trusting(made.cert.pem().as_bytes()).expect("a certificate");
        let root = soon(async || management.http("GET", "/roots/0", None, None).await).await;
        let directory = format!("https://localhost:{port}/dir");
        Self { child, directory, own: own.into(), root: root.body.to_vec(), _files: files }
    }
}

async fn soon<T>(attempt: impl AsyncFn() -> Result<T, Error>) -> T {
    let done = async {
        loop {
            match attempt().await {
                Ok(done) => return done,
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    };
    tokio::time::timeout(SOON, done).await.expect("in time")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_fetched_served_and_kept() {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/pebble/pebble");
    if !program.exists() {
        // Its build needs Go, which Debian has too old: not everybody's machine can run this test. CI must.
        assert!(std::env::var_os("CI").is_none(), "scripts/setup.sh test builds Pebble");
        eprintln!("not run: there is no Pebble, for want of Go");
        return;
    }
    let port = free_port();
    let mut pebble = Pebble::start(&program, port).await;
    let data = Directory::new();
    let at = format!("127.0.0.1:{port}");
    let kept_in = data.0.display().to_string();
    let own = pebble.own.display().to_string();
    let directory = pebble.directory.clone();
    let mut flags = vec!["--listen", &at, "--udp", "127.0.0.1:0", "--data", &kept_in];
    flags.extend(["--tls", "acme", "--acme-domain", "localhost", "--acme-ca", &own]);
    flags.extend(["--acme-directory", &directory, "--acme-contact", "a@rooms.example"]);
    let address: Address = format!("https://localhost:{port}").parse().expect("an address");
    let address = address.trusting(&pebble.root).expect("a certificate");

    let mut process = Spawned::serve_in(Directory::new(), &flags, &[]).await;
    let page = soon(async || address.http("GET", "/", None, None).await).await;
    assert_eq!(page.headers["strict-transport-security"], "max-age=31536000");
    process.logs("a new certificate was fetched").await;
    drop(process);

    // The authority is away: what was fetched is kept.
    pebble.child.kill().expect("running");
    let mut process = Spawned::serve_in(Directory::new(), &flags, &[]).await;
    process.logs("the kept certificate is used").await;
    address.http("GET", "/", None, None).await.expect("a page");
}
