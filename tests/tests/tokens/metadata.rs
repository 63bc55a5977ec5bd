//! What a token says of its owner (section 6).

use serde_json::{Value, json};
use wazo_auth_tests::{Daemon, Setup};

use crate::support::{Bench, PASSWORD};

#[test]
fn metadata_depends_on_the_purpose() {
    let bench = Bench::new(Setup::default().environment("XIVO_UUID", "p1").start());
    let top = bench.top();
    for purpose in ["user", "internal", "external_api"] {
        let login = format!("of-{purpose}");
        let body = json!({"username": login, "password": PASSWORD, "purpose": purpose});
        let uuid = bench.user_with(body);
        let data = bench.login(&login);
        let pbx = if purpose == "user" { json!(uuid) } else { Value::Null };
        let expected = json!({
            "uuid": uuid, "tenant_uuid": top, "auth_id": uuid, "pbx_user_uuid": pbx,
            "xivo_uuid": "p1", "purpose": purpose,
        });
        assert_eq!(data["metadata"], expected);
        assert_eq!((&data["auth_id"], &data["xivo_user_uuid"]), (&json!(uuid), &pbx));
    }
}

#[test]
fn metadata_is_a_snapshot() {
    let bench = Bench::new(Daemon::start());
    bench.user("alice");
    let data = bench.login("alice");
    bench.sql("UPDATE auth_user SET purpose = 'internal' WHERE username = 'alice'");
    let path = format!("/0.1/token/{}", data["token"].as_str().unwrap());
    let read = bench.daemon.get(&path).send().expect(200).json();
    assert_eq!(read["data"]["metadata"], data["metadata"]);
    assert_eq!(bench.login("alice")["metadata"]["purpose"], "internal");
}

#[test]
fn a_further_plugin_tells_administrators() {
    let setup = Setup::default().config(
        "enabled_metadata_plugins: {user_admin_status: true}\n\
         purpose_metadata_mapping: {user: [user_admin_status]}",
    );
    let bench = Bench::new(setup.start());
    let (alice, bob) = (bench.user("alice"), bench.user("bob"));
    let admin = |login: &str| bench.login(login)["metadata"]["admin"].clone();
    assert_eq!(admin("alice"), json!(false));
    let slug = "wazo_default_admin_policy";
    let policy = bench.policy(json!({"name": "P", "slug": slug}));
    let path = format!("/0.1/users/{alice}/policies/{policy}");
    let _ = bench.daemon.put(&path).token(&bench.admin).send().expect(204);
    assert_eq!(admin("alice"), json!(true));
    // Through a group the policy does not count, the group itself does.
    bench.sql(&format!(
        "INSERT INTO auth_group_policy (group_uuid, policy_uuid) \
         SELECT uuid, '{policy}' FROM auth_group WHERE name LIKE 'wazo-all-users-tenant-%'"
    ));
    assert_eq!(admin("bob"), json!(false));
    bench.sql(&format!(
        "INSERT INTO auth_group (uuid, name, tenant_uuid, slug) SELECT \
         '20000000-0000-4000-8000-000000000001', 'G', uuid, 'wazo_default_admin_group' FROM auth_tenant; \
         INSERT INTO auth_user_group (group_uuid, user_uuid) \
         VALUES ('20000000-0000-4000-8000-000000000001', '{bob}')"
    ));
    assert_eq!(admin("bob"), json!(true));
    // It was mapped to one purpose only.
    let data = bench.daemon.login("admin", "adm1n", json!({}));
    assert!(!data["metadata"].as_object().unwrap().contains_key("admin"));
}
