//! The identity provider `my_plugin`: who sends the code of a badge is its owner.
//!
//! The code is in the field `my_plugin` of a login request's body. Its owner is a
//! user whose `authentication_method` is `my_plugin`.

#![forbid(unsafe_code)]

use std::collections::HashMap;

use wazo_auth_plugin_api::prelude::*;

/// The field of a login request that makes it one for this provider.
const FIELD: &str = "my_plugin";

/// `plugins.my_plugin.config` of the daemon's configuration.
#[derive(Deserialize)]
#[serde(crate = "wazo_auth_plugin_api::serde", deny_unknown_fields)]
struct Config {
    /// Code of the badge → login of its owner.
    badges: HashMap<String, String>,
}

struct Plugin {
    badges: HashMap<String, String>,
}

impl IdentityProvider for Plugin {
    type Config = Config;

    fn new(config: Config, _host: Host) -> Result<Self> {
        log::info!("{} badges", config.badges.len());
        Ok(Self {
            badges: config.badges,
        })
    }

    fn authentication_method(&self) -> &str {
        "my_plugin"
    }

    fn can_authenticate(&self, _args: &Args, request: &LoginRequest) -> Result<bool> {
        Ok(request.field(FIELD).is_some())
    }

    fn verify_auth(&self, _args: &mut Args, request: &LoginRequest) -> Result<Identity> {
        let owner = request
            .field(FIELD)
            .and_then(Value::as_str)
            .and_then(|code| self.badges.get(code));
        let owner = owner.ok_or_else(|| Error::unauthorized("nobody has this badge"))?;
        Ok(Identity::new("wazo_user", owner))
    }

    fn get_backend(&self, _args: &Args) -> Result<String> {
        Ok("wazo_user".to_owned())
    }
}

export_plugins! {
    identity_provider "my_plugin" => Plugin,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin() -> testing::TestedIdentityProvider {
        let config = json!({"badges": {"A-0451": "wile"}});
        testing::identity_provider::<Plugin>(config, MockHost::new()).unwrap()
    }

    #[test]
    fn a_badge_stands_for_its_owner() {
        let request = LoginRequest::of_json(&json!({FIELD: "A-0451"}));
        assert_eq!(plugin().can_authenticate(&Args::new(), &request), Ok(true));
        let identity = plugin().verify_auth(&mut Args::new(), &request);
        assert_eq!(identity, Ok(Identity::new("wazo_user", "wile")));
    }

    #[test]
    fn a_badge_that_nobody_has_is_refused() {
        for code in [json!("B-0451"), json!(""), json!(451), json!(null)] {
            let request = LoginRequest::of_json(&json!({FIELD: code}));
            let error = plugin()
                .verify_auth(&mut Args::new(), &request)
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unauthorized);
        }
    }

    #[test]
    fn requests_without_a_badge_are_for_others() {
        let request = LoginRequest::of_json(&json!({"expiration": 60}));
        assert_eq!(plugin().can_authenticate(&Args::new(), &request), Ok(false));
    }

    #[test]
    fn it_keeps_its_promises_whatever_it_is_sent() {
        use testing::conformance::{self, Options};
        let config = json!({"badges": {"A-0451": "wile"}});
        conformance::identity_provider::<Plugin>(Options::new(config, MockHost::new()));
    }
}
