//! The conformance kit on built libraries, in process and in cages.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use wazo_auth_tests::{built, plugin, third_party};

const CONFORMS: &str = "fits: it was loaded and made, and conforms";
const MODES: [&str; 2] = ["in_process", "process"];

/// A folder with a copy of a library, as plugins are installed.
fn installed(library: &Path) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(library.file_name().unwrap());
    fs::copy(library, &file).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    folder
}

/// What the check says of each plugin of a library, in the order in which the file
/// offers them: name and verdict.
fn verdicts(library: &Path, plugins: &Value, isolation: &str) -> Vec<(String, String)> {
    let folder = installed(library);
    let config = folder.path().join("config.yml");
    let lines = format!("extra_config_files:\nuser:\nplugins: {plugins}\n");
    fs::write(&config, lines).unwrap();
    let output = Command::new("timeout")
        .arg("120")
        .arg(built().join("wazo-auth"))
        .arg("--config-file")
        .arg(&config)
        .args(["plugin", "check", "--conformance", "--isolation", isolation])
        .arg(folder.path().join(library.file_name().unwrap()))
        .output()
        .unwrap();
    let (said, errors) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.success(), errors.is_empty(), "{said}{errors}");
    let mut verdicts: Vec<(String, String)> = Vec::new();
    for line in (said + &errors).lines() {
        if let Some(sentence) = line.strip_prefix("- ") {
            let (_, verdict) = verdicts.last_mut().unwrap();
            *verdict += &format!("\n{sentence}");
            continue;
        }
        let [_, name, verdict] = line.splitn(3, '`').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        verdicts.push((name.to_owned(), verdict.trim().to_owned()));
    }
    verdicts
}

#[test]
fn stock_plugins_conform_wherever_they_run() {
    let libraries = [
        "default_external_api",
        "default_internal",
        "default_user",
        "external_auth",
        "ldap_user",
        "logger",
        "smtp",
        "user_admin_status",
        "wazo_user",
    ];
    conform(&libraries.map(|name| (plugin(name), json!({}))));
}

#[test]
fn a_third_partys_plugins_conform_wherever_they_run() {
    let acts = json!({"acts": {"config": {"in_new": "succeed", "in_call": "lock"}}});
    conform(&[
        (third_party("acme_auth", "acme_auth"), json!({})),
        (third_party("acts", "acts"), acts),
    ]);
}

/// Both modes at the same time, with the same verdicts.
#[track_caller]
fn conform(libraries: &[(PathBuf, Value)]) {
    let of = |mode| {
        let all = libraries.iter().map(|(library, plugins)| verdicts(library, plugins, mode));
        all.flatten().collect::<Vec<_>>()
    };
    let [in_process, caged] = thread::scope(|scope| {
        MODES.map(|mode| scope.spawn(move || of(mode))).map(|running| running.join().unwrap())
    });
    assert_eq!(in_process, caged);
    for (name, verdict) in in_process {
        assert_eq!(verdict, CONFORMS, "{name}");
    }
}

/// Plugins of a library are judged, with a part of its verdict for each.
#[track_caller]
fn judged(library: &Path, plugins: &Value, mode: &str, expected: &[(&str, &str)]) {
    let verdicts = verdicts(library, plugins, mode);
    let wrong: Vec<_> = expected
        .iter()
        .map(|(name, part)| (name, part, verdicts.iter().find(|(known, _)| known == name)))
        .filter(|(_, part, found)| found.is_none_or(|(_, said)| !said.contains(**part)))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_plugins_of_the_other_kinds_do_wrong_is_said() {
    judged(
        &third_party("diagnostic", "diagnostic"),
        &json!({"internal_token": {"config": {"address_file": "/nowhere"}}}),
        "in_process",
        &[
            ("broken_load", "its constructor failed: broken on purpose"),
            ("broken_can_authenticate", CONFORMS),
            ("broken_verify_auth", CONFORMS),
            ("broken_verify_auth_replacement", CONFORMS),
            ("internal_token", CONFORMS),
            ("hello", "needs the access of a {friend} that is not in it"),
            ("clerk", CONFORMS),
            ("badge", CONFORMS),
            ("foo", CONFORMS),
            ("bar", CONFORMS),
            ("outbox", "its failure tells a password: kit-s3cret-of-nobody is not to be sent"),
        ],
    );
}

#[test]
fn what_misbehaves_in_a_cage_does_not_conform() {
    judged(
        &third_party("hostile", "hostile"),
        &json!({"blocks_in_new": {"config": {"file": "/dev/null"}}}),
        "process",
        &[
            ("blocks", CONFORMS),
            ("blocks_too", CONFORMS),
            ("blocks_again", CONFORMS),
            ("blocks_in_new", "it accepts a login that nobody has"),
            // The login says what it does, and nobody asks it to.
            ("panics", CONFORMS),
            ("panics_in_new", "its constructor panicked: the constructor panics"),
            ("floods", "at most 64 are read"),
            ("asks", CONFORMS),
            ("imposter", "its answer lacks \"auth.kit.read\""),
            ("echoes", "it accepts a login that nobody has"),
            ("betrays", "its failure tells a password"),
            ("betrays_in_new", "its failure tells a password"),
            ("nothing", CONFORMS),
        ],
    );
}

#[test]
fn what_does_harm_does_not_conform() {
    let hangs = ["loops", "sleeps", "floods_log", "asks_for_ever"];
    let options = hangs.map(|name| (name.to_owned(), json!({"timeout": 0.5})));
    let in_time = "it did not return in time";
    let in_acl = "get_acl with an empty text as the login";
    judged(
        &third_party("harms", "harms"),
        &Value::Object(options.into_iter().collect()),
        "in_process",
        &[
            ("panics_everywhere", "it panicked: a panic in get_persistent_metadata"),
            ("panics_in_drop", "it panicked: a panic in a destructor"),
            ("aborts_in_constructor", "by signal 6 (SIGABRT) in its constructor"),
            ("segfaults", "by signal 11 (SIGSEGV) in verify_password with an empty text"),
            ("loops", in_time),
            ("sleeps", in_time),
            ("thread_panics", "a panic that no call answers for: panicked at src/acts.rs"),
            // What these four do to the process is not what the kit looks at.
            ("leaks_threads", in_acl),
            ("exits", "with exit code 0 in verify_password with an empty text"),
            ("closes_files", "in verify_password with an empty text as the login"),
            ("changes_folder", in_acl),
            ("replaces_signals", in_acl),
            ("recurses", "by signal 6 (SIGABRT) in verify_password with an empty text"),
            ("floods_log", in_time),
            ("floods_output", in_acl),
            ("asks_for_ever", in_time),
            ("aborts_when_opened", "it accepts a login that nobody has"),
            ("answers_1_gb", "1073741824 bytes, at most 1048576 are read"),
            ("invalid_json", "its answer is no JSON"),
            ("invalid_utf8", "its answer cannot be used: not valid UTF-8"),
            ("wrong_types", "verified: invalid type"),
            ("deep_nesting", "its answer is no JSON"),
        ],
    );
}
