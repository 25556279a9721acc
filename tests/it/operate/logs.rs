//! The log names no secret and no address at the level that operators run.

use palco_client::Link;
use palco_protocol::{ClientMessage, LinkRole, Reply};

use super::Host;
use crate::process::Process;

/// Guests, a room, a secret link, audio, a resumed session, a refused token, a stranger's nonsense, an end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_evening_leaves_no_secret_and_no_address_in_the_log() {
    for format in ["text", "json"] {
        let mut process = Process::serve(&["--log-format", format, "--drain-s", "0"]).await;
        let address = process.address();
        let host = Host::speaks_at(&address).await;
        let room = host.session.snapshot.room.id;
        let link = ClientMessage::CreateLink { role: LinkRole::Speaker, expires_in_ms: 60_000 };
        let Ok(Reply::Link { link }) = host.client.request(link).await else { panic!("no link") };
        let place = Link { server: address.clone(), room, secret: Some(link.clone()) };
        palco_client::probe(&place).await.expect("a probe");
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
        for secret in [&host.token, &session, &link] {
            assert!(!log.contains(secret.as_str()), "a secret in {log}");
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
