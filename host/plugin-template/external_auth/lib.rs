//! The external authentication `my_plugin`: keeps the account that a user has at
//! another service.
//!
//! `PUT`, `GET` and `DELETE` of `/users/{user_uuid}/external/my_plugin`; the list
//! `GET /users/{user_uuid}/external` shows the account without its secret.

#![forbid(unsafe_code)]

use wazo_auth_plugin_api::prelude::*;

/// `plugins.my_plugin.config` of the daemon's configuration.
#[derive(Deserialize)]
#[serde(crate = "wazo_auth_plugin_api::serde", deny_unknown_fields)]
struct Config {
    /// What user interfaces call the service.
    label: String,
}

/// What is kept of a user.
#[derive(Serialize, Deserialize)]
#[serde(crate = "wazo_auth_plugin_api::serde", deny_unknown_fields)]
struct Account {
    name: String,
    secret: String,
}

struct Plugin {
    label: String,
    host: Host,
}

impl ExternalAuth for Plugin {
    type Config = Config;

    fn new(config: Config, host: Host) -> Result<Self> {
        Ok(Self {
            label: config.label,
            host,
        })
    }

    fn plugin_info(&self) -> Map {
        Map::from_iter([("label".to_owned(), json!(self.label))])
    }

    fn safe_data(&self, data: &Value) -> Result<Map> {
        Ok(Map::from_iter([("name".to_owned(), data["name"].clone())]))
    }

    fn routes(&self) -> Vec<Route> {
        vec![
            Route::new("PUT", "", "update"),
            Route::new("GET", "", "read"),
            Route::new("DELETE", "", "delete"),
        ]
    }

    fn handle(&self, request: &HttpRequest) -> Result<HttpResponse> {
        let (user, documents) = (request.parameter("user_uuid"), self.host.external_auth());
        match &*request.method {
            "PUT" => {
                let account: Account = request.json()?;
                documents.update_or_create(user, &json!(account))?;
                HttpResponse::json(200, &account)
            }
            "GET" => HttpResponse::json(200, &documents.get(user)?),
            _ => {
                documents.delete(user)?;
                Ok(HttpResponse::no_content())
            }
        }
    }
}

export_plugins! {
    external_auth "my_plugin" => Plugin,
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = "0b4ba4c4-7e3f-4d2b-9a2e-2f7c3c1d5e6f";

    fn plugin(host: MockHost) -> testing::TestedExternalAuth {
        testing::external_auth::<Plugin>(json!({"label": "Acme"}), host).unwrap()
    }

    fn request(method: &str) -> HttpRequest {
        HttpRequest::new(method, "").with_parameter("user_uuid", USER)
    }

    #[test]
    fn an_account_is_kept() {
        let account = json!({"name": "wile", "secret": "coyote"});
        let expected = json!({"user_uuid": USER, "data": account});
        let host = MockHost::new().on("external_auth.update_or_create", move |kept| {
            assert_eq!(*kept, expected);
            Ok(json!({}))
        });
        let response = plugin(host)
            .handle(&request("PUT").with_body(account.to_string()))
            .unwrap();
        assert_eq!(
            (response.status, response.body),
            (200, account.to_string().into_bytes())
        );
    }

    #[test]
    fn what_is_no_account_is_refused() {
        let incomplete = request("PUT").with_body(r#"{"name": "wile"}"#);
        let error = plugin(MockHost::new()).handle(&incomplete).unwrap_err();
        assert_eq!(error.api().unwrap().status, 400);
    }

    #[test]
    fn the_secret_is_not_shown_in_lists() {
        let safe = plugin(MockHost::new()).safe_data(&json!({"name": "wile", "secret": "coyote"}));
        assert_eq!(json!(safe.unwrap()), json!({"name": "wile"}));
    }

    #[test]
    fn it_keeps_its_promises_whatever_it_is_sent() {
        use testing::conformance::{self, Options};
        let options = Options::new(json!({"label": "Acme"}), MockHost::new());
        conformance::external_auth::<Plugin>(options);
    }
}
