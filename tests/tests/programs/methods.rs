//! What a start says of authentication methods that nobody provides (bootstrap.md
//! section 1, step 8; plugins.md section 3).

use wazo_auth_tests::{Daemon, Database, Setup};

#[test]
fn methods_that_nobody_provides_are_told_at_the_start() {
    let daemon = Daemon::start();
    let users = ["alice", "bob"].map(|name| daemon.create_user(name, "s3cre7"));
    let log = daemon.log();
    let check = "Checking configured authentication methods for missing implementations";
    assert!(log.contains(check) && !log.contains("is in use"), "{log}");
    let (_, folder, _) = daemon.stop();
    Database::of(folder.path()).run(
        "UPDATE auth_tenant SET default_authentication_method = 'ldap';
         UPDATE auth_user SET authentication_method = 'saml' WHERE username <> 'admin'",
    );
    let tenant = Database::of(folder.path()).text("SELECT uuid FROM auth_tenant");
    let daemon = Setup::default().folder(folder).start();
    let log = daemon.log();
    let warned = |line: &str| {
        let found = log.lines().find(|logged| logged.ends_with(line));
        assert!(found.is_some_and(|logged| logged.contains("(WARNING)")), "{line}\n{log}");
    };
    for method in ["ldap", "saml"] {
        warned(&format!("Authentication method {method} is in use but is not available"));
    }
    warned(&format!(
        "Tenant (uuid={}) has no available idp implementation for default authentication method ldap",
        tenant.trim()
    ));
    for user in users {
        warned(&format!(
            "User (uuid={user}) has no available idp implementation for authentication method saml"
        ));
    }
}
