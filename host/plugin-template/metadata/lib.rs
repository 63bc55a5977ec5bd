//! The metadata plugin `my_plugin`: tokens tell the full name of their user, and
//! the site that this daemon serves.

#![forbid(unsafe_code)]

use wazo_auth_plugin_api::prelude::*;

/// `plugins.my_plugin.config` of the daemon's configuration.
#[derive(Deserialize)]
#[serde(crate = "wazo_auth_plugin_api::serde", deny_unknown_fields)]
struct Config {
    /// `site` in the metadata of every token.
    site: String,
}

struct Plugin {
    site: String,
    host: Host,
}

impl Metadata for Plugin {
    type Config = Config;

    fn new(config: Config, host: Host) -> Result<Self> {
        Ok(Self {
            site: config.site,
            host,
        })
    }

    fn get_token_metadata(&self, login: &str, _args: &Args) -> Result<Map> {
        let mut metadata = Map::from_iter([("site".to_owned(), json!(self.site))]);
        if let Some(user) = self.host.user_by_login(login)? {
            let names: Vec<_> = [user.firstname, user.lastname]
                .into_iter()
                .flatten()
                .collect();
            metadata.insert("full_name".to_owned(), json!(names.join(" ")));
        }
        Ok(metadata)
    }
}

export_plugins! {
    metadata "my_plugin" => Plugin,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin() -> testing::TestedMetadata {
        let mut user = User::new("0b4ba4c4-7e3f-4d2b-9a2e-2f7c3c1d5e6f", "t1");
        user.username = Some("wile".to_owned());
        user.firstname = Some("Wile".to_owned());
        user.lastname = Some("Coyote".to_owned());
        testing::metadata::<Plugin>(json!({"site": "Mesa"}), MockHost::new().user(user)).unwrap()
    }

    #[test]
    fn a_token_tells_the_name_and_the_site() {
        let metadata = plugin().get_token_metadata("wile", &Args::new()).unwrap();
        assert_eq!(
            json!(metadata),
            json!({"site": "Mesa", "full_name": "Wile Coyote"})
        );
    }

    #[test]
    fn who_is_no_user_has_no_name() {
        let metadata = plugin()
            .get_token_metadata("road-runner", &Args::new())
            .unwrap();
        assert_eq!(json!(metadata), json!({"site": "Mesa"}));
    }

    #[test]
    fn it_keeps_its_promises_whatever_it_is_sent() {
        use testing::conformance::{self, Options};
        let options = Options::new(json!({"site": "Mesa"}), MockHost::new());
        conformance::metadata::<Plugin>(options);
    }
}
