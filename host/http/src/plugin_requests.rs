//! Requests of plugins to the API, in the daemon's own name (plugins.md section 7):
//! the same rules and answers as over HTTP, without a connection or a token.

use std::{
    cell::Cell,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, OnceLock, Weak},
};

use http::{Method, Request, StatusCode};
use hyper::body::Bytes;
use wazo_auth_plugins::{Caller, ErrorKind, HostFailure, HostServices, wire};
use wazo_auth_service::tokens::allows;

use crate::{
    App,
    authorize::required_access,
    call::Call,
    errors::Error,
    reply::Reply,
    router::{Found, Route},
    routes::ROUTES,
};

/// Services that are asked for while another one is served, on one thread. What they
/// do asks plugins, which ask for services: those that ask for themselves would use up
/// the stack, which ends the daemon.
const DEEPEST: u32 = 8;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// A service that is being served on this thread.
struct Served;

/// The services of the daemon for plugins, and with them its API.
pub struct PluginRequests {
    services: Arc<dyn HostServices>,
    /// Once the API is served.
    app: OnceLock<Weak<App>>,
}

// === impl PluginRequests ===

impl PluginRequests {
    /// The API beside other services.
    #[must_use]
    pub fn new(services: Arc<dyn HostServices>) -> Arc<Self> {
        Arc::new(Self { services, app: OnceLock::new() })
    }

    /// From here on, the API answers.
    pub fn serve(&self, app: &Arc<App>) {
        let _ = self.app.set(Arc::downgrade(app));
    }

    fn request(
        &self,
        caller: &Caller,
        head: &str,
        body: &[u8],
    ) -> Result<(String, Vec<u8>), HostFailure> {
        let app = self.app.get().and_then(Weak::upgrade).ok_or_else(|| {
            let text = "the API is not served while the daemon starts or stops";
            HostFailure::new(ErrorKind::Busy, text)
        })?;
        let request: wire::ApiRequest<'_> = serde_json::from_str(head).map_err(|_| {
            HostFailure::new(ErrorKind::Malformed, "the request is not of the expected form")
        })?;
        let answer = match app.own_call(caller, &request, Bytes::copy_from_slice(body)) {
            Ok(call) => {
                ensure_may(caller, &call)?;
                (call.route.handler)(&app, &call)
            }
            Err(error) => Err(error),
        };
        let Reply { status, body, .. } =
            answer.unwrap_or_else(|error| error.into_reply(app.services.context().now()));
        Ok((format!(r#"{{"status":{}}}"#, status.as_u16()), body.to_vec()))
    }
}

impl HostServices for PluginRequests {
    fn call(
        &self,
        caller: &Caller,
        service: &str,
        head: &str,
        body: &[u8],
    ) -> Result<(String, Vec<u8>), HostFailure> {
        let _served = Served::begin(caller.name(), service)?;
        match service {
            wire::service::API_REQUEST => self.request(caller, head, body),
            service => self.services.call(caller, service, head, body),
        }
    }
}

// === impl Served ===

impl Served {
    fn begin(plugin: &str, service: &str) -> Result<Self, HostFailure> {
        let depth = DEPTH.get();
        if depth >= DEEPEST {
            log::error!(
                target: "wazo_auth.plugins",
                "plugin `{plugin}` asks for `{service}` while {depth} other services are served for \
                 it or because of it, and gets no answer: does it ask for what asks itself? tell its author"
            );
            let text = "services ask plugins that ask for services, and so on: this is too deep";
            return Err(HostFailure::new(ErrorKind::Host, text));
        }
        DEPTH.set(depth + 1);
        Ok(Self)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}

// === impl App ===

impl App {
    /// A request of a plugin, to be answered on the thread that the plugin is on.
    fn own_call(
        &self,
        caller: &Caller,
        request: &wire::ApiRequest<'_>,
        body: Bytes,
    ) -> Result<Call, Error> {
        let query =
            form_urlencoded::Serializer::new(String::new()).extend_pairs(&*request.query).finish();
        let address = format!("/0.1{}?{query}", request.path);
        let method = Method::from_bytes(request.method.as_bytes());
        let method = method.map_err(|_| Error::unreadable_body())?;
        let builder = Request::builder().method(method).uri(address);
        let tenant = request.tenant_uuid.as_deref().map(|tenant| ("wazo-tenant", tenant));
        let builder =
            tenant.into_iter().fold(builder, |builder, (name, value)| builder.header(name, value));
        let (parts, ()) = builder.body(()).map_err(|_| Error::unreadable_body())?.into_parts();
        match self.router.find(&parts.method, parts.uri.path(), || false) {
            Found::Route(route, params) if is_open_to_plugins(route) => {
                let caller = Some(self.services.own_rights(caller.acl()));
                let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
                let (looked_up, is_remembered) = (None, false);
                Ok(Call { route, parts, params, body, peer, caller, looked_up, is_remembered })
            }
            Found::WrongMethod(methods) => Err(Error::wrong_method(methods.join(", "))),
            _ => Err(Error::message(StatusCode::NOT_FOUND, "There is nothing at this address.")),
        }
    }
}

/// Whether the accesses of a plugin reach so far. What it is told to lack holds for
/// whatever stands in the path.
fn ensure_may(caller: &Caller, call: &Call) -> Result<(), HostFailure> {
    let (Some(template), Some(rights)) = (call.route.access, &call.caller) else { return Ok(()) };
    if allows(rights, &required_access(template, call)) {
        return Ok(());
    }
    let Route { method, path, .. } = call.route;
    Err(caller.refuse(&format!("`{method} {path}`"), &with_any(template)))
}

/// The template with `*` for each variable.
fn with_any(template: &str) -> String {
    let mut parts = template.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |any, part| any + "*" + part.split_once('}').map_or(part, |(_, rest)| rest))
}

/// A plugin's own routes, and logins that may ask plugins in their turn, could ask
/// each other for ever.
fn is_open_to_plugins(route: &'static Route) -> bool {
    let is_login = route.method == "POST" && route.path == "/0.1/token";
    !is_login && ROUTES.iter().any(|own| std::ptr::eq(own, route))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// A service whose work asks a plugin that asks for it again.
    #[derive(Default)]
    struct Again {
        requests: OnceLock<Arc<PluginRequests>>,
        asked: AtomicU32,
    }

    impl HostServices for Again {
        fn call(
            &self,
            caller: &Caller,
            service: &str,
            head: &str,
            body: &[u8],
        ) -> Result<(String, Vec<u8>), HostFailure> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let requests = self.requests.get().unwrap();
            requests.call(caller, service, head, body)
        }
    }

    #[test]
    fn a_plugin_that_asks_for_what_asks_itself_is_answered_in_the_end() {
        let again = Arc::new(Again::default());
        let requests = PluginRequests::new(Arc::<Again>::clone(&again));
        assert!(again.requests.set(Arc::clone(&requests)).is_ok());
        let caller = Caller::new("backend", "ouroboros", None);
        for _ in 0..2 {
            let failure = requests.call(&caller, "users.get", "{}", b"").unwrap_err();
            assert_eq!(failure.kind, ErrorKind::Host);
            assert_eq!(again.asked.swap(0, Ordering::Relaxed), DEEPEST);
        }
    }
}
