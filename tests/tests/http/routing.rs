//! Paths, methods, and answers to those that do not exist (sections 1 and 2).

use serde_json::json;
use wazo_auth_tests::{Answer, Daemon, Setup};

use crate::support::{Bench, UNKNOWN, error};

const HTML: &str = "text/html; charset=utf-8";

fn allowed(answer: &Answer) -> Vec<String> {
    let mut methods: Vec<String> = answer.header("allow").split(", ").map(str::to_owned).collect();
    methods.sort();
    methods
}

#[test]
fn unknown_paths_are_a_page() {
    let daemon = Daemon::start();
    let token = "/0.1/token";
    let short = UNKNOWN.replace('-', "");
    let paths = [
        "/".to_owned(),
        "/0.1".to_owned(),
        "/0.1/".to_owned(),
        "/0.2/token".to_owned(),
        "/token".to_owned(),
        "/0.1/token/".to_owned(),
        "/0.1//token".to_owned(),
        "/0.1/users/".to_owned(),
        "/0.1/status/".to_owned(),
        "/0.1/TOKEN".to_owned(),
        format!("{token}/x"),
        format!("{token}/{short}"),
        format!("{token}/{{{UNKNOWN}}}"),
        format!("{token}/{UNKNOWN}0"),
        format!("{token}/{UNKNOWN}/"),
        format!("{token}/{}", UNKNOWN.replace('5', "g")),
        format!("{token}/{UNKNOWN}/scopes"),
        "/0.1/users/me".to_owned(),
        "/0.1/users/me/sessions".to_owned(),
        "/0.1/users/me/policies/x".to_owned(),
        "/0.1/users/me/tokens/".to_owned(),
        "/0.1/users/me/tokens/a/b".to_owned(),
        format!("/0.1/users/{UNKNOWN}/tokens/"),
        "/0.1/users/x/tokens".to_owned(),
        "/api/auth".to_owned(),
        "/api/auth/".to_owned(),
        "/api/auth/token".to_owned(),
        "/api/authx/0.1/backends".to_owned(),
    ];
    for path in paths {
        for method in ["GET", "POST", "OPTIONS"] {
            let answer = daemon.request(method, &path).send();
            assert_eq!(
                (answer.status, answer.header("content-type")),
                (404, HTML),
                "{method} {path}"
            );
            assert!(answer.text().contains("404"), "{path}");
        }
        assert_eq!(daemon.head(&path).send().expect(404).body, b"");
    }
}

#[test]
fn a_wrong_method_is_told_the_right_ones() {
    let daemon = Daemon::start();
    let token = format!("/0.1/token/{UNKNOWN}");
    let scopes = format!("{token}/scopes/check");
    let cases = [
        ("/0.1/status", "POST", vec!["GET", "HEAD", "OPTIONS"]),
        ("/0.1/token", "GET", vec!["OPTIONS", "POST"]),
        ("/0.1/token", "HEAD", vec!["OPTIONS", "POST"]),
        (&token, "PATCH", vec!["DELETE", "GET", "HEAD", "OPTIONS"]),
        (&token, "PUT", vec!["DELETE", "GET", "HEAD", "OPTIONS"]),
        (&scopes, "GET", vec!["OPTIONS", "POST"]),
        ("/0.1/tokens", "DELETE", vec!["GET", "HEAD", "OPTIONS"]),
        ("/0.1/users/me/tokens/x", "POST", vec!["DELETE", "OPTIONS"]),
    ];
    for (path, method, methods) in cases {
        let answer = daemon.request(method, path).send();
        assert_eq!(allowed(&answer), methods, "{method} {path}");
        let text = "The method is not allowed for the requested URL.";
        if method == "HEAD" {
            assert_eq!((answer.status, answer.body.len()), (405, 0));
        } else {
            assert_eq!(error(answer, 405), json!({"message": text}));
        }
        // OPTIONS says the same, to anybody, about any path of that shape.
        let answer = daemon.request("OPTIONS", path).send().expect(200);
        assert_eq!(
            (allowed(&answer), answer.body.len()),
            (methods.into_iter().map(str::to_owned).collect(), 0)
        );
        assert_eq!(answer.header("content-type"), HTML);
    }
}

#[test]
fn head_is_get_without_the_body() {
    let bench = Bench::new(Daemon::start());
    for path in ["/0.1/backends", "/0.1/tokens", "/0.1/users/me/tokens"] {
        let get = bench.by_admin("GET", path).send().expect(200);
        let head = bench.by_admin("HEAD", path).send().expect(200);
        assert_eq!((head.body.len(), head.header("content-type")), (0, "application/json"));
        assert!(!get.body.is_empty());
    }
    let _ = bench.daemon.head("/0.1/status").send().expect(200);
    assert_eq!(bench.daemon.head("/0.1/tokens").send().expect(401).body, b"");
}

#[test]
fn the_published_prefix_works_without_a_proxy() {
    let bench = Bench::new(Daemon::start());
    let _ = bench.by_admin("GET", "/api/auth/0.1/tokens").send().expect(200);
    let path = format!("/api/auth/0.1/token/{}", bench.admin);
    let _ = bench.daemon.head(&path).send().expect(204);
    let path = format!("/api/auth/0.1/users/{UNKNOWN}/tokens/my.app");
    let body = error(bench.daemon.delete(&path).send(), 401);
    let access = format!("auth.users.{UNKNOWN}.tokens.my_app.delete");
    assert_eq!(body["details"]["required_access"], json!(access));
}

#[test]
fn backends_are_listed_for_anybody() {
    let daemon = Daemon::start();
    let body = daemon.get("/0.1/backends").send().expect(200).json();
    assert!(body["data"].as_array().unwrap().contains(&json!("wazo_user")), "{body}");
    assert_eq!(body.as_object().unwrap().len(), 1);
}

#[test]
fn answers_are_framed_as_the_contract_says() {
    let bench = Bench::new(Daemon::start());
    let line = format!("HEAD /0.1/token/{}", bench.admin);
    let head = bench.daemon.raw_request(&line, &[], b"").to_lowercase();
    assert!(head.starts_with("http/1.1 204 ") && head.ends_with("\r\n\r\n"), "{head}");
    assert!(head.contains("\r\ncontent-type: application/json\r\n"), "{head}");
    assert!(!head.contains("content-length"), "{head}");
    assert!(head.contains("\r\ndate: "), "{head}");
    let answer = bench.daemon.raw_request("GET /0.1/backends", &[b"Accept: text/html"], b"");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.to_lowercase().contains("content-type: application/json"), "{head}");
    assert!(head.to_lowercase().contains(&format!("content-length: {}", body.len())), "{head}");
    assert!(body.ends_with("}\n"), "{body}");
}

#[test]
fn the_prefix_of_a_proxy_is_not_stripped_twice() {
    let daemon = Daemon::start();
    let status = |path: &str| daemon.head(path).send().status;
    assert_eq!(status("/api/auth/0.1/status"), 200);
    assert_eq!(status("/api/auth/api/auth/0.1/status"), 404);
    let proxied = daemon.head("/api/auth/0.1/status").header("X-Script-Name", "/api/auth");
    let _ = proxied.send().expect(404);
    let stripped = daemon.head("/0.1/status").header("X-Script-Name", "/api/auth");
    let _ = stripped.send().expect(200);
}

#[test]
fn the_routes_of_a_disabled_plugin_do_not_exist() {
    let daemon = Setup::default().config("enabled_http_plugins: {policies: false}").start();
    let token = daemon.admin_token();
    let policy = daemon.post("/0.1/policies").token(&token).json(json!({"name": "x"}));
    assert_eq!(policy.send().expect(404).header("content-type"), HTML);
    daemon.create_user("alice", "s3cre7");
}

#[test]
fn a_long_scope_holds_nobody_up() {
    let daemon = Daemon::start();
    let token = daemon.admin_token();
    let check = |length: usize| {
        let path = format!("/0.1/token/{token}?scope={}", "a".repeat(length));
        daemon.head(&path).send().status
    };
    assert_eq!((check(127), check(4000), check(5000)), (204, 204, 403));
}
