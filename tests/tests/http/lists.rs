//! What lists have in common (http.md section 7), and what is their own.

use serde_json::{Value, json};
use wazo_auth_tests::Daemon;

use crate::support::{Bench, column, error, text};

const CHILD: &str = "10000000-0000-4000-8000-000000000001";

#[track_caller]
fn get(bench: &Bench, path: &str) -> Value {
    bench.by_admin("GET", path).send().expect(200).json()
}

/// Users of two tenants; the first two belong to the administrator's.
fn users() -> (Bench, String) {
    let bench = Bench::new(Daemon::start());
    bench.tenant(CHILD, "child", &bench.top());
    let alice = bench.user(json!({"username": "alice", "firstname": "Al", "lastname": "Zed",
        "email_address": "alice@example.com", "purpose": "external_api"}));
    let _ = bench.user(json!({"username": "Émile", "firstname": "Be", "lastname": "100%"}));
    let carol = json!({"username": "carol", "firstname": "Ca"});
    let _ = bench.about(CHILD, "POST", "/0.1/users").json(carol).send().expect(200);
    (bench, alice)
}

#[test]
fn users_are_found_by_what_they_are() {
    let (bench, alice) = users();
    for (query, expected) in [
        ("", &["admin", "alice", "Émile"][..]),
        ("recurse=true", &["admin", "alice", "carol", "Émile"]),
        ("recurse=true&limit=2&offset=1", &["alice", "carol"]),
        ("limit=0", &[]),
        ("direction=desc", &["Émile", "alice", "admin"]),
        ("order=firstname", &["alice", "Émile", "admin"]),
        ("order=firstname&direction=desc", &["admin", "Émile", "alice"]),
        ("order=lastname&recurse=1", &["Émile", "alice", "admin", "carol"]),
        ("search=ALI", &["alice"]),
        ("search=émile", &["Émile"]),
        ("search=example", &["alice"]),
        ("search=a%20z", &[]),
        ("search=0%25", &["Émile"]),
        ("search=al&search=nothing", &["alice"]),
        ("search=", &["admin", "alice", "Émile"]),
        ("username=alice", &["alice"]),
        ("username=Alice", &[]),
        ("username=", &[]),
        ("firstname=Al&lastname=Zed", &["alice"]),
        ("purpose=external_api", &["alice"]),
        ("email_address=alice@example.com", &["alice"]),
        ("email_address=ALICE@example.com", &[]),
        ("uuid=not-a-uuid", &[]),
        ("login=x&enabled=maybe&tenant_uuid=x", &["admin", "alice", "Émile"]),
    ] {
        let list = get(&bench, &format!("/0.1/users?{query}"));
        let mut found = column(&list, "username");
        if query.starts_with("order=lastname") {
            // Those without a last name come last, in no order.
            found[2..].sort();
        }
        assert_eq!(found, expected, "{query}");
        let total = if query.contains("recurse") { 4 } else { 3 };
        assert_eq!(list["total"], total, "{query}");
        let pages = query.contains("limit");
        assert_eq!(list["filtered"], if pages { total } else { expected.len() }, "{query}");
    }
    let found = get(&bench, &format!("/0.1/users?uuid={alice}"));
    let shown = &found["items"][0];
    assert_eq!(shown["emails"][0]["address"], "alice@example.com");
    assert_eq!(shown.as_object().unwrap().len(), 9, "{shown}");
    let by_child = bench.about(CHILD, "GET", "/0.1/users").send().expect(200).json();
    assert_eq!(column(&by_child, "username"), ["carol"]);
}

#[test]
fn users_are_found_by_what_they_hold() {
    let (bench, alice) = users();
    let group = bench.group(json!({"name": "g"}));
    let of_group = bench.policy(json!({"name": "of-group"}));
    let direct = bench.policy(json!({"name": "direct"}));
    for path in [
        format!("/0.1/groups/{group}/users/{alice}"),
        format!("/0.1/groups/{group}/policies/{of_group}"),
        format!("/0.1/users/{alice}/policies/{direct}"),
    ] {
        let _ = bench.by_admin("PUT", &path).send().expect(204);
    }
    let all = 3;
    for (query, expected) in [
        (format!("group_uuid={group}"), 1),
        ("group_uuid=".into(), 0),
        (format!("policy_uuid={direct}"), 1),
        (format!("policy_uuid={of_group}"), 0),
        ("policy_slug=direct".into(), 1),
        ("policy_slug=Direct".into(), 0),
        (format!("has_policy_uuid={of_group}"), 1),
        (format!("has_policy_uuid={direct}"), 1),
        ("has_policy_slug=of-group".into(), 1),
        ("has_policy_slug=direct".into(), 1),
        ("has_policy_slug=none".into(), 0),
        ("has_policy_slug=&has_policy_uuid=".into(), all),
    ] {
        assert_eq!(get(&bench, &format!("/0.1/users?{query}"))["filtered"], expected, "{query}");
    }
    let members = format!("/0.1/groups/{group}/users");
    for (query, expected) in
        [("", 1), ("search=zed", 1), ("username=x", 0), ("group_uuid=x", 1), ("order=username", 1)]
    {
        let list = get(&bench, &format!("{members}?{query}"));
        assert_eq!((&list["total"], &list["filtered"]), (&json!(1), &json!(expected)), "{query}");
    }
}

#[test]
fn groups_are_found_by_what_they_are_and_hold() {
    let (bench, alice) = users();
    let group = bench.group(json!({"name": "Beta", "slug": "a-slug"}));
    let _ = bench.group(json!({"name": "alpha", "slug": "z"}));
    let policy = bench.policy(json!({"name": "p"}));
    let _ = bench.by_admin("PUT", &format!("/0.1/groups/{group}/users/{alice}")).send().expect(204);
    let _ = bench.by_admin("PUT", &format!("/0.1/groups/{group}/policies/p")).send().expect(204);
    let everybody = format!("wazo-all-users-tenant-{}", bench.top());
    let everybody = &*everybody;
    for (query, expected) in [
        (String::new(), &["Beta", "alpha", everybody][..]),
        ("order=slug&limit=1".into(), &["Beta"]),
        ("order=read_only&direction=desc&limit=1".into(), &[everybody]),
        ("read_only=False".into(), &["Beta", "alpha"]),
        ("search=ET".into(), &["Beta"]),
        ("search=slug".into(), &[]),
        ("name=alpha".into(), &["alpha"]),
        ("slug=a-slug".into(), &["Beta"]),
        ("slug=A-slug".into(), &[]),
        (format!("uuid={group}"), &["Beta"]),
        (format!("user_uuid={alice}&read_only=0"), &["Beta"]),
        (format!("policy_uuid={policy}"), &["Beta"]),
        ("policy_slug=p".into(), &["Beta"]),
    ] {
        let list = get(&bench, &format!("/0.1/groups?{query}"));
        assert_eq!(column(&list, "name"), expected, "{query}");
        assert_eq!(list["total"], 3);
    }
    let mine = format!("/0.1/users/{alice}/groups");
    for (query, expected) in [
        ("", &["Beta", everybody][..]),
        ("slug=none&user_uuid=x&recurse=true", &["Beta", everybody]),
        ("name=Beta", &["Beta"]),
        ("search=beta", &["Beta"]),
        ("direction=desc", &[everybody, "Beta"]),
    ] {
        assert_eq!(column(&get(&bench, &format!("{mine}?{query}")), "name"), expected, "{query}");
    }
    let uuids = get(&bench, &format!("{mine}?order=uuid"));
    assert!(column(&uuids, "uuid").is_sorted());
}

#[test]
fn bad_parameters_are_all_named_for_every_list() {
    let (bench, alice) = users();
    let group = bench.group(json!({"name": "g"}));
    for (path, columns) in [
        ("/0.1/users", "username, firstname, lastname"),
        ("/0.1/groups", "name, slug, uuid, read_only"),
        (&format!("/0.1/groups/{group}/users"), "username"),
        (&format!("/0.1/users/{alice}/groups"), "name, uuid"),
    ] {
        let bad = "limit=-1&offset=x&order=&direction=up&recurse=maybe&read_only=2";
        let body = error(bench.by_admin("GET", &format!("{path}?{bad}")).send(), 400);
        assert_eq!(
            (&body["error_id"], &body["resource"]),
            (&json!("invalid-list-param"), &json!("users"))
        );
        assert_eq!(body["details"], json!({}));
        let said = &body["message"];
        assert_eq!(said["limit"][0]["message"], "Must be greater than or equal to 0.");
        assert_eq!(said["offset"]["constraint"], "integer");
        assert_eq!(text(&said["order"][0], "message"), format!("Must be one of: {columns}."));
        assert_eq!(text(&said["direction"][0], "message"), "Must be one of: asc, desc.");
        assert_eq!(said["recurse"]["constraint"], "boolean");
        assert_eq!(said.get("read_only").is_some(), path == "/0.1/groups");
    }
}
