//! `/users/password/reset` (email-flows.md sections 4 and 5).

use std::borrow::Cow;

use serde_json::{Value, json};
use uuid::Uuid;
use wazo_auth_service::{tokens::allows, users::UserError};
use wazo_auth_store::{TokenIndex, users::Named};

use crate::{
    App,
    authorize::given_token,
    call::Call,
    errors::Error,
    fields::{FieldError, Fields, Length},
    origin,
    reply::Reply,
};

/// `GET /users/password/reset`: has a mail sent. The answer, and the time it takes,
/// are the same whoever was named, and whether a mail is sent or not.
pub(crate) fn request(app: &App, call: &Call) -> Result<Reply, Error> {
    let (named, name) = asked(call)?;
    app.services.request_password_reset(named, name, origin::of(app, call));
    Ok(Reply::no_content())
}

/// Who is named, in one of three ways.
fn asked(call: &Call) -> Result<(Named, String), Error> {
    const LOGIN: Length = Length::new(1, 256);
    let given = call.queries(["username", "email", "login"]);
    let names = ["username", "email", "login"].into_iter().zip(given);
    let named = names.filter_map(|(name, value)| Some((name.to_owned(), json!(value?))));
    let body = Value::Object(named.collect());
    let fields = Fields::of(&body).map_err(Error::invalid_reset)?;
    let username = fields.string("username", LOGIN).map_err(Error::invalid_reset)?;
    let email = fields.email("email").map_err(Error::invalid_reset)?;
    let login = fields.string("login", LOGIN).map_err(Error::invalid_reset)?;
    match (username, email, login) {
        (Some(username), None, None) => Ok((Named::ByUsername, username)),
        (None, Some(email), None) => Ok((Named::ByAddress, email)),
        (None, None, Some(login)) => Ok((Named::ByLogin, login)),
        _ => Err(Error::not_one_login()),
    }
}

/// `POST /users/password/reset`: by whoever holds the token of the mail, or the
/// right to do it.
pub(crate) fn reset(app: &App, call: &Call) -> Result<Reply, Error> {
    let named = call.query("user_uuid");
    let user = named.as_deref().unwrap_or("None");
    let token = authorize(app, call, user)?;
    let password = password(&call.json()?).map_err(Error::invalid_reset)?;
    let uuid = user.parse::<Uuid>().ok().filter(|uuid| uuid.to_string() == user);
    let uuid = uuid.ok_or_else(|| Error::unknown_user(user))?;
    match app.services.reset_password(uuid, password, token) {
        Err(UserError::LinkUsed) => Err(Error::invalid_token(&given(call))),
        done => Ok(done.map(|()| Reply::no_content())?),
    }
}

/// The text that was sent as a token.
fn given(call: &Call) -> Cow<'_, str> {
    call.query("token").unwrap_or_else(|| given_token(call))
}

/// The token by which it is allowed.
fn authorize(app: &App, call: &Call, user: &str) -> Result<Option<Uuid>, Error> {
    let given = given(call);
    let required = format!("auth.users.password.reset.{user}.create");
    let token = app.services.find_live_token(&given)?;
    match token.is_some_and(|token| allows(&token, &required)) {
        true => Ok(TokenIndex::parse_token(&given)),
        false => Err(Error::invalid_token(&given)),
    }
}

/// The new password; none: there is to be none.
fn password(body: &Value) -> Result<Option<String>, FieldError> {
    Fields::of(body)?.required_nullable_string("password", Length::at_least(1))
}
