//! `docs/operations.md` and what lies beside it say what the program does.

use std::{collections::BTreeSet, process::Command};

use palco_client::Server as Address;
use palco_protocol::RoomId;

use super::Host;
use crate::{
    house::{SOON, number_of},
    spawned::{Directory, Spawned},
};

const DOCUMENT: &str = include_str!("../../../docs/operations.md");
const DASHBOARD: &str = include_str!("../../../docs/deploy/grafana.json");

/// Names of metrics in a text.
fn names(text: &str) -> BTreeSet<String> {
    let part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let words = text.split(|letter| !part(letter)).filter(|word| word.starts_with("palco_"));
    words.map(str::to_owned).collect()
}

/// Names in the first columns of the document's tables of metrics.
fn documented() -> BTreeSet<String> {
    let rows = DOCUMENT.lines().filter(|line| line.starts_with("| `palco_"));
    rows.flat_map(|row| names(row.split('|').nth(1).expect("a column"))).collect()
}

/// Names of the samples of a scrape.
async fn exported(address: &Address, room: RoomId) -> BTreeSet<String> {
    let path = format!("/metrics?room={room}");
    let page = address.http("GET", &path, None, None).await.expect("an answer").body;
    let page = String::from_utf8(page.to_vec()).expect("text");
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    samples.filter_map(|line| line.split(['{', ' ']).next().map(str::to_owned)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_metric_is_documented_and_every_documented_one_is_exported() {
    let process = Spawned::serve(&[]).await;
    let address = process.address.clone();
    let host = Host::speaks_at(&address).await;
    let room = host.session.snapshot.room.id;
    let number = number_of(&host.session.snapshot, host.session.snapshot.you.person.id);
    let token = address.guest("Listener").await.expect("a token").token;
    let listener = address.connect(&token).await.expect("hello");
    let heard = listener.join(room, None).await.expect("joined");
    heard.media.wait_for_packets(number, 20, SOON).await.expect("audio");
    // What is dropped is counted by peer, once there is something.
    heard.media.play_tone(880.0).expect("a tone");

    // The round trip is known once a report came back.
    let all = async {
        loop {
            let exported = exported(&address, room).await;
            let undocumented: Vec<_> = exported.difference(&documented()).cloned().collect();
            assert_eq!(undocumented, [""; 0], "not in docs/operations.md");
            if exported == documented() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    if tokio::time::timeout(2 * SOON, all).await.is_err() {
        let exported = exported(&address, room).await;
        panic!("not exported: {:?}", documented().difference(&exported).collect::<Vec<_>>());
    }
}

#[test]
fn the_dashboard_shows_metrics_that_exist() {
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut shown = BTreeSet::new();
    for panel in panels {
        for target in panel["targets"].as_array().expect("targets") {
            shown.extend(names(target["expr"].as_str().expect("a query")));
        }
    }
    let unknown: Vec<_> = shown.difference(&documented()).cloned().collect();
    assert_eq!(unknown, [""; 0]);
    assert!(shown.len() > 10, "{shown:?}");
}

/// As far as it can be checked where systemd does not run.
#[test]
fn the_systemd_unit_is_valid_and_hardened() {
    let directory = Directory::new();
    let unit = include_str!("../../../docs/deploy/palco.service");
    let installed = "ExecStart=/usr/local/bin/palco ";
    assert!(unit.contains(installed));
    let here = format!("ExecStart={} ", env!("CARGO_BIN_EXE_palco"));
    let unit = directory.write("palco.service", &unit.replace(installed, &here));
    // 2.0 of 10, in tenths: most services of a distribution are above 9.
    let security = ["security", "--offline=true", "--threshold=20", &unit];
    for arguments in [&["verify", &unit][..], &security] {
        let analysed = Command::new("systemd-analyze").args(arguments).output();
        let analysed = analysed.expect("systemd-analyze is there: scripts/setup.sh test");
        let told = String::from_utf8_lossy(&analysed.stderr);
        assert!(analysed.status.success() && told.is_empty(), "{arguments:?}: {told}");
    }
}

/// `SECURITY.md` names tests by file and name: `` `file.rs`: `one`, `other`; `file.rs`: … ``.
#[test]
fn every_test_that_security_names_exists() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = include_str!("../../../SECURITY.md");
    let rows = document.lines().filter(|line| line.starts_with("| ") && line.contains(".rs`: `"));
    let mut named = 0;
    for place in rows.filter_map(|row| row.split(" | ").last()).flat_map(|cell| cell.split("; ")) {
        let quoted: Vec<&str> = place.split('`').skip(1).step_by(2).collect();
        let [file, tests @ ..] = &quoted[..] else { panic!("no file in {place}") };
        let text = std::fs::read_to_string(root.join(file));
        let text = text.unwrap_or_else(|error| panic!("{file}: {error}"));
        for test in tests {
            assert!(text.contains(&format!("fn {test}(")), "{test} is not in {file}");
            named += 1;
        }
    }
    assert!(named > 30, "{named}");
}
