//! Bodies of requests, checked as the API checks its own (http.md section 2).

use wazo_auth_plugin_api::prelude::*;

/// What a body is refused with.
pub(crate) enum Refused {
    /// It is not JSON.
    Unreadable,
    /// Its first field that is wrong.
    Field(Box<ApiError>),
}

/// The fields of a body; those that are there and no others.
#[derive(Default)]
pub(crate) struct Fields(Map);

// === impl Refused ===

impl Refused {
    /// The answer.
    pub(crate) fn answer(self) -> Result<HttpResponse> {
        match self {
            Self::Unreadable => {
                let text =
                    "The browser (or proxy) sent a request that this server could not understand.";
                HttpResponse::json(400, &json!({"message": text}))
            }
            Self::Field(error) => Err((*error).into()),
        }
    }
}

// === impl Fields ===

impl Fields {
    /// The fields of a body. What is falsy stands for none.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Refused> {
        let body: Value = serde_json::from_slice(body).map_err(|_| Refused::Unreadable)?;
        let is_falsy = match &body {
            Value::Null | Value::Bool(false) => true,
            Value::Array(items) => items.is_empty(),
            Value::String(text) => text.is_empty(),
            Value::Number(number) => number.as_f64() == Some(0.0),
            _ => false,
        };
        match body {
            _ if is_falsy => Ok(Self(Map::new())),
            Value::Object(fields) => Ok(Self(fields)),
            _ => {
                let message = "Invalid input type.";
                let (id, constraint) = ("type", "dict");
                let descriptor =
                    json!({"message": message, "constraint_id": id, "constraint": constraint});
                Err(invalid("_schema", &descriptor, None))
            }
        }
    }

    /// A text of at most 512 characters, or null, which is the default.
    pub(crate) fn text(&self, name: &str, least: usize) -> Result<Option<&str>, Refused> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                text(value, least).map(Some).map_err(|descriptor| invalid(name, &descriptor, None))
            }
        }
    }

    /// A list of texts that are not empty; an empty list by default.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<&str>, Refused> {
        let wrong = |descriptor: Value| invalid(name, &descriptor, None);
        match self.0.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Null) => Err(wrong(json!({
                "message": "Field may not be null.",
                "constraint_id": "not_null",
                "constraint": "not_null",
            }))),
            Some(Value::Array(items)) => {
                let items = items.iter().enumerate().map(|(position, item)| {
                    text(item, 1).map_err(|descriptor| invalid(name, &descriptor, Some(position)))
                });
                items.collect()
            }
            Some(_) => Err(wrong(not_a("list"))),
        }
    }
}

/// The longest text, in characters.
const LONGEST: usize = 512;

fn text(value: &Value, least: usize) -> Result<&str, Value> {
    let text = value.as_str().ok_or_else(|| not_a("string"))?;
    if (least..=LONGEST).contains(&text.chars().count()) {
        return Ok(text);
    }
    let (min, message) = match least {
        0 => (Value::Null, format!("Longer than maximum length {LONGEST}.")),
        least => (least.into(), format!("Length must be between {least} and {LONGEST}.")),
    };
    Err(json!({
        "message": message,
        "constraint_id": "length",
        "constraint": {"min": min, "max": LONGEST},
    }))
}

fn not_a(what: &str) -> Value {
    let message = format!("Not a valid {what}.");
    json!({"message": message, "constraint_id": "type", "constraint": what})
}

/// The refusal of a field, or of what stands at a position in it.
fn invalid(field: &str, descriptor: &Value, position: Option<usize>) -> Refused {
    let message = descriptor["message"].as_str().unwrap_or_default().to_owned();
    let within = match position {
        Some(position) => Map::from_iter([(position.to_string(), descriptor.clone())]).into(),
        None => descriptor.clone(),
    };
    let error = ApiError::new(400, "invalid-data", message).resource("users");
    Refused::Field(Box::new(error.detail(field, within)))
}
