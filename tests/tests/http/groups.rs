//! `/groups`, their members and policies, and the groups of users (groups.md).

use serde_json::{Value, json};
use wazo_auth_tests::Daemon;

use crate::support::{Bench, UNKNOWN, column, error, reason, text};

const CHILD: &str = "10000000-0000-4000-8000-000000000001";
const SIBLING: &str = "10000000-0000-4000-8000-000000000003";

fn family() -> (Bench, String) {
    let bench = Bench::new(Daemon::start());
    let top = bench.top();
    bench.tenant(CHILD, "child", &top);
    bench.tenant(SIBLING, "sibling", &top);
    (bench, top)
}

fn unknown_group(uuid: &str) -> Value {
    json!({"message": format!("No such group: \"{uuid}\""), "error_id": "unknown-group",
           "details": {"uuid": uuid}, "resource": "groups"})
}

fn unknown_user(uuid: &str) -> Value {
    json!({"message": format!("No such user: \"{uuid}\""), "error_id": "unknown-user",
           "details": {"uuid": uuid}, "resource": "users"})
}

#[test]
fn a_group_is_created_read_renamed_and_deleted() {
    let (bench, top) = family();
    let body = json!({"name": "Les opérateurs", "uuid": UNKNOWN, "tenant_uuid": CHILD,
        "read_only": true, "system_managed": true});
    let group = bench.by_admin("POST", "/0.1/groups").json(body).send().expect(200).json();
    let uuid = text(&group, "uuid");
    let expected = json!({"uuid": uuid, "tenant_uuid": top, "name": "Les opérateurs",
        "slug": "Lesoprateurs", "system_managed": false, "read_only": false});
    assert_eq!(group, expected);
    assert_ne!(uuid, UNKNOWN);
    let path = format!("/0.1/groups/{uuid}");
    assert_eq!(bench.by_admin("GET", &path).send().expect(200).json(), expected);
    let _ = bench.by_admin("HEAD", &path).send().expect(200);
    let body = json!({"name": "Others", "slug": 5, "uuid": 5});
    let renamed = bench.by_admin("PUT", &path).json(body).send().expect(200).json();
    assert_eq!((&renamed["name"], &renamed["slug"]), (&json!("Others"), &json!("Lesoprateurs")));
    assert_eq!(bench.by_admin("GET", &path).send().expect(200).json(), renamed);
    let _ = bench.by_admin("DELETE", &path).send().expect(204);
    for method in ["GET", "DELETE"] {
        assert_eq!(error(bench.by_admin(method, &path).send(), 404), unknown_group(&uuid));
    }
    let answer = bench.by_admin("PUT", &path).json(json!({})).send();
    assert_eq!(error(answer, 404), unknown_group(&uuid), "said before what is wrong with the body");
}

#[test]
fn names_and_slugs_are_of_one_group_of_a_tenant() {
    let (bench, _) = family();
    let post =
        |tenant: &str, body: Value| bench.about(tenant, "POST", "/0.1/groups").json(body).send();
    let first = text(&post("", json!({"name": "one", "slug": "S-1"})).expect(200).json(), "uuid");
    let _ = post("", json!({"name": "One", "slug": "s-2"})).expect(200);
    for body in [json!({"name": "one"}), json!({"name": "two", "slug": "s-1"})] {
        let expected = format!("Group \"{}\" already exists", body["name"].as_str().unwrap());
        assert_eq!(reason(post("", body), 409), expected);
    }
    let _ = post(CHILD, json!({"name": "one", "slug": "S-1"})).expect(200);
    let answer =
        bench.by_admin("PUT", &format!("/0.1/groups/{first}")).json(json!({"name": "One"}));
    assert_eq!(reason(answer.send(), 409), "Group \"One\" already exists");
    let same = bench.by_admin("PUT", &format!("/0.1/groups/{first}")).json(json!({"name": "one"}));
    let _ = same.send().expect(200);
    // A slug that is taken, or of which nothing is left, is random.
    for name in ["s1", "S1", "s 1", "日本", "!"] {
        let made = text(&post("", json!({"name": name})).expect(200).json(), "slug");
        assert!(made == "s1" && name == "s1" || made.len() == 3, "{name}: {made}");
    }
}

#[test]
fn the_body_of_a_group_is_looked_at_in_order() {
    let (bench, _) = family();
    let long = "x".repeat(129);
    for (field, body) in [
        ("_schema", json!([1])),
        ("name", json!({"slug": 5})),
        ("name", json!({"name": ""})),
        ("name", json!({"name": null})),
        ("name", json!({"name": long, "slug": ""})),
        ("slug", json!({"name": "n", "slug": ""})),
        ("slug", json!({"name": "n", "slug": "a b"})),
        ("slug", json!({"name": "n", "slug": "x".repeat(81)})),
    ] {
        // The body is looked at before the tenant.
        let answer = bench.about(UNKNOWN, "POST", "/0.1/groups").json(&body).send();
        let error = error(answer, 400);
        assert_eq!(
            (&error["error_id"], &error["resource"]),
            (&json!("invalid-data"), &json!("groups"))
        );
        assert_eq!(
            error["details"].as_object().unwrap().keys().collect::<Vec<_>>(),
            [field],
            "{body}"
        );
        assert_eq!(error["message"], error["details"][field]["message"]);
    }
    let answer = bench.about(UNKNOWN, "POST", "/0.1/groups").json(json!({"name": "n"})).send();
    assert_eq!(error(answer, 401)["error_id"], "unauthorized-tenant");
}

#[test]
fn a_group_is_seen_from_its_tenant_and_those_above() {
    let (bench, top) = family();
    let group = text(
        &bench
            .about(CHILD, "POST", "/0.1/groups")
            .json(json!({"name": "g"}))
            .send()
            .expect(200)
            .json(),
        "uuid",
    );
    let path = format!("/0.1/groups/{group}");
    for (method, path, body) in [
        ("GET", path.clone(), ""),
        ("PUT", path.clone(), r#"{"name": "h"}"#),
        ("DELETE", path.clone(), ""),
        ("GET", format!("{path}/users"), ""),
    ] {
        if path.ends_with("users") {
            // It is the tenant of the token that counts there.
            let token = bench.token_in(method, &["#"], SIBLING);
            let answer = bench.daemon.request(method, &path).token(&token).send();
            assert_eq!(error(answer, 404), unknown_group(&group));
            let _ = bench.about(SIBLING, method, &path).send().expect(200);
        } else {
            let answer = bench.about(SIBLING, method, &path).body(body).send();
            assert_eq!(error(answer, 404), unknown_group(&group), "{method}");
        }
    }
    for tenant in [&*top, CHILD] {
        let _ = bench.about(tenant, "GET", &path).send().expect(200);
    }
}

#[test]
fn members_come_and_go() {
    let (bench, top) = family();
    let group = bench.group(json!({"name": "g"}));
    let alice = bench.user(json!({"username": "alice", "firstname": "Al"}));
    let member = format!("/0.1/groups/{group}/users/{alice}");
    for _ in 0..2 {
        let _ = bench.by_admin("PUT", &member).body("ignored").send().expect(204);
    }
    let members = bench.by_admin("GET", &format!("/0.1/groups/{group}/users")).send();
    let members = members.expect(200).json();
    assert_eq!((&members["total"], &members["filtered"]), (&json!(1), &json!(1)));
    let shown = bench.by_admin("GET", "/0.1/users?username=alice").send().expect(200).json();
    assert_eq!(members["items"], shown["items"]);
    let groups = bench.by_admin("GET", &format!("/0.1/users/{alice}/groups")).send();
    let everybody = format!("wazo-all-users-tenant-{top}");
    assert_eq!(column(&groups.expect(200).json(), "name"), ["g", &everybody]);
    for _ in 0..2 {
        let _ = bench.by_admin("DELETE", &member).send().expect(204);
    }
    let gone = format!("/0.1/groups/{group}/users/{UNKNOWN}");
    assert_eq!(error(bench.by_admin("DELETE", &gone).send(), 404), unknown_user(UNKNOWN));
    assert_eq!(error(bench.by_admin("PUT", &gone).send(), 404), unknown_user(UNKNOWN));
    let no_group = format!("/0.1/groups/{UNKNOWN}/users/{alice}");
    for method in ["PUT", "DELETE"] {
        assert_eq!(error(bench.by_admin(method, &no_group).send(), 404), unknown_group(UNKNOWN));
    }
    let _ = error(bench.by_admin("GET", &format!("/0.1/users/{UNKNOWN}/groups")).send(), 404);
}

#[test]
fn members_are_of_the_tenant_of_the_group() {
    let (bench, top) = family();
    let group = bench.group(json!({"name": "g"}));
    let body = json!({"username": "bob"});
    let bob = bench.about(CHILD, "POST", "/0.1/users").json(body).send().expect(200).json();
    let path = format!("/0.1/groups/{group}/users/{}", text(&bob, "uuid"));
    let expected = json!({"message": "Ressources are not in the same tenant",
        "error_id": "missmatching-tenant", "resource": "groups",
        "details": {"user_tenant_uuid": CHILD, "group_tenant_uuid": top}});
    assert_eq!(error(bench.by_admin("PUT", &path).send(), 400), expected);
    // Seen from the child, neither the group nor, from the sibling, the user is there.
    assert_eq!(error(bench.about(CHILD, "PUT", &path).send(), 404), unknown_group(&group));
    let answer = error(bench.about(SIBLING, "PUT", &path).send(), 404);
    assert_eq!(answer["error_id"], "unknown-user");
}

#[test]
fn what_the_service_looks_after_is_not_changed() {
    let (bench, _) = family();
    let alice = bench.user(json!({"username": "alice"}));
    let list = bench.by_admin("GET", "/0.1/groups?read_only=yes").send().expect(200).json();
    let group = text(&list["items"][0], "uuid");
    let forbidden = json!({"message": format!("Forbidden group modification: \"{group}\""),
        "error_id": "forbidden-group", "details": {"uuid": group}, "resource": "groups"});
    let path = format!("/0.1/groups/{group}");
    let put = bench.by_admin("PUT", &path).json(json!({"name": "n"})).send();
    assert_eq!(error(put, 403), forbidden);
    assert_eq!(
        error(bench.by_admin("PUT", &path).json(json!({})).send(), 400)["error_id"],
        "invalid-data"
    );
    assert_eq!(error(bench.by_admin("DELETE", &path).send(), 403), forbidden);
    for method in ["PUT", "DELETE"] {
        let answer = bench.by_admin(method, &format!("{path}/users/{alice}")).send();
        assert_eq!(error(answer, 403), forbidden);
    }
    // But it may be given policies.
    let policy = bench.policy(json!({"name": "p", "acl": ["a.b"]}));
    let _ = bench.by_admin("PUT", &format!("{path}/policies/{policy}")).send().expect(204);
    let alice = bench.token_with("carol", &[]);
    let _ = bench.daemon.head(&format!("/0.1/token/{alice}?scope=a.b")).send().expect(204);
}

#[test]
fn policies_of_a_group_are_those_of_its_members() {
    let (bench, _) = family();
    let group = bench.group(json!({"name": "g"}));
    let alice = bench.daemon.create_user("alice", "pw");
    let _ = bench.by_admin("PUT", &format!("/0.1/groups/{group}/users/{alice}")).send().expect(204);
    let policy = bench.policy(json!({"name": "p", "acl": ["a.b"]}));
    let allowed = || {
        let token = text(&bench.daemon.login("alice", "pw", json!({})), "token");
        bench.daemon.head(&format!("/0.1/token/{token}?scope=a.b")).send().status
    };
    for (by, method, expected) in [
        (&*policy, "PUT", 204),
        (&policy, "PUT", 204),
        (&policy, "DELETE", 403),
        ("p", "PUT", 204),
        ("p", "DELETE", 403),
        ("p", "DELETE", 403),
    ] {
        let path = format!("/0.1/groups/{group}/policies/{by}");
        let _ = bench.by_admin(method, &path).send().expect(204);
        assert_eq!(allowed(), expected, "{method} {by}");
    }
    // What the policy allows, the caller must be allowed.
    let token = bench.token_with("weak", &["auth.#", "!a.b"]);
    for by in [&*policy, "p"] {
        for method in ["PUT", "DELETE"] {
            let path = format!("/0.1/groups/{group}/policies/{by}");
            let answer = bench.daemon.request(method, &path).token(&token).send();
            let expected = json!({"invalid_token": token, "required_access": "a.b"});
            assert_eq!(error(answer, 401)["details"], expected);
        }
    }
    for (by, status) in [(UNKNOWN, 404), ("nope", 404)] {
        let path = format!("/0.1/groups/{group}/policies/{by}");
        let said = reason(bench.by_admin("PUT", &path).send(), status);
        assert!(said.starts_with("No such policy {'"), "{said}");
        // A slug is looked up first, a UUID after the group.
        let path = format!("/0.1/groups/{UNKNOWN}/policies/{by}");
        let body = error(bench.by_admin("PUT", &path).send(), 404);
        assert_eq!(body.get("reason").is_some(), by == "nope", "{body}");
    }
}
