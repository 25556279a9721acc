//! The checks, one function each.

use std::{
    io::{self, ErrorKind},
    net::{IpAddr, SocketAddr, TcpListener, UdpSocket},
    num::NonZeroUsize,
    os::unix::fs::PermissionsExt,
    path::Path,
    time::{Duration, Instant, SystemTime},
};

use palco_client::{Error, Server};
use tokio_rustls::rustls;
use x509_parser::{extensions::GeneralName, pem::Pem};

use super::Finding;
use crate::{
    Config,
    notify::is_public,
    store::{Examined, Store},
    tls::{self, TlsMode},
    tokens::KEY_FILE,
};

/// Below this, a database with a day's history may fill the disk.
const FREE_MIN_BYTES: u64 = 200 * 1024 * 1024;
/// A clock before this is not set: 2025-01-01.
const PLAUSIBLE: Duration = Duration::from_secs(1_735_689_600);
/// Other products' tokens are taken with so much between two clocks; `Date` has whole seconds.
const APART_MAX_S: i64 = 5;

pub(super) async fn all(config: &Config, time_from: Option<&str>) -> Vec<Finding> {
    let (http, runs) = http(config.listen, config.tls.tls != TlsMode::Off).await;
    let mut findings = vec![http];
    findings.push(udp(config, runs));
    findings.extend(tcp(config, runs));
    findings.extend(announced(config));
    findings.extend(certificate(config));
    findings.extend(public_url(config).await);
    findings.extend(data(&config.data));
    findings.push(database(config).await);
    findings.push(clock(SystemTime::now(), Instant::now(), time_from).await);
    findings
}

/// The page's port: free, or taken by a Palco that answers.
async fn http(address: SocketAddr, tls: bool) -> (Finding, bool) {
    match TcpListener::bind(address) {
        Ok(_) => (Finding::ok("http", format!("TCP {address} is free")), false),
        Err(error) if error.kind() == ErrorKind::AddrInUse && answers(address, tls).await => {
            (Finding::ok("http", format!("a server answers on {address}")), true)
        }
        Err(error) => {
            let found = format!("TCP {address}: {error}");
            (Finding::fail("http", found, advice(&error, "choose another with --listen")), false)
        }
    }
}

async fn answers(mut address: SocketAddr, tls: bool) -> bool {
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() {
            [127, 0, 0, 1].into()
        } else {
            IpAddr::V6(1.into())
        });
    }
    let scheme = if tls { "https" } else { "http" };
    let Ok(server) = format!("{scheme}://{address}").parse::<Server>() else { return false };
    match server.http("GET", "/healthz", None, None).await {
        Ok(answer) => answer.status == 204,
        // Asked by its address, its certificate is for another name: enough to see that it speaks TLS.
        Err(Error::Unreachable { cause, .. }) => cause
            .get_ref()
            .and_then(|cause| cause.downcast_ref::<rustls::Error>())
            .is_some_and(|cause| matches!(cause, rustls::Error::InvalidCertificate(_))),
        Err(_) => false,
    }
}

/// One port for each media thread.
fn udp(config: &Config, runs: bool) -> Finding {
    let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let shards = config.shards.unwrap_or(cores).get();
    let last = usize::from(config.udp.port()) + shards - 1;
    if last > usize::from(u16::MAX) {
        let found = format!("{shards} media threads need ports to {last}");
        return Finding::fail("udp", found, "choose a lower port with --udp");
    }
    for shard in 0..shards {
        let mut address = config.udp;
        if address.port() != 0 {
            address.set_port(address.port() + u16::try_from(shard).unwrap_or(0));
        }
        match UdpSocket::bind(address) {
            Ok(_) => {}
            Err(error) if runs && error.kind() == ErrorKind::AddrInUse => {}
            Err(error) => {
                let found = format!("UDP {address}: {error}");
                return Finding::fail("udp", found, advice(&error, "choose another with --udp"));
            }
        }
    }
    let whose = if runs { "the server's, or free" } else { "free" };
    let found = format!("UDP {} and {} more: {whose}", config.udp, shards - 1);
    Finding::ok("udp", found)
}

fn tcp(config: &Config, runs: bool) -> Option<Finding> {
    if config.no_tcp {
        let advice = "people whose network lets no UDP through will hear nothing";
        return Some(Finding::warn("tcp", "audio over TCP is off", advice));
    }
    let address = config.tcp.unwrap_or(config.udp);
    Some(match TcpListener::bind(address) {
        Ok(_) => Finding::ok("tcp", format!("TCP {address} is free")),
        Err(error) if runs && error.kind() == ErrorKind::AddrInUse => {
            Finding::ok("tcp", format!("TCP {address} is the server's"))
        }
        Err(error) => {
            let found = format!("TCP {address}: {error}");
            Finding::fail("tcp", found, advice(&error, "choose another with --tcp, or --no-tcp"))
        }
    })
}

fn advice(error: &io::Error, taken: &'static str) -> &'static str {
    match error.kind() {
        ErrorKind::AddrInUse => taken,
        ErrorKind::PermissionDenied => "ports below 1024 are for root, or for CAP_NET_BIND_SERVICE",
        ErrorKind::AddrNotAvailable => "this machine does not have this address",
        _ => "see the system's message",
    }
}

/// Where clients are told to send audio.
fn announced(config: &Config) -> Vec<Finding> {
    let local = |address: &IpAddr| UdpSocket::bind((*address, 0)).is_ok();
    if config.announce.is_empty() {
        let bound = config.udp.ip();
        return vec![if bound.is_loopback() {
            let advice = "right for trying things out; for others, --udp 0.0.0.0:8090";
            Finding::warn("announce", format!("audio only from this machine ({bound})"), advice)
        } else if bound.is_unspecified() {
            towards_the_world(palco_sfu::address_towards_the_world())
        } else {
            Finding::ok("announce", format!("{bound}, which is bound"))
        }];
    }
    let bound = config.udp.ip();
    let reached = |address: &IpAddr| {
        bound.is_ipv4() == address.is_ipv4() || bound == IpAddr::from([0_u16; 8])
    };
    let look = |address: &IpAddr| {
        if address.is_unspecified() || address.is_multicast() {
            let advice = "name an address that clients can send to";
            Finding::fail("announce", format!("{address} is nobody's address"), advice)
        } else if !reached(address) {
            let found = format!("{address} leads nowhere: audio is bound to {bound}");
            Finding::fail("announce", found, "bind both: --udp [::]:8090")
        } else if local(address) {
            Finding::ok("announce", format!("{address} is this machine's"))
        } else {
            let advice = "right behind NAT, if its UDP and TCP ports are forwarded to this machine";
            Finding::warn("announce", format!("{address} is not this machine's"), advice)
        }
    };
    config.announce.iter().map(look).collect()
}

/// What is announced where nothing else was said.
fn towards_the_world(address: Option<IpAddr>) -> Finding {
    let Some(address) = address else {
        let advice = "name the address that clients reach with --announce";
        return Finding::warn("announce", "this machine has no way to the world", advice);
    };
    if is_public(address) {
        return Finding::ok("announce", format!("{address}, this machine's towards the world"));
    }
    let advice = "right within that network; for others, --announce the public address, its ports forwarded to here";
    Finding::warn("announce", format!("{address}, an address of a private network"), advice)
}

/// The server's own certificate: whether it can be read, how long it is good, and for which name.
fn certificate(config: &Config) -> Option<Finding> {
    let cert = config.tls.tls_cert.as_ref().filter(|_| config.tls.tls_key.is_some())?;
    let unusable = |what: String| {
        let advice = "name PEM files, a certificate and its key, that the server's user can read";
        Some(Finding::fail("cert", what, advice))
    };
    if let Err(error) = tls::look_at_files(&config.tls) {
        return unusable(error.to_string());
    }
    let pem = match std::fs::read(cert) {
        Ok(pem) => pem,
        Err(error) => return unusable(format!("{}: {error}", cert.display())),
    };
    let Some(Ok(pem)) = Pem::iter_from_buffer(&pem).next() else {
        return unusable(format!("{} holds no PEM", cert.display()));
    };
    let Ok(parsed) = pem.parse_x509() else {
        return unusable(format!("{} holds no certificate", cert.display()));
    };
    let ends = parsed.validity().not_after;
    let left = parsed.validity().time_to_expiration();
    let Some(left) = left else {
        let found = format!("{} is not valid now (until {ends})", cert.display());
        return Some(Finding::fail("cert", found, "renew it"));
    };
    let host = config.public_url.as_deref().and_then(|url| url.parse::<axum::http::Uri>().ok());
    let host = host.as_ref().and_then(axum::http::Uri::host);
    let names = parsed.subject_alternative_name().ok().flatten();
    let named = |host: &str| {
        names.as_ref().is_some_and(|names| {
            names.value.general_names.iter().any(|name| match name {
                GeneralName::DNSName(name) => match name.strip_prefix("*.") {
                    // A star stands for one label (RFC 6125, section 6.4.3).
                    Some(domain) => host.split_once('.').is_some_and(|(_, rest)| rest == domain),
                    None => name.eq_ignore_ascii_case(host),
                },
                // An address is compared by the browser; here, its presence will do.
                GeneralName::IPAddress(_) => host.parse::<IpAddr>().is_ok(),
                _ => false,
            })
        })
    };
    Some(match host {
        Some(host) if !named(host) => {
            let found = format!("{} is not for {host}", cert.display());
            Finding::fail("cert", found, "get one for the name in --public-url")
        }
        _ if left.whole_days() < 14 => {
            let found = format!("{} ends in {} days", cert.display(), left.whole_days());
            Finding::warn("cert", found, "renew it")
        }
        _ => Finding::ok("cert", format!("{} is good until {ends}", cert.display())),
    })
}

/// Whether people come by HTTPS, and get this far.
async fn public_url(config: &Config) -> Option<Finding> {
    let Some(url) = &config.public_url else {
        let advice = "browsers give the microphone to HTTPS pages and to localhost only";
        let exposed = !config.listen.ip().is_loopback();
        return exposed.then(|| Finding::warn("tls", "no --public-url is set", advice));
    };
    let Ok(server) = url.trim_end_matches('/').parse::<Server>() else {
        return Some(Finding::fail("tls", format!("{url} is no address"), "https://rooms.example"));
    };
    // The client checks the certificate as browsers do: chain, name, expiry.
    Some(match server.http("GET", "/healthz", None, None).await {
        Ok(answer) if answer.status == 204 => Finding::ok("tls", format!("{url} answers")),
        Ok(answer) => {
            let found = format!("{url} answers {}", answer.status);
            Finding::warn("tls", found, "the proxy does not lead to this server, or it is stopped")
        }
        Err(error) => {
            let advice = "check the name, the certificate and the proxy; or the server is stopped";
            Finding::warn("tls", format!("{url}: {error}"), advice)
        }
    })
}

fn data(data: &Path) -> Vec<Finding> {
    // The nearest directory that is there: the server makes those below it.
    let there = data.ancestors().find(|path| path.exists() || path.as_os_str().is_empty());
    let there = there.filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut findings = vec![if !there.is_dir() {
        let found = format!("{} is no directory", there.display());
        Finding::fail("data", found, "choose another with --data")
    } else if rustix::fs::access(there, rustix::fs::Access::WRITE_OK).is_err() {
        let found = format!("{} cannot be written", there.display());
        Finding::fail("data", found, "give it to the user that runs the server")
    } else if there == data {
        Finding::ok("data", format!("{} can be written", data.display()))
    } else {
        Finding::ok("data", format!("{} will be made", data.display()))
    }];
    findings.extend(rustix::fs::statvfs(there).ok().map(|disk| {
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let found = format!("{} MiB free", free / 1024 / 1024);
        if free < FREE_MIN_BYTES {
            Finding::warn("disk", found, "make room: a full disk stops all writing")
        } else {
            Finding::ok("disk", found)
        }
    }));
    let key = data.join(KEY_FILE);
    if let Ok(metadata) = key.metadata() {
        let mode = metadata.permissions().mode() & 0o777;
        findings.push(if mode & 0o077 != 0 {
            let found = format!("{} can be read by others (mode {mode:o})", key.display());
            Finding::fail("key", found, "chmod 600: whoever reads it can be anybody")
        } else {
            Finding::ok("key", format!("{} is its owner's alone", key.display()))
        });
    }
    findings
}

async fn database(config: &Config) -> Finding {
    match Store::examine(
        config.database_url.as_deref(),
        &config.data,
        Duration::from_secs(config.database_timeout_s),
    )
    .await
    {
        Ok(Examined::Missing) => Finding::ok("database", "will be made in the data directory"),
        Ok(Examined::Current) => Finding::ok("database", "opens, is current, takes writes"),
        Ok(Examined::Behind(missing)) => {
            let advice = "the next start brings it up to date; take a backup first";
            Finding::warn("database", format!("{missing} migrations behind"), advice)
        }
        Ok(Examined::Ahead) => {
            let advice = "run the version that last used it, or a newer one";
            Finding::fail("database", "was used by a newer version", advice)
        }
        Err(error) => {
            let advice = "check the address, its password, and that the file is intact";
            Finding::fail("database", error.to_string(), advice)
        }
    }
}

/// Tokens and plans go by the wall clock: it must be set, and must not run away from the monotonic one.
async fn clock(wall: SystemTime, monotonic: Instant, time_from: Option<&str>) -> Finding {
    let since_epoch = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    if since_epoch < PLAUSIBLE {
        return Finding::fail("clock", "is not set", "run an NTP client");
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let passed = monotonic.elapsed();
    let apart = wall.elapsed().map_or(Duration::MAX, |by_wall| by_wall.abs_diff(passed));
    if apart > Duration::from_millis(100) {
        let found = format!("jumped by {apart:?} while it was looked at");
        return Finding::warn("clock", found, "something sets it: an NTP client should slew it");
    }
    let Some(url) = time_from else {
        let found = "is set and runs steadily; compared with no other (--time-from https://...)";
        return Finding::ok("clock", found);
    };
    match seconds_from(url).await {
        Ok(apart_s) if apart_s.abs() <= APART_MAX_S => {
            Finding::ok("clock", format!("is {url}'s, as far as whole seconds tell"))
        }
        Ok(apart_s) => {
            let found = format!("{apart_s} s from {url}'s");
            Finding::warn("clock", found, "one of the two is wrong: run an NTP client")
        }
        Err(why) => {
            let found = format!("not compared with {url}: {why}");
            Finding::warn("clock", found, "name a web server that this machine reaches")
        }
    }
}

/// How far this machine's clock is before a web server's, by the `Date` of its answer (RFC 9110, section 6.6.1).
async fn seconds_from(url: &str) -> Result<i64, String> {
    let server: Server = url.parse().map_err(|error: Error| error.to_string())?;
    let answer = server.http("GET", "/", None, None).await.map_err(|error| error.to_string())?;
    let now = chrono::Utc::now();
    let date = answer.headers.get("date").and_then(|date| date.to_str().ok());
    let date = date.and_then(|date| chrono::DateTime::parse_from_rfc2822(date).ok());
    Ok(now.signed_duration_since(date.ok_or("it tells no time")?).num_seconds())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::Verdict;

    #[test]
    fn a_private_address_is_not_announced_to_the_world_unnoticed() {
        let verdict = |address: &str| towards_the_world(address.parse().ok()).verdict;
        assert_eq!(verdict("93.184.215.14"), Verdict::Ok);
        assert_eq!(verdict("10.1.2.3"), Verdict::Warn);
        assert_eq!(verdict("192.168.0.7"), Verdict::Warn);
        assert_eq!(verdict("none"), Verdict::Warn);
    }
}
