//! What a plugin in C can get wrong: a sentence for each.

use std::{fs, path::Path, process::Command};

use wazo_auth_plugins::{Args, PluginState, Registry};

use crate::support::{chmod, folder, install_stock, load, log, options, settings, workspace};

/// Builds `harms.c`, with a table of its own unless it is empty, and loads it;
/// `config` is what it is to do in its constructor.
fn harms(table: &str, config: &str) -> (std::sync::Arc<Registry>, tempfile::TempDir) {
    let folder = folder();
    install_stock(folder.path());
    compile(&folder.path().join("libharms.so"), table);
    let mut settings = settings(folder.path(), &["harms"]);
    let config = serde_json::from_str(&format!(r#"{{"do": "{config}"}}"#)).unwrap();
    options(&mut settings, "harms", |harms| harms.config = config);
    let (registry, _daemon) = load(&settings).unwrap();
    (registry, folder)
}

fn compile(library: &Path, table: &str) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plugins/harms.c");
    let mut gcc = Command::new("gcc");
    gcc.args(["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function"]);
    gcc.args(["-shared", "-fPIC", "-fvisibility=hidden", "-I"]);
    gcc.arg(workspace().join("plugin-api/include"));
    if !table.is_empty() {
        gcc.arg(format!("-DTABLE={table}"));
    }
    let new = library.with_extension("new");
    assert!(gcc.arg("-o").arg(&new).arg(source).status().unwrap().success(), "{gcc:?}");
    chmod(&new, 0o644);
    fs::rename(new, library).unwrap();
}

fn reason(registry: &Registry, state: PluginState) -> String {
    let report = registry.report().into_iter().find(|report| report.name == "harms").unwrap();
    assert_eq!(report.state, state, "{:?}", report.reason);
    report.reason.unwrap()
}

#[test]
fn a_table_that_is_not_whole_is_refused() {
    let cases = [
        ("1,40,create,call,destroy,0", "exports a plugin table without the function `free_reply`"),
        ("1,40,create,call,0,free_reply", "exports a plugin table without the function `destroy`"),
        ("1,40,create,0,destroy,free_reply", "exports a plugin table without the function `call`"),
        ("1,40,0,call,destroy,free_reply", "exports a plugin table without the function `create`"),
        (
            "2,40,create,call,destroy,free_reply",
            "exports a plugin table of version 2 and 40 bytes, this daemon reads version 1 of \
             40 bytes",
        ),
        (
            "1,40000,create,call,destroy,free_reply",
            "exports a plugin table of version 1 and 40000 bytes, this daemon reads version 1 of \
             40 bytes",
        ),
        (
            "0,0,0,0,0,0",
            "exports a plugin table of version 0 and 0 bytes, this daemon reads version 1 of \
             40 bytes",
        ),
    ];
    for (table, expected) in cases {
        let (registry, folder) = harms(table, "");
        let reason = reason(&registry, PluginState::Refused);
        let file = folder.path().join("libharms.so");
        let sentence =
            format!("{} {expected}; build it again with wazo_auth_plugin.h", file.display());
        assert_eq!(reason, sentence);
        assert!(registry.backend("harms").is_none());
    }
}

#[test]
fn a_constructor_that_gives_nothing_is_told_of() {
    let cases = [
        ("silent", "its constructor failed: it gives no reason"),
        (
            "wordy",
            "it refuses its configuration: \u{fffd} is no \\u{1b}[31mcolour; \
             correct plugins.harms.config",
        ),
        (
            "nowhere",
            "it refuses its configuration: it gives no reason; correct plugins.harms.config",
        ),
    ];
    for (act, sentence) in cases {
        let (registry, _folder) = harms("", act);
        assert_eq!(reason(&registry, PluginState::Unusable), sentence);
    }
}

#[test]
fn an_answer_that_cannot_be_read_is_told_of() {
    let (registry, _folder) = harms("", "");
    let verify = |login: &str| {
        let backend = registry.backend("harms").unwrap();
        backend.verify_password(login, "x", &mut Args::new()).map_err(|error| error.to_string())
    };
    assert_eq!(verify("wile"), Ok(true));
    let endless = usize::MAX;
    let failed = |reason: &str| format!("plugin `harms` failed: {reason}");
    let cases = [
        ("head nowhere", failed("the head of its answer has 5 bytes, but leads nowhere")),
        ("body nowhere", failed("the body of its answer has 5 bytes, but leads nowhere")),
        (
            "endless",
            failed(&format!(
                "the head of its answer has {endless} bytes, at most 1048576 are read"
            )),
        ),
        (
            "large body",
            failed("the body of its answer has 1048577 bytes, at most 1048576 are read"),
        ),
        ("no text", failed("the head of its answer is not valid UTF-8")),
        ("silent", failed("it gives no reason")),
        ("failure nowhere", failed("it gives no reason")),
        ("unknown kind", failed("of a later version")),
        ("broke", "plugin `harms` panicked: an exception; tell its author".to_owned()),
        ("asks nowhere", failed("the name of the service has 5 bytes, but leads nowhere")),
        ("asks no text", failed("the head of what is asked is not valid UTF-8")),
        (
            "asks endlessly",
            failed(&format!(
                "the head of what is asked has {endless} bytes, at most 1048576 are read"
            )),
        ),
    ];
    for (login, sentence) in cases {
        assert_eq!(verify(login).unwrap_err(), sentence, "{login}");
    }
    for login in ["nothing", "no json"] {
        let error = verify(login).unwrap_err();
        assert!(error.contains("an answer that is not used"), "{error}");
    }
    let error = verify("failure endless").unwrap_err();
    assert!(error.len() < 5000, "{} bytes", error.len());
    assert_eq!(verify("counts"), Ok(true), "answers are given back");
    let said = "INFO wazo_auth.plugin.harms : said \u{fffd}";
    assert!(log::lines().iter().any(|line| line == said));
}
