//! What a run of the load generator found, as JSON and for people.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::accounting::Spent;
use crate::histogram::Histogram;

/// A run's figures. What was not measured is absent.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Clients that were to listen.
    pub listeners: usize,
    /// Clients on stage, the host among them.
    pub speakers: usize,
    /// Listeners that got in: with their media, if the run has media.
    pub joined: usize,
    /// Why others did not.
    pub failures: BTreeMap<String, u32>,
    /// From the connection to the answer `joined`.
    pub signalled_ms: Quantiles,
    /// From the connection to the end of DTLS: the listener can hear.
    pub connected_ms: Option<Quantiles>,
    /// What the audio did.
    pub audio: Option<Audio>,
    /// Events to everybody and reconnection of everybody.
    pub signalling: Option<Signalling>,
    /// What it cost the server.
    pub server: Option<Server>,
    /// Cores this process kept busy while audio flowed.
    pub own_cores: Option<f64>,
    /// Cores that neither the server nor this process kept busy meanwhile: noise in every figure here.
    pub others_cores: Option<f64>,
    /// This process's CPU for each packet received, sending and signalling included.
    pub own_us_per_packet: Option<f64>,
}

/// Quantiles in milliseconds.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub struct Quantiles {
    /// Half of all are no longer.
    pub p50: f64,
    /// 99 % are no longer.
    pub p99: f64,
    /// 99.9 % are no longer.
    pub p999: f64,
    /// The longest.
    pub max: f64,
}

impl Quantiles {
    /// Of all that was counted.
    #[must_use]
    pub fn of(histogram: &Histogram) -> Self {
        let at = |share| ms(histogram.quantile(share));
        Self { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: ms(histogram.longest()) }
    }

    /// Of a list.
    pub(super) fn of_all(durations: impl Iterator<Item = Duration>) -> Self {
        let mut histogram = Histogram::default();
        durations.for_each(|duration| histogram.record(duration));
        Self::of(&histogram)
    }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

impl fmt::Display for Quantiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { p50, p99, p999, max } = self;
        write!(f, "p50 {p50:.1}  p99 {p99:.1}  p99.9 {p999:.1}  max {max:.1} ms")
    }
}

/// What listeners heard while the window was open.
#[derive(Debug, Serialize)]
pub struct Audio {
    /// How long the window was open.
    pub seconds: f64,
    /// Frames that speakers sent in it.
    pub frames: u64,
    /// Packets listeners received in it.
    pub packets: u64,
    /// Of the packets that the frames should have become, those that never arrived, in percent. Absent with more
    /// speakers than slots, where the server chooses. Absent for bundles too, whose
    /// length is not in clear: see `holes`.
    pub loss_percent: Option<f64>,
    /// The most streams that one listener heard.
    pub most_streams: usize,
    /// Sequence numbers that never came.
    pub holes: u64,
    /// From the speaker's send to the listener's read, through server and both processes.
    pub latency_ms: Quantiles,
    /// The longest time between two packets of a stream.
    pub longest_gap_ms: f64,
    /// By the kernel's stamps, taken within the server's own send: to there, and the longest gap between the server's
    /// sends of a stream. Without the time that packets wait for this process.
    pub stamped: Option<(Quantiles, f64)>,
    /// Decrypted samples whose audio was, byte for byte, what a speaker sent.
    pub samples_intact: u64,
    /// Decrypted samples of other content (redundant or bundled frames).
    pub samples_other: u64,
    /// Samples that did not decrypt.
    pub undecryptable: u64,
    /// Mean length of a received datagram.
    pub datagram_bytes: usize,
    /// Datagrams this process could not send.
    pub unsent: u64,
    /// The longest by which this process itself was late with a frame: above a few milliseconds, it was starved of
    /// CPU and the latencies are its own.
    pub latest_send_ms: f64,
}

/// Signalling at scale.
#[derive(Debug, Serialize)]
pub struct Signalling {
    /// From a speaker's mute to its event at each listener; and how many of those events never came.
    pub stage_event_ms: Quantiles,
    /// Events that did not come within ten seconds.
    pub stage_events_missing: u64,
    /// Server CPU for one event to one listener.
    pub us_per_event: Option<f64>,
    /// All listeners reconnect at once: until each was welcome again.
    pub stampede_ms: Option<Quantiles>,
    /// How many of them resumed.
    pub resumed: usize,
    /// Server CPU for one resumption.
    pub ms_per_resume: Option<f64>,
}

/// The server's books.
#[derive(Debug, Default, Serialize)]
pub struct Server {
    /// Resident before anybody came, with everybody in, and after the audio.
    pub resident_kib: [u64; 3],
    /// What each listener added, by the larger of the two later figures.
    pub kib_per_listener: f64,
    /// CPU for one join: WebSocket, SDP, ICE and DTLS.
    pub ms_per_join: f64,
    /// Of these, in the kernel, in percent.
    pub join_system_percent: f64,
    /// Cores busy with everybody in and nobody speaking.
    pub idle_cores: f64,
    /// CPU for one forwarded packet; ICE, RTCP, timers and all else included.
    pub us_per_packet: Option<f64>,
    /// Of these, in the kernel, in percent.
    pub packet_system_percent: Option<f64>,
    /// Cores busy while audio flowed.
    pub cores: Option<f64>,
    /// CPU for one listener during one second of audio.
    pub us_per_listener_second: Option<f64>,
}

impl Server {
    pub(super) fn joins(&mut self, spent: Spent, joins: usize) {
        self.ms_per_join = spent.us_each(joins as u64) / 1e3;
        self.join_system_percent = spent.system_share * 100.0;
    }

    pub(super) fn audio(&mut self, spent: Spent, packets: u64, listeners: usize) {
        self.us_per_listener_second = Some(spent.cores() * 1e6 / listeners.max(1) as f64);
        self.us_per_packet = Some(spent.us_each(packets));
        self.packet_system_percent = Some(spent.system_share * 100.0);
        self.cores = Some(spent.cores());
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { listeners, speakers, joined, .. } = self;
        writeln!(f, "joined        {joined} of {listeners} listeners, {speakers} on stage")?;
        for (why, times) in &self.failures {
            writeln!(f, "  failed      {times} × {why}")?;
        }
        writeln!(f, "  signalled   {}", self.signalled_ms)?;
        if let Some(connected) = &self.connected_ms {
            writeln!(f, "  can hear    {connected}")?;
        }
        if let Some(audio) = &self.audio {
            write!(f, "{audio}")?;
        }
        if let Some(signalling) = &self.signalling {
            write!(f, "{signalling}")?;
        }
        if let Some(server) = &self.server {
            write!(f, "{server}")?;
        }
        if let (Some(cores), Some(us)) = (self.own_cores, self.own_us_per_packet) {
            writeln!(f, "load process  {cores:.2} cores, {us:.2} µs for each packet received")?;
        }
        if let Some(cores) = self.others_cores {
            writeln!(f, "others        {cores:.2} cores busy on this machine while audio flowed")?;
        }
        Ok(())
    }
}

impl fmt::Display for Audio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seconds, frames, packets, holes, unsent, .. } = self;
        writeln!(
            f,
            "audio         {seconds:.1} s, {frames} frames, {packets} packets of {} bytes in at most {} streams",
            self.datagram_bytes, self.most_streams
        )?;
        let loss = self.loss_percent.map_or("-".to_owned(), |loss| format!("{loss:.4} %"));
        writeln!(
            f,
            "  loss        {loss}, {holes} holes in sequence numbers, {unsent} not sent by the load process"
        )?;
        writeln!(f, "  latency     {}", self.latency_ms)?;
        writeln!(
            f,
            "  longest gap {:.1} ms; own frames late by up to {:.1} ms",
            self.longest_gap_ms, self.latest_send_ms
        )?;
        if let Some((latency, gap_ms)) = &self.stamped {
            writeln!(f, "  to its send {latency}; longest gap between sends {gap_ms:.1} ms")?;
        }
        let Self { samples_intact, samples_other, undecryptable, .. } = self;
        writeln!(
            f,
            "  samples     {samples_intact} intact, {samples_other} other, {undecryptable} not decrypted"
        )
    }
}

impl fmt::Display for Signalling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = self
            .us_per_event
            .map_or(String::new(), |us| format!(", {us:.1} µs of server CPU each"));
        writeln!(
            f,
            "stage event   {}, {} missing{each}",
            self.stage_event_ms, self.stage_events_missing
        )?;
        let Some(stampede) = &self.stampede_ms else { return Ok(()) };
        let each = self
            .ms_per_resume
            .map_or(String::new(), |ms| format!(", {ms:.3} ms of server CPU each"));
        writeln!(f, "stampede      {stampede}, {} resumed{each}", self.resumed)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [empty, full, after] = self.resident_kib;
        writeln!(f, "server")?;
        writeln!(
            f,
            "  memory      {empty} KiB empty, {full} full, {after} after: {:.1} KiB a listener",
            self.kib_per_listener
        )?;
        writeln!(
            f,
            "  join        {:.3} ms of CPU ({:.0} % system)",
            self.ms_per_join, self.join_system_percent
        )?;
        writeln!(f, "  idle        {:.3} cores", self.idle_cores)?;
        if let (Some(us), Some(system), Some(cores)) =
            (self.us_per_packet, self.packet_system_percent, self.cores)
        {
            writeln!(
                f,
                "  forwarding  {us:.3} µs of CPU a packet ({system:.0} % system), {cores:.2} cores"
            )?;
            let each = self.us_per_listener_second.unwrap_or(f64::NAN);
            writeln!(f, "              {each:.1} µs of CPU a listener and second")?;
        }
        Ok(())
    }
}
