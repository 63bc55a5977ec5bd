//! The body of `POST /token` (section 4.2). Without credentials a good body is
//! answered 401 and a bad one 400: validation comes first.

use serde_json::{Value, json};
use wazo_auth_tests::{Answer, Daemon};

use crate::support::{Bench, reason};

fn post(daemon: &Daemon, body: impl ToString) -> Answer {
    daemon.post("/0.1/token").json(body).send()
}

#[test]
fn good_bodies_are_accepted() {
    let daemon = Daemon::start();
    let long = "x".repeat(1024);
    let bodies = [
        json!({}),
        json!(null),
        json!([]),
        json!(""),
        json!(0),
        json!(0.0),
        json!(false),
        json!({"backend": "wazo_user"}),
        json!({"backend": "nothing-of-that-name"}),
        json!({"backend": ""}),
        json!({"backend": "xivo_user"}),
        json!({"expiration": 1}),
        json!({"expiration": 315_360_000}),
        json!({"expiration": "315360000"}),
        json!({"expiration": 1.9}),
        json!({"access_type": "online"}),
        json!({"access_type": "offline", "client_id": "a"}),
        json!({"client_id": long}),
        json!({"client_id": "日本"}),
        json!({"refresh_token": "x", "client_id": "a"}),
        json!({"refresh_token": "", "client_id": "a", "access_type": "offline"}),
        json!({"refresh_token": ""}),
        json!({"saml_session_id": long}),
        json!({"saml_session_id": "token-already-used"}),
        json!({"saml_session_id": "s", "refresh_token": ""}),
        json!({"tenant_id": "t"}),
        json!({"tenant_id": "", "domain_name": "d"}),
        json!({"tenant_id": "t", "domain_name": ""}),
        json!({"unknown": {"deep": [1, null]}, "login": 5}),
    ];
    for body in bodies {
        let answer = post(&daemon, &body);
        assert_eq!(
            (answer.status, reason(&answer)),
            (401, "Authentication Failed".to_owned()),
            "{body}"
        );
    }
    // The last of equal keys counts.
    assert_eq!(post(&daemon, r#"{"expiration": "x", "expiration": 5}"#).status, 401);
    assert_eq!(post(&daemon, r#"{"expiration": 5, "expiration": "x"}"#).status, 400);
}

#[test]
fn bad_fields_are_refused_and_named() {
    let daemon = Daemon::start();
    let too_long = "x".repeat(1025);
    let mut bad: Vec<(&str, Value)> = Vec::new();
    let texts = [
        "backend",
        "access_type",
        "client_id",
        "refresh_token",
        "saml_session_id",
        "tenant_id",
        "domain_name",
    ];
    for field in texts {
        for value in [json!(null), json!(5), json!(true), json!(["x"]), json!({})] {
            bad.push((field, value));
        }
    }
    let numbers = [
        json!(null),
        json!(0),
        json!(-1),
        json!(315_360_001),
        json!("0"),
        json!("315360001"),
        json!("x"),
        json!(""),
        json!("1.5"),
        json!("1e3"),
        json!(true),
        json!(false),
        json!([1]),
        json!({}),
        json!(0.5),
        json!(1e30),
        json!(u64::MAX),
        json!("99999999999999999999999"),
    ];
    bad.extend(numbers.map(|value| ("expiration", value)));
    bad.extend([
        ("access_type", json!("OFFLINE")),
        ("access_type", json!("")),
        ("client_id", json!("")),
        ("client_id", json!(too_long)),
        ("saml_session_id", json!("")),
        ("saml_session_id", json!(too_long)),
        ("backend", json!("a\0b")),
    ]);
    for (field, value) in bad {
        let answer = post(&daemon, json!({ field: value }));
        assert_eq!(answer.status, 400, "{field}: {value}");
        assert!(reason(&answer).contains(field), "{}", answer.text());
    }
    let big = format!(r#"{{"expiration": 1{}}}"#, "0".repeat(200));
    assert_eq!(post(&daemon, big).status, 400);
}

#[test]
fn fields_that_exclude_or_need_each_other_are_checked() {
    let daemon = Daemon::start();
    let bodies = [
        json!({"access_type": "offline"}),
        json!({"access_type": "offline", "client_id": "a", "refresh_token": "r"}),
        json!({"refresh_token": "r"}),
        json!({"tenant_id": "t", "domain_name": "d"}),
        json!({"saml_session_id": "s", "refresh_token": "r", "client_id": "a"}),
    ];
    for body in bodies {
        let _ = reason(&post(&daemon, &body).expect(400));
    }
    // A bad field is told of before what it has to do with others.
    let answer = post(&daemon, json!({"refresh_token": "r", "expiration": 0})).expect(400);
    assert!(reason(&answer).contains("expiration"), "{}", answer.text());
}

#[test]
fn what_is_no_object_is_refused() {
    let daemon = Daemon::start();
    for body in ["1", "-1.5", "\"x\"", "[1]", "[[]]", "true"] {
        let answer = post(&daemon, body).expect(400);
        let reason = reason(&answer);
        assert!(reason.contains("_schema") && reason.contains("Invalid input type."), "{reason}");
    }
    let text = "The browser (or proxy) sent a request that this server could not understand.";
    let deep = format!("{}{}", "[".repeat(2000), "]".repeat(2000));
    for body in [&b""[..], b"{", b"nonsense", b"{\"a\": \"\xff\"}", b"{} {}", deep.as_bytes()] {
        let answer = daemon.post("/0.1/token").basic("admin", "adm1n").body(body).send();
        assert_eq!(answer.expect(400).json(), json!({"message": text}));
    }
}

#[test]
fn backends_of_older_clients_change_nothing() {
    let bench = Bench::new(Daemon::start());
    let alice = bench.user("alice");
    for backend in
        ["wazo_user", "xivo_user", "ldap_user", "no-such-backend", "broken_verify_password"]
    {
        let answer = bench.try_login("alice", json!({"backend": backend})).expect(200);
        assert_eq!(answer.json()["data"]["auth_id"], json!(alice), "{backend}");
    }
}
