//! The release server as a process of its own, on free ports and a directory that goes with it.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// How long it may take to start.
const START: Duration = Duration::from_secs(20);
/// How long it may take to stop before it is killed.
const STOP: Duration = Duration::from_secs(8);

/// A running server; it ends with this value.
pub struct Server {
    child: Child,
    data: PathBuf,
    /// The directory goes with this value.
    ours: bool,
    /// Its HTTP address.
    pub address: SocketAddrV4,
}

impl Server {
    /// Starts `program` (the `palco` binary), with `options` of `serve` besides, and waits until it listens.
    ///
    /// # Errors
    /// If it cannot be started or does not say within 20 s that it listens.
    pub fn start(program: &Path, options: &[&str]) -> Result<Self, Box<dyn Error>> {
        Self::start_or_again(program, None, options)
    }

    /// The same with a data directory that stays.
    ///
    /// # Errors
    /// As of `start`.
    pub fn start_in(program: &Path, data: &Path, options: &[&str]) -> Result<Self, Box<dyn Error>> {
        Self::start_or_again(program, Some(data), options)
    }

    fn start_or_again(
        program: &Path,
        data: Option<&Path>,
        options: &[&str],
    ) -> Result<Self, Box<dyn Error>> {
        // A port that was free may be taken by the time the server wants it.
        let once = || Self::start_once(program, data, options);
        once().or_else(|_| once())
    }

    fn start_once(
        program: &Path,
        data: Option<&Path>,
        options: &[&str],
    ) -> Result<Self, Box<dyn Error>> {
        let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, free_tcp_port()?);
        let shards = std::thread::available_parallelism()?.get() as u16;
        let udp = SocketAddrV4::new(Ipv4Addr::LOCALHOST, free_udp_ports(shards)?);
        let ours = data.is_none();
        let data = data.map_or_else(
            || {
                let name = format!("palco-bench-{}-{}", std::process::id(), address.port());
                std::env::temp_dir().join(name)
            },
            Path::to_path_buf,
        );
        std::fs::create_dir_all(&data)?;
        let child = Command::new(program)
            .args(["serve", "--listen", &address.to_string(), "--udp", &udp.to_string()])
            .args(["--drain-s", "0", "--data"])
            .arg(&data)
            .args(options)
            .env("RUST_LOG", "info")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| {
                format!("{}: {error} (is it built? `make build`)", program.display())
            })?;
        let mut server = Self { child, data, ours, address };
        server.wait_until_it_listens()?;
        Ok(server)
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn wait_until_it_listens(&mut self) -> Result<(), Box<dyn Error>> {
        let log = self.child.stderr.take().ok_or("no log of the server's")?;
        let (listens, listening) = mpsc::channel();
        // Reads on to the end, so that the server never waits for its log to be read.
        std::thread::spawn(move || {
            for line in BufReader::new(log).lines().map_while(Result::ok) {
                // The receiver is gone once the server has started.
                let _ = listens.send(line);
            }
        });
        let mut last = String::new();
        loop {
            match listening.recv_timeout(START) {
                Ok(line) if line.contains("listening on http://") => return Ok(()),
                Ok(line) => last = line,
                Err(_) => return Err(format!("the server did not start: {last}").into()),
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Asked first, so that it closes what it opened; `kill` is the shell's because the library knows only SIGKILL.
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        let patience =
            if asked.is_ok_and(|status| status.success()) { STOP } else { Duration::ZERO };
        let steps = patience.as_millis() / 50;
        let ended = (0..steps).any(|_| {
            std::thread::sleep(Duration::from_millis(50));
            matches!(self.child.try_wait(), Ok(Some(_)))
        });
        if !ended {
            // Nothing else can be done about a process that will not end.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if self.ours {
            let _ = std::fs::remove_dir_all(&self.data);
        }
    }
}

fn free_tcp_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// The first of `count` UDP ports in a row that are free, for a shard each.
fn free_udp_ports(count: u16) -> Result<u16, Box<dyn Error>> {
    for _ in 0..100 {
        let first = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = first.local_addr()?.port();
        let others = (1..count).map(|next| {
            UdpSocket::bind((Ipv4Addr::LOCALHOST, port.checked_add(next).unwrap_or(port)))
        });
        // ICE-TCP listens at the same number as the first.
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        if tcp.is_ok() && others.collect::<Result<Vec<_>, _>>().is_ok() {
            return Ok(port);
        }
    }
    Err("no free UDP ports in a row".into())
}
