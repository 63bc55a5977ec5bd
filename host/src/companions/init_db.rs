//! `wazo-auth-init-db`: role, database and extension on a server (bootstrap.md
//! section 6).

use clap::Args;
use wazo_auth_config::{DbUri, Sources};
use wazo_auth_store::Preparation;

use crate::{account, commands::load, setup::Failure};

// They tell what to make on a PostgreSQL server. A SQLite file needs none of it;
// the packages of the platform pass them all the same.
/// Prepare what the database needs of its server; a SQLite file needs nothing.
///
/// With `db_uri: postgresql://…`: makes the role, the database and its extension uuid-ossp where
/// they are missing. What is there stays as it is, the password too.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// PostgreSQL: the account to switch to.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// PostgreSQL: the maintenance database, as superuser.
    #[arg(long = "pg_db_uri", value_name = "URI", default_value = "postgresql:///postgres")]
    pg_db_uri: String,
    /// PostgreSQL: the database of the service, as superuser.
    #[arg(long = "auth_db_uri", value_name = "URI", default_value = "postgresql:///asterisk")]
    auth_db_uri: String,
    /// PostgreSQL: the database to make.
    #[arg(long, value_name = "NAME", default_value = "asterisk")]
    db: String,
    /// PostgreSQL: the role that is to own it.
    #[arg(long, value_name = "NAME", default_value = "asterisk")]
    owner: String,
    /// PostgreSQL: the password of that role.
    #[arg(long, default_value = "proformatique")]
    password: String,
}

pub(super) fn run(sources: &Sources, arguments: &Arguments) -> Result<String, Failure> {
    let config = load(sources)?;
    if let DbUri::Sqlite(file) = &config.settings.database.uri {
        return Ok(format!(
            "nothing to prepare: `db_uri` names the SQLite file {}, which wazo-auth-upgrade-db \
             makes\n",
            file.display()
        ));
    }
    if let Some(user) = &arguments.user {
        account::switch_to(user)?;
    }
    let Arguments { db, owner, .. } = arguments;
    let preparation = Preparation {
        maintenance_uri: &arguments.pg_db_uri,
        service_uri: &arguments.auth_db_uri,
        database: db,
        owner,
        password: &arguments.password,
    };
    let prepared = preparation.run()?;
    let said = |made: bool, what: &str| {
        format!("{what}: {}\n", if made { "made" } else { "there already" })
    };
    Ok([
        said(prepared.role, &format!("role {owner}")),
        said(prepared.database, &format!("database {db}")),
        said(prepared.extension, "extension uuid-ossp"),
    ]
    .concat())
}
