//! Files that the daemon needs: log, database, keys, certificate.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::Path,
};

use nix::unistd::{AccessFlags, eaccess};
use wazo_auth_config::{Checked, DbUri, Settings};
use wazo_auth_context::Context;
use wazo_auth_http::{TlsError, TlsFiles};
use wazo_auth_log::LogError;
use wazo_auth_store::{
    KeyFileError, OpenError, Sealer, folder_of, key_file, tokens_of_another_key,
};

use crate::{
    certificate::{self, CertificateError},
    setup,
};

/// What the file of a database begins with.
const SQLITE: &[u8] = b"SQLite format 3\0";
/// Permission bits of accounts that are neither owner nor in the group.
const OTHERS: u32 = 0o007;

/// To be called before the account is switched, as the daemon does.
pub(super) fn log_file(checked: &mut Checked, settings: &Settings) {
    let path = &settings.process.log_filename;
    if checked.is_wrong(&["log_filename"]) {
        return;
    }
    let opened = if path.exists() {
        OpenOptions::new().append(true).open(path).map(drop)
    } else {
        can_be_made(path)
    };
    if let Err(source) = opened {
        let error = LogError::File { path: path.clone(), source };
        checked.mistake(&["log_filename"], error.to_string().trim_end_matches('.'));
    }
}

pub(super) fn database(checked: &mut Checked, settings: &Settings) {
    if checked.is_wrong(&["db_uri"]) {
        return;
    }
    let DbUri::Sqlite(path) = &settings.database.uri else {
        return checked.mistake(&["db_uri"], setup::NO_POSTGRESQL);
    };
    // A log is kept beside the file, even of one that exists.
    let usable = can_be_made(path).and_then(|()| is_database(path));
    let error = match usable {
        Ok(true) => return,
        Ok(false) => OpenError::NotADatabase { path: path.clone() },
        Err(source) => OpenError::File { path: path.clone(), source },
    };
    checked.mistake(&["db_uri"], error.to_string());
}

/// Whether a file is a database, or may become one.
fn is_database(path: &Path) -> io::Result<bool> {
    let file = match OpenOptions::new().read(true).write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        file => file?,
    };
    let mut begin = Vec::new();
    file.take(SQLITE.len() as u64).read_to_end(&mut begin)?;
    Ok(begin.is_empty() || begin == SQLITE)
}

pub(super) fn token_key(checked: &mut Checked, settings: &Settings) {
    if checked.is_wrong(&["token_key_file"]) {
        return;
    }
    let database = match &settings.database.uri {
        DbUri::Sqlite(path) if !checked.is_wrong(&["db_uri"]) => Some(path.as_path()),
        _ => None,
    };
    if let Err(error) = key_of(settings, database) {
        checked.mistake(&["token_key_file"], error.to_string());
    }
}

fn key_of(settings: &Settings, database: Option<&Path>) -> Result<(), KeyFileError> {
    let path = &settings.database.token_key_file;
    let sealer = key_file::read(path)?.map(|key| Sealer::new(&key));
    if let Some(database) = database {
        // One that cannot be looked at tells nothing about the key.
        let tokens = tokens_of_another_key(database, sealer.as_ref()).unwrap_or(0);
        setup::fits(path, database, sealer.as_ref(), tokens)?;
    }
    if sealer.is_none() && settings.database.seal_tokens {
        can_be_made(path).map_err(|source| KeyFileError::Create { path: path.clone(), source })?;
    }
    Ok(())
}

pub(super) fn certificate(checked: &mut Checked, settings: &Settings, context: &Context) {
    const CERTIFICATE: &[&str] = &["rest_api", "certificate"];
    const KEY: &[&str] = &["rest_api", "private_key"];
    let wrong = [CERTIFICATE, KEY, &["rest_api", "tls"]].iter().any(|key| checked.is_wrong(key));
    let Some((files, ours)) = setup::tls_files(settings).filter(|_| !wrong) else { return };
    if ours {
        match certificate::exist(&files) {
            Ok(true) => {}
            Ok(false) => {
                if let Err(source) = can_be_made(&files.private_key) {
                    let path = files.private_key.clone();
                    let error = CertificateError::Write { path, source };
                    checked.mistake(&["rest_api", "tls"], error.to_string());
                }
                return;
            }
            Err(error) => return checked.mistake(&["rest_api", "tls"], error.to_string()),
        }
    }
    // Files of our own making stand nowhere in the configuration.
    let at = |key| if settings.rest_api.certificate_files().is_some() { key } else { TLS };
    if let Err(error) = files.load() {
        let is_of_certificate =
            matches!(&error, TlsError::File { path, .. } if *path == files.certificate);
        checked.mistake(at(if is_of_certificate { CERTIFICATE } else { KEY }), error.to_string());
    }
    if let Some(sentence) = files.out_of_date(context.now()) {
        checked.mistake(at(CERTIFICATE), sentence);
    }
    if let Some(sentence) = exposed(&files) {
        checked.mistake(at(KEY), sentence);
    }
}

const TLS: &[&str] = &["rest_api", "tls"];

fn exposed(files: &TlsFiles) -> Option<String> {
    let mode = fs::metadata(&files.private_key).ok()?.mode() & 0o7777;
    let file = files.private_key.display();
    (mode & OTHERS != 0).then(|| {
        format!(
            "the private key {file} is open to every account of the machine (mode {mode:03o}): \
             run `chmod o= {file}`"
        )
    })
}

/// Whether this account may make a file at `path`, as far as its folder tells.
fn can_be_made(path: &Path) -> io::Result<()> {
    let folder = folder_of(path);
    if !fs::metadata(folder)?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    Ok(eaccess(folder, AccessFlags::W_OK | AccessFlags::X_OK)?)
}
