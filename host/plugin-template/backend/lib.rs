//! The backend `my_plugin`: users and passwords from its configuration.
//!
//! Whose `authentication_method` is `my_plugin` logs in by it.

#![forbid(unsafe_code)]

use std::collections::HashMap;

use wazo_auth_plugin_api::prelude::*;

/// `plugins.my_plugin.config` of the daemon's configuration.
#[derive(Deserialize)]
#[serde(crate = "wazo_auth_plugin_api::serde", deny_unknown_fields)]
struct Config {
    /// Login → password.
    users: HashMap<String, String>,
}

struct Plugin {
    users: HashMap<String, String>,
}

impl Backend for Plugin {
    type Config = Config;

    fn new(config: Config, _host: Host) -> Result<Self> {
        if let Some((login, _)) = config
            .users
            .iter()
            .find(|(_, password)| password.is_empty())
        {
            return Err(Error::config(format!(
                "users.{login}: a password must not be empty"
            )));
        }
        log::info!("{} users", config.users.len());
        Ok(Self {
            users: config.users,
        })
    }

    fn verify_password(&self, login: &str, password: &str, _args: &mut Args) -> Result<bool> {
        Ok(self.users.get(login).is_some_and(|known| known == password))
    }
}

export_plugins! {
    backend "my_plugin" => Plugin,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin(config: Value) -> Result<testing::TestedBackend> {
        testing::backend::<Plugin>(config, MockHost::new())
    }

    #[test]
    fn only_the_right_password_is_accepted() {
        let plugin = plugin(json!({"users": {"wile": "coyote"}})).unwrap();
        let verify = |login, password| plugin.verify_password(login, password, &mut Args::new());
        assert_eq!(verify("wile", "coyote"), Ok(true));
        assert_eq!(verify("wile", "Coyote"), Ok(false));
        assert_eq!(verify("wile", ""), Ok(false));
        assert_eq!(verify("road-runner", "coyote"), Ok(false));
    }

    #[test]
    fn a_wrong_configuration_is_explained() {
        let explain = |config| plugin(config).err().unwrap().text().to_owned();
        assert_eq!(
            explain(json!({"userz": {}})),
            "config: unknown field `userz`, expected `users`"
        );
        let empty = json!({"users": {"wile": ""}});
        assert_eq!(
            explain(empty),
            "config: users.wile: a password must not be empty"
        );
    }

    #[test]
    fn it_keeps_its_promises_whatever_it_is_sent() {
        use testing::conformance::{self, Options};
        let config = json!({"users": {"wile": "coyote"}});
        let options = Options::new(config, MockHost::new());
        conformance::backend::<Plugin>(options.login("wile", "coyote"));
    }
}
