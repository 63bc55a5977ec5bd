//! `wazo-auth-bootstrap initial-user`: an administrator, made in the database.

use wazo_auth_tests::{Daemon, Database, Setup, configured_uri};

use crate::support::{Programs, may_do_all, ran, site, try_login, until};

const ARGUMENTS: [&str; 5] = ["initial-user", "--username", "root", "--password", "s3cre7"];

#[test]
fn an_administrator_is_made_once() {
    let (setup, _folder, programs) = site(Setup::default());
    programs.upgrade_db();
    for _ in 0..2 {
        assert_eq!(programs.run("wazo-auth-bootstrap", &ARGUMENTS).succeeded(), "");
    }
    let other = ["initial-user", "--username", "root", "--password", "an0ther"];
    let sentence = programs.bootstrap_fails(&other);
    assert_eq!(sentence, "User root already exists with different credential\n");
    let daemon = setup.start();
    let (status, token) = try_login(&daemon, "root", "s3cre7");
    assert_eq!(status, 200, "{}", daemon.log());
    assert!(may_do_all(&daemon, &token));
}

#[test]
fn a_daemon_that_runs_notices() {
    let daemon = Daemon::start();
    let token = daemon.admin_token();
    assert_eq!(try_login(&daemon, "root", "s3cre7").0, 401);
    let programs = Programs::of(daemon.folder());
    assert_eq!(programs.run("wazo-auth-bootstrap", &ARGUMENTS).succeeded(), "");
    until("the daemon knows the user", || try_login(&daemon, "root", "s3cre7").0 == 200);
    assert!(may_do_all(&daemon, &token), "nobody is logged out");
}

#[test]
fn the_environment_stands_in_for_options() {
    let (setup, folder, mut programs) = site(Setup::default());
    programs.upgrade_db();
    // With a URI, no configuration is needed, nor missed.
    programs.config = "/nowhere/config.yml".into();
    let uri = configured_uri(&folder).unwrap();
    let variables = [
        ("URI", uri.as_str()),
        ("USERNAME", "by-variable"),
        ("PASSWORD", "secret-of-variable"),
        ("PURPOSE", "external_api"),
        ("POLICY_SLUG", "wazo_default_master_user_policy"),
    ];
    let run = |arguments: &[&str]| {
        let mut command = programs.command("wazo-auth-bootstrap", &["initial-user"]);
        command.args(arguments);
        for (name, value) in variables {
            command.env(format!("WAZO_AUTH_BOOTSTRAP_{name}"), value);
        }
        ran(command)
    };
    assert_eq!(run(&[]).succeeded(), "");
    assert_eq!(run(&["--username", "by-option", "--password=x"]).succeeded(), "");
    let daemon = setup.start();
    assert_eq!(try_login(&daemon, "by-variable", "secret-of-variable").0, 200);
    assert_eq!(try_login(&daemon, "by-option", "x").0, 200);
    let (_, folder, _) = daemon.stop();
    let others = "SELECT count(*) FROM auth_user WHERE username LIKE 'by-%' \
        AND purpose = 'external_api'";
    assert_eq!(Database::copy_of(folder.path()).text(others), "2");
}

#[test]
fn a_password_that_nobody_chose_is_shown_to_nobody() {
    let (setup, _folder, programs) = site(Setup::default());
    programs.upgrade_db();
    assert_eq!(programs.run("wazo-auth-bootstrap", &["initial-user"]).succeeded(), "");
    let sentence = programs.bootstrap_fails(&["initial-user"]);
    assert_eq!(sentence, "User wazo-auth-cli already exists with different credential\n");
    let daemon = setup.start();
    let (token, path) = (daemon.admin_token(), "/0.1/users?username=wazo-auth-cli");
    let users = daemon.get(path).token(&token).send().expect(200).json();
    assert_eq!(users["filtered"], 1, "{users}");
    assert_eq!(users["items"][0]["purpose"], "internal", "{users}");
}

#[test]
fn what_does_not_exist_leaves_no_user() {
    let (setup, _folder, programs) = site(Setup::default());
    programs.upgrade_db();
    for (option, value, said) in [
        ("--policy-slug", "no-such-policy", "`no-such-policy`"),
        ("--purpose", "pleasure", "`pleasure`"),
        ("--username", "", "must not be empty"),
        ("--password", "", "must not be empty"),
        ("--uri", "postgresql://u:s3cr3t@localhost:none/db", "postgresql://user:password@"),
        ("--uri", "mysql://u:s3cr3t@localhost/db", "sqlite:////"),
        ("--uri", "sqlite:////nowhere/at/all.db", "/nowhere/at/all.db"),
    ] {
        let sentence = programs.bootstrap_fails(&["initial-user", option, value]);
        assert!(sentence.contains(said) && !sentence.contains("s3cr3t"), "{option}: {sentence}");
    }
    let (_, folder, _) = setup.start().stop();
    let others = "SELECT count(*) FROM auth_user WHERE username <> 'admin'";
    assert_eq!(Database::copy_of(folder.path()).text(others), "0");
}
