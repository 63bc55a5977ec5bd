//! The address that the daemon listens on.

use std::{error::Error, io};

use wazo_auth_config::{Checked, DbUri, Settings};
use wazo_auth_http::Server;
use wazo_auth_store::is_in_use;

const LISTEN: &[&str] = &["rest_api", "listen"];
const PORT: &[&str] = &["rest_api", "port"];

/// Opens the socket for a moment.
pub(super) fn check(checked: &mut Checked, settings: &Settings) {
    let api = &settings.rest_api;
    if checked.is_wrong(LISTEN) || checked.is_wrong(PORT) {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let bound = runtime.map(|runtime| {
        let bound = runtime.block_on(Server::bind(&api.listen, api.port, None));
        bound.map(drop)
    });
    let error = match bound {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error,
        Err(error) => return checked.mistake(LISTEN, error.to_string()),
    };
    let kind = error.source().and_then(|source| source.downcast_ref()).map(io::Error::kind);
    match kind {
        Some(io::ErrorKind::AddrInUse) if daemon_runs(settings) => {
            let sentence =
                "the port is in use, by the wazo-auth that runs on this database, it seems";
            checked.warning(PORT, sentence);
        }
        Some(io::ErrorKind::AddrInUse) => {
            checked.mistake(PORT, format!("{error}: another program listens there already"));
        }
        Some(io::ErrorKind::PermissionDenied) => checked.mistake(
            PORT,
            format!("{error}: ports below 1024 take rights that the account does not have"),
        ),
        Some(io::ErrorKind::AddrNotAvailable) => {
            checked.mistake(LISTEN, format!("{error}: this machine does not have that address"));
        }
        _ => checked.mistake(LISTEN, error.to_string()),
    }
}

fn daemon_runs(settings: &Settings) -> bool {
    matches!(&settings.database.uri, DbUri::Sqlite(path) if is_in_use(path))
}
