//! What is known of a login while it is under way.

use std::fmt;

use crate::{Map, Value};

/// The arguments of a login: one map that all calls of the same login share,
/// so that a plugin may leave something there for its next call.
///
/// It holds the validated fields of the request's body, `login` and `password`
/// when they were given, `mobile`, `user_agent`, `remote_addr` and, before
/// [`get_acl`](crate::Backend::get_acl), `acl`. The daemon reads back `login`,
/// `real_login` and `persistent_metadata`.
///
/// ```
/// use wazo_auth_plugin_api::{Args, serde_json::json};
///
/// let mut args = Args::from_value(json!({"login": "wile", "mobile": true}));
/// assert_eq!(args.login(), Some("wile"));
/// assert!(args.mobile());
///
/// args.insert("real_login", "wile@acme.example");
/// assert_eq!(args.str("real_login"), Some("wile@acme.example"));
/// ```
#[derive(Clone, Default, PartialEq)]
pub struct Args {
    map: Map,
    changed: bool,
}

// === impl Args ===

impl Args {
    /// No arguments.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The arguments of a JSON object; anything else gives no arguments.
    #[must_use]
    pub fn from_value(value: Value) -> Self {
        match value {
            Value::Object(map) => map.into(),
            _ => Self::default(),
        }
    }

    /// The login, as typed.
    #[must_use]
    pub fn login(&self) -> Option<&str> {
        self.str("login")
    }

    /// The password, as typed. Never log it.
    #[must_use]
    pub fn password(&self) -> Option<&str> {
        self.str("password")
    }

    /// The accesses that every user of the tenant has; empty before they are
    /// known. What a backend answers to `get_acl` must contain them.
    #[must_use]
    pub fn acl(&self) -> Vec<String> {
        let accesses = self.get("acl").and_then(Value::as_array);
        let accesses = accesses.into_iter().flatten();
        accesses.filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// The client that asks, for logins that get a refresh token.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.str("client_id")
    }

    /// Whether a mobile application asks.
    #[must_use]
    pub fn mobile(&self) -> bool {
        self.get("mobile").and_then(Value::as_bool).unwrap_or(false)
    }

    /// The `User-Agent` of the request.
    #[must_use]
    pub fn user_agent(&self) -> Option<&str> {
        self.str("user_agent")
    }

    /// The address the request came from.
    #[must_use]
    pub fn remote_addr(&self) -> Option<&str> {
        self.str("remote_addr")
    }

    /// The value of any key, when it is a text.
    #[must_use]
    pub fn str(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Value::as_str)
    }

    /// The value of any key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.map.get(key)
    }

    /// Sets a key, and gives the value it had.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        self.changed = true;
        self.map.insert(key.into(), value.into())
    }

    /// Removes a key, and gives the value it had.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let old = self.map.remove(key);
        self.changed |= old.is_some();
        old
    }

    /// All of them.
    #[must_use]
    pub fn as_map(&self) -> &Map {
        &self.map
    }

    /// All of them.
    #[must_use]
    pub fn into_map(self) -> Map {
        self.map
    }

    /// The map, if something was written to it: only then it travels back.
    pub(crate) fn into_changed(self) -> Option<Map> {
        self.changed.then_some(self.map)
    }
}

impl From<Map> for Args {
    fn from(map: Map) -> Self {
        Self { map, changed: false }
    }
}

/// Keys only: the values hold a password.
impl fmt::Debug for Args {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.map.keys()).finish()
    }
}
