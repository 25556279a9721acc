//! The web client in Chromium, with a large and busy room around it, and that room's frames in Firefox.
//! tests/e2e/src/quick.ts measures, by the browsers' own tools; here are the server and the crowd.
//!
//! The script says a line of JSON for each figure, and for a room one that wants a crowd; it is told when the crowd is in.
//!
//! People's browsers are on machines of their own. Here the one that is watched has half of the cores to itself, and the
//! server, the crowd and the host's browser the other half: on shared cores a page that does nothing loses as many
//! frames as the room's (docs/performance.md). Before there is a crowd the cores are everybody's.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};

use palco_benches::load::crowd::{Bustle, Crowd};
use palco_benches::server::Server;
use palco_benches::table::{Budget, Row};
use palco_protocol::RoomId;
use serde::Deserialize;

use super::Bench;

const SCRIPT: &str = "tests/e2e/build/quick.js";
const LISTENERS: usize = 10_000;
/// A busy chat, at the rate that one core can bring to ten thousand sockets.
const BUSTLE: Bustle = Bustle { lines: 5.0, reactions: 40.0, hands: 2.0, leaves: 5.0 };

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    Figure {
        what: String,
        measured: f64,
        unit: String,
        floor: Option<f64>,
        at_most: Option<f64>,
    },
    /// A room wants its crowd.
    Crowd {
        room: RoomId,
    },
}

/// What the crowd's thread tells.
enum Event {
    Serves(String),
    Gathered,
}

impl Bench {
    pub(super) fn browser(&mut self) -> Result<(), Box<dyn Error>> {
        self.table(&format!(
            "The web client, in Chromium if nothing else is said; a room of {LISTENERS} listeners"
        ))?;
        let (watched, others) = halves(&palco_benches::cores()?)?;
        let (rooms, to_crowd) = mpsc::channel();
        let (tell, told) = mpsc::channel();
        let program = self.arguments.program.clone();
        std::thread::scope(|scope| {
            let theirs = others.clone();
            let around = scope.spawn(move || {
                palco_benches::keep_to(&theirs).map_err(|error| error.to_string())?;
                let server = Server::start(&program, &[]).map_err(|error| error.to_string())?;
                crowd(&server, &tell, &to_crowd).map_err(|error| error.to_string())
            });
            let measured = self.script([&watched, &others], &rooms, &told);
            // Nobody wants a crowd any more.
            drop(rooms);
            let lost = around.join().map_err(|_| "the crowd panicked")??;
            measured?;
            let row = Row::new("  the crowd's sockets lost meanwhile", lost as f64, "");
            self.row(row.budget(Budget::AtMost(0.0))).map_err(Into::into)
        })
    }

    /// Runs the script to its end.
    fn script(
        &mut self,
        [watched, others]: [&[usize]; 2],
        rooms: &Sender<RoomId>,
        told: &Receiver<Event>,
    ) -> Result<(), Box<dyn Error>> {
        let Event::Serves(url) = told.recv()? else { return Err("no server".into()) };
        let mut script = Command::new("node")
            .args([SCRIPT, &url, &list(watched), &list(others)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut input = script.stdin.take().ok_or("no input of the script's")?;
        let output = script.stdout.take().ok_or("no output of the script's")?;
        for line in BufReader::new(output).lines() {
            match serde_json::from_str(&line?)? {
                Said::Figure { what, measured, unit, floor, at_most } => {
                    let row = Row::new(what, measured, unit);
                    let row = match floor {
                        Some(floor) => row.floor(floor),
                        None => row,
                    };
                    self.row(match at_most {
                        Some(most) => row.budget(Budget::AtMost(most)),
                        None => row,
                    })?;
                }
                Said::Crowd { room } => {
                    rooms.send(room)?;
                    // Without an answer the script ends: its input does.
                    if told.recv().is_err() {
                        break;
                    }
                    writeln!(input, "gathered")?;
                }
            }
        }
        drop(input);
        let status = script.wait()?;
        if status.success() { Ok(()) } else { Err(format!("{SCRIPT}: {status}").into()) }
    }
}

/// One for the browser that is watched, one for everything else.
fn halves(cores: &[usize]) -> Result<(Vec<usize>, Vec<usize>), Box<dyn Error>> {
    match cores.split_at(cores.len() / 2) {
        ([], _) => Err("a browser and a crowd want two cores".into()),
        (watched, others) => Ok((watched.to_vec(), others.to_vec())),
    }
}

/// As `taskset` reads them.
fn list(cores: &[usize]) -> String {
    cores.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}

/// Serves until nobody wants a crowd any more; gives how many of its sockets were lost.
fn crowd(
    server: &Server,
    tell: &Sender<Event>,
    rooms: &Receiver<RoomId>,
) -> Result<usize, Box<dyn Error>> {
    tell.send(Event::Serves(format!("http://localhost:{}", server.address.port())))?;
    let Ok(room) = rooms.recv() else { return Ok(0) };
    let mut crowd = Crowd::gather(server.address, room, LISTENERS)?;
    tell.send(Event::Gathered)?;
    crowd.bustle(BUSTLE, || rooms.try_recv() == Err(TryRecvError::Disconnected))
}
