//! Bodies in and out (section 2).

use serde_json::json;
use wazo_auth_tests::Daemon;

use crate::support::{Bench, error};

const UNREADABLE: &str =
    "The browser (or proxy) sent a request that this server could not understand.";

#[test]
fn json_is_read_whatever_it_is_called() {
    let bench = Bench::new(Daemon::start());
    let types = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x"];
    for (i, kind) in types.iter().enumerate() {
        let body = json!({"username": format!("user-{i}"), "unknown": [1]}).to_string();
        let request = bench.by_admin("POST", "/0.1/users").header("Content-Type", kind);
        assert_eq!(request.body(body).send().expect(200).json()["username"], format!("user-{i}"));
    }
    let body = br#"{"username": "first", "username": "last"}"#;
    let answer = bench.by_admin("POST", "/0.1/users").body(&body[..]).send().expect(200);
    assert_eq!(answer.json()["username"], "last");
}

#[test]
fn what_cannot_be_read_is_refused() {
    let bench = Bench::new(Daemon::start());
    for path in ["/0.1/users", "/0.1/policies", "/0.1/token"] {
        for body in ["", "{", "nonsense", "{}}", "{'a': 1}", "\u{feff}{}", "{\"a\": 1e999}"] {
            let answer = bench.by_admin("POST", path).body(body).send();
            assert_eq!(error(answer, 400), json!({"message": UNREADABLE}), "{path} {body}");
        }
        for bytes in [&b"{\"username\": \"\xff\"}"[..], b"\xff\xfe{\0}\0"] {
            let answer = bench.by_admin("POST", path).body(bytes).send();
            assert_eq!(error(answer, 400), json!({"message": UNREADABLE}), "{path}");
        }
    }
    // Falsy bodies stand for an empty object.
    for body in ["null", "[]", "\"\"", "0", "-0", "0.0", "false", " {} \n"] {
        let _ = bench.by_admin("POST", "/0.1/users").body(body).send().expect(200);
    }
}

#[test]
fn answers_are_ascii_and_end_with_a_newline() {
    let bench = Bench::new(Daemon::start());
    let body = json!({"username": "é 😀", "firstname": "a\"\\/\n\u{7f}"});
    let answer = bench.by_admin("POST", "/0.1/users").json(&body).send().expect(200);
    let text = answer.text();
    assert!(text.is_ascii() && text.ends_with("}\n"), "{text}");
    assert!(text.contains(r"\u00e9 \ud83d\ude00"), "{text}");
    assert_eq!(
        (&answer.json()["username"], &answer.json()["firstname"]),
        (&body["username"], &body["firstname"])
    );
    let again = bench.by_admin("POST", "/0.1/users").json(&body).send().expect(409);
    assert!(again.text().is_ascii() && again.text().ends_with("}\n"), "{}", again.text());
}

#[test]
fn a_body_may_be_large_but_not_endless() {
    let bench = Bench::new(Daemon::start());
    let with = |length: usize| {
        let body = json!({"firstname": "x".repeat(length)});
        bench.by_admin("POST", "/0.1/users").json(body).send()
    };
    let _ = with(900 * 1024).expect(200);
    let refused = error(with(1024 * 1024), 413);
    assert!(refused["message"].as_str().unwrap().contains("1048576"), "{refused}");
    // The same when it is not announced, or announced without being sent.
    let head = format!(
        "POST /0.1/users HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Auth-Token: {}\r\n",
        bench.admin
    );
    let mut chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
    for _ in 0..40 {
        chunked.extend_from_slice(b"8000\r\n");
        chunked.extend_from_slice(&[b'x'; 0x8000]);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    assert!(bench.daemon.raw(&chunked).starts_with("HTTP/1.1 413 "));
    let announced = format!("{head}Content-Length: 99999999999\r\n\r\n");
    assert!(bench.daemon.raw(announced.as_bytes()).starts_with("HTTP/1.1 413 "));
    let mut chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
    chunked.extend_from_slice(b"3\r\n{\"u\r\n11\r\nsername\": \"slow\"}\r\n0\r\n\r\n");
    assert!(bench.daemon.raw(&chunked).starts_with("HTTP/1.1 200 "));
}
