//! TLS to the server, as `sslmode` and `sslrootcert` in `db_uri` have it. They mean
//! what they mean to libpq.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::OpenError;

/// What of the server's certificate is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// Nothing: whoever stands in between may be anybody.
    Anybody,
    /// Who has signed it.
    Authority,
    /// Who has signed it, and that it is for the host that was asked for.
    Host,
}

/// Looks at certificates as [`Trust`] says.
#[derive(Debug)]
struct Verifier {
    trust: Trust,
    roots: RootCertStore,
    /// Certificates that are trusted themselves, such as a server's own one.
    known: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

/// What begins connections over TLS, trusting what the PEM file `roots` holds.
///
/// # Errors
/// [`OpenError::RootCertificates`] when that cannot be read.
pub(super) fn connector(
    trust: Trust,
    roots: Option<&Path>,
) -> Result<MakeRustlsConnect, OpenError> {
    let known = roots.map_or(Ok(Vec::new()), certificates)?;
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(known.iter().cloned());
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier { trust, roots: store, known, provider: Arc::clone(&provider) };
    let versions =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = versions.map_err(|error| OpenError::Uri { reason: error.to_string() })?;
    let config = config.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    Ok(MakeRustlsConnect::new(config.with_no_client_auth()))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, OpenError> {
    let failed = |reason: String| OpenError::RootCertificates { path: file.to_owned(), reason };
    let pem = std::fs::read(file).map_err(|error| failed(error.to_string()))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let found = found.map_err(|error| failed(error.to_string()))?;
    match found.is_empty() {
        true => Err(failed("it holds no certificate".to_owned())),
        false => Ok(found),
    }
}

// === impl Verifier ===

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let trusted = ServerCertVerified::assertion();
        if self.trust == Trust::Anybody {
            return Ok(trusted);
        }
        let parsed = ParsedCertificate::try_from(certificate)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        let verified = verify_server_cert_signed_by_trust_anchor(
            &parsed,
            &self.roots,
            intermediates,
            now,
            algorithms,
        );
        // As they are made by hand, these claim to be of an authority, which no
        // server's may be; when they are valid is looked at before that.
        let is_known = self.known.iter().any(|known| known == certificate);
        if let Err(error) = verified
            && (!is_known || is_of_time(&error))
        {
            return Err(error);
        }
        if self.trust == Trust::Host {
            verify_server_name(&parsed, host)?;
        }
        Ok(trusted)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Whether a certificate is not valid yet, or not any more.
fn is_of_time(error: &rustls::Error) -> bool {
    matches!(
        error,
        rustls::Error::InvalidCertificate(
            CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. }
        )
    )
}

/// Why TLS did not come about, and what to do; nothing when it was not TLS.
pub(super) fn sentence(error: &tokio_postgres::Error) -> Option<String> {
    let source = std::error::Error::source(error)?;
    if let Some(error) = source.downcast_ref::<io::Error>() {
        let inner = error.get_ref()?.downcast_ref::<rustls::Error>()?;
        return Some(match inner {
            rustls::Error::InvalidCertificate(error) => of_certificate(error),
            other => format!("TLS: {other}"),
        });
    }
    // The driver has no kinds of errors, and these no types.
    match source.to_string().as_str() {
        "server does not support TLS" => Some(
            "the server offers no TLS, which sslmode asks for: let its postgresql.conf say \
             `ssl = on`, or db_uri sslmode=disable"
                .to_owned(),
        ),
        "no hostname provided for TLS handshake" => Some(
            "TLS is not to be had on a Unix socket, nor without the name of a host: let db_uri \
             say sslmode=disable or name a host"
                .to_owned(),
        ),
        _ => None,
    }
}

fn of_certificate(error: &CertificateError) -> String {
    match error {
        // The second one: by another authority of the same name.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "the server's certificate is not signed by any that \
            is in the file of sslrootcert: let that name the certificate of the authority that \
            has signed the server's"
                .to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            let mut text =
                format!("the server's certificate is not for the host {}", expected.to_str());
            // `DnsName("…")` and `IpAddress(…)`, as the library writes them.
            let _ = match presented.is_empty() {
                true => write!(text, " (it has no subjectAltName)"),
                false => write!(text, " (only for {})", presented.join(", ")),
            };
            text + ": let db_uri name the host as the certificate does, or say sslmode=verify-ca"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired: give the server a new one".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet: look at the clocks".to_owned()
        }
        other => format!("the server's certificate cannot be verified ({other})"),
    }
}

/// What `sslrootcert` holds in a URI.
pub(super) fn path(value: &str) -> PathBuf {
    percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned().into()
}
