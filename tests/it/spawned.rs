//! The real `palco serve` as a process of its own: for what only a process can suffer.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
};

use palco_client::Server as Address;

use crate::house::SOON;

/// A running server; killed when dropped.
pub(crate) struct Spawned {
    process: Child,
    pub(crate) address: Address,
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
        let program = Command::new(env!("CARGO_BIN_EXE_palco"));
        Self::run(program, data, arguments, variables).await
    }

    /// Whose data directory is a disk of so many MiB: a file system in memory, in a mount namespace of its own.
    pub(crate) async fn start_on_disk(data: &Path, size_mib: u32) -> Self {
        let script = format!("mount -t tmpfs -o size={size_mib}m tmpfs \"$0\" && exec \"$@\"");
        let mut program = Command::new("unshare");
        program.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]);
        program.arg(data).arg(env!("CARGO_BIN_EXE_palco"));
        Self::run(program, data, &[], &[]).await
    }

    async fn run(
        mut program: Command,
        data: &Path,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let port = free_port();
        let process = program
            .args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--udp", "127.0.0.1:0"])
            .arg("--data")
            .arg(data)
            .args(arguments)
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server's program");
        let address: Address = format!("http://127.0.0.1:{port}").parse().expect("an address");
        let mut server = Self { process, address };
        let answers = async {
            while server.address.http("GET", "/healthz", None, None).await.is_err() {
                let ended = server.process.try_wait().expect("our child");
                assert!(ended.is_none(), "the server ended: {ended:?}");
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(SOON, answers).await.expect("the server answers");
        server
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// SIGKILL: it gets to finish nothing.
    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("our child");
        self.process.wait().expect("our child");
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("bound").port()
}
