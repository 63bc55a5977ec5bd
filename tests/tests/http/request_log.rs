//! Requests in the log (section 12).

use wazo_auth_tests::{Daemon, Setup};

use crate::support::{Bench, UNKNOWN};

/// The rest of the first line that contains `text`, after the logger's name.
fn line(daemon: &Daemon, text: &str, level: &str) -> String {
    let line = daemon.wait_for_log(text).unwrap();
    assert!(line.contains(&format!("({level}) (wazo-auth): ")), "{line}");
    line.split("(wazo-auth): ").nth(1).unwrap().to_owned()
}

#[test]
fn a_request_leaves_two_lines() {
    let bench = Bench::new(Daemon::start());
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let header = format!("00-{trace}-b7ad6b7169203331-01");
    let _ = bench
        .by_admin("GET", "/0.1/tokens?search=caf%C3%A9%20x")
        .header("traceparent", &header)
        .header("X-Forwarded-For", "203.0.113.5")
        .header("X-Script-Name", "/api/auth")
        .send()
        .expect(200);
    let received = line(&bench.daemon, "request: GET", "INFO");
    let end = format!(" parent_id=b7ad6b7169203331 trace_id={trace}]");
    assert!(
        received.starts_with("request: GET /api/auth/0.1/tokens?search=café x {"),
        "{received}"
    );
    assert!(received.ends_with(&end), "{received}");
    let hidden = format!("x-auth-token: XXXXXXXX-XXXX-XXXX-XXXX-XXXX{}", &bench.admin[28..]);
    assert!(received.contains(&hidden), "{received}");
    let answered = line(&bench.daemon, "response to 203.0.113.5 in ", "INFO");
    let (seconds, rest) =
        answered["response to 203.0.113.5 in ".len()..].split_once("s: ").unwrap();
    assert!(seconds.parse::<f64>().is_ok() && seconds.len() == 4, "{answered}");
    assert!(rest.starts_with("GET /api/auth/0.1/tokens?search=café x 200 [span_id="), "{answered}");
    assert!(rest.ends_with(&end), "{answered}");
    let span = |line: &str| line.split("span_id=").nth(1).unwrap()[..16].to_owned();
    assert_eq!(span(&received), span(&answered));
    assert!(span(&received).bytes().all(|byte| byte.is_ascii_hexdigit()));
}

#[test]
fn requests_that_no_handler_sees_are_told_too() {
    let bench = Bench::new(Daemon::start());
    let daemon = &bench.daemon;
    let _ = daemon.get("/lost").send().expect(404);
    let _ = daemon.request("PATCH", "/0.1/status").send().expect(405);
    let _ = daemon.request("OPTIONS", "/0.1/policies").send().expect(200);
    let large = daemon.post("/0.1/users").token(&bench.admin).body(vec![b'x'; 2 << 20]);
    let _ = large.send().expect(413);
    for end in [
        "GET /lost 404 [",
        "PATCH /0.1/status 405 [",
        "OPTIONS /0.1/policies 200 [",
        "POST /0.1/users 413 [",
    ] {
        let answered = line(daemon, end, "INFO");
        assert!(answered.starts_with("response to 127.0.0.1 in 0."), "{answered}");
        let start =
            format!("request: {}", end.rsplit_once(' ').unwrap().0.rsplit_once(' ').unwrap().0);
        assert!(line(daemon, &start, "INFO").contains("parent_id=- trace_id="));
    }
}

#[test]
fn only_bodies_of_json_are_shown_and_without_their_secrets() {
    let bench = Bench::new(Daemon::start());
    let body = "{\"username\": \"marked\", \"password\": \"s3cre7\"}";
    let plain =
        bench.by_admin("POST", "/0.1/users").header("Content-Type", "text/plain").body(body);
    let _ = plain.send().expect(200);
    let received = line(&bench.daemon, "request: POST /0.1/users", "INFO");
    assert!(!received.contains("marked"), "{received}");
    let _ = bench.by_admin("POST", "/0.1/users").json(body).send().expect(409);
    let received = line(&bench.daemon, "marked", "INFO");
    assert!(received.contains(" with data {"), "{received}");
    assert!(
        received.contains(r#""password":"<hidden>""#) && !received.contains("s3cre7"),
        "{received}"
    );
    let logged_in = line(&bench.daemon, "request: POST /0.1/token", "INFO");
    assert!(logged_in.contains("authorization: Basic <hidden>"), "{logged_in}");
}

#[test]
fn token_checks_are_told_at_debug_only() {
    let ask = |daemon: &Daemon, admin: &str| {
        let path = format!("/0.1/token/{admin}");
        let _ = daemon.head(&format!("{path}?scope=a.b")).send().expect(204);
        let _ = daemon.get(&path).send().expect(200);
        let body = "{\"scopes\": [\"x.y\"]}";
        let _ = daemon.post(&format!("{path}/scopes/check")).json(body).send().expect(200);
        let _ = daemon.get(&format!("/marker/{UNKNOWN}")).send().expect(404);
        let _ = daemon.wait_for_log("marker").unwrap();
    };
    let bench = Bench::new(Daemon::start());
    ask(&bench.daemon, &bench.admin);
    assert!(!bench.daemon.log().contains("/0.1/token/"), "{}", bench.daemon.log());
    let bench = Bench::new(Setup::default().config("log_level: debug").start());
    ask(&bench.daemon, &bench.admin);
    let hidden = format!("/0.1/token/XXXXXXXX-XXXX-XXXX-XXXX-XXXX{}", &bench.admin[28..]);
    for end in ["HEAD", "GET"] {
        let received = line(&bench.daemon, &format!("request: {end} {hidden}"), "DEBUG");
        assert!(!received.contains(&bench.admin), "{received}");
    }
    let received = line(&bench.daemon, &format!("request: POST {hidden}/scopes/check"), "DEBUG");
    assert!(received.contains("x.y"), "{received}");
}

#[test]
fn no_request_writes_a_line_of_its_own() {
    let bench = Bench::new(Daemon::start());
    let forged = "/0.1/%0A2026-01-01%20(INFO)%20(x):%20forged%1B[31m";
    let _ = bench.daemon.raw_request(&format!("GET {forged}"), &[], b"");
    let line = bench.daemon.wait_for_log("forged").unwrap();
    assert!(line.contains("request: GET /0.1/\\n2026"), "{line}");
    assert!(!line.contains('\u{1b}'), "{line}");
}
