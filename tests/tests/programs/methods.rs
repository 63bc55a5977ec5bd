//! What a start says of authentication methods that nobody provides (bootstrap.md
//! section 1, step 8).

use wazo_auth_tests::{Daemon, Database, Setup};

#[test]
fn methods_that_nobody_provides_are_told_at_the_start() {
    const TELLS: &str = "no loaded plugin provides the authentication method ";
    let daemon = Daemon::start();
    for name in ["alice", "bob"] {
        daemon.create_user(name, "s3cre7");
    }
    assert!(!daemon.log().contains(TELLS), "{}", daemon.log());
    let (_, folder, _) = daemon.stop();
    Database::of(folder.path()).run(
        "UPDATE auth_tenant SET default_authentication_method = 'ldap';
         UPDATE auth_user SET authentication_method = 'saml' WHERE username <> 'admin'",
    );
    let daemon = Setup::default().folder(folder).start();
    let log = daemon.log();
    let told: Vec<&str> = log
        .lines()
        .filter_map(|line| line.split_once(TELLS))
        .inspect(|(begin, _)| assert!(begin.contains("(WARNING)"), "{begin}"))
        .map(|(_, rest)| rest)
        .collect();
    let [tenants, users] = told[..] else { panic!("{log}") };
    assert!(tenants.starts_with("`ldap`, the default of 1 tenant:"), "{tenants}");
    assert!(users.starts_with("`saml` of 2 users, "), "{users}");
}
