//! The real `palco serve` as a process of its own: for what only a process can suffer, and as an operator runs it, with
//! flags, environment, signals, log, exit.

use std::{
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use palco_client::Server as Address;

use crate::house::SOON;

/// How often what is waited for is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// The loopback, and ports of its own.
const LOOPBACK: [&str; 4] = ["--listen", "127.0.0.1:0", "--udp", "127.0.0.1:0"];

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
pub(crate) struct Spawned {
    process: Child,
    log: Arc<Mutex<String>>,
    pub(crate) address: Address,
    /// Its own, if it has one.
    directory: Option<Directory>,
}

impl Spawned {
    /// On a free port of the loopback, with this data directory and these further arguments.
    pub(crate) async fn start(data: &Path, arguments: &[&str]) -> Self {
        Self::start_in(data, arguments, &[]).await
    }

    /// With these variables in its environment, too.
    pub(crate) async fn start_in(
        data: &Path,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let mut program = Command::new(env!("CARGO_BIN_EXE_palco"));
        program.arg("serve").args(LOOPBACK).arg("--data").arg(data).args(arguments);
        program.env("RUST_LOG", "info").envs(variables.iter().copied());
        Self::run(program, None).await
    }

    /// Whose wall clock is off by what this file says, `+1h` or `-1h`, and by what it says later (libfaketime; the
    /// monotonic clock is left alone, as in life).
    pub(crate) async fn start_by_clock(data: &Path, arguments: &[&str], clock: &Path) -> Self {
        let variables = [
            ("LD_PRELOAD", &*faketime()),
            ("FAKETIME_TIMESTAMP_FILE", clock.to_str().expect("UTF-8")),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ];
        Self::start_in(data, arguments, &variables).await
    }

    /// Whose data directory is a disk of so many MiB: a file system in memory, in a mount namespace of its own.
    pub(crate) async fn start_on_disk(data: &Path, size_mib: u32) -> Self {
        let script = format!("mount -t tmpfs -o size={size_mib}m tmpfs \"$0\" && exec \"$@\"");
        let mut program = Command::new("unshare");
        program.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]);
        program.arg(data).arg(env!("CARGO_BIN_EXE_palco"));
        program.arg("serve").args(LOOPBACK).arg("--data").arg(data);
        Self::run(program, None).await
    }

    /// As an operator runs it: in a directory of its own, with these flags besides.
    pub(crate) async fn serve(flags: &[&str]) -> Self {
        Self::serve_in(Directory::new(), &[&LOOPBACK, flags].concat(), &[]).await
    }

    /// With these flags and variables alone, in this directory.
    pub(crate) async fn serve_in(
        directory: Directory,
        flags: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let mut program = Command::new(env!("CARGO_BIN_EXE_palco"));
        program.arg("serve").args(flags).current_dir(&directory.0);
        program.env_clear().envs(variables.iter().copied());
        Self::run(program, Some(directory)).await
    }

    async fn run(mut program: Command, directory: Option<Directory>) -> Self {
        let mut process = program
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("palco starts");
        let log = Arc::new(Mutex::new(String::new()));
        keep(process.stdout.take().expect("piped"), Arc::clone(&log));
        keep(process.stderr.take().expect("piped"), Arc::clone(&log));
        // Until it says where it is.
        let address = "http://127.0.0.1".parse().expect("an address");
        let mut server = Self { process, log, address, directory };
        let listens = |server: &mut Self| {
            let ended = server.process.try_wait().expect("our child");
            assert!(ended.is_none(), "the server ended, {ended:?}; its log:\n{}", server.log());
            server.log().contains("listening on ")
        };
        server.wait_until("listening", listens).await;
        server.address = server.url().parse().expect("an address");
        server
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

    /// Where it runs, if that is its own.
    pub(crate) fn directory(&self) -> &Directory {
        self.directory.as_ref().expect("started in one of its own")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// What it wrote so far, to standard output and error.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("nothing panics with it").clone()
    }

    pub(crate) async fn logs(&mut self, text: &str) {
        self.wait_until(text, |server| server.log().contains(text)).await;
    }

    /// What stands behind this in its log, up to the next space, quote or the line's end.
    pub(crate) fn logged(&self, before: &str) -> String {
        let log = self.log();
        let (_, after) = log.split_once(before).unwrap_or_else(|| panic!("no {before} in {log}"));
        after.split([' ', '\n', '"']).next().expect("a first part").to_owned()
    }

    /// Where it listens, as it says.
    pub(crate) fn url(&self) -> String {
        self.logged("listening on ")
    }

    /// `HUP`, `TERM`, `INT`.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.process.id());
        let status = Command::new("sh").args(["-c", &kill]).status().expect("a shell");
        assert!(status.success(), "{kill}");
    }

    /// SIGKILL: it gets to finish nothing.
    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("our child");
        self.process.wait().expect("our child");
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let over = |server: &mut Self| server.process.try_wait().expect("our child").is_some();
        self.wait_until("ended", over).await;
        self.process.wait().expect("its status")
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Where Debian's package `faketime` has its library, on any architecture.
fn faketime() -> String {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/usr/lib").expect("Linux").flatten() {
        let library = entry.path().join("faketime/libfaketimeMT.so.1");
        found.extend(library.exists().then(|| library.display().to_string()));
    }
    found.pop().expect("faketime is installed: scripts/setup.sh test")
}

/// Reads to the end, so that the process never waits for that.
fn keep(output: impl Read + Send + 'static, log: Arc<Mutex<String>>) {
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            *log.lock().expect("nothing panics with it") += &format!("{line}\n");
        }
    });
}
