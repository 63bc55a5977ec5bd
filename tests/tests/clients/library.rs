//! Every command of the platform's Python client whose route exists
//! (client-expectations.md sections 1 and 2).

use serde_json::{Value, json};
use wazo_auth_tests::Daemon;

use crate::wire::{Client, TRUE, column, quoted_access, text};

const PASSWORD: &str = "s3cre7";

/// A user of a tenant, and a client that has logged in as it.
fn user<'a>(admin: &Client<'a>, name: &str, acl: &[&str], login: Value) -> (String, Client<'a>) {
    let body = json!({"username": name, "password": PASSWORD});
    let user = text(&admin.post("users", body).ok(), "uuid");
    let policy = json!({"name": format!("of {name}"), "acl": acl});
    let policy = text(&admin.post("policies", policy).ok(), "uuid");
    admin.associate(&format!("users/{user}/policies/{policy}")).done();
    let token = text(&admin.log_in(name, PASSWORD, login), "token");
    (user, admin.with_token(&token))
}

#[test]
fn tokens() {
    let daemon = Daemon::start();
    let admin = Client::of_admin(&daemon);
    let nobody = Client::new(&daemon, "/api/auth/0.1");
    assert!(nobody.call("HEAD", "").send().status > 0, "any answer shows that it is there");
    let (alice, _) = user(&admin, "alicé", &["a.b", "auth.users.me.tokens.#"], json!({}));

    // A login with all that may be given.
    let body = json!({
        "backend": "wazo_user", "expiration": 600, "client_id": "my:app@1", "access_type": "offline",
    });
    let call = nobody.new_token("alicé", PASSWORD, body).header("Wazo-Session-Type", "mobile");
    let data = call.ok()["data"].clone();
    assert_eq!([&data["metadata"]["uuid"], &data["auth_id"]], [&json!(alice); 2]);
    let tenant = text(&data["metadata"], "tenant_uuid");
    for key in ["expires_at", "utc_expires_at", "session_uuid"] {
        assert!(!text(&data, key).is_empty(), "{key}");
    }
    assert!(data["acl"].as_array().unwrap().contains(&json!("a.b")), "{data}");
    assert!(data.as_object().unwrap().contains_key("xivo_uuid"), "{data}");

    // One by a refresh token comes with empty credentials.
    let refresh = json!({"client_id": "my:app@1", "refresh_token": data["refresh_token"]});
    let token = text(&nobody.log_in("", "", refresh), "token");
    nobody.new_token("", "", json!({})).refused(401);
    nobody.new_token("alicé", "", json!({})).refused(401);
    nobody.new_token("", PASSWORD, json!({})).refused(401);

    let unknown = "00000000-0000-4000-8000-000000000000";
    let unknown_tenant = ("tenant", unknown);
    for (query, status) in [
        ([].as_slice(), 204),
        (&[("scope", "a.b")], 204),
        (&[("scope", "a.c")], 403),
        (&[("tenant", tenant.as_str())], 204),
        (&[("scope", "a.b"), unknown_tenant], 403),
    ] {
        assert_eq!(nobody.check(&token, query), status, "{query:?}");
        assert_eq!(nobody.check(unknown, query), 404, "{query:?}");
    }
    let got = nobody.get(&format!("token/{token}")).query("scope", "a.b").query("tenant", &tenant);
    assert_eq!(got.ok()["data"]["metadata"]["uuid"], alice.as_str());

    let scopes = format!("token/{token}/scopes/check");
    let answer = nobody.post(&scopes, json!({"scopes": ["a.b", "a.c"]})).ok();
    assert_eq!(answer["scopes"], json!({"a.b": true, "a.c": false}));
    let body = json!({"scopes": ["a.b"], "tenant_uuid": tenant});
    assert_eq!(nobody.post(&scopes, body).ok()["scopes"], json!({"a.b": true}));
    nobody.post(&scopes, json!({"scopes": ["a.b"], "tenant_uuid": unknown})).refused(403);

    let client = nobody.with_token(&token);
    let mine = client.get("users/me/tokens").tenant_twice(&tenant).ok();
    assert_eq!((&mine["items"][0]["mobile"], mine["total"].clone()), (&json!(true), json!(1)));
    let theirs = admin.get(&format!("users/{alice}/tokens")).tenant_twice(&tenant).ok();
    assert_eq!(theirs["items"], mine["items"]);
    let all = admin.get("tokens").tenant_twice(&tenant).query("mobile", TRUE).ok();
    assert_eq!(column(&all, "client_id"), ["my:app@1"]);
    client.delete("users/me/tokens/my:app@1").tenant(&tenant).done();
    client.delete("users/me/tokens/my:app@1").tenant(&tenant).refused(404);

    let _ = nobody.delete(&format!("token/{token}")).send();
    assert_eq!(nobody.check(&token, &[]), 404);
    let _ = nobody.delete(&format!("token/{token}")).send();
}

#[test]
fn users() {
    let daemon = Daemon::start();
    let top = Client::of_admin(&daemon);
    let tenant = text(&top.post("tenants", json!({"name": "branch"})).ok(), "uuid");
    let body = json!({
        "username": "bob", "password": PASSWORD, "firstname": "Bob 😀", "tenant_uuid": tenant,
        "none_of_the_keys": null,
    });
    let bob = top.post("users", body).tenant(&tenant).ok();
    assert_eq!(
        (text(&bob, "firstname"), text(&bob, "tenant_uuid")),
        ("Bob 😀".into(), tenant.clone())
    );
    let uuid = text(&bob, "uuid");
    let path = format!("users/{uuid}");
    // The tenant of a client counts, unless the call names one.
    let branch = top.with_tenant(&tenant);
    for list in [
        top.get("users").tenant_twice(&tenant),
        branch.get("users"),
        top.get("users").query("recurse", TRUE).query("search", "bob 😀"),
        top.get("users").query("username", "bob").query("recurse", TRUE).query("limit", "7"),
    ] {
        assert_eq!(column(&list.ok(), "uuid"), [uuid.as_str()]);
    }
    let master =
        text(&top.get(&format!("token/{}", top.token())).ok()["data"]["metadata"], "tenant_uuid");
    assert_eq!(column(&branch.get("users").tenant_twice(&master).ok(), "username"), ["admin"]);
    assert_eq!(branch.get(&path).ok(), bob);

    let body = json!({"username": "robert", "firstname": "Robert", "tenant_uuid": tenant});
    let edited = top.put(&path, body).tenant(&tenant).ok();
    assert_eq!((text(&edited, "username"), &edited["lastname"]), ("robert".into(), &Value::Null));

    let policy = json!({"name": "own", "acl": ["auth.users.me.#"]});
    let policy = text(&branch.post("policies", policy).ok(), "uuid");
    let association = format!("{path}/policies/{policy}");
    branch.associate(&association).done();
    assert_eq!(column(&top.get(&format!("{path}/policies")).tenant(&tenant).ok(), "name"), ["own"]);
    let groups = top.get(&format!("{path}/groups")).tenant(&tenant).ok();
    assert_eq!(column(&groups, "name"), [format!("wazo-all-users-tenant-{tenant}")]);

    let data = top.log_in("robert", PASSWORD, json!({}));
    let robert = top.with_token(&text(&data, "token"));
    let sessions = top.get(&format!("{path}/sessions")).tenant(&tenant).ok();
    assert_eq!(column(&sessions, "uuid"), [text(&data, "session_uuid")]);
    let emails = json!({"emails": [{"address": "robert@example.com", "main": true}]});
    let own = robert.put(&format!("{path}/emails"), emails).ok();
    assert_eq!((&own[0]["main"], &own[0]["confirmed"]), (&json!(true), &json!(false)));
    let emails =
        json!({"emails": [{"address": "robert@example.com", "main": true, "confirmed": true}]});
    let admins = top.put(&format!("admin/{path}/emails"), emails).ok();
    assert_eq!((&admins[0]["uuid"], &admins[0]["confirmed"]), (&own[0]["uuid"], &json!(true)));

    let body = json!({"old_password": PASSWORD, "new_password": "sécond"});
    robert.put(&format!("{path}/password"), body).done();
    let token = text(&top.log_in("robert@example.com", "sécond", json!({})), "token");
    let reset = top.post("users/password/reset", json!({"password": "third"}));
    reset.query("user_uuid", &uuid).done();
    assert_eq!(top.check(&token, &[]), 404, "who had the old password is logged out");
    let session = text(&top.log_in("robert", "third", json!({})), "session_uuid");
    branch.delete(&format!("{path}/sessions/{session}")).done();
    assert_eq!(branch.get(&format!("{path}/sessions")).ok()["items"], json!([]));

    top.delete(&association).tenant(&tenant).done();
    assert_eq!(branch.get(&format!("{path}/policies")).ok()["items"], json!([]));
    top.delete(&path).tenant(&tenant).done();
    top.get(&path).tenant(&tenant).refused(404);
}

#[test]
fn groups_and_policies() {
    let daemon = Daemon::start();
    let top = Client::of_admin(&daemon);
    let tenant = text(&top.post("tenants", json!({"name": "branch"})).ok(), "uuid");
    let branch = top.with_tenant(&tenant);
    let of_tenant = json!({"name": "Sales", "tenant_uuid": tenant});

    let group = top.post("groups", of_tenant.clone()).tenant(&tenant).ok();
    assert_eq!(text(&group, "tenant_uuid"), tenant);
    let path = format!("groups/{}", text(&group, "uuid"));
    let found = top.get("groups").tenant_twice(&tenant).query("name", "Sales").ok();
    assert_eq!(column(&found, "uuid"), [text(&group, "uuid")]);
    assert_eq!(top.get(&path).ok()["name"], "Sales");
    assert_eq!(top.put(&path, json!({"name": "Sale"})).ok()["name"], "Sale");
    let user = text(&branch.post("users", json!({"username": "seller"})).ok(), "uuid");
    top.associate(&format!("{path}/users/{user}")).done();
    assert_eq!(column(&top.get(&format!("{path}/users")).ok(), "uuid"), [user.as_str()]);

    let policy = top.post("policies", of_tenant).tenant(&tenant).ok();
    assert_eq!((text(&policy, "tenant_uuid"), &policy["acl"]), (tenant.clone(), &json!([])));
    let (uuid, slug) = (text(&policy, "uuid"), text(&policy, "slug"));
    for access in ["a.#", "b.*.read", "!c.d", "g h", "é"] {
        let path = format!("policies/{slug}/acl/{}", quoted_access(access));
        branch.associate(&path).done();
        let acl = branch.get(&format!("policies/{slug}")).ok()["acl"].clone();
        assert_eq!(acl, json!([access]));
        branch.delete(&path).done();
    }
    // The client leaves a slash as it is: two parts of a path.
    branch.associate(&format!("policies/{slug}/acl/{}", quoted_access("e/f"))).refused(404);
    let edited = branch.put(&format!("policies/{uuid}"), json!({"name": "Renamed", "acl": ["x"]}));
    assert_eq!(edited.ok()["acl"], json!(["x"]));
    let search = branch.get("policies").query("search", "renam").ok();
    assert_eq!(column(&search, "uuid"), [uuid.as_str()]);
    let of_group = format!("{path}/policies");
    branch.associate(&format!("{of_group}/{uuid}")).done();
    assert_eq!(column(&top.get(&of_group).tenant(&tenant).ok(), "uuid"), [uuid.as_str()]);
    top.delete(&format!("{of_group}/{uuid}")).tenant(&tenant).done();
    top.delete(&format!("policies/{uuid}")).tenant(&tenant).done();
    top.delete(&format!("{path}/users/{user}")).done();
    assert_eq!(top.get(&format!("{path}/users")).ok()["items"], json!([]));
    top.delete(&path).done();
    top.get(&path).refused(404);
}

#[test]
fn tenants_and_sessions() {
    let daemon = Daemon::start();
    let top = Client::of_admin(&daemon);
    // The parent is named in a header only.
    let parent = text(&top.post("tenants", json!({"name": "parent"})).ok(), "uuid");
    let body = json!({"name": "child", "domain_names": ["example.com"]});
    let child = top.post("tenants", body).tenant(&parent).ok();
    assert_eq!(text(&child, "parent_uuid"), parent);
    let child = text(&child, "uuid");
    let path = format!("tenants/{child}");
    let mut below = column(&top.get("tenants").tenant(&parent).ok(), "name");
    below.sort();
    assert_eq!(below, ["child", "parent"]);
    let two = top.get("tenants").query("uuids", &child).query("uuids", &parent);
    assert_eq!(two.ok()["filtered"], 2);
    assert_eq!(top.get(&path).ok()["name"], "child");
    let edited = json!({"name": "kid", "domain_names": ["example.com"], "phone": "555"});
    assert_eq!(top.put(&path, edited).ok()["phone"], "555");
    let domains = top.get(&format!("{path}/domains")).without_accept().ok();
    assert_eq!(column(&domains, "name"), ["example.com"]);
    let removed = format!("{path}/policies/{child}");
    top.associate(&removed).refused(404);
    top.delete(&removed).refused(404);

    let branch = top.with_tenant(&child);
    let (user, _) =
        user(&branch, "kim", &[], json!({"client_id": "desk", "access_type": "offline"}));
    let sessions = top.get("sessions").tenant_twice(&child).ok();
    assert_eq!(column(&sessions, "user_uuid"), [user.as_str()]);
    assert_eq!(column(&top.get("tokens").tenant_twice(&child).ok(), "client_id"), ["desk"]);
    let session = format!("sessions/{}", text(&sessions["items"][0], "uuid"));
    top.delete(&session).tenant(&child).done();
    assert_eq!(top.get("sessions").tenant_twice(&child).ok()["items"], json!([]));
    top.delete(&path).tenant(&parent).done();
    top.get(&path).refused(404);

    assert_eq!(top.call("HEAD", "status").send().status, 200);
    assert_eq!(top.get("config").ok()["debug"], false);
    let patch = json!([{"op": "replace", "path": "/debug", "value": true}]);
    assert_eq!(top.call("PATCH", "config").json(patch).ok()["debug"], true);
    assert!(top.get("backends").ok()["data"].as_array().unwrap().contains(&json!("wazo_user")));
}
