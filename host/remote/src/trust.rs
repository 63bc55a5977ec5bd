//! The certificates that the system trusts.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, crypto::ring};
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

use crate::Remote;

// === impl Remote ===

impl Remote {
    pub(crate) fn tls(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
        self.tls.get_or_init(of_websockets).clone()
    }
}

fn of_websockets() -> Result<Arc<ClientConfig>, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    warn_of_none(roots.is_empty());
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// The same for requests.
pub(crate) fn of_requests() -> TlsConfig {
    let found = rustls_native_certs::load_native_certs().certs;
    warn_of_none(found.is_empty());
    let roots: Vec<_> =
        found.iter().map(|found| Certificate::from_der(found.as_ref()).to_owned()).collect();
    TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(RootCerts::new_with_certs(&roots))
        .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
        .build()
}

fn warn_of_none(none: bool) {
    if none {
        log::warn!(target: "wazo_auth.remote",
            "the system trusts no certificates, so that no https:// or wss:// address can be \
             reached: install the package ca-certificates");
    }
}
