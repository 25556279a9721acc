//! How often one address may ask for what costs or can be guessed: sign-ups, passwords, resets, guests, writes.
//!
//! Sustained rates with a burst (GCRA, by `governor`), in memory. An IPv6 client is its /64: it can take any address
//! in it. Clients on this machine (a reverse proxy that is not configured as one, the operator) share one allowance
//! that is a hundred times as large.

use std::{
    hash::{BuildHasher, RandomState},
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::LazyLock,
    time::Duration,
};

use axum::{extract::FromRequestParts, http::request::Parts};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock};
use palco_protocol::{ErrorCode, UserId};

use super::{App, address::ClientAddress, problem::Refused};

/// What is counted on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Limited {
    SignUp,
    Guest,
    Password,
    Reset,
    Write,
}

/// A client's network address, as far as it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Origin(IpAddr);

impl Origin {
    /// As a number that says nothing to anybody else, the same for as long as the process lives; none for this
    /// machine's own.
    pub(crate) fn mark(self) -> Option<u64> {
        static MARKS: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        (!self.0.is_loopback()).then(|| MARKS.hash_one(self.0))
    }

    /// How many times another's allowance it has.
    pub(crate) fn times(self) -> u32 {
        if self.0.is_loopback() { NEAR_TIMES } else { 1 }
    }
}

impl From<IpAddr> for Origin {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
            }
            address @ IpAddr::V4(_) => address,
        })
    }
}

impl FromRequestParts<App> for Origin {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        Ok(ClientAddress::from_request_parts(parts, app).await?.0.into())
    }
}

/// The allowances of everybody.
pub(crate) struct Limits {
    far: [DefaultKeyedRateLimiter<Origin>; 5],
    near: [DefaultKeyedRateLimiter<Origin>; 5],
    logins: DefaultKeyedRateLimiter<String>,
    writers: DefaultKeyedRateLimiter<UserId>,
    hosts: DefaultKeyedRateLimiter<UserId>,
}

/// Distinct addresses after which those that have their full allowance back are forgotten.
const REMEMBERED: usize = 10_000;
const NEAR_TIMES: u32 = 100;

impl Limits {
    pub(crate) fn new() -> Self {
        let table = |times| {
            let quota = |each, burst| RateLimiter::keyed(quota(each, burst, times));
            [
                // A household signing up; guesses at passwords; mails to one's mailbox; a school behind one address.
                quota(Duration::from_mins(2), 10),
                quota(Duration::from_secs(1), 100),
                quota(Duration::from_secs(6), 20),
                quota(Duration::from_mins(2), 5),
                quota(Duration::from_millis(100), 200),
            ]
        };
        Self {
            far: table(1),
            near: table(NEAR_TIMES),
            logins: RateLimiter::keyed(quota(Duration::from_secs(30), 10, 1)),
            // Somebody who follows a whole list of people.
            writers: RateLimiter::keyed(quota(Duration::from_millis(200), 100, 1)),
            // A script that plans a season of rooms.
            hosts: RateLimiter::keyed(quota(Duration::from_secs(20), 60, 1)),
        }
    }

    /// Takes one of the allowance, or says when to come back.
    pub(crate) fn check(&self, what: Limited, origin: Origin) -> Result<(), Refused> {
        let table = if origin.0.is_loopback() { &self.near } else { &self.far };
        take(&table[what as usize], &origin)
    }

    /// What one person writes, from wherever.
    pub(crate) fn check_writer(&self, person: UserId) -> Result<(), Refused> {
        take(&self.writers, &person)
    }

    /// Rooms that one person opens, plans or changes, and invitations: others are told of each.
    pub(crate) fn check_host(&self, person: UserId) -> Result<(), Refused> {
        take(&self.hosts, &person)
    }

    /// Guesses at one account, from wherever they come.
    pub(crate) fn check_login(&self, login: &str) -> Result<(), Refused> {
        take(&self.logins, &login.to_lowercase())
    }
}

/// One after each `each`, and `burst` at once; so many times that.
fn quota(each: Duration, burst: u32, times: u32) -> Quota {
    let burst = NonZeroU32::new(burst * times).expect("invariant: a burst is not zero");
    let quota = Quota::with_period(each / times).expect("invariant: a period is not zero");
    quota.allow_burst(burst)
}

fn take<K: std::hash::Hash + Eq + Clone>(
    limiter: &DefaultKeyedRateLimiter<K>,
    key: &K,
) -> Result<(), Refused> {
    if limiter.len() > REMEMBERED {
        limiter.retain_recent();
    }
    limiter.check_key(key).map_err(|early| {
        let wait = early.wait_time_from(governor::clock::DefaultClock::default().now());
        Refused::after(ErrorCode::RateLimited, wait)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_own_allowance_and_a_v6_client_one_for_its_network() {
        let limits = Limits::new();
        let origin = |text: &str| Origin::from(text.parse::<IpAddr>().unwrap());
        for _ in 0..5 {
            assert!(limits.check(Limited::Reset, origin("203.0.113.7")).is_ok());
        }
        assert!(limits.check(Limited::Reset, origin("203.0.113.7")).is_err());
        assert!(
            limits.check(Limited::Reset, origin("::ffff:203.0.113.7")).is_err(),
            "the same one"
        );
        assert!(limits.check(Limited::Reset, origin("203.0.113.8")).is_ok());
        assert!(limits.check(Limited::Password, origin("203.0.113.7")).is_ok());
        assert_eq!(origin("2001:db8::1"), origin("2001:db8::2:3:4:5"));
        assert_ne!(origin("2001:db8::1"), origin("2001:db8:0:1::1"));
    }
}
