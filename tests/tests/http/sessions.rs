//! `/sessions` and `/users/…/sessions` (tokens.md section 8).

use serde_json::{Value, json};
use wazo_auth_tests::Daemon;

use crate::support::{Bench, PASSWORD, UNKNOWN, column, error, text};

const CHILD: &str = "10000000-0000-4000-8000-000000000001";

fn sessions(bench: &Bench, tenant: &str, path: &str) -> Value {
    bench.about(tenant, "GET", path).send().expect(200).json()
}

fn is_alive(bench: &Bench, token: &Value) -> bool {
    bench.daemon.head(&format!("/0.1/token/{}", text(token, "token"))).send().status == 204
}

#[test]
fn sessions_are_listed_by_tenant_and_by_user() {
    let bench = Bench::new(Daemon::start());
    let top = bench.top();
    bench.tenant(CHILD, "child", &top);
    let bob = json!({"username": "bob", "password": PASSWORD});
    let bob = bench.about(CHILD, "POST", "/0.1/users").json(bob).send().expect(200).json();
    let bob = text(&bob, "uuid");
    let mobile = bench.daemon.post("/0.1/token").basic("bob", PASSWORD);
    let mobile = mobile.header("Wazo-Session-Type", "mobile").json(json!({})).send();
    let mobile = mobile.expect(200).json()["data"].clone();
    let other = bench.daemon.login("bob", PASSWORD, json!({}));
    let of_child = sessions(&bench, CHILD, "/0.1/sessions?order=mobile&direction=desc");
    assert_eq!((&of_child["total"], &of_child["filtered"]), (&json!(2), &json!(2)));
    let expected = json!({"uuid": mobile["session_uuid"], "mobile": true, "tenant_uuid": CHILD,
        "user_uuid": bob});
    assert_eq!(of_child["items"][0], expected);
    let of_bob = sessions(&bench, "", &format!("/0.1/users/{bob}/sessions?search=nothing"));
    let mut found = column(&of_bob, "uuid");
    let mut wanted = [text(&mobile, "session_uuid"), text(&other, "session_uuid")];
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted);
    let at_top = sessions(&bench, "", "/0.1/sessions")["total"].as_u64().unwrap();
    let everywhere = sessions(&bench, "", "/0.1/sessions?recurse=true&limit=1");
    assert_eq!(everywhere["total"], at_top + 2);
    assert_eq!(everywhere["items"].as_array().unwrap().len(), 1);
    let unknown = bench.by_admin("GET", &format!("/0.1/users/{UNKNOWN}/sessions")).send();
    assert_eq!(error(unknown, 404)["error_id"], "unknown-user");
    let bad = bench.by_admin("GET", "/0.1/sessions?order=uuid").send();
    assert_eq!(error(bad, 400)["error_id"], "invalid-list-param");
}

#[test]
fn a_session_is_ended_by_those_who_see_it() {
    let bench = Bench::new(Daemon::start());
    let top = bench.top();
    bench.tenant(CHILD, "child", &top);
    let alice = bench.daemon.create_user("alice", PASSWORD);
    let bob = bench.daemon.create_user("bob", PASSWORD);
    let token = bench.daemon.login("alice", PASSWORD, json!({}));
    let session = text(&token, "session_uuid");
    // Of a tenant above, of another user, unknown: nothing happens, and nothing is said.
    for (tenant, path) in [
        (CHILD, format!("/0.1/sessions/{session}")),
        ("", format!("/0.1/sessions/{UNKNOWN}")),
        ("", format!("/0.1/users/{bob}/sessions/{session}")),
        ("", format!("/0.1/users/{alice}/sessions/{UNKNOWN}")),
    ] {
        let _ = bench.about(tenant, "DELETE", &path).send().expect(204);
        assert!(is_alive(&bench, &token), "{path}");
    }
    let path = format!("/0.1/users/{UNKNOWN}/sessions/{session}");
    assert_eq!(error(bench.by_admin("DELETE", &path).send(), 404)["error_id"], "unknown-user");
    let path = format!("/0.1/users/{alice}/sessions/{session}");
    let _ = bench.by_admin("DELETE", &path).send().expect(204);
    assert!(!is_alive(&bench, &token));
    let token = bench.daemon.login("alice", PASSWORD, json!({}));
    let path = format!("/0.1/sessions/{}", text(&token, "session_uuid"));
    let _ = bench.by_admin("DELETE", &path).send().expect(204);
    assert!(!is_alive(&bench, &token));
    assert_eq!(sessions(&bench, "", &format!("/0.1/users/{alice}/sessions"))["total"], 0);
}
