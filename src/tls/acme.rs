//! Certificates by ACME (RFC 8555), names proved on the HTTPS port itself (TLS-ALPN-01, RFC 8737): no other port, no file
//! to serve. The library orders, renews and keeps them; here it is driven and its outcome logged.

use std::{path::Path, sync::Arc};

use futures_util::StreamExt;
use rustls_acme::{AcmeConfig, EventOk, ResolvesServerCertAcme, caches::DirCache};
use tokio::task::JoinHandle;
use tokio_rustls::rustls::ClientConfig;

use super::{TlsError, TlsSettings, provider, roots};

/// In the data directory: the account's key, certificates and their keys.
const KEPT_IN: &str = "acme";

/// Starts ordering; connections are served once there is a certificate. Must be called within a tokio runtime.
pub(super) fn start(
    settings: &TlsSettings,
    data: &Path,
) -> Result<(Arc<ResolvesServerCertAcme>, JoinHandle<()>), TlsError> {
    if settings.acme_domain.is_empty() {
        return Err(TlsError::Missing("--acme-domain"));
    }
    let client = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots(settings.acme_ca.as_deref())?)
        .with_no_client_auth();
    let contact = settings.acme_contact.iter().map(|address| format!("mailto:{address}"));
    let mut state = AcmeConfig::new_with_client_config(&settings.acme_domain, Arc::new(client))
        .directory(&settings.acme_directory)
        .contact(contact)
        .cache(DirCache::new(data.join(KEPT_IN)))
        .state();
    let resolver = state.resolver();
    let renewal = tokio::spawn(async move {
        while let Some(event) = state.next().await {
            match event {
                Ok(EventOk::DeployedCachedCert) => tracing::info!("the kept certificate is used"),
                Ok(EventOk::DeployedNewCert) => tracing::info!("a new certificate was fetched"),
                Ok(EventOk::CertCacheStore | EventOk::AccountCacheStore) => {}
                // The library tries again, ever less often.
                Err(error) => tracing::warn!("no certificate was fetched: {error}"),
            }
        }
    });
    Ok((resolver, renewal))
}
