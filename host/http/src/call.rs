//! One request, as its handler sees it.

use std::{borrow::Cow, net::IpAddr, ops::Range};

use http::{HeaderMap, HeaderValue, request::Parts};
use hyper::body::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use uuid::Uuid;
use wazo_auth_service::policies::PolicyId;
use wazo_auth_store::index::{LiveToken, TokenIndex};

use crate::{App, errors::Error, query, router::Route};

/// At most so many variables in one path.
pub(crate) const MAX_PARAMS: usize = 3;

/// The variables of a path.
pub(crate) type Params = [Option<Param>; MAX_PARAMS];

/// A variable of a path.
pub(crate) struct Param {
    pub(crate) name: &'static str,
    /// Where it stands in the path.
    pub(crate) at: Range<usize>,
    /// What it is, where its name asks for a UUID.
    pub(crate) uuid: Option<Uuid>,
}

/// A request whose route is known and whose body has been read.
pub(crate) struct Call {
    pub(crate) route: &'static Route,
    pub(crate) parts: Parts,
    pub(crate) params: Params,
    pub(crate) body: Bytes,
    pub(crate) peer: IpAddr,
    /// The caller's token, where the route requires one.
    pub(crate) caller: Option<LiveToken>,
    /// What the database knows of the token in question, where memory did not.
    pub(crate) looked_up: Option<Box<TokenIndex>>,
    /// The database cannot be reached: what was known of the token in question
    /// before is good enough.
    pub(crate) is_remembered: bool,
}

// === impl Call ===

impl Call {
    /// What is known of tokens.
    pub(crate) fn index<'a>(&'a self, app: &'a App) -> Result<&'a TokenIndex, Error> {
        let index = self.looked_up.as_deref().or_else(|| app.services.index());
        let index = match self.is_remembered {
            true => index.or_else(|| app.services.store().remembered()),
            false => index,
        };
        index.ok_or_else(Error::not_known_now)
    }

    /// A path variable as it stands in the URL.
    pub(crate) fn raw_param(&self, name: &str) -> &str {
        let param = self.find_param(name);
        param.and_then(|param| self.parts.uri.path().get(param.at.clone())).unwrap_or_default()
    }

    fn find_param(&self, name: &str) -> Option<&Param> {
        self.params.iter().flatten().find(|param| param.name == name)
    }

    /// A path variable, decoded; an encoded slash stays encoded (http.md
    /// section 1).
    pub(crate) fn param(&self, name: &str) -> String {
        let raw = self.raw_param(name);
        if !raw.contains('%') {
            return raw.to_owned();
        }
        let kept = raw.replace("%2F", "%252F").replace("%2f", "%252f");
        percent_decode_str(&kept).decode_utf8_lossy().into_owned()
    }

    /// A path variable that the router has found to be shaped like a UUID.
    pub(crate) fn uuid_param(&self, name: &str) -> Uuid {
        self.find_param(name).and_then(|param| param.uuid).unwrap_or_default()
    }

    /// The path variable `policy`: a UUID if it is shaped like one.
    pub(crate) fn policy_param(&self) -> PolicyId {
        let param = self.param("policy");
        match uuid(&param) {
            Some(uuid) => PolicyId::Uuid(uuid),
            None => PolicyId::Slug(param),
        }
    }

    /// The first value of a query parameter.
    pub(crate) fn query(&self, name: &str) -> Option<Cow<'_, str>> {
        query::first(self.parts.uri.query(), name)
    }

    /// The first value of each of these query parameters.
    pub(crate) fn queries<const N: usize>(&self, names: [&str; N]) -> [Option<Cow<'_, str>>; N] {
        query::firsts(self.parts.uri.query(), names)
    }

    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        header(&self.parts.headers, name)
    }

    /// The address of the client.
    pub(crate) fn remote_addr(&self, app: &App) -> String {
        remote_addr(&self.parts.headers, self.peer, app.settings.num_proxies)
    }

    /// The body as JSON. Falsy values stand for `{}` (http.md section 2.1).
    pub(crate) fn json(&self) -> Result<Value, Error> {
        let value: Value =
            serde_json::from_slice(&self.body).map_err(|_| Error::unreadable_body())?;
        Ok(match value {
            Value::Null | Value::Bool(false) => Value::Object(Map::new()),
            Value::Array(items) if items.is_empty() => Value::Object(Map::new()),
            Value::String(text) if text.is_empty() => Value::Object(Map::new()),
            Value::Number(number) if number.as_f64() == Some(0.0) => Value::Object(Map::new()),
            value => value,
        })
    }

    /// The caller's token on a route that requires one.
    pub(crate) fn caller(&self) -> Result<&LiveToken, Error> {
        self.caller.as_ref().ok_or_else(|| Error::missing_token("", ""))
    }
}

/// A header's text; bytes beyond ASCII are Latin-1, as HTTP once had it.
pub(crate) fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<Cow<'h, str>> {
    headers.get(name).map(text)
}

/// All headers, in order.
pub(crate) fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let headers = headers.iter();
    headers.map(|(name, value)| (name.as_str().to_owned(), text(value).into_owned())).collect()
}

fn text(value: &HeaderValue) -> Cow<'_, str> {
    match value.to_str() {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(value.as_bytes().iter().copied().map(char::from).collect()),
    }
}

/// The address of the client (http.md section 6.2): as the `proxies`-th proxy
/// from here saw it.
pub(crate) fn remote_addr(headers: &HeaderMap, peer: IpAddr, proxies: usize) -> String {
    forwarded(headers, "x-forwarded-for", proxies).map_or_else(|| peer.to_string(), str::to_owned)
}

/// The value that the `proxies`-th proxy from here has appended.
pub(crate) fn forwarded<'h>(headers: &'h HeaderMap, name: &str, proxies: usize) -> Option<&'h str> {
    // By bytes: what a client has put in front must not hide what the proxy says.
    let mut values: Vec<&[u8]> = headers
        .get_all(name)
        .iter()
        .flat_map(|value| value.as_bytes().split(|b| *b == b','))
        .collect();
    let index = values.len().checked_sub(proxies).filter(|_| proxies > 0)?;
    let value = (index < values.len()).then(|| values.swap_remove(index))?;
    std::str::from_utf8(value).ok().map(str::trim).filter(|value| !value.is_empty())
}

/// What `text` is if it is shaped `8-4-4-4-12` in hexadecimal digits of any case.
pub(crate) fn uuid(text: &str) -> Option<Uuid> {
    // Of this length, there is but one form that the parser takes.
    if text.len() == 36 { Uuid::try_parse(text).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nth_proxy_from_the_right_names_the_client() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_static("1.1.1.1, 2.2.2.2"));
        assert_eq!(forwarded(&headers, "x-forwarded-for", 1), Some("2.2.2.2"));
        assert_eq!(forwarded(&headers, "x-forwarded-for", 2), Some("1.1.1.1"));
        assert_eq!(forwarded(&headers, "x-forwarded-for", 3), None);
        assert_eq!(forwarded(&headers, "x-forwarded-for", 0), None);
    }

    #[test]
    fn only_the_hyphenated_form_is_a_uuid() {
        assert!(uuid("5B046EC3-8ac7-4908-9814-692f55d57e77").is_some());
        assert!(uuid("5b046ec38ac749089814692f55d57e77").is_none());
        assert!(uuid("5b046ec3-8ac7-4908-9814-692f55d57e7g").is_none());
    }
}
