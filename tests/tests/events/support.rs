//! What these tests share.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wazo_auth_context::{Context, Environment};
use wazo_auth_tests::{Answer, Broker, Daemon, Database, Message, PLATFORM, Setup};

pub const PASSWORD: &str = "s3cre7";

/// A daemon that publishes to `exchange`.
pub fn setup(broker: &Broker, exchange: &str) -> Setup {
    setup_at(&broker.uri(), exchange)
}

/// The same for a broker that need not be there.
pub fn setup_at(uri: &str, exchange: &str) -> Setup {
    let yaml = format!("amqp: {{uri: '{uri}', exchange_name: {exchange}}}");
    Setup::default().environment("XIVO_UUID", PLATFORM).config(&yaml)
}

/// A login; `more` is merged into the body.
#[track_caller]
pub fn offline(daemon: &Daemon, login: &str, client: &str, kind: &str) -> Value {
    let body = json!({"access_type": "offline", "client_id": client});
    let request = daemon.post("/0.1/token").basic(login, PASSWORD);
    let answer = request.header("Wazo-Session-Type", kind).json(body).send().expect(200);
    answer.json()["data"].clone()
}

pub fn refresh(daemon: &Daemon, client: &str, refresh_token: &str) -> Answer {
    let body = json!({"client_id": client, "refresh_token": refresh_token});
    daemon.post("/0.1/token").json(body).send()
}

pub fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}")).to_owned()
}

/// How many events are kept.
pub fn kept(daemon: &Daemon) -> i64 {
    let rows = Database::copy_of(daemon.folder()).text("SELECT count(*) FROM wazo_auth_event");
    rows.parse().unwrap()
}

/// What an event must be; the time is taken from the message itself.
pub struct Expected<'a> {
    pub name: &'a str,
    pub key: String,
    pub tenant: &'a str,
    pub session: Option<&'a str>,
    /// What follows `user_uuid:`, if that is there.
    pub user: Option<&'a str>,
    pub data: Value,
}

impl Expected<'_> {
    #[track_caller]
    pub fn check(&self, message: &Message) {
        let timestamp = message.headers["timestamp"].clone();
        let mut headers = BTreeMap::from([
            ("name".to_owned(), json!(self.name)),
            ("origin_uuid".to_owned(), json!(PLATFORM)),
            ("timestamp".to_owned(), timestamp.clone()),
            ("required_access".to_owned(), json!(format!("event.{}", self.name))),
            ("required_acl".to_owned(), json!(format!("events.{}", self.key))),
            ("tenant_uuid".to_owned(), json!(self.tenant)),
        ]);
        if let Some(session) = self.session {
            headers.insert("session_uuid".to_owned(), json!(session));
        }
        if let Some(user) = self.user {
            headers.insert(format!("user_uuid:{user}"), json!(true));
        }
        let mut body = headers.clone();
        body.insert("data".to_owned(), self.data.clone());
        let expected = Message {
            key: self.key.clone(),
            headers,
            body: json!(body),
            content: ("application/json".to_owned(), "utf-8".to_owned()),
            delivery: (2, 0),
        };
        assert_eq!(*message, expected);
        check_timestamp(timestamp.as_str().unwrap());
    }
}

/// Of the form `2026-11-21T17:28:26.393364`, and of this minute in UTC, which is
/// the zone of these daemons.
fn check_timestamp(text: &str) {
    let time: jiff::civil::DateTime = text.parse().unwrap();
    assert!(!text.contains('Z') && !text.contains('+') && text.len() <= 26, "{text}");
    let time_zone = jiff::tz::TimeZone::UTC;
    let now = Context::system(Environment { xivo_uuid: None, time_zone }).now();
    let now = now.to_zoned(jiff::tz::TimeZone::UTC).datetime();
    let ago = now.duration_since(time);
    assert!((0..120).contains(&ago.as_secs()), "{text} is {ago:?} ago");
}

/// What happened to whom: the name and the session, client or tenant.
pub fn brief(message: &Message) -> (String, String) {
    let data = &message.body["data"];
    let of = data.get("client_id").unwrap_or_else(|| &data["uuid"]);
    (text(&message.body, "name"), of.as_str().unwrap().to_owned())
}
