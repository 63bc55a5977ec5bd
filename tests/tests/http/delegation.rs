//! Nobody hands out or takes away an access that they do not hold (acl.md
//! section 6, policies.md sections 5 and 7).

use serde_json::{Value, json};
use wazo_auth_tests::{Answer, Daemon};

use crate::support::{Bench, UNKNOWN, error, reason};

const CHILD: &str = "10000000-0000-4000-8000-000000000001";
const SIBLING: &str = "10000000-0000-4000-8000-000000000003";

fn not_held(token: &str, access: &str) -> Value {
    let mut details = json!({"invalid_token": token});
    if !access.is_empty() {
        details["required_access"] = json!(access);
    }
    json!({"message": "Unauthorized", "error_id": "unauthorized", "details": details})
}

#[test]
fn a_policy_holds_no_more_than_its_maker() {
    let bench = Bench::new(Daemon::start());
    let held = ["auth.policies.create", "foo.*", "bar.#", "baz.me", "users.me.read", "!bar.secret"];
    let token = bench.token_with("maker", &held);
    let create = |name: usize, access: &str| {
        let body = json!({"name": format!("p{name}"), "acl": ["foo.first", access]});
        bench.daemon.post("/0.1/policies").token(&token).json(body).send()
    };
    let may = [
        "foo.*",
        "foo.x",
        "bar.#",
        "bar.*",
        "bar.a.b",
        "baz.me",
        "!anything",
        "!!",
        "!#",
        "users.me.read",
    ];
    for (i, access) in may.into_iter().enumerate() {
        let _ = create(i, access).expect(200);
    }
    for access in
        ["#", "foo.#", "foo.x.y", "bar", "bar.secret", "baz.*", "users.*.read", "Foo.x", ""]
    {
        assert_eq!(error(create(99, access), 401), not_held(&token, access), "{access}");
    }
    assert_eq!(bench.database().text("SELECT count(*) FROM auth_policy WHERE name = 'p99'"), "0");
    // The right comes before the name: no probing for policies of others.
    let body = json!({"name": "p1", "acl": ["#"]});
    let answer = bench.daemon.post("/0.1/policies").token(&token).json(body).send();
    assert_eq!(error(answer, 401), not_held(&token, "#"));
}

fn change(bench: &Bench, method: &str, token: &str, user: &str, policy: &str) -> Answer {
    bench
        .daemon
        .request(method, &format!("/0.1/users/{user}/policies/{policy}"))
        .token(token)
        .send()
}

#[test]
fn attaching_gives_and_detaching_takes() {
    let bench = Bench::new(Daemon::start());
    let user = bench.user(json!({"username": "u", "password": crate::support::PASSWORD}));
    let token = bench.token_with("agent", &["auth.users.*.policies.#", "a.#"]);
    let small = bench.policy(json!({"name": "small", "acl": ["a.b", "!c.d"]}));
    let large = bench.policy(json!({"name": "large", "acl": ["a.b", "x.y"]}));
    let acl = || bench.daemon.login("u", crate::support::PASSWORD, json!({}))["acl"].clone();
    for name in [&*small, "small", &small] {
        let answer = change(&bench, "PUT", &token, &user, name).expect(204);
        assert_eq!((answer.body.len(), acl()), (0, json!(["a.b", "!c.d"])));
    }
    for name in [&*large, "large"] {
        assert_eq!(error(change(&bench, "PUT", &token, &user, name), 401), not_held(&token, "x.y"));
    }
    // Adding a refusal is free, taking it away needs what it refuses.
    assert_eq!(
        error(change(&bench, "DELETE", &token, &user, &small), 401),
        not_held(&token, "!c.d")
    );
    for name in [&*small, "small", "large"] {
        let _ = change(&bench, "DELETE", &bench.admin, &user, name).expect(204);
    }
    assert_eq!(acl(), json!([]));
}

#[test]
fn what_does_not_exist_is_told_in_order() {
    let bench = Bench::new(Daemon::start());
    let user = bench.user(json!({}));
    let policy = bench.policy(json!({"name": "Mine", "acl": ["a.b"]}));
    let weak = bench.token_with("weak", &["auth.#"]);
    for method in ["PUT", "DELETE"] {
        let ask =
            |token: &str, user: &str, policy: &str| change(&bench, method, token, user, policy);
        let text = reason(ask(&weak, UNKNOWN, UNKNOWN), 404);
        assert_eq!(text, format!("No such policy {{'uuid': '{UNKNOWN}'}}"));
        for slug in ["mine", "nothing"] {
            let text = reason(ask(&weak, UNKNOWN, slug), 404);
            assert_eq!(text, format!("No such policy {{'slug': '{slug}'}}"));
        }
        assert_eq!(error(ask(&weak, UNKNOWN, &policy), 401), not_held(&weak, "a.b"));
        let expected = json!({"message": format!("No such user: \"{UNKNOWN}\""), "error_id": "unknown-user",
                              "details": {"uuid": UNKNOWN}, "resource": "users"});
        assert_eq!(error(ask(&bench.admin, UNKNOWN, &policy), 404), expected);
        assert_eq!(error(ask(&bench.admin, UNKNOWN, "Mine"), 404), expected);
        let path = format!("/0.1/users/{user}/policies/{UNKNOWN}");
        let request = bench.by_admin(method, &path).header("Wazo-Tenant", "x");
        assert_eq!(error(request.send(), 401)["error_id"], "unauthorized-tenant");
    }
}

#[test]
fn tenants_keep_their_users_and_policies_apart() {
    let bench = Bench::new(Daemon::start());
    let top = bench.top();
    bench.tenant(CHILD, "child", &top);
    bench.tenant(SIBLING, "sibling", &top);
    let make = |tenant: &str, what: &str, body: Value| {
        let request = bench.by_admin("POST", what).header("Wazo-Tenant", tenant).json(body);
        request.send().expect(200).json()["uuid"].as_str().unwrap().to_owned()
    };
    let policy = |tenant: &str, name: &str, shared: bool| {
        make(tenant, "/0.1/policies", json!({"name": name, "shared": shared}))
    };
    let (private, shared) = (policy(&top, "private", false), policy(&top, "shared", true));
    let (own, other) = (policy(CHILD, "own", false), policy(SIBLING, "other", false));
    let user = |tenant: &str| make(tenant, "/0.1/users", json!({}));
    let (above, here, there) = (user(&top), user(CHILD), user(SIBLING));
    let manager = bench.token_in("manager", &["#"], CHILD);
    let put =
        |token: &str, user: &str, policy: &str| change(&bench, "PUT", token, user, policy).status;
    for name in [&*own, "own", &shared, "shared"] {
        assert_eq!(put(&manager, &here, name), 204, "{name}");
    }
    for name in [&*private, "private", &other, "other"] {
        assert_eq!(put(&manager, &here, name), 404, "{name}");
    }
    for user in [&above, &there] {
        assert_eq!(put(&manager, user, &own), 404, "a user that is not seen");
    }
    // From above: everything by UUID, by slug only one's own.
    for name in [&*own, &private, &other, "private"] {
        assert_eq!(put(&bench.admin, &here, name), 204, "{name}");
    }
    assert_eq!(put(&bench.admin, &here, "own"), 404);
}
