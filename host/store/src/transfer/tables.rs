//! What there is to copy, in an order in which no row refers to a later one
//! (`contract/database.md` section 6).

use crate::{Error, Row, Value};

/// A table with all its columns.
pub(super) struct Table {
    pub name: &'static str,
    pub columns: &'static [(&'static str, Kind)],
}

/// What a column holds, whatever a store makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Integer,
    Boolean,
    Bytes,
    Time,
    List,
    Xml,
}

use Kind::{Boolean, Bytes, Integer, List, Text, Time, Xml};

/// Tenants refer to each other, and to users that follow: see [`super::rows`].
pub(super) const TENANTS: &str = "auth_tenant";
pub(super) const CONTACT: &str = "contact_uuid";
pub(super) const USERS: &str = "auth_user";

/// Tables whose `id` is counted, each with its sequence on PostgreSQL.
pub(super) const COUNTED: [(&str, &str); 2] =
    [("auth_address", "auth_address_id_seq"), ("auth_access", "auth_acl_template_id_seq")];

/// What a new database holds: as many rows at most.
pub(super) const SEED: [(&str, i64); 5] = [
    (TENANTS, 1),
    ("auth_group", 1),
    ("auth_policy", 1),
    ("auth_access", 1),
    ("auth_policy_access", 1),
];

pub(super) const TABLES: [Table; 22] = [
    Table {
        name: TENANTS,
        columns: &[
            ("uuid", Text),
            ("name", Text),
            ("phone", Text),
            (CONTACT, Text),
            ("parent_uuid", Text),
            ("slug", Text),
            ("default_authentication_method", Text),
        ],
    },
    Table {
        name: "auth_tenant_domain",
        columns: &[("uuid", Text), ("tenant_uuid", Text), ("name", Text)],
    },
    Table {
        name: "auth_address",
        columns: &[
            ("id", Integer),
            ("line_1", Text),
            ("line_2", Text),
            ("city", Text),
            ("state", Text),
            ("zip_code", Text),
            ("country", Text),
            ("tenant_uuid", Text),
        ],
    },
    Table {
        name: USERS,
        columns: &[
            ("uuid", Text),
            ("username", Text),
            ("password_hash", Text),
            ("password_salt", Bytes),
            ("firstname", Text),
            ("lastname", Text),
            ("enabled", Boolean),
            ("tenant_uuid", Text),
            ("purpose", Text),
            ("authentication_method", Text),
        ],
    },
    Table {
        name: "auth_email",
        columns: &[
            ("uuid", Text),
            ("address", Text),
            ("confirmed", Boolean),
            ("main", Boolean),
            ("user_uuid", Text),
        ],
    },
    Table { name: "auth_access", columns: &[("id", Integer), ("access", Text)] },
    Table {
        name: "auth_policy",
        columns: &[
            ("uuid", Text),
            ("name", Text),
            ("description", Text),
            ("tenant_uuid", Text),
            ("config_managed", Boolean),
            ("slug", Text),
            ("shared", Boolean),
        ],
    },
    Table { name: "auth_policy_access", columns: &[("policy_uuid", Text), ("access_id", Integer)] },
    Table {
        name: "auth_group",
        columns: &[
            ("uuid", Text),
            ("name", Text),
            ("tenant_uuid", Text),
            ("system_managed", Boolean),
            ("slug", Text),
        ],
    },
    Table { name: "auth_group_policy", columns: &[("group_uuid", Text), ("policy_uuid", Text)] },
    Table { name: "auth_user_group", columns: &[("group_uuid", Text), ("user_uuid", Text)] },
    Table { name: "auth_user_policy", columns: &[("user_uuid", Text), ("policy_uuid", Text)] },
    Table {
        name: "auth_external_auth_type",
        columns: &[("uuid", Text), ("name", Text), ("enabled", Boolean)],
    },
    Table {
        name: "auth_external_auth_config",
        columns: &[("type_uuid", Text), ("tenant_uuid", Text), ("data", Text)],
    },
    Table {
        name: "auth_user_external_auth",
        columns: &[("user_uuid", Text), ("external_auth_type_uuid", Text), ("data", Text)],
    },
    Table {
        name: "auth_ldap_config",
        columns: &[
            ("tenant_uuid", Text),
            ("host", Text),
            ("port", Integer),
            ("protocol_version", Integer),
            ("protocol_security", Text),
            ("bind_dn", Text),
            ("bind_password", Text),
            ("user_base_dn", Text),
            ("user_login_attribute", Text),
            ("user_email_attribute", Text),
            ("search_filters", Text),
        ],
    },
    Table {
        name: "auth_saml_config",
        columns: &[
            ("tenant_uuid", Text),
            ("domain_uuid", Text),
            ("entity_id", Text),
            ("idp_metadata", Xml),
            ("acs_url", Text),
        ],
    },
    Table {
        name: "auth_refresh_token",
        columns: &[
            ("uuid", Text),
            ("client_id", Text),
            ("user_uuid", Text),
            ("backend", Text),
            ("login", Text),
            ("user_agent", Text),
            ("remote_addr", Text),
            ("created_at", Time),
            ("mobile", Boolean),
            ("metadata", Text),
        ],
    },
    Table {
        name: "auth_session",
        columns: &[("uuid", Text), ("mobile", Boolean), ("tenant_uuid", Text)],
    },
    Table {
        name: "auth_token",
        columns: &[
            ("uuid", Text),
            ("auth_id", Text),
            ("pbx_user_uuid", Text),
            ("xivo_uuid", Text),
            ("issued_t", Integer),
            ("expire_t", Integer),
            ("metadata", Text),
            ("session_uuid", Text),
            ("user_agent", Text),
            ("remote_addr", Text),
            ("acl", List),
            ("refresh_token_uuid", Text),
        ],
    },
    Table {
        name: "auth_saml_session",
        columns: &[
            ("request_id", Text),
            ("session_id", Text),
            ("redirect_url", Text),
            ("domain", Text),
            ("relay_state", Text),
            ("login", Text),
            ("start_time", Time),
            ("saml_name_id", Text),
            ("refresh_token_uuid", Text),
        ],
    },
    Table {
        name: "auth_saml_pysaml2_cache",
        columns: &[
            ("name_id", Text),
            ("entity_id", Text),
            ("info", Text),
            ("not_on_or_after", Integer),
        ],
    },
];

// === impl Table ===

impl Table {
    pub fn column_names(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        names.join(", ")
    }

    /// Where the column is among the others.
    pub fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|(name, _)| *name == column)
    }

    /// The columns of a row, the same whichever store they come from.
    ///
    /// # Errors
    /// [`Error::Content`] of a value that is not of its kind.
    pub fn values(&self, row: &Row) -> Result<Vec<Value>, Error> {
        let columns = self.columns.iter().enumerate();
        columns.map(|(position, (_, kind))| kind.value(row, position)).collect()
    }
}

// === impl Kind ===

impl Kind {
    fn value(self, row: &Row, position: usize) -> Result<Value, Error> {
        if *row.value(position) == Value::Null {
            return Ok(Value::Null);
        }
        Ok(match self {
            Text | Xml => row.opt_string(position)?.into(),
            Integer => row.opt_int(position)?.into(),
            Boolean => row.opt_bool(position)?.into(),
            Bytes => row.opt_blob(position)?.into(),
            Time => row.opt_time(position)?.into(),
            List => Value::List(row.list(position)?),
        })
    }
}
