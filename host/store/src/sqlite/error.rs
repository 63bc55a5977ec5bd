//! What SQLite's errors mean here.

use rusqlite::ErrorCode;
use rusqlite::ffi;

use crate::Error;

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        match &error {
            rusqlite::Error::SqliteFailure(failure, message) => {
                from_failure(failure, message.as_deref().unwrap_or_default())
            }
            // Its own text would end with the statement.
            rusqlite::Error::SqlInputError { error: failure, msg, .. } => {
                from_failure(failure, msg)
            }
            _ => Self::Other(error.to_string()),
        }
    }
}

fn from_failure(failure: &ffi::Error, message: &str) -> Error {
    match failure.code {
        ErrorCode::ConstraintViolation => from_constraint(failure.extended_code, message),
        ErrorCode::DiskFull => Error::Full,
        ErrorCode::ReadOnly => Error::ReadOnly,
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
            Error::Corrupt { detail: message.to_owned() }
        }
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Error::Busy,
        ErrorCode::SystemIoFailure
        | ErrorCode::CannotOpen
        | ErrorCode::PermissionDenied
        | ErrorCode::OutOfMemory
        | ErrorCode::FileLockingProtocolFailed => {
            Error::Unavailable { detail: failure.to_string() }
        }
        _ => Error::Other(message.to_owned()),
    }
}

fn from_constraint(extended_code: i32, message: &str) -> Error {
    match extended_code {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY => {
            let violated = message.strip_prefix("UNIQUE constraint failed: ").unwrap_or(message);
            Error::Unique { constraint: constraint_name(violated).to_owned() }
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Error::ForeignKey,
        _ => Error::Other(message.to_owned()),
    }
}

/// SQLite names the index for an expression, the columns otherwise; PostgreSQL
/// always names the constraint, and so does this.
fn constraint_name(violated: &str) -> &str {
    if let Some(index) = violated.strip_prefix("index '") {
        return index.trim_end_matches('\'');
    }
    CONSTRAINTS.iter().find(|(columns, _)| *columns == violated).map_or(violated, |(_, name)| name)
}

#[rustfmt::skip]
const CONSTRAINTS: &[(&str, &str)] = &[
    ("auth_access.access", "auth_access_access"),
    ("auth_access.id", "auth_access_pkey"),
    ("auth_address.id", "auth_address_pkey"),
    ("auth_email.uuid", "auth_email_pkey"),
    ("auth_external_auth_config.type_uuid, auth_external_auth_config.tenant_uuid", "auth_external_auth_config_pkey"),
    ("auth_external_auth_type.name", "auth_external_auth_type_name_key"),
    ("auth_external_auth_type.uuid", "auth_external_auth_type_pkey"),
    ("auth_group.name, auth_group.tenant_uuid", "auth_group_name_tenant"),
    ("auth_group.uuid", "auth_group_pkey"),
    ("auth_group_policy.group_uuid, auth_group_policy.policy_uuid", "auth_group_policy_pkey"),
    ("auth_ldap_config.tenant_uuid", "auth_ldap_config_pkey"),
    ("auth_policy.name, auth_policy.tenant_uuid", "auth_policy_name_tenant"),
    ("auth_policy.uuid", "auth_policy_pkey"),
    ("auth_policy_access.policy_uuid, auth_policy_access.access_id", "auth_policy_access_pkey"),
    ("auth_refresh_token.client_id, auth_refresh_token.user_uuid", "auth_refresh_token_client_id_user_uuid"),
    ("auth_refresh_token.uuid", "auth_refresh_token_pkey"),
    ("auth_saml_config.tenant_uuid, auth_saml_config.domain_uuid", "auth_saml_config_pkey"),
    ("auth_saml_pysaml2_cache.name_id, auth_saml_pysaml2_cache.entity_id", "auth_saml_pysaml2_cache_pkey"),
    ("auth_saml_session.request_id, auth_saml_session.session_id", "auth_saml_session_pkey"),
    ("auth_session.uuid", "auth_session_pkey"),
    ("auth_tenant.slug", "auth_tenant_slug_key"),
    ("auth_tenant.uuid", "auth_tenant_pkey"),
    ("auth_tenant_domain.name", "auth_tenant_domain_name_key"),
    ("auth_tenant_domain.uuid", "auth_tenant_domain_pkey"),
    ("auth_token.uuid", "auth_token_pkey"),
    ("auth_user.uuid", "auth_user_pkey"),
    ("auth_user_external_auth.user_uuid, auth_user_external_auth.external_auth_type_uuid", "auth_external_user_type_auth_constraint"),
    ("auth_user_group.group_uuid, auth_user_group.user_uuid", "auth_user_group_pkey"),
    ("auth_user_policy.user_uuid, auth_user_policy.policy_uuid", "auth_user_policy_pkey"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: i32, message: &str) -> Error {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), Some(message.into())).into()
    }

    #[test]
    fn a_unique_violation_is_named_as_postgresql_names_it() {
        for (message, name) in [
            ("UNIQUE constraint failed: index 'auth_user_username_key'", "auth_user_username_key"),
            ("UNIQUE constraint failed: auth_tenant.slug", "auth_tenant_slug_key"),
            ("UNIQUE constraint failed: other.column", "other.column"),
        ] {
            let expected = Error::Unique { constraint: name.into() };
            assert_eq!(failure(ffi::SQLITE_CONSTRAINT_UNIQUE, message), expected);
        }
    }

    #[test]
    fn each_condition_of_the_disk_has_its_kind() {
        assert_eq!(failure(ffi::SQLITE_FULL, ""), Error::Full);
        assert_eq!(failure(ffi::SQLITE_READONLY_DBMOVED, ""), Error::ReadOnly);
        assert_eq!(failure(ffi::SQLITE_BUSY_RECOVERY, ""), Error::Busy);
        assert!(matches!(failure(ffi::SQLITE_CORRUPT_INDEX, ""), Error::Corrupt { .. }));
        assert!(matches!(failure(ffi::SQLITE_IOERR_FSYNC, ""), Error::Unavailable { .. }));
        assert_eq!(failure(ffi::SQLITE_CONSTRAINT_FOREIGNKEY, ""), Error::ForeignKey);
    }
}
