//! The certificate that the daemon makes for itself (`rest_api.tls:
//! self_signed`).

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, date_time_ymd};
use wazo_auth_http::TlsFiles;

const YEARS_VALID: i16 = 10;

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CertificateError {
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
    #[error("{} exists, but {} does not: put the missing one there, or remove the other so that both are made", there.display(), missing.display())]
    Half { there: PathBuf, missing: PathBuf },
    #[error("cannot write {}: {source}; see `rest_api.certificate` and `rest_api.private_key`", path.display())]
    Write { path: PathBuf, source: io::Error },
}

/// Whether certificate and key are there.
///
/// # Errors
/// One of them is.
pub(crate) fn exist(files: &TlsFiles) -> Result<bool, CertificateError> {
    let (there, missing) = match (files.certificate.exists(), files.private_key.exists()) {
        (true, false) => (&files.certificate, &files.private_key),
        (false, true) => (&files.private_key, &files.certificate),
        (both, _) => return Ok(both),
    };
    Err(CertificateError::Half { there: there.clone(), missing: missing.clone() })
}

/// Makes certificate and key if both are missing.
pub(crate) fn ensure(files: &TlsFiles, now: Timestamp) -> Result<(), CertificateError> {
    if exist(files)? {
        return Ok(());
    }
    let key = KeyPair::generate()?;
    let certificate = parameters(now)?.self_signed(&key)?;
    write(&files.private_key, 0o600, &key.serialize_pem())?;
    write(&files.certificate, 0o600, &certificate.pem())?;
    log::info!(
        target: "wazo_auth.certificate",
        "made a self-signed certificate: {}", files.certificate.display()
    );
    Ok(())
}

fn parameters(now: Timestamp) -> Result<CertificateParams, rcgen::Error> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if let Ok(host) = nix::unistd::gethostname()
        && let Ok(host) = host.into_string()
        && !names.contains(&host)
    {
        names.push(host);
    }
    let mut parameters = CertificateParams::new(names)?;
    parameters.distinguished_name.push(DnType::CommonName, "localhost");
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let from = now.to_zoned(TimeZone::UTC).date();
    let yesterday = from.checked_sub(1.day()).unwrap_or(from);
    let date = |date: jiff::civil::Date, years: i16| {
        let year = i32::from(date.year() + years);
        // The 28th exists in every month of every year.
        date_time_ymd(year, date.month().unsigned_abs(), date.day().unsigned_abs().min(28))
    };
    parameters.not_before = date(yesterday, 0);
    parameters.not_after = date(from, YEARS_VALID);
    Ok(parameters)
}

fn write(path: &Path, mode: u32, text: &str) -> Result<(), CertificateError> {
    let failed = |source| CertificateError::Write { path: path.to_owned(), source };
    let mut file: File =
        OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}
