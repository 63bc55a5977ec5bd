//! A daemon made of a few users and prepared answers.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use abi_stable::{
    sabi_trait::TD_Opaque,
    std_types::{RResult, RSlice, RStr},
};

use crate::{
    Error, ErrorKind, Host, Result, Value,
    abi::{Failure, Frame, HostApi, HostApi_TO},
    export,
    host::User,
    serde_json::json,
    wire::service,
};

/// What a prepared service does with its request.
type Answer = Arc<dyn Fn(&Value, &[u8]) -> Result<(Value, Vec<u8>)> + Send + Sync>;

/// Stands for the daemon in a plugin's tests: it knows the users it was given
/// and gives the answers that were prepared. Clones are the same host.
///
/// ```
/// use wazo_auth_plugin_api::prelude::*;
///
/// let host = MockHost::new()
///     .answer("tenants.get_top", json!({"uuid": "t1"}))
///     .on("tokens.create", |request| Ok(json!({"token": request["acl"][0]})));
///
/// assert_eq!(host.handle().top_tenant()?, "t1");
/// assert_eq!(host.handle().create_token(60, &["auth.users.read"])?, "auth.users.read");
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Default)]
pub struct MockHost {
    users: Vec<(User, Option<String>)>,
    answers: HashMap<String, Answer>,
    logs: Arc<Mutex<Vec<LogLine>>>,
    /// Whether something was asked for that was not prepared.
    asked_in_vain: Arc<AtomicBool>,
}

/// A line that a plugin logged.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogLine {
    /// 1 error, 2 warning, 3 information, 4 debug, 5 trace.
    pub level: u32,
    /// The target, by default the module it comes from.
    pub target: String,
    /// The line.
    pub text: String,
}

// === impl MockHost ===

impl MockHost {
    /// A host without users or prepared answers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a user without a password.
    #[must_use]
    pub fn user(mut self, user: User) -> Self {
        self.users.push((user, None));
        self
    }

    /// Adds a user with a password.
    #[must_use]
    pub fn user_with_password(mut self, user: User, password: &str) -> Self {
        self.users.push((user, Some(password.to_owned())));
        self
    }

    /// Prepares the answer of a service, such as `users.get_acl`.
    #[must_use]
    pub fn answer(self, service: &str, answer: Value) -> Self {
        self.on(service, move |_| Ok(answer.clone()))
    }

    /// Prepares what a service does with its request.
    #[must_use]
    pub fn on(
        self,
        service: &str,
        answer: impl Fn(&Value) -> Result<Value> + Send + Sync + 'static,
    ) -> Self {
        self.on_frame(service, move |request, _body| Ok((answer(request)?, Vec::new())))
    }

    /// Prepares what a service does whose requests or answers have bodies:
    /// `api.request`, by which [`Host::request`] and all that is made of it go,
    /// and `http.request`, by which [`Host::send`] does.
    ///
    /// ```
    /// use wazo_auth_plugin_api::prelude::*;
    ///
    /// let host = MockHost::new().on_frame("api.request", |request, body| {
    ///     assert_eq!((&request["method"], &request["path"]), (&json!("POST"), &json!("/groups")));
    ///     let fields: Value = serde_json::from_slice(body)?;
    ///     let group = json!({"uuid": "g1", "name": fields["name"], "slug": "s", "tenant_uuid": "t"});
    ///     Ok((json!({"status": 200}), group.to_string().into_bytes()))
    /// });
    /// let group = host.handle().create_group(None, &json!({"name": "Coyotes"}))?;
    /// assert_eq!(group.name, "Coyotes");
    ///
    /// let host = host.on_frame("http.request", |request, _body| match request["url"].as_str() {
    ///     Some("https://acme.example") => Ok((json!({"status": 200}), b"anvils".to_vec())),
    ///     _ => Err(Error::timed_out("nobody is there")),
    /// });
    /// let request = OutgoingRequest::new("GET", "https://acme.example");
    /// assert_eq!(host.handle().send(&request)?.body, b"anvils");
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn on_frame(
        mut self,
        service: &str,
        answer: impl Fn(&Value, &[u8]) -> Result<(Value, Vec<u8>)> + Send + Sync + 'static,
    ) -> Self {
        self.answers.insert(service.to_owned(), Arc::new(answer));
        self
    }

    /// The lines that plugins logged so far through this host.
    #[must_use]
    pub fn logs(&self) -> Vec<LogLine> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What a plugin is given.
    #[must_use]
    pub fn handle(&self) -> Host {
        Host::new(HostApi_TO::from_value(Object(self.clone()), TD_Opaque))
    }

    /// Whether something was asked for that was not prepared, since this was last
    /// asked.
    pub(super) fn asked_in_vain(&self) -> bool {
        self.asked_in_vain.swap(false, Ordering::SeqCst)
    }

    fn serve(&self, service: &str, request: &Value, body: &[u8]) -> Result<(Value, Vec<u8>)> {
        match self.answers.get(service) {
            Some(answer) => answer(request, body),
            None => Ok((self.serve_users(service, request)?, Vec::new())),
        }
    }

    fn serve_users(&self, service: &str, request: &Value) -> Result<Value> {
        let text = |key: &str| request[key].as_str().unwrap_or_default();
        match service {
            service::PLATFORM_GET => Ok(json!({"xivo_uuid": "mock-platform", "version": "1"})),
            service::USERS_VERIFY_PASSWORD => {
                let password = self.by_login(text("login")).and_then(|found| found.1.as_deref());
                Ok(json!({"verified": password == Some(text("password"))}))
            }
            service::USERS_GET_BY_LOGIN => {
                Ok(json!({"user": self.by_login(text("login")).map(|found| &found.0)}))
            }
            service::USERS_GET => {
                let uuid = text("user_uuid");
                let found = self.users.iter().find(|(user, _)| user.uuid == uuid);
                Ok(json!({"user": found.map(|found| &found.0)}))
            }
            service::USERS_GET_ACL => Ok(json!({"acl": []})),
            service::USERS_LIST_GROUPS | service::USERS_LIST_POLICIES => Ok(json!({"items": []})),
            _ => {
                self.asked_in_vain.store(true, Ordering::SeqCst);
                Err(Error::new(ErrorKind::Unsupported, "no answer was prepared"))
            }
        }
    }

    /// As the daemon does: enabled users only, a confirmed address first.
    fn by_login(&self, login: &str) -> Option<&(User, Option<String>)> {
        let login = login.to_lowercase();
        let same = |text: &str| text.to_lowercase() == login;
        let enabled = || self.users.iter().filter(|(user, _)| user.enabled);
        enabled()
            .find(|(user, _)| user.emails.iter().any(|e| e.confirmed && same(&e.address)))
            .or_else(|| enabled().find(|(user, _)| user.username.as_deref().is_some_and(same)))
    }
}

impl fmt::Debug for MockHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let services: Vec<_> = self.answers.keys().collect();
        f.debug_struct("MockHost").field("answers", &services).finish_non_exhaustive()
    }
}

/// A [`MockHost`] behind the border.
struct Object(MockHost);

// === impl Object ===

impl HostApi for Object {
    fn call(
        &self,
        service: RStr<'_>,
        head: RStr<'_>,
        body: RSlice<'_, u8>,
    ) -> RResult<Frame, Failure> {
        let request = serde_json::from_str(head.as_str());
        // A prepared answer may hold an assertion that fails.
        let answer = export::caught(|| {
            let request = request.map_err(|error| Error::malformed("the request", &error))?;
            self.0.serve(service.as_str(), &request, body.as_slice())
        });
        match answer {
            Ok((head, body)) => {
                RResult::ROk(Frame { head: head.to_string().into(), body: body.into() })
            }
            Err(error) => RResult::RErr(error.into()),
        }
    }

    fn log(&self, level: u32, target: RStr<'_>, text: RStr<'_>) {
        let line = LogLine { level, target: target.to_string(), text: text.to_string() };
        self.0.logs.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}
