//! What the programs say of themselves.

use std::{fs, path::Path};

use wazo_auth_tests::Setup;

use crate::support::site;

#[test]
fn bootstrap_without_a_command_explains_itself() {
    let (_setup, _folder, programs) = site(Setup::default());
    let said = programs.run("wazo-auth-bootstrap", &[]).succeeded();
    assert!(said.contains("Usage: wazo-auth-bootstrap"), "{said}");
    for command in ["setup", "complete", "initial-user"] {
        assert!(said.contains(command), "{command}: {said}");
    }
    let said = programs.run("wazo-auth-bootstrap", &["setup"]).succeeded();
    assert!(said.contains("no longer needed"), "{said}");
}

#[test]
fn what_is_no_command_is_refused_with_2() {
    let (_setup, _folder, programs) = site(Setup::default());
    for (program, argument) in [
        ("wazo-auth-bootstrap", "finish"),
        ("wazo-auth-bootstrap", "--listen-port"),
        ("wazo-auth-init-db", "now"),
        ("wazo-auth-upgrade-db", "--no-such-flag"),
        ("wazo-auth-wait", "long"),
    ] {
        let ran = programs.run(program, &[argument]);
        assert_eq!((ran.code, ran.said.as_str()), (2, ""), "{program}: {ran:?}");
        assert!(ran.complaint.contains(&format!("Usage: {program}")), "{ran:?}");
    }
    assert_eq!(programs.error_logs(), Vec::<String>::new(), "nothing was begun");
}

#[test]
fn help_names_every_option_and_no_value_of_the_environment() {
    let (_setup, _folder, programs) = site(Setup::default());
    let help = |program: &str, arguments: &[&str], options: &[&str]| {
        let mut command = programs.command(program, arguments);
        command.arg("--help").env("WAZO_AUTH_BOOTSTRAP_PASSWORD", "s3cr3t");
        let said = crate::support::ran(command).succeeded();
        for option in options {
            assert!(said.contains(option), "{program}: {option} is not in {said}");
        }
        assert!(!said.contains("s3cr3t"), "{said}");
    };
    let user = ["--uri", "--username", "--password", "--purpose", "--policy-slug"];
    help("wazo-auth-bootstrap", &["initial-user"], &user);
    let file = ["/root/.config/wazo-auth-cli/050-credentials.yml", "[default: wazo-auth]"];
    help("wazo-auth-bootstrap", &["complete"], &file);
    let server = ["--user", "--pg_db_uri", "--auth_db_uri", "--db", "--owner", "--password"];
    help("wazo-auth-init-db", &[], &server);
    help("wazo-auth-upgrade-db", &[], &["--config-file", "--user", "--db-upgrade-on-startup"]);
    help("wazo-auth-wait", &[], &["[default: 60]"]);
}

#[test]
fn the_readme_names_all_programs() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(readme).unwrap();
    for program in
        ["wazo-auth-bootstrap", "wazo-auth-init-db", "wazo-auth-upgrade-db", "wazo-auth-wait"]
    {
        assert!(readme.contains(program), "{program}");
    }
}
