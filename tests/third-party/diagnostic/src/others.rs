//! One plugin of each of the other kinds.

use wazo_auth_plugin_api::prelude::*;

/// Greets.
pub struct Hello;

/// Keeps nothing.
pub struct Badge;

/// Writes mails to the log.
pub struct Outbox {
    host: Host,
}

// === impl Hello ===

impl HttpRoutes for Hello {
    type Config = NoConfig;

    fn new(_config: NoConfig, _host: Host) -> Result<Self> {
        Ok(Self)
    }

    fn routes(&self) -> Vec<Route> {
        vec![Route::new("GET", "/hello/{name}", "auth.hello.{name}.read")]
    }

    fn handle(&self, request: &HttpRequest) -> Result<HttpResponse> {
        match request.parameter("name") {
            "nobody" => Err(ApiError::new(404, "unknown-name", "No such name").into()),
            name => HttpResponse::json(200, &json!({"hello": name})),
        }
    }
}

// === impl Badge ===

impl ExternalAuth for Badge {
    type Config = NoConfig;

    fn new(_config: NoConfig, _host: Host) -> Result<Self> {
        Ok(Self)
    }

    fn plugin_info(&self) -> Map {
        Map::from_iter([("shape".to_owned(), "round".into())])
    }

    fn safe_data(&self, data: &Value) -> Result<Map> {
        Ok(Map::from_iter([("colour".to_owned(), data["colour"].clone())]))
    }

    fn routes(&self) -> Vec<Route> {
        vec![Route::new("GET", "", "read")]
    }

    fn handle(&self, request: &HttpRequest) -> Result<HttpResponse> {
        Ok(HttpResponse::new(200).with_body(request.body.clone()))
    }

    fn oauth2_callback(&self, user_uuid: &str, extra: &Value, message: &Value) -> Result<()> {
        log::info!("{user_uuid} consented: {extra} {message}");
        Ok(())
    }
}

// === impl Outbox ===

impl EmailNotification for Outbox {
    type Config = NoConfig;

    fn new(_config: NoConfig, host: Host) -> Result<Self> {
        Ok(Self { host })
    }

    fn send_confirmation(&self, context: &EmailContext) -> Result<()> {
        let mail = self.host.format_email(EmailTemplate::Confirmation, context)?;
        log::info!("to {}: {}", context.email_address, mail.subject);
        Ok(())
    }

    fn send_password_reset(&self, context: &EmailContext) -> Result<()> {
        Err(Error::other(format!("{} is not to be sent", context.token)))
    }
}
