//! `POST /policies` (policies.md sections 2 to 4).

use serde_json::{Value, json};
use wazo_auth_tests::{Answer, Daemon};

use crate::support::{Bench, error, reason};

const CHILD: &str = "10000000-0000-4000-8000-000000000001";
const GRANDCHILD: &str = "10000000-0000-4000-8000-000000000002";

fn post(bench: &Bench, tenant: &str, body: &Value) -> Answer {
    bench.by_admin("POST", "/0.1/policies").header("Wazo-Tenant", tenant).json(body).send()
}

fn family() -> (Bench, String) {
    let bench = Bench::new(Daemon::start());
    let top = bench.top();
    bench.tenant(CHILD, "child", &top);
    bench.tenant(GRANDCHILD, "grand", CHILD);
    (bench, top)
}

#[test]
fn a_policy_comes_back_as_it_was_sent() {
    let bench = Bench::new(Daemon::start());
    let body = json!({"name": "Élan & co", "description": "d", "acl": ["z.new", "a.new", "z.new", "", "!b.#", "é"],
        "shared": true, "uuid": "x", "tenant_uuid": "x", "read_only": true});
    let policy = post(&bench, "", &body).expect(200).json();
    let expected = json!({"uuid": policy["uuid"], "tenant_uuid": bench.top(), "name": "Élan & co",
        "slug": "lanco", "description": "d", "acl": ["z.new", "a.new", "", "!b.#", "é"],
        "read_only": false, "shared": true});
    assert_eq!(policy, expected);
    // Known accesses keep their place in the dictionary.
    let body = json!({"name": "n", "slug": "S_-9", "acl": ["brand.new", "a.new", "z.new"]});
    let policy = post(&bench, "", &body).expect(200).json();
    assert_eq!(
        (&policy["slug"], &policy["acl"]),
        (&json!("S_-9"), &json!(["z.new", "a.new", "brand.new"]))
    );
    let policy = post(&bench, "", &json!({"name": "m", "slug": null, "description": null}))
        .expect(200)
        .json();
    assert_eq!(
        (&policy["slug"], &policy["acl"], &policy["shared"]),
        (&json!("m"), &json!([]), &json!(false))
    );
}

#[test]
fn slugs_are_made_from_names() {
    let bench = Bench::new(Daemon::start());
    let slug =
        |name: &str| post(&bench, "", &json!({"name": name})).expect(200).json()["slug"].clone();
    assert_eq!(slug("a b!"), "ab");
    let random = slug("A-B").as_str().unwrap().to_owned();
    assert_eq!(random, "A-B");
    for name in ["ab", "AB", "日本", "!!"] {
        let random = slug(name).as_str().unwrap().to_owned();
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        assert!(random.len() == 3 && random.bytes().all(plain), "{name}: {random}");
    }
    assert_eq!(slug(&"x".repeat(80)), "x".repeat(80));
}

#[test]
fn the_first_bad_field_is_named_before_anything_else() {
    let bench = Bench::new(Daemon::start());
    let cases = [
        ("name", json!({})),
        ("name", json!({"name": null})),
        ("name", json!({"name": ""})),
        ("name", json!({"name": "x".repeat(81)})),
        ("name", json!({"name": 5, "slug": "", "acl": 1})),
        ("slug", json!({"name": "n", "slug": ""})),
        ("slug", json!({"name": "n", "slug": "a b", "description": 1})),
        ("slug", json!({"name": "n", "slug": "a\n"})),
        ("slug", json!({"name": "n", "slug": "x".repeat(81)})),
        ("slug", json!({"name": "n", "slug": 1})),
        ("description", json!({"name": "n", "description": 1, "acl": 1})),
        ("acl", json!({"name": "n", "acl": null, "shared": 5})),
        ("acl", json!({"name": "n", "acl": "x"})),
        ("acl", json!({"name": "n", "acl": [1]})),
        ("acl", json!({"name": "n", "acl": [null]})),
        ("acl", json!({"name": "n", "acl": ["a\0"]})),
        ("shared", json!({"name": "n", "shared": null})),
        ("shared", json!({"name": "n", "shared": "x"})),
        ("_schema", json!([1])),
        ("_schema", json!("x")),
    ];
    for (field, body) in cases {
        // JSON first, then the tenant.
        let text = reason(post(&bench, "no-tenant", &body), 400);
        assert_eq!(text, format!("Invalid value supplied for field: {field}"), "{body}");
    }
    let refused = error(post(&bench, "no-tenant", &json!({"name": "n", "acl": ["x"]})), 401);
    assert_eq!(refused["error_id"], "unauthorized-tenant");
}

#[test]
fn names_and_slugs_are_unique_where_they_meet() {
    let (bench, top) = family();
    let create = |tenant: &str, name: &str, slug: &str, shared: bool| {
        let answer = post(&bench, tenant, &json!({"name": name, "slug": slug, "shared": shared}));
        if answer.status == 409 {
            assert_eq!(reason(answer, 409), format!("Policy \"{name}\" already exists"));
            return false;
        }
        answer.expect(200).json()["tenant_uuid"] == json!(tenant)
    };
    assert!(create(CHILD, "n", "s", false));
    // Within a tenant: the name by its case, the slug in any.
    assert!(!create(CHILD, "n", "other", false) && !create(CHILD, "other", "S", false));
    assert!(create(CHILD, "N", "other", false));
    // Private policies of other tenants do not matter, unless one is to be shared.
    assert!(create(GRANDCHILD, "n", "s", false) && create(&top, "n", "s", false));
    assert!(create(GRANDCHILD, "deep", "deep", false));
    assert!(!create(CHILD, "deep", "x1", true) && !create(&top, "x1", "deep", true));
    assert!(create(&top, "all", "all", true));
    for tenant in [CHILD, GRANDCHILD] {
        assert!(!create(tenant, "all", "x2", false) && !create(tenant, "x2", "all", false));
        assert!(create(tenant, "All", &format!("ALL-{}", &tenant[35..]), false));
    }
    assert!(create(GRANDCHILD, "low", "low", true) && create(&top, "low", "low", false));
}
