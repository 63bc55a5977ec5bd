//! `google` and `microsoft`: the authorization-code flow of OAuth 2.0
//! (external-auth.md section 6).

use std::{collections::HashSet, marker::PhantomData};

use form_urlencoded::Serializer;
use wazo_auth_plugin_api::prelude::*;

use crate::{
    body::Fields,
    tokens::{self, Client, Tokens},
};

/// Tokens are renewed so many seconds before they expire.
const EARLY: f64 = 30.0;
const STATE_LENGTH: usize = 30;
const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

pub(crate) type Google = OAuth2<ForGoogle>;
pub(crate) type Microsoft = OAuth2<ForMicrosoft>;

/// What differs between the two.
pub(crate) trait Provider: Send + Sync + 'static {
    /// What the address of the page of consent ends with.
    const EXTRAS: &'static [(&'static str, &'static str)];
}

pub(crate) struct ForGoogle;
pub(crate) struct ForMicrosoft;

/// Accounts at one provider.
pub(crate) struct OAuth2<P> {
    config: Config,
    host: Host,
    provider: PhantomData<P>,
}

/// The section of the configuration that is named after the provider.
#[derive(Deserialize)]
#[serde(crate = "wazo_auth_plugin_api::serde")]
pub(crate) struct Config {
    authorization_base_url: String,
    redirect_uri: String,
    scope: Vec<String>,
    token_url: String,
    websocket_host: String,
}

// === impl Provider ===

impl Provider for ForGoogle {
    const EXTRAS: &'static [(&'static str, &'static str)] =
        &[("access_type", "offline"), ("prompt", "consent")];
}

impl Provider for ForMicrosoft {
    const EXTRAS: &'static [(&'static str, &'static str)] = &[];
}

// === impl OAuth2 ===

impl<P: Provider> OAuth2<P> {
    /// Sends somebody to the page of consent.
    fn start(&self, user: &str, tenant: &str, body: &[u8]) -> Result<HttpResponse> {
        let fields = match Fields::read(body) {
            // The body is optional.
            Err(_) if body.is_empty() => Fields::default(),
            Err(refused) => return refused.answer(),
            Ok(fields) => fields,
        };
        let scope = match fields.texts("scope") {
            Err(refused) => return refused.answer(),
            Ok(scope) if scope.is_empty() => self.config.scope.iter().map(|s| &**s).collect(),
            Ok(scope) => scope,
        };
        let client = self.client(tenant)?;
        let state = state()?;
        let url = self.authorization_url(&client.id, &scope, &state);
        let address = format!("{}/ws/{state}", self.config.websocket_host.trim_end_matches('/'));
        let callback = OAuth2Callback::new(user, &state).at(address);
        let callback = callback.with_extra(json!({"tenant_uuid": tenant}));
        self.host.external_auth().register_oauth2_callback(&callback)?;
        HttpResponse::json(201, &json!({"authorization_url": url, "state": state}))
    }

    fn authorization_url(&self, client_id: &str, scope: &[&str], state: &str) -> String {
        let Config { authorization_base_url, redirect_uri, .. } = &self.config;
        // What several files configure is one list, with what they share twice.
        let mut seen = HashSet::new();
        let scope: Vec<_> = scope.iter().copied().filter(|scope| seen.insert(*scope)).collect();
        let mut query = Serializer::new(String::new());
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", client_id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("scope", &scope.join(" "))
            .append_pair("state", state)
            .extend_pairs(P::EXTRAS);
        let joint = if authorization_base_url.contains('?') { '&' } else { '?' };
        format!("{authorization_base_url}{joint}{}", query.finish())
    }

    /// The tokens of a user, renewed when they are about to expire.
    fn get(&self, user: &str, tenant: &str) -> Result<HttpResponse> {
        let documents = self.host.external_auth();
        let mut data = documents.get(user)?;
        let expiration = data["token_expiration"].as_f64();
        if expiration.is_none_or(|expiration| tokens::now() + EARLY > expiration) {
            let client = self.client(tenant)?;
            let old = Tokens::stored(&data);
            let renewed = tokens::renew(&self.host, &self.config.token_url, &client, &old)?;
            data = renewed.document();
            documents.update(user, &data)?;
        }
        let mut shown = Map::new();
        for key in ["scope", "access_token", "token_expiration"] {
            if let Some(value) = data.get(key) {
                shown.insert(key.to_owned(), value.clone());
            }
        }
        #[allow(clippy::cast_possible_truncation, reason = "seconds since 1970")]
        if let Some(expiration) = data["token_expiration"].as_f64() {
            shown.insert("token_expiration".to_owned(), (expiration as i64).into());
        }
        HttpResponse::json(200, &shown)
    }

    /// What a tenant has been given by the provider.
    fn client(&self, tenant: &str) -> Result<Client> {
        let config = self.host.external_auth().config(tenant)?;
        let text = |key: &str| config.get(key).and_then(Value::as_str).map(str::to_owned);
        let missing = || {
            let text = "The configuration of this external auth type has no client_id";
            ApiError::new(404, "unknown-config", text)
        };
        let id = text("client_id").ok_or_else(missing)?;
        Ok(Client { id, secret: text("client_secret").unwrap_or_default() })
    }
}

impl<P: Provider> ExternalAuth for OAuth2<P> {
    type Config = Config;

    fn new(config: Config, host: Host) -> Result<Self> {
        Ok(Self { config, host, provider: PhantomData })
    }

    fn routes(&self) -> Vec<Route> {
        vec![
            Route::new("GET", "", "read"),
            Route::new("POST", "", "create"),
            Route::new("DELETE", "", "delete"),
        ]
    }

    fn handle(&self, request: &HttpRequest) -> Result<HttpResponse> {
        let user = request.parameter("user_uuid");
        let tenant = request.tenant_uuid.as_deref().unwrap_or_default();
        match &*request.method {
            "POST" => self.start(user, tenant, &request.body),
            "DELETE" => {
                self.host.external_auth().delete(user)?;
                Ok(HttpResponse::no_content())
            }
            _ => self.get(user, tenant),
        }
    }

    fn oauth2_callback(&self, user_uuid: &str, extra: &Value, message: &Value) -> Result<()> {
        let code = message["code"].as_str();
        let code = code.ok_or_else(|| Error::other("the message of the relay has no `code`"))?;
        let client = self.client(extra["tenant_uuid"].as_str().unwrap_or_default())?;
        let Config { token_url, redirect_uri, .. } = &self.config;
        let tokens = tokens::exchange(&self.host, token_url, redirect_uri, &client, code)?;
        self.host.external_auth().update_or_create(user_uuid, &tokens.document())
    }
}

/// A text that nobody can guess.
#[allow(clippy::disallowed_methods, reason = "a plugin has no other source")]
fn state() -> Result<String> {
    let mut state = String::with_capacity(STATE_LENGTH);
    while state.len() < STATE_LENGTH {
        let mut bytes = [0; 64];
        getrandom::fill(&mut bytes)?;
        // The numbers beyond the last whole alphabet would favour its beginning.
        let numbers = bytes.iter().map(|byte| usize::from(byte & 63));
        let letters = numbers.filter_map(|number| LETTERS.get(number));
        state.extend(letters.take(STATE_LENGTH - state.len()).map(|letter| char::from(*letter)));
    }
    Ok(state)
}
