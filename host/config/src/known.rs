//! Which keys there are, so that a misspelt one can be told.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::config;

/// What the defaults do not show. `*`: any name; `**`: whatever is below is
/// somebody else's.
const BEYOND_DEFAULTS: &[&str] = &[
    "default_user_policy",
    "backend_policies.*",
    "default_policies.*.acl",
    "default_policies.*.description",
    "all_users_policies.*",
    "tenant_default_groups.*.policies.*",
    "rest_api.cors.origins",
    "rest_api.cors.methods",
    "rest_api.cors.expose_headers",
    "rest_api.cors.supports_credentials",
    "rest_api.cors.max_age",
    "rest_api.cors.send_wildcard",
    "rest_api.cors.vary_header",
    "rest_api.cors.always_send",
    "rest_api.cors.resources.**",
    "enabled_backend_plugins.*",
    "enabled_metadata_plugins.*",
    "enabled_http_plugins.*",
    "enabled_external_auth_plugins.*",
    "idp_plugins.*.enabled",
    "idp_plugins.*.priority",
    "plugins.*.path",
    "plugins.*.sha256",
    "plugins.*.isolation",
    "plugins.*.timeout",
    "plugins.*.max_concurrent_calls",
    "plugins.*.config.**",
    "plugins.*.identities.tenant",
    "plugins.*.identities.max_acl",
    "plugins.*.accesses",
    "amqp.enabled",
    "amqp.ca_file",
    "consul.host",
    "consul.token",
    "consul.verify",
    "saml.domains.**",
];

/// So many keys of a section are worth a list.
const MOST_LISTED: usize = 12;

/// A key and those below it.
#[derive(Debug, Default)]
struct Keys {
    named: BTreeMap<String, Keys>,
    any: Option<Box<Keys>>,
    is_free: bool,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let defaults = config::defaults().map(|layer| layer.tree).unwrap_or_default();
    let mut keys = Keys::of(&defaults);
    BEYOND_DEFAULTS.iter().for_each(|path| keys.add(path.split('.')));
    keys
});

// === impl Keys ===

impl Keys {
    fn of(tree: &Map<String, Value>) -> Self {
        let below = |value: &Value| value.as_object().map_or_else(Self::default, Self::of);
        let named = tree.iter().map(|(key, value)| (key.clone(), below(value))).collect();
        Self { named, ..Self::default() }
    }

    fn add<'a>(&mut self, mut path: impl Iterator<Item = &'a str>) {
        match path.next() {
            None => {}
            Some("**") => self.is_free = true,
            Some("*") => self.any.get_or_insert_default().add(path),
            Some(key) => self.named.entry(key.to_owned()).or_default().add(path),
        }
    }

    fn child(&self, key: &str) -> Option<&Self> {
        self.named.get(key).or(self.any.as_deref())
    }

    /// The known keys as far as the path goes, and how many of its steps do.
    fn follow(&self, path: &[String]) -> (&Self, usize) {
        let mut keys = self;
        for (steps, key) in path.iter().enumerate() {
            match keys.child(key) {
                Some(child) => keys = child,
                None => return (keys, steps),
            }
        }
        (keys, path.len())
    }
}

/// How many steps of the path are known keys.
pub(crate) fn known_steps(path: &[String]) -> usize {
    KEYS.follow(path).1
}

/// The paths of all keys of a tree that nobody knows.
pub(crate) fn unknown_keys(tree: &Map<String, Value>) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    collect(tree, &KEYS, &mut Vec::new(), &mut found);
    found
}

fn collect(
    tree: &Map<String, Value>,
    keys: &Keys,
    path: &mut Vec<String>,
    found: &mut Vec<Vec<String>>,
) {
    for (key, value) in tree {
        path.push(key.clone());
        match (keys.child(key), value) {
            (None, _) => found.push(path.clone()),
            // A mapping where a value is expected is a wrong value, not a wrong key.
            (Some(child), Value::Object(inner)) if child.has_keys() => {
                collect(inner, child, path, found);
            }
            _ => {}
        }
        path.pop();
    }
}

impl Keys {
    fn has_keys(&self) -> bool {
        !self.is_free && (self.any.is_some() || !self.named.is_empty())
    }
}

/// What is to be said of a key that nobody knows.
pub(crate) fn unknown_key(path: &[String]) -> String {
    if let Some(known) = nearest(path) {
        return format!("there is no such key: is `{known}` meant?");
    }
    let (keys, steps) = KEYS.follow(path);
    let section = path[..steps].join(".");
    let names: Vec<&str> = keys.named.keys().map(String::as_str).collect();
    if names.is_empty() || names.len() > MOST_LISTED {
        return format!("there is no such key in `{section}`: remove it");
    }
    format!("there is no such key: those of `{section}` are {}", names.join(", "))
}

/// Whether an unknown key is none of ours: one at the top that no slip explains.
/// A section is a plugin's unless a single letter makes it ours.
pub(crate) fn is_foreign(path: &[String], value: Option<&Value>) -> bool {
    let [key] = path else { return false };
    if value.is_some_and(Value::is_object) {
        return KEYS.named.keys().all(|name| strsim::osa_distance(key, name) > 1);
    }
    nearest(path).is_none()
}

/// The known key that may be meant: one beside it that is spelt alike, or the
/// only one of this very name that stands elsewhere.
pub(crate) fn nearest(path: &[String]) -> Option<String> {
    let (keys, steps) = KEYS.follow(path);
    let wrong = path.get(steps)?;
    if let Some(name) = alike(wrong, keys.named.keys().map(String::as_str)) {
        let around = path[..steps].iter().map(String::as_str);
        return Some(around.chain([name]).collect::<Vec<_>>().join("."));
    }
    let mut elsewhere = Vec::new();
    find_named(&KEYS, wrong, "", &mut elsewhere);
    if elsewhere.len() == 1 { elsewhere.pop() } else { None }
}

/// The name that differs least, if little enough for a slip.
#[must_use]
pub fn alike<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let most = (wrong.chars().count() / 3).max(1);
    let distances = names.map(|name| (strsim::osa_distance(wrong, name), name));
    distances.filter(|(distance, _)| *distance <= most).min().map(|(_, name)| name)
}

fn find_named(keys: &Keys, name: &str, around: &str, found: &mut Vec<String>) {
    for (key, below) in &keys.named {
        let path = if around.is_empty() { key.clone() } else { format!("{around}.{key}") };
        if key == name {
            found.push(path.clone());
        }
        find_named(below, name, &path, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split('.').map(str::to_owned).collect()
    }

    #[test]
    fn a_slip_finds_the_key_that_is_meant() {
        for (wrong, meant) in [
            ("rest_apii", Some("rest_api")),
            ("rest_api.prot", Some("rest_api.port")),
            ("plugins.acme.sha265", Some("plugins.acme.sha256")),
            ("email_confirmation_get_mimetype'", Some("email_confirmation_get_mimetype")),
            ("listen", Some("rest_api.listen")),
            ("acme", None),
            ("rest_api.flavour", None),
        ] {
            assert_eq!(nearest(&path(wrong)).as_deref(), meant, "{wrong}");
        }
    }

    #[test]
    fn names_that_are_free_are_known() {
        let text = "enabled_backend_plugins: {acme: true}\nplugins: {acme: {config: {x: {y: 1}}}}\n\
                    saml: {domains: {a: {b: 1}}}\nidp_plugins: {acme: {enabled: true}}\n\
                    default_policies: {p: {acl: []}}\ngoogle:\nrest_api:\n";
        let tree = crate::yaml::parse(text.as_bytes()).unwrap().tree;
        assert!(unknown_keys(&tree).is_empty(), "{:?}", unknown_keys(&tree));
        let text = "x: 1\nrest_api: {y: 1, cors: {z: 1}}\nplugins: {acme: {w: 1}}\n";
        let tree = crate::yaml::parse(text.as_bytes()).unwrap().tree;
        let found: Vec<_> = unknown_keys(&tree).iter().map(|path| path.join(".")).collect();
        assert_eq!(found, ["x", "rest_api.y", "rest_api.cors.z", "plugins.acme.w"]);
    }
}
