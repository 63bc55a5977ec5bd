//! Cross-origin requests of browsers (http.md section 6.1).

use http::{
    HeaderMap, HeaderValue, Method,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_REQUEST_HEADERS,
        ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
    },
};

/// `rest_api.cors`.
#[derive(Debug, Clone)]
pub struct Cors {
    /// Whether browsers of other origins may use the service.
    pub enabled: bool,
    /// Request headers that they may send.
    pub allow_headers: Vec<String>,
}

const ANY: HeaderValue = HeaderValue::from_static("*");
const METHODS: HeaderValue =
    HeaderValue::from_static("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT");
/// Lets a browser script read how many sessions its login has ended.
const EXPOSED: HeaderValue = HeaderValue::from_static("Wazo-Sessions-Revoked");

/// What the answer to one request tells a browser.
pub(crate) enum Verdict {
    Nothing,
    /// No browser asked; anybody may.
    Any,
    Origin {
        origin: HeaderValue,
        /// Only in the answer to a preflight.
        methods: bool,
        headers: Option<HeaderValue>,
    },
}

// === impl Cors ===

impl Cors {
    /// Looks at a request.
    pub(crate) fn judge(&self, method: &Method, request: &HeaderMap) -> Verdict {
        if !self.enabled {
            return Verdict::Nothing;
        }
        // No browser's origin has bytes beyond ASCII, and no answer of ours.
        let origin = request.get(ORIGIN).filter(|origin| origin.to_str().is_ok());
        let Some(origin) = origin else { return Verdict::Any };
        let preflight =
            *method == Method::OPTIONS && request.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        Verdict::Origin {
            origin: origin.clone(),
            methods: preflight,
            headers: if preflight { self.allowed_of(request) } else { None },
        }
    }

    /// The requested headers that are allowed, in the request's spelling.
    fn allowed_of(&self, request: &HeaderMap) -> Option<HeaderValue> {
        let requested = request.get(ACCESS_CONTROL_REQUEST_HEADERS)?.to_str().ok()?;
        let is_allowed =
            |name: &&str| self.allow_headers.iter().any(|other| other.eq_ignore_ascii_case(name));
        let mut names: Vec<&str> = requested.split(',').map(str::trim).filter(is_allowed).collect();
        names.sort_unstable();
        if names.is_empty() { None } else { HeaderValue::from_str(&names.join(", ")).ok() }
    }
}

// === impl Verdict ===

impl Verdict {
    pub(crate) fn decorate(self, answer: &mut HeaderMap) {
        match self {
            Self::Nothing => {}
            Self::Any => {
                answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
            }
            Self::Origin { origin, methods, headers } => {
                answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
                answer.append(VARY, HeaderValue::from_static("Origin"));
                answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
                if methods {
                    answer.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
                }
                if let Some(headers) = headers {
                    answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, headers);
                }
            }
        }
    }
}
