//! `palco doctor` on good and on broken set-ups: the real program.

use std::{
    fs,
    net::{TcpListener, UdpSocket},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::spawned::Spawned;

/// A directory of the test's own.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("palco-doctor-{}", uuid::Uuid::new_v4()));
        fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What the doctor finds: whether all is well, and the verdict on each subject.
fn examined(data: &Path, more: &[&str]) -> (bool, Vec<(String, String)>) {
    let mut doctor = Command::new(env!("CARGO_BIN_EXE_palco"));
    doctor.args(["doctor", "--json", "--data"]).arg(data);
    if !more.contains(&"--listen") {
        doctor.args(["--listen", "127.0.0.1:0"]);
    }
    if !more.contains(&"--udp") {
        doctor.args(["--udp", "127.0.0.1:0"]);
    }
    let output = doctor.args(more).output().expect("the program");
    let findings: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    let text = |finding: &Value, key: &str| finding[key].as_str().expect("text").to_owned();
    for finding in &findings {
        let told = finding["advice"].is_string();
        assert_eq!(
            told,
            finding["verdict"] != "ok",
            "what is not well comes with advice: {finding}"
        );
    }
    let verdicts = findings.iter().map(|it| (text(it, "subject"), text(it, "verdict"))).collect();
    (output.status.success(), verdicts)
}

fn verdict(found: &[(String, String)], subject: &str) -> String {
    let found = found.iter().find(|(of, _)| of == subject);
    found.unwrap_or_else(|| panic!("nothing of {subject}")).1.clone()
}

#[test]
fn a_first_start_has_nothing_to_fear_and_nothing_is_made() {
    let place = Place::new();
    let data = place.0.join("not/yet/there");
    let (well, found) = examined(&data, &[]);
    assert!(well, "{found:?}");
    for subject in ["http", "udp", "tcp", "data", "database", "clock"] {
        assert_eq!(verdict(&found, subject), "ok", "{subject}");
    }
    assert!(!data.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_server_is_recognised_and_its_files_are_looked_at() {
    let place = Place::new();
    let server = Spawned::start(&place.0, &[]).await;
    let listen = server.address.to_string().replace("http://", "");
    let data = place.0.clone();
    let (well, found) = tokio::task::spawn_blocking(move || {
        examined(&data, &["--listen", listen.trim_end_matches('/')])
    })
    .await
    .expect("it ran");
    assert!(well, "{found:?}");
    for subject in ["http", "database", "key"] {
        assert_eq!(verdict(&found, subject), "ok", "{subject}");
    }
    drop(server);
    // Others could read the key; the database is nonsense.
    let key = place.0.join("token.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("ours");
    for tail in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(place.0.join(format!("palco.db{tail}")));
    }
    fs::write(place.0.join("palco.db"), "not a database, but long enough to be one").expect("ours");
    let (well, found) = examined(&place.0, &[]);
    assert!(!well);
    assert_eq!(verdict(&found, "key"), "fail");
    assert_eq!(verdict(&found, "database"), "fail");
}

#[test]
fn taken_ports_and_addresses_of_others_are_told() {
    let place = Place::new();
    let audio = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let taken = audio.local_addr().expect("bound");
    let arguments = ["--udp", &taken.to_string(), "--announce", "203.0.113.7", "--no-tcp"];
    let (well, found) = examined(&place.0, &arguments);
    assert!(!well);
    assert_eq!(verdict(&found, "udp"), "fail");
    assert_eq!(verdict(&found, "announce"), "warn");
    assert_eq!(verdict(&found, "tcp"), "warn");

    let (well, found) = examined(&place.0, &["--announce", "0.0.0.0"]);
    assert!(!well);
    assert_eq!(verdict(&found, "announce"), "fail");
    let (well, found) = examined(&place.0, &["--announce", "::1"]);
    assert!(!well);
    assert_eq!(verdict(&found, "announce"), "fail", "bound to IPv4");
    let (_, found) = examined(&place.0, &["--announce", "127.0.0.1"]);
    assert_eq!(verdict(&found, "announce"), "ok");
    drop(audio);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_server_is_recognised_by_https_and_its_clock_is_compared() {
    let place = Place::new();
    let tls = ["--tls", "self-signed"];
    let server = Spawned::start(&place.0, &tls).await;
    let at = server.url().replace("https://", "");
    let plain = Spawned::start(&place.0.join("plain"), &[]).await;
    let [clock, no_clock] = [plain.url(), "http://127.0.0.1:1".to_owned()];
    let data = place.0.clone();
    let looked = tokio::task::spawn_blocking(move || {
        let with = |more: &[&str]| examined(&data, &[&["--listen", &at], more].concat());
        [
            with(&[&tls[..], &["--time-from", &clock]].concat()),
            with(&[&tls[..], &["--time-from", &no_clock]].concat()),
            with(&[]),
        ]
    });
    let [(well, found), (_, unreached), (plain_well, by_http)] = looked.await.expect("it ran");
    assert!(well, "{found:?}");
    assert_eq!((verdict(&found, "http"), verdict(&found, "clock")), ("ok".into(), "ok".into()));
    assert_eq!(verdict(&unreached, "clock"), "warn");
    assert!(!plain_well);
    assert_eq!(verdict(&by_http, "http"), "fail", "plain HTTP is not what is there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_wrong_by_an_hour_is_told() {
    let place = Place::new();
    let clock = place.0.join("clock");
    fs::write(&clock, "+1h").expect("written");
    let server = Spawned::start_by_clock(&place.0, &[], &clock).await;
    let (data, other) = (place.0.join("other"), server.url());
    let looked = tokio::task::spawn_blocking(move || examined(&data, &["--time-from", &other]));
    let (_, found) = looked.await.expect("it ran");
    assert_eq!(verdict(&found, "clock"), "warn");
}

#[test]
fn a_taken_page_port_a_lost_database_and_a_data_file_are_told() {
    let place = Place::new();
    let other = TcpListener::bind("127.0.0.1:0").expect("a port");
    // It takes the connection, and is no Palco.
    std::thread::spawn({
        let other = other.try_clone().expect("the same");
        move || drop(other.accept())
    });
    let listen = other.local_addr().expect("bound").to_string();
    let (well, found) = examined(&place.0, &["--listen", &listen]);
    assert!(!well);
    assert_eq!(verdict(&found, "http"), "fail");

    let file = place.0.join("file");
    fs::write(&file, "").expect("ours");
    let (well, found) = examined(&file, &[]);
    assert!(!well);
    assert_eq!(verdict(&found, "data"), "fail");

    // Nothing listens there: the port was just free.
    let gone = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
    let url = format!("postgres://palco@{gone}/palco");
    let (well, found) = examined(&place.0, &["--database-url", &url]);
    assert!(!well);
    assert_eq!(verdict(&found, "database"), "fail");
}

#[test]
fn certificate_files_that_do_not_fit_are_told() {
    let place = Place::new();
    let [one, other] = ["one", "other"].map(|name| {
        let made = rcgen::generate_simple_self_signed(["rooms.example".to_owned()]).expect("made");
        let [cert, key] = ["cert", "key"].map(|kind| place.0.join(format!("{name}.{kind}")));
        fs::write(&cert, made.cert.pem()).expect("ours");
        fs::write(&key, made.signing_key.serialize_pem()).expect("ours");
        [cert, key].map(|path| path.to_str().expect("UTF-8").to_owned())
    });
    let files = |cert: &str, key: &str| {
        examined(&place.0, &["--tls", "files", "--tls-cert", cert, "--tls-key", key])
    };
    let (well, found) = files(&one[0], &one[1]);
    assert!(well, "{found:?}");
    assert_eq!(verdict(&found, "cert"), "ok");
    for (cert, key) in [(&one[0], &other[1]), (&one[0], &one[0]), (&other[0], &"gone".to_owned())] {
        let (well, found) = files(cert, key);
        assert!(!well, "{cert} {key}");
        assert_eq!(verdict(&found, "cert"), "fail");
    }
}
