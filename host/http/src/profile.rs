//! A file for each request that says how long it took, while that is asked for
//! (status.md section 4).

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::Path,
    time::Duration,
};

use http::{Method, StatusCode};
use jiff::{Timestamp, tz::TimeZone};
use nix::unistd::geteuid;

use crate::{dates, request_log::path_text};

/// Operators copy it away as a whole.
const FOLDER: &str = "/tmp/wazo-profiling";

/// What is known of a request that was handled.
pub(crate) struct Profile<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) status: StatusCode,
    pub(crate) began: Timestamp,
    /// Time in the handler; nearly none where it was refused before.
    pub(crate) took: Duration,
}

// === impl Profile ===

impl Profile<'_> {
    /// Writes the file. A failure is told, and is no failure of the request.
    pub(crate) fn write(&self, zone: &TimeZone) {
        if let Err(error) = self.try_write(zone) {
            log::warn!(target: "wazo_auth.http", "cannot write a profile into {FOLDER}: {error}");
        }
    }

    fn try_write(&self, zone: &TimeZone) -> io::Result<()> {
        make_folder()?;
        let began = dates::local(self.began, zone);
        // A token in the path is a credential.
        let shown = path_text(self.path);
        let path: String = shown.chars().map(plain).collect();
        let file = Path::new(FOLDER).join(format!("{began}-api_auth{path}.profile"));
        // Never through a link that somebody else has put there.
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
        let (method, status, took) = (self.method, self.status.as_u16(), self.took.as_secs_f64());
        writeln!(file, "{method} {shown} {status}\nhandler {took:.6} s")
    }
}

/// The folder is in one where everybody may write: a link is not followed.
fn make_folder() -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(FOLDER) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let found = fs::symlink_metadata(FOLDER)?;
            let is_ours = found.uid() == geteuid().as_raw() && found.mode() & 0o077 == 0;
            match found.is_dir() && is_ours {
                true => Ok(()),
                false => Err(io::Error::other("it is not a folder of this account alone")),
            }
        }
        made => made,
    }
}

fn plain(c: char) -> char {
    if c == '/' { '_' } else { c }
}
