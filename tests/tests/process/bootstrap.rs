//! The administrator made at start (bootstrap.md section 7.1).

use wazo_auth_tests::{ADMIN, ADMIN_PASSWORD, Daemon, Database, Setup};

#[test]
fn the_administrator_is_made_once() {
    const CREATED: &str = "created the initial user";
    let daemon = Daemon::start();
    assert!(daemon.log().contains(CREATED), "{}", daemon.log());
    let token = daemon.admin_token();
    let rights = daemon.head(&format!("/0.1/token/{token}?scope=anything.at.all")).send();
    assert_eq!(rights.status, 204, "the default policy allows everything");
    let (_, folder, _) = daemon.stop();

    let again = Setup::default().folder(folder).start();
    assert!(!again.log().contains(CREATED), "{}", again.log());
    let _ = again.login(ADMIN, ADMIN_PASSWORD, serde_json::json!({}));
    let (_, folder, _) = again.stop();

    let (code, said) =
        Setup::default().config("bootstrap_user_password: an0ther-secret").folder(folder).fail();
    assert_eq!(code, 1, "{said}");
    let sentence = format!("User {ADMIN} already exists with different credential");
    assert!(said.contains("(CRITICAL)") && said.contains(&sentence), "{said}");
    assert!(!said.contains("an0ther-secret"), "{said}");
}

#[test]
fn half_of_the_credentials_is_not_enough() {
    for missing in
        ["bootstrap_user_password:", "bootstrap_user_username:", "bootstrap_user_password: ''"]
    {
        let sentence = Setup::default().config(missing).refusal();
        assert!(sentence.contains("bootstrap_user_password"), "{missing}: {sentence}");
    }
}

#[test]
fn an_unknown_policy_leaves_no_user() {
    // The folder of the daemon goes away with it.
    let database = tempfile::tempdir().unwrap();
    let here = database.path().display();
    let setup = Setup::default().config(&format!(
        "bootstrap_user_policy_slug: no-such-policy\n\
         db_uri: sqlite:///{here}/auth.db\n\
         token_key_file: {here}/token.key"
    ));
    let (code, said) = setup.fail();
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("(CRITICAL)") && said.contains("`no-such-policy`"), "{said}");
    let database = Database::copy_of(database.path());
    assert_eq!(database.text("SELECT count(*) FROM auth_user"), "0");
}

#[test]
fn a_name_that_nobody_could_log_in_with_is_refused() {
    for name in ["a:b".to_owned(), "x".repeat(257)] {
        let config = format!("bootstrap_user_username: '{name}'");
        let sentence = Setup::default().config(&config).refusal();
        assert!(sentence.contains("1 to 256 characters without `:` are expected"), "{sentence}");
    }
}
