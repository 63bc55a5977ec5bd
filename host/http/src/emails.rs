//! The addresses of users, and their confirmation (users.md section 8,
//! email-flows.md section 3).

use std::collections::HashSet;

use http::StatusCode;
use serde_json::{Map, Value, json};
use wazo_auth_service::users::EmailFields;

use crate::{
    App, authorize,
    call::Call,
    errors::Error,
    fields::{FieldError, Fields},
    origin,
    reply::Reply,
    users::EmailJson,
};

/// Whether a request may say that addresses are confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Confirming {
    Allowed,
    Ignored,
}

/// `PUT /users/{user_uuid}/emails`.
pub(crate) fn replace(app: &App, call: &Call) -> Result<Reply, Error> {
    replace_by(app, call, Confirming::Ignored)
}

/// `PUT /admin/users/{user_uuid}/emails`.
pub(crate) fn replace_by_admin(app: &App, call: &Call) -> Result<Reply, Error> {
    replace_by(app, call, Confirming::Allowed)
}

/// `GET /users/{user_uuid}/emails/{email_uuid}/confirm`.
pub(crate) fn request_confirmation(app: &App, call: &Call) -> Result<Reply, Error> {
    let (user, email) = (call.uuid_param("user_uuid"), call.uuid_param("email_uuid"));
    app.services.request_confirmation(user, email, &origin::of(app, call))?;
    Ok(Reply::no_content())
}

/// `GET /emails/{email_uuid}/confirm`: who follows the link sees a page. An address
/// that is confirmed already is again, so that the page may be reloaded.
pub(crate) fn confirm_by_link(app: &App, call: &Call) -> Result<Reply, Error> {
    // First: who sees an error has not confirmed.
    let page = app.services.confirmation_page()?;
    app.services.confirm_email(call.uuid_param("email_uuid"))?;
    let content_type = app.settings.confirmation_page.clone();
    Ok(Reply { content_type, body: page.into(), ..Reply::empty(StatusCode::OK) })
}

/// `PUT /emails/{email_uuid}/confirm`.
pub(crate) fn confirm(app: &App, call: &Call) -> Result<Reply, Error> {
    app.services.confirm_email(call.uuid_param("email_uuid"))?;
    Ok(Reply::no_content())
}

fn replace_by(app: &App, call: &Call, confirming: Confirming) -> Result<Reply, Error> {
    let scope = authorize::own_tenant(app, call)?;
    let emails = parse(&call.json()?, confirming).map_err(Error::invalid_emails)?;
    let emails = app.services.replace_emails(scope, call.uuid_param("user_uuid"), emails)?;
    let shown: Vec<EmailJson<'_>> = emails.iter().map(EmailJson::from).collect();
    Ok(Reply::json(&shown))
}

/// The addresses; or all that is wrong with them.
fn parse(body: &Value, confirming: Confirming) -> Result<Vec<EmailFields>, Value> {
    let alone = |error: FieldError| json!({error.field: error.descriptor});
    let items = Fields::of(body).and_then(|fields| fields.required_list("emails"));
    let items = items.map_err(alone)?;
    let (mut emails, mut wrong) = (Vec::new(), Map::new());
    for (position, item) in items.iter().enumerate() {
        match email(item, confirming) {
            Ok(email) => emails.push(email),
            Err(errors) => drop(wrong.insert(position.to_string(), errors)),
        }
    }
    if !wrong.is_empty() {
        return Err(json!({"emails": wrong}));
    }
    match problems(&emails) {
        problems if problems.is_empty() => Ok(emails),
        problems => Err(json!({"_schema": problems})),
    }
}

/// One address; or what is wrong with each of its fields.
fn email(item: &Value, confirming: Confirming) -> Result<EmailFields, Value> {
    let Ok(fields) = Fields::of(item) else {
        return Err(json!({"_schema": ["Invalid input type."]}));
    };
    let mut wrong = Map::new();
    let mut note = |error: FieldError| {
        let descriptor = if error.bare { error.descriptor } else { json!([error.descriptor]) };
        wrong.insert(error.field, descriptor);
    };
    let address = fields.required_email("address").map_err(&mut note).ok();
    let main = fields.boolean("main", false).map_err(&mut note).ok();
    let confirmed = match confirming {
        Confirming::Allowed => fields.nullable_boolean("confirmed").map_err(&mut note).ok(),
        Confirming::Ignored => Some(None),
    };
    match (address, main, confirmed) {
        (Some(address), Some(main), Some(confirmed)) => {
            Ok(EmailFields { address, main, confirmed })
        }
        _ => Err(Value::Object(wrong)),
    }
}

/// What is wrong with addresses that are all right by themselves.
fn problems(emails: &[EmailFields]) -> Vec<&'static str> {
    let mut problems = Vec::new();
    let mut seen = HashSet::new();
    if !emails.iter().all(|email| seen.insert(&email.address)) {
        problems.push("The same address can only be used once");
    }
    match emails.iter().filter(|email| email.main).count() {
        0 if !emails.is_empty() => problems.push("At least one address should be main"),
        0 | 1 => {}
        _ => problems.push("Only one address should be main"),
    }
    problems
}
