//! `POST /users` (users.md section 3).

use serde_json::{Value, json};
use wazo_auth_service::users::NewUser;
use wazo_auth_store::users::User;

use crate::{
    App, authorize,
    call::Call,
    errors::Error,
    fields::{FieldError, Fields, Length},
    reply::Reply,
    router::Place,
};

const RESOURCE: &str = "users";
const PURPOSES: [&str; 3] = ["user", "internal", "external_api"];

pub(crate) fn create(app: &App, call: &Call) -> Result<Reply, Error> {
    let tenant = authorize::scoping_tenant(app, call)?;
    let body = call.json()?;
    let new = parse(&body).map_err(|error| Error::invalid_data(error, RESOURCE))?;
    let user = app.services.create_user(tenant, new)?;
    Ok(Reply::json(&user_json(&user)))
}

/// A new password is hashed, which takes as long as a login.
pub(crate) fn place_of_creation(call: &Call) -> Place {
    match serde_json::from_slice::<PasswordField>(&call.body) {
        Ok(PasswordField { password: None }) => Place::Worker,
        _ => Place::Login,
    }
}

#[derive(serde::Deserialize)]
struct PasswordField {
    password: Option<serde::de::IgnoredAny>,
}

fn parse(body: &Value) -> Result<NewUser, FieldError> {
    let fields = Fields::of(body)?;
    Ok(NewUser {
        username: fields.nullable_string("username", Length::new(1, 256))?,
        firstname: fields.nullable_string("firstname", Length::ANY)?,
        lastname: fields.nullable_string("lastname", Length::ANY)?,
        purpose: fields.choice("purpose", &PURPOSES)?.unwrap_or_else(|| "user".to_owned()),
        authentication_method: fields.string("authentication_method", Length::ANY)?,
        enabled: fields.boolean("enabled", true)?,
        uuid: fields.uuid("uuid")?,
        password: fields.nullable_string("password", Length::at_least(1))?,
        email_address: fields.email("email_address")?,
    })
}

/// A user as users.md section 2 has it.
fn user_json(user: &User) -> Value {
    let emails: Vec<Value> = user
        .emails
        .iter()
        .map(|email| {
            json!({"uuid": email.uuid, "address": email.address,
                   "main": email.main, "confirmed": email.confirmed})
        })
        .collect();
    json!({
        "uuid": user.uuid, "username": user.username, "firstname": user.firstname,
        "lastname": user.lastname, "purpose": user.purpose, "enabled": user.enabled,
        "tenant_uuid": user.tenant_uuid, "authentication_method": user.authentication_method,
        "emails": emails,
    })
}
