//! `POST /users/register` (users.md section 12).

use serde_json::Value;
use wazo_auth_service::users::Registration;

use crate::{
    App,
    call::Call,
    errors::Error,
    fields::{FieldError, Fields, Length},
    origin,
    reply::Reply,
    users::UserJson,
};

/// The longest name of a tenant: that of the user is one.
const LONGEST: usize = 128;

/// `POST /users/register`: open to everybody, where it is enabled.
pub(crate) fn register(app: &App, call: &Call) -> Result<Reply, Error> {
    let new = parse(&call.json()?).map_err(|error| Error::invalid_data(error, "users"))?;
    let user = app.services.register(new, &origin::of(app, call))?;
    Ok(Reply::json(&UserJson::from(&user.shown)))
}

fn parse(body: &Value) -> Result<Registration, FieldError> {
    let fields = Fields::of(body)?;
    Ok(Registration {
        username: fields.required_string("username", Length::new(1, LONGEST))?,
        password: fields.required_string("password", Length::at_least(1))?,
        firstname: fields.nullable_string("firstname", Length::ANY)?,
        lastname: fields.nullable_string("lastname", Length::ANY)?,
        email_address: fields.required_email("email_address")?,
    })
}
