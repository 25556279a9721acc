//! Every target over its kept inputs, and over what a seed makes of them: so many each, or for as long as `FUZZ_S` says
//! (`make fuzz` without cargo-fuzz). `FUZZ_SEED` begins elsewhere; a failure prints the input and the seed.

#![expect(clippy::print_stdout, reason = "the seed is this program's output")]

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Once,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use palco_fuzz::mutate::Mutator;

/// Of this process, on whatever thread: a server's task that panics is nobody's failure else.
static PANICS: AtomicUsize = AtomicUsize::new(0);

fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.fetch_add(1, Ordering::SeqCst);
            print(info);
        }));
    });
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().expect("a number"))
}

fn kept(directory: &Path) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(directory).expect("a corpus");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    files.into_iter().map(|file| std::fs::read(file).expect("readable")).collect()
}

/// `inputs` that a seed makes, after those that are kept.
fn run(name: &str, directories: &[&str], inputs: u64, target: fn(&[u8])) {
    count_panics();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus: Vec<_> = directories.iter().flat_map(|each| kept(&here.join(each))).collect();
    let seed = number("FUZZ_SEED").unwrap_or(0x9e37);
    let until = number("FUZZ_S").map(|s| Instant::now() + Duration::from_secs(s));
    println!("{name}: seed {seed}, {} kept inputs", corpus.len());
    let check = |input: &[u8], which: &str| {
        let before = PANICS.load(Ordering::SeqCst);
        let outcome = catch_unwind(AssertUnwindSafe(|| target(input)));
        let sound = outcome.is_ok() && PANICS.load(Ordering::SeqCst) == before;
        let hex = || input.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert!(sound, "{name} fails on {which} of seed {seed}: {}", hex());
    };
    for (n, input) in corpus.iter().enumerate() {
        check(input, &format!("kept input {n}"));
    }
    let mut mutator = Mutator::new(seed, corpus);
    let mut done = 0;
    while until.map_or(done < inputs, |until| Instant::now() < until) {
        check(&mutator.input(), &format!("input {done}"));
        done += 1;
    }
    println!("{name}: {done} inputs");
}

// A few seconds in all: what the network sends is worth the most, a whole server's answer takes the longest.

#[test]
fn stun() {
    run("stun", &["corpus/stun"], 3_000, palco_fuzz::stun);
}

#[test]
fn dtls() {
    run("dtls", &["corpus/dtls"], 600, palco_fuzz::dtls);
}

#[test]
fn rtp() {
    run("rtp", &["corpus/rtp"], 3_000, palco_fuzz::rtp);
}

#[test]
fn rtcp() {
    run("rtcp", &["corpus/rtcp"], 3_000, palco_fuzz::rtcp);
}

#[test]
fn offer() {
    let fixtures = "../../sfu/tests/fixtures";
    run("offer", &["corpus/offer", fixtures], 20_000, palco_fuzz::offer);
}

#[test]
fn room() {
    run("room", &["corpus/room"], 300, palco_fuzz::room);
}

#[test]
fn signalling() {
    run("signalling", &["corpus/signalling"], 400, palco_fuzz::signalling);
}

#[test]
fn http() {
    run("http", &["corpus/http"], 600, palco_fuzz::http);
}

#[test]
fn every_request_of_the_api_is_among_those_that_are_made() {
    // What would end the session that the others are asked with.
    const LEFT_OUT: [(&str, &str); 2] = [("DELETE", "/api/v1/me"), ("DELETE", "/api/v1/session")];
    let document: serde_json::Value =
        serde_json::from_slice(&palco_fuzz::http::document()).expect("JSON");
    let asked: BTreeSet<_> = palco_fuzz::http::PATHS
        .into_iter()
        .map(|(method, path)| (method.to_owned(), named(path)))
        .collect();
    let mut requests = 0;
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys() {
            let request = (method.to_uppercase(), named(path));
            let left_out = LEFT_OUT.contains(&(&request.0, &request.1));
            assert!(left_out || asked.contains(&request), "{request:?} is never asked");
            requests += 1;
        }
    }
    assert!(requests > 50, "{requests} requests in the document");
}

/// A path without its query, whatever its parts are called.
fn named(path: &str) -> String {
    let (path, _) = path.split_once('?').unwrap_or((path, ""));
    let part = |part: &str| match part.starts_with('{') {
        true => "{}".to_owned(),
        false => part.to_owned(),
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}
