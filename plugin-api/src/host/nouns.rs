//! The nouns of the API, typed (contract: plugins.md section 7). Filters are the
//! parameters of the API's lists: `("search", "x")`, `("recurse", "true")`.
//!
//! What a noun is made of is given as the JSON that the API takes.
//!
//! A policy is named by its UUID, or by its slug: slugs are those of one tenant,
//! the one above all others unless another one is given.

use std::collections::BTreeMap;

use super::{
    ApiRequest, Group, Host, Page, Policy, RefreshToken, RefreshTokenInfo, Session, Tenant, User,
};
use crate::{
    Result, Value,
    serde_json::json,
    wire::{self, service},
};

// Users.
impl Host {
    /// A page of the users of a tenant.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn list_users(&self, tenant: Option<&str>, filters: &[(&str, &str)]) -> Result<Page<User>> {
        self.list(&ApiRequest::new("GET", "/users").with(tenant, filters))
    }

    /// Creates a user in a tenant.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn create_user(&self, tenant: Option<&str>, fields: &Value) -> Result<User> {
        self.request(&ApiRequest::new("POST", "/users").with(tenant, &[]).json(fields))
    }

    /// Replaces the fields of a user.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn update_user(&self, user_uuid: &str, fields: &Value) -> Result<User> {
        self.request(&to("PUT", &["users", user_uuid]).json(fields))
    }

    /// Deletes a user.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn delete_user(&self, user_uuid: &str) -> Result<()> {
        self.perform(&to("DELETE", &["users", user_uuid]))
    }

    /// Changes the password of a user who knows the old one.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn change_user_password(&self, user_uuid: &str, old: &str, new: &str) -> Result<()> {
        let body = json!({"old_password": old, "new_password": new});
        self.perform(&to("PUT", &["users", user_uuid, "password"]).json(&body))
    }

    /// A page of the sessions of a user.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn list_user_sessions(
        &self,
        user_uuid: &str,
        filters: &[(&str, &str)],
    ) -> Result<Page<Session>> {
        self.list(&to("GET", &["users", user_uuid, "sessions"]).with(None, filters))
    }

    /// Gives a user a policy.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn add_user_policy(
        &self,
        tenant: Option<&str>,
        user_uuid: &str,
        policy: &str,
    ) -> Result<()> {
        let request = to("PUT", &["users", user_uuid, "policies", policy]);
        self.perform(&request.with(tenant, &[]))
    }

    /// Takes a policy from a user.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn remove_user_policy(
        &self,
        tenant: Option<&str>,
        user_uuid: &str,
        policy: &str,
    ) -> Result<()> {
        let request = to("DELETE", &["users", user_uuid, "policies", policy]);
        self.perform(&request.with(tenant, &[]))
    }
}

// Groups.
impl Host {
    /// A page of the groups of a tenant.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn list_groups(
        &self,
        tenant: Option<&str>,
        filters: &[(&str, &str)],
    ) -> Result<Page<Group>> {
        self.list(&ApiRequest::new("GET", "/groups").with(tenant, filters))
    }

    /// A group.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn group(&self, group_uuid: &str) -> Result<Group> {
        self.request(&to("GET", &["groups", group_uuid]))
    }

    /// Creates a group in a tenant.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn create_group(&self, tenant: Option<&str>, fields: &Value) -> Result<Group> {
        self.request(&ApiRequest::new("POST", "/groups").with(tenant, &[]).json(fields))
    }

    /// Replaces the fields of a group.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn update_group(&self, group_uuid: &str, fields: &Value) -> Result<Group> {
        self.request(&to("PUT", &["groups", group_uuid]).json(fields))
    }

    /// Deletes a group.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn delete_group(&self, group_uuid: &str) -> Result<()> {
        self.perform(&to("DELETE", &["groups", group_uuid]))
    }

    /// A page of the users in a group.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn list_group_users(
        &self,
        group_uuid: &str,
        filters: &[(&str, &str)],
    ) -> Result<Page<User>> {
        self.list(&to("GET", &["groups", group_uuid, "users"]).with(None, filters))
    }

    /// Puts a user into a group.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn add_group_user(&self, group_uuid: &str, user_uuid: &str) -> Result<()> {
        self.perform(&to("PUT", &["groups", group_uuid, "users", user_uuid]))
    }

    /// Takes a user out of a group.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn remove_group_user(&self, group_uuid: &str, user_uuid: &str) -> Result<()> {
        self.perform(&to("DELETE", &["groups", group_uuid, "users", user_uuid]))
    }

    /// A page of the policies of a group.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn list_group_policies(
        &self,
        group_uuid: &str,
        filters: &[(&str, &str)],
    ) -> Result<Page<Policy>> {
        self.list(&to("GET", &["groups", group_uuid, "policies"]).with(None, filters))
    }

    /// Gives a group a policy.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn add_group_policy(
        &self,
        tenant: Option<&str>,
        group_uuid: &str,
        policy: &str,
    ) -> Result<()> {
        let request = to("PUT", &["groups", group_uuid, "policies", policy]);
        self.perform(&request.with(tenant, &[]))
    }

    /// Takes a policy from a group.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn remove_group_policy(
        &self,
        tenant: Option<&str>,
        group_uuid: &str,
        policy: &str,
    ) -> Result<()> {
        let request = to("DELETE", &["groups", group_uuid, "policies", policy]);
        self.perform(&request.with(tenant, &[]))
    }
}

// Policies.
impl Host {
    /// A page of the policies of a tenant.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn list_policies(
        &self,
        tenant: Option<&str>,
        filters: &[(&str, &str)],
    ) -> Result<Page<Policy>> {
        self.list(&ApiRequest::new("GET", "/policies").with(tenant, filters))
    }

    /// A policy.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn policy(&self, tenant: Option<&str>, policy: &str) -> Result<Policy> {
        self.request(&to("GET", &["policies", policy]).with(tenant, &[]))
    }

    /// Creates a policy in a tenant.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn create_policy(&self, tenant: Option<&str>, fields: &Value) -> Result<Policy> {
        self.request(&ApiRequest::new("POST", "/policies").with(tenant, &[]).json(fields))
    }

    /// Replaces the fields of a policy.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn update_policy(
        &self,
        tenant: Option<&str>,
        policy: &str,
        fields: &Value,
    ) -> Result<Policy> {
        self.request(&to("PUT", &["policies", policy]).with(tenant, &[]).json(fields))
    }

    /// Deletes a policy.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn delete_policy(&self, tenant: Option<&str>, policy: &str) -> Result<()> {
        self.perform(&to("DELETE", &["policies", policy]).with(tenant, &[]))
    }

    /// Adds an access to a policy. A slash in it would be stored as `%2F`: give
    /// such an access by [`update_policy`](Self::update_policy).
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn add_policy_access(
        &self,
        tenant: Option<&str>,
        policy: &str,
        access: &str,
    ) -> Result<()> {
        let request = to("PUT", &["policies", policy, "acl", access]);
        self.perform(&request.with(tenant, &[]))
    }

    /// Takes an access from a policy.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn remove_policy_access(
        &self,
        tenant: Option<&str>,
        policy: &str,
        access: &str,
    ) -> Result<()> {
        let request = to("DELETE", &["policies", policy, "acl", access]);
        self.perform(&request.with(tenant, &[]))
    }
}

// Tenants.
impl Host {
    /// A page of a tenant and the tenants below it.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn list_tenants(
        &self,
        tenant: Option<&str>,
        filters: &[(&str, &str)],
    ) -> Result<Page<Tenant>> {
        self.list(&ApiRequest::new("GET", "/tenants").with(tenant, filters))
    }

    /// A tenant.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn tenant(&self, tenant_uuid: &str) -> Result<Tenant> {
        self.request(&to("GET", &["tenants", tenant_uuid]))
    }

    /// Creates a tenant below another one.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn create_tenant(&self, parent: Option<&str>, fields: &Value) -> Result<Tenant> {
        self.request(&ApiRequest::new("POST", "/tenants").with(parent, &[]).json(fields))
    }

    /// Replaces the fields of a tenant.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn update_tenant(&self, tenant_uuid: &str, fields: &Value) -> Result<Tenant> {
        self.request(&to("PUT", &["tenants", tenant_uuid]).json(fields))
    }

    /// Deletes a tenant.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn delete_tenant(&self, tenant_uuid: &str) -> Result<()> {
        self.perform(&to("DELETE", &["tenants", tenant_uuid]))
    }
}

// Tokens, refresh tokens, sessions.
impl Host {
    /// What a valid token is: `data` of the API's answer.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn token(&self, token: &str, access: Option<&str>) -> Result<Value> {
        let scope = access.map(|access| ("scope", access));
        let request = to("GET", &["token", token]).with(None, scope.as_slice());
        let mut answer: Value = self.request(&request)?;
        Ok(answer["data"].take())
    }

    /// Which of these accesses a token grants.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn check_scopes(&self, token: &str, scopes: &[&str]) -> Result<BTreeMap<String, bool>> {
        let request = to("POST", &["token", token, "scopes", "check"]);
        let mut answer: Value = self.request(&request.json(&json!({"scopes": scopes})))?;
        Ok(crate::serde_json::from_value(answer["scopes"].take())?)
    }

    /// A page of the refresh tokens of a tenant.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn list_refresh_tokens(
        &self,
        tenant: Option<&str>,
        filters: &[(&str, &str)],
    ) -> Result<Page<RefreshToken>> {
        self.list(&ApiRequest::new("GET", "/tokens").with(tenant, filters))
    }

    /// Deletes the refresh token of a user for an application.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn delete_refresh_token(&self, user_uuid: &str, client_id: &str) -> Result<()> {
        self.perform(&to("DELETE", &["users", user_uuid, "tokens", client_id]))
    }

    /// What a refresh token stands for.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) when there is none for
    /// this application; a failure of the daemon.
    pub fn refresh_token(&self, refresh_token: &str, client_id: &str) -> Result<RefreshTokenInfo> {
        let request = wire::RefreshTokenOf {
            refresh_token: refresh_token.into(),
            client_id: client_id.into(),
        };
        self.call(service::TOKENS_GET_REFRESH_TOKEN, &request)
    }

    /// A page of the sessions of a tenant.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn list_sessions(
        &self,
        tenant: Option<&str>,
        filters: &[(&str, &str)],
    ) -> Result<Page<Session>> {
        self.list(&ApiRequest::new("GET", "/sessions").with(tenant, filters))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn delete_session(&self, session_uuid: &str) -> Result<()> {
        self.perform(&to("DELETE", &["sessions", session_uuid]))
    }

    /// The names of the metadata plugins of a purpose, in the order in which they
    /// are asked.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) when there is no such
    /// purpose; a failure of the daemon.
    pub fn purpose(&self, purpose: &str) -> Result<Vec<String>> {
        let request = wire::ByName { name: purpose.into() };
        let reply: wire::Items<String> = self.call(service::PURPOSES_GET, &request)?;
        Ok(reply.items)
    }
}

/// A request to a path of these parts.
fn to(method: &str, parts: &[&str]) -> ApiRequest {
    let parts = parts.iter().map(|part| format!("/{}", ApiRequest::encoded(part)));
    ApiRequest::new(method, parts.collect::<String>())
}
