//! The capability to keep credentials of other services.

use serde::de::DeserializeOwned;

use crate::{Error, Host, HttpRequest, HttpResponse, Map, Result, Route, Value};

/// Keeps what users have at another service: a document per user, and the
/// routes by which it is changed, below `/users/{user_uuid}/external/<name>`.
///
/// The name of the plugin is the type of the documents.
///
/// ```
/// use wazo_auth_plugin_api::prelude::*;
///
/// struct Badge;
///
/// impl ExternalAuth for Badge {
///     type Config = NoConfig;
///
///     fn new(_config: NoConfig, _host: Host) -> Result<Self> {
///         Ok(Self)
///     }
///
///     fn routes(&self) -> Vec<Route> {
///         // GET /users/{user_uuid}/external/badge, which needs
///         // auth.users.{user_uuid}.external.badge.read
///         vec![Route::new("GET", "", "read")]
///     }
///
///     fn handle(&self, request: &HttpRequest) -> Result<HttpResponse> {
///         HttpResponse::json(200, &json!({"user": request.parameter("user_uuid")}))
///     }
///
///     fn safe_data(&self, data: &Value) -> Result<Map> {
///         Ok(Map::from_iter([("colour".to_owned(), data["colour"].clone())]))
///     }
/// }
///
/// let plugin = testing::external_auth::<Badge>(json!({}), MockHost::new())?;
/// let safe = plugin.safe_data(&json!({"colour": "blue", "pin": "1949"}))?;
/// assert_eq!(json!(safe), json!({"colour": "blue"}));
/// # Ok::<(), Error>(())
/// ```
pub trait ExternalAuth: Sized + Send + Sync + 'static {
    /// Its block of the daemon's configuration (`plugins.<name>.config`);
    /// [`NoConfig`](crate::NoConfig) when there is nothing to configure.
    type Config: DeserializeOwned;

    /// Makes the plugin, once, when the daemon starts. On an error the daemon
    /// starts without its routes.
    ///
    /// # Errors
    /// Whatever prevents the plugin from ever working.
    fn new(config: Self::Config, host: Host) -> Result<Self>;

    /// What user interfaces are told of the type: `plugin_info` in
    /// `GET /users/{user_uuid}/external`. Asked once; nothing by default.
    fn plugin_info(&self) -> Map {
        Map::new()
    }

    /// What of a user's document is no secret: `data` in
    /// `GET /users/{user_uuid}/external`. Nothing by default.
    ///
    /// # Errors
    /// They are logged, and mean nothing.
    fn safe_data(&self, data: &Value) -> Result<Map> {
        let _ = data;
        Ok(Map::new())
    }

    /// The routes; asked once. Path and access are what comes after
    /// `/users/{user_uuid}/external/<name>` and
    /// `auth.users.{user_uuid}.external.<name>.`; `user_uuid` is among the
    /// parameters of their requests.
    fn routes(&self) -> Vec<Route>;

    /// Answers a request to one of the routes; see
    /// [`HttpRoutes::handle`](crate::HttpRoutes::handle).
    ///
    /// # Errors
    /// As there.
    fn handle(&self, request: &HttpRequest) -> Result<HttpResponse>;

    /// The user consented, and this came for the `state` that the plugin had
    /// registered, with what it had left there for itself. It runs in the
    /// background.
    ///
    /// # Errors
    /// They are logged: the consent is lost.
    fn oauth2_callback(&self, user_uuid: &str, extra: &Value, message: &Value) -> Result<()> {
        let _ = (user_uuid, extra, message);
        Err(Error::unsupported())
    }
}
