//! Whom a token was given to.

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
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

/// What the metadata of a token say of its owner.
#[derive(Default)]
struct Claims {
    user_uuid: Option<Uuid>,
    tenant_uuid: Option<Uuid>,
}

#[derive(Deserialize)]
enum Key {
    #[serde(rename = "uuid")]
    User,
    #[serde(rename = "tenant_uuid")]
    Tenant,
    #[serde(other)]
    Other,
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

    /// Whether it is this text, which is no UUID.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        matches!(self, Self::Text(own) if **own == *text)
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
        let uuid = |key| metadata.get(key).and_then(uuid);
        Self { auth_id: auth_id.into(), user_uuid: uuid("uuid"), tenant_uuid: uuid("tenant_uuid") }
    }

    /// The same from the JSON text of the metadata, where all but two keys are
    /// skipped; nothing when it is not an object.
    pub(crate) fn read(auth_id: &str, metadata: Option<&str>) -> Option<Self> {
        let claims = match metadata {
            Some(json) => serde_json::from_str::<Claims>(json).ok()?,
            None => Claims::default(),
        };
        let Claims { user_uuid, tenant_uuid } = claims;
        Some(Self { auth_id: auth_id.into(), user_uuid, tenant_uuid })
    }
}

fn uuid(value: &Value) -> Option<Uuid> {
    value.as_str().and_then(|text| Uuid::try_parse(text).ok())
}

// === impl Claims ===

impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self::default())
    }
}

/// Fills itself.
impl<'de> Visitor<'de> for Claims {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some(key) = map.next_key()? {
            match key {
                Key::User => self.user_uuid = uuid(&map.next_value()?),
                Key::Tenant => self.tenant_uuid = uuid(&map.next_value()?),
                Key::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_the_text_of_metadata_gives_what_the_whole_object_says() {
        let id = "5b046ec3-8ac7-4908-9814-692f55d57e77";
        for json in [
            format!(r#"{{"uuid": "{id}", "purpose": "user", "tenant_uuid": "{id}"}}"#),
            format!(r#"{{"a": {{"uuid": "{id}"}}, "uuid": 7, "tenant_uuid": null}}"#),
            format!(r#"{{"uuid": "x", "uuid": "{id}", "u\u0075id": 1}}"#),
            format!(r#"{{"\u0075uid": "{id}"}}"#),
            "{}".to_owned(),
        ] {
            let metadata = serde_json::from_str(&json).unwrap();
            assert_eq!(Owner::read("me", Some(&json)), Some(Owner::new("me", &metadata)), "{json}");
        }
        assert_eq!(Owner::read("me", None), Some(Owner::new("me", &Metadata::new())));
        for json in ["", "7", "null", "{", r#"["a", "b"]"#, "{} {}"] {
            assert_eq!(Owner::read("me", Some(json)), None, "{json}");
        }
    }
}
