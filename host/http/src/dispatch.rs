//! One request from its head to its answer.

use std::{net::IpAddr, sync::Arc, time::Duration};

use http::{Method, Request, Response, StatusCode, header::ALLOW, request::Parts};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use log::Level;
use tokio::sync::oneshot;
use wazo_auth_work::{Lost, Pool};

use crate::{
    App, authorize,
    call::{Call, Params, remote_addr},
    errors::Error,
    reply::{Body, HTML, Reply},
    request_log::Logged,
    router::{Found, Place, Route},
    tokens,
};

/// A body that trickles in slower than this is not waited for.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// The fields of a login are short; its body is read on the reactor to see
/// whether a password is to be hashed.
const MAX_LOGIN_BODY: usize = 64 * 1024;

/// Answers a request.
pub(crate) async fn answer(
    app: Arc<App>,
    request: Request<Incoming>,
    peer: IpAddr,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let head = parts.method == Method::HEAD;
    let cors = app.settings.cors.judge(&parts.method, &parts.headers);
    let reply = match app.router.find(&parts.method, parts.uri.path()) {
        Found::Route(route, params) => routed(&app, route, params, parts, body, peer).await,
        Found::Nothing => unhandled(&app, &parts, peer, Ok(Reply::unknown_route())),
        Found::Options(methods) => unhandled(&app, &parts, peer, Ok(options(&methods))),
        Found::WrongMethod(methods) => {
            unhandled(&app, &parts, peer, Err(Error::wrong_method(list(&methods))))
        }
    };
    let mut response = reply.into_response(head);
    cors.decorate(response.headers_mut());
    response
}

async fn routed(
    app: &Arc<App>,
    route: &'static Route,
    params: Params,
    parts: Parts,
    body: Incoming,
    peer: IpAddr,
) -> Reply {
    let max = match route.place {
        Place::Login => MAX_LOGIN_BODY.min(app.settings.max_body),
        Place::Reactor | Place::Worker => app.settings.max_body,
    };
    match read(body, max).await {
        Ok(body) => {
            handled(app, Call { route, parts, params, body, peer, caller: None }).await
        }
        Err(error) => unhandled(app, &parts, peer, Err(error)),
    }
}

/// Writes down a request that no handler sees, and its answer.
fn unhandled(app: &App, parts: &Parts, peer: IpAddr, result: Result<Reply, Error>) -> Reply {
    let reply = result.unwrap_or_else(|error| error.into_reply(app.services.context().now()));
    if let Some(logged) = received(app, Level::Info, parts, &[]) {
        logged.answer(&remote_addr(&parts.headers, peer, app.settings.num_proxies), reply.status);
    }
    reply
}

fn received(app: &App, level: Level, parts: &Parts, body: &[u8]) -> Option<Logged> {
    let random = || app.services.context().random();
    Logged::receive(level, random, &parts.method, &parts.uri, &parts.headers, body)
}

async fn handled(app: &Arc<App>, call: Call) -> Reply {
    let check = call.route.place == Place::Reactor || tokens::is_check(call.route);
    let level = if check { Level::Debug } else { Level::Info };
    let logged = received(app, level, &call.parts, &call.body);
    let to = logged.as_ref().map(|_| call.remote_addr(app));
    let result = match call.route.place {
        Place::Reactor => run(app, call),
        Place::Worker => on_pool(app, &app.requests, call).await,
        Place::Login if tokens::verifies_password(&call) => on_pool(app, &app.logins, call).await,
        Place::Login => on_pool(app, &app.requests, call).await,
    };
    let reply = result.unwrap_or_else(|error| error.into_reply(app.services.context().now()));
    if let (Some(logged), Some(to)) = (logged, to) {
        logged.answer(&to, reply.status);
    }
    reply
}

/// Authenticates and handles, here and now.
fn run(app: &App, mut call: Call) -> Result<Reply, Error> {
    call.caller = authorize::caller(app, &call)?;
    (call.route.handler)(app, &call)
}

async fn on_pool(app: &Arc<App>, pool: &Pool, mut call: Call) -> Result<Reply, Error> {
    // From memory: a request without a good token costs no thread.
    call.caller = authorize::caller(app, &call)?;
    let (tell, told) = oneshot::channel();
    let there = Arc::clone(app);
    let job = move || (call.route.handler)(&there, &call);
    let queued = pool.submit(job, move |result| {
        // Nobody listens when the client has gone.
        let _ = tell.send(result);
    });
    if queued.is_err() {
        return Err(Error::unavailable("Too many requests are waiting; try again shortly.", 1));
    }
    match told.await {
        Ok(Ok(result)) => result,
        Ok(Err(Lost::TimedOut)) => {
            log::error!(target: "wazo_auth.http", "a request was given up: a plugin did not return in time");
            Err(Error::unavailable("A plugin did not answer in time.", 1))
        }
        Ok(Err(Lost::Panicked)) | Err(_) => {
            log::error!(target: "wazo_auth.http", "a request ended in a panic, see the lines before");
            Err(Error::internal())
        }
    }
}

async fn read(body: Incoming, max: usize) -> Result<Bytes, Error> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    if body.size_hint().lower() > max as u64 {
        return Err(Error::body_too_large(max));
    }
    match tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, max).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Error::body_too_large(max)),
        Ok(Err(_)) => Err(Error::unreadable_body()),
        Err(_) => Err(Error::body_too_slow()),
    }
}

fn options(methods: &[Method]) -> Reply {
    let mut reply = Reply { content_type: HTML, ..Reply::empty(StatusCode::OK) };
    if let Ok(allow) = list(methods).parse() {
        reply = reply.header(ALLOW, allow);
    }
    reply
}

fn list(methods: &[Method]) -> String {
    methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ")
}
