use wazo_auth_plugin_api::prelude::*;

use super::WazoUser;

fn host() -> MockHost {
    let mut user = User::new("c1d3a1d4-2b1f-4c52-8a43-0e2f1d3c4b5a", "t1");
    user.username = Some("alice".to_owned());
    user.purpose = "internal".to_owned();
    MockHost::new()
        .user_with_password(user, "correct")
        .answer("users.get_acl", json!({"acl": ["dird.me.read"]}))
        .on("metadata.get_token_metadata", |r| Ok(json!({"metadata": {"of": r["purpose"]}})))
        .on("metadata.get_persistent_metadata", |r| Ok(json!({"metadata": {"keep": r["login"]}})))
}

fn backend() -> testing::TestedBackend {
    testing::backend::<WazoUser>(json!({}), host()).unwrap()
}

#[test]
fn the_services_own_password_check_decides() {
    let mut args = Args::new();
    assert!(backend().verify_password("Alice", "correct", &mut args).unwrap());
    assert!(!backend().verify_password("alice", "wrong", &mut args).unwrap());
    assert!(!backend().verify_password("nobody", "correct", &mut args).unwrap());
}

#[test]
fn the_acl_is_the_default_one_and_the_users() {
    let mut args = Args::from_value(json!({"acl": ["auth.users.me.#"]}));
    let acl = backend().get_acl("alice", &mut args).unwrap();
    assert_eq!(acl, ["auth.users.me.#", "dird.me.read"]);
}

#[test]
fn metadata_is_that_of_the_users_purpose_only() {
    let metadata = backend().get_metadata("alice", &mut Args::new()).unwrap();
    assert_eq!(Value::Object(metadata), json!({"of": "internal"}));
    let metadata = backend().get_persistent_metadata("alice", &mut Args::new()).unwrap();
    assert_eq!(Value::Object(metadata), json!({"keep": "alice"}));
}

#[test]
fn a_user_who_left_meanwhile_gets_nothing() {
    let error = backend().get_acl("bob", &mut Args::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}
