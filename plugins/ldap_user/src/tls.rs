//! Whom to believe that it is the server.
//!
//! As LDAP clients of the system do (ldap.conf(5)): the authorities in the file
//! that `TLS_CACERT` of `/etc/ldap/ldap.conf` names, or else those of the system.
//! The certificate is always checked, whatever `TLS_REQCERT` says.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

const CLIENT_DEFAULTS: &str = "/etc/ldap/ldap.conf";
const AUTHORITIES_OF_THE_SYSTEM: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The authorities, read when a server is first to be believed.
pub(crate) struct Trust {
    /// Instead of those of the system.
    file: Option<PathBuf>,
    read: OnceLock<Arc<ClientConfig>>,
}

// === impl Trust ===

impl Trust {
    /// In the authorities of a file, or in those of the system.
    pub(crate) fn new(file: Option<PathBuf>) -> Self {
        Self { file, read: OnceLock::new() }
    }

    /// What a connection is encrypted by.
    ///
    /// # Errors
    /// A sentence, when there is no authority to be found; asked again next time.
    pub(crate) fn client(&self) -> Result<Arc<ClientConfig>, String> {
        if let Some(read) = self.read.get() {
            return Ok(Arc::clone(read));
        }
        let file = match &self.file {
            Some(file) => file.clone(),
            None => file_of_the_system(Path::new(CLIENT_DEFAULTS)),
        };
        let read = Arc::new(client(&file)?);
        Ok(Arc::clone(self.read.get_or_init(|| read)))
    }
}

fn file_of_the_system(defaults: &Path) -> PathBuf {
    let defaults = fs::read_to_string(defaults).unwrap_or_default();
    let mut named = defaults.lines().filter_map(|line| {
        let (option, value) = line.trim().split_once(char::is_whitespace)?;
        option.eq_ignore_ascii_case("TLS_CACERT").then(|| value.trim())
    });
    PathBuf::from(named.next_back().unwrap_or(AUTHORITIES_OF_THE_SYSTEM))
}

fn client(file: &Path) -> Result<ClientConfig, String> {
    let shown = file.display();
    let authorities = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| format!("the certificates in {shown} cannot be read: {error}"))?;
    let mut roots = RootCertStore::empty();
    let (known, _) = roots.add_parsable_certificates(authorities);
    if known == 0 {
        return Err(format!("there is no certificate in {shown}"));
    }
    // The provider by its name: others of the process may have made another one the default.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_defaults_name_the_authorities() {
        let folder = std::env::temp_dir().join(format!("ldap-conf-{}", std::process::id()));
        fs::write(&folder, "# TLS_CACERT /no\nBASE dc=x\n tls_cacert\t/a/b c.crt \n").unwrap();
        assert_eq!(file_of_the_system(&folder), Path::new("/a/b c.crt"));
        fs::remove_file(&folder).unwrap();
        assert_eq!(file_of_the_system(&folder), Path::new(AUTHORITIES_OF_THE_SYSTEM));
    }

    #[test]
    fn a_file_without_authorities_is_told_each_time() {
        let trust = Trust::new(Some(PathBuf::from("/no/such.crt")));
        for _ in 0..2 {
            let reason = trust.client().err().unwrap();
            assert!(
                reason.starts_with("the certificates in /no/such.crt cannot be read"),
                "{reason}"
            );
        }
    }
}
