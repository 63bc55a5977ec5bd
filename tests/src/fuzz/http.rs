//! Requests over a connection in memory, to the daemon's own edge, services
//! and store.
//!
//! The bytes are a request, head and body, in which `ADMIN-TOKEN`, `USER-UUID`
//! and `REFRESH-TOKEN` stand for real ones. `Connection: close` and the length
//! of the body are added; then nothing more is sent.

use std::{
    cell::RefCell,
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    runtime::Runtime,
    time::timeout,
};
use uuid::Uuid;
use wazo_auth_config::Config;
use wazo_auth_http::{App, Cors, Limits, Settings, serve_connection};
use wazo_auth_work::Pool;

use super::http_answer;
use crate::{
    daemon::{ADMIN, ADMIN_PASSWORD},
    in_process::{InProcess, login_request},
};

/// Requests before the database is made anew.
const REQUESTS: usize = 1000;
/// Long before this, a connection ends on which nobody sends any more.
const SOON: Duration = Duration::from_secs(20);
const MAX_BODY: usize = 1024 * 1024;

thread_local! {
    static EDGE: RefCell<Option<Edge>> = const { RefCell::new(None) };
}

struct Edge {
    app: Arc<App>,
    host: InProcess,
    runtime: Runtime,
    admin_token: Uuid,
    user: String,
    refresh_token: String,
    left: usize,
}

/// # Panics
/// When the answer is not well-formed, or blames the daemon.
pub fn run(bytes: &[u8], libraries: impl Fn() -> Vec<PathBuf>) {
    EDGE.with_borrow_mut(|edge| {
        let edge = edge.get_or_insert_with(|| Edge::start(&libraries()));
        edge.run(bytes);
        if edge.left == 0 {
            *edge = Edge::start(&libraries());
        }
    });
}

// === impl Edge ===

impl Edge {
    fn start(libraries: &[PathBuf]) -> Self {
        super::log_to_nowhere();
        let host = InProcess::start(libraries, &[]);
        let services = Arc::clone(&host.services);
        let plugins = Config::defaults().unwrap().settings.plugins.http;
        let settings = Settings {
            num_proxies: 1,
            cors: Cors { enabled: true, allow_headers: vec!["X-Auth-Token".to_owned()] },
            plugins: plugins.into_iter().filter(|(_, on)| *on).map(|(name, _)| name).collect(),
            max_body: MAX_BODY,
            limits: Limits {
                connections: 1,
                handshake: SOON,
                head: SOON,
                body: SOON,
                answer: SOON,
                stop: SOON,
            },
            confirmation_page: ureq::http::HeaderValue::from_static("text/html"),
        };
        let pool = |name| Pool::new(name, 2, 8);
        let config = wazo_auth_http::Config::new(serde_json::Map::new(), |_| {});
        let [requests, logins, outside, lookups] =
            ["requests", "logins", "outside", "lookups"].map(pool);
        let app = App::new(services, settings, config, requests, logins, outside, lookups).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut request = login_request("wazo_user", ADMIN, ADMIN_PASSWORD);
        request.offline = true;
        request.client_id = Some("desk".to_owned());
        let answer = host.services.create_token(&request).unwrap();
        Self {
            app,
            runtime,
            admin_token: answer.token.token,
            user: answer.token.auth_id,
            refresh_token: answer.refresh_token.unwrap().to_string(),
            host,
            left: REQUESTS,
        }
    }

    fn run(&mut self, bytes: &[u8]) {
        self.left -= 1;
        let known = self.host.services.find_live_token(&self.admin_token.to_string());
        if known.unwrap().is_none() {
            // The request before has revoked it.
            let request = login_request("wazo_user", ADMIN, ADMIN_PASSWORD);
            if let Ok(answer) = self.host.services.create_token(&request) {
                self.admin_token = answer.token.token;
            }
        }
        let request = framed(&self.filled(bytes));
        let answer = self.runtime.block_on(converse(&self.app, &request));
        http_answer::check(&answer);
    }

    fn filled(&self, bytes: &[u8]) -> Vec<u8> {
        let names = [
            ("ADMIN-TOKEN", self.admin_token.to_string()),
            ("USER-UUID", self.user.clone()),
            ("REFRESH-TOKEN", self.refresh_token.clone()),
        ];
        names.iter().fold(bytes.to_vec(), |bytes, (name, value)| {
            let parts: Vec<&[u8]> = split(&bytes, name.as_bytes());
            parts.join(value.as_bytes())
        })
    }
}

/// Head and body, with the headers that make an end.
fn framed(bytes: &[u8]) -> Vec<u8> {
    let ends: [&[u8]; 2] = [b"\r\n\r\n", b"\n\n"];
    let found = ends.iter().filter_map(|end| Some((find(bytes, end)?, end.len())));
    let (head, body) = match found.min() {
        Some((at, length)) => (&bytes[..at], &bytes[at + length..]),
        None => (bytes, &[][..]),
    };
    let more = format!("\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    [head, more.as_bytes(), body].concat()
}

async fn converse(app: &Arc<App>, request: &[u8]) -> Vec<u8> {
    let (mut client, server) = tokio::io::duplex(2 * MAX_BODY);
    let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let served = tokio::spawn(serve_connection(Arc::clone(app), server, peer));
    // Who has seen enough may close before the end.
    let _ = client.write_all(request).await;
    let _ = client.shutdown().await;
    let mut answer = Vec::new();
    timeout(SOON, read(&mut client, &mut answer)).await.expect("the connection ends");
    served.await.expect("no panic");
    answer
}

async fn read(client: &mut DuplexStream, answer: &mut Vec<u8>) {
    while client.read_buf(answer).await.is_ok_and(|length| length > 0) {}
}

pub(super) fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn split<'a>(mut bytes: &'a [u8], separator: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    while let Some(at) = find(bytes, separator) {
        parts.push(&bytes[..at]);
        bytes = &bytes[at + separator.len()..];
    }
    parts.push(bytes);
    parts
}
