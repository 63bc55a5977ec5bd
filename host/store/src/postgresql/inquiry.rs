//! Whether there is a database at all, for whoever would do without.

use std::time::Duration;

use tokio::runtime::Builder;
use tokio_postgres::SimpleQueryMessage;

use crate::Error;
use crate::postgresql::uri::Address;

/// Any of these tables of the original will do.
const SELECT: &str = "SELECT to_regclass('public.alembic_version_auth') IS NOT NULL \
    OR to_regclass('public.auth_user') IS NOT NULL";

/// Whether the database that `uri` names answers within so long, lets us in, and
/// holds tables of wazo-auth. Nothing is said of why it does not.
#[must_use]
pub fn holds_tables(uri: &str, within: Duration) -> bool {
    let Ok(address) = Address::parse(uri, "wazo-auth") else { return false };
    let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return false };
    let asking = async {
        let (client, connection) = address.connect().await?;
        tokio::spawn(connection);
        let answers = client.simple_query(SELECT).await?;
        Ok::<_, Error>(answers.iter().any(|answer| match answer {
            SimpleQueryMessage::Row(row) => row.get(0) == Some("t"),
            _ => false,
        }))
    };
    let asked = runtime.block_on(async { tokio::time::timeout(within, asking).await });
    // Not waiting for a name that is still looked up.
    runtime.shutdown_background();
    matches!(asked, Ok(Ok(true)))
}
