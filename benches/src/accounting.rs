//! What a process costs, by the system's own books: CPU, split into user and system, and memory.

use std::fs;
use std::io;
use std::time::{Duration, Instant};

use crate::sys;

/// A process's use of CPU and memory at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// When it was read.
    pub at: Instant,
    /// User and system together, all threads.
    pub cpu: Duration,
    /// Clock ticks in user mode and in the kernel: only their ratio is used, they are sampled.
    ticks: (u64, u64),
    /// Resident memory in KiB.
    pub resident_kib: u64,
}

/// CPU used between two moments.
#[derive(Clone, Copy, Debug)]
pub struct Spent {
    /// User and system together.
    pub cpu: Duration,
    /// The kernel's share, 0.0 to 1.0.
    pub system_share: f64,
    /// Over this time.
    pub wall: Duration,
}

impl Usage {
    /// Reads the books of `pid`.
    ///
    /// # Errors
    /// If there is no such process.
    pub fn of(pid: u32) -> io::Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let memory = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
        let bad = |what| io::Error::new(io::ErrorKind::InvalidData, what);
        Ok(Self {
            at: Instant::now(),
            cpu: sys::process_cpu(pid)?,
            ticks: ticks(&stat).ok_or_else(|| bad("/proc/<pid>/stat"))?,
            resident_kib: resident_kib(&memory).ok_or_else(|| bad("/proc/<pid>/smaps_rollup"))?,
        })
    }

    /// What was spent since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Spent {
        let user = self.ticks.0.saturating_sub(earlier.ticks.0);
        let system = self.ticks.1.saturating_sub(earlier.ticks.1);
        Spent {
            cpu: self.cpu.saturating_sub(earlier.cpu),
            system_share: system as f64 / ((user + system).max(1)) as f64,
            wall: self.at - earlier.at,
        }
    }
}

impl Spent {
    /// Microseconds for each of `count`.
    #[must_use]
    pub fn us_each(&self, count: u64) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / count.max(1) as f64
    }

    /// Cores kept busy: 1.0 is one.
    #[must_use]
    pub fn cores(&self) -> f64 {
        self.cpu.as_secs_f64() / self.wall.as_secs_f64().max(1e-9)
    }
}

/// utime and stime: the 12th and 13th field after the command's name, which may itself hold spaces and brackets.
fn ticks(stat: &str) -> Option<(u64, u64)> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

fn resident_kib(rollup: &str) -> Option<u64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// CPU time of the whole machine that was not idle, time stolen by its host included; in steps of 10 ms.
///
/// # Errors
/// If the system does not say.
pub fn machine_busy() -> io::Result<Duration> {
    let stat = fs::read_to_string("/proc/stat")?;
    busy_ticks(&stat)
        .map(|ticks| Duration::from_millis(10 * ticks))
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "/proc/stat"))
}

/// user, nice, system, (idle, iowait), irq, softirq, steal; in hundredths of a second for all cores together.
fn busy_ticks(stat: &str) -> Option<u64> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let ticks =
        line.split_ascii_whitespace().map(str::parse).collect::<Result<Vec<u64>, _>>().ok()?;
    Some(ticks.get(..3)?.iter().chain(ticks.get(5..8)?).sum())
}

/// The machine in one line: processor, cores, memory, kernel.
#[must_use]
pub fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let meminfo = read("/proc/meminfo");
    let kib =
        meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().split(' ').next());
    let gib = kib.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or_default() >> 20;
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    format!(
        "{}, {cores} cores, {gib} GiB, Linux {}",
        model.map_or("unknown processor", |(_, name)| name),
        kernel.trim()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_books_are_read_whatever_the_command_is_called() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 9 0 0 0 31 42 0 0 20 0 3 0 5 6 7";
        assert_eq!(ticks(stat), Some((31, 42)));
        assert_eq!(ticks("7 (a"), None);
        let rollup =
            "5583-7ffd ---p 00000000 00:00 0 [rollup]\nRss:                1716 kB\nPss: 3 kB\n";
        assert_eq!(resident_kib(rollup), Some(1716));
        let machine = "cpu  10 20 30 9000 8000 1 2 3 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n";
        assert_eq!(busy_ticks(machine), Some(66));
    }

    #[test]
    fn this_process_has_books() {
        let before = Usage::of(std::process::id()).unwrap();
        let block = std::hint::black_box(vec![1_u8; 32 << 20]);
        let after = Usage::of(std::process::id()).unwrap();
        assert!(after.resident_kib >= before.resident_kib + (24 << 10), "{before:?} {after:?}");
        assert!(after.since(&before).cpu > Duration::ZERO);
        drop(block);
    }
}
