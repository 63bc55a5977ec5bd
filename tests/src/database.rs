//! What stands in a daemon's database, read without the daemon.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use rusqlite::{
    Connection,
    functions::{Context as FunctionContext, FunctionFlags},
};
use tempfile::TempDir;
use wazo_auth_context::{Context, Environment, time_zone};
use wazo_auth_servers::postgresql;
use wazo_auth_store::{Sealer, Server, Table, fold};

/// Says which store the daemons of a run use: `postgresql`, or SQLite without it.
const STORE_VARIABLE: &str = "WAZO_AUTH_TEST_STORE";

/// The database of a daemon that has ended, or that was taken from a trace; with
/// PostgreSQL, of one that runs, too.
pub struct Database {
    rows: Rows,
    sealer: Sealer,
    /// Where the copy is, if it is one.
    _copy: Option<TempDir>,
}

enum Rows {
    File(Connection),
    /// By its URI.
    Server(String),
}

/// Whether the daemons of this run use PostgreSQL.
///
/// # Panics
/// When another store is asked for than there is.
#[must_use]
#[allow(clippy::disallowed_methods, reason = "which store is tested is said from outside")]
pub fn on_postgresql() -> bool {
    match std::env::var(STORE_VARIABLE).as_deref() {
        Err(_) | Ok("sqlite") => false,
        Ok("postgresql") => true,
        Ok(other) => panic!("{STORE_VARIABLE} is `{other}`: postgresql and sqlite are known"),
    }
}

/// The URI of a database that is not there yet, or has no tables yet: in this
/// folder, or on the server that the tests of this process share.
#[must_use]
pub fn empty_database(folder: &Path) -> String {
    match on_postgresql() {
        true => postgresql::database(),
        false => format!("sqlite:///{}/auth.db", folder.display()),
    }
}

/// The URI of a database that a daemon can be started on.
pub(crate) fn new_database(folder: &Path) -> String {
    match on_postgresql() {
        true => postgresql::database_made_by(make_tables),
        false => empty_database(folder),
    }
}

fn make_tables(uri: &str) {
    let zone = time_zone(Some("UTC")).unwrap();
    let context = Context::system(Environment { xivo_uuid: None, time_zone: zone });
    drop(Server::open(uri, Duration::from_secs(60), true, &context).unwrap());
}

/// What `db_uri` is in the main file of a daemon's folder.
pub(crate) fn configured(folder: &Path) -> Option<String> {
    let yaml = fs::read_to_string(folder.join("config.yml")).ok()?;
    yaml.lines().find_map(|line| line.strip_prefix("db_uri: ")).map(str::to_owned)
}

// === impl Database ===

impl Database {
    /// The database of the daemon in `folder`.
    ///
    /// # Panics
    /// When it cannot be opened.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        match configured(folder) {
            Some(uri) if uri.starts_with("postgresql:") => {
                let sealer = sealer(&folder.join("token.key"));
                Self { rows: Rows::Server(uri), sealer, _copy: None }
            }
            _ => Self::open(&folder.join("auth.db"), &folder.join("token.key")),
        }
    }

    /// A copy of what a daemon left in `folder`, so that the next daemon finds
    /// it as it was; what is on a server itself.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn copy_of(folder: &Path) -> Self {
        if on_postgresql() {
            return Self::of(folder);
        }
        let copy = tempfile::tempdir().unwrap();
        for name in ["auth.db", "auth.db-wal"] {
            if folder.join(name).exists() {
                fs::copy(folder.join(name), copy.path().join(name)).unwrap();
            }
        }
        let opened = Self::open(&copy.path().join("auth.db"), &folder.join("token.key"));
        Self { _copy: Some(copy), ..opened }
    }

    /// The database in `file`, whose tokens are sealed under the key in
    /// `key_file`.
    ///
    /// # Panics
    /// When it cannot be opened.
    #[must_use]
    pub fn open(file: &Path, key_file: &Path) -> Self {
        let conn = Connection::open(file).unwrap();
        // The indexes of logins and slugs need it.
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        let folded = |context: &FunctionContext<'_>| {
            Ok(context.get::<Option<String>>(0)?.map(|text| fold(&text)))
        };
        conn.create_scalar_function("wazo_auth_fold", 1, flags, folded).unwrap();
        Self { rows: Rows::File(conn), sealer: sealer(key_file), _copy: None }
    }

    /// Every access token, expired or not.
    ///
    /// # Panics
    /// When one cannot be opened with the key.
    #[must_use]
    pub fn tokens(&self) -> BTreeSet<String> {
        self.sealed("SELECT uuid FROM auth_token", Table::Token)
    }

    /// Every refresh token.
    ///
    /// # Panics
    /// When one cannot be opened with the key.
    #[must_use]
    pub fn refresh_tokens(&self) -> BTreeSet<String> {
        self.sealed("SELECT uuid FROM auth_refresh_token", Table::RefreshToken)
    }

    /// The first column of the first row of a query, as text.
    ///
    /// # Panics
    /// When the query fails.
    #[must_use]
    #[track_caller]
    pub fn text(&self, sql: &str) -> String {
        let conn = match &self.rows {
            Rows::File(conn) => conn,
            Rows::Server(uri) => {
                let said = postgresql::psql(uri, sql);
                return said.lines().next().unwrap_or_default().to_owned();
            }
        };
        let value: rusqlite::types::Value = conn.query_row(sql, [], |row| row.get(0)).unwrap();
        match value {
            rusqlite::types::Value::Text(text) => text,
            rusqlite::types::Value::Integer(number) => number.to_string(),
            other => panic!("{sql}: {other:?}"),
        }
    }

    /// Changes rows under the daemon, which notices.
    ///
    /// # Panics
    /// When a statement fails.
    #[track_caller]
    pub fn run(&self, sql: &str) {
        match &self.rows {
            Rows::File(conn) => conn.execute_batch(sql).unwrap(),
            Rows::Server(uri) => drop(postgresql::psql(uri, sql)),
        }
    }

    fn sealed(&self, sql: &str, table: Table) -> BTreeSet<String> {
        let texts: Vec<String> = match &self.rows {
            Rows::File(conn) => {
                let mut statement = conn.prepare(sql).unwrap();
                statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
            }
            Rows::Server(uri) => postgresql::psql(uri, sql).lines().map(str::to_owned).collect(),
        };
        let open = |text: String| self.sealer.open(table, &text).unwrap().to_string();
        texts.into_iter().map(open).collect()
    }
}

fn sealer(key_file: &Path) -> Sealer {
    let key = STANDARD.decode(fs::read_to_string(key_file).unwrap().trim_end()).unwrap();
    Sealer::new(&key.try_into().unwrap())
}
