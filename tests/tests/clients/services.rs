//! What the other services of the platform ask (client-expectations.md sections
//! 3, 4 and 6): whether their callers may, for tokens of their own, and at their
//! installation for users of their own.

use serde_json::{Value, json};
use wazo_auth_tests::{Daemon, Setup};

use crate::wire::{Client, TRUE, column, text};

const UNKNOWN: &str = "5b046ec3-8ac7-4908-9814-692f55d57e77";

/// The one item of a list.
#[track_caller]
fn only(list: &Value) -> Value {
    let [item] = list["items"].as_array().unwrap().as_slice() else { panic!("{list}") };
    item.clone()
}

#[test]
fn whatever_a_caller_sends_is_a_token_or_not_found() {
    let daemon = Daemon::start();
    let admin = Client::of_admin(&daemon);
    let service = Client::new(&daemon, "/0.1");
    for token in ["", "not-a-uuid", UNKNOWN, "%20", "%00", "a%2Fb", "..", "%C3%A9", "%FF"] {
        for query in [[].as_slice(), &[("scope", "a.b")], &[("scope", "a.b"), ("tenant", "x")]] {
            assert_eq!(service.check(token, query), 404, "{token} {query:?}");
        }
        let status = service.get(&format!("token/{token}")).send().status;
        assert_eq!(status, 404, "{token}");
    }
    for scope in ["a.b", "", " ", "#", "*", "a..b", "é 😀", "a/b?c=d&e", "%", "\u{0}", "[(\\"] {
        assert_eq!(service.check(admin.token(), &[("scope", scope)]), 204, "{scope:?}");
    }
}

#[test]
fn a_caller_has_its_tenant_and_those_below() {
    let daemon = Daemon::start();
    let top = Client::of_admin(&daemon);
    let tenant = |parent: &Client<'_>, name: &str| {
        text(&parent.post("tenants", json!({"name": name})).ok(), "uuid")
    };
    let ours = tenant(&top, "ours");
    let below = tenant(&top.with_tenant(&ours), "below");
    let others = tenant(&top, "others");
    let branch = top.with_tenant(&ours);
    let body = json!({"username": "caller", "password": "s3cre7"});
    let user = text(&branch.post("users", body).ok(), "uuid");
    let token = text(&top.log_in("caller", "s3cre7", json!({})), "token");

    let service = Client::new(&daemon, "/0.1");
    let who = service.get(&format!("token/{token}")).ok()["data"]["metadata"].clone();
    assert_eq!((text(&who, "tenant_uuid"), text(&who, "uuid")), (ours.clone(), user.clone()));
    for (tenant, status) in [(&ours, 204), (&below, 204), (&others, 403)] {
        assert_eq!(service.check(&token, &[("tenant", tenant)]), status, "{tenant}");
    }
    // Who may not list tenants has its own only.
    let caller = service.with_token(&token);
    caller.get("tenants").tenant(&ours).refused(401);
    let policy = json!({"name": "sees tenants", "acl": ["auth.tenants.read"]});
    let policy = text(&branch.post("policies", policy).ok(), "uuid");
    branch.associate(&format!("users/{user}/policies/{policy}")).done();
    let token = text(&top.log_in("caller", "s3cre7", json!({})), "token");
    let list = service.with_token(&token).get("tenants").tenant(&ours).ok();
    let mut names = column(&list, "name");
    names.sort();
    assert_eq!((names, column(&list, "uuid").len()), (vec!["below".into(), "ours".into()], 2));
}

#[test]
fn a_service_may_have_any_number_of_tokens() {
    let daemon = Setup::default().config("max_user_concurrent_sessions: 2").start();
    let admin = Client::of_admin(&daemon);
    let body = json!({"username": "calld", "password": "s3cre7", "purpose": "internal"});
    let _ = admin.post("users", body).ok();
    let service = Client::new(&daemon, "/api/auth/0.1");
    let logins = [(); 4].map(|()| service.log_in("calld", "s3cre7", json!({"expiration": 21600})));
    for data in &logins {
        assert_eq!(service.check(&text(data, "token"), &[]), 204);
        assert!(!text(&data["metadata"], "tenant_uuid").is_empty(), "{data}");
    }
}

#[test]
fn users_of_services_are_made_and_kept_up_to_date() {
    let daemon = Daemon::start();
    let nobody = Client::new(&daemon, "/0.1");
    let body = json!({"backend": "wazo_user", "expiration": 600});
    let token = text(&nobody.log_in("admin", wazo_auth_tests::ADMIN_PASSWORD, body), "token");
    let keys = nobody.with_token(&token);

    let find = |name: &str| keys.get("users").query("username", name).ok()["items"].clone();
    assert_eq!(find("wazo-calld"), json!([]));
    let body = json!({"username": "wazo-calld", "password": "s3cre7", "purpose": "internal"});
    let user = text(&keys.post("users", body).ok(), "uuid");
    assert_eq!(find("wazo-calld")[0]["uuid"], user.as_str());
    assert_eq!(find("wazo-call"), json!([]), "exactly this name");

    let policies = || keys.get("policies").query("name", "wazo-calld-internal").ok();
    assert_eq!(policies()["items"], json!([]));
    let body = json!({"name": "wazo-calld-internal", "acl": ["confd.#", "!auth.users.delete"]});
    let policy = text(&keys.post("policies", body).ok(), "uuid");
    keys.associate(&format!("users/{user}/policies/{policy}")).done();
    let body = json!({"name": "wazo-calld-internal", "acl": ["confd.#", "amid.action.*.create"]});
    let _ = keys.put(&format!("policies/{policy}"), body).ok();
    let found = only(&policies());
    assert_eq!(text(&found, "uuid"), policy);
    assert_eq!(found["acl"], json!(["confd.#", "amid.action.*.create"]));

    let service = nobody.log_in("wazo-calld", "s3cre7", json!({"expiration": 21600}));
    let scope = [("scope", "amid.action.Originate.create")];
    assert_eq!(nobody.check(&text(&service, "token"), &scope), 204);

    // Those that are needed no more.
    let internal = keys.get("users").query("purpose", "internal").query("recurse", TRUE).ok();
    assert!(column(&internal, "username").contains(&"wazo-calld".to_owned()), "{internal}");
    assert_eq!(
        text(&only(&keys.get(&format!("users/{user}/policies")).ok()), "name"),
        "wazo-calld-internal"
    );
    keys.delete(&format!("policies/{policy}")).done();
    keys.delete(&format!("users/{user}")).done();
    assert_eq!(find("wazo-calld"), json!([]));
}
