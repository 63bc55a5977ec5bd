//! `wazo-auth-upgrade-db`: the schema of the database (bootstrap.md section 6).

use std::{path::Path, time::Duration};

use wazo_auth_config::{DbUri, Sources};
use wazo_auth_context::Context;
use wazo_auth_store::{Database, Schema, Server};

use crate::{
    account,
    commands::load,
    environment,
    setup::{self, Failure},
};

/// How long it waits for a server (bootstrap.md section 6).
const PATIENCE: Duration = Duration::from_secs(300);

pub(super) fn run(sources: &Sources) -> Result<String, Failure> {
    let context = environment::context()?;
    let config = load(sources)?;
    let settings = &config.settings;
    match &settings.database.uri {
        DbUri::Sqlite(file) => {
            // What is made is the daemon's.
            if let Some(user) = &settings.process.user {
                account::switch_to(user)?;
            }
            setup::ensure_meant(&config)?;
            upgrade_file(file, &context)
        }
        DbUri::Postgresql(uri) => upgrade_server(uri.expose(), &context),
    }
}

fn upgrade_file(file: &Path, context: &Context) -> Result<String, Failure> {
    let shown = file.display();
    Ok(match Database::upgrade(file, context)? {
        Schema::Created => format!("created the database {shown}\n"),
        Schema::Upgraded { from, to } => format!(
            "upgraded the database {shown} from schema version {from} to {to}; a copy of it as it \
             was is beside it\n"
        ),
        Schema::UpToDate => format!("the schema of the database {shown} is up to date\n"),
    })
}

fn upgrade_server(uri: &str, context: &Context) -> Result<String, Failure> {
    let mut server = Server::connect(uri, PATIENCE)?;
    let schema = server.upgrade(context)?;
    let shown = server.name();
    Ok(match schema {
        Schema::Created => format!("created the tables in the database {shown}\n"),
        Schema::Upgraded { .. } => {
            format!("added what wazo-auth needs beside the tables in the database {shown}\n")
        }
        Schema::UpToDate => format!("the schema of the database {shown} is up to date\n"),
    })
}
