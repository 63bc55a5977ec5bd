//! The schema of a PostgreSQL database: recognised, made, and completed by what is
//! ours (`contract/database.md` section 4).

use wazo_auth_context::Context;

use crate::postgresql::connection::Link;
use crate::postgresql::engine::DATABASE_LOCK;
use crate::{Conn, Error, OpenError, Schema, Seals, Tx, Value, seed};

/// The only revision of the original that can be used.
pub(crate) const REVISION: &str = "1c862ebfbb3a";
/// What is ours has a version of its own.
const VERSION: i64 = OURS.len() as i64;

const ORIGINAL: &str = include_str!("../../schema/postgresql/original.sql");
/// What is ours, version by version: what was released stays as it is.
const OURS: [&str; 2] = [
    include_str!("../../schema/postgresql/ours.sql"),
    include_str!("../../schema/postgresql/ours_2.sql"),
];

/// What stands in a database.
struct Found {
    /// The revision of the original's tables; none where there are none.
    revision: Option<String>,
    /// The version of what is ours; 0 where there is nothing.
    version: i64,
}

/// Makes what is missing, in one transaction, alone of all daemons. Who works on the
/// whole database is not waited for for long: that is [`Error::Busy`].
///
/// # Errors
/// A sentence that names the database and the remedy.
pub(crate) fn upgrade(link: &mut Link, name: &str, context: &Context) -> Result<Schema, OpenError> {
    let failed = |source| OpenError::Server { name: name.to_owned(), source };
    // Where all is there, nobody is waited for. What is amiss, or half there, is
    // looked at once nobody changes it.
    if is_ours(link).map_err(failed)?
        && let Ok(Found { revision: Some(_), version: VERSION }) = look(link, name)
    {
        return Ok(Schema::UpToDate);
    }
    link.begin(format!(
        "BEGIN; SET LOCAL lock_timeout = '5s'; SELECT pg_advisory_xact_lock({DATABASE_LOCK})"
    ));
    let made = make(link, name, context);
    match made {
        Ok(schema) => link.commit().map(|()| schema).map_err(failed),
        Err(error) => {
            // What made it fail is what is told.
            let _ = link.roll_back();
            Err(error)
        }
    }
}

/// Refuses a schema that is not the newest one.
///
/// # Errors
/// A sentence that names the database and the remedy.
pub(crate) fn check(link: &mut Link, name: &str) -> Result<(), OpenError> {
    match look(link, name)? {
        Found { revision: Some(_), version: VERSION } => Ok(()),
        Found { .. } => Err(OpenError::NotPrepared { name: name.to_owned() }),
    }
}

/// Refuses tables that are not the original's at the revision that can be used;
/// what is ours may be there or not.
///
/// # Errors
/// A sentence that names the database and the remedy.
pub(crate) fn check_revision(link: &mut Link, name: &str) -> Result<(), OpenError> {
    match look(link, name)?.revision {
        None => Err(OpenError::NotPrepared { name: name.to_owned() }),
        Some(_) => Ok(()),
    }
}

/// Makes what is missing, in the transaction that is open.
///
/// # Errors
/// A sentence that names the database and the remedy.
pub(crate) fn make(link: &mut Link, name: &str, context: &Context) -> Result<Schema, OpenError> {
    let failed = |source| OpenError::Server { name: name.to_owned(), source };
    let found = look(link, name)?;
    let schema = match found {
        Found { revision: None, .. } => {
            make_extension(link, name)?;
            link.batch(ORIGINAL).map_err(failed)?;
            Schema::Created
        }
        Found { version: VERSION, .. } => return Ok(Schema::UpToDate),
        Found { version, .. } => Schema::Upgraded { from: version, to: VERSION },
    };
    let seals = Seals::default();
    for (version, step) in (1..).zip(OURS).filter(|(version, _)| *version > found.version) {
        link.batch(step).map_err(failed)?;
        let noted = Tx::postgresql(link, &seals).execute(
            "INSERT INTO wazo_auth_version VALUES (?1, ?2)",
            &[Value::Int(version), context.now().to_string().into()],
        );
        noted.map_err(failed)?;
    }
    let mut tx = Tx::postgresql(link, &seals);
    if schema == Schema::Created {
        seed::seed(&mut tx, context).map_err(failed)?;
    }
    Ok(schema)
}

/// The original's defaults need it. Whoever owns the database may make it since
/// PostgreSQL 13.
fn make_extension(link: &mut Link, name: &str) -> Result<(), OpenError> {
    let made = link.batch("CREATE EXTENSION IF NOT EXISTS \"uuid-ossp\"");
    made.map_err(|source| OpenError::Extension { name: name.to_owned(), source })
}

/// Whether the table is there that is made with everything else of ours. Asked so
/// that the session does not remember it as missing: it may have to find it a moment
/// later.
fn is_ours(link: &mut Link) -> Result<bool, Error> {
    let mut is_ours = false;
    let sql = "SELECT 1 FROM pg_tables WHERE schemaname = 'public' \
        AND tablename = 'wazo_auth_version'";
    link.each(sql, &[], &mut |_| {
        is_ours = true;
        Ok(())
    })?;
    Ok(is_ours)
}

fn look(link: &mut Link, name: &str) -> Result<Found, OpenError> {
    let failed = |source| OpenError::Server { name: name.to_owned(), source };
    let exists = |link: &mut Link, table: &str| -> Result<bool, Error> {
        let mut exists = false;
        link.each("SELECT to_regclass(?1)::text", &[table.into()], &mut |row| {
            exists = row.opt_text(0)?.is_some();
            Ok(())
        })?;
        Ok(exists)
    };
    let mut found = Found { revision: None, version: 0 };
    if exists(link, "public.alembic_version_auth").map_err(failed)? {
        let read = link.each("SELECT version_num FROM alembic_version_auth", &[], &mut |row| {
            found.revision = Some(row.string(0)?);
            Ok(())
        });
        read.map_err(failed)?;
    }
    if found.revision.is_none() && exists(link, "public.auth_token").map_err(failed)? {
        return Err(OpenError::NoRevision { name: name.to_owned() });
    }
    if let Some(revision) = found.revision.as_deref().filter(|revision| *revision != REVISION) {
        let (name, revision) = (name.to_owned(), revision.to_owned());
        return Err(OpenError::Revision { name, revision, known: REVISION });
    }
    if exists(link, "public.wazo_auth_version").map_err(failed)? {
        let sql = "SELECT coalesce(max(version), 0)::bigint FROM wazo_auth_version";
        let read = link.each(sql, &[], &mut |row| {
            found.version = row.int(0)?;
            Ok(())
        });
        read.map_err(failed)?;
    }
    if found.version > VERSION {
        let (name, found) = (name.to_owned(), found.version);
        return Err(OpenError::NewerServer { name, found, known: VERSION });
    }
    Ok(found)
}
