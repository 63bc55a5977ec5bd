//! Sessions that several people begin at the same moment, on PostgreSQL.

use std::sync::LazyLock;

use serde_json::{Map, Value as Json};

use super::Beginning;
use crate::events::{self, Event, News};
use crate::postgresql::{joint, version};
use crate::tokens::{self, INSERT};
use crate::{Conn, Error, Row, Table, Tx, Value};

/// The columns of a record that are those of [`INSERT`], with their types.
const TOKEN: [(&str, &str); 11] = [
    ("uuid", "text"),
    ("auth_id", "text"),
    ("pbx_user_uuid", "text"),
    ("xivo_uuid", "text"),
    ("issued_t", "integer"),
    ("expire_t", "integer"),
    ("metadata", "text"),
    ("session_uuid", "text"),
    ("user_agent", "text"),
    ("remote_addr", "text"),
    ("acl", "text[]"),
];
/// The others.
const MORE: &str = "mobile boolean, tenant_uuid text, read_at bigint, cap bigint, user_lock text, \
    is_presented boolean, sealed text, clear text, client_id text";

/// Those of its message.
const EVENT: &str = "daemon text, created_at bigint, routing_key text, body text, subject text";

/// Looks at each record, and writes it if it may be: [`joint::join`] takes such a
/// statement. Behind the columns that it asks for stand the conditions of
/// [`Begun`](super::Begun).
pub(super) static STATEMENT: LazyLock<String> =
    LazyLock::new(|| statement(MORE.to_owned(), "", "", ""));

/// The same of records with a message, whose `id` and `waits` stand behind that.
pub(super) static WITH_EVENTS: LazyLock<String> = LazyLock::new(|| {
    let insert = format!(
        ", event AS ({} SELECT daemon, created_at, routing_key, body, subject FROM allowed \
             RETURNING id, {WAITS} AS waits, wazo_auth_event.subject)",
        events::INSERT,
        WAITS = events::GOES_AFTER_ANOTHER,
    );
    statement(
        format!("{MORE}, {EVENT}"),
        &insert,
        ", event.id, event.waits",
        "LEFT JOIN event ON event.subject = looked.subject",
    )
});

fn statement(more: String, event: &str, columns_of_event: &str, of_event: &str) -> String {
    const OF_CLIENT: &str = "SELECT uuid FROM auth_refresh_token presented \
        WHERE presented.client_id = asked.client_id AND presented.uuid";
    let columns: String = TOKEN.iter().map(|(name, ty)| format!("{name} {ty}, ")).collect();
    let written: String = TOKEN.iter().map(|(name, _)| format!("{name}, ")).collect();
    format!(
        "WITH asked AS (SELECT * FROM ROWS FROM \
             (json_to_recordset(?1::json) AS ({columns}{more})) WITH ORDINALITY), \
         numbers AS ({numbers}), \
         holding AS (SELECT {held} AS locks), \
         looked AS MATERIALIZED (SELECT asked.*, directory, refresh_tokens, \
             user_lock IS NULL OR user_lock = ANY (locks) AS held, \
             coalesce({same} = read_at, true) AS same, \
             cap IS NULL OR (SELECT count(DISTINCT had.session_uuid) FROM auth_token had \
                 WHERE had.auth_id = asked.auth_id) < cap AS few, \
             CASE WHEN is_presented THEN ({OF_CLIENT} = asked.sealed UNION ALL \
                 {OF_CLIENT} = asked.clear LIMIT 1) END AS presented \
             FROM asked, numbers, holding), \
         allowed AS (SELECT * FROM looked WHERE held AND same AND few \
             AND (NOT is_presented OR presented IS NOT NULL)), \
         session AS (INSERT INTO auth_session (uuid, mobile, tenant_uuid) \
             SELECT session_uuid, mobile, tenant_uuid FROM allowed), \
         token AS ({INSERT} SELECT {written}presented FROM allowed){event} \
         SELECT directory, refresh_tokens, held, same, few, \
             NOT is_presented OR presented IS NOT NULL{columns_of_event} \
         FROM looked {of_event} ORDER BY ordinality",
        numbers = version::SELECT,
        same = version::DIRECTORY,
        held = joint::HELD,
    )
}

/// What is asked, for [`STATEMENT`].
pub(super) fn record(tx: &Tx<'_>, beginning: &Beginning<'_>, lock: Option<i32>) -> String {
    let Beginning { session, token, presented, cap, at, ref news, .. } = *beginning;
    let names = TOKEN.iter().map(|(name, _)| (*name).to_owned());
    let columns = tokens::columns(tx, token).into_iter().map(json);
    let mut record: Map<_, _> = names.zip(columns).collect();
    let mut put = |name: &str, value: Value| record.insert(name.to_owned(), json(value));
    put("mobile", session.mobile.into());
    put("tenant_uuid", (&session.tenant_uuid).into());
    put("read_at", at.map(version::parameter).into());
    put("cap", cap.into());
    put("is_presented", presented.is_some().into());
    put("user_lock", lock.map(|lock| lock.to_string()).as_deref().into());
    if let Some((presented, client_id)) = presented {
        let [sealed, clear] = tx.seals().find(Table::RefreshToken, presented);
        put("sealed", sealed);
        put("clear", clear);
        put("client_id", client_id.into());
    }
    if let Some((news, event)) = news.as_ref().and_then(|news| Some((news, news.events.first()?))) {
        put("daemon", news.outbox.daemon().into());
        put("created_at", news.created_at.into());
        put("routing_key", (&event.routing_key).into());
        put("body", (&event.body).into());
        put("subject", (&event.subject).into());
    }
    Json::Object(record).to_string()
}

/// The message, as a row of [`WITH_EVENTS`] says that it is kept.
pub(super) fn kept(row: &Row, news: &News) -> Result<Vec<Event>, Error> {
    let event = |event: &events::NewEvent| Ok(event.clone().kept(row.int(6)?, row.bool(7)?));
    news.events.iter().map(event).collect()
}

fn json(value: Value) -> Json {
    match value {
        Value::Bool(value) => value.into(),
        Value::Int(value) => value.into(),
        Value::Text(text) => text.into(),
        Value::List(list) => list.into(),
        // There is nothing else among the columns.
        _ => Json::Null,
    }
}
