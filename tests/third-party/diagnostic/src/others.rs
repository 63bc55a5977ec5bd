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
        vec![
            Route::new("GET", "/hello/{name}", "auth.hello.{name}.read"),
            Route::new("PUT", "/hello/{name}", "auth.hello.{name}.update"),
            Route::new("DELETE", "/hello/{name}", "auth.hello.{name}.delete"),
            Route::public("GET", "/hello"),
            // None of these is served.
            Route::new("GET", "/users/{id}", "auth.hello.read"),
            Route::new("POST", "/users", "auth.hello.read"),
            Route::new("GET", "/idp/{type}/users", "auth.hello.read"),
            Route::new("GET", "/hello/{name}/friends", "auth.hello.{friend}.read"),
            Route::new("BREW", "/coffee", "auth.hello.read"),
        ]
    }

    fn handle(&self, request: &HttpRequest) -> Result<HttpResponse> {
        match (request.method.as_str(), request.parameter("name")) {
            ("GET", "") => Ok(HttpResponse::new(200)
                .with_header("content-type", "text/plain")
                .with_header("x-greeting", "hello")
                .with_header("content-length", "77")
                .with_body("hello")),
            ("GET", "nobody") => {
                Err(ApiError::new(404, "unknown-name", "No such name: \"nobody\"")
                    .resource("hello")
                    .detail("name", "nobody")
                    .into())
            }
            ("GET", "stranger") => Err(Error::unauthorized("strangers are not greeted")),
            ("GET", "teapot") => Ok(HttpResponse::new(42)),
            ("GET", "panic") => panic!("greeted too hard"),
            ("GET", "sleeper") => loop {
                std::thread::sleep(std::time::Duration::from_secs(1));
            },
            ("PUT", _) => Ok(HttpResponse::new(201).with_body(request.body.clone())),
            ("DELETE", _) => Ok(HttpResponse::no_content().with_body("not sent")),
            (_, name) => HttpResponse::json(
                200,
                &json!({
                    "hello": name, "path": request.path, "query": request.query,
                    "headers": request.headers, "tenant": request.tenant_uuid,
                    "token": request.token, "parameters": request.parameters,
                }),
            ),
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
