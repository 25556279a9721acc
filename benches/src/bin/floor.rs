//! The kernel's price for a packet, alone.

use std::error::Error;
use std::io::Write;
use std::time::Duration;

use clap::Parser;
use palco_benches::floor;

/// Sends bare datagrams to many loopback addresses and prints the CPU for each
#[derive(Parser)]
struct Arguments {
    /// Addresses
    #[arg(long, default_value_t = 500)]
    listeners: usize,
    /// Addresses at one port
    #[arg(long, default_value_t = 500)]
    per_port: usize,
    /// Bytes of a datagram
    #[arg(long, default_value_t = 119)]
    bytes: usize,
    /// Datagrams at once to each address; several also by UDP GSO
    #[arg(long, default_value_t = 1)]
    each: usize,
    /// How long, in seconds, each way
    #[arg(long, default_value_t = 3)]
    seconds: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { listeners, per_port, bytes, each, seconds } = Arguments::parse();
    let time = Duration::from_secs(seconds);
    if each > 1 {
        let bytes = u16::try_from(bytes)?;
        let bursts = floor::measure_bursts(listeners, per_port, bytes, each, time)?;
        writeln!(
            std::io::stdout(),
            "{each} to each: sendto {:.3} µs, sendmmsg {:.3} µs, UDP_SEGMENT {:.3} µs, {:.1} % received",
            bursts.sendto_us,
            bursts.sendmmsg_us,
            bursts.segments_us,
            bursts.received_share * 100.0
        )?;
        return Ok(());
    }
    let floor = floor::measure(listeners, per_port, bytes, time)?;
    let received = floor.received_share * 100.0;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "sendto {:.3} µs, sendmmsg {:.3} µs, {received:.1} % received",
        floor.sendto_us, floor.sendmmsg_us
    )?;
    Ok(())
}
