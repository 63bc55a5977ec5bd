//! `/users/password/reset` (email-flows.md sections 4 and 5).

use serde_json::Value;
use uuid::Uuid;
use wazo_auth_service::tokens::allows;

use crate::{
    App,
    authorize::given_token,
    call::Call,
    errors::Error,
    fields::{FieldError, Fields, Length},
    reply::Reply,
};

/// `POST /users/password/reset`: by whoever holds the token of the mail, or the
/// right to do it.
pub(crate) fn reset(app: &App, call: &Call) -> Result<Reply, Error> {
    let named = call.query("user_uuid");
    let user = named.as_deref().unwrap_or("None");
    authorize(app, call, user)?;
    let password = password(&call.json()?).map_err(Error::invalid_reset)?;
    let uuid = user.parse::<Uuid>().ok().filter(|uuid| uuid.to_string() == user);
    let uuid = uuid.ok_or_else(|| Error::unknown_user(user))?;
    app.services.reset_password(uuid, password)?;
    Ok(Reply::no_content())
}

fn authorize(app: &App, call: &Call, user: &str) -> Result<(), Error> {
    let given = match call.query("token") {
        Some(token) => token,
        None => given_token(call),
    };
    let required = format!("auth.users.password.reset.{user}.create");
    let token = app.services.live_token(&given);
    match token.is_some_and(|token| allows(&token, &required)) {
        true => Ok(()),
        false => Err(Error::invalid_token(&given)),
    }
}

/// The new password; none: there is to be none.
fn password(body: &Value) -> Result<Option<String>, FieldError> {
    Fields::of(body)?.required_nullable_string("password", Length::at_least(1))
}
