//! A certificate of the server's own making, for a try in the local network. Browsers warn of it, once: it is kept, so
//! that what was accepted stays accepted.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::Arc,
};

use aws_lc_rs::digest;
use rcgen::{CertifiedKey, generate_simple_self_signed};

use super::{
    TlsError, certificates,
    files::{Held, load},
};

const CERTIFICATE: &str = "self-signed.pem";
const KEY: &str = "self-signed.key";

/// The certificate in the data directory; made for these addresses and this machine's names if there is none.
pub(super) fn keep(data: &Path, addresses: Vec<IpAddr>) -> Result<Arc<Held>, TlsError> {
    let (cert, key) = (data.join(CERTIFICATE), data.join(KEY));
    if !cert.exists() || !key.exists() {
        let CertifiedKey { cert: made, signing_key } =
            generate_simple_self_signed(names(addresses))
                .map_err(|error| TlsError::file(&cert, &error))?;
        write(&key, &signing_key.serialize_pem()).map_err(|error| TlsError::file(&key, &error))?;
        fs::write(&cert, made.pem()).map_err(|error| TlsError::file(&cert, &error))?;
    }
    let held = Held::new(load(&cert, &key)?);
    if let Some(certificate) = certificates(&cert)?.first() {
        let print = digest::digest(&digest::SHA256, certificate);
        let print: Vec<_> = print.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        tracing::info!("the certificate's SHA-256 fingerprint: {}", print.join(":"));
    }
    Ok(held)
}

/// What browsers here and in the local network call this machine.
fn names(addresses: Vec<IpAddr>) -> Vec<String> {
    let loopback = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
    let mut addresses: Vec<_> = addresses.into_iter().chain(loopback).collect();
    addresses.retain(|address| !address.is_unspecified());
    addresses.sort();
    addresses.dedup();
    let mut names = vec!["localhost".to_owned()];
    if let Ok(host) = fs::read_to_string("/proc/sys/kernel/hostname") {
        let host = host.trim().to_lowercase();
        // As others in the network find it, by mDNS.
        names.extend([format!("{host}.local"), host]);
    }
    names.extend(addresses.iter().map(IpAddr::to_string));
    names
}

/// For the owner alone.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
