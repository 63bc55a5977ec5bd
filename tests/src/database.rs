//! What stands in a daemon's database, read without the daemon.

use std::{collections::BTreeSet, fs, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};
use rusqlite::{
    Connection,
    functions::{Context, FunctionFlags},
};
use tempfile::TempDir;
use wazo_auth_store::{Sealer, Table, fold};

/// The database of a daemon that has ended, or that was taken from a trace.
pub struct Database {
    conn: Connection,
    sealer: Sealer,
    /// Where the copy is, if it is one.
    _copy: Option<TempDir>,
}

// === impl Database ===

impl Database {
    /// A copy of what a daemon left in `folder`, so that the next daemon finds
    /// it as it was.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn copy_of(folder: &Path) -> Self {
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
        let key = STANDARD.decode(fs::read_to_string(key_file).unwrap().trim_end()).unwrap();
        let sealer = Sealer::new(&key.try_into().unwrap());
        let conn = Connection::open(file).unwrap();
        // The indexes of logins and slugs need it.
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        let folded =
            |context: &Context<'_>| Ok(context.get::<Option<String>>(0)?.map(|text| fold(&text)));
        conn.create_scalar_function("wazo_auth_fold", 1, flags, folded).unwrap();
        Self { conn, sealer, _copy: None }
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
        let value: rusqlite::types::Value = self.conn.query_row(sql, [], |row| row.get(0)).unwrap();
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
        self.conn.execute_batch(sql).unwrap();
    }

    fn sealed(&self, sql: &str, table: Table) -> BTreeSet<String> {
        let mut statement = self.conn.prepare(sql).unwrap();
        let texts = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let open = |text: String| self.sealer.open(table, &text).unwrap().to_string();
        texts.map(|text| open(text.unwrap())).collect()
    }
}
