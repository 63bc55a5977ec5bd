//! A key file that does not fit the database: the daemon would not start.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use wazo_auth_tests::{Setup, built};

const MISSING: &str = "HERE/config.yml:5: token_key_file: the token key file HERE/token.key is \
    missing, and 1 tokens of the database HERE/auth.db can be read with it only: restore it from \
    a backup, or run `wazo-auth db forget-tokens` to log everybody out";
const WRONG: &str = "HERE/config.yml:5: token_key_file: the token key file HERE/token.key cannot \
    read any of the 1 tokens of the database HERE/auth.db, which were sealed with another one: \
    restore that one from a backup, or run `wazo-auth db forget-tokens` to log everybody out";

/// What is said of `token_key_file`; a check must neither make nor remove a file.
fn said(folder: &Path) -> String {
    let before = names(folder);
    let output = Command::new(built().join("wazo-auth"))
        .arg("check-config")
        .arg("-c")
        .arg(folder.join("config.yml"))
        .env_clear()
        .output()
        .unwrap();
    assert_eq!(before, names(folder));
    let text = String::from_utf8(output.stdout).unwrap().replace(folder.to_str().unwrap(), "HERE");
    let lines = text.lines().filter(|line| line.contains("token_key_file"));
    lines.collect::<Vec<_>>().join("\n")
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// With the key, without it, and with another one.
#[track_caller]
fn each_key(folder: &Path) {
    let (key, away) = (folder.join("token.key"), folder.join("away"));
    assert_eq!(said(folder), "");
    fs::rename(&key, &away).unwrap();
    assert_eq!(said(folder), MISSING);
    fs::write(&key, "A".repeat(43) + "=\n").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(said(folder), WRONG);
    fs::rename(&away, &key).unwrap();
}

#[test]
fn a_key_that_does_not_fit_the_database_is_found_whoever_uses_it() {
    let daemon = Setup::default().start();
    let token = daemon.admin_token();
    each_key(daemon.folder());
    let _ = daemon.head(&format!("/0.1/token/{token}")).send().expect(204);
    // Its log stays behind, with the token in it.
    let folder = daemon.kill();
    assert!(folder.path().join("auth.db-wal").exists());
    each_key(folder.path());
    let (_, folder, _) = Setup::default().folder(folder).start().stop();
    assert!(!folder.path().join("auth.db-wal").exists());
    each_key(folder.path());
    // The daemon says the same.
    fs::remove_file(folder.path().join("token.key")).unwrap();
    let sentence = MISSING.split_once("token_key_file: ").unwrap().1;
    let sentence = sentence.replace("HERE", folder.path().to_str().unwrap());
    let (code, log) = Setup::default().folder(folder).fail();
    assert!(code == 1 && log.contains(&sentence), "{log}");
}
