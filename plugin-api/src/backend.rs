//! The capability to verify a password.

use serde::de::DeserializeOwned;

use crate::{Args, Error, Host, Map, Result};

/// Verifies passwords and says what those who log in may do.
///
/// Only [`new`](Self::new) and [`verify_password`](Self::verify_password) must
/// be written. Calls come from several threads at the same time, and may
/// block: each one runs under a deadline.
///
/// ```
/// use wazo_auth_plugin_api::prelude::*;
///
/// #[derive(Deserialize)]
/// #[serde(crate = "wazo_auth_plugin_api::serde", deny_unknown_fields)]
/// struct Config {
///     greeting: String,
/// }
///
/// struct Polite {
///     greeting: String,
/// }
///
/// impl Backend for Polite {
///     type Config = Config;
///
///     fn new(config: Config, _host: Host) -> Result<Self> {
///         Ok(Self { greeting: config.greeting })
///     }
///
///     fn verify_password(&self, login: &str, password: &str, _args: &mut Args) -> Result<bool> {
///         Ok(!login.is_empty() && password == self.greeting)
///     }
/// }
///
/// let backend = testing::backend::<Polite>(json!({"greeting": "good morning"}), MockHost::new())?;
/// assert!(backend.verify_password("wile", "good morning", &mut Args::new())?);
/// assert!(!backend.verify_password("wile", "oi", &mut Args::new())?);
/// # Ok::<(), Error>(())
/// ```
pub trait Backend: Sized + Send + Sync + 'static {
    /// Its block of the daemon's configuration (`plugins.<name>.config`);
    /// [`NoConfig`](crate::NoConfig) when there is nothing to configure.
    type Config: DeserializeOwned;

    /// Makes the backend, once, when the daemon starts. On an error the
    /// daemon starts without it and says why in its log.
    ///
    /// # Errors
    /// Whatever prevents the backend from ever working.
    fn new(config: Self::Config, host: Host) -> Result<Self>;

    /// Whether the password is right for the login. What is written to `args`
    /// is there in the later calls of this login.
    ///
    /// # Errors
    /// What prevents a decision; a wrong password is no error.
    fn verify_password(&self, login: &str, password: &str, args: &mut Args) -> Result<bool>;

    /// What the new token allows. An answer must contain
    /// [`args.acl()`](Args::acl).
    ///
    /// By default the daemon answers: `args.acl()` and, for a login that is a
    /// user's of the service, the accesses of its groups and policies.
    ///
    /// # Errors
    /// What prevents an answer: no token is created.
    fn get_acl(&self, login: &str, args: &mut Args) -> Result<Vec<String>> {
        let _ = (login, args);
        Err(Error::unsupported())
    }

    /// The metadata of the new token. An answer must have `auth_id` (of a user
    /// of the service: its UUID; of somebody whom only the backend knows: plain
    /// text without `.`, `*`, `#` and `!`) and `xivo_uuid`.
    ///
    /// By default the daemon answers: for a login that is a user's of the
    /// service, the metadata of the user's purpose; for any other, `auth_id`
    /// `<backend>:<login>` and `username`.
    ///
    /// # Errors
    /// What prevents an answer: no token is created.
    fn get_metadata(&self, login: &str, args: &mut Args) -> Result<Map> {
        let _ = (login, args);
        Err(Error::unsupported())
    }

    /// Metadata to keep with a new refresh token, merged into the metadata of
    /// every token made from it. None by default. For offline logins only.
    ///
    /// # Errors
    /// What prevents an answer: no token is created.
    fn get_persistent_metadata(&self, login: &str, args: &mut Args) -> Result<Map> {
        let _ = (login, args);
        Ok(Map::new())
    }
}
