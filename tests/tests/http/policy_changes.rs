//! `/policies` listed, read, replaced and deleted; their accesses one by one;
//! and the policies of users and groups (policies.md sections 3 to 8).

use serde_json::{Value, json};
use wazo_auth_tests::{Answer, Daemon};

use crate::support::{Bench, UNKNOWN, column, error, reason, text};

const CHILD: &str = "10000000-0000-4000-8000-000000000001";
const SIBLING: &str = "10000000-0000-4000-8000-000000000003";

fn family() -> Bench {
    let bench = Bench::new(Daemon::start());
    let top = bench.top();
    bench.tenant(CHILD, "child", &top);
    bench.tenant(SIBLING, "sibling", &top);
    bench
}

fn make(bench: &Bench, tenant: &str, body: Value) -> Value {
    bench.about(tenant, "POST", "/0.1/policies").json(body).send().expect(200).json()
}

fn ask(bench: &Bench, tenant: &str, method: &str, id: &str, body: &Value) -> Answer {
    let body = if method == "PUT" { body.to_string() } else { String::new() };
    bench.about(tenant, method, &format!("/0.1/policies/{id}")).body(body).send()
}

#[test]
fn a_policy_is_found_by_uuid_and_by_slug() {
    let bench = family();
    let made = make(&bench, CHILD, json!({"name": "p", "slug": "Slug", "acl": ["b.c", "a"]}));
    let uuid = text(&made, "uuid");
    for (tenant, id, found) in [
        (CHILD, &*uuid, true),
        (CHILD, "Slug", true),
        (CHILD, "slug", false),
        ("", &uuid, true),
        ("", "Slug", false),
        (SIBLING, &uuid, false),
        (SIBLING, "Slug", false),
        ("", UNKNOWN, false),
    ] {
        let answer = ask(&bench, tenant, "GET", id, &Value::Null);
        match found {
            true => assert_eq!(answer.expect(200).json(), made),
            false => assert!(reason(answer, 404).starts_with("No such policy {'"), "{tenant} {id}"),
        }
    }
    let update =
        json!({"name": "q", "description": "d", "acl": ["c", "a", "c"], "slug": 5, "shared": 5});
    let changed = ask(&bench, CHILD, "PUT", "Slug", &update).expect(200).json();
    let expected = json!({"uuid": uuid, "tenant_uuid": CHILD, "name": "q", "slug": "Slug",
        "description": "d", "acl": ["a", "c"], "read_only": false, "shared": false});
    assert_eq!(changed, expected);
    let changed = ask(&bench, "", "PUT", &uuid, &json!({"name": "q"})).expect(200).json();
    assert_eq!((&changed["acl"], &changed["description"]), (&json!([]), &json!(null)));
    let _ = make(&bench, CHILD, json!({"name": "other"}));
    let taken = ask(&bench, CHILD, "PUT", &uuid, &json!({"name": "other"}));
    assert_eq!(reason(taken, 409), "Policy \"other\" already exists");
    let bad = ask(&bench, CHILD, "PUT", UNKNOWN, &json!({}));
    assert_eq!(reason(bad, 400), "Invalid value supplied for field: name");
    let first = reason(ask(&bench, CHILD, "PUT", "none", &json!({})), 404);
    assert_eq!(first, "No such policy {'slug': 'none'}");
    let _ = ask(&bench, CHILD, "DELETE", "Slug", &Value::Null).expect(204);
    let _ = reason(ask(&bench, CHILD, "DELETE", &uuid, &Value::Null), 404);
}

#[test]
fn what_is_inherited_is_seen_and_not_changed() {
    let bench = family();
    let shared = make(&bench, "", json!({"name": "shared", "acl": ["a"], "shared": true}));
    let private = make(&bench, "", json!({"name": "private"}));
    let (shared, private) = (text(&shared, "uuid"), text(&private, "uuid"));
    bench.daemon.change_database(
        "INSERT INTO auth_policy (uuid, name, slug, tenant_uuid, config_managed, shared) SELECT \
         '20000000-0000-4000-8000-000000000002', 'configured', 'configured', uuid, true, false \
         FROM auth_tenant WHERE slug = 'master'",
    );
    for id in [&*shared, "shared", "configured"] {
        let seen = ask(&bench, CHILD, "GET", id, &Value::Null).expect(200).json();
        let expected = (&json!(CHILD), &json!(true), &json!(false));
        assert_eq!((&seen["tenant_uuid"], &seen["read_only"], &seen["shared"]), expected);
        let uuid = text(&seen, "uuid");
        let forbidden = format!("Forbidden policy deletion: \"{uuid}\"");
        for (method, path) in [
            ("PUT", id.to_owned()),
            ("DELETE", id.to_owned()),
            ("PUT", format!("{id}/acl/b")),
            ("DELETE", format!("{id}/acl/a")),
        ] {
            let body = json!({"name": "mine", "acl": ["a"]});
            assert_eq!(
                reason(ask(&bench, CHILD, method, &path, &body), 403),
                forbidden,
                "{method} {path}"
            );
        }
    }
    let _ = reason(ask(&bench, CHILD, "GET", &private, &Value::Null), 404);
    // Its owner sees it as it is; what configuration keeps, nobody changes.
    let own = ask(&bench, "", "GET", &shared, &Value::Null).expect(200).json();
    assert_eq!((&own["read_only"], &own["shared"]), (&json!(false), &json!(true)));
    let kept = ask(&bench, "", "GET", "configured", &Value::Null).expect(200).json();
    assert_eq!((&kept["read_only"], &kept["shared"]), (&json!(true), &json!(false)));
    let _ = reason(ask(&bench, "", "DELETE", "configured", &Value::Null), 403);
    let mine = make(&bench, CHILD, json!({"name": "mine"}));
    assert_eq!(mine["tenant_uuid"], CHILD);
    let names = |tenant: &str, query: &str| {
        let path = format!("/0.1/policies?{query}");
        let list = bench.about(tenant, "GET", &path).send().expect(200).json();
        assert!(list.get("filtered").is_none(), "{list}");
        (list["total"].as_u64().unwrap(), column(&list, "name"))
    };
    let all = ["configured", "mine", "shared"];
    assert_eq!(names(CHILD, ""), (3, all.map(str::to_owned).to_vec()));
    assert_eq!(names(CHILD, "read_only=false"), (3, vec!["mine".to_owned()]));
    assert_eq!(names(CHILD, "read_only=true").1, ["configured", "shared"]);
    assert_eq!(names("", "read_only=true").1, ["configured"]);
    let at_top = ["configured", "private", "shared", "wazo_default_master_user_policy"];
    assert_eq!(names("", "").1, at_top);
    assert_eq!(names("", "recurse=true").0, 5);
    assert_eq!(names("", "search=MIN&recurse=true").1, ["mine"]);
    assert_eq!(names("", &format!("tenant_uuid={CHILD}&recurse=true")).1, ["mine"]);
    assert_eq!(names("", "slug=shared").1, ["shared"]);
    assert_eq!(names(CHILD, "order=slug&direction=desc&limit=1").1, ["shared"]);
}

#[test]
fn accesses_come_and_go_one_by_one() {
    let bench = family();
    let policy = text(&make(&bench, "", json!({"name": "p", "acl": ["a"]})), "uuid");
    let acl = || ask(&bench, "", "GET", &policy, &Value::Null).expect(200).json()["acl"].clone();
    for path in ["/acl/b.%23", "/acl/c%2Fd"] {
        let _ = ask(&bench, "", "PUT", &format!("{policy}{path}"), &Value::Null).expect(204);
    }
    assert_eq!(acl(), json!(["a", "b.#", "c%2Fd"]));
    let again = ask(&bench, "", "PUT", "p/acl/a", &Value::Null);
    assert_eq!(reason(again, 409), "Policy already associated to a");
    for _ in 0..2 {
        let _ = ask(&bench, "", "DELETE", "p/acl/b.%23", &Value::Null).expect(204);
    }
    assert_eq!(acl(), json!(["a", "c%2Fd"]));
    let _ = reason(ask(&bench, "", "PUT", &format!("{UNKNOWN}/acl/a"), &Value::Null), 404);
    assert_eq!(ask(&bench, "", "PUT", &format!("{policy}/acl/"), &Value::Null).status, 404);
    let _ = reason(ask(&bench, "", "PUT", "p/acl/a%00", &Value::Null), 400);
}

#[test]
fn nobody_changes_a_policy_beyond_what_they_hold() {
    let bench = family();
    let policy =
        text(&make(&bench, "", json!({"name": "p", "acl": ["held", "not.held", "!x"]})), "uuid");
    let token = bench.token_with("weak", &["auth.policies.#", "held", "x"]);
    let ask = |method: &str, id: &str, body: &str| {
        let path = format!("/0.1/policies/{id}");
        bench.daemon.request(method, &path).token(&token).body(body).send()
    };
    let refused = |answer: Answer, access: &str| {
        let expected = json!({"invalid_token": token, "required_access": access});
        assert_eq!(error(answer, 401)["details"], expected);
    };
    refused(ask("DELETE", &policy, ""), "not.held");
    refused(ask("PUT", &policy, r#"{"name": "p", "acl": ["held"]}"#), "not.held");
    refused(ask("PUT", &policy, r#"{"name": "p", "acl": ["more"]}"#), "more");
    refused(ask("PUT", "p/acl/more", ""), "more");
    refused(ask("DELETE", "p/acl/not.held", ""), "not.held");
    // The right is looked at before whether there is such a UUID, after whether there is such a slug.
    refused(ask("PUT", &format!("{UNKNOWN}/acl/more"), ""), "more");
    let _ = reason(ask("PUT", "none/acl/more", ""), 404);
    let _ = ask("DELETE", "p/acl/held", "").expect(204);
    let _ = ask("DELETE", "p/acl/!x", "").expect(204);
    let _ = ask("PUT", "p/acl/!anything", "").expect(204);
    let kept = bench.by_admin("GET", "/0.1/policies/p").send().expect(200).json();
    assert_eq!(kept["acl"], json!(["not.held", "!anything"]));
    let weak = text(&make(&bench, "", json!({"name": "w", "acl": ["held"]})), "uuid");
    let _ = ask("DELETE", &weak, "").expect(204);
}

#[test]
fn policies_of_users_and_groups_are_listed() {
    let bench = family();
    let alice = bench.user(json!({"username": "alice"}));
    let group = bench.group(json!({"name": "g"}));
    let shared = make(&bench, "", json!({"name": "shared", "acl": ["a", "b"], "shared": true}));
    let of_child = make(&bench, CHILD, json!({"name": "of child", "description": "d"}));
    for policy in [&shared, &of_child] {
        let policy = text(policy, "uuid");
        for holder in [format!("users/{alice}"), format!("groups/{group}")] {
            let path = format!("/0.1/{holder}/policies/{policy}");
            let _ = bench.by_admin("PUT", &path).send().expect(204);
        }
    }
    for holder in [format!("users/{alice}"), format!("groups/{group}")] {
        let get = |query: &str| {
            let path = format!("/0.1/{holder}/policies?{query}");
            bench.by_admin("GET", &path).send().expect(200).json()
        };
        let all = get("");
        assert_eq!((&all["total"], &all["filtered"]), (&json!(2), &json!(2)));
        assert_eq!(all["items"], json!([of_child, shared]));
        for (query, expected) in [
            ("search=D", &["of child", "shared"][..]),
            ("search=sh", &["shared"]),
            ("name=shared", &["shared"]),
            ("order=description&direction=asc", &["of child", "shared"]),
            ("direction=desc&limit=1", &["shared"]),
            ("slug=none&user_uuid=&group_uuid=", &[]),
        ] {
            assert_eq!(column(&get(query), "name"), expected, "{holder} {query}");
        }
        let by_tenant = get(&format!("tenant_uuid={CHILD}"));
        assert_eq!((&by_tenant["total"], &by_tenant["filtered"]), (&json!(2), &json!(1)));
    }
    let unknown = bench.by_admin("GET", &format!("/0.1/users/{UNKNOWN}/policies")).send();
    assert_eq!(error(unknown, 404)["error_id"], "unknown-user");
    let unknown = bench.about(CHILD, "GET", &format!("/0.1/groups/{group}/policies")).send();
    assert_eq!(error(unknown, 404)["error_id"], "unknown-group");
    // Users of others are nobody's business, whatever the access.
    let outsider = bench.token_in("outsider", &["#"], CHILD);
    let answer = bench.daemon.get(&format!("/0.1/users/{alice}/policies")).token(&outsider).send();
    assert_eq!(error(answer, 404)["error_id"], "unknown-user");
}
