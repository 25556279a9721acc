//! `palco serve` as a process of its own, as an operator runs it: flags, environment, signals, log, exit.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use palco_client::Server as Address;

use crate::house::SOON;

/// How often what is waited for is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A directory that goes with its test.
pub(crate) struct Directory(pub(crate) PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("palco-it-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).expect("the directory is ours");
    }
}

/// A running server; killed when dropped.
pub(crate) struct Process {
    child: Child,
    log: Arc<Mutex<String>>,
    pub(crate) directory: Directory,
}

impl Process {
    /// On the loopback and ports of its own, with these flags besides.
    pub(crate) async fn serve(flags: &[&str]) -> Self {
        let loopback = ["--listen", "127.0.0.1:0", "--udp", "127.0.0.1:0"];
        Self::start(Directory::new(), &[&loopback, flags].concat(), &[]).await
    }

    /// With these flags and variables alone, in this directory; waits until it listens.
    pub(crate) async fn start(
        directory: Directory,
        flags: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_palco"))
            .arg("serve")
            .args(flags)
            .current_dir(&directory.0)
            .env_clear()
            .envs(variables.iter().copied())
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("palco starts");
        let log = Arc::new(Mutex::new(String::new()));
        let lines = BufReader::new(child.stderr.take().expect("its log")).lines();
        let written = Arc::clone(&log);
        // Ends with the process.
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                *written.lock().expect("nothing panics with it") += &format!("{line}\n");
            }
        });
        let mut process = Self { child, log, directory };
        let listening = process.wait_until("listening", |process| {
            let ended = process.child.try_wait().expect("its state").is_some();
            ended || process.log().contains("listening on ")
        });
        listening.await;
        process
    }

    async fn wait_until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let waited = async {
            while !done(self) {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let waited = tokio::time::timeout(SOON, waited).await;
        waited.unwrap_or_else(|_| panic!("not {what}; its log:\n{}", self.log()));
    }

    /// What it wrote so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("nothing panics with it").clone()
    }

    pub(crate) async fn logs(&mut self, text: &str) {
        self.wait_until(text, |process| process.log().contains(text)).await;
    }

    /// What stands behind this in its log, up to the next space, quote or the line's end.
    pub(crate) fn logged(&self, before: &str) -> String {
        let log = self.log();
        let (_, after) = log.split_once(before).unwrap_or_else(|| panic!("no {before} in {log}"));
        after.split([' ', '\n', '"']).next().expect("a first part").to_owned()
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        self.logged("listening on ")
    }

    pub(crate) fn address(&self) -> Address {
        self.url().parse().expect("an address")
    }

    /// `HUP`, `TERM`, `INT`.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &kill]).status().expect("a shell");
        assert!(status.success(), "{kill}");
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        self.wait_until("ended", |process| process.child.try_wait().expect("its state").is_some())
            .await;
        self.child.wait().expect("its status")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
