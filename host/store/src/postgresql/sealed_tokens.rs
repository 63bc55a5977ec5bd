//! Which key the tokens of a database need.

use crate::postgresql::connection::Link;
use crate::{Error, Sealer};

/// See [`Server::tokens_of_another_key`](crate::Server::tokens_of_another_key).
pub(super) fn of_another_key(link: &mut Link, sealer: Option<&Sealer>) -> Result<u64, Error> {
    let readable = match sealer {
        Some(sealer) => format!("starts_with(uuid, '{}')", sealer.mark()),
        None => "false".to_owned(),
    };
    let mut number = 0;
    let sql = format!(
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM auth_token WHERE {readable}) \
         OR EXISTS (SELECT 1 FROM auth_refresh_token WHERE {readable}) THEN 0 ELSE \
         (SELECT count(*) FROM auth_token WHERE starts_with(uuid, '~')) \
         + (SELECT count(*) FROM auth_refresh_token WHERE starts_with(uuid, '~')) END"
    );
    link.each(&sql, &[], &mut |row| {
        number = row.int(0)?.unsigned_abs();
        Ok(())
    })?;
    Ok(number)
}

/// See [`Server::forget_unreadable`](crate::Server::forget_unreadable).
pub(super) fn forget_unreadable(link: &mut Link, sealer: Option<&Sealer>) -> Result<u64, Error> {
    let unreadable = match sealer {
        Some(sealer) => {
            format!("starts_with(uuid, '~') AND NOT starts_with(uuid, '{}')", sealer.mark())
        }
        None => "starts_with(uuid, '~')".to_owned(),
    };
    let sessions = format!(
        "DELETE FROM auth_session \
         WHERE uuid IN (SELECT session_uuid FROM auth_token WHERE {unreadable})"
    );
    let refresh_tokens = format!("DELETE FROM auth_refresh_token WHERE {unreadable}");
    let mut tokens = 0;
    let counted = format!("SELECT count(*) FROM auth_token WHERE {unreadable}");
    link.each(&counted, &[], &mut |row| {
        tokens = row.int(0)?.unsigned_abs();
        Ok(())
    })?;
    // Its tokens go with a session.
    link.execute(&sessions, &[])?;
    Ok(tokens + link.execute(&refresh_tokens, &[])?)
}
