//! Stock plugin `user_admin_status`: adds `admin` to the metadata of tokens.

use wazo_auth_plugin_api::prelude::*;

/// The policy that makes an administrator of whoever has it directly.
const ADMIN_POLICY: &str = "wazo_default_admin_policy";
/// The group whose members are administrators.
const ADMIN_GROUP: &str = "wazo_default_admin_group";

struct UserAdminStatus {
    host: Host,
}

// === impl UserAdminStatus ===

impl UserAdminStatus {
    fn is_admin(&self, user: &User) -> Result<bool> {
        let policies = self.host.user_policies(&user.uuid)?;
        if policies.iter().any(|policy| policy.slug == ADMIN_POLICY) {
            return Ok(true);
        }
        let groups = self.host.user_groups(&user.uuid)?;
        Ok(groups.iter().any(|group| group.slug == ADMIN_GROUP))
    }
}

impl Metadata for UserAdminStatus {
    type Config = NoConfig;

    fn new(_config: NoConfig, host: Host) -> Result<Self> {
        Ok(Self { host })
    }

    fn get_token_metadata(&self, login: &str, _args: &Args) -> Result<Map> {
        let user = self.host.user_by_login(login)?;
        let user = user.ok_or_else(|| Error::not_found("no enabled user has this login"))?;
        let admin = self.is_admin(&user)?;
        Ok(Map::from_iter([("admin".to_owned(), admin.into())]))
    }
}

export_plugins! { metadata "user_admin_status" => UserAdminStatus }

#[cfg(test)]
mod tests {
    use wazo_auth_plugin_api::testing::conformance;

    use super::*;

    #[test]
    fn it_conforms() {
        let options = conformance::Options::new(json!({}), MockHost::new());
        conformance::metadata::<UserAdminStatus>(options);
    }

    fn admin(policy: &str, group: &str) -> Value {
        let mut user = User::new("u1", "t1");
        user.username = Some("alice".to_owned());
        let item = |slug| json!({"uuid": "x", "name": "X", "slug": slug, "tenant_uuid": "t1"});
        let host = MockHost::new()
            .user(user)
            .answer("users.list_policies", json!({"items": [item(policy)]}))
            .answer("users.list_groups", json!({"items": [item(group)]}));
        let plugin = testing::metadata::<UserAdminStatus>(json!({}), host).unwrap();
        Value::Object(plugin.get_token_metadata("alice", &Args::new()).unwrap())
    }

    #[test]
    fn the_policy_or_the_group_makes_an_administrator() {
        assert_eq!(admin("wazo_default_admin_policy", "other"), json!({"admin": true}));
        assert_eq!(admin("other", "wazo_default_admin_group"), json!({"admin": true}));
        assert_eq!(admin("other", "wazo_default_admin_policy"), json!({"admin": false}));
    }
}
