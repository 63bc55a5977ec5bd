//! The table of routes (acl.md section 8): what is served, by whom, to whom.

use http::Method;

use crate::{
    backends, policies, refresh_tokens,
    router::{
        Handler,
        Place::{self, Login, Reactor, Worker},
        Route,
    },
    status, tokens, users,
};

const fn open(method: Method, path: &'static str, place: Place, handler: Handler) -> Route {
    Route { method, path, access: None, place, handler }
}

const fn held(
    method: Method,
    path: &'static str,
    access: &'static str,
    handler: Handler,
) -> Route {
    Route { method, path, access: Some(access), place: Worker, handler }
}

pub(crate) static ROUTES: &[Route] = &[
    open(Method::HEAD, "/0.1/status", Reactor, status::head),
    open(Method::GET, "/0.1/backends", Reactor, backends::list),
    open(Method::POST, "/0.1/token", Login, tokens::create),
    open(Method::HEAD, "/0.1/token/{token_uuid}", Reactor, tokens::check),
    open(Method::GET, "/0.1/token/{token_uuid}", Worker, tokens::get),
    open(Method::DELETE, "/0.1/token/{token_uuid}", Worker, tokens::revoke),
    open(Method::POST, "/0.1/token/{token_uuid}/scopes/check", Reactor, tokens::check_scopes),
    held(Method::GET, "/0.1/tokens", "auth.tokens.read", refresh_tokens::list),
    held(
        Method::GET,
        "/0.1/users/me/tokens",
        "auth.users.me.tokens.read",
        refresh_tokens::list_mine,
    ),
    held(
        Method::DELETE,
        "/0.1/users/me/tokens/{client_id}",
        "auth.users.me.tokens.{client_id}.delete",
        refresh_tokens::delete_mine,
    ),
    held(
        Method::GET,
        "/0.1/users/{user_uuid}/tokens",
        "auth.users.{user_uuid}.tokens.read",
        refresh_tokens::list_of_user,
    ),
    held(
        Method::DELETE,
        "/0.1/users/{user_uuid}/tokens/{client_id}",
        "auth.users.{user_uuid}.tokens.{client_id}.delete",
        refresh_tokens::delete_of_user,
    ),
    held(Method::POST, "/0.1/users", "auth.users.create", users::create),
    held(Method::POST, "/0.1/policies", "auth.policies.create", policies::create),
    held(
        Method::PUT,
        "/0.1/users/{user_uuid}/policies/{policy}",
        "auth.users.{user_uuid}.policies.{policy}.create",
        policies::attach_to_user,
    ),
    held(
        Method::DELETE,
        "/0.1/users/{user_uuid}/policies/{policy}",
        "auth.users.{user_uuid}.policies.{policy}.delete",
        policies::detach_from_user,
    ),
];
