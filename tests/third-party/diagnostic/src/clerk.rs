//! Does everything that a plugin may ask of the daemon's API, in one request.

use wazo_auth_plugin_api::{ApiRequest, host::User, prelude::*};

pub struct Clerk {
    host: Host,
}

impl HttpRoutes for Clerk {
    type Config = NoConfig;

    fn new(_config: NoConfig, host: Host) -> Result<Self> {
        Ok(Self { host })
    }

    fn routes(&self) -> Vec<Route> {
        vec![
            Route::new("POST", "/clerk", "auth.clerk.create"),
            Route::new("POST", "/clerk/users", "auth.clerk.create"),
            Route::new("POST", "/clerk/again", "auth.clerk.create"),
            Route::new("GET", "/clerk/tokens/{refresh_token}", "auth.clerk.read"),
        ]
    }

    fn handle(&self, request: &HttpRequest) -> Result<HttpResponse> {
        match request.route.as_str() {
            "/clerk" => HttpResponse::json(200, &self.everything(request)?),
            // The error of the API, if it has one, is the answer.
            "/clerk/users" => HttpResponse::json(200, &self.create(request)?),
            "/clerk/tokens/{refresh_token}" => {
                let client = request.query("client_id").unwrap_or_default();
                let known = self.host.refresh_token(request.parameter("refresh_token"), client)?;
                let granted = self.host.check_scopes(
                    request.query("token").unwrap_or_default(),
                    &["calld.calls.read", "calld.calls.delete"],
                )?;
                let listed = self.host.list_refresh_tokens(None, &[("recurse", "true")])?;
                HttpResponse::json(
                    200,
                    &json!({"known": known, "granted": granted, "listed": listed.items}),
                )
            }
            _ => {
                self.host.perform(&ApiRequest::new("POST", "/clerk/again"))?;
                Ok(HttpResponse::no_content())
            }
        }
    }
}

impl Clerk {
    fn create(&self, request: &HttpRequest) -> Result<User> {
        self.host.create_user(request.tenant_uuid.as_deref(), &request.json()?)
    }

    fn everything(&self, request: &HttpRequest) -> Result<Value> {
        let host = &self.host;
        let tenant = host.create_tenant(None, &json!({"name": "Acme", "slug": "acme"}))?;
        let of = Some(tenant.uuid.as_str());
        let user = host.create_user(of, &json!({"username": "wile", "password": "old"}))?;
        let group = host.create_group(of, &json!({"name": "Coyotes"}))?;
        let policy = host
            .create_policy(of, &json!({"name": "Hunt", "slug": "hunt", "acl": ["road.runner"]}))?;
        host.add_group_user(&group.uuid, &user.uuid)?;
        host.add_group_policy(of, &group.uuid, &policy.slug)?;
        host.add_user_policy(of, &user.uuid, &policy.slug)?;
        host.add_policy_access(of, &policy.slug, "anvil.drop")?;
        let rules = json!({"name": "Hunt", "acl": ["road.runner", "anvil.drop"]});
        host.update_policy(of, &policy.slug, &rules)?;
        host.change_user_password(&user.uuid, "old", "coyote-1949")?;
        let users = host.list_users(of, &[("search", "wil")])?;
        let seen = json!({
            "tenant": host.tenant(&tenant.uuid)?.slug,
            "tenants": host.list_tenants(None, &[])?.total,
            "users": users.items.iter().map(|user| user.username.clone()).collect::<Vec<_>>(),
            "members": host.list_group_users(&group.uuid, &[("search", "wil")])?.total,
            "policies": host.list_group_policies(&group.uuid, &[("limit", "1")])?.items[0].slug,
            "acl": host.policy(of, "hunt")?.acl,
            "user_acl": host.user_acl(&user.uuid)?,
            "sessions": host.list_user_sessions(&user.uuid, &[])?.total,
            "purpose": host.purpose("user")?,
            "me": request.token.as_ref().and_then(|token| token.auth_id.clone()),
        });
        host.remove_group_user(&group.uuid, &user.uuid)?;
        host.remove_user_policy(of, &user.uuid, &policy.slug)?;
        host.remove_group_policy(of, &group.uuid, &policy.slug)?;
        host.remove_policy_access(of, &policy.slug, "anvil.drop")?;
        host.delete_policy(of, &policy.slug)?;
        host.delete_group(&group.uuid)?;
        Ok(seen)
    }
}
