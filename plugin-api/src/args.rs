//! What is known of a login while it is under way.

use std::{fmt, sync::OnceLock};

use serde_json::value::RawValue;

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
#[derive(Clone, Default)]
pub struct Args {
    /// What crossed the border; most plugins never look at it.
    text: Option<Box<RawValue>>,
    /// The same, read when it is first asked for.
    map: OnceLock<Map>,
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
        self.as_map().get(key)
    }

    /// Sets a key, and gives the value it had.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        self.changed = true;
        self.update(|map| map.insert(key.into(), value.into()))
    }

    /// Removes a key, and gives the value it had.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let old = self.update(|map| map.remove(key));
        self.changed |= old.is_some();
        old
    }

    /// All of them.
    #[must_use]
    pub fn as_map(&self) -> &Map {
        self.map.get_or_init(|| {
            let text = self.text.as_ref().map(|text| text.get());
            text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
        })
    }

    /// All of them.
    #[must_use]
    pub fn into_map(mut self) -> Map {
        self.update(std::mem::take)
    }

    /// The map, if something was written to it: only then it travels back.
    pub(crate) fn into_changed(self) -> Option<Map> {
        self.changed.then(|| self.into_map())
    }

    /// The arguments that a text will be when they are asked for.
    pub(crate) fn unread(text: Option<&RawValue>) -> Self {
        Self { text: text.map(ToOwned::to_owned), ..Self::default() }
    }

    fn update<T>(&mut self, change: impl FnOnce(&mut Map) -> T) -> T {
        let _ = self.as_map(); // read it
        let mut map = self.map.take().unwrap_or_default();
        let result = change(&mut map);
        self.map = map.into();
        result
    }
}

impl From<Map> for Args {
    fn from(map: Map) -> Self {
        Self { map: map.into(), ..Self::default() }
    }
}

impl PartialEq for Args {
    fn eq(&self, other: &Self) -> bool {
        self.as_map() == other.as_map()
    }
}

/// Keys only: the values hold a password.
impl fmt::Debug for Args {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.as_map().keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{json, value::to_raw_value};

    use super::Args;

    fn unread() -> Args {
        Args::unread(Some(&to_raw_value(&json!({"login": "wile", "acl": ["a", 1]})).unwrap()))
    }

    #[test]
    fn only_what_was_changed_travels_back() {
        let mut args = unread();
        assert_eq!((args.login(), args.acl()), (Some("wile"), vec!["a".to_owned()]));
        assert_eq!(args.remove("absent"), None);
        assert_eq!(args.into_changed(), None);

        let mut args = unread();
        assert_eq!(args.insert("login", "coyote"), Some(json!("wile")));
        let changed = args.into_changed().unwrap();
        assert_eq!(json!(changed), json!({"login": "coyote", "acl": ["a", 1]}));
    }

    #[test]
    fn a_password_is_not_in_the_debug_text() {
        let args = Args::from_value(json!({"password": "s3cr3t"}));
        assert_eq!(format!("{args:?}"), r#"{"password"}"#);
    }

    #[test]
    fn what_is_no_object_is_no_arguments() {
        assert_eq!(Args::unread(Some(&to_raw_value(&[1]).unwrap())), Args::new());
    }
}
