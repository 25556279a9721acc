//! System calls that the standard library does not have: batched receive and send, waiting for several descriptors,
//! a wake-up between threads. With `waiting`, the only unsafe code of the crate; nothing here decides anything.
#![expect(
    unsafe_code,
    reason = "recvmmsg, sendmmsg, epoll and eventfd have no safe form in the standard library"
)]

use std::io::{Error, ErrorKind, Result};
use std::mem::{size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

mod waiting;

pub(crate) use waiting::{Bell, Interest, Waiter};

/// Datagrams taken or handed over in one system call.
const BATCH: usize = crate::fanout::BATCH_PACKETS;
/// Larger datagrams are none of ours: DTLS flights stay below the path MTU.
const MAX_DATAGRAM: usize = 2048;

/// A shard's UDP socket.
pub(crate) struct Udp {
    socket: UdpSocket,
    is_v6: bool,
}

/// Received datagrams, in buffers that are used again.
pub(crate) struct Received {
    buffers: Box<[[u8; MAX_DATAGRAM]]>,
    names: Box<[libc::sockaddr_storage]>,
    lens: [usize; BATCH],
    controls: Box<[Control]>,
    /// When the kernel took each in, by the clock on the wall, since 1970.
    arrived: [Option<Duration>; BATCH],
}

/// Room for one timestamp among the control messages, aligned as their headers must be.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; 64]);

/// The arrays of `sendmmsg`, used again.
pub(crate) struct Sending {
    names: Box<[libc::sockaddr_storage]>,
    vectors: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
}

// SAFETY: the raw pointers in `vectors` and `headers` are written anew before each use and never followed between.
unsafe impl Send for Sending {}

fn check(result: libc::c_int) -> Result<libc::c_int> {
    if result < 0 { Err(Error::last_os_error()) } else { Ok(result) }
}

impl Udp {
    /// Binds without blocking mode and asks for `buffer_bytes` in both directions (the kernel may grant less).
    pub(crate) fn bind(address: SocketAddr, buffer_bytes: usize) -> Result<Self> {
        let socket = UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        let udp = Self { is_v6: socket.local_addr()?.is_ipv6(), socket };
        let bytes = libc::c_int::try_from(buffer_bytes).unwrap_or(libc::c_int::MAX);
        let pairs =
            [(libc::SO_RCVBUFFORCE, libc::SO_RCVBUF), (libc::SO_SNDBUFFORCE, libc::SO_SNDBUF)];
        for (forced, asked) in pairs {
            // Beyond the system's limit for those who may, up to it for the others.
            if udp.set_option(forced, bytes).is_err() {
                udp.set_option(asked, bytes)?;
            }
        }
        // The age of audio that waited in the kernel: old audio is better dropped than played late.
        udp.set_option(libc::SO_TIMESTAMPNS, 1)?;
        Ok(udp)
    }

    fn set_option(&self, option: libc::c_int, value: libc::c_int) -> Result<()> {
        // SAFETY: the value lives across the call and its size is given.
        check(unsafe {
            libc::setsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_SOCKET,
                option,
                (&raw const value).cast(),
                size_of::<libc::c_int>() as libc::socklen_t,
            )
        })
        .map(drop)
    }

    /// Datagrams that the kernel dropped because we did not take them in time, since the beginning; wraps at 2^32.
    pub(crate) fn receive_drops(&self) -> u32 {
        /// `SK_MEMINFO_DROPS` of the kernel's `sock_diag.h`, the last of the values of `SO_MEMINFO`.
        const DROPS: usize = 8;
        let mut values = [0_u32; DROPS + 1];
        let mut len = size_of_val(&values) as libc::socklen_t;
        // SAFETY: the array lives across the call and its size is given.
        let read = unsafe {
            libc::getsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_MEMINFO,
                values.as_mut_ptr().cast(),
                &raw mut len,
            )
        };
        if read == 0 { values[DROPS] } else { 0 }
    }

    pub(crate) fn local_addr(&self) -> Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Takes up to a batch of waiting datagrams; how many there were.
    pub(crate) fn receive(&self, into: &mut Received) -> usize {
        // SAFETY: all-zero is a valid value of these C structures.
        let mut vectors: [libc::iovec; BATCH] = unsafe { zeroed() };
        // SAFETY: as above.
        let mut headers: [libc::mmsghdr; BATCH] = unsafe { zeroed() };
        for at in 0..BATCH {
            vectors[at].iov_base = into.buffers[at].as_mut_ptr().cast();
            vectors[at].iov_len = MAX_DATAGRAM;
            let header = &mut headers[at].msg_hdr;
            header.msg_iov = &raw mut vectors[at];
            header.msg_iovlen = 1;
            header.msg_name = (&raw mut into.names[at]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_control = (&raw mut into.controls[at]).cast();
            header.msg_controllen = size_of::<Control>();
        }
        // SAFETY: every header points to a vector, a buffer and a name that outlive the call; their lengths are true.
        let count = unsafe {
            libc::recvmmsg(
                self.socket.as_raw_fd(),
                headers.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        // Errors of a UDP socket (nothing there, a refused port of a peer) are not ours to act on.
        let count = usize::try_from(count).unwrap_or(0);
        for (at, header) in headers.iter().enumerate().take(count) {
            let cut = header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0;
            into.lens[at] = if cut { 0 } else { header.msg_len as usize };
            into.arrived[at] = timestamp(&header.msg_hdr);
        }
        count
    }

    /// Sends all; returns how many packets and bytes went out and how many packets the kernel did not take.
    pub(crate) fn send<'a>(
        &self,
        packets: impl Iterator<Item = (SocketAddr, &'a [u8])>,
        sending: &mut Sending,
    ) -> Sent {
        let mut sent = Sent::default();
        let mut packets = packets.peekable();
        while packets.peek().is_some() {
            sending.vectors.clear();
            sending.headers.clear();
            for (at, (to, bytes)) in packets.by_ref().take(BATCH).enumerate() {
                let name_len = write_name(to, self.is_v6, &mut sending.names[at]);
                sending.vectors.push(libc::iovec {
                    iov_base: bytes.as_ptr().cast_mut().cast(),
                    iov_len: bytes.len(),
                });
                // SAFETY: all-zero is a valid message header.
                let mut header: libc::mmsghdr = unsafe { zeroed() };
                header.msg_hdr.msg_name = (&raw mut sending.names[at]).cast();
                header.msg_hdr.msg_namelen = name_len;
                header.msg_hdr.msg_iovlen = 1;
                sending.headers.push(header);
            }
            for (header, vector) in sending.headers.iter_mut().zip(&mut sending.vectors) {
                header.msg_hdr.msg_iov = vector;
            }
            self.send_batch(sending, &mut sent);
        }
        sent
    }

    fn send_batch(&self, sending: &mut Sending, sent: &mut Sent) {
        /// A full send buffer empties at the link's speed: 2 ms are several hundred packets of a gigabit.
        const PATIENCE: Duration = Duration::from_millis(2);
        let mut rest = sending.headers.as_mut_slice();
        let mut waited = false;
        while !rest.is_empty() {
            // SAFETY: the headers point into `names`, `vectors` and the callers' packets, all alive and not written.
            let count = unsafe {
                libc::sendmmsg(
                    self.socket.as_raw_fd(),
                    rest.as_mut_ptr(),
                    rest.len() as libc::c_uint,
                    libc::MSG_DONTWAIT,
                )
            };
            if let Ok(count) = usize::try_from(count) {
                for header in &rest[..count] {
                    sent.packets += 1;
                    sent.bytes += u64::from(header.msg_len);
                }
                rest = &mut rest[count..];
                continue;
            }
            match Error::last_os_error().kind() {
                ErrorKind::Interrupted => {}
                ErrorKind::WouldBlock if !waited => {
                    waited = true;
                    let _ = wait_writable(self.socket.as_raw_fd(), PATIENCE);
                }
                ErrorKind::WouldBlock => {
                    sent.refused += rest.len() as u64;
                    return;
                }
                // This destination cannot be reached; the others may.
                _ => {
                    sent.refused += 1;
                    rest = &mut rest[1..];
                }
            }
        }
    }
}

/// The kernel's time of arrival among the control messages of a received header.
fn timestamp(header: &libc::msghdr) -> Option<Duration> {
    // SAFETY: the header was filled by the kernel, its control buffer is alive and as long as it says; the payload of
    // a message is read unaligned, as nothing promises more.
    let time = unsafe {
        let message = libc::CMSG_FIRSTHDR(header).as_ref()?;
        if (message.cmsg_level, message.cmsg_type) != (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) {
            return None;
        }
        libc::CMSG_DATA(message).cast::<libc::timespec>().read_unaligned()
    };
    Some(Duration::new(time.tv_sec.try_into().ok()?, time.tv_nsec.try_into().ok()?))
}

/// What became of packets handed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    pub(crate) refused: u64,
}

fn wait_writable(fd: RawFd, timeout: Duration) -> Result<()> {
    let mut poll = libc::pollfd { fd, events: libc::POLLOUT, revents: 0 };
    // SAFETY: one valid descriptor entry.
    check(unsafe { libc::poll(&raw mut poll, 1, timeout.as_millis() as libc::c_int) }).map(drop)
}

impl Received {
    pub(crate) fn new() -> Self {
        Self {
            buffers: vec![[0; MAX_DATAGRAM]; BATCH].into_boxed_slice(),
            // SAFETY: all-zero is a valid address storage.
            names: (0..BATCH).map(|_| unsafe { zeroed() }).collect(),
            lens: [0; BATCH],
            controls: vec![Control([0; 64]); BATCH].into_boxed_slice(),
            arrived: [None; BATCH],
        }
    }

    /// How long the `at`th datagram waited in the kernel, if known; `unix_now` is the time since 1970.
    pub(crate) fn waited(&self, at: usize, unix_now: Duration) -> Option<Duration> {
        unix_now.checked_sub(self.arrived[at]?)
    }

    /// The `at`th datagram of the last `receive` and where it came from, IPv4-mapped addresses in their IPv4 form.
    pub(crate) fn get(&mut self, at: usize) -> Option<(SocketAddr, &mut [u8])> {
        let from = read_name(&self.names[at])?;
        Some((from, &mut self.buffers[at][..self.lens[at]]))
    }
}

impl Sending {
    pub(crate) fn new() -> Self {
        Self {
            // SAFETY: all-zero is a valid address storage.
            names: (0..BATCH).map(|_| unsafe { zeroed() }).collect(),
            vectors: Vec::with_capacity(BATCH),
            headers: Vec::with_capacity(BATCH),
        }
    }
}

fn read_name(name: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match libc::c_int::from(name.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says which structure the storage, large and aligned enough for any, holds.
            let v4 = unsafe { &*(&raw const *name).cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            Some(SocketAddr::new(IpAddr::V4(ip), u16::from_be(v4.sin_port)))
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let v6 = unsafe { &*(&raw const *name).cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            let port = u16::from_be(v6.sin6_port);
            Some(match ip.to_ipv4_mapped() {
                Some(ip) => SocketAddr::new(IpAddr::V4(ip), port),
                None => SocketAddr::V6(SocketAddrV6::new(ip, port, 0, v6.sin6_scope_id)),
            })
        }
        _ => None,
    }
}

fn write_name(to: SocketAddr, is_v6: bool, name: &mut libc::sockaddr_storage) -> libc::socklen_t {
    let v6 = match to {
        SocketAddr::V4(v4) if !is_v6 => {
            // SAFETY: the storage is large and aligned enough for any address.
            let out = unsafe { &mut *(&raw mut *name).cast::<libc::sockaddr_in>() };
            out.sin_family = libc::AF_INET as libc::sa_family_t;
            out.sin_port = v4.port().to_be();
            out.sin_addr.s_addr = u32::from(*v4.ip()).to_be();
            return size_of::<libc::sockaddr_in>() as libc::socklen_t;
        }
        SocketAddr::V4(v4) => SocketAddrV6::new(v4.ip().to_ipv6_mapped(), v4.port(), 0, 0),
        SocketAddr::V6(v6) => v6,
    };
    // SAFETY: as above.
    let out = unsafe { &mut *(&raw mut *name).cast::<libc::sockaddr_in6>() };
    out.sin6_family = libc::AF_INET6 as libc::sa_family_t;
    out.sin6_port = v6.port().to_be();
    out.sin6_addr.s6_addr = v6.ip().octets();
    out.sin6_flowinfo = 0;
    out.sin6_scope_id = v6.scope_id();
    size_of::<libc::sockaddr_in6>() as libc::socklen_t
}

impl AsRawFd for Udp {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{SystemTime, UNIX_EPOCH};

    fn roundtrip(bind: &str, from: &str, seen_as: &str) {
        let server = Udp::bind(bind.parse().unwrap(), 1 << 20).unwrap();
        let port = server.local_addr().unwrap().port();
        let client = UdpSocket::bind(from).unwrap();
        let target: IpAddr = seen_as.parse().unwrap();
        client.connect((target, port)).unwrap();
        client.send(b"ping").unwrap();

        let mut waiter = Waiter::new().unwrap();
        waiter.add(&server, 7, Interest::Read).unwrap();
        assert_eq!(waiter.wait(Some(Duration::from_secs(5))).collect::<Vec<_>>(), [7]);
        let mut received = Received::new();
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(server.receive(&mut received), 1);
        // The kernel begins to stamp arrivals a moment after the first socket asked for it.
        let waited = |received: &Received| {
            let unix_now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            received.waited(0, unix_now).unwrap()
        };
        for _ in 0..1_000 {
            if waited(&received) >= Duration::from_millis(5) {
                break;
            }
            client.send(b"ping").unwrap();
            std::thread::sleep(Duration::from_millis(5));
            assert_eq!(server.receive(&mut received), 1);
        }
        assert!(waited(&received) >= Duration::from_millis(5));
        let (address, bytes) = received.get(0).unwrap();
        assert_eq!(bytes, b"ping");
        assert_eq!(address, client.local_addr().unwrap());
        assert_eq!(server.receive(&mut received), 0);

        let packets: Vec<Vec<u8>> = (0..150_u8).map(|n| vec![n; 1 + usize::from(n)]).collect();
        let sent = server.send(packets.iter().map(|p| (address, &p[..])), &mut Sending::new());
        assert_eq!((sent.packets, sent.refused), (150, 0));
        assert_eq!(sent.bytes, (1..=150).sum::<u64>());
        let mut buffer = [0; 200];
        for packet in &packets {
            let len = client.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..len], packet);
        }
    }

    #[test]
    fn datagrams_come_and_go_in_batches_over_both_families() {
        roundtrip("127.0.0.1:0", "127.0.0.1:0", "127.0.0.1");
        roundtrip("[::1]:0", "[::1]:0", "::1");
        // An IPv4 client of a dual-stack socket is known by its IPv4 address.
        roundtrip("[::]:0", "127.0.0.1:0", "127.0.0.1");
    }

    #[test]
    fn one_destination_that_cannot_be_reached_costs_nobody_else_a_packet() {
        let server = Udp::bind("127.0.0.1:0".parse().unwrap(), 1 << 20).unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        let here = client.local_addr().unwrap();
        // From a loopback address the kernel refuses to send to the world.
        let nowhere = "203.0.113.1:9".parse().unwrap();
        let packets = [(here, &b"a"[..]), (nowhere, b"b"), (here, b"c")];
        let sent = server.send(packets.into_iter(), &mut Sending::new());
        assert_eq!((sent.packets, sent.bytes, sent.refused), (2, 2, 1));
        let mut buffer = [0; 8];
        for expected in [b"a", b"c"] {
            let len = client.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..len], expected);
        }
    }

    #[test]
    fn what_the_kernel_had_no_room_for_is_known() {
        let server = Udp::bind("127.0.0.1:0".parse().unwrap(), 4096).unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.connect(server.local_addr().unwrap()).unwrap();
        for _ in 0..100 {
            client.send(&[0; 1000]).unwrap();
        }
        let mut received = Received::new();
        let mut taken = 0;
        while let more @ 1.. = server.receive(&mut received) {
            taken += more as u32;
        }
        assert!(taken < 100);
        assert_eq!(server.receive_drops(), 100 - taken);
    }

    #[test]
    fn a_bell_wakes_once_however_often_it_was_rung() {
        let bell = Bell::new().unwrap();
        let mut waiter = Waiter::new().unwrap();
        waiter.add(&bell, 1, Interest::Read).unwrap();
        bell.ring();
        bell.ring();
        assert_eq!(waiter.wait(None).count(), 1);
        bell.silence();
        assert_eq!(waiter.wait(Some(Duration::ZERO)).count(), 0);
    }
}
