//! What the running daemon tells `wazo-auth plugin list`: a socket beside the token
//! key, in the folder that is the daemon's own.
//!
//! It is for root and the daemon's account alone, as the file has no other
//! permissions; whoever connects is told the state of the plugins and nothing else,
//! and nothing that he sends is read. By HTTP it would take a token, which nobody has
//! at hand who sees to a daemon that lets nobody log in.

use std::{
    fs,
    io::{self, ErrorKind, Read},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{io::AsyncWriteExt, net::UnixListener, time::timeout};
use wazo_auth_config::Settings;
use wazo_auth_plugins::PluginReport;
use wazo_auth_service::Services;

/// How long either side waits for the other.
const PATIENCE: Duration = Duration::from_secs(5);
/// More is no answer of a daemon.
const LONGEST: u64 = 16 * 1024 * 1024;

/// The socket; gone with this.
pub(crate) struct StatusSocket(PathBuf);

// === impl StatusSocket ===

impl StatusSocket {
    /// Answers from now on, on the runtime in which this is called. A daemon that
    /// cannot be asked is a daemon all the same: the log says so.
    pub(crate) fn open(settings: &Settings, services: Arc<Services>) -> Option<Self> {
        let path = path(settings);
        match bind(&path) {
            Ok(listener) => {
                tokio::spawn(answer(listener, services));
                Some(Self(path))
            }
            Err(error) => {
                // Of those that let the system choose a port, one can be asked.
                let is_usual = settings.rest_api.port == 0;
                log::log!(
                    target: "wazo_auth.main",
                    if is_usual { log::Level::Info } else { log::Level::Warn },
                    "`wazo-auth plugin list` cannot ask this daemon: {}: {error}", path.display()
                );
                None
            }
        }
    }
}

impl Drop for StatusSocket {
    fn drop(&mut self) {
        // One that stays is replaced by the next daemon.
        let _ = fs::remove_file(&self.0);
    }
}

/// Two daemons of one host differ by their ports.
fn path(settings: &Settings) -> PathBuf {
    let folder = settings.database.token_key_file.parent().unwrap_or(Path::new("."));
    folder.join(format!("status-{}.sock", settings.rest_api.port))
}

/// The umask keeps others out from the beginning.
fn bind(path: &Path) -> io::Result<UnixListener> {
    match UnixStream::connect(path) {
        Ok(_) => return Err(io::Error::other("another daemon answers there")),
        // It was left behind by one that was killed.
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path)?,
        Err(_) => {}
    }
    UnixListener::bind(path)
}

async fn answer(listener: UnixListener, services: Arc<Services>) {
    loop {
        let Ok((mut stream, _)) = listener.accept().await else {
            // Too many open files, say: not for ever.
            tokio::time::sleep(Duration::from_secs(1)).await;
            continue;
        };
        let reports = services.plugins().map(|plugins| plugins.report()).unwrap_or_default();
        let Ok(json) = serde_json::to_vec(&reports) else { continue };
        // Who does not listen is not told.
        let _ = timeout(PATIENCE, stream.write_all(&json)).await;
    }
}

/// What the daemon of this configuration says of its plugins; none: there is no
/// daemon.
///
/// # Errors
/// A sentence: there is one, but it does not tell us.
pub(crate) fn ask(settings: &Settings) -> Result<Option<Vec<PluginReport>>, String> {
    let path = path(settings);
    let failed = |error: io::Error| {
        let path = path.display();
        match error.kind() {
            ErrorKind::PermissionDenied => format!(
                "the running daemon can be asked by root and its own account only ({path}: {error})"
            ),
            _ => format!("the running daemon does not answer: {path}: {error}"),
        }
    };
    let stream = match UnixStream::connect(&path) {
        Ok(stream) => stream,
        Err(error)
            if [ErrorKind::NotFound, ErrorKind::ConnectionRefused].contains(&error.kind()) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(failed(error)),
    };
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    let mut json = Vec::new();
    stream.take(LONGEST).read_to_end(&mut json).map_err(failed)?;
    let reports = serde_json::from_slice(&json);
    reports.map(Some).map_err(|_| {
        "the running daemon is of another version than this command: restart it".to_owned()
    })
}
