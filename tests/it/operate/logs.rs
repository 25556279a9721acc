//! The log names no secret and no address: at the level that operators run, and with all that Palco itself can tell.

use palco_client::Link;
use palco_protocol::{ClientMessage, LinkRole, Reply, http::ApiKeyCreated};
use serde_json::{Value, json};

use super::Host;
use crate::{
    people::PASSWORD,
    spawned::{Directory, Spawned},
};

/// All that Palco's own crates can tell; the libraries at their usual level.
const DETAILS: &str =
    "info,palco=trace,palco_signaling=trace,palco_room=trace,palco_sfu=trace,palco_protocol=trace";

/// An account's session, and another product's token.
async fn tokens(process: &Spawned) -> [String; 2] {
    let ada = json!({ "handle": "ada", "name": "Ada", "password": PASSWORD, "session": "token" });
    let ada = Some(ada.to_string().into());
    let ada = process.address.http("POST", "/api/v1/accounts", None, ada).await;
    let ada: Value = serde_json::from_slice(&ada.expect("an answer").body).expect("signed up");
    let palco = |arguments: &[&str]| {
        let data = process.directory().0.join("data");
        let mut palco = std::process::Command::new(env!("CARGO_BIN_EXE_palco"));
        let ran = palco.args(arguments).arg("--data").arg(data).output().expect("the program");
        assert!(ran.status.success(), "{ran:?}");
        String::from_utf8(ran.stdout).expect("text").trim().to_owned()
    };
    let server = process.url();
    let key = palco(&["admin", "key", "create", "School", "--server", &server]);
    let key: ApiKeyCreated = serde_json::from_str(&key).expect("a key");
    let token = palco(&["token", "--key", &key.key.id, "--user", "kim", "--name", "Kim"]);
    [ada["token"].as_str().expect("a token").to_owned(), token]
}

/// Guests, an account, another product, a room, a secret link, audio, a resumed session, a refused token, a stranger's
/// nonsense, an end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_evening_leaves_no_secret_and_no_address_in_the_log() {
    for (format, level) in [("text", "info"), ("json", "info"), ("text", DETAILS)] {
        let flags = ["--listen", "127.0.0.1:0", "--udp", "127.0.0.1:0"];
        let flags = [&flags[..], &["--log-format", format, "--drain-s", "0"]].concat();
        let variables = [("RUST_LOG", level)];
        let mut process = Spawned::serve_in(Directory::new(), &flags, &variables).await;
        let address = process.address.clone();
        let host = Host::speaks_at(&address).await;
        let room = host.session.snapshot.room.id;
        let link = ClientMessage::CreateLink { role: LinkRole::Speaker, expires_in_ms: 60_000 };
        let Ok(Reply::Link { link }) = host.client.request(link).await else { panic!("no link") };
        let place = Link { server: address.clone(), room, secret: Some(link.clone()) };
        palco_client::probe(&place).await.expect("a probe");
        let tokens = tokens(&process).await;
        for token in &tokens {
            let client = address.connect(token).await.expect("hello");
            client.join(room, None).await.expect("an open door");
            // The same token where it is not good, and cut short.
            let half = &token[..token.len() - 3];
            address.connect(half).await.expect_err("half a token");
            let answer = address.http("DELETE", "/api/v1/me", Some(half), None).await;
            assert_eq!(answer.expect("an answer").status, 401);
        }
        let session = host.client.session().to_owned();
        let resumed = address.resume(&host.token, &session).await.expect("resumed");
        let forged = format!("{}x", host.token);
        address.connect(&forged).await.expect_err("a forged token");
        let stranger = address.open_socket().await.expect("a socket");
        stranger.send_text(&format!("{{\"token\":\"{forged}\"")).await.expect("sent");
        let answer = address.http("GET", "/api/v1/me", Some(&forged), None).await;
        assert_eq!(answer.expect("an answer").status, 401);
        let report = ClientMessage::Report {
            user: host.session.snapshot.you.person.id,
            reason: "a test".to_owned(),
        };
        // Refused or not, what was tried may be logged.
        let _ = resumed.request(report).await;
        resumed.request(ClientMessage::EndRoom).await.expect("ended");
        process.signal("TERM");
        assert!(process.ended().await.success());
        process.logs("stopping").await;

        let log = process.log();
        let [account, product] = tokens;
        for secret in [&host.token, &session, &link, &account, &product] {
            // Cut short it is a secret still.
            let most = &secret[..secret.len() - 3];
            assert!(!log.contains(most), "a secret in {log}");
        }
        // The one address that is to be there is the server's own.
        let others = log.replace(&process.url(), "").replace("127.0.0.1:0", "");
        assert!(!others.contains("127.0.0.1") && !others.contains("::1"), "an address in {log}");
        if format == "json" {
            for line in log.lines() {
                let line: serde_json::Value = serde_json::from_str(line).expect("JSON, each line");
                assert!(line["timestamp"].is_string() && line["level"].is_string(), "{line}");
            }
        }
    }
}
