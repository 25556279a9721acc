//! The figures that have budgets, each beside its floor.

use std::error::Error;
use std::time::Duration;

use palco_benches::floor::Floor;
use palco_benches::load::{self, Options, Report, first_audio};
use palco_benches::micro;
use palco_benches::table::{Budget, Row};

use super::{Bench, options};

/// Until fifty listeners have joined, settled and hear: then others join.
const UNTIL_HEARD: Duration = Duration::from_secs(6);
/// WebSockets that a stage event goes to, and that reconnect at once.
const CROWD: usize = 10_000;
/// Listeners with and without media, whose difference is the media plane's.
const COMPARED: usize = 1000;

impl Bench {
    pub(super) fn budgets(&mut self) -> Result<(), Box<dyn Error>> {
        self.table("Budgets")?;
        let handshake_ms = micro::handshake_ms();
        for listeners in self.arguments.listeners.clone() {
            self.audience(listeners, handshake_ms)?;
        }
        self.sockets_of_their_own()?;
        self.media_by_difference(handshake_ms)?;
        self.crowd()?;
        self.while_others_join(1000)?;
        self.first_audio()
    }

    fn audience(&mut self, listeners: usize, handshake_ms: f64) -> Result<(), Box<dyn Error>> {
        let options = Options { seconds: self.arguments.seconds, ..options(listeners) };
        let (floor, report) = self.between_floors(&[], &options)?;
        self.packets(&format!("{listeners} listeners"), &report, floor)?;
        let Some(server) = &report.server else { return Ok(()) };
        let (kib, join) = (server.kib_per_listener, server.ms_per_join);
        self.row(
            Row::new("  server memory per listener", kib, "KiB").budget(Budget::AtMost(24.0)),
        )?;
        self.row(
            Row::new("  server CPU per join", join, "ms")
                .floor(handshake_ms)
                .budget(Budget::AtMost(1.5)),
        )
        .map_err(Into::into)
    }

    fn packets(&mut self, who: &str, report: &Report, floor: Floor) -> Result<(), Box<dyn Error>> {
        let missing = (report.listeners - report.joined) as f64;
        self.row(Row::new(format!("{who}: not joined"), missing, "").budget(Budget::AtMost(0.0)))?;
        let (Some(server), Some(audio)) = (&report.server, &report.audio) else { return Ok(()) };
        if let (Some(us), Some(cores)) = (server.us_per_packet, server.cores) {
            let packet =
                Row::new("  server CPU per forwarded packet", us, "µs").floor(floor.sendto_us);
            self.row(packet.budget(Budget::TimesFloor(1.25)))?;
            self.row(
                Row::new("  the floor with sendmmsg", floor.sendmmsg_us, "µs")
                    .floor(floor.sendto_us),
            )?;
            self.row(Row::new("  cores busy: the server", cores, ""))?;
            let (own, others) = (report.own_cores, report.others_cores);
            self.row(Row::new("  cores busy: this process", own.unwrap_or(f64::NAN), ""))?;
            self.row(Row::new("  cores busy: others' work", others.unwrap_or(f64::NAN), ""))?;
        }
        if floor.received_share < 0.999 {
            self.row(Row::new(
                "  the floor's packets that arrived",
                floor.received_share * 100.0,
                "%",
            ))?;
        }
        let latency = audio.latency_ms;
        self.row(
            Row::new("  loss", audio.loss_percent.unwrap_or(f64::NAN), "%")
                .budget(Budget::AtMost(0.0)),
        )?;
        self.row(Row::new("  added latency p50", latency.p50, "ms"))?;
        self.row(Row::new("  added latency p99", latency.p99, "ms").budget(Budget::AtMost(20.0)))?;
        self.row(Row::new("  added latency p99.9", latency.p999, "ms"))?;
        self.row(Row::new(
            "  the load process's own lateness, longest",
            audio.latest_send_ms,
            "ms",
        ))?;
        Ok(())
    }

    /// Each listener a socket of its own, as a kernel sees them that are not ours.
    fn sockets_of_their_own(&mut self) -> Result<(), Box<dyn Error>> {
        let options = Options { per_port: 1, seconds: self.arguments.seconds, ..options(500) };
        let (floor, report) = self.between_floors(&[], &options)?;
        self.packets("500 listeners, a socket each", &report, floor)
    }

    /// Listeners with media and without: what is the media plane's.
    fn media_by_difference(&mut self, handshake_ms: f64) -> Result<(), Box<dyn Error>> {
        let with = self.load(&[], &Options { seconds: 1, ..options(COMPARED) })?;
        let without = self.load(&[], &Options { signalling_only: true, ..options(COMPARED) })?;
        let (Some(with), Some(without)) = (with.server, without.server) else { return Ok(()) };
        let media = with.kib_per_listener - without.kib_per_listener;
        self.row(
            Row::new("memory of a listener's media, by difference", media, "KiB")
                .budget(Budget::AtMost(8.0)),
        )?;
        let media = with.ms_per_join - without.ms_per_join;
        let row = Row::new("CPU of a join's ICE and DTLS, by difference", media, "ms")
            .floor(handshake_ms);
        self.row(row.budget(Budget::AtMost(0.6))).map_err(Into::into)
    }

    /// Signalling alone at scale.
    fn crowd(&mut self) -> Result<(), Box<dyn Error>> {
        let report =
            self.load(&[], &Options { signalling_only: true, stampede: true, ..options(CROWD) })?;
        let Some(signalling) = &report.signalling else { return Ok(()) };
        let event = signalling.stage_event_ms;
        self.row(Row::new(format!("stage event to {CROWD} WebSockets p50"), event.p50, "ms"))?;
        self.row(Row::new("  p99", event.p99, "ms"))?;
        let us = signalling.us_per_event.unwrap_or(f64::NAN);
        self.row(Row::new("  server CPU for each", us, "µs"))?;
        let missing = signalling.stage_events_missing as f64;
        self.row(Row::new("  missing", missing, "").budget(Budget::AtMost(0.0)))?;
        if let Some(stampede) = signalling.stampede_ms {
            let row = Row::new("  all reconnect at once, p99", stampede.p99, "ms");
            self.row(row.budget(Budget::AtMost(15_000.0)))?;
            let ms = signalling.ms_per_resume.unwrap_or(f64::NAN);
            self.row(Row::new("  server CPU for each", ms, "ms"))?;
            let lost = (CROWD - signalling.resumed) as f64;
            self.row(Row::new("  not resumed", lost, "").budget(Budget::AtMost(0.0)))?;
        }
        let Some(server) = &report.server else { return Ok(()) };
        let row = Row::new("  memory of a WebSocket and session", server.kib_per_listener, "KiB");
        self.row(row).map_err(Into::into)
    }

    /// What listeners of one room hear while many join another: handshakes must not hold up audio.
    fn while_others_join(&mut self, others: usize) -> Result<(), Box<dyn Error>> {
        let server = self.server(&[])?;
        let joining = Options { server: server.address, seconds: 1, ..options(others) };
        let hearing = Options { server: server.address, seconds: 6, stamps: true, ..options(50) };
        // Two threads of this process: neither waits for the other, as one alone would for its own handshakes.
        let (report, joined) = std::thread::scope(|scope| {
            let joining = scope.spawn(|| {
                std::thread::sleep(UNTIL_HEARD);
                load::run(&joining).map(|report| report.joined).map_err(|error| error.to_string())
            });
            (load::run(&hearing), joining.join())
        });
        let joined = joined.map_err(|_| "the joining load panicked")??;
        let report = report?;
        self.whole(&report)?;
        let Some(audio) = &report.audio else { return Ok(()) };
        self.row(Row::new(
            format!("audio while {others} others join: added latency p99"),
            audio.latency_ms.p99,
            "ms",
        ))?;
        self.row(Row::new("  p99.9", audio.latency_ms.p999, "ms"))?;
        self.row(Row::new("  longest", audio.latency_ms.max, "ms"))?;
        self.row(Row::new(
            "  the load process's own lateness, longest",
            audio.latest_send_ms,
            "ms",
        ))?;
        if let Some((to_send, gap_ms)) = audio.stamped {
            self.row(Row::new("  until the server sends it, p99.9", to_send.p999, "ms"))?;
            let row = Row::new("  until the server sends it, longest", to_send.max, "ms");
            self.row(row.budget(Budget::AtMost(5.0)))?;
            self.row(Row::new("  longest gap between the server's sends", gap_ms, "ms"))?;
        }
        let missing = (others - joined) as f64;
        self.row(Row::new("  others not joined", missing, "").budget(Budget::AtMost(0.0)))?;
        Ok(())
    }

    fn first_audio(&mut self) -> Result<(), Box<dyn Error>> {
        let server = self.server(&[])?;
        let waits = first_audio::measure(&Options { server: server.address, ..options(50) })?;
        let row = Row::new("accept_invite to first audio at a listener p50", waits.p50, "ms");
        self.row(row.budget(Budget::AtMost(150.0)))?;
        self.row(Row::new("  p99", waits.p99, "ms"))?;
        Ok(())
    }
}
