//! Requests byte by byte as the platform's Python client sends them
//! (client-expectations.md section 1). It is not published anywhere, so these
//! tests stand in for it.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use wazo_auth_tests::{ADMIN, ADMIN_PASSWORD, Daemon};

/// A boolean of a query, as Python writes it.
pub const TRUE: &str = "True";

/// A client of a daemon: where it asks, with which token, about which tenant.
#[derive(Clone)]
pub struct Client<'a> {
    daemon: &'a Daemon,
    base: &'static str,
    token: Option<String>,
    tenant: Option<String>,
}

/// A request that is being put together.
pub struct Call<'a> {
    client: &'a Client<'a>,
    target: String,
    method: &'static str,
    headers: Vec<(String, String)>,
    body: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub body: Vec<u8>,
}

// === impl Client ===

impl<'a> Client<'a> {
    /// Without a token. `base` is `/0.1`, or what a reverse proxy has before it.
    pub fn new(daemon: &'a Daemon, base: &'static str) -> Self {
        Self { daemon, base, token: None, tenant: None }
    }

    /// With a token of the administrator.
    pub fn of_admin(daemon: &'a Daemon) -> Self {
        let client = Self::new(daemon, "/0.1");
        let data = client.log_in(ADMIN, ADMIN_PASSWORD, json!({"expiration": 3600}));
        client.with_token(&text(&data, "token"))
    }

    /// The same with another token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same, about a tenant unless a call names another one.
    pub fn with_tenant(&self, tenant: &str) -> Self {
        Self { tenant: Some(tenant.to_owned()), ..self.clone() }
    }

    pub fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }

    /// `token new`: always with credentials, be they empty.
    pub fn new_token(&self, user: &str, password: &str, body: Value) -> Call<'_> {
        let pair = BASE64_STANDARD.encode(format!("{user}:{password}"));
        self.call("POST", "token")
            .header("User-agent", "Wazo Python auth client")
            .header("Authorization", &format!("Basic {pair}"))
            .json(body)
    }

    /// The `data` of a login that succeeds.
    #[track_caller]
    pub fn log_in(&self, user: &str, password: &str, body: Value) -> Value {
        self.new_token(user, password, body).ok()["data"].clone()
    }

    /// The status of `token check`.
    pub fn check(&self, token: &str, query: &[(&str, &str)]) -> u16 {
        let call = self.call("HEAD", &format!("token/{token}"));
        query.iter().fold(call, |call, (name, value)| call.query(name, value)).send().status
    }

    pub fn get(&self, path: &str) -> Call<'_> {
        self.call("GET", path)
    }

    pub fn post(&self, path: &str, body: Value) -> Call<'_> {
        self.call("POST", path).json(body)
    }

    pub fn put(&self, path: &str, body: Value) -> Call<'_> {
        self.call("PUT", path).json(body)
    }

    /// A PUT that only says so: without a body, and of no type.
    pub fn associate(&self, path: &str) -> Call<'_> {
        self.call("PUT", path)
    }

    pub fn delete(&self, path: &str) -> Call<'_> {
        self.call("DELETE", path)
    }

    pub fn call(&self, method: &'static str, path: &str) -> Call<'_> {
        let target = format!("{}/{path}", self.base);
        let mut call = Call { client: self, target, method, headers: Vec::new(), body: None }
            .header("User-agent", "wazo-auth-cli")
            .header("Accept-Encoding", "gzip, deflate")
            .header("Accept", "application/json")
            .header("Connection", "close");
        if let Some(token) = &self.token {
            call = call.header("X-Auth-Token", token);
        }
        if let Some(tenant) = &self.tenant {
            call = call.header("Wazo-Tenant", tenant);
        }
        call
    }
}

// === impl Call ===

impl Call<'_> {
    /// Sets a header, in the place of one that is there.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(there, _)| there != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn without_accept(mut self) -> Self {
        self.headers.retain(|(there, _)| there != "Accept");
        self
    }

    /// What many commands do with their `tenant_uuid`.
    pub fn tenant(self, tenant: &str) -> Self {
        self.header("Wazo-Tenant", tenant)
    }

    /// What lists do with it.
    pub fn tenant_twice(self, tenant: &str) -> Self {
        self.tenant(tenant).query("tenant_uuid", tenant)
    }

    /// One more parameter; a list repeats its name.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.target.push(if self.target.contains('?') { '&' } else { '?' });
        self.target.push_str(name);
        self.target.push('=');
        for byte in value.bytes() {
            match byte {
                b' ' => self.target.push('+'),
                byte => self.target.push_str(&quoted(byte, "")),
            }
        }
        self
    }

    /// A body, all of it ASCII.
    pub fn json(mut self, body: Value) -> Self {
        let mut ascii = String::new();
        let mut units = [0; 2];
        for character in body.to_string().chars() {
            match character.is_ascii() {
                true => ascii.push(character),
                false => {
                    let units = character.encode_utf16(&mut units);
                    ascii.extend(units.iter().map(|unit| format!("\\u{unit:04x}")));
                }
            }
        }
        self.body = Some(ascii);
        self.header("Content-Type", "application/json")
    }

    #[track_caller]
    pub fn send(self) -> Reply {
        let Self { client, target, method, mut headers, body } = self;
        if body.is_some() || !["GET", "HEAD"].contains(&method) {
            let length = body.as_ref().map_or(0, String::len);
            headers.push(("Content-Length".to_owned(), length.to_string()));
        }
        let host = client.daemon.url().trim_start_matches("http://");
        let mut request = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        request.push_str(&body.unwrap_or_default());
        Reply::read(method, &client.daemon.raw(request.as_bytes()))
    }

    /// The JSON of an answer with status 200.
    #[track_caller]
    pub fn ok(self) -> Value {
        self.send().json(200)
    }

    /// An answer with status 204, which has no body.
    #[track_caller]
    pub fn done(self) {
        let reply = self.send();
        assert_eq!((reply.status, reply.text().as_str()), (204, ""));
    }

    /// An error that the client tells its user.
    #[track_caller]
    pub fn refused(self, status: u16) {
        let reply = self.send();
        assert_eq!(reply.status, status, "{}", reply.text());
    }
}

// === impl Reply ===

impl Reply {
    /// `latin` has one character for each byte.
    #[track_caller]
    fn read(method: &str, latin: &str) -> Self {
        let (head, body) = latin.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{latin:?}"));
        let body: Vec<u8> = body.chars().map(|byte| u8::try_from(byte).unwrap()).collect();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let head = head.to_ascii_lowercase();
        assert!(head.contains("\r\nconnection: close"), "it would wait for more: {head}");
        if method == "HEAD" || status == 204 {
            assert_eq!(body, b"", "{head}");
        } else {
            assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())), "{head}");
        }
        Self { status, body }
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    #[track_caller]
    pub fn json(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// An access as a part of a path.
pub fn quoted_access(access: &str) -> String {
    access.bytes().map(|byte| quoted(byte, "/")).collect()
}

/// A byte of an address, as it is when it is of these or is always so.
fn quoted(byte: u8, safe: &str) -> String {
    let as_it_is = byte.is_ascii_alphanumeric() || "_.-~".contains(char::from(byte));
    match as_it_is || safe.contains(char::from(byte)) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    }
}

#[track_caller]
pub fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}")).to_owned()
}

/// The `key`s of the items of a list.
#[track_caller]
pub fn column(list: &Value, key: &str) -> Vec<String> {
    let items = list["items"].as_array().unwrap_or_else(|| panic!("no list: {list}"));
    items.iter().map(|item| text(item, key)).collect()
}
