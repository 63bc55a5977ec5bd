//! One request from its head to its answer.

use std::{
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use http::{
    HeaderName, Method, Request, Response, StatusCode,
    header::{ALLOW, EXPECT},
    request::Parts,
};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use log::Level;
use tokio::sync::oneshot;
use uuid::Uuid;
use wazo_auth_store::{LookedUp, TokenIndex};
use wazo_auth_work::{Full, Lost, Pool};

use crate::{
    App, authorize,
    bodies::{Unread, Whole},
    call::{Call, Param, remote_addr},
    connections::Seat,
    errors::Error,
    profile::Profile,
    reply::{Body, HTML, Reply},
    request_log::Logged,
    router::{Found, Place},
    tokens,
};

/// What a reverse proxy says of the prefix that it has stripped.
static SCRIPT_NAME: HeaderName = HeaderName::from_static("x-script-name");

/// The longest address, in bytes; nginx passes on no longer ones.
const MAX_ADDRESS: usize = 8 * 1024;
/// How much, and how long, is thrown away of a body that is too large. A client
/// whose connection is closed while it still sends never sees the answer.
const MAX_DISCARDED: usize = 32 * 1024 * 1024;
const DISCARD_TIMEOUT: Duration = Duration::from_secs(5);
/// When the success is answered of what must not show by its time what it was.
const EVEN_TIME: Duration = Duration::from_millis(300);

/// Longest time that a login waits for others of its tenant: nobody waits longer in
/// front of a screen.
const OUTSIDE_PATIENCE: Duration = Duration::from_secs(10);

/// The answer to a request.
pub(crate) enum Answer {
    /// From memory.
    Now(Response<Body>),
    /// Once the body is there and a worker has done its part.
    Later(Pin<Box<dyn Future<Output = Response<Body>> + Send>>),
}

/// Answers a request.
///
/// Not an asynchronous function: a token check has its answer when this
/// returns, without a state of all that other requests may have to wait for.
pub(crate) fn answer(
    app: &Arc<App>,
    request: Request<Incoming>,
    peer: IpAddr,
    seat: &Arc<Seat>,
) -> Answer {
    app.services.activity().mark();
    let (parts, body) = request.into_parts();
    let head = parts.method == Method::HEAD;
    let is_proxied = || parts.headers.contains_key(&SCRIPT_NAME);
    let found = app.router.find(&parts.method, parts.uri.path(), is_proxied);
    expect_check(app, &found);
    let cors = app.settings.cors.judge(&parts.method, &parts.headers);
    let respond = move |reply: Reply| {
        let mut response = reply.into_response(head);
        cors.decorate(response.headers_mut());
        response
    };
    let address = parts.uri.path_and_query().map_or(0, |address| address.as_str().len());
    let reply = match found {
        _ if address > MAX_ADDRESS => {
            unhandled(app, &parts, peer, Err(Error::address_too_long(MAX_ADDRESS)))
        }
        Found::Route(route, params) => {
            let (body_read, caller, looked_up) = (Bytes::new(), None, None);
            let is_remembered = false;
            let mut call = Call {
                route,
                parts,
                params,
                body: body_read,
                peer,
                caller,
                looked_up,
                is_remembered,
            };
            if !body.is_end_stream() {
                let (app, seat) = (Arc::clone(app), Arc::clone(seat));
                let reply = async move { respond(with_body(&app, call, body, &seat).await) };
                return Answer::Later(Box::pin(reply));
            }
            let admitted = admit(app, &mut call);
            if admitted.is_ok()
                && place_of(app, &call) == Place::Reactor
                && let Some(reply) = handled_here(app, &call)
            {
                reply
            } else {
                let app = Arc::clone(app);
                let reply = async move {
                    respond(match admitted_later(&app, &mut call, admitted).await {
                        Ok(()) => handled(&app, call).await,
                        Err(error) => refused(&app, call, error).await,
                    })
                };
                return Answer::Later(Box::pin(reply));
            }
        }
        Found::Nothing => unhandled(app, &parts, peer, Ok(Reply::unknown_route())),
        Found::Options(methods) => unhandled(app, &parts, peer, Ok(options(&methods))),
        Found::WrongMethod(methods) => {
            unhandled(app, &parts, peer, Err(Error::wrong_method(methods.join(", "))))
        }
    };
    Answer::Now(respond(reply))
}

/// Has the memory of a token brought that is going to be checked, while the rest
/// of the request is looked at.
fn expect_check(app: &App, found: &Found) {
    if let Found::Route(route, [Some(Param { uuid: Some(token), .. }), ..]) = found
        && route.is_check
    {
        app.services.expect_check(token);
    }
}

/// Finds the caller. From memory, and first: without a good token no body is read,
/// nothing is written down of it, and no thread is taken.
fn admit(app: &App, call: &mut Call) -> Result<(), Error> {
    call.caller = authorize::caller(app, call)?;
    Ok(())
}

/// The same once the database was asked, where memory cannot tell.
async fn admitted_later(
    app: &Arc<App>,
    call: &mut Call,
    admitted: Result<(), Error>,
) -> Result<(), Error> {
    match admitted {
        Err(error) if error.may_be_overtaken && must_look_up(app, call) => {
            look_up(app, call).await?;
            admit(app, call)
        }
        admitted => admitted,
    }
}

/// Whether the database knows more of the token in question, and was not asked yet.
fn must_look_up(app: &App, call: &Call) -> bool {
    !app.services.knows_all_tokens() && call.looked_up.is_none() && in_question(call).is_some()
}

/// The token that the request is about: the caller's, or the one to be checked.
fn in_question(call: &Call) -> Option<Uuid> {
    if call.route.is_check {
        return Some(call.uuid_param("token_uuid"));
    }
    call.route.access?;
    TokenIndex::parse_token(&authorize::given_token(call))
}

/// Asks the database for the token in question.
async fn look_up(app: &Arc<App>, call: &mut Call) -> Result<(), Error> {
    let Some(token) = in_question(call) else { return Ok(()) };
    let tenant = call.route.is_check.then(|| tokens::tenant_of_check(call)).flatten();
    let (tell, told) = oneshot::channel();
    let there = Arc::clone(app);
    let job = move || there.services.look_up(&token, tenant.as_deref()).map(LookedUp::into_read);
    let queued = app.lookups.submit(job, move |result| {
        // Nobody listens when the client has gone.
        let _ = tell.send(result);
    });
    if queued.is_err() {
        return Err(Error::unavailable("Too many requests are waiting; try again shortly.", 1));
    }
    match told.await {
        Ok(Ok(looked_up)) => {
            match looked_up {
                Ok(looked_up) => call.looked_up = looked_up,
                Err(error) if error.is_outage() && app.services.remembered(&token).is_some() => {
                    call.is_remembered = true;
                }
                Err(error) => return Err(error.into()),
            }
            Ok(())
        }
        Ok(Err(_)) | Err(_) => Err(Error::internal()),
    }
}

async fn with_body(app: &Arc<App>, mut call: Call, body: Incoming, seat: &Seat) -> Reply {
    // Who waits to be told to go on sends nothing when told not to.
    let patient = call.parts.headers.contains_key(EXPECT);
    let admitted = admit(app, &mut call);
    if let Err(error) = admitted_later(app, &mut call, admitted).await {
        if !patient {
            discard(body).await;
        }
        return refused(app, call, error).await;
    }
    let max = call.route.max_body.unwrap_or(app.settings.max_body);
    let sending = seat.waiting_for_body();
    let whole = read(app, body, max, patient).await;
    drop(sending);
    match whole {
        // Its room is given back after the answer.
        Ok(Whole { bytes, room: _room }) => {
            call.body = bytes;
            handled(app, call).await
        }
        Err(error) => refused(app, call, error).await,
    }
}

/// Answers a request that has a handler, which is not asked.
async fn refused(app: &Arc<App>, call: Call, error: Error) -> Reply {
    let logged = received(app, Level::Info, &call.parts, &[]);
    let logged = logged.map(|logged| (logged, call.remote_addr(app)));
    let result = match is_profiled(app, &call) {
        true => on_pool(app, &app.requests, call, |_, _| Err(error)).await,
        false => Err(error),
    };
    replied(app, logged, result)
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
    let mut call = call;
    let place = place_of(app, &call);
    let pool = match place {
        Place::Reactor => {
            if let Some(reply) = handled_here(app, &call) {
                return reply;
            }
            if let Err(error) = look_up(app, &mut call).await {
                return refused(app, call, error).await;
            }
            let logged = called(app, &call);
            return replied(app, logged, call_handler(app, &call));
        }
        Place::Worker if call.route.is_check && must_look_up(app, &call) => {
            if let Err(error) = look_up(app, &mut call).await {
                return refused(app, call, error).await;
            }
            &app.requests
        }
        Place::Worker | Place::EvenTime => &app.requests,
        Place::Login => &app.logins,
        Place::Outside => return handled_outside(app, call).await,
        Place::Mail => &app.mails,
    };
    let even = (place == Place::EvenTime).then(|| tokio::time::sleep(EVEN_TIME));
    let logged = called(app, &call);
    let result = on_pool(app, pool, call, call_handler).await;
    if let (Some(even), Ok(_)) = (even, &result) {
        even.await;
    }
    replied(app, logged, result)
}

/// Answers a login that waits for a server of a tenant, once fewer others of that
/// tenant do.
async fn handled_outside(app: &Arc<App>, call: Call) -> Reply {
    let logged = called(app, &call);
    let call = Arc::new(call);
    let (there, asking) = (Arc::clone(app), Arc::clone(&call));
    let find = move || tokens::tenant_of_login(&there, &asking);
    let found = outcome(|done| app.requests.submit(find, done)).await;
    let tenant = match found.and_then(|tenant| tenant) {
        Ok(tenant) => tenant.unwrap_or_default().to_string(),
        Err(error) => return replied(app, logged, Err(error)),
    };
    let there = Arc::clone(app);
    let since = Instant::now();
    let job = move || match since.elapsed() < OUTSIDE_PATIENCE {
        true => handle_here(&there, &call, call_handler),
        false => Err(Error::unavailable("Too many logins of this tenant are waiting.", 1)),
    };
    let result = outcome(|done| app.outside.submit_for(&tenant, job, done)).await;
    replied(app, logged, result.and_then(|result| result))
}

/// A profile is a file: it is not written by a thread of connections.
fn place_of(app: &App, call: &Call) -> Place {
    match (call.route.place)(call) {
        Place::Reactor if is_profiled(app, call) => Place::Worker,
        place => place,
    }
}

/// The description of the API is never profiled (status.md section 4).
fn is_profiled(app: &App, call: &Call) -> bool {
    app.config.is_profiling() && call.route.plugin != "api"
}

/// Answers from memory; nothing where memory cannot tell.
fn handled_here(app: &App, call: &Call) -> Option<Reply> {
    if app.services.knows_all_tokens() {
        let logged = called(app, call);
        return Some(replied(app, logged, call_handler(app, call)));
    }
    let result = call_handler(app, call);
    if matches!(&result, Err(error) if error.may_be_overtaken) && must_look_up(app, call) {
        return None;
    }
    let logged = called(app, call);
    Some(replied(app, logged, result))
}

fn call_handler(app: &App, call: &Call) -> Result<Reply, Error> {
    (call.route.handler)(app, call)
}

/// Writes down a request that has a handler, and who has sent it.
fn called(app: &App, call: &Call) -> Option<(Logged, String)> {
    let level = if call.route.is_check { Level::Debug } else { Level::Info };
    let logged = received(app, level, &call.parts, &call.body)?;
    Some((logged, call.remote_addr(app)))
}

/// Writes down its answer.
fn replied(app: &App, logged: Option<(Logged, String)>, result: Result<Reply, Error>) -> Reply {
    let reply = result.unwrap_or_else(|error| error.into_reply(app.services.context().now()));
    if let Some((logged, to)) = logged {
        logged.answer(&to, reply.status);
    }
    reply
}

async fn on_pool(
    app: &Arc<App>,
    pool: &Pool,
    call: Call,
    handle: impl FnOnce(&App, &Call) -> Result<Reply, Error> + Send + 'static,
) -> Result<Reply, Error> {
    let there = Arc::clone(app);
    let job = move || handle_here(&there, &call, handle);
    outcome(|done| pool.submit(job, done)).await?
}

fn handle_here(
    app: &App,
    call: &Call,
    handle: impl FnOnce(&App, &Call) -> Result<Reply, Error>,
) -> Result<Reply, Error> {
    match is_profiled(app, call) {
        true => profiled(app, call, handle),
        false => handle(app, call),
    }
}

/// What comes of a job that `submit` hands to a pool.
async fn outcome<T: Send + 'static>(
    submit: impl FnOnce(Done<T>) -> Result<(), Full>,
) -> Result<T, Error> {
    let (tell, told) = oneshot::channel();
    let done: Done<T> = Box::new(move |result| {
        // Nobody listens when the client has gone.
        let _ = tell.send(result);
    });
    if submit(done).is_err() {
        return Err(Error::unavailable("Too many requests are waiting; try again shortly.", 1));
    }
    match told.await {
        Ok(Ok(result)) => Ok(result),
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

type Done<T> = Box<dyn FnOnce(Result<T, Lost>) + Send>;

fn profiled(
    app: &App,
    call: &Call,
    handle: impl FnOnce(&App, &Call) -> Result<Reply, Error>,
) -> Result<Reply, Error> {
    let clock = app.services.context();
    let began = clock.now();
    let result = handle(app, call);
    let status = result.as_ref().map_or_else(Error::status, |reply| reply.status);
    let took = began.duration_until(clock.now()).unsigned_abs();
    let (method, path) = (&call.parts.method, call.parts.uri.path());
    Profile { method, path, status, began, took }.write(&app.time_zone);
    result
}

async fn read(app: &App, mut body: Incoming, max: usize, patient: bool) -> Result<Whole, Error> {
    if body.is_end_stream() {
        return Ok(Whole { bytes: Bytes::new(), room: None });
    }
    let announced = body.size_hint().lower();
    if announced > max as u64 {
        if announced <= MAX_DISCARDED as u64 && !patient {
            discard(body).await;
        }
        return Err(Error::body_too_large(max));
    }
    let limit = app.settings.limits.body;
    match tokio::time::timeout(limit, app.bodies.read(&mut body, max)).await {
        Ok(Ok(whole)) => Ok(whole),
        Ok(Err(Unread::TooLarge)) => {
            discard(body).await;
            Err(Error::body_too_large(max))
        }
        Ok(Err(Unread::NoRoom)) => {
            discard(body).await;
            Err(Error::unavailable("Too many large requests are arriving; try again shortly.", 1))
        }
        Ok(Err(Unread::Broken)) => Err(Error::unreadable_body()),
        Err(_) => Err(Error::body_too_slow()),
    }
}

/// Reads a body to its end for nothing, unless that takes too much.
async fn discard(body: Incoming) {
    let rest = async {
        let mut body = Limited::new(body, MAX_DISCARDED);
        while let Some(Ok(_)) = body.frame().await {}
    };
    // Whoever is still sending by then has had the chance.
    let _ = tokio::time::timeout(DISCARD_TIMEOUT, rest).await;
}

fn options(methods: &[&str]) -> Reply {
    let mut reply = Reply { content_type: HTML, ..Reply::empty(StatusCode::OK) };
    if let Ok(allow) = methods.join(", ").parse() {
        reply = reply.header(ALLOW, allow);
    }
    reply
}
