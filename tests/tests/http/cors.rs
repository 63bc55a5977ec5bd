//! Browsers of other origins, and reverse proxies (section 6).

use serde_json::json;
use wazo_auth_tests::{Answer, Daemon, Setup};

const ALLOW: &str = "access-control-allow-";

fn allow(answer: &Answer, what: &str) -> String {
    answer.header(&format!("{ALLOW}{what}")).to_owned()
}

#[test]
fn every_answer_tells_browsers_that_they_may_read_it() {
    let daemon = Daemon::start();
    let requests = [
        ("GET", "/0.1/backends", 200),
        ("GET", "/0.1/tokens", 401),
        ("GET", "/nowhere", 404),
        ("PATCH", "/0.1/token", 405),
        ("POST", "/0.1/token", 400),
        ("OPTIONS", "/0.1/token", 200),
        ("HEAD", "/0.1/status", 200),
    ];
    for (method, path, status) in requests {
        let answer = daemon.request(method, path).send().expect(status);
        assert_eq!(
            (allow(&answer, "origin"), answer.header("vary")),
            ("*".to_owned(), ""),
            "{path}"
        );
        let origin = "https://app.example:8443";
        let answer = daemon.request(method, path).header("Origin", origin).send().expect(status);
        assert_eq!(
            (&*allow(&answer, "origin"), answer.header("vary")),
            (origin, "Origin"),
            "{path}"
        );
        assert_eq!(
            (allow(&answer, "credentials"), allow(&answer, "methods")),
            (String::new(), String::new())
        );
    }
    let large = vec![b'x'; 2 << 20];
    let answer = daemon.post("/0.1/token").body(large).send().expect(413);
    assert_eq!(allow(&answer, "origin"), "*");
}

fn preflight(daemon: &Daemon, path: &str, headers: &str) -> Answer {
    let request = daemon.request("OPTIONS", path).header("Origin", "https://app.example");
    let request = request.header("Access-Control-Request-Method", "PUT");
    request.header("Access-Control-Request-Headers", headers).send()
}

#[test]
fn a_preflight_learns_methods_and_headers() {
    let daemon = Daemon::start();
    let answer =
        preflight(&daemon, "/0.1/token", "x-auth-token,  X-Evil, WAZO-tenant,content-Type")
            .expect(200);
    assert_eq!(allow(&answer, "methods"), "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT");
    assert_eq!(allow(&answer, "headers"), "WAZO-tenant, content-Type, x-auth-token");
    assert_eq!(
        (allow(&answer, "origin"), answer.body.len()),
        ("https://app.example".to_owned(), 0)
    );
    assert_eq!(
        (allow(&answer, "credentials"), answer.header("access-control-max-age")),
        (String::new(), "")
    );
    assert_eq!(allow(&preflight(&daemon, "/0.1/token", "X-Evil"), "headers"), "");
    let answer = preflight(&daemon, "/nowhere", "Authorization").expect(404);
    assert_eq!(allow(&answer, "headers"), "Authorization");
}

#[test]
fn cors_can_be_configured_and_switched_off() {
    let own = "rest_api: {cors: {allow_headers: [X-Own]}}";
    let daemon = Setup::default().config(own).start();
    let answer = preflight(&daemon, "/0.1/token", "x-own, Authorization");
    assert!(allow(&answer, "headers").contains("x-own"));
    let daemon = Setup::default().config("rest_api: {cors: {enabled: false}}").start();
    let answer = preflight(&daemon, "/0.1/token", "Authorization").expect(200);
    assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("access-control-")));
    assert_eq!(answer.header("vary"), "");
}

#[test]
fn proxies_that_are_trusted_name_the_client() {
    let cases: [(u32, &[(&str, &str)]); 3] = [
        (0, &[("1.1.1.1, 2.2.2.2", "127.0.0.1"), ("", "127.0.0.1")]),
        (
            1,
            &[
                ("1.1.1.1, 2.2.2.2", "2.2.2.2"),
                ("2.2.2.2", "2.2.2.2"),
                ("", "127.0.0.1"),
                ("anything", "anything"),
            ],
        ),
        (
            2,
            &[
                ("1.1.1.1,2.2.2.2", "1.1.1.1"),
                ("9.9.9.9, 1.1.1.1, 2.2.2.2", "1.1.1.1"),
                ("2.2.2.2", "127.0.0.1"),
            ],
        ),
    ];
    for (proxies, cases) in cases {
        let daemon =
            Setup::default().config(&format!("rest_api: {{num_proxies: {proxies}}}")).start();
        for (header, address) in cases {
            let request = daemon.post("/0.1/token").basic("admin", "adm1n").json("{}");
            let request =
                if header.is_empty() { request } else { request.header("X-Forwarded-For", header) };
            let data = request.send().expect(200).json();
            assert_eq!(data["data"]["remote_addr"], json!(address), "{proxies}: {header}");
        }
    }
}
