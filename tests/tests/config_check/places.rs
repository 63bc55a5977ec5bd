//! Mistakes that are not in the text of one file.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
};

use wazo_auth_tests::Setup;

use crate::site::Site;

/// An account that exists on every Linux, and may do nothing.
const ACCOUNT: (&str, u32) = ("nobody", 65534);

#[test]
fn every_file_is_read_and_the_first_one_wins() {
    let site = Site::new("rest_api: {port: 0}\nlog_level: loud\n");
    site.write("conf.d/20.yml", "debug: [\n", 0o600);
    site.write(
        "conf.d/30.yml",
        "\nlog_level: louder\nplugin_dirs: [HERE/missing]\nprot: 1\n",
        0o600,
    );
    fs::create_dir(site.path("conf.d/40.yml")).unwrap();
    let said = site.check();
    assert_eq!(said.code, 1);
    assert_eq!(
        said.text,
        "HERE/conf.d/20.yml:2:1: not valid: did not find expected node content, while parsing a \
         flow node; the file is skipped\n\
         HERE/conf.d/40.yml: cannot be read: Is a directory (os error 21); the file is skipped\n\
         HERE/conf.d/10.yml:2: log_level: it is the text `loud`: critical, error, warning, info or \
         debug (in any letter case) is expected\n\
         HERE/conf.d/30.yml:3: plugin_dirs.0: the folder HERE/missing cannot be read: No such file \
         or directory (os error 2)\n\
         HERE/conf.d/30.yml:4: prot: warning: the daemon knows no such key: it is kept for plugins \
         and `GET /config`\n\
         4 mistakes, 1 warning; read: HERE/config.yml, HERE/conf.d/10.yml, HERE/conf.d/30.yml\n"
    );
}

#[test]
fn a_main_file_that_cannot_be_used_is_a_mistake() {
    let site = Site::new("");
    site.write("config.yml", "rest_api: {port: 0\n", 0o600);
    let said = site.check();
    assert!(said.text.starts_with("HERE/config.yml:2:1: not valid: "), "{}", said.text);
    assert!(said.text.contains("; the daemon does not start with it\n"), "{}", said.text);
    assert_eq!(said.code, 1);
    fs::remove_file(site.path("config.yml")).unwrap();
    let said = site.check();
    let sentence = "HERE/config.yml: cannot be read: No such file or directory (os error 2); the \
                    daemon goes on without it\n";
    assert!(said.text.contains(sentence), "{}", said.text);
    assert_eq!(said.code, 1);
}

#[test]
fn a_secret_that_everybody_may_read_is_a_mistake() {
    const READ: &str = "can be read by every account of the machine (mode 644): run `chmod o= \
                        HERE/conf.d/10.yml`";
    let site = Site::new("");
    let foreign = "plugins: {wazo_user: {config: {bind_password: swordfish}}}\n";
    let secret = format!("{foreign}bootstrap_user_password: swordfish\n");
    site.write("conf.d/10.yml", &secret, 0o644);
    let said = site.check();
    let expected = format!("HERE/conf.d/10.yml:2: bootstrap_user_password: this secret {READ}");
    assert_eq!(said.text.lines().next().unwrap(), expected);
    assert_eq!(said.code, 1);
    site.write("conf.d/10.yml", foreign, 0o644);
    let said = site.check();
    let expected = format!(
        "HERE/conf.d/10.yml:1: plugins.wazo_user.config.bind_password: warning: what looks like a \
         secret {READ}"
    );
    assert_eq!(said.text.lines().next().unwrap(), expected);
    assert_eq!(said.code, 0);
    site.write("conf.d/10.yml", &secret, 0o640);
    assert_eq!(site.check().code, 0);
    let plain = "plugins: {wazo_user: {config: {token_lifetime: 60, pin: 5, token_url: x}}}\n";
    for plain in ["db_uri: sqlite:///HERE/auth.db\n", plain] {
        site.write("conf.d/10.yml", plain, 0o644);
        assert!(site.check().text.starts_with("no mistakes; "), "nothing secret is in it");
    }
}

#[test]
fn what_the_account_of_the_daemon_may_not_do_is_found_before_it_tries() {
    let site = Site::new(
        "user: nobody\ndb_uri: sqlite:///HERE/data/auth.db\ntoken_key_file: HERE/data/token.key\n",
    );
    let data = site.path("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    if chown(&data, Some(0), None).is_err() {
        println!("left out, because it takes root: the rights of another account");
        return;
    }
    let said = site.check();
    let folder = "FILE:2: db_uri: cannot open the database HERE/data/auth.db: Permission denied";
    assert!(said.text.replace("HERE/conf.d/10.yml", "FILE").starts_with(folder), "{}", said.text);
    chown(&data, Some(ACCOUNT.1), None).unwrap();
    let said = site.check();
    assert!(!said.text.contains("data"), "{}: {}", ACCOUNT.0, said.text);
}

#[test]
fn the_daemon_says_the_same_when_it_does_not_start() {
    for yaml in [
        "rest_api: {port: http}",
        "log_level: loud",
        "db_uri: sqlite:////nowhere/auth.db",
        "user: no-such-account",
        "plugins: {acme: {sha265: 9f2c}}",
    ] {
        let found = Site::new(yaml).check().text;
        let (place, sentence) = found.lines().next().unwrap().split_once(": ").unwrap();
        assert_eq!(place, "HERE/conf.d/10.yml:1", "{found}");
        let (key, sentence) = sentence.split_once(": ").unwrap();
        let (code, said) = Setup::default().config(yaml).fail();
        assert_eq!(code, 1, "{said}");
        assert!(said.contains(sentence), "{key}: {sentence}\n{said}");
    }
}
