//! The route `GET /my_plugin/greeting`: greets the caller, whose token must grant
//! `auth.my_plugin.greeting.read`.

#![forbid(unsafe_code)]

use wazo_auth_plugin_api::prelude::*;

/// `plugins.my_plugin.config` of the daemon's configuration.
#[derive(Deserialize)]
#[serde(crate = "wazo_auth_plugin_api::serde", deny_unknown_fields)]
struct Config {
    /// What callers are told, before their name.
    greeting: String,
}

struct Plugin {
    greeting: String,
    host: Host,
}

impl HttpRoutes for Plugin {
    type Config = Config;

    fn new(config: Config, host: Host) -> Result<Self> {
        Ok(Self {
            greeting: config.greeting,
            host,
        })
    }

    fn routes(&self) -> Vec<Route> {
        vec![Route::new(
            "GET",
            "/my_plugin/greeting",
            "auth.my_plugin.greeting.read",
        )]
    }

    fn handle(&self, request: &HttpRequest) -> Result<HttpResponse> {
        let caller = request
            .token
            .as_ref()
            .and_then(|token| token.auth_id.as_deref());
        let user = caller
            .map(|uuid| self.host.user(uuid))
            .transpose()?
            .flatten();
        let name = user.and_then(|user| user.username);
        let greeting = match name {
            Some(name) => format!("{}, {name}!", self.greeting),
            None => format!("{}!", self.greeting),
        };
        HttpResponse::json(200, &json!({"greeting": greeting}))
    }
}

export_plugins! {
    http "my_plugin" => Plugin,
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = "0b4ba4c4-7e3f-4d2b-9a2e-2f7c3c1d5e6f";

    /// What somebody is told.
    fn greet(auth_id: &str) -> Value {
        let mut user = User::new(USER, "t1");
        user.username = Some("wile".to_owned());
        let host = MockHost::new().user(user);
        let plugin = testing::http::<Plugin>(json!({"greeting": "Welcome"}), host).unwrap();
        let mut request = HttpRequest::new("GET", &plugin.routes().unwrap()[0].path);
        request.token = serde_json::from_value(json!({"auth_id": auth_id})).unwrap();
        let response = plugin.handle(&request).unwrap();
        assert_eq!(response.status, 200);
        serde_json::from_slice(&response.body).unwrap()
    }

    #[test]
    fn a_user_is_greeted_by_name() {
        assert_eq!(greet(USER), json!({"greeting": "Welcome, wile!"}));
    }

    #[test]
    fn others_are_greeted_too() {
        assert_eq!(greet("acme:wile"), json!({"greeting": "Welcome!"}));
    }

    #[test]
    fn it_keeps_its_promises_whatever_it_is_sent() {
        use testing::conformance::{self, Options};
        let options = Options::new(json!({"greeting": "Welcome"}), MockHost::new());
        conformance::http::<Plugin>(options);
    }
}
