//! From a method and a path to a route.

use http::Method;

use crate::{
    App,
    call::{Call, MAX_PARAMS, Param, Params, uuid},
    errors::Error,
    reply::Reply,
    routes::ROUTES,
};

/// The prefix under which a reverse proxy publishes the service; served
/// without a proxy too.
const PUBLISHED_UNDER: &str = "/api/auth";

/// One row of the table of routes.
pub(crate) struct Route {
    /// The entry of `enabled_http_plugins` without which it does not exist.
    pub(crate) plugin: &'static str,
    pub(crate) method: &'static str,
    /// With variables in braces. One whose name ends in `_uuid` matches only
    /// what is shaped like a UUID.
    pub(crate) path: &'static str,
    /// The access that the caller's token must hold (acl.md section 8).
    pub(crate) access: Option<&'static str>,
    pub(crate) place: PlaceOf,
    pub(crate) handler: Handler,
    /// Asked by other services on each of their own requests.
    pub(crate) is_check: bool,
    /// A bound on the body, in bytes, below the general one.
    pub(crate) max_body: Option<usize>,
    /// Whether the caller's token may be a query parameter, as that of a link is.
    pub(crate) is_link: bool,
}

pub(crate) type Handler = fn(&App, &Call) -> Result<Reply, Error>;

/// Where a handler runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Answers from memory.
    Reactor,
    /// Uses the store or a plugin.
    Worker,
    /// Hashes a password, which takes long.
    Login,
    /// Waits for a server of a tenant, which may take as long as it likes.
    Outside,
    /// Waits for the mail server.
    Mail,
    /// Like a worker; but success is answered after a time that is always the same.
    EvenTime,
}

/// Where this very request is to be handled.
pub(crate) type PlaceOf = fn(&Call) -> Place;

pub(crate) fn on_reactor(_: &Call) -> Place {
    Place::Reactor
}

pub(crate) fn on_worker(_: &Call) -> Place {
    Place::Worker
}

pub(crate) fn on_login(_: &Call) -> Place {
    Place::Login
}

pub(crate) fn by_mail(_: &Call) -> Place {
    Place::Mail
}

pub(crate) fn in_even_time(_: &Call) -> Place {
    Place::EvenTime
}

/// The table cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("route {path}: {problem}")]
pub struct RouteError {
    path: &'static str,
    problem: String,
}

pub(crate) struct Router {
    resources: Vec<Resource>,
    /// Positions in `resources`.
    paths: matchit::Router<usize>,
    /// Token checks, by what stands before the token: there are more of them
    /// than of everything else together.
    checks: Option<(&'static str, usize)>,
}

/// What is served under one path.
struct Resource {
    routes: Vec<&'static Route>,
    /// The variables of the path in their order, and whether each must be
    /// shaped like a UUID.
    variables: Vec<(&'static str, bool)>,
}

/// What the router found.
pub(crate) enum Found {
    Route(&'static Route, Params),
    /// The path exists, the method does not: what does.
    WrongMethod(Vec<&'static str>),
    /// `OPTIONS` on a known path: what may be asked of it.
    Options(Vec<&'static str>),
    Nothing,
}

// === impl Router ===

impl Router {
    /// The routes of the plugins that are enabled.
    pub(crate) fn new(
        routes: &'static [Route],
        is_enabled: impl Fn(&str) -> bool,
    ) -> Result<Self, RouteError> {
        let routes: Vec<&'static Route> =
            routes.iter().filter(|route| is_enabled(route.plugin)).collect();
        let (mut resources, mut paths, mut checks) = (Vec::new(), matchit::Router::new(), None);
        let mut seen: Vec<&'static str> = Vec::new();
        for route in &routes {
            if seen.contains(&route.path) {
                continue;
            }
            seen.push(route.path);
            let same = routes.iter().copied().filter(|other| other.path == route.path).collect();
            let resource = Resource { routes: same, variables: variables(route.path) };
            let problem = |problem: String| RouteError { path: route.path, problem };
            if resource.variables.len() > MAX_PARAMS {
                return Err(problem(format!("more than {MAX_PARAMS} variables")));
            }
            let position = resources.len();
            let inserted = paths.insert(route.path, position);
            inserted.map_err(|error| problem(error.to_string()))?;
            if route.is_check && resource.is_one_uuid() {
                checks = route.path.split_once('{').map(|(before, _)| (before, position));
            }
            resources.push(resource);
        }
        Ok(Self { resources, paths, checks })
    }

    /// Adds a route of a plugin, which is kept for ever.
    ///
    /// # Errors
    /// Why it is not served, as the end of a sentence.
    pub(crate) fn add(&mut self, route: Route) -> Result<(), String> {
        let variables = variables(route.path);
        if variables.len() > MAX_PARAMS {
            return Err(format!("its path has more than {MAX_PARAMS} variables"));
        }
        // Beside a text, a variable would go before one that stands alone: addresses that
        // are served already would go to the plugin.
        let is_mixed = |segment: &str| {
            segment.contains(['{', '}'])
                && segment
                    .strip_prefix('{')
                    .and_then(|rest| rest.strip_suffix('}'))
                    .is_none_or(|name| name.contains(['{', '}']))
        };
        if let Some(mixed) = route.path.split('/').find(|segment| is_mixed(segment)) {
            return Err(format!("in `{mixed}` of its path, a variable does not stand alone"));
        }
        let same = self.resources.iter_mut().find(|known| known.path() == Some(route.path));
        if let Some(resource) = same {
            if resource.routes.iter().any(|known| known.method == route.method) {
                return Err("it is served already".to_owned());
            }
            resource.routes.push(Box::leak(Box::new(route)));
            return Ok(());
        }
        // What is served must not go to another one from now on.
        let example = example(route.path);
        if let Some((known, _)) = self.resource(&example, &example) {
            return Err(format!("{} is served already", known.path().unwrap_or_default()));
        }
        let inserted = self.paths.insert(route.path, self.resources.len());
        inserted.map_err(|error| format!("its path contradicts another one: {error}"))?;
        self.resources.push(Resource { routes: vec![Box::leak(Box::new(route))], variables });
        Ok(())
    }

    /// The routes of plugins that are not parts of the daemon.
    pub(crate) fn of_plugins(&self) -> impl Iterator<Item = &'static Route> {
        let all = self.resources.iter().flat_map(|resource| resource.routes.iter().copied());
        all.filter(|route| !ROUTES.iter().any(|own| std::ptr::eq(own, *route)))
    }

    /// `full` is the path of the request as it stands. What a proxy has passed
    /// on it has stripped of the prefix; to strip it again would let requests
    /// around the proxy's own rules.
    pub(crate) fn find(
        &self,
        method: &Method,
        full: &str,
        is_proxied: impl FnOnce() -> bool,
    ) -> Found {
        let stripped = full.strip_prefix(PUBLISHED_UNDER).filter(|_| !is_proxied());
        let path = stripped.unwrap_or(full);
        let found = self.check(path, full).or_else(|| self.resource(path, full));
        let Some((Resource { routes, .. }, params)) = found else { return Found::Nothing };
        if method == Method::OPTIONS {
            return Found::Options(methods(routes));
        }
        let exact = routes.iter().find(|route| route.method == method.as_str());
        let found = exact.or_else(|| {
            let head = method == Method::HEAD;
            routes.iter().find(|route| head && route.method == "GET")
        });
        match found {
            Some(route) => Found::Route(route, params),
            None => Found::WrongMethod(methods(routes)),
        }
    }

    fn check(&self, path: &str, full: &str) -> Option<(&Resource, Params)> {
        let (before, position) = self.checks?;
        let token = path.strip_prefix(before)?;
        let uuid = Some(uuid(token)?);
        let resource = self.resources.get(position)?;
        let (name, _) = *resource.variables.first()?;
        let mut params: Params = [const { None }; MAX_PARAMS];
        params[0] = Some(Param { name, at: full.len() - token.len()..full.len(), uuid });
        Some((resource, params))
    }

    fn resource(&self, path: &str, full: &str) -> Option<(&Resource, Params)> {
        let found = self.paths.at(path).ok()?;
        let resource = self.resources.get(*found.value)?;
        Some((resource, params(&resource.variables, &found.params, full)?))
    }
}

// === impl Resource ===

impl Resource {
    fn path(&self) -> Option<&'static str> {
        self.routes.first().map(|route| route.path)
    }

    /// Whether the path ends with its only variable, a UUID.
    fn is_one_uuid(&self) -> bool {
        let ends = self.routes.iter().all(|route| route.path.ends_with('}'));
        ends && matches!(*self.variables, [(_, true)])
    }
}

/// Where the variables stand, if each has the shape that its name asks for.
fn params(
    variables: &[(&'static str, bool)],
    found: &matchit::Params<'_, '_>,
    full: &str,
) -> Option<Params> {
    let mut params: Params = [const { None }; MAX_PARAMS];
    for (slot, (&(name, must_be_uuid), (_, value))) in
        params.iter_mut().zip(variables.iter().zip(found.iter()))
    {
        let uuid = if must_be_uuid { Some(uuid(value)?) } else { None };
        let offset = value.as_ptr() as usize - full.as_ptr() as usize;
        *slot = Some(Param { name, at: offset..offset + value.len(), uuid });
    }
    Some(params)
}

fn variables(path: &'static str) -> Vec<(&'static str, bool)> {
    let names = path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    names.map(|name| (name, name.ends_with("_uuid"))).collect()
}

/// An address that a path stands for.
fn example(path: &str) -> String {
    let mut parts = path.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |address, rest| {
        let after = rest.split_once('}').map_or("", |(_, after)| after);
        address + "00000000-0000-4000-8000-000000000000" + after
    })
}

fn methods(routes: &[&'static Route]) -> Vec<&'static str> {
    let mut methods: Vec<&'static str> = routes.iter().map(|route| route.method).collect();
    if methods.contains(&"GET") && !methods.contains(&"HEAD") {
        methods.push("HEAD");
    }
    methods.push("OPTIONS");
    methods
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(path: &'static str) -> Route {
        Route {
            plugin: "test",
            method: "GET",
            path,
            access: None,
            place: on_worker,
            handler: |_, _| Err(Error::internal()),
            is_check: false,
            max_body: None,
            is_link: false,
        }
    }

    #[test]
    fn a_route_of_a_plugin_takes_no_address_of_another_one() {
        let own: &'static [Route] = Box::leak(Box::new([route("/0.1/users/{user_uuid}")]));
        let mut router = Router::new(own, |_| true).unwrap();
        for path in [
            "/0.1/users/0{rest}",
            "/0.1/users/{x}0",
            "/0.1/users/{x}-{y}",
            "/0.1/users/{{x}}",
            "/0.1/users/{x",
            "/0.1/users/{x}",
        ] {
            assert!(router.add(route(path)).is_err(), "{path}");
        }
        assert_eq!(router.add(route("/0.1/users/{user_uuid}/acme/{name}")), Ok(()));
        let user = "/0.1/users/00000000-0000-4000-8000-000000000000";
        let Found::Route(found, _) = router.find(&Method::GET, user, || false) else {
            panic!("the route is gone");
        };
        assert_eq!(found.path, "/0.1/users/{user_uuid}");
    }
}
