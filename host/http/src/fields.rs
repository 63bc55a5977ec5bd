//! Fields of a JSON body: coercion and the descriptors of what is wrong with
//! them (http.md section 2.2). Fields are asked for in the order of the
//! contract's tables; the first bad one is the one reported.

use indexmap::IndexSet;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The first bad field.
#[derive(Debug)]
pub(crate) struct FieldError {
    pub(crate) field: String,
    pub(crate) descriptor: Value,
    /// Type, null and required descriptors stand bare in error maps; others in
    /// a list of one.
    pub(crate) bare: bool,
    /// Where in the field: the name of a field inside it, or a position.
    pub(crate) within: Option<Box<str>>,
}

/// The fields of one body.
pub(crate) struct Fields<'b>(&'b Map<String, Value>);

/// Lengths in Unicode code points.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Length {
    pub(crate) min: usize,
    pub(crate) max: Option<usize>,
}

impl Length {
    pub(crate) const ANY: Self = Self { min: 0, max: None };

    pub(crate) const fn new(min: usize, max: usize) -> Self {
        Self { min, max: Some(max) }
    }

    pub(crate) const fn at_least(min: usize) -> Self {
        Self { min, max: None }
    }
}

// === impl Fields ===

impl<'b> Fields<'b> {
    pub(crate) fn of(body: &'b Value) -> Result<Self, FieldError> {
        body.as_object().map(Self).ok_or_else(|| FieldError {
            field: "_schema".to_owned(),
            descriptor: json!({"message": "Invalid input type.", "constraint_id": "type",
                               "constraint": "dict"}),
            bare: true,
            within: None,
        })
    }

    /// The value of a field; `None` when it is absent.
    fn get(&self, field: &str) -> Option<&'b Value> {
        self.0.get(field)
    }

    /// Like [`get`](Self::get), refusing null.
    fn present(&self, field: &str) -> Result<Option<&'b Value>, FieldError> {
        match self.get(field) {
            Some(Value::Null) => Err(null(field)),
            other => Ok(other),
        }
    }

    /// A string that may be absent but not null.
    pub(crate) fn string(&self, field: &str, length: Length) -> Result<Option<String>, FieldError> {
        self.present(field)?.map(|value| text(field, value, length)).transpose()
    }

    /// A string that may be absent or null.
    pub(crate) fn nullable_string(
        &self,
        field: &str,
        length: Length,
    ) -> Result<Option<String>, FieldError> {
        match self.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => text(field, value, length).map(Some),
        }
    }

    /// A string that may be null; `None` when it is absent, and what is stored
    /// stays.
    pub(crate) fn kept_string(
        &self,
        field: &str,
        length: Length,
    ) -> Result<Option<Option<String>>, FieldError> {
        self.get(field).map(|_| self.nullable_string(field, length)).transpose()
    }

    /// A string that may be null but not absent.
    pub(crate) fn required_nullable_string(
        &self,
        field: &str,
        length: Length,
    ) -> Result<Option<String>, FieldError> {
        self.get(field).ok_or_else(|| required(field))?;
        self.nullable_string(field, length)
    }

    pub(crate) fn required_string(
        &self,
        field: &str,
        length: Length,
    ) -> Result<String, FieldError> {
        self.string(field, length)?.ok_or_else(|| required(field))
    }

    /// One of `choices`.
    pub(crate) fn choice(
        &self,
        field: &str,
        choices: &[&str],
    ) -> Result<Option<String>, FieldError> {
        let Some(value) = self.string(field, Length::ANY)? else { return Ok(None) };
        if choices.contains(&&*value) {
            return Ok(Some(value));
        }
        let message = format!("Must be one of: {}.", choices.join(", "));
        let constraint = json!({"choices": choices});
        Err(wrapped(field, "enum", constraint, &message))
    }

    /// An integer from `min` to `max`; numeric strings count, fractions are cut.
    pub(crate) fn integer(
        &self,
        field: &str,
        min: i64,
        max: i64,
    ) -> Result<Option<i64>, FieldError> {
        let Some(value) = self.present(field)? else { return Ok(None) };
        let number = integer(value).ok_or_else(|| wrong_type(field, "integer"))?;
        // One too big for the machine is out of the field's range.
        match number.filter(|number| (min..=max).contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                let message = format!(
                    "Must be greater than or equal to {min} and less than or equal to {max}."
                );
                Err(wrapped(field, "range", json!({"min": min, "max": max}), &message))
            }
        }
    }

    pub(crate) fn required_integer(
        &self,
        field: &str,
        min: i64,
        max: i64,
    ) -> Result<i64, FieldError> {
        self.integer(field, min, max)?.ok_or_else(|| required(field))
    }

    pub(crate) fn boolean(&self, field: &str, default: bool) -> Result<bool, FieldError> {
        match self.present(field)? {
            None => Ok(default),
            Some(value) => boolean(value).ok_or_else(|| wrong_type(field, "boolean")),
        }
    }

    /// A boolean that may be absent or null.
    pub(crate) fn nullable_boolean(&self, field: &str) -> Result<Option<bool>, FieldError> {
        match self.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => boolean(value).map(Some).ok_or_else(|| wrong_type(field, "boolean")),
        }
    }

    /// A list of anything.
    pub(crate) fn required_list(&self, field: &str) -> Result<&'b [Value], FieldError> {
        let value = self.present(field)?.ok_or_else(|| required(field))?;
        value.as_array().map(Vec::as_slice).ok_or_else(|| wrong_type(field, "list"))
    }

    /// A UUID in any usual textual form.
    pub(crate) fn uuid(&self, field: &str) -> Result<Option<Uuid>, FieldError> {
        let Some(value) = self.present(field)? else { return Ok(None) };
        let uuid = value.as_str().and_then(|text| Uuid::parse_str(text).ok());
        uuid.map(Some).ok_or_else(|| wrong_type(field, "uuid"))
    }

    /// A list of strings; `None` when absent.
    pub(crate) fn strings(
        &self,
        field: &str,
        each: Length,
    ) -> Result<Option<Vec<String>>, FieldError> {
        let Some(value) = self.present(field)? else { return Ok(None) };
        let items = value.as_array().ok_or_else(|| wrong_type(field, "list"))?;
        items.iter().map(|item| text(field, item, each)).collect::<Result<_, _>>().map(Some)
    }

    pub(crate) fn required_strings(&self, field: &str) -> Result<Vec<String>, FieldError> {
        self.strings(field, Length::ANY)?.ok_or_else(|| required(field))
    }

    /// An e-mail address (users.md section 0) that may be absent or null.
    pub(crate) fn email(&self, field: &str) -> Result<Option<String>, FieldError> {
        self.nullable_string(field, Length::ANY)?.map(|text| address(field, text)).transpose()
    }

    pub(crate) fn required_email(&self, field: &str) -> Result<String, FieldError> {
        address(field, self.required_string(field, Length::ANY)?)
    }

    /// A slug that may be absent or null.
    pub(crate) fn slug(&self, field: &str, max: usize) -> Result<Option<String>, FieldError> {
        let slug = self.nullable_string(field, Length::new(1, max))?;
        slug.map(|slug| SLUG.check(field, slug)).transpose()
    }

    /// The slug of a tenant, which may be absent or null.
    pub(crate) fn tenant_slug(
        &self,
        field: &str,
        max: usize,
    ) -> Result<Option<String>, FieldError> {
        let slug = self.nullable_string(field, Length::new(1, max))?;
        slug.map(|slug| TENANT_SLUG.check(field, slug)).transpose()
    }

    /// A UUID that may be absent or null.
    pub(crate) fn nullable_uuid(&self, field: &str) -> Result<Option<Uuid>, FieldError> {
        match self.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(_) => self.uuid(field),
        }
    }

    /// Names of domains, each once; none when absent.
    pub(crate) fn domain_names(&self, field: &str) -> Result<Vec<String>, FieldError> {
        let Some(value) = self.present(field)? else { return Ok(Vec::new()) };
        let items = value.as_array().ok_or_else(|| wrong_type(field, "list"))?;
        let mut names = IndexSet::new();
        for (position, item) in items.iter().enumerate() {
            let name = match item {
                Value::Null => Err(null(field)),
                item => text(field, item, Length::ANY),
            };
            let name = name.and_then(|name| DOMAIN_NAME.check(field, name));
            let name = name.map_err(|error| FieldError {
                within: Some(position.to_string().into()),
                ..error
            })?;
            names.insert(name);
        }
        Ok(names.into_iter().collect())
    }

    /// The fields of an object inside; those of an empty one when it is absent.
    pub(crate) fn object<T>(
        &self,
        field: &str,
        read: impl FnOnce(&Fields<'_>) -> Result<T, FieldError>,
    ) -> Result<T, FieldError> {
        let empty = Map::new();
        let inside = match self.present(field)? {
            None => &empty,
            Some(value) => value.as_object().ok_or_else(|| wrong_type(field, "dict"))?,
        };
        read(&Fields(inside)).map_err(|error| FieldError {
            within: Some(error.field.into()),
            field: field.to_owned(),
            ..error
        })
    }
}

/// A form that texts must have.
struct Pattern {
    /// As the contract shows it to clients.
    shown: &'static str,
    matches: fn(&str) -> bool,
}

const SLUG: Pattern = Pattern {
    shown: "^[a-zA-Z0-9_-]+$",
    matches: |text| text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')),
};
const TENANT_SLUG: Pattern = Pattern {
    shown: "^[a-zA-Z0-9_]+$",
    matches: |text| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'),
};
const DOMAIN_NAME: Pattern = Pattern {
    shown: r"^(?=.{1,253}\.?$)(?:(?!(-|_)|[^.]+_)[A-Za-z0-9-_]{1,}(?<!-)(?:\.|$)){2,63}$",
    matches: is_domain_name,
};
/// What a column of the database holds, a final dot included.
const DOMAIN_NAME_MAX: usize = 253;

// === impl Pattern ===

impl Pattern {
    fn check(&self, field: &str, text: String) -> Result<String, FieldError> {
        if (self.matches)(&text) {
            return Ok(text);
        }
        let message = "String does not match expected pattern.";
        Err(wrapped(field, "regex", json!(self.shown), message))
    }
}

fn is_domain_name(text: &str) -> bool {
    let labels: Vec<&str> = text.strip_suffix('.').unwrap_or(text).split('.').collect();
    let is_label = |label: &&str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= DOMAIN_NAME_MAX && (2..=63).contains(&labels.len()) && labels.iter().all(is_label)
}

fn address(field: &str, text: String) -> Result<String, FieldError> {
    if is_email(&text) {
        return Ok(text);
    }
    Err(FieldError { bare: false, ..wrong_type(field, "email") })
}

fn text(field: &str, value: &Value, length: Length) -> Result<String, FieldError> {
    let text = value.as_str().ok_or_else(|| wrong_type(field, "string"))?;
    if text.contains('\0') {
        return Err(wrong_type(field, "string"));
    }
    let count = text.chars().count();
    let Length { min, max } = length;
    if count >= min && max.is_none_or(|max| count <= max) {
        return Ok(text.to_owned());
    }
    let message = match (min, max) {
        (min, Some(max)) if min > 0 => format!("Length must be between {min} and {max}."),
        (_, Some(max)) => format!("Longer than maximum length {max}."),
        (min, None) => format!("Shorter than minimum length {min}."),
    };
    let min = (min > 0).then_some(min);
    Err(wrapped(field, "length", json!({"min": min, "max": max}), &message))
}

/// `None`: no integer at all; `Some(None)`: one too big for the machine.
pub(crate) fn integer(value: &Value) -> Option<Option<i64>> {
    match value {
        Value::Number(number) => match number.as_i64() {
            Some(number) => Some(Some(number)),
            None => number.as_f64().map(truncated),
        },
        Value::String(text) => {
            let digits = text.trim().trim_start_matches(['-', '+']);
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| text.trim().parse().ok())
        }
        _ => None,
    }
}

fn truncated(number: f64) -> Option<i64> {
    const LIMIT: f64 = 9.0e18;
    #[allow(clippy::cast_possible_truncation, reason = "the range is checked")]
    (number.abs() < LIMIT).then_some(number.trunc() as i64)
}

pub(crate) fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::Number(number) => match number.as_f64() {
            Some(1.0) => Some(true),
            Some(0.0) => Some(false),
            _ => None,
        },
        Value::String(text) => boolean_word(text),
        _ => None,
    }
}

/// The spellings of a boolean: lower case, Capitalised or UPPER case.
pub(crate) fn boolean_word(text: &str) -> Option<bool> {
    let lower = text.to_ascii_lowercase();
    let mut capitalised = lower.clone();
    if let Some(first) = capitalised.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    if text != lower && text != capitalised && text != lower.to_ascii_uppercase() {
        return None;
    }
    match &*lower {
        "t" | "true" | "on" | "y" | "yes" | "1" => Some(true),
        "f" | "false" | "off" | "n" | "no" | "0" => Some(false),
        _ => None,
    }
}

pub(crate) fn wrong_type(field: &str, constraint: &str) -> FieldError {
    let message = match constraint {
        "email" => "Not a valid email address.".to_owned(),
        "uuid" => "Not a valid UUID.".to_owned(),
        constraint => format!("Not a valid {constraint}."),
    };
    let descriptor = json!({"message": message, "constraint_id": "type", "constraint": constraint});
    FieldError { field: field.to_owned(), descriptor, bare: true, within: None }
}

pub(crate) fn wrapped(field: &str, id: &str, constraint: Value, message: &str) -> FieldError {
    let descriptor = json!({"constraint_id": id, "constraint": constraint, "message": message});
    FieldError { field: field.to_owned(), descriptor, bare: false, within: None }
}

fn null(field: &str) -> FieldError {
    let descriptor = json!({"message": "Field may not be null.", "constraint_id": "not_null",
                            "constraint": "not_null"});
    FieldError { field: field.to_owned(), descriptor, bare: true, within: None }
}

fn required(field: &str) -> FieldError {
    let descriptor = json!({"message": "Missing data for required field.",
                            "constraint_id": "required", "constraint": "required"});
    FieldError { field: field.to_owned(), descriptor, bare: true, within: None }
}

/// The syntax of users.md section 0. An international domain is taken by its
/// Unicode letters.
fn is_email(address: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    is_local_part(local) && is_domain(domain)
}

fn is_local_part(local: &str) -> bool {
    if let Some(quoted) = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        return !quoted.is_empty()
            && quoted.chars().all(|c| !c.is_whitespace() && !c.is_control() && c != '"');
    }
    let is_atom_char = |c: char| c.is_alphanumeric() || "_-!#$%&'*+/=?^`{}|~".contains(c);
    local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom_char))
}

fn is_domain(domain: &str) -> bool {
    if domain.eq_ignore_ascii_case("localhost") {
        return true;
    }
    if let Some(literal) = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return literal.parse::<std::net::Ipv4Addr>().is_ok();
    }
    let is_label = |label: &str| {
        let length = label.chars().count();
        (1..=63).contains(&length)
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let labels: Vec<&str> = domain.split('.').collect();
    labels.len() >= 2
        && labels.iter().all(|label| is_label(label))
        && labels.last().is_some_and(|last| last.chars().count() >= 2)
}

#[cfg(test)]
mod tests;
