use wazo_auth_plugin_api::{prelude::*, testing::conformance};

use super::WazoUser;

fn host() -> MockHost {
    let mut user = User::new("c1d3a1d4-2b1f-4c52-8a43-0e2f1d3c4b5a", "t1");
    user.username = Some("alice".to_owned());
    user.purpose = "internal".to_owned();
    MockHost::new()
        .user_with_password(user, "correct")
        .on("metadata.get_persistent_metadata", |r| {
            Ok(json!({"metadata": {"keep": r["login"], "of": r["purpose"]}}))
        })
}

fn backend() -> testing::TestedBackend {
    testing::backend::<WazoUser>(json!({}), host()).unwrap()
}

#[test]
fn it_conforms() {
    let options = conformance::Options::new(json!({}), host());
    conformance::backend::<WazoUser>(options.login("alice", "correct"));
}

#[test]
fn the_services_own_password_check_decides() {
    let mut args = Args::new();
    assert!(backend().verify_password("Alice", "correct", &mut args).unwrap());
    assert!(!backend().verify_password("alice", "wrong", &mut args).unwrap());
    assert!(!backend().verify_password("nobody", "correct", &mut args).unwrap());
}

#[test]
fn what_is_kept_with_a_refresh_token_is_that_of_the_users_purpose() {
    let metadata = backend().get_persistent_metadata("alice", &mut Args::new()).unwrap();
    assert_eq!(Value::Object(metadata), json!({"keep": "alice", "of": "internal"}));
}

#[test]
fn a_user_who_left_meanwhile_gets_nothing() {
    let error = backend().get_persistent_metadata("bob", &mut Args::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}
