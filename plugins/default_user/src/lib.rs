//! Stock plugin `default_user`: the metadata of every token of a user whose
//! purpose is `user`.

use wazo_auth_plugin_api::prelude::*;

struct DefaultUser {
    host: Host,
}

impl Metadata for DefaultUser {
    type Config = NoConfig;

    fn new(_config: NoConfig, host: Host) -> Result<Self> {
        Ok(Self { host })
    }

    fn get_token_metadata(&self, login: &str, _args: &Args) -> Result<Map> {
        let mut metadata = self.host.user_metadata(login)?;
        let uuid = metadata.get("uuid").cloned().unwrap_or_default();
        metadata.insert("pbx_user_uuid".to_owned(), uuid);
        metadata.insert("purpose".to_owned(), "user".into());
        Ok(metadata)
    }
}

export_plugins! { metadata "default_user" => DefaultUser }

#[cfg(test)]
mod tests {
    use wazo_auth_plugin_api::testing::conformance;

    use super::*;

    #[test]
    fn it_conforms() {
        let mut user = User::new("u1", "t1");
        user.username = Some("alice".to_owned());
        let host = MockHost::new().user(user);
        conformance::metadata::<DefaultUser>(conformance::Options::new(json!({}), host));
    }

    #[test]
    fn it_gives_exactly_the_documented_keys() {
        let mut user = User::new("u1", "t1");
        user.username = Some("alice".to_owned());
        let host = MockHost::new()
            .user(user)
            .answer("platform.get", json!({"xivo_uuid": "p1", "version": "1"}));

        let plugin = testing::metadata::<DefaultUser>(json!({}), host).unwrap();
        let expected = json!({
            "uuid": "u1",
            "tenant_uuid": "t1",
            "auth_id": "u1",
            "pbx_user_uuid": "u1",
            "xivo_uuid": "p1",
            "purpose": "user",
        });
        let metadata = plugin.get_token_metadata("alice", &Args::new()).unwrap();
        assert_eq!(Value::Object(metadata), expected);
        assert!(plugin.get_persistent_metadata("alice", &Args::new()).unwrap().is_empty());
    }
}
