//! Flags over the environment, over the file, over the defaults.

use std::process::Command;

use crate::spawned::{Directory, Spawned};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flags_win_over_the_environment_and_that_over_the_file() {
    let file = "listen = '127.0.0.2:0'\nudp = '127.0.0.1:0'\n";
    let flag: &[&str] = &["--listen", "127.0.0.4:0"];
    let variable: &[(&str, &str)] = &[("PALCO_LISTEN", "127.0.0.3:0")];
    for (flags, variables, ip) in [
        (&[][..], &[][..], "127.0.0.2"),
        (&[], variable, "127.0.0.3"),
        (flag, variable, "127.0.0.4"),
    ] {
        let directory = Directory::new();
        directory.write("palco.toml", file);
        let process = Spawned::serve_in(directory, flags, variables).await;
        assert!(process.url().starts_with(&format!("http://{ip}:")), "{}", process.url());
    }
}

#[test]
fn a_wrong_file_is_told_and_nothing_starts() {
    let directory = Directory::new();
    let refused = |text: &str| {
        let file = directory.write("other.toml", text);
        let mut palco = Command::new(env!("CARGO_BIN_EXE_palco"));
        let ended = palco.args(["--config", &file, "serve"]).output().expect("it runs");
        assert!(!ended.status.success());
        let told = String::from_utf8(ended.stderr).expect("text");
        assert!(told.contains("other.toml"), "{told}");
        told
    };
    assert!(refused("lissen = ''").contains("no setting `lissen`; did you mean `listen`?"));
    assert!(refused("max_speakers = 51").contains("51 is not in 1..=50"));
    assert!(refused("no_tcp = true\ntcp = '127.0.0.1:0'").contains("cannot be used with"));
    assert!(refused("listen = ").contains("line 1"));
}
