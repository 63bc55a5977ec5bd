//! Whether the certificate is valid at a given time.

use std::time::Duration;

use jiff::Timestamp;
use rustls::{
    CertificateError, Error, RootCertStore,
    client::verify_server_cert_signed_by_trust_anchor,
    pki_types::{CertificateDer, UnixTime, pem::PemObject},
    server::ParsedCertificate,
};

use crate::TlsFiles;

impl TlsFiles {
    /// Why clients will refuse the certificate at this time, as a sentence, if
    /// its dates are the reason. A file that cannot be read has no dates.
    #[must_use]
    pub fn out_of_date(&self, now: Timestamp) -> Option<String> {
        let certificate = CertificateDer::pem_file_iter(&self.certificate).ok()?.next()?.ok()?;
        let parsed = ParsedCertificate::try_from(&certificate).ok()?;
        let seconds = u64::try_from(now.as_second()).ok()?;
        let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
        // Nobody is trusted here, so this always fails; the dates come first.
        let verified = verify_server_cert_signed_by_trust_anchor(
            &parsed,
            &RootCertStore::empty(),
            &[],
            now,
            algorithms.all,
        );
        let file = self.certificate.display();
        match verified {
            Err(Error::InvalidCertificate(CertificateError::ExpiredContext {
                not_after, ..
            })) => Some(format!(
                "the certificate {file} expired on {}, and clients will refuse it: renew it",
                day(not_after)
            )),
            Err(Error::InvalidCertificate(CertificateError::NotValidYetContext {
                not_before,
                ..
            })) => Some(format!(
                "the certificate {file} is not valid before {}: check the clock of this machine",
                day(not_before)
            )),
            _ => None,
        }
    }
}

/// The day, in UTC.
fn day(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
    time.strftime("%Y-%m-%d").to_string()
}
