//! The backend `acme`: users and passwords from the configuration.

#![forbid(unsafe_code)]

use std::collections::HashMap;

use wazo_auth_plugin_api::prelude::*;

/// Its block of the daemon's configuration; all of it may be left out.
#[derive(Deserialize)]
#[serde(crate = "wazo_auth_plugin_api::serde", deny_unknown_fields, default)]
struct Config {
    /// Login → password.
    users: HashMap<String, String>,
}

impl Default for Config {
    fn default() -> Self {
        let wile = ("wile".to_owned(), "coyote-1949".to_owned());
        Self { users: HashMap::from([wile]) }
    }
}

struct AcmeBackend {
    users: HashMap<String, String>,
    host: Host,
}

impl Backend for AcmeBackend {
    type Config = Config;

    fn new(config: Config, host: Host) -> Result<Self> {
        log::info!("{} users", config.users.len());
        Ok(Self { users: config.users, host })
    }

    fn verify_password(&self, login: &str, password: &str, _args: &mut Args) -> Result<bool> {
        Ok(self.users.get(login).is_some_and(|known| known == password))
    }

    fn get_acl(&self, login: &str, args: &mut Args) -> Result<Vec<String>> {
        let mut acl = args.acl();
        if let Some(user) = self.host.user_by_login(login)? {
            acl.extend(self.host.user_acl(&user.uuid)?);
        }
        Ok(acl)
    }

    /// The metadata of the service's user who has the login; who is known to
    /// Acme alone gets an identity of Acme's.
    fn get_metadata(&self, login: &str, args: &mut Args) -> Result<Map> {
        if let Some(user) = self.host.user_by_login(login)? {
            return self.host.token_metadata(&user.purpose, login, args);
        }
        let mut metadata = self.host.base_metadata(login)?;
        metadata.insert("auth_id".to_owned(), format!("acme:{login}").into());
        Ok(metadata)
    }
}

export_plugins! {
    backend "acme" => AcmeBackend,
}

#[cfg(test)]
mod tests {
    use wazo_auth_plugin_api::testing::conformance::{self, Options};

    use super::*;

    #[test]
    fn it_conforms() {
        let options = Options::new(json!({}), MockHost::new());
        conformance::backend::<AcmeBackend>(options.login("wile", "coyote-1949"));
    }

    fn acme(config: Value) -> Result<testing::TestedBackend> {
        let mut user = User::new("u1", "t1");
        user.username = Some("wile".to_owned());
        let host = MockHost::new()
            .user(user)
            .answer("users.get_acl", json!({"acl": ["calld.#"]}))
            .on("metadata.get_token_metadata", |request| {
                Ok(json!({"metadata": {"uuid": "u1", "purpose": request["purpose"]}}))
            });
        testing::backend::<AcmeBackend>(config, host)
    }

    #[test]
    fn its_name_alone_is_enough() {
        let acme = acme(json!({})).unwrap();
        assert!(acme.verify_password("wile", "coyote-1949", &mut Args::new()).unwrap());
        assert!(!acme.verify_password("wile", "", &mut Args::new()).unwrap());
        assert!(!acme.verify_password("road-runner", "beep", &mut Args::new()).unwrap());
    }

    #[test]
    fn configured_users_replace_the_built_in_one() {
        let acme = acme(json!({"users": {"road-runner": "beep"}})).unwrap();
        assert!(acme.verify_password("road-runner", "beep", &mut Args::new()).unwrap());
        assert!(!acme.verify_password("wile", "coyote-1949", &mut Args::new()).unwrap());
    }

    #[test]
    fn a_misspelt_key_is_explained() {
        let error = acme(json!({"userz": {}})).err().unwrap();
        assert_eq!(error.text(), "config: unknown field `userz`, expected `users`");
    }

    #[test]
    fn a_user_of_the_service_keeps_its_identity_and_rights() {
        let acme = acme(json!({})).unwrap();
        let mut args = Args::from_value(json!({"acl": ["auth.users.me.read"]}));
        assert_eq!(acme.get_acl("wile", &mut args).unwrap(), ["auth.users.me.read", "calld.#"]);
        let metadata = acme.get_metadata("wile", &mut args).unwrap();
        assert_eq!(Value::Object(metadata), json!({"uuid": "u1", "purpose": "user"}));
    }

    #[test]
    fn a_stranger_gets_an_identity_of_acmes() {
        let acme = acme(json!({"users": {"sam": "x"}})).unwrap();
        let metadata = acme.get_metadata("sam", &mut Args::new()).unwrap();
        assert_eq!(metadata["auth_id"], "acme:sam");
        assert_eq!(metadata["xivo_uuid"], "mock-platform");
        assert!(!metadata.contains_key("uuid"));
    }
}
