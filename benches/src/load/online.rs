//! People who only have the page open: many WebSockets that have said hello, and when each is told something. They have
//! a process of their own: a process has only so many descriptors.

use std::collections::VecDeque;
use std::error::Error;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use palco_protocol::http::RoomCreated;
use palco_protocol::{ClientMessage, Request, RequestId, SUBPROTOCOL};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::http::Http;
use super::websocket;
use crate::histogram::Histogram;
use crate::sys::{Epoll, Interest, connect, raise_open_files};

/// Handshakes under way at a time.
const AT_ONCE: usize = 64;
/// What the server opens meanwhile, besides devices and a room's sockets: the database's connections, requests.
const OTHERS: usize = 60;
/// No progress for so long ends it.
const STALL: Duration = Duration::from_secs(30);

struct Device {
    stream: TcpStream,
    token: String,
    read: Vec<u8>,
    upgraded: bool,
    welcome: bool,
    told: bool,
}

/// All of them, in one thread.
struct Online {
    epoll: Epoll,
    devices: Vec<Device>,
    server: SocketAddrV4,
}

/// What came of telling them.
#[derive(Serialize, Deserialize)]
pub struct Told {
    /// From sending the request that opens the room to each device's having read the notice: half had it.
    pub p50: Duration,
    /// All but one of a hundred.
    pub p99: Duration,
    /// The last that had it.
    pub last: Duration,
    /// Devices that were told nothing.
    pub missed: usize,
    /// Devices that were told more than once.
    pub twice: usize,
}

/// Lets this process, and those it starts, have as many descriptors as the system allows.
///
/// # Errors
/// If the system does not say.
pub fn open_files() -> Result<usize, Box<dyn Error>> {
    Ok(usize::try_from(raise_open_files()?)?)
}

/// How many devices a server that runs has descriptors for, beside a room of so many.
///
/// # Errors
/// If there is no such process, or the system does not say.
pub fn most(server: u32, room: usize) -> Result<usize, Box<dyn Error>> {
    let open = std::fs::read_dir(format!("/proc/{server}/fd"))?.count();
    Ok(open_files()?.saturating_sub(open + room + OTHERS))
}

/// Of the session of the person of this number. The host is 0.
#[must_use]
pub fn token(number: usize) -> String {
    format!("palco_s_{number:064x}")
}

/// The devices, in another process; it ends with this value.
pub struct Devices {
    process: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Devices {
    /// Starts `process`, which calls [`be_devices`], and waits until all are welcomed.
    ///
    /// # Errors
    /// If it does not start, or says anything else.
    pub fn come(mut process: Command) -> Result<Self, Box<dyn Error>> {
        let mut process = process.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let orders = process.stdin.take().ok_or("no way to tell the devices' process")?;
        let answers = process.stdout.take().ok_or("no way to hear the devices' process")?;
        let mut devices = Self { process, orders, answers: BufReader::new(answers) };
        match devices.answer()?.as_str() {
            "online" => Ok(devices),
            other => Err(format!("the devices' process: {other}").into()),
        }
    }

    /// Has the host open a room, and waits until every device was told, or nothing comes for a while.
    ///
    /// # Errors
    /// If the process fails.
    pub fn go_live(&mut self) -> Result<Told, Box<dyn Error>> {
        self.orders.write_all(b"live\n")?;
        Ok(serde_json::from_str(&self.answer()?)?)
    }

    fn answer(&mut self) -> Result<String, Box<dyn Error>> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Devices {
    fn drop(&mut self) {
        // It may have failed already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The other process: comes online with the persons 1 to `count`, says so, and on each line it reads has the host go live
/// and writes what came of it.
///
/// # Errors
/// If the server refuses one, or nothing moves for 30 s.
pub fn be_devices(server: SocketAddrV4, count: usize) -> Result<(), Box<dyn Error>> {
    open_files()?;
    let mut online = Online::come(server, (1..=count).map(token).collect())?;
    let mut out = std::io::stdout();
    writeln!(out, "online")?;
    for _ in std::io::stdin().lines() {
        let told = online.go_live(&token(0))?;
        writeln!(out, "{}", serde_json::to_string(&told)?)?;
    }
    Ok(())
}

impl Online {
    /// Connects one device for each token and waits until all are welcomed.
    fn come(server: SocketAddrV4, tokens: Vec<String>) -> Result<Self, Box<dyn Error>> {
        let mut online = Self { epoll: Epoll::new()?, devices: Vec::new(), server };
        let mut waiting: VecDeque<String> = tokens.into();
        let (mut under_way, mut moved) = (0, Instant::now());
        let mut ready = Vec::new();
        while under_way > 0 || !waiting.is_empty() {
            while under_way < AT_ONCE
                && let Some(token) = waiting.pop_front()
            {
                let stream = connect(server)?;
                online.epoll.add(&stream, online.devices.len() as u64, Interest::ReadWrite)?;
                let (read, upgraded, welcome, told) = (Vec::new(), false, false, false);
                online.devices.push(Device { stream, token, read, upgraded, welcome, told });
                under_way += 1;
            }
            if moved.elapsed() > STALL {
                return Err("devices do not get in".into());
            }
            ready.clear();
            online.epoll.wait(Duration::from_millis(100), &mut ready)?;
            for &which in &ready {
                let device = &mut online.devices[which as usize];
                if device.read.is_empty() && !device.upgraded && !device.welcome && !device.told {
                    // Writable for the first time. `told` marks that the handshake is out.
                    let hello = websocket::upgrade(&server.to_string(), SUBPROTOCOL);
                    device.stream.write_all(&hello)?;
                    device.told = true;
                    online.epoll.change(&device.stream, which, Interest::Read)?;
                    continue;
                }
                if device.greet()? {
                    under_way -= 1;
                    moved = Instant::now();
                }
            }
        }
        for device in &mut online.devices {
            device.told = false;
        }
        Ok(online)
    }

    /// Opens a room as the holder of `host` and waits until every device was told, or nothing comes for a while.
    fn go_live(&mut self, host: &str) -> Result<Told, Box<dyn Error>> {
        let mut http = Http::connect(self.server)?;
        let begun = Instant::now();
        let room = json!({ "title": "A room with many followers" });
        let _: RoomCreated = http.post("/api/v1/rooms", Some(host), &room)?;
        let (mut after, mut twice, mut last) = (Histogram::default(), 0, Instant::now());
        let mut ready = Vec::new();
        // Once all have it, a little longer: for what should not come.
        let patience = |told: u64, all: usize| {
            if told < all as u64 { Duration::from_secs(5) } else { Duration::from_secs(2) }
        };
        while last.elapsed() < patience(after.total(), self.devices.len()) {
            ready.clear();
            self.epoll.wait(Duration::from_millis(20), &mut ready)?;
            for &which in &ready {
                let device = &mut self.devices[which as usize];
                for _ in 0..device.notices()? {
                    last = Instant::now();
                    twice += usize::from(device.told);
                    if !device.told {
                        after.record(begun.elapsed());
                    }
                    device.told = true;
                }
            }
        }
        let missed = self.devices.iter().filter(|device| !device.told).count();
        for device in &mut self.devices {
            device.told = false;
        }
        let (p50, p99, last) = (after.quantile(0.5), after.quantile(0.99), after.longest());
        Ok(Told { p50, p99, last, missed, twice })
    }
}

/// Round trips of requests on a socket of its own, one each 10 ms for a time: whether signalling notices anything.
///
/// # Errors
/// If the socket does not open, or ends.
pub fn round_trips(
    server: SocketAddrV4,
    token: String,
    time: Duration,
) -> Result<Histogram, Box<dyn Error>> {
    let mut online = Online::come(server, vec![token])?;
    let device = online.devices.first_mut().ok_or("no device")?;
    device.stream.set_nonblocking(false)?;
    device.stream.set_nodelay(true)?;
    let (mut trips, begun, mut id) = (Histogram::default(), Instant::now(), 1);
    while begun.elapsed() < time {
        id += 1;
        let ping = Request { id: RequestId(id), message: ClientMessage::Ping };
        let mut frame = Vec::new();
        websocket::write_text(&serde_json::to_string(&ping)?, &mut frame);
        let sent = Instant::now();
        device.stream.write_all(&frame)?;
        let answer = format!("\"re\":{id},");
        loop {
            // Notices come here, too.
            let Some(text) = device.next()? else {
                let mut bytes = [0; 4096];
                match device.stream.read(&mut bytes)? {
                    0 => return Err("the server closed a socket".into()),
                    len => device.read.extend_from_slice(&bytes[..len]),
                }
                continue;
            };
            if String::from_utf8_lossy(&text).contains(&answer) {
                break;
            }
        }
        trips.record(sent.elapsed());
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(trips)
}

impl Device {
    /// Reads what is there.
    fn fill(&mut self) -> Result<(), Box<dyn Error>> {
        let mut bytes = [0; 4096];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(0) => return Err("the server closed a socket".into()),
                Ok(len) => self.read.extend_from_slice(&bytes[..len]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Takes the handshake further. True once, when the device is welcomed.
    fn greet(&mut self) -> Result<bool, Box<dyn Error>> {
        self.fill()?;
        if !self.upgraded {
            let Some(len) = websocket::upgraded(&self.read)? else { return Ok(false) };
            self.read.drain(..len);
            self.upgraded = true;
            let token = Some(std::mem::take(&mut self.token));
            let message = ClientMessage::Hello { token, resume: None };
            let hello = serde_json::to_string(&Request { id: RequestId(1), message })?;
            let mut frame = Vec::new();
            websocket::write_text(&hello, &mut frame);
            self.stream.write_all(&frame)?;
        }
        let Some(text) = self.next()? else { return Ok(false) };
        if !String::from_utf8_lossy(&text).contains("\"type\":\"welcome\"") {
            return Err(format!("not welcome: {}", String::from_utf8_lossy(&text)).into());
        }
        let first = !self.welcome;
        self.welcome = true;
        Ok(first)
    }

    /// How many notices came.
    fn notices(&mut self) -> Result<usize, Box<dyn Error>> {
        self.fill()?;
        let mut count = 0;
        while let Some(text) = self.next()? {
            count += usize::from(String::from_utf8_lossy(&text).contains("\"type\":\"notice\""));
        }
        // Nothing is kept while nothing is on its way.
        self.read.shrink_to_fit();
        Ok(count)
    }

    /// The next text, once it is whole; a ping is answered.
    fn next(&mut self) -> Result<Option<Vec<u8>>, Box<dyn Error>> {
        while let Some((opcode, payload)) = websocket::frame(&self.read)? {
            let text = self.read[payload.clone()].to_vec();
            self.read.drain(..payload.end);
            match opcode {
                websocket::TEXT => return Ok(Some(text)),
                websocket::PING => {
                    let mut pong = Vec::new();
                    websocket::write_pong(&text, &mut pong);
                    self.stream.write_all(&pong)?;
                }
                _ => return Err("the server closed a socket".into()),
            }
        }
        Ok(None)
    }
}
