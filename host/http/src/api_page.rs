//! `GET /api/ui`: the description of the API to read and try in a browser.
//!
//! The page is Swagger UI. `scripts/swagger-ui` brings its files into
//! `host/http/ui`; they are part of the program, compressed as they are sent.

use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, REFERRER_POLICY,
        X_CONTENT_TYPE_OPTIONS,
    },
};
use hyper::body::Bytes;

use crate::{
    App,
    call::Call,
    errors::Error,
    reply::{HTML, Reply},
};

const PAGE: &[u8] = include_bytes!("../ui/page.html");

/// A file that the page is made of.
struct File {
    name: &'static str,
    content_type: &'static str,
    content: &'static [u8],
    is_compressed: bool,
}

static FILES: [File; 3] = [
    File {
        name: "page.js",
        content_type: "text/javascript; charset=utf-8",
        content: include_bytes!("../ui/page.js"),
        is_compressed: false,
    },
    File {
        name: "swagger-ui-bundle.js",
        content_type: "text/javascript; charset=utf-8",
        content: include_bytes!("../ui/swagger-ui-bundle.js.gz"),
        is_compressed: true,
    },
    File {
        name: "swagger-ui.css",
        content_type: "text/css; charset=utf-8",
        content: include_bytes!("../ui/swagger-ui.css.gz"),
        is_compressed: true,
    },
];

/// The page talks to the host it comes from and to no other, runs only its own
/// scripts, and is shown in no frame.
static HEADERS: [(HeaderName, HeaderValue); 3] = [
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
             connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
];

/// `GET /api/ui`.
pub(crate) fn page(_: &App, _: &Call) -> Result<Reply, Error> {
    Ok(reply(HTML, PAGE))
}

/// `GET /api/ui/{file}`.
pub(crate) fn file(_: &App, call: &Call) -> Result<Reply, Error> {
    let name = call.raw_param("file");
    let Some(file) = FILES.iter().find(|file| file.name == name) else {
        return Ok(Reply::unknown_route());
    };
    // An hour: another version of the daemon may bring other files.
    let reply = reply(HeaderValue::from_static(file.content_type), file.content)
        .header(CACHE_CONTROL, HeaderValue::from_static("max-age=3600"));
    Ok(match file.is_compressed {
        true => reply.header(CONTENT_ENCODING, HeaderValue::from_static("gzip")),
        false => reply,
    })
}

fn reply(content_type: HeaderValue, content: &'static [u8]) -> Reply {
    Reply {
        status: StatusCode::OK,
        content_type,
        headers: HEADERS.to_vec(),
        body: Bytes::from_static(content),
    }
}
