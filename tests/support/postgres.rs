//! A PostgreSQL server of the test's own: a fresh cluster in a temporary directory, on a free port of the loopback,
//! stopped and deleted when dropped.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

/// Only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Postgres {
    server: Child,
    directory: PathBuf,
    port: u16,
    databases: AtomicUsize,
}

impl Postgres {
    /// Starts one. Debian keeps the programs out of everybody's PATH.
    pub(crate) fn start() -> Self {
        let directory = std::env::temp_dir().join(format!("palco-pg-{}", uuid::Uuid::new_v4()));
        fs::create_dir_all(&directory).expect("a directory");
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).expect("open to all");
        let cluster = directory.join("cluster");
        let port = free_port();
        let made = as_postgres("initdb")
            .args([
                "--auth=trust",
                "--username=palco",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
                "-D",
            ])
            .arg(&cluster)
            .stdout(Stdio::null())
            .status()
            .expect("PostgreSQL is installed: scripts/setup.sh test");
        assert!(made.success(), "initdb failed");
        let server = spawn(&cluster, &directory, port);
        let server = Self { server, directory, port, databases: AtomicUsize::new(0) };
        server.wait_until_ready();
        server
    }

    fn wait_until_ready(&self) {
        let deadline = std::time::Instant::now() + PATIENCE;
        while !self.run("pg_isready", &[]) {
            assert!(std::time::Instant::now() < deadline, "PostgreSQL does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The address of a new, empty database.
    pub(crate) fn database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("test{number}");
        assert!(self.run("createdb", &[&name]), "createdb failed");
        format!("postgres://palco@127.0.0.1:{}/{name}", self.port)
    }

    /// Ends the server as a crash would, keeping its files.
    #[allow(dead_code, reason = "not every suite that shares this file kills it")]
    pub(crate) fn kill(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }

    /// Starts it again on the same port and files.
    #[allow(dead_code, reason = "not every suite that shares this file kills it")]
    pub(crate) fn restart(&mut self) {
        self.server = spawn(&self.directory.join("cluster"), &self.directory, self.port);
        self.wait_until_ready();
    }

    fn run(&self, program: &str, arguments: &[&str]) -> bool {
        Command::new(binaries().join(program))
            .args(["--host=127.0.0.1", "--username=palco", &format!("--port={}", self.port)])
            .args(arguments)
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let stopped = as_postgres("pg_ctl")
            .args(["stop", "--mode=immediate", "--silent", "-D"])
            .arg(self.directory.join("cluster"))
            .status();
        if !stopped.is_ok_and(|status| status.success()) {
            let _ = self.server.kill();
        }
        let _ = self.server.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn spawn(cluster: &Path, sockets: &Path, port: u16) -> Child {
    as_postgres("postgres")
        .arg("-D")
        .arg(cluster)
        .args(["-c", "listen_addresses=127.0.0.1", "-c", &format!("port={port}"), "-k"])
        .arg(sockets)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("PostgreSQL starts")
}

/// PostgreSQL refuses to run as root: there it runs as the user that its package made.
fn as_postgres(program: &str) -> Command {
    let program = binaries().join(program);
    let root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    if !root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
    command
}

fn binaries() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.map(|version| version.path().join("bin")).max();
    newest.expect("PostgreSQL is installed: scripts/setup.sh test")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("bound").port()
}
