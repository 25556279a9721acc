//! System calls that the standard library lacks: batched datagrams, epoll, clocks of other processes. The only unsafe
//! code of this crate. Linux, IPv4, loopback.

#![expect(
    unsafe_code,
    reason = "libc calls; every pointer handed to the kernel is set in the same function"
)]

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// Datagrams per system call. The server sends 64 at once; more gains nothing measurable.
pub(crate) const BATCH: usize = 64;
/// Larger than any datagram of either side (DTLS flights are cut at 1,200 bytes).
const DATAGRAM_BYTES: usize = 1500;
/// `CMSG_SPACE(sizeof(struct in_pktinfo))` in 64-bit words: header 16 bytes, content 12, padding 4.
const CONTROL_WORDS: usize = 4;
/// Room for that and for a `timespec` with its header.
const RECEIVED_WORDS: usize = 8;

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn set_option(
    fd: RawFd,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    let len = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: `value` lives through the call and `len` is its size.
    check(unsafe { libc::setsockopt(fd, level, name, (&raw const value).cast(), len) }).map(drop)
}

/// Raises the soft limit of open descriptors to the hard one and gives it.
pub(crate) fn raise_open_files() -> io::Result<u64> {
    // SAFETY: both calls read or write one rlimit that lives here.
    unsafe {
        let mut limit: libc::rlimit = zeroed();
        check(libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit))?;
        limit.rlim_cur = limit.rlim_max;
        check(libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit))?;
        Ok(limit.rlim_cur)
    }
}

/// The calling thread, and what it starts from now on, run on these cores only.
///
/// # Errors
/// If there is none of them for this process.
pub fn keep_to(cores: &[usize]) -> io::Result<()> {
    // SAFETY: all-zero is a valid, empty set.
    let mut set: libc::cpu_set_t = unsafe { zeroed() };
    for &core in cores.iter().filter(|&&core| core < libc::CPU_SETSIZE as usize) {
        // SAFETY: the number is within the set.
        unsafe { libc::CPU_SET(core, &mut set) };
    }
    // SAFETY: `set` lives through the call with its size. To Linux, 0 is the calling thread.
    check(unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) })
        .map(drop)
}

/// The cores that the calling thread may run on.
///
/// # Errors
/// If the system refuses.
pub fn cores() -> io::Result<Vec<usize>> {
    // SAFETY: the kernel writes one set that lives here; numbers below `CPU_SETSIZE` are within it.
    unsafe {
        let mut set: libc::cpu_set_t = zeroed();
        check(libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set))?;
        Ok((0..libc::CPU_SETSIZE as usize).filter(|&core| libc::CPU_ISSET(core, &set)).collect())
    }
}

fn clock(id: libc::clockid_t) -> io::Result<Duration> {
    // SAFETY: the kernel writes one timespec that lives here.
    let time = unsafe {
        let mut time: libc::timespec = zeroed();
        check(libc::clock_gettime(id, &raw mut time))?;
        time
    };
    // A CPU clock is never negative and its nanoseconds are below a second.
    Ok(Duration::new(time.tv_sec.cast_unsigned(), time.tv_nsec as u32))
}

/// CPU time a process has used, all threads, user and system, to the nanosecond.
pub(crate) fn process_cpu(pid: u32) -> io::Result<Duration> {
    let mut id: libc::clockid_t = 0;
    // SAFETY: the kernel writes one clock id that lives here.
    match unsafe { libc::clock_getcpuclockid(pid.cast_signed(), &raw mut id) } {
        0 => clock(id),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// CPU time the calling thread has used.
pub(crate) fn thread_cpu() -> Duration {
    clock(libc::CLOCK_THREAD_CPUTIME_ID).unwrap_or_default()
}

/// A TCP connection on its way; writable once it stands. `std` can only connect by waiting.
pub(crate) fn connect(to: SocketAddrV4) -> io::Result<TcpStream> {
    let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: a fresh descriptor is owned at once, by the stream.
    let stream = unsafe {
        let fd = check(libc::socket(libc::AF_INET, kind, 0))?;
        TcpStream::from_raw_fd(fd)
    };
    let name = socket_name(to);
    let len = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    // SAFETY: `name` lives through the call and `len` is its size.
    let result = unsafe { libc::connect(stream.as_raw_fd(), (&raw const name).cast(), len) };
    match check(result) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
        _ => Ok(stream),
    }
}

fn socket_name(address: SocketAddrV4) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address.ip().octets()) },
        sin_zero: [0; 8],
    }
}

/// What a descriptor is watched for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Interest {
    Read,
    ReadWrite,
}

impl Interest {
    fn bits(self) -> u32 {
        let bits = match self {
            Self::Read => libc::EPOLLIN | libc::EPOLLRDHUP,
            Self::ReadWrite => libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLOUT,
        };
        bits.cast_unsigned()
    }
}

/// Level-triggered readiness of many descriptors.
pub(crate) struct Epoll {
    fd: OwnedFd,
    events: Vec<libc::epoll_event>,
}

impl Epoll {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: a fresh descriptor is owned at once.
        let fd = unsafe { OwnedFd::from_raw_fd(check(libc::epoll_create1(libc::EPOLL_CLOEXEC))?) };
        // 256 at a time: short enough that media between two waits is not late.
        Ok(Self { fd, events: vec![libc::epoll_event { events: 0, u64: 0 }; 256] })
    }

    fn control(
        &self,
        op: libc::c_int,
        fd: RawFd,
        token: u64,
        interest: Interest,
    ) -> io::Result<()> {
        let mut event = libc::epoll_event { events: interest.bits(), u64: token };
        // SAFETY: `event` lives through the call.
        check(unsafe { libc::epoll_ctl(self.fd.as_raw_fd(), op, fd, &raw mut event) }).map(drop)
    }

    pub(crate) fn add(&self, fd: &impl AsRawFd, token: u64, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd.as_raw_fd(), token, interest)
    }

    pub(crate) fn change(
        &self,
        fd: &impl AsRawFd,
        token: u64,
        interest: Interest,
    ) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd.as_raw_fd(), token, interest)
    }

    /// Waits and appends the tokens of what is ready.
    pub(crate) fn wait(&mut self, timeout: Duration, ready: &mut Vec<u64>) -> io::Result<()> {
        let timeout_ms = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        let (room, most) = (self.events.as_mut_ptr(), self.events.len() as libc::c_int);
        // SAFETY: `room` has place for `most` events.
        let count = unsafe { libc::epoll_wait(self.fd.as_raw_fd(), room, most, timeout_ms) };
        match check(count) {
            Ok(count) => {
                ready.extend(self.events[..count as usize].iter().map(|event| event.u64));
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// A UDP port at which many loopback addresses receive: each listener is one of 127/8, so that the server sees as
/// many peers as with a socket each while the receiver reads all of them in one system call.
pub(crate) struct SharedPort {
    socket: UdpSocket,
    port: u16,
}

impl SharedPort {
    pub(crate) fn bind() -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.set_nonblocking(true)?;
        let port = socket.local_addr()?.port();
        let fd = socket.as_raw_fd();
        // Bound to all addresses, reachable from this machine only.
        let (name, len) = (c"lo".as_ptr(), 3);
        // SAFETY: `name` has `len` bytes with its terminator.
        check(unsafe {
            libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, name.cast(), len)
        })?;
        set_option(fd, libc::IPPROTO_IP, libc::IP_PKTINFO, 1)?;
        // A burst to all listeners of the port must fit; the kernel cuts it to its own limit.
        set_option(fd, libc::SOL_SOCKET, libc::SO_RCVBUF, 8 << 20)?;
        Ok(Self { socket, port })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// From now on the kernel notes when each datagram arrived: on loopback that is while its sender is still within
    /// the system call that sends it. Costs the sender a look at the clock.
    pub(crate) fn stamp_arrivals(&self) -> io::Result<()> {
        set_option(self.socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1)
    }

    /// Reads what is there, at most a batch; gives how many datagrams.
    pub(crate) fn receive(&self, batch: &mut ReceiveBatch) -> io::Result<usize> {
        batch.receive(self.socket.as_raw_fd())
    }

    /// Sends one datagram from one of the port's addresses.
    pub(crate) fn send(&self, from: Ipv4Addr, to: SocketAddrV4, datagram: &[u8]) -> io::Result<()> {
        let mut name = socket_name(to);
        let mut part =
            libc::iovec { iov_base: datagram.as_ptr().cast_mut().cast(), iov_len: datagram.len() };
        let mut control = Control::source(from);
        // SAFETY: all pointers are to locals (and `datagram`) that live through the call; the kernel only reads them.
        let sent = unsafe {
            let mut header: libc::msghdr = zeroed();
            header.msg_name = (&raw mut name).cast();
            header.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
            header.msg_iov = &raw mut part;
            header.msg_iovlen = 1;
            header.msg_control = (&raw mut control.0).cast();
            header.msg_controllen = size_of::<Control>();
            libc::sendmsg(self.socket.as_raw_fd(), &raw const header, 0)
        };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

impl AsRawFd for SharedPort {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// One control message with an `in_pktinfo`: cmsg_len (8 bytes), level (4), type (4), interface (4), local address
/// (4), the header's destination address (4), padding (4).
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Control([u64; CONTROL_WORDS]);

impl Control {
    const LEN: u64 = 28;

    fn kind() -> u64 {
        let level = u64::from(libc::IPPROTO_IP.cast_unsigned());
        level | u64::from(libc::IP_PKTINFO.cast_unsigned()) << 32
    }

    /// Asks the kernel to send from `source`.
    fn source(source: Ipv4Addr) -> Self {
        let address = u64::from(u32::from_ne_bytes(source.octets()));
        Self([Self::LEN, Self::kind(), address << 32, 0])
    }
}

/// The control messages of a received datagram.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Received([u64; RECEIVED_WORDS]);

impl Received {
    const EMPTY: Self = Self([0; RECEIVED_WORDS]);

    /// The content of the message of this kind, in words. `len` is the length of all messages.
    fn content(&self, len: usize, kind: u64) -> Option<&[u64]> {
        let mut rest = &self.0[..(len / 8).min(RECEIVED_WORDS)];
        while let [bytes, found, content @ ..] = rest {
            let words = usize::try_from(*bytes).ok()?.div_ceil(8).checked_sub(2)?;
            let (content, after) = content.split_at_checked(words)?;
            if *found == kind {
                return Some(content);
            }
            rest = after;
        }
        None
    }

    /// The address a received datagram was sent to.
    fn destination(&self, len: usize) -> Option<Ipv4Addr> {
        let [_, address] = self.content(len, Control::kind())? else { return None };
        Some(Ipv4Addr::from(((address & 0xffff_ffff) as u32).to_ne_bytes()))
    }

    /// When it arrived, since 1970.
    fn arrived(&self, len: usize) -> Option<Duration> {
        let level = u64::from(libc::SOL_SOCKET.cast_unsigned());
        let kind = level | u64::from(libc::SCM_TIMESTAMPNS.cast_unsigned()) << 32;
        let [seconds, nanoseconds] = self.content(len, kind)? else { return None };
        Some(Duration::new(*seconds, u32::try_from(*nanoseconds).ok()?))
    }
}

/// Reused room for received datagrams.
pub(crate) struct ReceiveBatch {
    bytes: Vec<[u8; DATAGRAM_BYTES]>,
    parts: Vec<libc::iovec>,
    control: Vec<Received>,
    headers: Vec<libc::mmsghdr>,
}

impl ReceiveBatch {
    pub(crate) fn new() -> Self {
        // SAFETY: all-zero is a valid value of these C structs (null pointers, no lengths).
        let (part, header) = unsafe { (zeroed::<libc::iovec>(), zeroed::<libc::mmsghdr>()) };
        Self {
            bytes: vec![[0; DATAGRAM_BYTES]; BATCH],
            parts: vec![part; BATCH],
            control: vec![Received::EMPTY; BATCH],
            headers: vec![header; BATCH],
        }
    }

    fn receive(&mut self, fd: RawFd) -> io::Result<usize> {
        for at in 0..BATCH {
            self.parts[at] = libc::iovec {
                iov_base: self.bytes[at].as_mut_ptr().cast(),
                iov_len: DATAGRAM_BYTES,
            };
            let header = &mut self.headers[at].msg_hdr;
            header.msg_iov = &raw mut self.parts[at];
            header.msg_iovlen = 1;
            header.msg_control = (&raw mut self.control[at]).cast();
            header.msg_controllen = size_of::<Received>();
        }
        let headers = self.headers.as_mut_ptr();
        // SAFETY: the headers were just set to buffers of `self`, which stay where they are during the call.
        let count = unsafe {
            libc::recvmmsg(
                fd,
                headers,
                BATCH as libc::c_uint,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        match check(count) {
            Ok(count) => Ok(count as usize),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// The address a datagram was sent to, and its bytes.
    pub(crate) fn datagram(&self, at: usize) -> (Ipv4Addr, &[u8]) {
        let len = (self.headers[at].msg_len as usize).min(DATAGRAM_BYTES);
        let control = self.headers[at].msg_hdr.msg_controllen;
        let to = self.control[at].destination(control).unwrap_or(Ipv4Addr::UNSPECIFIED);
        (to, &self.bytes[at][..len])
    }

    /// When a datagram arrived, since 1970, if its port notes that.
    pub(crate) fn arrived(&self, at: usize) -> Option<Duration> {
        self.control[at].arrived(self.headers[at].msg_hdr.msg_controllen)
    }
}

/// Sends the same datagram to every destination in calls of `BATCH`; gives how many the kernel took.
pub(crate) fn send_to_all(
    socket: &UdpSocket,
    datagram: &[u8],
    destinations: &[SocketAddrV4],
) -> usize {
    let mut part =
        libc::iovec { iov_base: datagram.as_ptr().cast_mut().cast(), iov_len: datagram.len() };
    let mut taken = 0;
    for some in destinations.chunks(BATCH) {
        // SAFETY: all-zero is a valid value of these C structs.
        let (mut names, mut headers): ([libc::sockaddr_in; BATCH], [libc::mmsghdr; BATCH]) =
            unsafe { zeroed() };
        for (at, to) in some.iter().enumerate() {
            names[at] = socket_name(*to);
            let header = &mut headers[at].msg_hdr;
            header.msg_name = (&raw mut names[at]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
            header.msg_iov = &raw mut part;
            header.msg_iovlen = 1;
        }
        // SAFETY: the headers point to `names`, `part` and `datagram`, which live through the call.
        let sent = unsafe {
            libc::sendmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), some.len() as libc::c_uint, 0)
        };
        taken += usize::try_from(sent).unwrap_or(0);
    }
    taken
}

/// Gives the kernel one buffer to cut into datagrams of `segment_len` bytes to one destination (UDP GSO).
pub(crate) fn send_segments(
    socket: &UdpSocket,
    bytes: &[u8],
    segment_len: u16,
    to: SocketAddrV4,
) -> bool {
    let mut name = socket_name(to);
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let level = u64::from(libc::SOL_UDP.cast_unsigned());
    let kind = level | u64::from(libc::UDP_SEGMENT.cast_unsigned()) << 32;
    // cmsg_len (header 16, content 2), level and type, the length in the first two bytes.
    let [low, high] = segment_len.to_ne_bytes();
    let mut control = [18, kind, u64::from_ne_bytes([low, high, 0, 0, 0, 0, 0, 0])];
    // SAFETY: all pointers are to locals (and `bytes`) that live through the call; the kernel only reads them.
    let sent = unsafe {
        let mut header: libc::msghdr = zeroed();
        header.msg_name = (&raw mut name).cast();
        header.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
        header.msg_iov = &raw mut part;
        header.msg_iovlen = 1;
        header.msg_control = (&raw mut control).cast();
        header.msg_controllen = size_of_val(&control);
        libc::sendmsg(socket.as_raw_fd(), &raw const header, 0)
    };
    sent == bytes.len() as isize
}

#[cfg(test)]
mod tests;
