//! The table of routes (acl.md section 8): what is served, by whom, to whom.

use crate::{
    api, api_page, backends, config, emails, external_auth, groups, idp, ldap_config,
    password_reset, policies, refresh_tokens, registration,
    router::{Handler, PlaceOf, Route, by_mail, in_even_time, on_login, on_reactor, on_worker},
    sessions, status, tenants, tokens, users,
};

/// A login's fields are short, and its body is looked at on the reactor.
const LOGIN_BODY: usize = 64 * 1024;

/// Lists whose items each cost a statement in the one transaction at a time.
const LIST_BODY: usize = 128 * 1024;

/// Open to everybody.
const fn open(
    plugin: &'static str,
    method: &'static str,
    path: &'static str,
    place: PlaceOf,
    handler: Handler,
) -> Route {
    Route {
        plugin,
        method,
        path,
        access: None,
        place,
        handler,
        is_check: false,
        max_body: None,
        is_link: false,
    }
}

/// Open, and asked by other services on each of their own requests.
const fn check(
    method: &'static str,
    path: &'static str,
    place: PlaceOf,
    handler: Handler,
) -> Route {
    Route { is_check: true, ..open("tokens", method, path, place, handler) }
}

/// For callers whose token holds `access`.
const fn held(
    plugin: &'static str,
    method: &'static str,
    path: &'static str,
    access: &'static str,
    handler: Handler,
) -> Route {
    Route { access: Some(access), ..open(plugin, method, path, on_worker, handler) }
}

pub(crate) static ROUTES: &[
    // The service itself.
    Route] = &[
    open("status", "HEAD", "/0.1/status", on_reactor, status::head),
    held("status", "GET", "/0.1/status", "auth.status.read", status::get),
    open("api", "GET", "/0.1/api/api.yml", on_reactor, api::describe),
    open("api_page", "GET", "/0.1/api/ui", on_reactor, api_page::page),
    open("api_page", "GET", "/0.1/api/ui/{file}", on_reactor, api_page::file),
    open("backends", "GET", "/0.1/backends", on_reactor, backends::list),
    held("config", "GET", "/0.1/config", "auth.config.read", config::get),
    held("config", "PATCH", "/0.1/config", "auth.config.update", config::patch),
    // Authentication methods.
    held("idp", "GET", "/0.1/idp", "auth.idp.read", idp::list),
    Route {
        max_body: Some(LIST_BODY),
        ..held(
            "idp",
            "PUT",
            "/0.1/idp/{idp_type}/users",
            "auth.idp.{idp_type}.users.update",
            idp::assign_several,
        )
    },
    held(
        "idp",
        "PUT",
        "/0.1/idp/{idp_type}/users/{user_uuid}",
        "auth.idp.{idp_type}.users.{user_uuid}.create",
        idp::assign,
    ),
    held(
        "idp",
        "DELETE",
        "/0.1/idp/{idp_type}/users/{user_uuid}",
        "auth.idp.{idp_type}.users.{user_uuid}.delete",
        idp::withdraw,
    ),
    // The LDAP server of a tenant.
    held("ldap_config", "GET", "/0.1/backends/ldap", "auth.backends.ldap.read", ldap_config::get),
    held("ldap_config", "PUT", "/0.1/backends/ldap", "auth.backends.ldap.update", ldap_config::put),
    held(
        "ldap_config",
        "DELETE",
        "/0.1/backends/ldap",
        "auth.backends.ldap.delete",
        ldap_config::delete,
    ),
    // Tokens.
    Route {
        max_body: Some(LOGIN_BODY),
        ..open("tokens", "POST", "/0.1/token", tokens::place_of_creation, tokens::create)
    },
    check("HEAD", "/0.1/token/{token_uuid}", tokens::place_of_check, tokens::check),
    check("GET", "/0.1/token/{token_uuid}", on_worker, tokens::get),
    open("tokens", "DELETE", "/0.1/token/{token_uuid}", on_worker, tokens::revoke),
    check(
        "POST",
        "/0.1/token/{token_uuid}/scopes/check",
        tokens::place_of_scopes_check,
        tokens::check_scopes,
    ),
    // Refresh tokens.
    held("tokens", "GET", "/0.1/tokens", "auth.tokens.read", refresh_tokens::list),
    held(
        "tokens",
        "GET",
        "/0.1/users/me/tokens",
        "auth.users.me.tokens.read",
        refresh_tokens::list_mine,
    ),
    held(
        "tokens",
        "DELETE",
        "/0.1/users/me/tokens/{client_id}",
        "auth.users.me.tokens.{client_id}.delete",
        refresh_tokens::delete_mine,
    ),
    held(
        "tokens",
        "GET",
        "/0.1/users/{user_uuid}/tokens",
        "auth.users.{user_uuid}.tokens.read",
        refresh_tokens::list_of_user,
    ),
    held(
        "tokens",
        "DELETE",
        "/0.1/users/{user_uuid}/tokens/{client_id}",
        "auth.users.{user_uuid}.tokens.{client_id}.delete",
        refresh_tokens::delete_of_user,
    ),
    // Sessions.
    held("sessions", "GET", "/0.1/sessions", "auth.sessions.read", sessions::list),
    held(
        "sessions",
        "DELETE",
        "/0.1/sessions/{session_uuid}",
        "auth.sessions.{session_uuid}.delete",
        sessions::end,
    ),
    held(
        "user_session",
        "GET",
        "/0.1/users/{user_uuid}/sessions",
        "auth.users.{user_uuid}.sessions.read",
        sessions::list_of_user,
    ),
    held(
        "user_session",
        "DELETE",
        "/0.1/users/{user_uuid}/sessions/{session_uuid}",
        "auth.users.{user_uuid}.sessions.{session_uuid}.delete",
        sessions::end_of_user,
    ),
    // Users.
    Route {
        place: users::place_of_creation,
        ..held("users", "POST", "/0.1/users", "auth.users.create", users::create)
    },
    held("users", "GET", "/0.1/users", "auth.users.read", users::list),
    held("users", "GET", "/0.1/users/{user_uuid}", "auth.users.{user_uuid}.read", users::get),
    held("users", "PUT", "/0.1/users/{user_uuid}", "auth.users.{user_uuid}.update", users::update),
    held(
        "users",
        "DELETE",
        "/0.1/users/{user_uuid}",
        "auth.users.{user_uuid}.delete",
        users::delete,
    ),
    open("user_registration", "POST", "/0.1/users/register", by_mail, registration::register),
    // Their passwords.
    Route {
        place: on_login,
        ..held(
            "users",
            "PUT",
            "/0.1/users/{user_uuid}/password",
            "auth.users.{user_uuid}.password.update",
            users::change_password,
        )
    },
    open(
        "password_reset",
        "GET",
        "/0.1/users/password/reset",
        in_even_time,
        password_reset::request,
    ),
    open("password_reset", "POST", "/0.1/users/password/reset", on_login, password_reset::reset),
    // Their addresses.
    Route {
        max_body: Some(LIST_BODY),
        ..held(
            "user_email",
            "PUT",
            "/0.1/users/{user_uuid}/emails",
            "auth.users.{user_uuid}.emails.update",
            emails::replace,
        )
    },
    Route {
        max_body: Some(LIST_BODY),
        ..held(
            "user_email",
            "PUT",
            "/0.1/admin/users/{user_uuid}/emails",
            "auth.admin.users.{user_uuid}.emails.update",
            emails::replace_by_admin,
        )
    },
    Route {
        place: by_mail,
        ..held(
            "user_email",
            "GET",
            "/0.1/users/{user_uuid}/emails/{email_uuid}/confirm",
            "auth.users.{user_uuid}.emails.{email_uuid}.confirm.read",
            emails::request_confirmation,
        )
    },
    Route {
        is_link: true,
        ..held(
            "email_confirm",
            "GET",
            "/0.1/emails/{email_uuid}/confirm",
            "auth.emails.{email_uuid}.confirm.update",
            emails::confirm_by_link,
        )
    },
    held(
        "email_confirm",
        "PUT",
        "/0.1/emails/{email_uuid}/confirm",
        "auth.emails.{email_uuid}.confirm.update",
        emails::confirm,
    ),
    // Groups and their members.
    held("groups", "GET", "/0.1/groups", "auth.groups.read", groups::list),
    held("groups", "POST", "/0.1/groups", "auth.groups.create", groups::create),
    held("groups", "GET", "/0.1/groups/{group_uuid}", "auth.groups.{group_uuid}.read", groups::get),
    held(
        "groups",
        "PUT",
        "/0.1/groups/{group_uuid}",
        "auth.groups.{group_uuid}.update",
        groups::update,
    ),
    held(
        "groups",
        "DELETE",
        "/0.1/groups/{group_uuid}",
        "auth.groups.{group_uuid}.delete",
        groups::delete,
    ),
    held(
        "user_group",
        "GET",
        "/0.1/groups/{group_uuid}/users",
        "auth.groups.{group_uuid}.users.read",
        groups::list_members,
    ),
    held(
        "user_group",
        "PUT",
        "/0.1/groups/{group_uuid}/users/{user_uuid}",
        "auth.groups.{group_uuid}.users.{user_uuid}.create",
        groups::add_member,
    ),
    held(
        "user_group",
        "DELETE",
        "/0.1/groups/{group_uuid}/users/{user_uuid}",
        "auth.groups.{group_uuid}.users.{user_uuid}.delete",
        groups::remove_member,
    ),
    held(
        "user_group",
        "GET",
        "/0.1/users/{user_uuid}/groups",
        "auth.users.{user_uuid}.groups.read",
        groups::list_of_user,
    ),
    // Policies, and those of users and groups.
    Route {
        max_body: Some(LIST_BODY),
        ..held("policies", "POST", "/0.1/policies", "auth.policies.create", policies::create)
    },
    held(
        "user_policy",
        "PUT",
        "/0.1/users/{user_uuid}/policies/{policy}",
        "auth.users.{user_uuid}.policies.{policy}.create",
        policies::attach_to_user,
    ),
    held(
        "user_policy",
        "DELETE",
        "/0.1/users/{user_uuid}/policies/{policy}",
        "auth.users.{user_uuid}.policies.{policy}.delete",
        policies::detach_from_user,
    ),
    held(
        "group_policy",
        "PUT",
        "/0.1/groups/{group_uuid}/policies/{policy}",
        "auth.groups.{group_uuid}.policies.{policy}.create",
        policies::attach_to_group,
    ),
    held(
        "group_policy",
        "DELETE",
        "/0.1/groups/{group_uuid}/policies/{policy}",
        "auth.groups.{group_uuid}.policies.{policy}.delete",
        policies::detach_from_group,
    ),
    held("policies", "GET", "/0.1/policies", "auth.policies.read", policies::list),
    held("policies", "GET", "/0.1/policies/{policy}", "auth.policies.{policy}.read", policies::get),
    Route {
        max_body: Some(LIST_BODY),
        ..held(
            "policies",
            "PUT",
            "/0.1/policies/{policy}",
            "auth.policies.{policy}.update",
            policies::update,
        )
    },
    held(
        "policies",
        "DELETE",
        "/0.1/policies/{policy}",
        "auth.policies.{policy}.delete",
        policies::delete,
    ),
    held(
        "policies",
        "PUT",
        "/0.1/policies/{policy}/acl/{access}",
        "auth.policies.{policy}.update",
        policies::add_access,
    ),
    held(
        "policies",
        "DELETE",
        "/0.1/policies/{policy}/acl/{access}",
        "auth.policies.{policy}.update",
        policies::remove_access,
    ),
    held(
        "user_policy",
        "GET",
        "/0.1/users/{user_uuid}/policies",
        "auth.users.{user_uuid}.policies.read",
        policies::list_of_user,
    ),
    held(
        "group_policy",
        "GET",
        "/0.1/groups/{group_uuid}/policies",
        "auth.groups.{group_uuid}.policies.read",
        policies::list_of_group,
    ),
    // Tenants.
    held("tenants", "GET", "/0.1/tenants", "auth.tenants.read", tenants::list),
    Route {
        max_body: Some(LIST_BODY),
        ..held("tenants", "POST", "/0.1/tenants", "auth.tenants.create", tenants::create)
    },
    held(
        "tenants",
        "GET",
        "/0.1/tenants/{tenant_uuid}",
        "auth.tenants.{tenant_uuid}.read",
        tenants::get,
    ),
    Route {
        max_body: Some(LIST_BODY),
        ..held(
            "tenants",
            "PUT",
            "/0.1/tenants/{tenant_uuid}",
            "auth.tenants.{tenant_uuid}.update",
            tenants::update,
        )
    },
    held(
        "tenants",
        "DELETE",
        "/0.1/tenants/{tenant_uuid}",
        "auth.tenants.{tenant_uuid}.delete",
        tenants::delete,
    ),
    held(
        "tenants",
        "GET",
        "/0.1/tenants/{tenant_uuid}/domains",
        "auth.tenants.{tenant_uuid}.domains.read",
        tenants::domains,
    ),
    held(
        "tenants",
        "PUT",
        "/0.1/tenants/{tenant_uuid}/parent/{parent_tenant_uuid}",
        "auth.tenants.{tenant_uuid}.parent.{parent_tenant_uuid}.update",
        tenants::change_parent,
    ),
    // Accounts at other services.
    held(
        "external",
        "GET",
        "/0.1/users/{user_uuid}/external",
        "auth.users.{user_uuid}.external.read",
        external_auth::list,
    ),
    held(
        "external",
        "GET",
        "/0.1/external/{auth_type}/config",
        "auth.{auth_type}.external.config.read",
        external_auth::get_config,
    ),
    held(
        "external",
        "POST",
        "/0.1/external/{auth_type}/config",
        "auth.{auth_type}.external.config.create",
        external_auth::create_config,
    ),
    held(
        "external",
        "PUT",
        "/0.1/external/{auth_type}/config",
        "auth.{auth_type}.external.config.update",
        external_auth::replace_config,
    ),
    held(
        "external",
        "DELETE",
        "/0.1/external/{auth_type}/config",
        "auth.{auth_type}.external.config.delete",
        external_auth::delete_config,
    ),
    held(
        "external",
        "GET",
        "/0.1/external/{auth_type}/users",
        "auth.{auth_type}.external.users.read",
        external_auth::list_users,
    ),
];
