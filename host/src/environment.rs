//! The one place that reads the environment (config.md section 5).

use std::env::VarError;

use wazo_auth_context::{Context, Environment, time_zone};

/// `WAZO_AUTH_BOOTSTRAP_<name>`, which stands in for an option of
/// `wazo-auth-bootstrap initial-user`.
///
/// # Errors
/// A sentence, when it is no text.
#[allow(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub(crate) fn bootstrap(name: &str) -> Result<Option<String>, String> {
    let name = format!("WAZO_AUTH_BOOTSTRAP_{name}");
    match std::env::var(&name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(format!("the value of {name} is not valid UTF-8")),
    }
}

/// The system's clock and randomness with what the environment says.
///
/// # Errors
/// A sentence, when `TZ` names no zone.
#[allow(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub(crate) fn context() -> Result<Context, String> {
    let tz = std::env::var("TZ").ok();
    let time_zone = time_zone(tz.as_deref()).map_err(|tz| {
        format!(
            "TZ is `{tz}`, which is neither a time zone (Europe/Paris) nor a POSIX rule (UTC+1)"
        )
    })?;
    let xivo_uuid = std::env::var("XIVO_UUID").ok().filter(|uuid| !uuid.is_empty());
    Ok(Context::system(Environment { xivo_uuid, time_zone }))
}

/// `OAUTHLIB_INSECURE_TRANSPORT`: whether other services may be asked over plain
/// HTTP (external-auth.md section 6.4).
#[allow(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub(crate) fn allows_http() -> bool {
    std::env::var_os("OAUTHLIB_INSECURE_TRANSPORT").is_some_and(|value| !value.is_empty())
}
