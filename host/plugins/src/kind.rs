//! The kinds of plugins, by the names that stand in a manifest.

/// Verifies passwords.
pub(crate) const BACKEND: &str = "backend";
/// Adds to the metadata of tokens.
pub(crate) const METADATA: &str = "metadata";
/// Says who sent a login request.
pub(crate) const IDENTITY_PROVIDER: &str = "identity_provider";
/// Keeps credentials of other services.
pub(crate) const EXTERNAL_AUTH: &str = "external_auth";
/// Sends mails.
pub(crate) const EMAIL_NOTIFICATION: &str = "email_notification";
/// Adds routes to the API.
pub(crate) const HTTP: &str = "http";

/// All of them, in the order in which they are loaded (contract: plugins.md
/// section 1).
pub(crate) const ALL: [&str; 6] =
    [EMAIL_NOTIFICATION, METADATA, BACKEND, IDENTITY_PROVIDER, HTTP, EXTERNAL_AUTH];

/// What comes with the daemon; any other plugin is a third party's.
const STOCK: [(&str, &[&str]); 5] = [
    (BACKEND, &["wazo_user", "ldap_user", "broken_init", "broken_verify_password"]),
    (METADATA, &["default_user", "default_internal", "default_external_api", "user_admin_status"]),
    (IDENTITY_PROVIDER, &["ldap"]),
    (EMAIL_NOTIFICATION, &["smtp", "logger"]),
    (EXTERNAL_AUTH, &["google", "microsoft", "mobile"]),
];

/// What is enabled by default and not part of this version. Who enables such a
/// name is not told of a missing file; a file that offers it is used.
const TO_COME: [(&str, &[&str]); 1] = [(IDENTITY_PROVIDER, &["saml"])];

/// The resources of the API that are parts of the daemon (contract: plugins.md
/// section 7), not plugins.
pub(crate) const OWN_HTTP: [&str; 24] = [
    "api",
    "api_page",
    "backends",
    "config",
    "email_confirm",
    "external",
    "group_policy",
    "groups",
    "idp",
    "ldap_config",
    "password_reset",
    "policies",
    "saml",
    "saml_config",
    "sessions",
    "status",
    "tenants",
    "tokens",
    "user_email",
    "user_group",
    "user_policy",
    "user_registration",
    "user_session",
    "users",
];

/// The authentication methods that are no plugins, and the old name of a backend.
const OWN_METHODS: [&str; 3] = ["default", "native", "xivo_user"];

/// Whether a plugin comes with the daemon.
pub(crate) fn is_stock(kind: &str, name: &str) -> bool {
    is_in(&STOCK, kind, name)
}

/// Whether a plugin is to come with a later version.
pub(crate) fn is_to_come(kind: &str, name: &str) -> bool {
    is_in(&TO_COME, kind, name)
}

/// Whether a name means something of the daemon's own: a plugin of another maker
/// would be taken for that, or that for the plugin.
#[must_use]
pub fn is_own_name(name: &str) -> bool {
    let mut known = STOCK.iter().chain(&TO_COME);
    known.any(|(_, names)| names.contains(&name))
        || OWN_HTTP.contains(&name)
        || OWN_METHODS.contains(&name)
}

fn is_in(table: &[(&str, &[&str])], kind: &str, name: &str) -> bool {
    table.iter().any(|(known, names)| *known == kind && names.contains(&name))
}
