//! How cost grows with listeners and with speakers, and what two ways to send less would save.

use std::error::Error;

use palco_benches::floor::{self, Floor};
use palco_benches::load::{Options, Report};

use super::{Bench, DATAGRAM_BYTES, FLOOR, options};

const LISTENERS: [usize; 6] = [1, 10, 100, 1000, 5000, 10_000];
const SPEAKERS: [usize; 4] = [1, 5, 20, 50];
/// Who hears the speakers.
const AUDIENCE: usize = 500;
/// Audiences with and without bundles.
const BUNDLED: [usize; 2] = [2000, 5000];
/// How long each is measured.
const SECONDS: u64 = 5;

impl Bench {
    pub(super) fn growth(&mut self) -> Result<(), Box<dyn Error>> {
        const COLUMNS: &[&str] = &[
            "listeners",
            "streams",
            "packets/s",
            "µs/packet",
            "floor µs",
            "KiB/listener",
            "ms/join",
            "p50 ms",
            "p99 ms",
            "p99.9 ms",
            "loss %",
            "server cores",
            "load cores",
            "others' cores",
        ];
        self.grid("Growth with listeners, one speaker", COLUMNS)?;
        for listeners in LISTENERS {
            let options = Options { seconds: SECONDS, ..options(listeners) };
            let (floor, report) = self.between_floors(&[], &options)?;
            self.grown(listeners, &report, floor)?;
        }
        const BY_SPEAKERS: &[&str] = &[
            "speakers",
            "streams",
            "packets/s",
            "µs/packet",
            "floor µs",
            "KiB/listener",
            "ms/join",
            "p50 ms",
            "p99 ms",
            "p99.9 ms",
            "loss %",
            "server cores",
            "load cores",
            "others' cores",
        ];
        self.grid("Growth with speakers who all talk, 500 listeners", BY_SPEAKERS)?;
        for speakers in SPEAKERS {
            let options = Options { seconds: SECONDS, speakers, ..options(AUDIENCE) };
            let (floor, report) = self.between_floors(&["--max-speakers", "50"], &options)?;
            self.grown(speakers, &report, floor)?;
        }
        Ok(())
    }

    fn grown(&mut self, by: usize, report: &Report, floor: Floor) -> Result<(), Box<dyn Error>> {
        let (Some(server), Some(audio)) = (&report.server, &report.audio) else { return Ok(()) };
        let known = |figure: Option<f64>| figure.unwrap_or(f64::NAN);
        let latency = audio.latency_ms;
        let figures = [
            by as f64,
            audio.most_streams as f64,
            (audio.packets as f64 / audio.seconds).round(),
            known(server.us_per_packet),
            floor.sendto_us,
            server.kib_per_listener,
            server.ms_per_join,
            latency.p50,
            latency.p99,
            latency.p999,
            known(audio.loss_percent),
            known(server.cores),
            known(report.own_cores),
            known(report.others_cores),
        ];
        self.line(&figures).map_err(Into::into)
    }

    /// The same audience with a packet for each frame and with bundles of three.
    pub(super) fn bundling(&mut self) -> Result<(), Box<dyn Error>> {
        const COLUMNS: &[&str] = &[
            "listeners",
            "frames/packet",
            "packets/s",
            "bytes/packet",
            "µs/packet",
            "µs/listener/s",
            "server cores",
            "p50 ms",
            "p99 ms",
            "holes",
            "others' cores",
        ];
        self.grid("Bundling", COLUMNS)?;
        for listeners in BUNDLED {
            for (serve, frames) in [(&[][..], 1.0), (&["--bundle-from", "2"][..], 3.0)] {
                let report =
                    self.load(serve, &Options { seconds: SECONDS, ..options(listeners) })?;
                let (Some(server), Some(audio)) = (&report.server, &report.audio) else {
                    continue;
                };
                let known = |figure: Option<f64>| figure.unwrap_or(f64::NAN);
                self.line(&[
                    listeners as f64,
                    frames,
                    (audio.packets as f64 / audio.seconds).round(),
                    audio.datagram_bytes as f64,
                    known(server.us_per_packet),
                    known(server.us_per_listener_second),
                    known(server.cores),
                    audio.latency_ms.p50,
                    audio.latency_ms.p99,
                    audio.holes as f64,
                    known(report.others_cores),
                ])?;
            }
        }
        Ok(())
    }

    /// Several packets at once to each listener, as if a listener's slots were sent together.
    pub(super) fn bursts(&mut self) -> Result<(), Box<dyn Error>> {
        const COLUMNS: &[&str] =
            &["packets to each", "sendto µs", "sendmmsg µs", "UDP_SEGMENT µs", "received %"];
        self.grid(
            "Several packets at once to each of 500 listeners, CPU for each packet",
            COLUMNS,
        )?;
        for each in [1, 2, 4] {
            // Few at a port, so that the bursts fit into its buffer.
            let per_port = 25;
            let bursts =
                floor::measure_bursts(AUDIENCE, per_port, DATAGRAM_BYTES as u16, each, FLOOR)?;
            self.line(&[
                each as f64,
                bursts.sendto_us,
                bursts.sendmmsg_us,
                bursts.segments_us,
                (bursts.received_share * 100.0).min(100.0),
            ])?;
        }
        Ok(())
    }
}
