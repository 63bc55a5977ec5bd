//! `/tenants` (tenants.md).

use serde_json::{Value, json};
use wazo_auth_tests::{Answer, Daemon};

use crate::support::{Bench, PASSWORD, UNKNOWN, column, error, text};

fn post(bench: &Bench, parent: &str, body: Value) -> Answer {
    bench.about(parent, "POST", "/0.1/tenants").json(body).send()
}

/// Creates a tenant of this name; gives its UUID.
#[track_caller]
fn tenant(bench: &Bench, parent: &str, name: &str) -> String {
    text(&post(bench, parent, json!({"name": name})).expect(200).json(), "uuid")
}

fn unknown(uuid: &str) -> Value {
    json!({"message": format!("No such tenant: \"{uuid}\""), "error_id": "unknown-tenant",
           "details": {"uuid": uuid}, "resource": "tenants"})
}

#[test]
fn a_tenant_is_created_read_replaced_and_deleted() {
    let bench = Bench::new(Daemon::start());
    let top = bench.top();
    let alice = bench.user(json!({"username": "alice"}));
    let address = json!({"line_1": "1 rue", "line_2": null, "city": "Québec", "state": null,
        "country": "Canada", "zip_code": "H0H"});
    let body = json!({"name": "Acme & Co", "contact": alice.to_uppercase(), "phone": "555",
        "domain_names": ["b.example.com", "a.example.com", "b.example.com"], "address": address,
        "parent_uuid": UNKNOWN, "contact_uuid": UNKNOWN});
    let made = post(&bench, "", body).expect(200).json();
    let uuid = text(&made, "uuid");
    let expected = json!({"uuid": uuid, "parent_uuid": top, "name": "Acme & Co", "slug": "AcmeCo",
        "contact": alice, "phone": "555", "default_authentication_method": "native",
        "domain_names": ["a.example.com", "b.example.com"], "address": address});
    assert_eq!(made, expected);
    let path = format!("/0.1/tenants/{uuid}");
    assert_eq!(bench.by_admin("GET", &path).send().expect(200).json(), expected);
    // What was read can be sent back; domains keep their UUIDs.
    let domains = || bench.by_admin("GET", &format!("{path}/domains")).send().expect(200).json();
    let before = domains();
    assert_eq!(before["total"], 2);
    assert_eq!(column(&before, "name"), ["a.example.com", "b.example.com"]);
    let same = bench.by_admin("PUT", &path).json(&made).send().expect(200).json();
    assert_eq!((same, domains()), (expected, before.clone()));
    let body = json!({"domain_names": ["a.example.com", "c.example.com"], "slug": 5});
    let changed = bench.by_admin("PUT", &path).json(body).send().expect(200).json();
    let nothing = json!({"line_1": null, "line_2": null, "city": null, "state": null,
        "country": null, "zip_code": null});
    let expected = json!({"uuid": uuid, "parent_uuid": top, "name": null, "slug": "AcmeCo",
        "contact": null, "phone": null, "default_authentication_method": "native",
        "domain_names": ["a.example.com", "c.example.com"], "address": nothing});
    assert_eq!(changed, expected);
    assert_eq!(domains()["items"][0], before["items"][0]);
    assert_eq!(bench.database().text("SELECT count(*) FROM auth_address"), "0");
    let _ = bench.by_admin("DELETE", &path).send().expect(204);
    for method in ["GET", "DELETE"] {
        assert_eq!(error(bench.by_admin(method, &path).send(), 404), unknown(&uuid));
    }
    assert_eq!(error(bench.by_admin("PUT", &path).json(json!({})).send(), 404), unknown(&uuid));
    let gone = bench.by_admin("GET", &format!("{path}/domains")).send();
    assert_eq!(error(gone, 404), unknown(&uuid));
}

#[test]
fn a_tenant_is_its_subtree_and_no_more() {
    let bench = Bench::new(Daemon::start());
    let top = bench.top();
    let child = tenant(&bench, "", "child");
    let grandchild = tenant(&bench, &child, "grand");
    let sibling = tenant(&bench, "", "sibling");
    let names = |tenant: &str, query: &str| {
        let path = format!("/0.1/tenants?{query}");
        column(&bench.about(tenant, "GET", &path).send().expect(200).json(), "name")
    };
    assert_eq!(names("", ""), ["child", "grand", "master", "sibling"]);
    assert_eq!(names(&child, "recurse=false"), ["child", "grand"]);
    assert_eq!(names(&child, "search=ran"), ["grand"]);
    assert_eq!(names("", "order=slug&direction=desc&limit=1"), ["sibling"]);
    assert_eq!(names("", &format!("uuids={child}&uuids={sibling}")), ["child", "sibling"]);
    assert!(names("", "uuids=").is_empty() && names("", "name=Child").is_empty());
    let many = "uuids=x&".repeat(26);
    let said = error(bench.by_admin("GET", &format!("/0.1/tenants?{many}")).send(), 400);
    assert_eq!(said["message"]["uuids"][0]["constraint"], json!({"min": null, "max": 25}));
    // A token of the child reaches no higher.
    let token = bench.token_in("of-child", &["#"], &child);
    let by_child = |method: &str, path: &str| bench.daemon.request(method, path).token(&token);
    for (method, tenant) in [("GET", &top), ("GET", &sibling), ("DELETE", &sibling)] {
        let path = format!("/0.1/tenants/{tenant}");
        assert_eq!(error(by_child(method, &path).send(), 404), unknown(tenant), "{method}");
    }
    let path = format!("/0.1/tenants/{top}/domains");
    assert_eq!(error(by_child("GET", &path).send(), 404), unknown(&top));
    for tenant in [&child, &grandchild] {
        let _ = by_child("GET", &format!("/0.1/tenants/{tenant}")).send().expect(200);
    }
    let own = json!({"message": format!("Deleting its own tenant is forbidden: \"{child}\""),
        "error_id": "deleting-own-tenant-forbidden", "details": {"tenant_uuid": child},
        "resource": "tenants"});
    let path = format!("/0.1/tenants/{child}");
    assert_eq!(error(by_child("DELETE", &path).send(), 403), own);
    let said = error(bench.by_admin("DELETE", &path).send(), 400);
    let expected =
        format!("Unauthorized delete of tenant : \"{child}\" ; since it has at least one child");
    assert_eq!(said["message"], expected);
}

#[test]
fn what_is_wrong_with_a_tenant_is_said() {
    let bench = Bench::new(Daemon::start());
    let pattern = r"^(?=.{1,253}\.?$)(?:(?!(-|_)|[^.]+_)[A-Za-z0-9-_]{1,}(?<!-)(?:\.|$)){2,63}$";
    let regex = |pattern: &str| {
        json!({"constraint_id": "regex", "constraint": pattern,
        "message": "String does not match expected pattern."})
    };
    let length = |max: u64| {
        json!({"constraint_id": "length", "constraint": {"min": 1, "max": max},
        "message": format!("Length must be between 1 and {max}.")})
    };
    for (body, details) in [
        (json!({"name": ""}), json!({"name": length(128)})),
        (json!({"slug": "a-b"}), json!({"slug": regex("^[a-zA-Z0-9_]+$")})),
        (json!({"slug": "12345678901"}), json!({"slug": length(10)})),
        (json!({"phone": "x".repeat(33)}), json!({"phone": length(32)})),
        (
            json!({"domain_names": ["ok.org", "bad"]}),
            json!({"domain_names": {"1": regex(pattern)}}),
        ),
        (
            json!({"address": {"zip_code": "x".repeat(17)}}),
            json!({"address": {"zip_code": length(16)}}),
        ),
    ] {
        let error = error(post(&bench, "", body), 400);
        assert_eq!(
            (&error["error_id"], &error["resource"]),
            (&json!("invalid-data"), &json!("tenants"))
        );
        assert_eq!(error["details"], details);
    }
    for body in [
        json!({"uuid": "x"}),
        json!({"contact": 5}),
        json!({"default_authentication_method": null}),
        json!({"domain_names": null}),
        json!({"domain_names": [null]}),
        json!({"address": []}),
        json!({"address": null}),
    ] {
        assert_eq!(
            error(post(&bench, "", body.clone()), 400)["error_id"],
            "invalid-data",
            "{body}"
        );
    }
    for (name, good) in [
        ("a.b", true),
        ("A-1.example.COM.", true),
        ("-a.b", false),
        ("a-.b", false),
        ("a_b.c", false),
        ("a..b", false),
        ("a.b\n", false),
        (".a.b", false),
    ] {
        let status = post(&bench, "", json!({"domain_names": [name]})).status;
        assert_eq!(status, if good { 200 } else { 400 }, "{name}");
    }
    for method in ["", "x", "default"] {
        let error = error(post(&bench, "", json!({"default_authentication_method": method})), 400);
        let expected = json!({"message": format!("Invalid default authentication method {method}"),
            "error_id": "invalid-data", "details": {"default_authentication_method": method},
            "resource": "tenants"});
        assert_eq!(error, expected);
    }
}

#[test]
fn what_is_taken_is_not_given_twice() {
    let bench = Bench::new(Daemon::start());
    let top = bench.top();
    let body = json!({"uuid": UNKNOWN, "slug": "first", "domain_names": ["a.org"]});
    let _ = post(&bench, "", body).expect(200);
    let unique = |message: &str| json!({"constraint_id": "unique", "message": message});
    let identity = error(post(&bench, "", json!({"uuid": UNKNOWN})), 409);
    let expected = json!({"message": "Tenant Conflict detected", "error_id": "tenant-identity-conflict",
        "resource": "tenants",
        "details": {"uuid": unique(&format!("A tenant with identity uuid=\"{UNKNOWN}\" already exists"))}});
    assert_eq!(identity, expected);
    let master = error(post(&bench, "", json!({"uuid": top})), 403);
    assert_eq!(master["details"]["parent_uuid"]["msg"], "A master tenant already exist");
    let slug = error(post(&bench, "", json!({"slug": "first"})), 409);
    assert_eq!(slug["details"], json!({"slug": unique("The slug \"first\" is already used")}));
    let domain = error(post(&bench, "", json!({"domain_names": ["b.org", "a.org"]})), 409);
    assert_eq!(
        domain["details"]["domain_names"]["message"],
        "Domain name : \"['a.org', 'b.org']\" is already in use, no duplicates allowed"
    );
    let second = tenant(&bench, "", "second");
    let path = format!("/0.1/tenants/{second}");
    let domain = bench.by_admin("PUT", &path).json(json!({"domain_names": ["a.org"]})).send();
    assert_eq!(error(domain, 409)["error_id"], "conflict");
    let contact = error(post(&bench, "", json!({"contact": UNKNOWN})), 404);
    assert_eq!(contact["error_id"], "unknown-user");
    // Slugs that are made are never in the way.
    for name in [json!("first"), json!("日本"), json!(null)] {
        let made = text(&post(&bench, "", json!({"name": name})).expect(200).json(), "slug");
        assert_eq!(made.len(), 3, "{name}: {made}");
    }
    assert_eq!(bench.database().text("SELECT count(*) FROM auth_tenant_domain"), "1");
}

#[test]
fn a_tenant_moves_with_all_below_it() {
    let bench = Bench::new(Daemon::start());
    let top = bench.top();
    let one = tenant(&bench, "", "one");
    let two = tenant(&bench, "", "two");
    let below = tenant(&bench, &one, "below");
    let token = bench.token_in("of-two", &["#"], &two);
    let reaches = |tenant: &str| {
        bench.daemon.get("/0.1/users").token(&token).header("Wazo-Tenant", tenant).send().status
            == 200
    };
    let change = |tenant: &str, parent: &str| {
        bench.by_admin("PUT", &format!("/0.1/tenants/{tenant}/parent/{parent}")).send()
    };
    assert!(!reaches(&below));
    for _ in 0..2 {
        let _ = change(&one, &two).expect(204);
        assert!(reaches(&one) && reaches(&below));
    }
    for (tenant, parent) in [(&two, &two), (&two, &below), (&top, &two), (&top, &top)] {
        let expected = json!({"message": format!("Parent ({parent}) is a descendent of tenant: \"{tenant}\""),
            "error_id": "conflict", "details": {"uuid": tenant, "parent_uuid": parent},
            "resource": "tenants"});
        assert_eq!(error(change(tenant, parent), 409), expected);
    }
    assert_eq!(error(change(&one, UNKNOWN), 404), unknown(UNKNOWN));
    assert_eq!(error(change(UNKNOWN, &one), 404), unknown(UNKNOWN));
    let path = format!("/0.1/tenants/{one}/parent/{top}");
    assert_eq!(error(bench.about(&two, "PUT", &path).send(), 404), unknown(&top));
    let _ = change(&one, &top).expect(204);
    assert!(!reaches(&one) && !reaches(&below));
}

#[test]
fn deleting_a_tenant_logs_its_users_out_and_leaves_nothing() {
    let bench = Bench::new(Daemon::start());
    let rows = || {
        [
            "auth_tenant",
            "auth_group",
            "auth_user",
            "auth_session",
            "auth_token",
            "auth_policy",
            "auth_user_group",
            "auth_email",
            "auth_refresh_token",
            "auth_tenant_domain",
            "auth_address",
        ]
        .map(|table| bench.database().text(&format!("SELECT count(*) FROM {table}")))
    };
    let before = rows();
    let body = json!({"name": "t", "domain_names": ["a.org"], "address": {"city": "x"}});
    let tenant = text(&post(&bench, "", body).expect(200).json(), "uuid");
    let bob = json!({"username": "bob", "password": PASSWORD, "email_address": "b@a.org"});
    let _ = bench.about(&tenant, "POST", "/0.1/users").json(bob).send().expect(200);
    let policy = json!({"name": "p", "acl": ["a"]});
    let _ = bench.about(&tenant, "POST", "/0.1/policies").json(policy).send().expect(200);
    let offline = json!({"access_type": "offline", "client_id": "c"});
    let token = text(&bench.daemon.login("bob", PASSWORD, offline), "token");
    let path = format!("/0.1/tenants/{tenant}");
    let _ = bench.by_admin("DELETE", &path).send().expect(204);
    let _ = bench.daemon.head(&format!("/0.1/token/{token}")).send().expect(404);
    assert_eq!(rows(), before);
}
