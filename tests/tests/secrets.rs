//! Secrets are planted everywhere a request or a configuration can hold one;
//! none comes out in a log, an error, a list or the database.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{fs, path::Path, process::Command};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use wazo_auth_tests::{ADMIN_PASSWORD, Answer, Daemon, Setup, built, third_party};

const PASSWORD: &str = "pl4nted-p\"ssword";
const WRONG: &str = "wr0ng-p\"ssword";
const CONFIGURED: &str = "c0nfigured-s3cret";
const OTHER_CONFIGURED: &str = "0ther-c0nfigured";
const IN_BODY: &str = "b0dy-s3cret";
const IN_QUERY: &str = "qu3ry-s3cret";
const BEARER: &str = "b34rer-s3cret";

fn start() -> Daemon {
    Setup::default()
        .plugin(third_party("hostile", "hostile"))
        .config("log_level: debug")
        .config("enabled_backend_plugins: {betrays: true, betrays_in_new: true}")
        .config(&format!(
            "plugins:\n  betrays: {{config: {{password: {CONFIGURED}}}, identities: {{tenant: master, max_acl: ['#']}}}}\n  \
             betrays_in_new: {{config: {{password: {OTHER_CONFIGURED}, fails: true}}}}"
        ))
        .start()
}

/// Error bodies, without the token that the contract has them echo.
#[derive(Default)]
struct Errors(String);

impl Errors {
    fn add(&mut self, answer: &Answer) -> u16 {
        if answer.status >= 400 {
            let mut body = answer.text();
            if let Ok(mut json) = serde_json::from_str::<Value>(&body) {
                if let Some(details) = json.get_mut("details").and_then(Value::as_object_mut) {
                    details.remove("invalid_token");
                }
                body = json.to_string();
            }
            self.0 += &format!("{}\n{body}\n", answer.status);
        }
        answer.status
    }
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap().to_owned()
}

/// Logs in, in every way that fails and works; gives the tokens.
fn log_in(daemon: &Daemon, errors: &mut Errors) -> Vec<String> {
    daemon.create_user("alice", PASSWORD);
    let offline = json!({"client_id": "desk", "access_type": "offline"});
    let data = daemon.login("alice", PASSWORD, offline);
    let (token, refresh) = (text(&data, "token"), text(&data, "refresh_token"));
    let post = || daemon.post("/0.1/token");
    for (login, password) in [("alice", WRONG), ("nobody", WRONG), ("nobody", PASSWORD)] {
        assert_eq!(errors.add(&post().basic(login, password).json("{}").send()), 401);
    }
    let wrong_bodies = [
        json!({"client_id": "desk", "refresh_token": IN_BODY}),
        json!({"client_id": ["desk"], "refresh_token": refresh}),
        json!({"client_id": "other", "refresh_token": refresh}),
        json!({"password": IN_BODY, "new_password": [IN_BODY], "user": {"password": IN_BODY}}),
        json!({"refresh_token": {"deep": IN_BODY}, "list": [{"old_password": IN_BODY}]}),
        json!({"saml_session_id": IN_BODY, "expiration": "x", "token": IN_BODY}),
        json!([{"password": IN_BODY}]),
        json!(IN_BODY),
    ];
    for body in wrong_bodies {
        let status = errors.add(&post().json(&body).send());
        assert!([400, 401].contains(&status), "{status}: {body}");
    }
    for cut in 1..40 {
        let body = &json!({"a": 1, "password": IN_BODY, "refresh_token": refresh}).to_string();
        errors.add(&post().json(&body[..body.len() - cut]).send());
    }
    let pair = STANDARD.encode(format!("alice:{PASSWORD}"));
    for header in [
        format!("Bearer {BEARER}"),
        format!("basic {pair}"),
        format!("Basic  {pair}"),
        format!("Basic {}", &pair[1..]),
        format!("Digest username=\"alice\", response=\"{BEARER}\""),
    ] {
        let request = post().header("Authorization", &header).header("Cookie", BEARER);
        assert_eq!(
            errors.add(&request.header("Proxy-Authorization", &header).json("{}").send()),
            401
        );
    }
    let fresh = post().json(json!({"client_id": "desk", "refresh_token": refresh})).send();
    vec![token, refresh, text(&fresh.expect(200).json()["data"], "token")]
}

/// Plugins that fail and say with what.
fn betray(daemon: &Daemon, errors: &mut Errors) {
    for login in ["panic", "error", "unauthorized", "busy", "host", "log", "metadata"] {
        let body = json!({"backend": "betrays"});
        let status =
            errors.add(&daemon.post("/0.1/token").basic(login, PASSWORD).json(body).send());
        assert!(status >= 400, "{login}");
    }
}

/// Tokens wherever a URL, a header or a body can hold one.
fn present(daemon: &Daemon, tokens: &[String], errors: &mut Errors) {
    for token in tokens {
        for path in [
            format!("/0.1/token/{token}"),
            format!("/api/auth/0.1/token/{token}?scope=auth.users.read&tenant=x"),
            format!("/0.1/%74oken/{token}"),
            format!("/0.1/token//{token}"),
            format!("/0.1/token/{token}/nothing"),
            format!("/0.1/token/%7b{token}%7d"),
            format!("/0.1/token/{token}%00"),
            format!("/0.1/token/{}/scopes/check", token.to_uppercase()),
            format!("/0.1/nowhere?token={token}&password={IN_QUERY}&x=y"),
            format!("/0.1/tokens?refresh_token={token}&Token={IN_QUERY}&%74oken={token}"),
            format!("/0.1/users?access_token={token}&new_password={IN_QUERY}"),
        ] {
            for method in ["GET", "HEAD", "PATCH", "POST"] {
                let referer = format!("https://a.example/token/{token}?token={IN_QUERY}");
                let request = daemon.request(method, &path).header("Referer", &referer);
                errors.add(&request.token(token).send());
            }
        }
        let body = json!({"scopes": [1], "token": token});
        let path = format!("/0.1/token/{token}/scopes/check");
        errors.add(&daemon.post(&path).json(body).send());
    }
}

/// What no proper client sends.
fn malform(daemon: &Daemon, token: &str, errors: &mut Errors) {
    let pair = STANDARD.encode(format!("alice:{PASSWORD}"));
    let basic = format!("Authorization: Basic {pair}");
    let token = format!("X-Auth-Token: {token}");
    let body = json!({"password": IN_BODY}).to_string();
    for (line, more) in [
        ("POST /0.1/token", "Bad Header"),
        ("POST  /0.1/token", "A: b"),
        ("POST /0.1/users", "Content-Length: x"),
        ("POST /0.1/users", "Transfer-Encoding: chunked"),
        ("GET /0.1/\u{1}", "A: b"),
        ("POST /0.1/token", "Content-Type: application/json"),
        ("PUT /0.1/users", "A: \u{7f}"),
    ] {
        let length = body.len();
        let head = format!("{line} HTTP/1.1\r\nContent-Length: {length}\r\n{basic}\r\n{token}");
        errors.0 += &daemon.cut_off(format!("{head}\r\n{more}\r\n\r\n{body}").as_bytes());
    }
    // Cut off wherever it may be.
    let whole =
        format!("POST /0.1/token HTTP/1.1\r\n{basic}\r\n{token}\r\nContent-Length: 5\r\n\r\n{{}}");
    for end in (0..whole.len()).step_by(17) {
        drop(daemon.cut_off(&whole.as_bytes()[..end]));
    }
}

fn create(daemon: &Daemon, admin: &str, errors: &mut Errors) {
    for (path, body) in [
        ("users", json!({"username": 1, "password": IN_BODY})),
        ("users", json!({"username": "bob", "password": [IN_BODY]})),
        ("users", json!({"username": "bob", "password": IN_BODY, "email_address": [1]})),
        ("users", json!({"username": "alice", "password": IN_BODY})),
        ("users", json!({"username": "bob", "password": IN_BODY, "authentication_method": "x"})),
        ("policies", json!({"name": {"password": IN_BODY}})),
    ] {
        let request = daemon.post(&format!("/0.1/{path}")).token(admin);
        assert!(errors.add(&request.json(body).send()) >= 400);
    }
}

fn list_plugins(folder: &Path) -> String {
    let program = built().join("wazo-auth");
    let config = folder.join("config.yml");
    let output = Command::new(program)
        .args(["plugin", "list", "--config-file"])
        .arg(config)
        .output()
        .unwrap();
    let out = [output.stdout, output.stderr].concat();
    let out = String::from_utf8(out).unwrap();
    assert!(out.contains("betrays"), "{out}");
    out
}

#[test]
fn no_secret_comes_out() {
    let daemon = start();
    let admin = daemon.admin_token();
    let mut errors = Errors::default();
    let mut tokens = log_in(&daemon, &mut errors);
    tokens.push(admin.clone());
    betray(&daemon, &mut errors);
    present(&daemon, &tokens, &mut errors);
    malform(&daemon, &admin, &mut errors);
    create(&daemon, &admin, &mut errors);
    let _ = daemon.delete(&format!("/0.1/token/{}", tokens[0])).send().expect(200);

    let (_, folder, streams) = daemon.stop();
    let folder = folder.path();
    let file = |name: &str| fs::read(folder.join(name)).unwrap_or_default();
    let log = String::from_utf8(file("wazo-auth.log")).unwrap();
    assert!(log.contains("(DEBUG)") && log.contains("Failed login"), "{log}");
    assert!(log.contains("plugin `betrays` panicked") && log.contains("<hidden>"), "{log}");
    assert!(streams.contains("Failed login"));

    let mut secrets: Vec<String> =
        [PASSWORD, WRONG, CONFIGURED, OTHER_CONFIGURED, IN_BODY, IN_QUERY, BEARER, ADMIN_PASSWORD]
            .map(str::to_owned)
            .to_vec();
    secrets.push(String::from_utf8(file("token.key")).unwrap().trim().to_owned());
    for password in [PASSWORD, WRONG] {
        secrets.push(STANDARD.encode(format!("alice:{password}")));
        // As a text of JSON and of `{:?}` has it.
        secrets.push(password.replace('"', "\\\""));
    }
    secrets.extend(
        tokens
            .iter()
            .flat_map(|token| [token.clone(), token.to_uppercase(), token.replace('-', "")]),
    );
    let database = [file("auth.db"), file("auth.db-wal")].concat();
    assert!(database.windows(5).any(|window| window == b"alice"));
    let places = [
        ("the log file", log.into_bytes()),
        ("the streams", streams.into_bytes()),
        ("an error", errors.0.into_bytes()),
        ("plugin list", list_plugins(folder).into_bytes()),
        ("the database", database),
    ];
    for secret in secrets {
        for (place, bytes) in &places {
            let found = bytes.windows(secret.len()).position(|window| window == secret.as_bytes());
            let shown = found.map(|at| {
                let around = &bytes[at.saturating_sub(300)..bytes.len().min(at + 100)];
                String::from_utf8_lossy(around).into_owned()
            });
            assert_eq!(shown, None, "{secret} in {place}");
        }
    }
}

#[test]
fn a_daemon_that_does_not_start_shows_no_secret_either() {
    let uri = format!(
        "db_uri: 'postgresql://u:{CONFIGURED}@127.0.0.1:1/d'\ndb_connect_retry_timeout_seconds: 0"
    );
    let wrong_password = format!("bootstrap_user_password: {CONFIGURED}");
    for config in [&*uri, &format!("plugins: {{x: {{passwort: {CONFIGURED}}}}}")] {
        let (_, log) = Setup::default().config("log_level: debug").config(config).fail();
        assert!(!log.contains(CONFIGURED), "{log}");
    }
    // The name is taken by somebody with another password.
    let (_, folder, _) = Daemon::start().stop();
    let (_, log) = Setup::default().folder(folder).config(&wrong_password).fail();
    assert!(log.contains("already exists") && !log.contains(CONFIGURED), "{log}");
}

#[test]
fn the_key_of_a_certificate_stays_in_its_file() {
    let daemon = Setup::default().config("log_level: debug\nrest_api: {tls: self_signed}").start();
    // No TLS at all, and an end in the middle of a handshake.
    drop(daemon.cut_off(b"GET / HTTP/1.1\r\n\r\n"));
    drop(daemon.cut_off(&[0x16, 3, 1, 0, 200, 1]));
    let (_, folder, log) = daemon.stop();
    let key = fs::read_to_string(folder.path().join("tls.key")).unwrap();
    let file = fs::read_to_string(folder.path().join("wazo-auth.log")).unwrap();
    let lines: Vec<&str> = key.lines().filter(|line| !line.starts_with("-----")).collect();
    assert!(!lines.is_empty());
    assert!(lines.iter().all(|line| !log.contains(line) && !file.contains(line)));
}
