//! Waiting for several descriptors, and a wake-up between threads: epoll and eventfd.

use std::io::Result;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use super::{BATCH, check};

/// Wakes a thread that waits in `Waiter::wait`; may be rung from any thread, any number of times.
pub(crate) struct Bell(OwnedFd);

impl Bell {
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: no pointers; the new descriptor is ours alone.
        let fd = check(unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) })?;
        // SAFETY: as above.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    pub(crate) fn ring(&self) {
        let one = 1_u64;
        // SAFETY: eight bytes that live across the call. It can only fail when the counter is full: it is rung then.
        let _ = unsafe { libc::write(self.0.as_raw_fd(), (&raw const one).cast(), 8) };
    }

    pub(crate) fn silence(&self) {
        let mut count = 0_u64;
        // SAFETY: eight bytes that live across the call. It fails when it was not rung.
        let _ = unsafe { libc::read(self.0.as_raw_fd(), (&raw mut count).cast(), 8) };
    }
}

impl AsRawFd for Bell {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Waits for any of several descriptors.
pub(crate) struct Waiter {
    epoll: OwnedFd,
    ready: Vec<libc::epoll_event>,
}

/// What to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    Read,
    ReadWrite,
}

impl Interest {
    fn events(self) -> u32 {
        (match self {
            Self::Read => libc::EPOLLIN,
            Self::ReadWrite => libc::EPOLLIN | libc::EPOLLOUT,
        }) as u32
    }
}

impl Waiter {
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: no pointers; the new descriptor is ours alone.
        let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        Ok(Self {
            // SAFETY: as above.
            epoll: unsafe { OwnedFd::from_raw_fd(fd) },
            ready: Vec::with_capacity(BATCH),
        })
    }

    pub(crate) fn add(&self, fd: &impl AsRawFd, token: u64, interest: Interest) -> Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd.as_raw_fd(), token, interest)
    }

    pub(crate) fn change(&self, fd: &impl AsRawFd, token: u64, interest: Interest) -> Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd.as_raw_fd(), token, interest)
    }

    /// Needed only for a descriptor that stays open.
    pub(crate) fn remove(&self, fd: &impl AsRawFd) -> Result<()> {
        self.control(libc::EPOLL_CTL_DEL, fd.as_raw_fd(), 0, Interest::Read)
    }

    fn control(&self, what: libc::c_int, fd: RawFd, token: u64, interest: Interest) -> Result<()> {
        let mut event = libc::epoll_event { events: interest.events(), u64: token };
        // SAFETY: the event lives across the call; a closed descriptor leaves the set by itself.
        check(unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), what, fd, &raw mut event) })
            .map(drop)
    }

    /// The tokens of what is ready, after at most `timeout` (rounded up to a millisecond; `None`: for ever).
    pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> impl Iterator<Item = u64> {
        let timeout_ms = timeout.map_or(-1, |timeout| {
            libc::c_int::try_from(timeout.as_nanos().div_ceil(1_000_000))
                .unwrap_or(libc::c_int::MAX)
        });
        // SAFETY: the spare capacity holds BATCH events; as many as the call returns are initialised.
        unsafe {
            let count = libc::epoll_wait(
                self.epoll.as_raw_fd(),
                self.ready.as_mut_ptr(),
                self.ready.capacity() as libc::c_int,
                timeout_ms,
            );
            self.ready.set_len(usize::try_from(count).unwrap_or(0));
        }
        self.ready.iter().map(|event| event.u64)
    }
}
