//! What a plugin may have the daemon do (docs/isolation.md, *What it may ask for*).
//!
//! ```text
//!  plugins.NAME.accesses   isolation     what is served
//!  not set                 in_process    everything
//!  not set                 process       what its kind needs
//!  a list                  either        what its kind needs, and what the list covers
//! ```
//!
//! In the daemon's own process nothing can be withheld from a plugin: it shares the
//! memory, so a bound there is a rule for honest ones, and unset there is none, as
//! plugins have always been handed every service (plugins.md section 7). Whoever
//! asks for a process of its own does not trust the plugin with everything, so there
//! the bound is what it begins with.

use std::{
    collections::HashSet,
    sync::{Arc, LazyLock},
};

use parking_lot::Mutex;
use wazo_auth_acl::Acl;
use wazo_auth_plugin_api::{ApiError, wire::service};

use crate::{HostFailure, kind, one_line};

/// More different refusals of one plugin are not told.
const MOST_TOLD: usize = 100;
/// Bytes of an access that are told.
const LONGEST_ACCESS: usize = 300;

/// What any plugin is served: it tells nothing of users, or what is asked for is
/// looked at where it is served.
const FREE: [&str; 10] = [
    service::PLATFORM_GET,
    service::LOG_GET_LEVEL,
    service::TENANTS_GET_TOP,
    service::PURPOSES_GET,
    service::BACKENDS_GET,
    service::EMAILS_FORMAT,
    // Of whom it has the token, as by `DELETE /token/…`.
    service::TOKENS_DELETE,
    // What its process could send by itself.
    service::HTTP_REQUEST,
    // Looked at where they are served.
    service::TOKENS_CREATE,
    service::API_REQUEST,
];
/// What saying who somebody is takes.
const OF_USERS: [&str; 8] = [
    service::USERS_GET_BY_LOGIN,
    service::USERS_GET,
    service::USERS_GET_OF_TENANT,
    service::USERS_GET_ACL,
    service::USERS_LIST_POLICIES,
    service::USERS_LIST_GROUPS,
    service::TENANTS_GET_BY_DOMAIN_NAME,
    service::TENANTS_GET_BY_UUID_OR_SLUG,
];
/// What a login takes beyond that.
const OF_LOGINS: [&str; 5] = [
    service::USERS_VERIFY_PASSWORD,
    service::METADATA_GET_TOKEN_METADATA,
    service::METADATA_GET_PERSISTENT_METADATA,
    service::LDAP_GET,
    service::TOKENS_GET_REFRESH_TOKEN,
];
/// What all services are called that keep documents of accounts elsewhere.
const EXTERNAL_AUTH: &str = "external_auth.";
/// The access to a service is this and the service's name.
const SERVICES: &str = "auth.services.";

static EVERYTHING: LazyLock<Arc<Acl>> = LazyLock::new(|| Arc::new(Acl::compile(["#"])));
static NOTHING: LazyLock<Arc<Acl>> = LazyLock::new(Arc::default);

/// A plugin that asks for a service.
pub struct Caller {
    name: Arc<str>,
    kind: String,
    /// None: everything.
    granted: Option<Arc<Acl>>,
    /// The accesses that it was told to lack.
    told: Mutex<HashSet<String>>,
}

// === impl Caller ===

impl Caller {
    /// A plugin of a kind with these accesses beyond what its kind needs; none given:
    /// it may do everything.
    #[must_use]
    pub fn new(kind: &str, name: &str, accesses: Option<&[String]>) -> Self {
        let granted = accesses.map(|accesses| match accesses {
            [] => Arc::clone(&NOTHING),
            accesses => Arc::new(Acl::compile(accesses)),
        });
        Self { name: name.into(), kind: kind.to_owned(), granted, told: Mutex::default() }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn shared_name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    /// What it may do by the API.
    #[must_use]
    pub fn acl(&self) -> Arc<Acl> {
        Arc::clone(self.granted.as_ref().unwrap_or(&EVERYTHING))
    }

    /// Whether it may make a token that holds `access`: what it may do itself.
    ///
    /// # Errors
    /// As of [`refuse`](Self::refuse).
    pub fn ensure_may_hand_out(&self, access: &str) -> Result<(), HostFailure> {
        match &self.granted {
            Some(granted) if !granted.may_add(access, "", "") => {
                Err(self.refuse("a token", access))
            }
            _ => Ok(()),
        }
    }

    /// Whether it is served this service at all.
    pub(crate) fn ensure_service(&self, service: &str) -> Result<(), HostFailure> {
        let Some(granted) = &self.granted else { return Ok(()) };
        if self.needs(service) {
            return Ok(());
        }
        let access = format!("{SERVICES}{service}");
        if granted.allows(&access, "", "") {
            return Ok(());
        }
        Err(self.refuse(&format!("the service `{service}`"), &access))
    }

    /// What is answered when it asks `what` without `access`, which the log then
    /// names, once: so that an operator knows what to grant.
    #[must_use]
    pub fn refuse(&self, what: &str, access: &str) -> HostFailure {
        let Self { name, kind, told, .. } = self;
        // That of a token is in the plugin's own words.
        let access = one_line(access, LONGEST_ACCESS);
        let mut told = told.lock();
        if told.len() < MOST_TOLD && told.insert(access.clone()) {
            log::warn!(
                target: "wazo_auth.plugins",
                "{kind} plugin `{name}` was refused {what}: it lacks the access `{access}`; \
                 add that to plugins.{name}.accesses if it is to have it (told once)"
            );
        }
        let message = format!("Plugin \"{name}\" lacks the access \"{access}\"");
        let error = ApiError::new(403, "missing-plugin-access", message);
        HostFailure::api(error.detail("plugin", &**name).detail("access", access))
    }

    /// Whether plugins of its kind are of no use without a service.
    fn needs(&self, service: &str) -> bool {
        FREE.contains(&service)
            || match &*self.kind {
                kind::BACKEND | kind::IDENTITY_PROVIDER => {
                    OF_USERS.contains(&service) || OF_LOGINS.contains(&service)
                }
                kind::METADATA => OF_USERS.contains(&service),
                kind::EXTERNAL_AUTH => service.starts_with(EXTERNAL_AUTH),
                _ => false,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(kind: &str, accesses: Option<&[&str]>) -> Caller {
        let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        let accesses: Option<Vec<String>> = accesses.map(owned);
        Caller::new(kind, "acme", accesses.as_deref())
    }

    #[test]
    fn a_kind_is_served_what_it_needs() {
        let is_served = |kind, service| caller(kind, Some(&[])).ensure_service(service).is_ok();
        for (kind, service, expected) in [
            (kind::BACKEND, service::USERS_VERIFY_PASSWORD, true),
            (kind::BACKEND, service::EXTERNAL_AUTH_GET, false),
            (kind::METADATA, service::USERS_LIST_GROUPS, true),
            (kind::METADATA, service::USERS_VERIFY_PASSWORD, false),
            (kind::HTTP, service::USERS_GET, false),
            (kind::HTTP, service::PLATFORM_GET, true),
            (kind::EXTERNAL_AUTH, service::EXTERNAL_AUTH_GET, true),
            (kind::EMAIL_NOTIFICATION, service::EMAILS_FORMAT, true),
            (kind::EMAIL_NOTIFICATION, "of.a_later_version", false),
        ] {
            assert_eq!(is_served(kind, service), expected, "{kind} {service}");
        }
    }

    #[test]
    fn accesses_add_to_that_and_without_a_list_there_is_no_bound() {
        let some = caller(kind::HTTP, Some(&["auth.services.users.*", "calld.#", "!calld.x"]));
        assert!(some.ensure_service(service::USERS_GET).is_ok());
        assert!(some.ensure_may_hand_out("calld.calls.read").is_ok());
        for access in ["#", "calld.x", "auth.users.read"] {
            let refused = some.ensure_may_hand_out(access).unwrap_err().to_string();
            assert!(refused.contains(access), "{refused}");
        }
        assert!(some.ensure_service(service::LDAP_GET).is_err());
        let all = caller(kind::HTTP, None);
        assert!(all.ensure_service(service::LDAP_GET).is_ok());
        assert!(all.ensure_may_hand_out("#").is_ok());
        assert!(all.acl().allows("auth.users.read", "", ""));
        assert!(!some.acl().allows("auth.users.read", "", ""));
    }
}
