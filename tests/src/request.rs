//! One request to the daemon and its answer.

use serde_json::Value;
use ureq::http;

/// A request that is being put together.
#[must_use]
pub struct Request {
    agent: ureq::Agent,
    builder: http::request::Builder,
    body: Vec<u8>,
}

/// An answer, read whole.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// All headers.
    pub headers: http::HeaderMap,
    /// The body as it came.
    pub body: Vec<u8>,
}

// === impl Request ===

impl Request {
    pub(crate) fn new(agent: &ureq::Agent, method: &str, url: &str) -> Self {
        let builder = http::Request::builder().method(method).uri(url);
        Self { agent: agent.clone(), builder, body: Vec::new() }
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.builder = self.builder.header(name, value);
        self
    }

    /// `X-Auth-Token`.
    pub fn token(self, token: &str) -> Self {
        self.header("X-Auth-Token", token)
    }

    /// `Authorization: Basic`.
    pub fn basic(self, login: &str, password: &str) -> Self {
        let pair = base64(format!("{login}:{password}").as_bytes());
        self.header("Authorization", &format!("Basic {pair}"))
    }

    /// A body of JSON, as text.
    pub fn json(mut self, body: impl ToString) -> Self {
        self.body = body.to_string().into_bytes();
        self.header("Content-Type", "application/json")
    }

    /// A body of any bytes.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends it.
    ///
    /// # Panics
    /// When there is no answer.
    #[must_use = "a request is sent for its answer"]
    pub fn send(self) -> Answer {
        self.try_send().unwrap()
    }

    /// Sends it to a daemon that may be dying.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub fn try_send(self) -> Result<Answer, ureq::Error> {
        let request = self.builder.body(self.body).unwrap();
        let mut response = self.agent.run(request)?;
        let body = response.body_mut().with_config().limit(64 << 20).read_to_vec()?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer { status, headers, body })
    }
}

// === impl Answer ===

impl Answer {
    /// The body as JSON.
    ///
    /// # Panics
    /// When it is not.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's text; empty when absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The answer, if it has this status.
    ///
    /// # Panics
    /// With the whole answer when it has another one.
    #[track_caller]
    #[must_use]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }
}

/// Base64 of RFC 4648, so that tests need no further crate.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let sextet = (word >> (18 - 6 * i)) & 63;
            text.push(if i > chunk.len() { '=' } else { ALPHABET[sextet as usize] as char });
        }
    }
    text
}
