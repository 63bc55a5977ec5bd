//! Values that go to and come from a database.

use jiff::Timestamp;
use uuid::Uuid;

use crate::{Error, Metadata};

/// One parameter or one column.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// A truth value (0 or 1 in SQLite).
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A floating-point number.
    Real(f64),
    /// A text.
    Text(String),
    /// Bytes; so is a text of SQLite that is not UTF-8.
    Blob(Vec<u8>),
    /// A list of texts (JSON text in SQLite).
    List(Vec<String>),
    /// An instant (in SQLite text in UTC with six decimals, `…+00:00`, so that
    /// it sorts).
    Time(Timestamp),
}

/// One row of an answer. Columns are counted from 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Row(Vec<Value>);

// === impl Value ===

impl Value {
    /// What it is, in a word.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::Bool(_) => "a truth value",
            Self::Int(_) => "an integer",
            Self::Real(_) => "a number",
            Self::Text(_) => "a text",
            Self::Blob(_) => "bytes",
            Self::List(_) => "a list",
            Self::Time(_) => "an instant",
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Blob(bytes.to_vec())
    }
}

impl From<&[String]> for Value {
    fn from(list: &[String]) -> Self {
        Self::List(list.to_vec())
    }
}

impl From<Timestamp> for Value {
    fn from(time: Timestamp) -> Self {
        Self::Time(time)
    }
}

/// Lower-case text with dashes, as the schema wants it.
impl From<&Uuid> for Value {
    fn from(uuid: &Uuid) -> Self {
        Self::Text(uuid.hyphenated().to_string())
    }
}

/// A JSON object as text.
impl From<&Metadata> for Value {
    fn from(metadata: &Metadata) -> Self {
        Self::Text(serde_json::to_string(metadata).unwrap_or_else(|_| "{}".to_owned()))
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

// === impl Row ===

impl Row {
    /// A row of these columns.
    #[must_use]
    pub fn new(columns: Vec<Value>) -> Self {
        Self(columns)
    }

    /// A column, or NULL beyond the last.
    #[must_use]
    pub fn value(&self, column: usize) -> &Value {
        self.0.get(column).unwrap_or(&Value::Null)
    }

    /// An integer.
    ///
    /// # Errors
    /// [`Error::Content`] when it is something else; so for all these getters.
    pub fn int(&self, column: usize) -> Result<i64, Error> {
        self.opt_int(column)?.ok_or(Error::Content { column, wanted: "an integer" })
    }

    /// An integer or NULL.
    ///
    /// # Errors
    /// See [`Row::int`].
    pub fn opt_int(&self, column: usize) -> Result<Option<i64>, Error> {
        match self.value(column) {
            Value::Null => Ok(None),
            Value::Int(value) => Ok(Some(*value)),
            _ => Err(Error::Content { column, wanted: "an integer" }),
        }
    }

    /// A truth value; NULL is false.
    ///
    /// # Errors
    /// See [`Row::int`].
    pub fn bool(&self, column: usize) -> Result<bool, Error> {
        Ok(self.opt_bool(column)?.unwrap_or(false))
    }

    /// A truth value or NULL.
    ///
    /// # Errors
    /// See [`Row::int`].
    pub fn opt_bool(&self, column: usize) -> Result<Option<bool>, Error> {
        match self.value(column) {
            Value::Null => Ok(None),
            Value::Bool(value) => Ok(Some(*value)),
            Value::Int(value @ 0..=1) => Ok(Some(*value == 1)),
            _ => Err(Error::Content { column, wanted: "true or false" }),
        }
    }

    /// A text.
    ///
    /// # Errors
    /// See [`Row::int`].
    pub fn text(&self, column: usize) -> Result<&str, Error> {
        self.opt_text(column)?.ok_or(Error::Content { column, wanted: "a text" })
    }

    /// A text or NULL.
    ///
    /// # Errors
    /// See [`Row::int`].
    pub fn opt_text(&self, column: usize) -> Result<Option<&str>, Error> {
        match self.value(column) {
            Value::Null => Ok(None),
            Value::Text(text) => Ok(Some(text)),
            _ => Err(Error::Content { column, wanted: "a text" }),
        }
    }

    /// A text of one's own.
    ///
    /// # Errors
    /// See [`Row::int`].
    pub fn string(&self, column: usize) -> Result<String, Error> {
        self.text(column).map(str::to_owned)
    }

    /// A text of one's own, or NULL.
    ///
    /// # Errors
    /// See [`Row::int`].
    pub fn opt_string(&self, column: usize) -> Result<Option<String>, Error> {
        Ok(self.opt_text(column)?.map(str::to_owned))
    }

    /// Bytes or NULL.
    ///
    /// # Errors
    /// See [`Row::int`].
    pub fn opt_blob(&self, column: usize) -> Result<Option<&[u8]>, Error> {
        match self.value(column) {
            Value::Null => Ok(None),
            Value::Blob(bytes) => Ok(Some(bytes)),
            _ => Err(Error::Content { column, wanted: "bytes" }),
        }
    }

    /// A UUID.
    ///
    /// # Errors
    /// See [`Row::int`].
    pub fn uuid(&self, column: usize) -> Result<Uuid, Error> {
        self.opt_uuid(column)?.ok_or(Error::Content { column, wanted: "a UUID" })
    }

    /// A UUID or NULL.
    ///
    /// # Errors
    /// See [`Row::int`].
    pub fn opt_uuid(&self, column: usize) -> Result<Option<Uuid>, Error> {
        let Some(text) = self.opt_text(column)? else { return Ok(None) };
        let uuid = Uuid::try_parse(text);
        uuid.map(Some).map_err(|_| Error::Content { column, wanted: "a UUID" })
    }

    /// A list of texts.
    ///
    /// # Errors
    /// See [`Row::int`].
    pub fn list(&self, column: usize) -> Result<Vec<String>, Error> {
        let wrong = Error::Content { column, wanted: "a list of texts" };
        match self.value(column) {
            Value::List(list) => Ok(list.clone()),
            Value::Text(json) => serde_json::from_str(json).map_err(|_| wrong),
            _ => Err(wrong),
        }
    }

    /// An instant or NULL.
    ///
    /// # Errors
    /// See [`Row::int`].
    pub fn opt_time(&self, column: usize) -> Result<Option<Timestamp>, Error> {
        let wrong = Error::Content { column, wanted: "a date with its offset" };
        match self.value(column) {
            Value::Null => Ok(None),
            Value::Time(time) => Ok(Some(*time)),
            Value::Text(text) => text.parse().map(Some).map_err(|_| wrong),
            _ => Err(wrong),
        }
    }

    /// A JSON object; NULL is an empty one.
    ///
    /// # Errors
    /// See [`Row::int`].
    pub fn metadata(&self, column: usize) -> Result<Metadata, Error> {
        let Some(json) = self.opt_text(column)? else { return Ok(Metadata::new()) };
        serde_json::from_str(json).map_err(|_| Error::Content { column, wanted: "a JSON object" })
    }
}
