//! The capability to add metadata to tokens.

use serde::de::DeserializeOwned;

use crate::{Args, Error, Host, Map, Result};

/// Adds metadata to the tokens of users of some purpose.
///
/// ```
/// use wazo_auth_plugin_api::prelude::*;
///
/// struct Initials {
///     host: Host,
/// }
///
/// impl Metadata for Initials {
///     type Config = NoConfig;
///
///     fn new(_config: NoConfig, host: Host) -> Result<Self> {
///         Ok(Self { host })
///     }
///
///     fn get_token_metadata(&self, login: &str, _args: &Args) -> Result<Map> {
///         let Some(user) = self.host.user_by_login(login)? else { return Ok(Map::new()) };
///         let initial = user.firstname.and_then(|name| name.chars().next());
///         Ok(Map::from_iter([("initial".to_owned(), json!(initial))]))
///     }
/// }
///
/// let mut user = User::new("0b4ba4c4-7e3f-4d2b-9a2e-2f7c3c1d5e6f", "tenant");
/// user.username = Some("wile".to_owned());
/// user.firstname = Some("Wile".to_owned());
/// let plugin = testing::metadata::<Initials>(json!({}), MockHost::new().user(user))?;
/// assert_eq!(plugin.get_token_metadata("wile", &Args::new())?["initial"], "W");
/// # Ok::<(), Error>(())
/// ```
pub trait Metadata: Sized + Send + Sync + 'static {
    /// Its block of the daemon's configuration (`plugins.<name>.config`);
    /// [`NoConfig`](crate::NoConfig) when there is nothing to configure.
    type Config: DeserializeOwned;

    /// Makes the plugin, once, when the daemon starts.
    ///
    /// # Errors
    /// Whatever prevents the plugin from ever working.
    fn new(config: Self::Config, host: Host) -> Result<Self>;

    /// What to add to the metadata of a new token; keys of a later plugin
    /// replace those of an earlier one. By default the answer of
    /// [`Host::user_metadata`]: `uuid`, `tenant_uuid`, `auth_id`,
    /// `pbx_user_uuid` null and `xivo_uuid` of the user that has the login.
    ///
    /// # Errors
    /// What prevents an answer: no token is created.
    fn get_token_metadata(&self, login: &str, args: &Args) -> Result<Map> {
        let _ = (login, args);
        Err(Error::unsupported())
    }

    /// What to keep with a new refresh token; nothing by default.
    ///
    /// # Errors
    /// What prevents an answer: no token is created.
    fn get_persistent_metadata(&self, login: &str, args: &Args) -> Result<Map> {
        let _ = (login, args);
        Ok(Map::new())
    }
}
