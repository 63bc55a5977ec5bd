//! Whatever comes over the wire, the daemon neither fails nor stops.

use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};
use wazo_auth_tests::{ADMIN, ADMIN_PASSWORD, Daemon, on_postgresql};

use crate::support::Bench;

/// The same cases on every run, so that a failure can be seen again.
fn runner(cases: u32) -> TestRunner {
    let config =
        Config { cases, failure_persistence: None, max_shrink_iters: 64, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// Neither an error of the server nor silence.
fn is_answered(answer: &str) -> Result<(), TestCaseError> {
    let status = answer.split(' ').nth(1).unwrap_or_default();
    prop_assert!(matches!(status.as_bytes(), [b'1'..=b'4', _, _]), "{answer:?}");
    Ok(())
}

/// The keys of bodies that the daemon knows.
const KEYS: &str = "backend expiration access_type client_id refresh_token saml_session_id \
    tenant_id domain_name scopes tenant_uuid username firstname purpose authentication_method \
    enabled uuid email_address name slug acl shared";

fn word() -> impl Strategy<Value = String> {
    let letters = vec(any::<char>(), 0..12).prop_map(String::from_iter);
    let known = ["", "1", "offline", "true", "user", "default", "a@b.cd", "\0"];
    prop_oneof![letters, proptest::sample::select(known.map(str::to_owned).to_vec())]
}

/// JSON of any shape, most of it under keys that are looked at; or no JSON.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|value| json!(value)),
        any::<i64>().prop_map(|value| json!(value)),
        any::<u64>().prop_map(|value| json!(value)),
        any::<f64>().prop_map(|value| json!(value)),
        word().prop_map(|value| json!(value)),
    ];
    let value = leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|items| json!(items)),
            vec((word(), inner), 0..4).prop_map(Value::from_iter),
        ]
    });
    let keys: Vec<&str> = KEYS.split(' ').collect();
    let field = (proptest::sample::select(keys), value.clone());
    let object = vec(field, 0..6).prop_map(|map| Value::from_iter(map).to_string().into_bytes());
    prop_oneof![
        6 => object,
        1 => value.prop_map(|value| value.to_string().into_bytes()),
        2 => vec(any::<u8>(), 0..64),
    ]
}

/// Bytes that may stand in a header.
fn header() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>().prop_filter("a byte of a header", |&byte| byte >= 32 && byte != 127), 0..60)
}

#[test]
fn any_body_is_answered() {
    let bench = Bench::new(Daemon::start());
    let token = format!("X-Auth-Token: {}", bench.admin).into_bytes();
    let check = format!("/0.1/token/{}/scopes/check", bench.admin);
    let paths = ["/0.1/token", &check, "/0.1/users", "/0.1/policies"];
    let path = proptest::sample::select(paths.map(str::to_owned).to_vec());
    let result = runner(400).run(&(path, body()), |(path, body)| {
        let line = format!("POST {path}");
        is_answered(&bench.daemon.raw_request(&line, &[&token], &body))
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    let _ = bench.daemon.admin_token();
}

#[test]
fn any_header_is_answered() {
    let bench = Bench::new(Daemon::start());
    let token = format!("X-Auth-Token: {}", bench.admin);
    let names = [
        "Authorization: Basic ",
        "Authorization: ",
        "X-Auth-Token: ",
        "Wazo-Tenant: ",
        "Wazo-Session-Type: ",
        "User-Agent: ",
        "X-Forwarded-For: ",
        "X-Script-Name: ",
        "traceparent: ",
        "Origin: ",
        "Content-Type: ",
        "Access-Control-Request-Headers: ",
    ];
    let lines = ["POST /0.1/token", "GET /0.1/tokens", "OPTIONS /0.1/tokens", "POST /0.1/users"];
    let name = proptest::sample::select(names.to_vec());
    let line = proptest::sample::select(lines.to_vec());
    let result = runner(250).run(&(line, name, header()), |(line, name, value)| {
        let header = [name.as_bytes(), &value].concat();
        is_answered(&bench.daemon.raw_request(line, &[&header], b"{}"))?;
        let known = name != "X-Auth-Token: ";
        let both: &[&[u8]] = if known { &[token.as_bytes(), &header] } else { &[&header] };
        is_answered(&bench.daemon.raw_request(line, both, b"{}"))
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    let _ = bench.daemon.admin_token();
}

#[test]
fn any_credentials_are_answered() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let daemon = Daemon::start();
    // A pair costs a hash each; most of these are one.
    let result =
        runner(24).run(&(vec(any::<u8>(), 0..30), vec(any::<u8>(), 0..30)), |(login, password)| {
            let pair = STANDARD.encode([&*login, b":", &password].concat());
            let header = format!("Authorization: Basic {pair}");
            let answer = daemon.raw_request("POST /0.1/token", &[header.as_bytes()], b"{}");
            prop_assert!(answer.starts_with("HTTP/1.1 401 "), "{answer:?}");
            Ok(())
        });
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn any_path_is_answered() {
    let bench = Bench::new(Daemon::start());
    let token = format!("X-Auth-Token: {}", bench.admin).into_bytes();
    let admin = bench.admin.clone();
    let segment = prop_oneof![
        proptest::sample::select(vec![
            "users", "me", "tokens", "token", "policies", "acl", "scopes", "check", "..", "."
        ])
        .prop_map(str::to_owned),
        Just(admin),
        "[!-~&&[^ /?#]]{1,12}",
        "(%[0-9a-fA-F]{2}){1,6}",
        Just("%".to_owned()),
    ];
    let query = prop_oneof![
        Just(String::new()),
        "\\?(scope|tenant|limit|offset|order|direction|search|recurse|mobile|created_at|client_id)=[!-~&&[^ #]]{0,12}",
        "\\?[!-~&&[^ #]]{0,24}",
    ];
    let methods = vec!["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "X"];
    let strategy = (proptest::sample::select(methods), vec(segment, 0..5), query);
    let result = runner(600).run(&strategy, |(method, segments, query)| {
        let line = format!("{method} /0.1/{}{query}", segments.join("/"));
        is_answered(&bench.daemon.raw_request(&line, &[&token], b"{}"))
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    let _ = bench.daemon.admin_token();
}

#[test]
fn what_is_no_http_ends_the_connection_alone() {
    let daemon = Daemon::start();
    let result = runner(60).run(&vec(any::<u8>(), 1..200), |bytes| {
        let answer = daemon.raw(&[&bytes, &b"\r\n\r\n\r\n"[..]].concat());
        prop_assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer:?}");
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    let many = "X-Many: 1\r\n".repeat(300);
    let long = "x".repeat(2_000_000);
    for head in [
        format!("GET /0.1/backends HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{many}\r\n"),
        format!("GET /{long} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        format!("GET /0.1/backends HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Long: {long}\r\n\r\n"),
        "POST /0.1/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}"
            .to_owned(),
        "POST /0.1/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: -1\r\n\r\n".to_owned(),
        "POST /0.1/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: nonsense\r\n\r\n".to_owned(),
    ] {
        let answer = daemon.raw(head.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 4"), "{head:.80} {answer:?}");
    }
    let _ = daemon.admin_token();
}

/// So many letters that take four bytes each, and that nothing makes shorter.
fn incompressible(length: u32) -> String {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from_u32(0x2_0000 + (state >> 16) % 0xA000).unwrap()
    };
    (0..length).map(|_| next()).collect()
}

/// An index of PostgreSQL keeps less than what the contract allows.
#[test]
fn what_is_too_long_for_a_store_is_refused() {
    let bench = Bench::new(Daemon::start());
    let text = incompressible(1024);
    let login = bench.daemon.post("/0.1/token").basic(ADMIN, ADMIN_PASSWORD);
    let address = format!("{text}@example.com");
    for request in [
        bench.by_admin("POST", "/0.1/policies").json(json!({"name": "p", "acl": [text]})),
        bench.by_admin("POST", "/0.1/users").json(json!({"email_address": address})),
        login.json(json!({"access_type": "offline", "client_id": text})),
    ] {
        let expected = if on_postgresql() { 400 } else { 200 };
        let _ = request.send().expect(expected);
    }
    let policy = json!({"name": "p", "acl": ["short"]});
    let _ = bench.by_admin("POST", "/0.1/policies").json(policy).send().expect(
        // What was refused has left nothing.
        if on_postgresql() { 200 } else { 409 },
    );
}

#[test]
fn a_nul_in_an_address_is_answered() {
    let bench = Bench::new(Daemon::start());
    let user = bench.user(json!({"username": "alice"}));
    let group = bench.group(json!({"name": "g"}));
    for (method, path) in [
        ("GET", "users/%00".to_owned()),
        ("GET", "groups/%00".to_owned()),
        ("GET", "policies/%00".to_owned()),
        ("GET", "policies/a%00b".to_owned()),
        ("DELETE", "policies/a%00b".to_owned()),
        ("PUT", "policies/a%00b/acl/c".to_owned()),
        ("PUT", "policies/wazo_default_master_user_policy/acl/c%00d".to_owned()),
        ("DELETE", "policies/wazo_default_master_user_policy/acl/c%00d".to_owned()),
        ("GET", "tenants/%00".to_owned()),
        ("DELETE", "sessions/%00".to_owned()),
        ("GET", "token/%00".to_owned()),
        ("GET", "token/%00?tenant=%00&scope=%00".to_owned()),
        ("GET", format!("token/{}?tenant=%00&scope=%00", bench.admin)),
        ("HEAD", "users/%00".to_owned()),
        ("DELETE", format!("users/{user}/tokens/a%00b")),
        ("DELETE", "users/me/tokens/a%00b".to_owned()),
        ("PUT", format!("users/{user}/policies/a%00b")),
        ("PUT", format!("groups/{group}/policies/a%00b")),
        ("PUT", format!("groups/{group}/users/a%00b")),
        ("GET", "users?search=a%00b".to_owned()),
        ("GET", "users?username=a%00b".to_owned()),
        ("GET", "users?order=a%00b".to_owned()),
        ("GET", "groups?search=a%00b&name=a%00b".to_owned()),
        ("GET", "policies?search=a%00b&slug=a%00b".to_owned()),
        ("GET", "tenants?search=a%00b&uuids=a%00b".to_owned()),
        ("GET", "sessions?search=a%00b".to_owned()),
        ("GET", "tokens?search=a%00b".to_owned()),
        ("GET", format!("users/{user}/tokens?search=a%00b")),
        ("POST", "users/password/reset?username=a%00b".to_owned()),
        ("GET", "users/password/reset?email=a%00b@c.de".to_owned()),
    ] {
        let answer = bench.by_admin(method, &format!("/0.1/{path}")).send();
        assert!(answer.status < 500, "{method} {path}: {}: {}", answer.status, answer.text());
    }
    for login in ["a\0b", "\0"] {
        let _ = bench.daemon.post("/0.1/token").basic(login, "x").json("{}").send().expect(401);
    }
}
