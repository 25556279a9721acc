//! TLS in the box: where the certificate comes from, and how it changes while the server runs.
//!
//! A browser gives no microphone to a plain-HTTP page of another machine. Behind a proxy with TLS none of this is
//! needed, and nothing of it runs.

mod acme;
mod files;
mod self_signed;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::{Args, ValueEnum};
use tokio::task::JoinHandle;
use tokio_rustls::rustls::{
    self, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, pem::PemObject},
    server::ResolvesServerCert,
};

/// The protocol that a certificate authority checks a name by (RFC 8737).
pub(crate) const ACME_ALPN: &[u8] = b"acme-tls/1";
const HTTP_ALPN: &[u8] = b"http/1.1";

/// How pages are served by HTTPS, if at all.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "TLS")]
pub struct TlsSettings {
    /// Serve HTTPS: with certificate files, with certificates fetched by ACME (Let's Encrypt), or with one of the
    /// server's own making, which browsers warn of
    #[arg(long, env = "PALCO_TLS", value_enum, default_value = "off")]
    pub tls: TlsMode,

    /// The certificate and those above it, PEM; read again when it changes, and on SIGHUP
    #[arg(long, env = "PALCO_TLS_CERT", required_if_eq("tls", "files"))]
    pub tls_cert: Option<PathBuf>,

    /// The certificate's private key, PEM
    #[arg(long, env = "PALCO_TLS_KEY", required_if_eq("tls", "files"))]
    pub tls_key: Option<PathBuf>,

    /// A name to fetch a certificate for; give it once for each. The authority connects to it on port 443
    #[arg(long, env = "PALCO_ACME_DOMAIN", value_delimiter = ',', required_if_eq("tls", "acme"))]
    pub acme_domain: Vec<String>,

    /// A mail address that the authority may write to
    #[arg(long, env = "PALCO_ACME_CONTACT")]
    pub acme_contact: Option<String>,

    /// The authority's directory
    #[arg(
        long,
        env = "PALCO_ACME_DIRECTORY",
        default_value = rustls_acme::acme::LETS_ENCRYPT_PRODUCTION_DIRECTORY
    )]
    pub acme_directory: String,

    /// Whom the authority's own HTTPS is trusted by, PEM, if not by what this machine trusts
    #[arg(long, env = "PALCO_ACME_CA")]
    pub acme_ca: Option<PathBuf>,

    /// A plain-HTTP address, `0.0.0.0:80`, that sends browsers on to HTTPS
    #[arg(long, env = "PALCO_TLS_REDIRECT")]
    pub tls_redirect: Option<SocketAddr>,
}

/// Where the certificate comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum TlsMode {
    /// Plain HTTP: on this machine alone, or behind a proxy.
    #[default]
    Off,
    /// Files that somebody else keeps fresh.
    Files,
    /// Fetched and renewed by ACME.
    Acme,
    /// Made by the server itself: for a try in the local network.
    SelfSigned,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, written or understood.
    #[error("TLS: {path}: {what}")]
    File {
        /// Which.
        path: String,
        /// Why.
        what: String,
    },
    /// The certificate and the key do not fit, or the library cannot use them.
    #[error("TLS: {0}")]
    Unusable(#[from] rustls::Error),
    /// A setting that the mode needs is missing.
    #[error("TLS: {0} is needed")]
    Missing(&'static str),
}

impl TlsError {
    fn file(path: &Path, what: &impl ToString) -> Self {
        Self::File { path: path.display().to_string(), what: what.to_string() }
    }
}

/// TLS as it is served.
pub(crate) struct Tls {
    pub(crate) config: Arc<ServerConfig>,
    /// Whether browsers may be told to come by HTTPS only: not with a certificate they warn of.
    pub(crate) lasting: bool,
    /// What keeps the certificate fresh.
    pub(crate) renewal: Option<JoinHandle<()>>,
}

impl Drop for Tls {
    fn drop(&mut self) {
        if let Some(renewal) = &self.renewal {
            renewal.abort();
        }
    }
}

/// Sets TLS up; nothing where it is off. `addresses`: where this machine is reached, for a certificate of our own making.
/// Must be called within a tokio runtime.
pub(crate) fn start(
    settings: &TlsSettings,
    data: &Path,
    addresses: impl FnOnce() -> Vec<IpAddr>,
) -> Result<Option<Tls>, TlsError> {
    let (resolver, renewal): (Arc<dyn ResolvesServerCert>, _) = match settings.tls {
        TlsMode::Off => return Ok(None),
        TlsMode::Files => {
            let cert = settings.tls_cert.clone().ok_or(TlsError::Missing("--tls-cert"))?;
            let key = settings.tls_key.clone().ok_or(TlsError::Missing("--tls-key"))?;
            let (held, renewal) = files::watch(cert, key)?;
            (held, Some(renewal))
        }
        TlsMode::Acme => {
            let (resolver, renewal) = acme::start(settings, data)?;
            (resolver, Some(renewal))
        }
        TlsMode::SelfSigned => (self_signed::keep(data, addresses())?, None),
    };
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    config.alpn_protocols = vec![HTTP_ALPN.to_vec()];
    if settings.tls == TlsMode::Acme {
        config.alpn_protocols.push(ACME_ALPN.to_vec());
    }
    let lasting = settings.tls != TlsMode::SelfSigned;
    Ok(Some(Tls { config: Arc::new(config), lasting, renewal }))
}

/// Whether the configured files hold a certificate and the key that fits it.
pub(crate) fn look_at_files(settings: &TlsSettings) -> Result<(), TlsError> {
    let cert = settings.tls_cert.as_deref().ok_or(TlsError::Missing("--tls-cert"))?;
    let key = settings.tls_key.as_deref().ok_or(TlsError::Missing("--tls-key"))?;
    files::load(cert, key).map(drop)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// The certificates of a PEM file, at least one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = std::fs::read(path).map_err(|error| TlsError::file(path, &error))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|error| TlsError::file(path, &error))?;
    if found.is_empty() {
        return Err(TlsError::file(path, &"no certificate in it"));
    }
    Ok(found)
}

/// Whom to trust as a client: the authorities of a file, or those that the system trusts.
fn roots(file: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    match file {
        Some(path) => {
            for certificate in certificates(path)? {
                roots.add(certificate)?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    Ok(roots)
}

/// Reads a private key.
fn key(path: &Path) -> Result<rustls::pki_types::PrivateKeyDer<'static>, TlsError> {
    let text = std::fs::read(path).map_err(|error: io::Error| TlsError::file(path, &error))?;
    rustls::pki_types::PrivateKeyDer::from_pem_slice(&text)
        .map_err(|error| TlsError::file(path, &error))
}

#[cfg(test)]
mod tests;
