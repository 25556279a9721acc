//! The kernel's price: the same bytes, bare, to as many addresses, in bursts as a slot's packets leave. What the
//! server's cost per packet is compared with.
//!
//! On loopback the sender also does the receiver's half within its own system call; that is so for the server too.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::load;
use crate::sys::{self, Epoll, Interest, ReceiveBatch, SharedPort};

/// One burst to everybody each frame.
const BURST_INTERVAL: Duration = Duration::from_millis(20);
/// As the load generator reads: with naps, so that the sender wakes nobody.
const NAP: Duration = Duration::from_micros(500);

/// CPU for one packet, in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Floor {
    /// One `sendto` each.
    pub sendto_us: f64,
    /// `sendmmsg` of 64.
    pub sendmmsg_us: f64,
    /// Of the packets sent, those that were received, 0.0 to 1.0: below one, drops made sending look cheap.
    pub received_share: f64,
}

impl Floor {
    /// The mean of two.
    #[must_use]
    pub fn mean(self, other: Self) -> Self {
        Self {
            sendto_us: f64::midpoint(self.sendto_us, other.sendto_us),
            sendmmsg_us: f64::midpoint(self.sendmmsg_us, other.sendmmsg_us),
            received_share: self.received_share.min(other.received_share),
        }
    }
}

/// CPU for one packet when several of the same length go to each address at once, in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Bursts {
    /// One `sendto` each.
    pub sendto_us: f64,
    /// `sendmmsg` of 64.
    pub sendmmsg_us: f64,
    /// One `sendmsg` to each address, cut by the kernel (UDP GSO).
    pub segments_us: f64,
    /// As in `Floor`.
    pub received_share: f64,
}

/// Sends datagrams of `len` bytes to `listeners` addresses, `per_port` at each port, for `time` in either way.
///
/// # Errors
/// If sockets cannot be had.
pub fn measure(listeners: usize, per_port: usize, len: usize, time: Duration) -> io::Result<Floor> {
    let datagram = vec![0x80; len];
    let (received_share, [sendto_us, sendmmsg_us]) =
        received(listeners, per_port, |socket, destinations| {
            let one_by_one = bursts(time, || one_by_one(socket, &datagram, destinations));
            let in_batches = bursts(time, || sys::send_to_all(socket, &datagram, destinations));
            [one_by_one, in_batches]
        })?;
    Ok(Floor { sendto_us, sendmmsg_us, received_share })
}

/// The same with `each` datagrams at once to each address, in three ways.
///
/// # Errors
/// As `measure`.
pub fn measure_bursts(
    listeners: usize,
    per_port: usize,
    len: u16,
    each: usize,
    time: Duration,
) -> io::Result<Bursts> {
    let datagram = vec![0x80; usize::from(len)];
    let together = datagram.repeat(each);
    let (received_share, [sendto_us, sendmmsg_us, segments_us]) =
        received(listeners, per_port, |socket, destinations| {
            let repeated: Vec<_> =
                destinations.iter().flat_map(|to| std::iter::repeat_n(*to, each)).collect();
            let one_by_one = bursts(time, || one_by_one(socket, &datagram, &repeated));
            let in_batches = bursts(time, || sys::send_to_all(socket, &datagram, &repeated));
            let segments = bursts(time, || {
                let cut = |to: &&SocketAddrV4| sys::send_segments(socket, &together, len, **to);
                each * destinations.iter().filter(cut).count()
            });
            [one_by_one, in_batches, segments]
        })?;
    Ok(Bursts { sendto_us, sendmmsg_us, segments_us, received_share })
}

fn one_by_one(socket: &UdpSocket, datagram: &[u8], destinations: &[SocketAddrV4]) -> usize {
    destinations.iter().filter(|to| socket.send_to(datagram, to).is_ok()).count()
}

/// Lets `send` send while a thread receives; gives the share that was received, and the CPU for each packet of each
/// way that `send` measured.
fn received<const WAYS: usize>(
    listeners: usize,
    per_port: usize,
    send: impl FnOnce(&UdpSocket, &[SocketAddrV4]) -> [(usize, f64); WAYS],
) -> io::Result<(f64, [f64; WAYS])> {
    sys::raise_open_files()?;
    let per_port = per_port.clamp(1, 0x1_0000);
    let ports = (0..listeners.div_ceil(per_port))
        .map(|_| SharedPort::bind())
        .collect::<io::Result<Vec<_>>>()?;
    let destinations = load::addresses(&ports, per_port, listeners);
    let (received, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let receiver = scope.spawn(|| receive(&ports, &received, &stop));
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let ways = send(&socket, &destinations);
        // What is on its way arrives.
        std::thread::sleep(5 * BURST_INTERVAL);
        stop.store(true, Ordering::Relaxed);
        receiver.join().map_err(|_| io::Error::other("the floor's receiver panicked"))??;
        let sent = ways.iter().map(|(sent, _)| sent).sum::<usize>().max(1);
        let received_share = received.load(Ordering::Relaxed) as f64 / sent as f64;
        Ok((received_share, ways.map(|(_, us)| us)))
    })
}

/// Runs a burst each interval for `time`; gives how many packets went out and the thread's CPU for each.
fn bursts(time: Duration, mut burst: impl FnMut() -> usize) -> (usize, f64) {
    // Unmeasured: routes and caches.
    burst();
    let (start, mut next, mut sent, mut spent) =
        (Instant::now(), Instant::now(), 0, Duration::ZERO);
    while start.elapsed() < time {
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        next = Instant::now().max(next + BURST_INTERVAL);
        let before = sys::thread_cpu();
        sent += burst();
        spent += sys::thread_cpu().saturating_sub(before);
    }
    (sent, spent.as_secs_f64() * 1e6 / sent.max(1) as f64)
}

fn receive(ports: &[SharedPort], received: &AtomicU64, stop: &AtomicBool) -> io::Result<()> {
    let mut epoll = Epoll::new()?;
    for (at, port) in ports.iter().enumerate() {
        epoll.add(port, at as u64, Interest::Read)?;
    }
    let (mut batch, mut ready) = (ReceiveBatch::new(), Vec::new());
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(NAP);
        ready.clear();
        epoll.wait(Duration::ZERO, &mut ready)?;
        for at in &ready {
            let count = ports[*at as usize].receive(&mut batch)?;
            // Read as the load generator reads, so that the cache is shared as there.
            let whole = (0..count).filter(|place| !batch.datagram(*place).1.is_empty()).count();
            received.fetch_add(whole as u64, Ordering::Relaxed);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_packet_is_received_and_costs_something() {
        for per_port in [1, 7] {
            let floor = measure(20, per_port, 100, Duration::from_millis(100)).unwrap();
            assert!(floor.sendto_us > 0.0 && floor.sendmmsg_us > 0.0, "{floor:?}");
            // One unmeasured burst each way comes on top of those that were counted.
            assert!(floor.received_share >= 1.0, "{floor:?}");
            let bursts = measure_bursts(20, per_port, 100, 4, Duration::from_millis(100)).unwrap();
            assert!(bursts.segments_us > 0.0 && bursts.received_share >= 1.0, "{bursts:?}");
        }
    }
}
