//! Somebody whom only a backend knows, within what the configuration allows
//! (`plugins.<name>.identities`).

use std::fmt::Write;

use serde_json::{Map, Value, json};
use uuid::Uuid;
use wazo_auth_acl::Acl;

use super::LoginError;
use crate::OWN_AUTH_ID;

/// The limits of a backend's own identities.
pub(super) struct Foreign {
    tenant: Uuid,
    max_acl: Acl,
    /// What they may never do.
    denials: Vec<String>,
}

// === impl Foreign ===

impl Foreign {
    pub(super) fn new(tenant: Uuid, max_acl: &[String]) -> Self {
        let denials = max_acl.iter().filter(|access| access.starts_with('!')).cloned().collect();
        Self { tenant, max_acl: Acl::compile(max_acl), denials }
    }

    /// Keeps what the backend says within the limits.
    ///
    /// # Errors
    /// [`LoginError::Refused`] when the identity could be taken for a user of
    /// the service, for the service itself, or for a pattern.
    pub(super) fn confine(
        &self,
        backend: &str,
        metadata: &mut Map<String, Value>,
        acl: &mut Vec<String>,
    ) -> Result<(), LoginError> {
        let auth_id = metadata.get("auth_id").and_then(Value::as_str).unwrap_or_default();
        // In an access, `me` stands for this text: it must be one segment of
        // plain characters. A UUID may be, or become, that of a user.
        let is_plain = !auth_id.contains(['.', '*', '#', '!']);
        if !is_plain || auth_id == OWN_AUTH_ID || Uuid::parse_str(auth_id).is_ok() {
            return Err(LoginError::Refused(format!(
                "backend `{backend}` calls somebody \"{auth_id}\", which may be somebody else's `auth_id`"
            )));
        }
        acl.retain(|access| self.max_acl.may_add(access, auth_id, ""));
        acl.extend(self.denials.iter().cloned());
        metadata.remove("uuid");
        metadata.insert("pbx_user_uuid".to_owned(), Value::Null);
        metadata.insert("tenant_uuid".to_owned(), json!(self.tenant));
        Ok(())
    }
}

/// The `auth_id` of somebody whose backend gives none: backend and login, with
/// what would be more than plain text in an access escaped.
pub(super) fn default_auth_id(backend: &str, login: &str) -> String {
    let mut auth_id = format!("{backend}:");
    for c in login.chars() {
        if matches!(c, '.' | '*' | '#' | '!' | '%') {
            let _ = write!(auth_id, "%{:02X}", u32::from(c));
        } else {
            auth_id.push(c);
        }
    }
    auth_id
}

#[cfg(test)]
mod tests {
    use super::*;

    fn confined(auth_id: &str, max: &[&str], acl: &[&str]) -> Result<Vec<String>, LoginError> {
        let max: Vec<String> = max.iter().map(|&access| access.to_owned()).collect();
        let mut acl = acl.iter().map(|&access| access.to_owned()).collect();
        let mut metadata = Map::from_iter([("auth_id".to_owned(), json!(auth_id))]);
        Foreign::new(Uuid::nil(), &max).confine("acme", &mut metadata, &mut acl)?;
        Ok(acl)
    }

    #[test]
    fn an_identity_that_is_a_pattern_a_path_or_a_uuid_is_refused() {
        for auth_id in
            ["*", "#", "users.3", "!x", "wazo-auth", "5b046ec3-8ac7-4908-9814-692f55d57e77"]
        {
            assert!(confined(auth_id, &["confd.users.me.read"], &[]).is_err(), "{auth_id}");
        }
        assert!(confined("acme:wile", &[], &[]).is_ok());
    }

    #[test]
    fn denials_of_the_limit_stay_in_force() {
        let acl = confined("x", &["confd.#", "!confd.users.3.read"], &["confd.#", "auth.#"]);
        assert_eq!(acl.unwrap(), ["confd.#", "!confd.users.3.read"]);
    }

    #[test]
    fn two_logins_never_share_a_default_identity() {
        assert_eq!(default_auth_id("acme", "a.b"), "acme:a%2Eb");
        assert_ne!(default_auth_id("acme", "a%2Eb"), default_auth_id("acme", "a.b"));
    }
}
