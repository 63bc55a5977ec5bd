//! Asking about a token (section 7).

use serde_json::{Value, json};
use wazo_auth_tests::{Answer, Daemon, on_postgresql};

use crate::support::{Bench, keys, reason, text};

const UNKNOWN: &str = "5b046ec3-8ac7-4908-9814-692f55d57e77";
const CHILD: &str = "10000000-0000-4000-8000-000000000001";
const GRANDCHILD: &str = "10000000-0000-4000-8000-000000000002";
const SIBLING: &str = "10000000-0000-4000-8000-000000000003";

fn ask(bench: &Bench, token: &str, query: &str, status: u16) -> Answer {
    let path = format!("/0.1/token/{token}{query}");
    let head = bench.daemon.head(&path).send();
    assert_eq!(head.body, b"", "{path}");
    assert_eq!(head.header("content-type"), "application/json");
    assert_eq!(head.status, if status == 200 { 204 } else { status }, "{path}");
    bench.daemon.get(&path).send().expect(status)
}

fn scopes(bench: &Bench, token: &str, body: Value) -> Answer {
    bench.daemon.post(&format!("/0.1/token/{token}/scopes/check")).json(body).send()
}

/// Acts of a user who may read its calls, but none of a colleague's.
fn caller() -> (Bench, String, String) {
    let bench = Bench::new(Daemon::start());
    let alice = bench.user("alice");
    bench.grant(&alice, "calls", &["calld.users.me.#", "!calld.users.me.delete", "a.*.edit"]);
    let token = text(&bench.login("alice"), "token");
    (bench, alice, token)
}

#[test]
fn a_scope_is_matched_with_the_frozen_accesses() {
    let (bench, alice, token) = caller();
    let _ = ask(&bench, &token, "", 200);
    for scope in [format!("calld.users.{alice}.read"), "a.b.update".into(), "a.*.edit".into()] {
        let _ = ask(&bench, &token, &format!("?scope={scope}"), 200);
    }
    let refused = [
        "calld.users.me.delete",
        "a.b.c.edit",
        "",
        "#",
        "calld",
        "calld.users.other.read",
        "A.b.edit",
    ];
    for scope in refused {
        let query = format!("?scope={}", scope.replace('#', "%23"));
        let answer = ask(&bench, &token, &query, 403);
        assert_eq!(reason(&answer), format!("Unauthorized for {scope}"));
    }
    // For terminals that know no more than ASCII; the first scope counts.
    let answer = ask(&bench, &token, "?scope=%C3%A9t%C3%A9&scope=a.b.edit", 403);
    assert_eq!(reason(&answer), "Unauthorized for ete");
    // An empty access needs a grant that matches nothing at all.
    let _ = ask(&bench, &bench.admin, "?scope=", 200);
}

#[test]
fn an_unknown_token_is_told_first_then_the_scope_then_the_tenant() {
    let (bench, _, token) = caller();
    let answer = ask(&bench, UNKNOWN, "?scope=x&tenant=y", 404);
    assert_eq!(reason(&answer), "No such token");
    let answer = ask(&bench, &token, "?scope=x&tenant=y", 403);
    assert_eq!(reason(&answer), "Unauthorized for x");
    for tenant in ["y", UNKNOWN] {
        let answer = ask(&bench, &token, &format!("?scope=a.b.edit&tenant={tenant}"), 403);
        assert_eq!(reason(&answer), format!("Unauthorized for tenant {tenant}"));
    }
    let _ = ask(&bench, &token, "?tenant=", 200);
    // Path variables are read in lower case.
    let _ = ask(&bench, &token.to_uppercase(), "", 200);
}

#[test]
fn several_scopes_are_checked_at_once() {
    let (bench, alice, token) = caller();
    let me = format!("calld.users.{alice}.read");
    let list = [&me, "x", "x", "", "é", "a.1.update"];
    let body = scopes(&bench, &token, json!({"scopes": list})).expect(200).json();
    assert_eq!(
        body,
        json!({"scopes": {&me: true, "x": false, "": false, "é": false, "a.1.update": true}})
    );
    for empty in [
        json!({"scopes": []}),
        json!({"scopes": [], "tenant_uuid": null}),
        json!({"scopes": [], "tenant_uuid": ""}),
    ] {
        assert_eq!(scopes(&bench, &token, empty).expect(200).json(), json!({"scopes": {}}));
    }
    let bad = [
        json!({}),
        json!(null),
        json!([]),
        json!({"scopes": null}),
        json!({"scopes": "x"}),
        json!({"scopes": {}}),
        json!({"scopes": [1]}),
        json!({"scopes": [null]}),
        json!({"scopes": [["x"]]}),
        json!({"scopes": [], "tenant_uuid": 5}),
        json!([1]),
        json!("x"),
    ];
    for body in bad {
        // The body comes before the token.
        let _ = reason(&scopes(&bench, UNKNOWN, body.clone()).expect(400));
        let _ = reason(&scopes(&bench, &token, body).expect(400));
    }
    let outside = json!({"scopes": ["a.1.edit"], "tenant_uuid": UNKNOWN});
    let answer = scopes(&bench, UNKNOWN, outside.clone()).expect(404);
    assert_eq!(reason(&answer), "No such token");
    let answer = scopes(&bench, &token, outside).expect(403);
    assert_eq!(reason(&answer), format!("Unauthorized for tenant {UNKNOWN}"));
    let unreadable = bench.daemon.post(&format!("/0.1/token/{UNKNOWN}/scopes/check")).send();
    assert_eq!(keys(&unreadable.expect(400).json()), ["message"]);
}

#[test]
fn an_owner_reaches_its_tenant_and_those_below() {
    let bench = Bench::new(Daemon::start());
    let top = bench.top();
    bench.tenant(CHILD, "child", &top);
    bench.tenant(GRANDCHILD, "grand", CHILD);
    bench.tenant(SIBLING, "sibling", &top);
    let token = text(&bench.login("child-user"), "token");
    let reach = |token: &str, tenant: &str| bench.head(token, &format!("?tenant={tenant}"));
    for (tenant, status) in [(CHILD, 204), (GRANDCHILD, 204), (SIBLING, 403), (&top, 403)] {
        assert_eq!(reach(&token, tenant), status, "{tenant}");
        assert_eq!(reach(&bench.admin, tenant), 204, "{tenant}");
    }
    let below = text(&bench.login("grand-user"), "token");
    assert_eq!((reach(&below, GRANDCHILD), reach(&below, CHILD)), (204, 403));
    // An administrator of a tenant sees it and what is below, by the header.
    let body = scopes(&bench, &token, json!({"scopes": ["x"], "tenant_uuid": GRANDCHILD}));
    assert_eq!(body.expect(200).json(), json!({"scopes": {"x": false}}));
    let _ = scopes(&bench, &token, json!({"scopes": [], "tenant_uuid": SIBLING})).expect(403);
}

#[test]
fn a_token_outlives_its_owner_but_reaches_no_tenant() {
    let bench = Bench::new(Daemon::start());
    let top = bench.top();
    let alice = bench.user("alice");
    let token = text(&bench.login("alice"), "token");
    bench.sql(&format!("DELETE FROM auth_user WHERE uuid = '{alice}'"));
    crate::support::until(|| bench.head(&token, &format!("?tenant={top}")) == 404);
    let _ = ask(&bench, &token, "", 200);
    let body = ask(&bench, &token, &format!("?tenant={top}"), 404).json();
    assert_eq!(body["error_id"], "unknown-user");
    assert_eq!(body["message"], json!(format!("No such user: \"{alice}\"")));
    assert_eq!((&body["details"], &body["resource"]), (&json!({"uuid": alice}), &json!("users")));
}

#[test]
fn tokens_of_the_service_itself_reach_every_tenant() {
    let bench = Bench::new(Daemon::start());
    let top = bench.top();
    let acl = match on_postgresql() {
        true => "{a.#,auth.users.me.tokens.read}",
        false => r#"["a.#", "auth.users.me.tokens.read"]"#,
    };
    // As the original wrote them: in clear.
    bench.sql(&format!(
        "INSERT INTO auth_session (uuid, mobile, tenant_uuid) VALUES ('{CHILD}', false, '{top}'); \
         INSERT INTO auth_token (uuid, auth_id, issued_t, expire_t, metadata, session_uuid, acl) \
         VALUES ('{UNKNOWN}', 'wazo-auth', 1, 2147483647, '{{\"tenant_uuid\": \"{top}\"}}', \
                 '{CHILD}', '{acl}')"
    ));
    crate::support::until(|| bench.head(UNKNOWN, "") == 204);
    for tenant in [&*top, SIBLING, "no-uuid"] {
        let _ = ask(&bench, UNKNOWN, &format!("?scope=a.b&tenant={tenant}"), 200);
    }
    let data = ask(&bench, UNKNOWN, "", 200).json()["data"].clone();
    assert_eq!(data["auth_id"], "wazo-auth");
    assert_eq!((&data["xivo_uuid"], &data["xivo_user_uuid"]), (&Value::Null, &Value::Null));
    assert_eq!(data["issued_at"], "1970-01-01T00:00:01");
    let mine = bench.daemon.get("/0.1/users/me/tokens").token(UNKNOWN).send().expect(404).json();
    assert_eq!(mine["error_id"], "unknown-user");
}
