//! Configurations that are right.

use std::{fs, path::Path, process::Command};

use wazo_auth_tests::{Setup, built};

use crate::site::Site;

fn repository(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file)).unwrap()
}

#[test]
fn the_shipped_file_is_clean() {
    // What it leaves to the system (accounts, folders) is that of this machine.
    let site = Site::new(&repository("etc/wazo-auth/config.yml"));
    let said = site.check();
    assert_eq!(said.text, "no mistakes; read: HERE/config.yml, HERE/conf.d/10.yml\n");
    assert_eq!(said.code, 0);
    for made in ["wazo-auth.log", "auth.db", "token.key"] {
        assert!(!site.path(made).exists(), "a check makes no {made}");
    }
}

#[test]
fn the_configuration_of_scripts_run_is_clean() {
    let script = repository("scripts/run");
    let yaml = script.split("<<YAML\n").nth(1).unwrap().split("\nYAML\n").next().unwrap();
    let site = Site::new("");
    let yaml = yaml
        .replace("$STATE/plugins", "PLUGINS")
        .replace("$STATE", "HERE")
        .replace("$PORT", "0")
        .replace("$(<\"HERE/admin-password\")", "swordfish");
    assert!(!yaml.contains('$'), "{yaml}");
    site.write("config.yml", &yaml, 0o600);
    let said = site.check();
    assert_eq!(said.text, "no mistakes; read: HERE/config.yml, HERE/conf.d/10.yml\n");
}

#[test]
fn the_port_of_the_running_daemon_is_no_mistake() {
    let daemon = Setup::default().start();
    let port = daemon.url().rsplit(':').next().unwrap();
    let config = daemon.folder().join("config.yml");
    // It holds the password of the administrator.
    let private = Command::new("chmod").arg("600").arg(&config).status().unwrap();
    assert!(private.success());
    let output = Command::new(built().join("wazo-auth"))
        .args(["--listen-port", port, "check-config", "-c"])
        .arg(&config)
        .env_clear()
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.starts_with("the command line: rest_api.port: warning: the port is in use"),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(!daemon.admin_token().is_empty(), "the daemon goes on");
}
