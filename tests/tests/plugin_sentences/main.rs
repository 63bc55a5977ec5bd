//! What is said of plugins that do not fit: every sentence, to the letter, by
//! `plugin check` before the plugin is enabled and by the daemon at its start.
//!
//! In the sentences, FILE and FOLDER stand for the file and the folder that it
//! is in, TARGET and API for what this daemon is built for and offers, DIGEST
//! for any SHA-256 digest.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod files;
mod runs;

use std::{
    fs,
    io::Read,
    os::unix::fs::{self as unix, OpenOptionsExt},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::fcntl::OFlag;

use files::{Place, aborting, chmod, replace, run, section};
use runs::{check_acts, check_files, daemon_says, start_with_files};

/// A file, and what is said of it.
struct Row {
    /// The plugin for which it is configured, in `lib<name>.so`.
    name: &'static str,
    make: fn(&Place),
    /// What else is configured of the plugin, in YAML.
    options: &'static str,
    check: &'static str,
    start: Start,
}

/// What the daemon says at its start, after ``backend plugin `<name>` is not
/// loaded: ``.
enum Start {
    /// The sentence of the check.
    Same,
    /// Another sentence.
    Says(&'static str),
}

const PLAIN: Row = Row { name: "", make: |_| {}, options: "", check: "", start: Start::Same };

const FILES: &[Row] = &[
    Row {
        name: "missing",
        check: "there is no file FILE; give the path of the built .so",
        ..PLAIN
    },
    Row {
        name: "a_folder",
        make: |place| fs::create_dir(place.file()).unwrap(),
        check: "FILE is no regular file; give the path of the built .so",
        ..PLAIN
    },
    Row {
        name: "a_pipe",
        make: |place| run(Command::new("mkfifo").arg(place.file())),
        check: "FILE is no regular file; give the path of the built .so",
        ..PLAIN
    },
    Row {
        name: "a_device",
        make: |place| unix::symlink("/dev/zero", place.file()).unwrap(),
        check: "/dev/zero is no regular file; give the path of the built .so",
        ..PLAIN
    },
    Row {
        name: "notes",
        make: |place| place.write(b"buy milk"),
        check: "FILE is no shared library (it does not begin as an ELF file does); \
                give the path of the built .so",
        ..PLAIN
    },
    Row {
        name: "cut_off",
        make: |place| place.altered(|bytes| bytes.truncate(8000)),
        check: "FILE is cut off or damaged: it has 8000 bytes and refers to what is not there; \
                copy it again",
        ..PLAIN
    },
    Row {
        name: "of_a_mainframe",
        make: |place| place.altered(|bytes| bytes[18] = 22),
        check: "FILE is built for s390x; build it for TARGET",
        ..PLAIN
    },
    Row {
        name: "of_another_size",
        make: |place| place.altered(|bytes| (bytes[4], bytes[5]) = (1, 2)),
        check: "FILE is built for a machine of 32 bits, big endian; build it for TARGET",
        ..PLAIN
    },
    Row {
        name: "a_program",
        make: |place| place.compile("int main(void) { return 0; }", &["-no-pie"]),
        check: "FILE is a program, no shared library; \
                build the plugin with crate-type = [\"cdylib\"]",
        ..PLAIN
    },
    Row {
        name: "a_movable_program",
        make: |place| place.compile("int main(void) { return 0; }", &["-fPIE", "-pie"]),
        check: "FILE is a program, no shared library; \
                build the plugin with crate-type = [\"cdylib\"]",
        ..PLAIN
    },
    Row {
        name: "an_object",
        make: |place| place.compile("int answer(void) { return 42; }", &["-c"]),
        check: "FILE is an object file, no shared library; \
                build the plugin with crate-type = [\"cdylib\"]",
        ..PLAIN
    },
    Row {
        name: "writable",
        make: |place| {
            place.library(&place.manifest(), "");
            chmod(&place.file(), 0o666);
        },
        check: "FILE can be written by others than its owner (mode 0666); \
                what is in it would run as the daemon: chmod go-w FILE",
        ..PLAIN
    },
    Row {
        name: "in_a_writable_folder",
        make: |place| {
            place.library(&place.manifest(), "");
            chmod(&place.folder, 0o775);
        },
        check: "FOLDER can be written by others than its owner (mode 0775); \
                what is in it would run as the daemon: chmod go-w FOLDER",
        ..PLAIN
    },
    Row {
        name: "no_plugin",
        make: |place| place.compile("int answer(void) { return 42; }", &["-shared", "-fPIC"]),
        check: "FILE is a shared library but no plugin for wazo-auth (it has no section \
                .wazo_auth_plugin); a plugin exports itself with export_plugins!",
        ..PLAIN
    },
    Row {
        name: "no_manifest",
        make: |place| place.library_with(&[b'x'; 100], ""),
        check: "FILE: the section .wazo_auth_plugin does not hold a manifest; \
                build the plugin again",
        ..PLAIN
    },
    Row {
        name: "a_cut_manifest",
        make: |place| place.library_with(&section(1, b"{\"plugin_api\": ")[..30], ""),
        check: "FILE: the manifest is cut off: 30 bytes where 39 are announced; \
                build the plugin again",
        ..PLAIN
    },
    Row {
        name: "a_damaged_manifest",
        make: |place| place.library_with(&section(1, b"{\"plugin_api\": 1"), ""),
        check: "FILE: the manifest's text cannot be read: invalid type: integer `1`, \
                expected a string at line 1 column 16; build the plugin again",
        ..PLAIN
    },
    Row {
        name: "a_later_manifest",
        make: |place| place.library_with(&section(2, b"?"), ""),
        check: "FILE: the manifest has version 2, this daemon reads version 1; \
                build the plugin again",
        ..PLAIN
    },
    Row {
        name: "a_later_major",
        make: |place| place.library(&place.manifest_with("plugin_api", "2.0.0"), ""),
        check: "FILE is built for plugin API 2.0.0, this daemon offers API; \
                build it with wazo-auth-plugin-api API",
        ..PLAIN
    },
    Row {
        name: "a_later_minor",
        make: |place| place.library(&place.manifest_with("plugin_api", "1.999.0"), ""),
        check: "FILE is built for plugin API 1.999.0, this daemon offers API; \
                update the daemon, or build the plugin with wazo-auth-plugin-api API",
        ..PLAIN
    },
    Row {
        name: "of_another_system",
        make: |place| place.library(&place.manifest_with("target", "x\u{1b}[2J\n-minix"), ""),
        check: "FILE: the manifest's text cannot be read: \"x\\u{1b}[2J\\n-minix\" has control \
            characters; build the plugin again",
        ..PLAIN
    },
    Row {
        name: "acts",
        make: |place| aborting(&place.file()),
        check: "FILE is built with panic = \"abort\": its first panic would end the daemon; \
                build it with panic = \"unwind\"",
        ..PLAIN
    },
    Row {
        name: "empty",
        make: |place| {
            let mut manifest = place.manifest();
            manifest["plugins"] = serde_json::json!([]);
            place.library(&manifest, "");
        },
        check: "FILE offers no plugin; name one in export_plugins!",
        start: Start::Says(
            "FILE offers nothing, but no backend plugin `empty`; correct the name, \
             or give the file that offers it as plugins.empty.path",
        ),
        ..PLAIN
    },
    Row {
        name: "of_another_name",
        make: |place| place.library(&place.manifest_of("backend", "acme"), ""),
        check: "FILE offers backend `acme`, but no backend plugin `of_another_name`; \
                correct the name, or give the file that offers it as plugins.of_another_name.path",
        ..PLAIN
    },
    Row {
        name: "of_another_kind",
        make: |place| place.library(&place.manifest_of("dance", place.name), ""),
        check: "dance `of_another_kind` does not fit: this daemon knows no kind of plugin `dance`, \
                only email_notification, metadata, backend, identity_provider, http, external_auth; update the daemon, or build the plugin as one of these",
        start: Start::Says(
            "FILE offers dance `of_another_kind`, but no backend plugin `of_another_kind`; \
             correct the name, or give the file that offers it as plugins.of_another_kind.path",
        ),
        ..PLAIN
    },
    Row {
        name: "native",
        make: |place| place.library(&place.manifest(), ""),
        check: "backend `native` does not fit: `native` is an authentication method of the \
                daemon's own; a backend needs another name",
        ..PLAIN
    },
    Row {
        name: "of_another_digest",
        make: |place| place.library(&place.manifest(), ""),
        options: "sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        check: "backend `of_another_digest` does not fit: FILE has the SHA-256 digest DIGEST, \
                but the configuration demands DIGEST; \
                put the right file there or correct plugins.of_another_digest.sha256",
        ..PLAIN
    },
    Row {
        name: "without_a_symbol",
        make: |place| place.library(&place.manifest(), "int g(void); int f(void) { return g(); }"),
        check: "backend `without_a_symbol` does not fit: FILE cannot be opened: \
                undefined symbol: g; build it again on this system, or install what it needs",
        ..PLAIN
    },
    Row {
        name: "without_an_export",
        make: |place| place.library(&place.manifest(), "int answer(void) { return 42; }"),
        check: "backend `without_an_export` does not fit: FILE does not export the plugin header; \
                build it again with export_plugins!",
        ..PLAIN
    },
    Row {
        name: "of_another_header",
        make: |place| {
            let header = "_1as_0lib_1header_0root_bmodule_bloader";
            place.library(&place.manifest(), &format!("char {header}[4096] = \"none\";"));
        },
        check: "backend `of_another_header` does not fit: FILE exports a plugin header that \
                this daemon cannot read; build it again with export_plugins!",
        ..PLAIN
    },
    Row {
        name: "hangs_at_once",
        make: |place| {
            let source =
                "#include <unistd.h>\n__attribute__((constructor)) static void start(void)";
            place.library(&place.manifest(), &format!("{source} {{ for (;;) pause(); }}"));
        },
        options: "timeout: 2",
        check: "backend `hangs_at_once` does not fit: it took longer than 2 s when it was opened; \
                raise plugins.hangs_at_once.timeout if that is too short for it, \
                otherwise tell its author",
        start: Start::Says(
            "it took longer than 10 s when it was opened; \
             raise plugins.hangs_at_once.timeout if that is too short for it, \
             otherwise tell its author",
        ),
    },
    Row {
        name: "ends_at_once",
        make: |place| {
            let source =
                "#include <stdlib.h>\n__attribute__((constructor)) static void start(void)";
            place.library(&place.manifest(), &format!("{source} {{ exit(3); }}"));
        },
        check: "backend `ends_at_once` does not fit: it ended the process with exit code 3 \
                when it was opened, and would end the daemon too; tell its author",
        ..PLAIN
    },
    Row {
        // A stock plugin's name: where a path is configured, it may be anybody's file.
        name: "broken_init",
        make: |place| {
            let source =
                "#include <stdlib.h>\n__attribute__((constructor)) static void start(void)";
            place.library(&place.manifest(), &format!("{source} {{ exit(3); }}"));
        },
        check: "backend `broken_init` does not fit: it ended the process with exit code 3 \
                when it was opened, and would end the daemon too; tell its author",
        ..PLAIN
    },
    Row {
        name: "crashes_at_once",
        make: |place| {
            let source = "__attribute__((constructor)) static void start(void)";
            place.library(&place.manifest(), &format!("{source} {{ *(volatile int *)8 = 1; }}"));
        },
        check: "backend `crashes_at_once` does not fit: it ended the process by signal 11 \
                (SIGSEGV) when it was opened, and would end the daemon too; tell its author",
        ..PLAIN
    },
];

/// What the backend `acts` is told to do, and what is said of it.
const ACTS: &[(&str, &str)] = &[
    ("{in_new: succeed, in_call: succeed}", FITS),
    ("{in_new: succeed, in_call: lock}", FITS),
    ("{in_new: succeed, in_call: chatter}", FITS),
    ("{in_new: succeed, in_call: succeed, in_drop: panic}", FITS),
    ("{in_new: ask, in_call: succeed}", ASKS),
    ("{in_new: succeed, in_call: ask}", ASKS),
    (
        "{in_new: succeed}",
        "it refuses its configuration: missing field `in_call`; correct plugins.acts.config",
    ),
    (
        "{in_knew: fail, in_call: succeed}",
        "it refuses its configuration: unknown field `in_knew`, expected one of \
         `in_new`, `in_call`, `in_drop`; correct plugins.acts.config",
    ),
    (
        "{in_new: 5e3cr3t, in_call: succeed}",
        "it refuses its configuration: in_new: unknown variant, expected one of `succeed`, `fail`, \
         `fail_at_length`, `lock`, `ask`, `panic`, `abort`, `exit`, `hang`, `chatter`, `flood`; \
         correct plugins.acts.config",
    ),
    ("{in_new: fail, in_call: succeed}", "its constructor failed: nobody answers at ldap.example"),
    ("{in_new: fail_at_length, in_call: succeed}", AT_LENGTH),
    (
        "{in_new: panic, in_call: succeed}",
        "its constructor panicked: nobody expected this; tell its author",
    ),
    (
        "{in_new: abort, in_call: succeed}",
        "it ended the process by signal 6 (SIGABRT) in its constructor, and would end the daemon \
         too (its last words: acts: the last words); tell its author",
    ),
    (
        "{in_new: exit, in_call: succeed}",
        "it ended the process with exit code 3 in its constructor, and would end the daemon too; \
         tell its author",
    ),
    (
        "{in_new: hang, in_call: succeed}",
        "it took longer than 2 s in its constructor; raise plugins.acts.timeout if that is too \
         short for it, otherwise tell its author",
    ),
    (
        "{in_new: succeed, in_call: fail}",
        "it did not verify a trial login: plugin `acts` failed: nobody answers at ldap.example; \
         see plugins.acts.config, or tell its author",
    ),
    (
        "{in_new: succeed, in_call: panic}",
        "it panicked when it verified a trial login: nobody expected this; tell its author",
    ),
    (
        "{in_new: succeed, in_call: abort}",
        "it ended the process by signal 6 (SIGABRT) when it verified a trial login, and would end \
         the daemon too (its last words: acts: the last words); tell its author",
    ),
    (
        "{in_new: succeed, in_call: exit}",
        "it ended the process with exit code 3 when it verified a trial login, and would end the \
         daemon too; tell its author",
    ),
    (
        "{in_new: succeed, in_call: hang}",
        "it took longer than 2 s when it verified a trial login; raise plugins.acts.timeout if \
         that is too short for it, otherwise tell its author",
    ),
    (
        "{in_new: succeed, in_call: flood}",
        "it took longer than 2 s when it verified a trial login; raise plugins.acts.timeout if \
         that is too short for it, otherwise tell its author",
    ),
    (
        "{in_new: succeed, in_call: succeed, in_drop: hang}",
        "it took longer than 2 s in its destructor; raise plugins.acts.timeout if that is too \
         short for it, otherwise tell its author",
    ),
];

/// On one line, and not as long as it was.
const AT_LENGTH: &str = "its constructor failed: one two \\u{1b}[31mxx…";
const FITS: &str = "fits: it was loaded and made, and answered a trial login";
const ASKS: &str = "fits: it was loaded; a trial goes no further, as it asks for what only the \
                    running daemon has";

/// A configuration that enables plugins, and what the daemon says of them.
const STARTS: &[(&str, &str)] = &[
    (
        "asks: {config: {url: x}}",
        "error calling 'asks': it refuses its configuration: unknown field `url`, there are no \
         fields; correct plugins.asks.config",
    ),
    (
        "blocks_in_new: {config: {}}",
        "error calling 'blocks_in_new': it refuses its configuration: missing field `file`; \
         correct plugins.blocks_in_new.config",
    ),
    (
        "panics_in_new: {config: {}}",
        "error calling 'panics_in_new': its constructor panicked: the constructor panics; tell \
         its author",
    ),
    (
        "acts: {timeout: 0.5, config: {in_new: hang, in_call: succeed}}",
        "error calling 'acts': its constructor did not return within 0.5 s; raise \
         plugins.acts.timeout if that is too short for it, otherwise tell its author",
    ),
];

#[test]
fn a_file_that_does_not_fit_is_refused_by_the_check() {
    check_files(FILES);
}

#[test]
fn a_file_that_does_not_fit_is_refused_at_the_start_in_the_same_words() {
    start_with_files(FILES);
}

#[test]
fn a_trial_tells_what_a_plugin_does() {
    check_acts(ACTS);
}

#[test]
fn a_plugin_that_does_not_start_is_named_at_the_start() {
    daemon_says(STARTS);
}

#[test]
fn a_check_that_is_killed_takes_its_trial_along() {
    let all = runs::folder();
    let place = Place::new(all.path(), "hangs");
    let pipe = place.folder.join("pipe");
    run(Command::new("mkfifo").arg(&pipe));
    let source = "#include <fcntl.h>\n#include <unistd.h>\n\
                  __attribute__((constructor)) static void start(void)";
    let open = format!("int pipe = open(\"{}\", O_WRONLY);", pipe.display());
    let survive = "write(pipe, \"1\", 1); sleep(30); write(pipe, \"2\", 1);";
    place.library(&place.manifest(), &format!("{source} {{ {open} {survive} }}"));
    let config = all.path().join("config.yml");
    fs::write(&config, "extra_config_files:\nuser:\n").unwrap();
    // Without O_NONBLOCK, it would wait for a plugin that may never come.
    let mut trial = fs::OpenOptions::new()
        .read(true)
        .custom_flags(OFlag::O_NONBLOCK.bits())
        .open(&pipe)
        .unwrap();
    let mut check = Command::new(wazo_auth_tests::built().join("wazo-auth"))
        .arg("--config-file")
        .arg(&config)
        .args(["plugin", "check"])
        .arg(place.file())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Nothing while nobody writes, an error while somebody may.
    let mut said = || trial.read(&mut [0]);
    wait(|| said().is_ok_and(|length| length == 1));
    check.kill().unwrap();
    check.wait().unwrap();
    wait(|| said().is_ok_and(|length| length == 0 || panic!("the trial goes on")));
}

/// Waits until something is so.
#[track_caller]
fn wait(mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(25), "nothing happens");
        thread::yield_now();
    }
}

#[test]
fn two_files_that_offer_one_plugin_are_both_named() {
    let all = runs::folder();
    let [one, two] = ["libone.so", "libtwo.so"].map(|name| all.path().join(name));
    fs::copy(files::acts(), &one).unwrap();
    fs::copy(files::acts(), &two).unwrap();
    [&one, &two].into_iter().for_each(|file| chmod(file, 0o644));
    let folder = all.path().display();
    let said = "two files offer the backend plugin `acts`: FOLDER/libone.so and \
                FOLDER/libtwo.so; remove one of them, or name the right one as plugins.acts.path";

    let check = runs::check(&two, &format!("plugin_dirs: [{folder}]"));
    let expected = format!("backend `acts` does not fit: {said}");
    assert_eq!(check.refused(&[("FOLDER", all.path())]), expected);

    let enabled = format!("plugin_dirs: [{folder}]\nenabled_backend_plugins: {{acts: true}}");
    let (code, log) = wazo_auth_tests::Setup::default().config(&enabled).fail();
    let log = log.replace(all.path().to_str().unwrap(), "FOLDER");
    assert_eq!(code, 1);
    assert!(log.contains(said), "{log}");
}

#[test]
fn a_build_whose_panics_abort_is_checked_where_it_may_run() {
    let all = runs::folder();
    let place = Place::new(all.path(), "acts");
    aborting(&place.file());
    let check = |in_call: &str| {
        let config = format!("{{in_new: succeed, in_call: {in_call}}}");
        let options = format!("{{isolation: process, timeout: 5, config: {config}}}");
        runs::check(&place.file(), &format!("plugins: {{acts: {options}}}"))
    };
    assert_eq!(check("lock").fits(), format!("backend `acts` {FITS}"));
    assert_eq!(
        check("panic").refused(&[]),
        "backend `acts` does not fit: it did not verify a trial login: plugin `acts` did not \
         answer: its process ended by signal 6 (SIGABRT); tell its author; see \
         plugins.acts.config, or tell its author"
    );
}

#[test]
fn a_name_that_the_manifest_has_and_the_code_has_not_is_told() {
    let all = runs::folder();
    let place = Place::new(all.path(), "actz");
    let mut bytes = fs::read(files::acts()).unwrap();
    replace(
        &mut bytes,
        "\"name\":\"acts\",\"version\":\"0.0.1\"}]",
        "\"name\":\"actz\",\"version\":\"0.0.1\"}]",
    );
    place.write(&bytes);
    let check = runs::check(&place.file(), "");
    assert_eq!(
        check.refused(&[]),
        "backend `actz` does not fit: its manifest offers what its code does not: \
         no backend plugin named \"actz\" in this library; build it again"
    );
}

#[test]
fn root_checks_a_file_as_the_user_of_the_daemon() {
    let all = runs::folder();
    chmod(all.path(), 0o700);
    let place = Place::new(all.path(), "acme");
    place.library(&place.manifest(), "");
    let check = runs::check(&place.file(), "user: nobody");
    if !runs::is_root() {
        return;
    }
    assert_eq!(
        check.refused(&[("FILE", &place.file())]),
        "FILE cannot be read: Permission denied (os error 13); the daemon's user must be able to"
    );
}
