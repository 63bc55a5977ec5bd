//! The rows themselves, from one open transaction to another.

use super::sum::Sum;
use super::tables::{CONTACT, COUNTED, SEED, TABLES, TENANTS, Table, USERS};
use super::{Counts, TransferError};
use crate::{Conn, Dialect, Error, Value};

/// Rows that one statement inserts.
const BATCH: usize = 100;

/// Two databases, and whom to tell how far it is.
pub(super) struct Rows<'a> {
    pub from: &'a mut dyn Conn,
    pub to: &'a mut dyn Conn,
    /// Told of rows that are done (read, then compared), and how many there are.
    pub progress: &'a mut dyn FnMut(u64, u64),
}

/// Progress is told in steps of so many rows.
const STEP: u64 = 1_000;

// === impl Rows ===

impl Rows<'_> {
    /// Copies everything, then compares everything. Gives the number of rows of
    /// each table.
    ///
    /// # Errors
    /// A sentence; what was written is to be rolled back.
    pub fn copy(&mut self) -> Result<Counts, TransferError> {
        let mut all = 0;
        for table in &TABLES {
            all += count(self.from, table.name).map_err(|error| of(table, error))?;
        }
        // Each is read twice: here, and there.
        let all = 2 * all.unsigned_abs();
        let mut done = 0;
        let mut sums = Vec::new();
        for table in &TABLES {
            sums.push(self.copy_table(table, &mut done, all)?);
            if table.name == USERS {
                self.copy_contacts()?;
            }
        }
        if self.to.dialect() == Dialect::Postgresql {
            self.set_sequences()?;
        }
        for (table, sum) in TABLES.iter().zip(&sums) {
            let progress = &mut self.progress;
            let copied = sum_of(self.to, table, &mut || tell(progress, &mut done, all));
            if copied.map_err(|error| of(table, error))? != *sum {
                return Err(TransferError::Differs { table: table.name });
            }
        }
        (self.progress)(all, all);
        Ok(TABLES.iter().zip(sums).map(|(table, sum)| (table.name, sum.rows)).collect())
    }

    fn copy_table(
        &mut self,
        table: &Table,
        done: &mut u64,
        all: u64,
    ) -> Result<Sum, TransferError> {
        let (to, progress) = (&mut *self.to, &mut self.progress);
        let contact = (table.name == TENANTS).then(|| table.position(CONTACT)).flatten();
        let mut sum = Sum::default();
        let mut batch = Vec::new();
        let read = self.from.each(&select(table), &[], &mut |row| {
            let mut values = table.values(&row)?;
            sum.add(table, &values);
            if let Some(contact) = contact.and_then(|position| values.get_mut(position)) {
                *contact = Value::Null;
            }
            batch.append(&mut values);
            tell(progress, done, all);
            if batch.len() == BATCH * table.columns.len() {
                insert(to, table, &batch)?;
                batch.clear();
            }
            Ok(())
        });
        read.map_err(|error| of(table, error))?;
        if !batch.is_empty() {
            insert(to, table, &batch).map_err(|error| of(table, error))?;
        }
        Ok(sum)
    }

    fn copy_contacts(&mut self) -> Result<(), TransferError> {
        let to = &mut *self.to;
        let sql = format!("SELECT uuid, {CONTACT} FROM {TENANTS} WHERE {CONTACT} IS NOT NULL");
        let update = format!("UPDATE {TENANTS} SET {CONTACT} = ?2 WHERE uuid = ?1");
        let copied = self.from.each(&sql, &[], &mut |row| {
            let (tenant, contact) = (row.string(0)?, row.string(1)?);
            to.execute(&update, &[tenant.into(), contact.into()]).map(|_| ())
        });
        copied.map_err(|source| TransferError::Table { table: TENANTS, source })
    }

    /// Lets new rows be counted from where these end. Unlike `setval`, this is
    /// undone with the transaction.
    fn set_sequences(&mut self) -> Result<(), TransferError> {
        for (table, sequence) in COUNTED {
            let failed = |source| TransferError::Table { table, source };
            let sql = format!("SELECT coalesce(max(id), 0)::bigint + 1 FROM {table}");
            let rows = self.to.query(&sql, &[]).map_err(failed)?;
            let next = rows.first().map_or(Ok(1), |row| row.int(0)).map_err(failed)?;
            let sql = format!("ALTER SEQUENCE {sequence} RESTART WITH {next}");
            self.to.execute(&sql, &[]).map_err(failed)?;
        }
        Ok(())
    }
}

/// Removes what a new database holds.
///
/// # Errors
/// [`TransferError::NotEmpty`] when there is more.
pub(super) fn clear(conn: &mut dyn Conn, name: &str) -> Result<(), TransferError> {
    for table in &TABLES {
        let found = count(conn, table.name).map_err(|error| of(table, error))?;
        let seeded = SEED.iter().find(|(seeded, _)| *seeded == table.name);
        if found > seeded.map_or(0, |(_, rows)| *rows) {
            return Err(TransferError::NotEmpty { name: name.to_owned(), table: table.name });
        }
    }
    // All that is a tenant's goes with it.
    for table in [TENANTS, "auth_access"] {
        let removed = conn.execute(&format!("DELETE FROM {table}"), &[]);
        removed.map_err(|source| TransferError::Table { table, source })?;
    }
    Ok(())
}

fn tell(progress: &mut dyn FnMut(u64, u64), done: &mut u64, all: u64) {
    *done += 1;
    if done.is_multiple_of(STEP) {
        progress(*done, all);
    }
}

fn count(conn: &mut dyn Conn, table: &str) -> Result<i64, Error> {
    let rows = conn.query(&format!("SELECT count(*) FROM {table}"), &[])?;
    rows.first().map_or(Ok(0), |row| row.int(0))
}

fn sum_of(conn: &mut dyn Conn, table: &Table, tell: &mut dyn FnMut()) -> Result<Sum, Error> {
    let mut sum = Sum::default();
    let sql = format!("SELECT {} FROM {}", table.column_names(), table.name);
    conn.each(&sql, &[], &mut |row| {
        sum.add(table, &table.values(&row)?);
        tell();
        Ok(())
    })?;
    Ok(sum)
}

/// All rows; of tenants, parents before their children.
fn select(table: &Table) -> String {
    let columns = table.column_names();
    if table.name != TENANTS {
        return format!("SELECT {columns} FROM {}", table.name);
    }
    format!(
        "WITH RECURSIVE tree(node, depth) AS (
             SELECT uuid, 0 FROM auth_tenant WHERE parent_uuid = uuid
             UNION ALL
             SELECT uuid, depth + 1 FROM auth_tenant JOIN tree
                 ON parent_uuid = node AND parent_uuid <> uuid
         )
         SELECT {columns} FROM tree JOIN auth_tenant ON uuid = node ORDER BY depth"
    )
}

/// Inserts rows whose columns follow one another.
fn insert(conn: &mut dyn Conn, table: &Table, values: &[Value]) -> Result<(), Error> {
    let width = table.columns.len();
    let row = |first: usize| {
        let places: Vec<String> = (first..first + width).map(|place| format!("?{place}")).collect();
        format!("({})", places.join(", "))
    };
    let rows: Vec<String> = (1..=values.len()).step_by(width).map(row).collect();
    let (name, columns) = (table.name, table.column_names());
    let sql = format!("INSERT INTO {name} ({columns}) VALUES {}", rows.join(", "));
    conn.execute(&sql, values).map(|_| ())
}

/// An error of the store as a sentence about a table.
fn of(table: &Table, error: Error) -> TransferError {
    let (name, source) = (table.name, error);
    match source {
        Error::Content { column, wanted } => TransferError::Content {
            table: name,
            column: table.columns.get(column).map_or("?", |(column, _)| column),
            wanted,
        },
        source => TransferError::Table { table: name, source },
    }
}
