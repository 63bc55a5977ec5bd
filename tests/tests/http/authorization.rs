//! Tokens of callers and the access a route requires (section 4).

use serde_json::{Value, json};
use wazo_auth_tests::Daemon;

use crate::support::{Bench, UNKNOWN, error};

fn refusal(details: Value) -> Value {
    json!({"message": "Unauthorized", "error_id": "unauthorized", "details": details})
}

fn unknown(token: &str, access: &str) -> Value {
    refusal(
        json!({"invalid_token": token, "reason": "not_found_or_expired", "required_access": access}),
    )
}

#[test]
fn a_token_is_needed_before_anything_else_is_looked_at() {
    let bench = Bench::new(Daemon::start());
    let routes = [
        ("GET", "/0.1/tokens".to_owned(), "auth.tokens.read".to_owned()),
        ("GET", "/0.1/users/me/tokens".to_owned(), "auth.users.me.tokens.read".to_owned()),
        (
            "DELETE",
            "/0.1/users/me/tokens/a.b*%23c".to_owned(),
            "auth.users.me.tokens.a_b*#c.delete".to_owned(),
        ),
        ("POST", "/0.1/users".to_owned(), "auth.users.create".to_owned()),
        ("POST", "/0.1/policies".to_owned(), "auth.policies.create".to_owned()),
        (
            "PUT",
            format!("/0.1/users/{UNKNOWN}/policies/a-slug"),
            format!("auth.users.{UNKNOWN}.policies.a-slug.create"),
        ),
        (
            "DELETE",
            format!("/0.1/users/{}/policies/{}", UNKNOWN.to_uppercase(), UNKNOWN.to_uppercase()),
            format!("auth.users.{UNKNOWN}.policies.{UNKNOWN}.delete"),
        ),
    ];
    for (method, path, access) in routes {
        let ask = || bench.daemon.request(method, &path).body("{ broken");
        assert_eq!(error(ask().send(), 401), unknown("", &access), "{method} {path}");
        let bad =
            [UNKNOWN, "x", "' OR 1=1", &bench.admin.to_uppercase(), &bench.admin.replace('-', "")];
        for token in bad {
            let request = ask().token(token).header("Wazo-Tenant", "nonsense");
            assert_eq!(error(request.send(), 401), unknown(token, &access));
        }
        // Neither of these carries a token here.
        let bearer = ask().header("Authorization", &format!("Bearer {}", bench.admin));
        assert_eq!(error(bearer.send(), 401), unknown("", &access));
        let query = format!("{path}?token={}", bench.admin);
        assert_eq!(error(bench.daemon.request(method, &query).send(), 401), unknown("", &access));
    }
    let header = [&b"X-Auth-Token: caf\xe9"[..]];
    let answer = bench.daemon.raw_request("GET /0.1/tokens", &header, b"");
    assert!(answer.contains(r#""invalid_token":"caf\u00e9""#), "{answer}");
}

#[test]
fn a_good_token_without_the_access_is_told_so() {
    let bench = Bench::new(Daemon::start());
    let token = bench
        .token_with("alice", &["auth.users.me.tokens.read", "auth.tokens.*", "!auth.tokens.read"]);
    let _ = bench.daemon.get("/0.1/users/me/tokens").token(&token).send().expect(200);
    for (tenant, raw) in [(None, Value::Null), (Some("any thing"), json!("any thing"))] {
        let mut request = bench.daemon.get("/0.1/tokens").token(&token);
        if let Some(tenant) = tenant {
            request = request.header("Wazo-Tenant", tenant);
        }
        let details = json!({"invalid_token": token, "reason": "missing_permission_or_invalid_tenant",
                             "required_access": "auth.tokens.read", "tenant_uuid": raw});
        assert_eq!(error(request.send(), 401), refusal(details));
    }
}

#[test]
fn a_policy_in_the_path_is_required_as_it_is_named() {
    let bench = Bench::new(Daemon::start());
    let policy = bench.policy(json!({"name": "p", "slug": "The-Slug"}));
    let user = bench.user(json!({}));
    let by_slug = bench.token_with("s", &["auth.users.*.policies.The-Slug.create"]);
    let by_uuid = bench.token_with("u", &[&format!("auth.users.*.policies.{policy}.create")]);
    let put = |token: &str, name: &str| {
        let path = format!("/0.1/users/{user}/policies/{name}");
        bench.daemon.put(&path).token(token).send().status
    };
    assert_eq!((put(&by_slug, "The-Slug"), put(&by_slug, &policy)), (204, 401));
    assert_eq!((put(&by_uuid, "The-Slug"), put(&by_uuid, &policy)), (401, 204));
    assert_eq!(put(&by_uuid, &policy.to_uppercase()), 204);
}
