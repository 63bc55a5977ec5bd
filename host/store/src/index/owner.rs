//! Whom a token was given to.

use std::fmt;

use uuid::Uuid;

use crate::{Metadata, TokenIndex};

/// The `auth_id` of a token: the UUID of a user as a rule, any text otherwise
/// (`wazo-auth` for internal tokens).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AuthId {
    /// A canonical UUID.
    Uuid(Uuid),
    /// Anything else.
    Text(Box<str>),
}

/// Whom a token was given to; shared between the tokens of one owner.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Owner {
    /// `auth_id`
    pub auth_id: AuthId,
    /// The `uuid` of the token's metadata.
    pub user_uuid: Option<Uuid>,
    /// The `tenant_uuid` of the token's metadata: a snapshot. The current one
    /// is [`TokenIndex::tenant_of_user`].
    pub tenant_uuid: Option<Uuid>,
}

// === impl AuthId ===

impl AuthId {
    /// The UUID, if it is one.
    #[must_use]
    pub fn uuid(&self) -> Option<Uuid> {
        match self {
            Self::Uuid(uuid) => Some(*uuid),
            Self::Text(_) => None,
        }
    }

    /// The text, written into `buffer` ([`Uuid::encode_buffer`] shortened) when
    /// it has to be made: no allocation.
    pub fn text<'a>(&'a self, buffer: &'a mut [u8; 36]) -> &'a str {
        match self {
            Self::Uuid(uuid) => uuid.hyphenated().encode_lower(buffer),
            Self::Text(text) => text,
        }
    }
}

impl From<&str> for AuthId {
    fn from(text: &str) -> Self {
        TokenIndex::parse_token(text).map_or_else(|| Self::Text(text.into()), Self::Uuid)
    }
}

impl fmt::Display for AuthId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uuid(uuid) => uuid.hyphenated().fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

// === impl Owner ===

impl Owner {
    /// The owner named by the columns of a token row.
    #[must_use]
    pub fn new(auth_id: &str, metadata: &Metadata) -> Self {
        let uuid = |key| {
            let text = metadata.get(key).and_then(serde_json::Value::as_str);
            text.and_then(|text| Uuid::try_parse(text).ok())
        };
        Self { auth_id: auth_id.into(), user_uuid: uuid("uuid"), tenant_uuid: uuid("tenant_uuid") }
    }
}
