//! `wazo-auth db copy`: from one store to another.

use std::fmt::Write as _;
use std::io::{IsTerminal, stderr};

use wazo_auth_config::{DbUri, Settings};
use wazo_auth_context::Context;
use wazo_auth_store::transfer::{self, Place, Transferred, transfer};

use super::progress;
use crate::{account, setup::Failure};

pub(super) fn run(
    settings: &Settings,
    context: &Context,
    from: &str,
    to: &str,
) -> Result<String, Failure> {
    let (from, to) = (place("FROM", from)?, place("TO", to)?);
    // A file that is made is the daemon's.
    if let Some(user) = &settings.process.user {
        account::switch_to(user)?;
    }
    let server = match &to {
        Place::Server(uri) => Some(uri.clone()),
        Place::File(_) => None,
    };
    let Transferred { from, to, tables, is_source_in_use } =
        transfer(from, to, context, &mut progress("rows copied and compared"))?;
    let mut text = String::new();
    for (table, rows) in tables.iter().filter(|(_, rows)| *rows > 0) {
        let _ = writeln!(text, "{rows:>10} {table}");
    }
    let all: u64 = tables.iter().map(|(_, rows)| rows).sum();
    let _ = writeln!(text, "copied and compared {all} rows of {from} to {to}");
    if let Some(uri) = server {
        if stderr().is_terminal() {
            eprintln!("all is committed; the server looks through it (VACUUM, ANALYZE)");
        }
        if let Err(error) = transfer::settle(&uri) {
            let _ = writeln!(
                text,
                "warning: the server could not look through it ({error}) and will be slower until it has"
            );
        }
    }
    let key_file = settings.database.token_key_file.display();
    let _ = writeln!(text, "sealed tokens among them can be read with the same {key_file} only");
    if is_source_in_use {
        let _ = writeln!(
            text,
            "warning: a daemon runs on {from}: what it has written since the copy began is not in it"
        );
    }
    Ok(text)
}

fn place(argument: &str, uri: &str) -> Result<Place, Failure> {
    // It does not repeat the URI, which may hold a password.
    let uri: DbUri = uri.parse().map_err(|error| format!("{argument}: {error}"))?;
    Ok(match uri {
        DbUri::Sqlite(path) => Place::File(path),
        DbUri::Postgresql(uri) => Place::Server(uri.expose().clone()),
    })
}
