//! The HTTP edge: routes, authentication of requests, JSON, errors, TLS.
//!
//! Asynchronous on the outside only. What can be answered from memory (token
//! checks above all) is answered on the reactor; everything else is a
//! synchronous handler on a bounded pool of threads.
//!
//! ```text
//!  server ─▶ dispatch ─▶ router ─▶ authorize ─▶ handler (one file per noun)
//!                 └──────── errors: every refusal becomes an answer here
//! ```

mod api;
mod api_page;
mod authorize;
mod backends;
mod bodies;
mod call;
mod config;
mod connections;
mod cors;
mod dates;
mod dispatch;
mod emails;
mod errors;
mod external_auth;
mod fields;
mod groups;
mod idp;
mod ldap_config;
mod list;
mod memory;
mod origin;
mod password_reset;
mod plugin_requests;
mod plugin_routes;
mod policies;
mod profile;
mod query;
mod refresh_tokens;
mod registration;
mod reply;
mod request_log;
mod router;
mod routes;
mod server;
mod sessions;
mod status;
mod stream;
mod tenants;
mod token_request;
mod tokens;
mod users;
mod validity;

use std::sync::Arc;

use http::HeaderValue;
use jiff::tz::TimeZone;
use wazo_auth_service::Services;
use wazo_auth_work::Pool;

pub use config::Config;
pub use cors::Cors;
pub use plugin_requests::PluginRequests;
pub use server::{BindError, Limits, Server, TlsError, TlsFiles, serve_connection};
pub use token_request::credentials;

/// How many requests may wait for the mail server at once.
pub const MAIL_REQUESTS: usize = 16;

/// How the edge was configured.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `rest_api.num_proxies`: trusted reverse proxies in front.
    pub num_proxies: usize,
    /// `rest_api.cors`.
    pub cors: Cors,
    /// `enabled_http_plugins`: the names that are on.
    pub plugins: Vec<String>,
    /// The largest body that is read, in bytes; beyond: 413.
    pub max_body: usize,
    /// What clients may take.
    pub limits: Limits,
    /// `email_confirmation_get_mimetype`: content type of the page for who has
    /// confirmed an address.
    pub confirmation_page: HeaderValue,
}

/// What every request handler can reach.
pub struct App {
    services: Arc<Services>,
    settings: Settings,
    config: Config,
    time_zone: TimeZone,
    /// Store and plugins, but no password.
    requests: Arc<Pool>,
    /// Requests that hash a password: they wait for the hashers, and must
    /// not make the others wait.
    logins: Arc<Pool>,
    /// Logins that wait for servers of tenants: those of one must not make those
    /// of another one wait.
    outside: Arc<Pool>,
    /// Tokens that memory does not know.
    lookups: Arc<Pool>,
    /// Requests that wait for the mail server. None waits for another one: each is
    /// answered within the time of one mail.
    mails: Arc<Pool>,
    /// Bodies of requests, wherever they are.
    bodies: bodies::Bodies,
    router: router::Router,
}

// === impl App ===

impl App {
    /// The application over its services.
    ///
    /// # Errors
    /// When two routes of the table contradict each other.
    pub fn new(
        services: Arc<Services>,
        settings: Settings,
        config: Config,
        requests: Arc<Pool>,
        logins: Arc<Pool>,
        outside: Arc<Pool>,
        lookups: Arc<Pool>,
    ) -> Result<Arc<Self>, router::RouteError> {
        let time_zone = services.context().environment().time_zone.clone();
        let is_on = |plugin: &str| settings.plugins.iter().any(|enabled| enabled == plugin);
        // Without the description, the page has nothing to show.
        let mut router = router::Router::new(routes::ROUTES, |plugin| {
            is_on(plugin) && (plugin != "api_page" || is_on("api"))
        })?;
        if let Ok(plugins) = services.plugins() {
            plugin_routes::add(&mut router, plugins);
        }
        let bodies = bodies::Bodies::new();
        Ok(Arc::new(Self {
            services,
            settings,
            config,
            time_zone,
            requests,
            logins,
            outside,
            lookups,
            mails: Pool::new("mail-requests", MAIL_REQUESTS, 0),
            bodies,
            router,
        }))
    }
}

pub use router::RouteError;
