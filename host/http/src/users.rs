//! `/users` (users.md).

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;
use wazo_auth_service::users::{NewUser, PURPOSES, UserFields};
use wazo_auth_store::users::{Email, LIST, Listed};

use crate::{
    App, authorize,
    call::Call,
    errors::Error,
    fields::{FieldError, Fields, Length},
    list,
    reply::Reply,
    router::Place,
};

const RESOURCE: &str = "users";

/// A user as users.md section 2 has it: never with its password.
#[derive(Serialize)]
pub(crate) struct UserJson<'u> {
    uuid: Uuid,
    username: Option<&'u str>,
    firstname: Option<&'u str>,
    lastname: Option<&'u str>,
    purpose: &'u str,
    enabled: Option<bool>,
    tenant_uuid: Uuid,
    authentication_method: &'u str,
    emails: Vec<EmailJson<'u>>,
}

/// An address of a user.
#[derive(Serialize)]
pub(crate) struct EmailJson<'e> {
    uuid: Uuid,
    address: &'e str,
    main: bool,
    confirmed: bool,
}

/// `GET /users`.
pub(crate) fn list(app: &App, call: &Call) -> Result<Reply, Error> {
    let tenant = authorize::scoping_tenant(app, call)?;
    let listing = list::read(call, &LIST)?;
    let users = app.services.list_users(listing.tenants(tenant), &listing.query)?;
    Ok(list::reply(&users, UserJson::from))
}

/// `POST /users`.
pub(crate) fn create(app: &App, call: &Call) -> Result<Reply, Error> {
    let tenant = authorize::scoping_tenant(app, call)?;
    let body = call.json()?;
    let new = parse(&body).map_err(|error| Error::invalid_data(error, RESOURCE))?;
    let user = app.services.create_user(tenant, new)?;
    Ok(Reply::json(&UserJson::from(&user.shown)))
}

/// `GET /users/{user_uuid}`.
pub(crate) fn get(app: &App, call: &Call) -> Result<Reply, Error> {
    let scope = authorize::scoping_tenant(app, call)?;
    let user = app.services.user(scope, call.uuid_param("user_uuid"))?;
    Ok(Reply::json(&UserJson::from(&user.shown)))
}

/// `PUT /users/{user_uuid}`.
pub(crate) fn update(app: &App, call: &Call) -> Result<Reply, Error> {
    let scope = authorize::scoping_tenant(app, call)?;
    let body = call.json()?;
    let fields = updated(&body).map_err(|error| Error::invalid_data(error, RESOURCE))?;
    let user = app.services.update_user(scope, call.uuid_param("user_uuid"), fields)?;
    Ok(Reply::json(&UserJson::from(&user.shown)))
}

/// `DELETE /users/{user_uuid}`.
pub(crate) fn delete(app: &App, call: &Call) -> Result<Reply, Error> {
    let scope = authorize::scoping_tenant(app, call)?;
    app.services.delete_user(scope, call.uuid_param("user_uuid"))?;
    Ok(Reply::no_content())
}

/// `PUT /users/{user_uuid}/password`.
pub(crate) fn change_password(app: &App, call: &Call) -> Result<Reply, Error> {
    let scope = authorize::own_tenant(app, call)?;
    let body = call.json()?;
    let (old, new) = passwords(&body).map_err(|error| Error::invalid_data(error, RESOURCE))?;
    app.services.change_password(scope, call.uuid_param("user_uuid"), &old, new)?;
    Ok(Reply::no_content())
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
    let UserFields { username, firstname, lastname, purpose, authentication_method, enabled } =
        updated(body)?;
    let fields = Fields::of(body)?;
    Ok(NewUser {
        username,
        firstname,
        lastname,
        purpose,
        authentication_method,
        enabled,
        uuid: fields.uuid("uuid")?,
        password: fields.nullable_string("password", Length::at_least(1))?,
        email_address: fields.email("email_address")?,
    })
}

fn updated(body: &Value) -> Result<UserFields, FieldError> {
    let fields = Fields::of(body)?;
    Ok(UserFields {
        username: fields.nullable_string("username", Length::new(1, 256))?,
        firstname: fields.nullable_string("firstname", Length::ANY)?,
        lastname: fields.nullable_string("lastname", Length::ANY)?,
        purpose: fields.choice("purpose", &PURPOSES)?.unwrap_or_else(|| "user".to_owned()),
        authentication_method: fields.string("authentication_method", Length::ANY)?,
        enabled: fields.boolean("enabled", true)?,
    })
}

fn passwords(body: &Value) -> Result<(String, String), FieldError> {
    let fields = Fields::of(body)?;
    let password = |field| fields.required_string(field, Length::at_least(1));
    Ok((password("old_password")?, password("new_password")?))
}

// === impl UserJson ===

impl<'u> From<&'u Listed> for UserJson<'u> {
    fn from(user: &'u Listed) -> Self {
        Self {
            uuid: user.uuid,
            username: user.username.as_deref(),
            firstname: user.firstname.as_deref(),
            lastname: user.lastname.as_deref(),
            purpose: &user.purpose,
            enabled: user.enabled,
            tenant_uuid: user.tenant_uuid,
            authentication_method: &user.authentication_method,
            emails: user.emails.iter().map(EmailJson::from).collect(),
        }
    }
}

// === impl EmailJson ===

impl<'e> From<&'e Email> for EmailJson<'e> {
    fn from(email: &'e Email) -> Self {
        let Email { uuid, address, main, confirmed } = email;
        Self { uuid: *uuid, address, main: *main, confirmed: *confirmed }
    }
}
