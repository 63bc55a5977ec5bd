//! From a method and a path to a route.

use http::Method;

use crate::{
    App,
    call::{Call, MAX_PARAMS, Params, is_uuid},
    errors::Error,
    reply::Reply,
};

/// The prefix under which a reverse proxy publishes the service; served
/// without a proxy too.
const PUBLISHED_UNDER: &str = "/api/auth";

/// One row of the table of routes.
pub(crate) struct Route {
    pub(crate) method: Method,
    /// With variables in braces. One whose name ends in `_uuid` matches only
    /// what is shaped like a UUID.
    pub(crate) path: &'static str,
    /// The access that the caller's token must hold (acl.md section 8).
    pub(crate) access: Option<&'static str>,
    pub(crate) place: Place,
    pub(crate) handler: Handler,
}

pub(crate) type Handler = fn(&App, &Call) -> Result<Reply, Error>;

/// Where a handler runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Answers from memory.
    Reactor,
    /// Uses the store or a plugin.
    Worker,
    /// Creates a token: among the logins when it has to verify a password.
    Login,
}

/// The table cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("route {path}: {problem}")]
pub struct RouteError {
    path: &'static str,
    problem: String,
}

pub(crate) struct Router {
    /// All routes of one path share an entry.
    paths: matchit::Router<Vec<&'static Route>>,
}

/// What the router found.
pub(crate) enum Found {
    Route(&'static Route, Params),
    /// The path exists, the method does not: what does.
    WrongMethod(Vec<Method>),
    /// `OPTIONS` on a known path: what may be asked of it.
    Options(Vec<Method>),
    Nothing,
}

// === impl Router ===

impl Router {
    pub(crate) fn new(routes: &'static [Route]) -> Result<Self, RouteError> {
        let mut paths = matchit::Router::new();
        let mut seen: Vec<&'static str> = Vec::new();
        for route in routes {
            if seen.contains(&route.path) {
                continue;
            }
            seen.push(route.path);
            let same = routes.iter().filter(|other| other.path == route.path).collect();
            let problem = |problem: String| RouteError { path: route.path, problem };
            if route.path.matches('{').count() > MAX_PARAMS {
                return Err(problem(format!("more than {MAX_PARAMS} variables")));
            }
            paths.insert(route.path, same).map_err(|error| problem(error.to_string()))?;
        }
        Ok(Self { paths })
    }

    /// `full` is the path of the request as it stands.
    pub(crate) fn find(&self, method: &Method, full: &str) -> Found {
        let path = full.strip_prefix(PUBLISHED_UNDER).unwrap_or(full);
        let Ok(found) = self.paths.at(path) else { return Found::Nothing };
        let routes: &[&'static Route] = found.value;
        let Some(params) = params(routes, &found.params, full) else { return Found::Nothing };
        if method == Method::OPTIONS {
            return Found::Options(methods(routes));
        }
        let exact = routes.iter().find(|route| route.method == *method);
        let found = exact.or_else(|| {
            let head = method == Method::HEAD;
            routes.iter().find(|route| head && route.method == Method::GET)
        });
        match found {
            Some(route) => Found::Route(route, params),
            None => Found::WrongMethod(methods(routes)),
        }
    }
}

/// Where the variables stand, if each has the shape that its name asks for.
fn params(
    routes: &[&'static Route],
    found: &matchit::Params<'_, '_>,
    full: &str,
) -> Option<Params> {
    let names = routes.first()?.path;
    let mut params: Params = [const { None }; MAX_PARAMS];
    for (slot, (key, value)) in params.iter_mut().zip(found.iter()) {
        if key.ends_with("_uuid") && !is_uuid(value) {
            return None;
        }
        // The names live as long as the table, those of the match do not.
        let start = names.find(key)?;
        let name = names.get(start..start + key.len())?;
        let offset = value.as_ptr() as usize - full.as_ptr() as usize;
        *slot = Some((name, offset..offset + value.len()));
    }
    Some(params)
}

fn methods(routes: &[&'static Route]) -> Vec<Method> {
    let mut methods: Vec<Method> = routes.iter().map(|route| route.method.clone()).collect();
    if methods.contains(&Method::GET) && !methods.contains(&Method::HEAD) {
        methods.push(Method::HEAD);
    }
    methods.push(Method::OPTIONS);
    methods
}
