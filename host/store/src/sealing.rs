//! The values of all tokens of a database, rewritten from one form to the other.

use crate::{Conn, Dialect, Error, Sealer, Table, Value};

/// Rows that are looked at and written at once. So many at once have daemons forget
/// what they remember, which is less to tell than each row.
const BATCH: usize = 5_000;

/// What was rewritten.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rewritten {
    /// Rows of `auth_token`.
    pub tokens: u64,
    /// Rows of `auth_refresh_token`.
    pub refresh_tokens: u64,
    /// Rows that stay as they were: sealed under another key, or no UUID.
    pub left: u64,
}

/// What the values are to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Sealed,
    Clear,
}

/// Rewrites every value that is not of this form, with all that refers to it. Tells
/// `progress` of rows that are done, and how many there are. Without a sealer, what
/// is sealed stays so.
///
/// On SQLite, references must be checked at the end of the transaction.
pub(crate) fn rewrite(
    conn: &mut dyn Conn,
    sealer: Option<&Sealer>,
    form: Form,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Rewritten, Error> {
    let tables = [Table::RefreshToken, Table::Token];
    let mut all = 0;
    for table in tables {
        let sql = format!("SELECT count(*) FROM {} WHERE {}", name(table), form.is_other());
        let rows = conn.query(&sql, &[])?;
        all += rows.first().map_or(Ok(0), |row| row.int(0))?.unsigned_abs();
    }
    let (mut rewritten, mut done) = (Rewritten::default(), 0);
    for table in tables {
        let mut after = String::new();
        while let Some(batch) = Batch::read(conn, table, form, sealer, &after)? {
            batch.write(conn, table)?;
            let changed = batch.changes.len() as u64;
            rewritten.left += batch.left;
            match table {
                Table::Token => rewritten.tokens += changed,
                Table::RefreshToken => rewritten.refresh_tokens += changed,
            }
            done += batch.left + changed;
            progress(done.min(all), all);
            after = batch.last;
        }
    }
    Ok(rewritten)
}

fn name(table: Table) -> &'static str {
    match table {
        Table::Token => "auth_token",
        Table::RefreshToken => "auth_refresh_token",
    }
}

/// Rows of a table in the order of their keys.
struct Batch {
    /// What stands there, and what is to.
    changes: Vec<(String, String)>,
    left: u64,
    last: String,
}

// === impl Form ===

impl Form {
    /// A condition: the value is of the other form.
    fn is_other(self) -> &'static str {
        match self {
            Self::Sealed => "substr(uuid, 1, 1) <> '~'",
            Self::Clear => "substr(uuid, 1, 1) = '~'",
        }
    }

    fn of(self, sealer: &Sealer, table: Table, text: &str) -> Option<String> {
        let value = sealer.open(table, text)?;
        Some(match self {
            Self::Sealed => sealer.seal(table, value),
            Self::Clear => value.hyphenated().to_string(),
        })
    }
}

// === impl Batch ===

impl Batch {
    /// Those that follow `after`; nothing when there are none.
    fn read(
        conn: &mut dyn Conn,
        table: Table,
        form: Form,
        sealer: Option<&Sealer>,
        after: &str,
    ) -> Result<Option<Self>, Error> {
        let sql = format!(
            "SELECT uuid FROM {} WHERE {} AND uuid > ?1 ORDER BY uuid LIMIT {BATCH}",
            name(table),
            form.is_other()
        );
        let mut batch = Self { changes: Vec::new(), left: 0, last: String::new() };
        conn.each(&sql, &[after.into()], &mut |row| {
            let was = row.string(0)?;
            batch.last.clone_from(&was);
            match sealer.and_then(|sealer| form.of(sealer, table, &was)) {
                Some(becomes) => batch.changes.push((was, becomes)),
                None => batch.left += 1,
            }
            Ok(())
        })?;
        Ok((!batch.last.is_empty()).then_some(batch))
    }

    fn write(&self, conn: &mut dyn Conn, table: Table) -> Result<(), Error> {
        match conn.dialect() {
            Dialect::Sqlite => self.write_rows(conn, table),
            Dialect::Postgresql => self.write_at_once(conn, table),
        }
    }

    fn write_rows(&self, conn: &mut dyn Conn, table: Table) -> Result<(), Error> {
        let mut statements = vec![format!("UPDATE {} SET uuid = ?2 WHERE uuid = ?1", name(table))];
        if table == Table::RefreshToken {
            statements.extend(REFERENCES.map(|referring| {
                format!(
                    "UPDATE {referring} SET refresh_token_uuid = ?2 WHERE refresh_token_uuid = ?1"
                )
            }));
        }
        for (was, becomes) in &self.changes {
            for statement in &statements {
                conn.execute(statement, &[was.into(), becomes.into()])?;
            }
        }
        Ok(())
    }

    /// In one statement: the server looks at references at its end.
    fn write_at_once(&self, conn: &mut dyn Conn, table: Table) -> Result<(), Error> {
        let referring = match table {
            Table::Token => String::new(),
            Table::RefreshToken => REFERENCES
                .map(|referring| {
                    format!(
                        ", {referring}_ AS (UPDATE {referring} SET refresh_token_uuid = becomes \
                         FROM change WHERE refresh_token_uuid = was)"
                    )
                })
                .concat(),
        };
        let sql = format!(
            "WITH change AS (SELECT * FROM unnest(?1::text[], ?2::text[]) AS change(was, becomes))\
             {referring} UPDATE {} SET uuid = becomes FROM change WHERE uuid = was",
            name(table)
        );
        let (was, becomes): (Vec<_>, Vec<_>) = self.changes.iter().cloned().unzip();
        conn.execute(&sql, &[Value::List(was), Value::List(becomes)])?;
        Ok(())
    }
}

/// The tables that refer to refresh tokens.
const REFERENCES: [&str; 2] = ["auth_token", "auth_saml_session"];
