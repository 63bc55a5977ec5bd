//! What plugins may ask of the host (plugins.md section 7), as JSON frames.

mod external_auth;
mod replies;
mod tenants;

use std::{
    borrow::Cow,
    sync::{Arc, Weak},
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;
use wazo_auth_plugins::{
    Args, CallError, Caller, EmailContext, EmailTemplate, ErrorKind, HostFailure, HostServices,
    wire,
};
use wazo_auth_store::{self as store, Store, TokenIndex};

use crate::{
    Services, directory::Directory, metadata::MetadataError, tokens::Internal, users::VerifyError,
};

/// The services as plugins see them.
///
/// Holds them weakly: the services own the plugins, not the other way round.
pub struct PluginHost(Weak<Services>);

#[derive(Deserialize)]
struct Credentials {
    login: String,
    password: String,
}

#[derive(Deserialize)]
struct ByLogin<'a> {
    #[serde(borrow)]
    login: Cow<'a, str>,
}

#[derive(Deserialize)]
struct ByUser<'a> {
    #[serde(borrow)]
    user_uuid: Cow<'a, str>,
}

#[derive(Deserialize)]
struct MetadataOf {
    purpose: String,
    login: String,
    #[serde(default)]
    args: Map<String, Value>,
}

#[derive(Deserialize)]
struct ToFormat {
    template: EmailTemplate,
    context: EmailContext,
}

#[derive(Deserialize)]
struct NewInternalToken {
    expiration: i64,
    #[serde(default)]
    acl: Vec<String>,
}

#[derive(Deserialize)]
struct ByToken {
    token: String,
}

// === impl PluginHost ===

impl PluginHost {
    /// The services, offered to plugins.
    #[must_use]
    pub fn new(services: &Arc<Services>) -> Arc<Self> {
        Arc::new(Self(Arc::downgrade(services)))
    }
}

impl HostServices for PluginHost {
    fn call(
        &self,
        caller: &Caller,
        service: &str,
        head: &str,
        body: &[u8],
    ) -> Result<(String, Vec<u8>), HostFailure> {
        let services = self.0.upgrade().ok_or_else(|| HostFailure {
            kind: ErrorKind::Host,
            text: "the daemon is stopping".to_owned(),
        })?;
        let mut bytes = Vec::new();
        let reply = match service {
            wire::service::HTTP_REQUEST => parse(head).and_then(|head| {
                let answer = services.send(caller.name(), &head, body).map_err(Refusal)?;
                let head = reply(&answer)?;
                bytes = answer.body;
                Ok(head)
            }),
            service if service.starts_with(external_auth::PREFIX) => {
                external_auth::serve(&services, caller.name(), service, head)
            }
            service => services.serve(caller, service, head),
        };
        Ok((reply.map_err(|Refusal(failure)| failure)?, bytes))
    }
}

impl Services {
    /// The JSON head of the answer.
    fn serve(&self, caller: &Caller, service: &str, head: &str) -> Result<String, Refusal> {
        match service {
            "platform.get" => reply(&replies::Platform {
                xivo_uuid: self.context().environment().xivo_uuid.as_deref(),
                version: env!("CARGO_PKG_VERSION"),
            }),
            "users.verify_password" => {
                let Credentials { login, password } = parse(head)?;
                reply(&json!({"verified": self.verify_password(&login, &password)?}))
            }
            "users.get_by_login" => {
                let user = self.user_by_login(&parse::<ByLogin<'_>>(head)?.login)?;
                reply(&replies::MaybeUser::from(user.as_deref()))
            }
            "users.get" => {
                let user = match user_uuid(head)? {
                    Some(uuid) => self.directory().user(self.store(), uuid)?,
                    None => None,
                };
                reply(&replies::MaybeUser::from(user.as_deref()))
            }
            "users.get_of_tenant" => self.user_of_tenant(&parse(head)?),
            "users.get_acl" => reply(&replies::Acl { acl: &self.of_user(head, Directory::acl)? }),
            "users.list_policies" => {
                let policies = self.of_user(head, Directory::policies)?;
                reply(&replies::Items { items: policies.iter().map(replies::Item::from).collect() })
            }
            "users.list_groups" => {
                let groups = self.of_user(head, Directory::groups)?;
                reply(&replies::Items { items: groups.iter().map(replies::Item::from).collect() })
            }
            "metadata.get_token_metadata" => {
                let MetadataOf { purpose, login, args } = parse(head)?;
                let metadata = self.token_metadata(&purpose, &login, &Args::from(args))?;
                reply(&json!({"metadata": metadata}))
            }
            "metadata.get_persistent_metadata" => {
                let MetadataOf { purpose, login, args } = parse(head)?;
                let metadata = self.persistent_metadata(&purpose, &login, &Args::from(args))?;
                reply(&json!({"metadata": metadata}))
            }
            "tenants.get_top" => reply(&json!({"uuid": self.top_tenant()})),
            "tenants.get_by_domain_name" => self.tenant_by_domain_name(&parse(head)?),
            "tenants.get_by_uuid_or_slug" => self.tenant_by_uuid_or_slug(&parse(head)?),
            "ldap.get" => self.ldap_config_for(caller.name(), &parse(head)?),
            "emails.format" => {
                let ToFormat { template, context } = parse(head)?;
                let formatted = self.format_mail(template, &context);
                reply(&formatted.map_err(|error| failure(ErrorKind::Host, &error.to_string()))?)
            }
            "tokens.create" => reply(&self.create_plugin_token(caller, parse(head)?)?),
            "tokens.delete" => {
                if let Some(token) = TokenIndex::parse_token(&parse::<ByToken>(head)?.token) {
                    self.revoke_token(token)?;
                }
                reply(&json!({}))
            }
            "tokens.get_refresh_token" => reply(&self.refresh_token_info(&parse(head)?)?),
            "purposes.get" => {
                let purpose = parse::<wire::ByName<'_>>(head)?.name;
                let plugins =
                    self.plugins().map_err(|error| failure(ErrorKind::Busy, &error.to_string()))?;
                let plugins = plugins.metadata_for(&purpose).ok_or_else(|| {
                    failure(ErrorKind::NotFound, "there are no tokens for this purpose")
                })?;
                let items: Vec<&str> = plugins.iter().map(|plugin| plugin.name()).collect();
                reply(&json!({"items": items}))
            }
            unknown => {
                let text = format!("this daemon offers no service named `{unknown}`");
                Err(failure(ErrorKind::Unsupported, &text))
            }
        }
    }

    fn of_user<T>(&self, head: &str, ask: Ask<T>) -> Result<Arc<[T]>, Refusal> {
        match user_uuid(head)? {
            Some(uuid) => Ok(ask(self.directory(), self.store(), uuid)?),
            None => Ok(Arc::new([])),
        }
    }

    fn refresh_token_info(&self, of: &wire::RefreshTokenOf<'_>) -> Result<Value, Refusal> {
        let found = match TokenIndex::parse_token(&of.refresh_token) {
            Some(token) => {
                self.store().read(|conn| store::refresh_tokens::get(conn, &token, &of.client_id))?
            }
            None => None,
        };
        let found = found.ok_or_else(|| {
            failure(ErrorKind::NotFound, "there is no such refresh token for this application")
        })?;
        Ok(json!({
            "backend_name": found.backend.as_deref().unwrap_or_default(),
            "login": found.login.as_deref().unwrap_or_default(),
            "metadata": found.metadata,
        }))
    }

    /// A token for a plugin's own use (tokens.md section 12), committed before
    /// it is returned.
    fn create_plugin_token(
        &self,
        caller: &Caller,
        new: NewInternalToken,
    ) -> Result<Value, Refusal> {
        for access in &new.acl {
            caller.ensure_may_hand_out(access).map_err(Refusal)?;
        }
        if !(1..=315_360_000).contains(&new.expiration) {
            return Err(failure(
                ErrorKind::Malformed,
                "`expiration` must be from 1 to 315360000 seconds",
            ));
        }
        let mut metadata = Map::new();
        metadata.insert("tenant_uuid".to_owned(), json!(self.top_tenant()));
        let token = self.issue_internal(Internal {
            expiration: new.expiration,
            acl: new.acl,
            metadata,
            user_agent: "wazo-auth-internal",
            remote_addr: "127.0.0.1",
        })?;
        Ok(json!({"token": token}))
    }
}

/// Room for most answers: it need not grow while they are written.
const MOST_ANSWERS: usize = 768;

fn reply(answer: &impl Serialize) -> Result<String, Refusal> {
    let mut text = Vec::with_capacity(MOST_ANSWERS);
    let written = serde_json::to_writer(&mut text, answer);
    let text = written.ok().and_then(|()| String::from_utf8(text).ok());
    text.ok_or_else(|| failure(ErrorKind::Host, "the answer cannot be written as JSON"))
}

fn parse<'a, T: Deserialize<'a>>(head: &'a str) -> Result<T, Refusal> {
    serde_json::from_str(head).map_err(|error| {
        // Not the error's own text: it may quote a password.
        let (line, column) = (error.line(), error.column());
        let text =
            format!("the request is not of the expected form (line {line}, column {column})");
        failure(ErrorKind::Malformed, &text)
    })
}

/// The user that is asked about; `None` for what cannot be a user's UUID.
fn user_uuid(head: &str) -> Result<Option<Uuid>, Refusal> {
    Ok(Uuid::parse_str(&parse::<ByUser<'_>>(head)?.user_uuid).ok())
}

/// A question about a user.
type Ask<T> = fn(&Directory, &Store, Uuid) -> Result<Arc<[T]>, store::Error>;

/// What a plugin is told instead of a reply.
struct Refusal(HostFailure);

fn failure(kind: ErrorKind, text: &str) -> Refusal {
    Refusal(HostFailure { kind, text: text.to_owned() })
}

impl From<store::Error> for Refusal {
    fn from(error: store::Error) -> Self {
        // Not the plugin's fault and not for good: the request is answered 503.
        let kind = if error.is_outage() { ErrorKind::Busy } else { ErrorKind::Host };
        failure(kind, &error.to_string())
    }
}

impl From<VerifyError> for Refusal {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Busy(busy) => failure(ErrorKind::Busy, &busy.to_string()),
            VerifyError::Hashing(failed) => failure(ErrorKind::Host, &failed.to_string()),
            VerifyError::Store(error) => error.into(),
        }
    }
}

impl From<MetadataError> for Refusal {
    fn from(error: MetadataError) -> Self {
        let kind = match &error {
            MetadataError::Call(CallError::Busy { .. }) => ErrorKind::Busy,
            _ => ErrorKind::Host,
        };
        failure(kind, &error.to_string())
    }
}
