//! What the log says of requests, without a secret (http.md section 12).
//!
//! Token checks are by far the most frequent requests, one per request of every
//! other service: they are told at DEBUG, all others at INFO.

use std::{borrow::Cow, fmt::Write, time::Instant};

use http::{HeaderMap, Method, StatusCode, Uri, header::CONTENT_TYPE};
use log::Level;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use wazo_auth_service::login::redacted;

use crate::authorize::TOKEN;

const TARGET: &str = "wazo-auth";
const HIDDEN: &str = "<hidden>";
/// Longer bodies are not written down.
const MAX_BODY: usize = 4096;
/// What stands in the paths of accounts at other services, and of their configuration.
const ACCOUNTS: &str = "external";
/// Shorter segments further below `/token/` are names, such as `scopes`.
const MIN_TOKEN: usize = 32;
/// The URL prefix that clients see, where a reverse proxy strips one.
const PREFIX: &str = "x-script-name";

/// A request on its way through the log.
pub(crate) struct Logged {
    level: Level,
    started: Instant,
    what: String,
    span: String,
}

// === impl Logged ===

impl Logged {
    /// Tells the receipt of a request; `None` when nobody listens at that level.
    pub(crate) fn receive(
        level: Level,
        random: impl FnOnce() -> [u8; 24],
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Option<Self> {
        if !log::log_enabled!(target: TARGET, level) {
            return None;
        }
        let span = span(headers, random());
        let prefix = crate::call::header(headers, PREFIX).unwrap_or_default();
        let what = [method.as_str(), " ", &*prefix, &*url(uri)].concat();
        let mut sent = headers_text(headers);
        add_body(&mut sent, uri, headers, body);
        log::log!(target: TARGET, level, "request: {what} {sent} [{span}]");
        Some(Self { level, started: Instant::now(), what, span })
    }

    /// Tells the answer.
    pub(crate) fn answer(self, to: &str, status: StatusCode) {
        let seconds = self.started.elapsed().as_secs_f64();
        let (what, span, status) = (self.what, self.span, status.as_u16());
        log::log!(
            target: TARGET, self.level,
            "response to {to} in {seconds:.2}s: {what} {status} [{span}]"
        );
    }
}

/// The URL, decoded, without tokens in path or query.
fn url(uri: &Uri) -> String {
    let path = percent_decode_str(uri.path()).decode_utf8_lossy();
    let mut url = path_text(&path);
    for (i, (key, value)) in crate::query::pairs(uri.query()).enumerate() {
        url.push(if i == 0 { '?' } else { '&' });
        let value = if is_secret(&key) { redacted(&value) } else { value.into_owned() };
        let _ = write!(url, "{key}={value}");
    }
    url
}

/// A path in which whatever comes after `token` may be one.
pub(crate) fn path_text(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    let (mut previous, mut below_token) = ("", false);
    for (i, segment) in path.split('/').enumerate() {
        if i > 0 {
            text.push('/');
        }
        if previous == "token" || below_token && segment.len() >= MIN_TOKEN {
            text.push_str(&redacted(segment));
        } else {
            text.push_str(segment);
        }
        below_token |= segment == "token";
        previous = segment;
    }
    text
}

/// Whether the name of a parameter or field says that its value is a secret.
fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["token", "password", "secret"].iter().any(|word| key.ends_with(word))
        || key == "saml_session_id"
}

fn headers_text(headers: &HeaderMap) -> String {
    let mut text = String::with_capacity(512);
    text.push('{');
    for (i, (name, value)) in headers.iter().enumerate() {
        let value = String::from_utf8_lossy(value.as_bytes());
        let value = match name.as_str() {
            "authorization" if value.starts_with("Basic ") => format!("Basic {HIDDEN}").into(),
            "authorization" | "cookie" | "proxy-authorization" => Cow::Borrowed(HIDDEN),
            TOKEN => redacted(&value).into(),
            // The page that the browser came from may have had a token in its URL.
            "referer" => path_text(value.split('?').next().unwrap_or_default()).into(),
            _ => value,
        };
        let separator = if i == 0 { "" } else { ", " };
        text.extend([separator, name.as_str(), ": ", &*value]);
    }
    text.push('}');
    text
}

/// Adds the JSON body with its secrets hidden, or nothing.
fn add_body(text: &mut String, uri: &Uri, headers: &HeaderMap, body: &[u8]) {
    let is_json = headers.get(CONTENT_TYPE).is_some_and(|value| value == "application/json");
    if !is_json || body.is_empty() {
        return;
    }
    // What belongs to an account at another service is a secret, by whatever name.
    let is_account = uri.path().split('/').any(|segment| segment == ACCOUNTS);
    if is_account || body.len() > MAX_BODY {
        let _ = write!(text, " with data of {} bytes", body.len());
        return;
    }
    let Ok(mut fields) = serde_json::from_slice::<Map<String, Value>>(body) else { return };
    hide(&mut fields);
    if let Ok(fields) = serde_json::to_string(&fields) {
        text.extend([" with data ", &*fields]);
    }
}

/// Hides secrets at any depth: a client may have put them one level too deep.
fn hide(fields: &mut Map<String, Value>) {
    for (key, value) in fields {
        match value {
            value if is_secret(key) => *value = Value::from(HIDDEN),
            Value::Object(fields) => hide(fields),
            Value::Array(items) => items.iter_mut().for_each(|item| {
                if let Value::Object(fields) = item {
                    hide(fields);
                }
            }),
            _ => {}
        }
    }
}

/// `span_id`, `parent_id` and `trace_id`: from a valid W3C `traceparent`, else
/// random.
fn span(headers: &HeaderMap, random: [u8; 24]) -> String {
    let (trace, span) = random.split_at(16);
    let given = crate::call::header(headers, "traceparent");
    let given = given.as_deref().and_then(traceparent);
    let (trace, parent) = match given {
        Some((trace, parent)) => (Cow::Borrowed(trace), parent),
        None => (Cow::Owned(hex(trace)), "-"),
    };
    ["span_id=", &*hex(span), " parent_id=", parent, " trace_id=", &*trace].concat()
}

/// Trace id and parent id.
fn traceparent(header: &str) -> Option<(&str, &str)> {
    let mut parts = header.split('-');
    let (version, trace, parent, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let well_formed = is_hex(version, 2)
        && version != "ff"
        && is_hex(trace, 32)
        && is_hex(parent, 16)
        && is_hex(flags, 2)
        && (version != "00" || parts.next().is_none());
    let zero = |text: &str| text.bytes().all(|b| b == b'0');
    (well_formed && !zero(trace) && !zero(parent)).then_some((trace, parent))
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_in_urls_show_their_last_eight_characters() {
        let uri: Uri = "/0.1/token/5b046ec3-8ac7-4908-9814-692f55d57e77?scope=a.b".parse().unwrap();
        assert_eq!(url(&uri), "/0.1/token/XXXXXXXX-XXXX-XXXX-XXXX-XXXX55d57e77?scope=a.b");
    }

    #[test]
    fn a_token_in_the_url_of_the_page_before_is_hidden() {
        let mut headers = HeaderMap::new();
        headers.insert("referer", "https://x.example/reset?token=s3cre7".parse().unwrap());
        assert_eq!(headers_text(&headers), "{referer: https://x.example/reset}");
    }

    #[test]
    fn secrets_in_bodies_are_hidden() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, "application/json".parse().unwrap());
        let body = br#"{"password": "s3cre7", "a": [{"bind_password": "s3cre7"}]}"#;
        let mut text = String::new();
        add_body(&mut text, &Uri::from_static("/0.1/token"), &headers, body);
        assert!(!text.contains("s3cre7") && text.contains("<hidden>"), "{text}");
        for path in ["/0.1/external/x/config", "/api/auth/0.1/users/u/external/x"] {
            let mut text = String::new();
            add_body(&mut text, &Uri::from_static(path), &headers, br#"{"any": "s3cre7"}"#);
            assert_eq!(text, " with data of 17 bytes");
        }
    }

    #[test]
    fn a_bad_traceparent_counts_as_absent() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert!(traceparent(good).is_some());
        assert!(traceparent(&good.replace("00-0a", "ff-0a")).is_none());
        assert!(traceparent(&good.replace("b7ad6b7169203331", "0000000000000000")).is_none());
        assert!(traceparent("x").is_none());
    }
}
