//! TLS to the broker: which authorities are trusted.
//!
//! lapin's own TLS brings forty crates for client certificates in PKCS #12, which
//! nobody asks for; [`Network`](crate::network::Network) takes its place.

use std::{fs, path::Path, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};

use crate::BrokerError;

/// How a broker is known to be the right one.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    pub config: Arc<ClientConfig>,
    /// What its certificate must be for.
    pub name: ServerName<'static>,
}

// === impl Tls ===

impl Tls {
    /// The broker `host` must have a certificate of an authority in `ca_file`, or else
    /// of one that the system trusts.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub fn new(host: &str, ca_file: Option<&Path>) -> Result<Self, BrokerError> {
        let name = ServerName::try_from(host.to_owned());
        let name = name.map_err(|_| BrokerError::Uri)?;
        let trusted = match ca_file {
            Some(file) => in_file(file)?,
            None => of_system()?,
        };
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| BrokerError::Authorities { reason: error.to_string() })?
            .with_root_certificates(trusted)
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config), name })
    }
}

fn in_file(file: &Path) -> Result<RootCertStore, BrokerError> {
    let failed = |reason: String| BrokerError::CaFile { file: file.to_owned(), reason };
    let pem = fs::read(file).map_err(|error| failed(format!("cannot be read: {error}")))?;
    let mut trusted = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let added = certificate.map_err(|error| error.to_string());
        let added = added.and_then(|it| trusted.add(it).map_err(|error| error.to_string()));
        added.map_err(|error| failed(format!("is no list of certificates (PEM): {error}")))?;
    }
    if trusted.is_empty() {
        return Err(failed("holds no certificate (PEM)".to_owned()));
    }
    Ok(trusted)
}

fn of_system() -> Result<RootCertStore, BrokerError> {
    let found = rustls_native_certs::load_native_certs();
    let mut trusted = RootCertStore::empty();
    // Of so many, some old ones may be unreadable.
    let (added, _) = trusted.add_parsable_certificates(found.certs);
    if added > 0 {
        return Ok(trusted);
    }
    let reason = found.errors.first().map(ToString::to_string);
    Err(BrokerError::Authorities { reason: reason.unwrap_or_else(|| "there are none".to_owned()) })
}

/// Why a certificate is not trusted, in words.
pub(crate) fn distrust(error: &CertificateError) -> String {
    match error {
        // A key of another authority of the same name, too.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "its certificate is of an authority that is not trusted".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("its certificate has expired ({error})")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("its certificate is for another host ({error})")
        }
        other => format!("its certificate cannot be accepted ({other})"),
    }
}
