//! Answers: status, headers, and JSON the way the contract writes it.

use std::io;

use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};
use http_body_util::Full;
use hyper::body::Bytes;
use serde::Serialize;

/// The body of every answer: complete and in memory.
pub(crate) type Body = Full<Bytes>;

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(crate) const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// What a handler answers.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) content_type: HeaderValue,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
}

// === impl Reply ===

impl Reply {
    /// 200 with a JSON body.
    pub(crate) fn json(value: &impl Serialize) -> Self {
        Self::json_with(StatusCode::OK, value)
    }

    /// Any status with a JSON body.
    pub(crate) fn json_with(status: StatusCode, value: &impl Serialize) -> Self {
        Self { status, content_type: JSON, headers: Vec::new(), body: to_json(value).into() }
    }

    /// A status without a body.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self { status, content_type: JSON, headers: Vec::new(), body: Bytes::new() }
    }

    pub(crate) fn no_content() -> Self {
        Self::empty(StatusCode::NO_CONTENT)
    }

    /// The answer to an unknown route: a page, not JSON (http.md section 1).
    pub(crate) fn unknown_route() -> Self {
        const PAGE: &str = "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n\
            <h1>Not Found</h1>\n<p>There is nothing at this address.</p>\n";
        Self {
            status: StatusCode::NOT_FOUND,
            content_type: HTML,
            headers: Vec::new(),
            body: Bytes::from_static(PAGE.as_bytes()),
        }
    }

    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The answer as hyper sends it; without its body when `head` asked.
    pub(crate) fn into_response(self, head: bool) -> Response<Body> {
        let body = if head { Bytes::new() } else { self.body };
        let mut response = Response::new(Body::new(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, self.content_type);
        if head && self.status != StatusCode::NO_CONTENT {
            // A client that was told to send HEAD as if it were GET would wait
            // for the bytes that any other length announces.
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        for (name, value) in self.headers {
            headers.append(name, value);
        }
        response
    }
}

/// Room for most answers, a token among them: it need not grow while they are
/// written.
const ROOM: usize = 1024;

/// JSON as the contract writes it: a newline at the end, every character
/// beyond ASCII as `\uXXXX`.
pub(crate) fn to_json(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(ROOM);
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Ascii);
    if let Err(error) = value.serialize(&mut serializer) {
        // Only a map with keys that are no strings gets here.
        log::error!(target: "wazo_auth.http", "an answer cannot be written as JSON: {error}");
        bytes = b"null".to_vec();
    }
    bytes.push(b'\n');
    bytes
}

struct Ascii;

impl serde_json::ser::Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if fragment.is_ascii() {
            return writer.write_all(fragment.as_bytes());
        }
        for c in fragment.chars() {
            if c.is_ascii() {
                writer.write_all(&[c as u8])?;
            } else {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_ascii_and_ends_with_a_newline() {
        assert_eq!(to_json(&"é 😀\n"), b"\"\\u00e9 \\ud83d\\ude00\\n\"\n");
    }
}
