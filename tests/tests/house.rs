//! The rules of the house, as far as no compiler and no lint can watch over them.

#![allow(clippy::expect_used, reason = "a test says by failing what is wrong")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The longest a file may be. Files should be far shorter: half of them below 150 lines.
const MOST_LINES: usize = 700;

/// The files that may hold `unsafe`, each block with its reason.
const UNSAFE_FILES: [&str; 10] = [
    "host/http/src/memory.rs",
    "host/password/src/priority.rs",
    "host/plugins/src/load.rs",
    // Tables of C: pointers and lengths as a plugin gives them.
    "host/plugins/src/load/c.rs",
    "host/src/priority.rs",
    "host/store/src/index/lines.rs",
    "plugin-api/src/export.rs",
    // They do harm on purpose.
    "tests/third-party/harms/src/acts.rs",
    "tests/third-party/harms/src/lib.rs",
    "tests/third-party/harms/src/raw.rs",
];

/// The crates from the bottom to the top, `wazo-auth` left out of their names. Each may use those
/// of lower rows only. Stock plugins have a rule of their own.
const ROWS: [&[&str]; 7] = [
    &["-acl", "-context", "-password", "-plugin-api", "-remote", "-servers", "-templates", "-work"],
    &["-log", "-plugins", "-store"],
    &["-config", "-events"],
    &["-service"],
    &["-http"],
    &[""],
    &["-bench", "-tests"],
];

/// Libraries that belong to one place, with the crates that may use them.
const FENCED: [(&str, &[&str]); 15] = [
    ("hyper", &["-http"]),
    ("hyper-util", &["-http"]),
    ("tokio-rustls", &["-http", "-events"]),
    ("matchit", &["-http"]),
    ("tokio", &["-http", "-events", "-remote", "-store", ""]),
    ("lapin", &["-events"]),
    ("rusqlite", &["-store"]),
    ("r2d2", &["-store"]),
    ("r2d2_sqlite", &["-store"]),
    ("tokio-postgres", &["-store"]),
    ("tokio-postgres-rustls", &["-store"]),
    ("pbkdf2", &["-password"]),
    ("getrandom", &["-context"]),
    ("minijinja", &["-templates"]),
    ("abi_stable", &["-plugin-api", "-plugins"]),
];

#[test]
fn no_file_is_too_long() {
    let too_long = source_files().into_iter().filter_map(|file| {
        let lines = read(&file).lines().count();
        (lines > MOST_LINES).then(|| format!("{file}: {lines} lines, at most {MOST_LINES}"))
    });
    none(too_long, "split these files by what they are about");
}

#[test]
fn modules_are_named_after_themselves() {
    let misnamed = source_files().into_iter().filter(|file| file.ends_with("/mod.rs"));
    none(misnamed, "name these files foo.rs, beside the folder foo");
}

#[test]
fn unsafe_code_stays_in_its_files() {
    let files = source_files();
    let found = |file: &&String| file.ends_with(".rs") && read(file).lines().any(is_unsafe);
    let elsewhere =
        files.iter().filter(found).filter(|file| !UNSAFE_FILES.contains(&file.as_str()));
    none(elsewhere, "unsafe code outside the files listed in tests/tests/house.rs");
    let idle = UNSAFE_FILES
        .into_iter()
        .filter(|listed| !files.iter().filter(found).any(|file| file == listed));
    none(idle, "listed in tests/tests/house.rs, but without unsafe code");
}

#[test]
fn arrows_between_crates_go_down() {
    let mut wrong = Vec::new();
    for krate in crates().iter().filter(|krate| !krate.is_plugin) {
        let Some(own_row) = row(&krate.name) else {
            wrong.push(format!("{} has no row in tests/tests/house.rs", krate.name));
            continue;
        };
        let not_below = |used: &&String| row(used).is_some_and(|row| row >= own_row);
        wrong.extend(
            krate.uses.iter().filter(not_below).map(|used| format!("{} uses {used}", krate.name)),
        );
    }
    none(wrong, "arrows between crates go down only");
}

#[test]
fn plugins_know_the_plugin_api_only() {
    let outside = |used: &&String| row(used).is_some() && *used != "wazo-auth-plugin-api";
    let wrong = crates().into_iter().filter(|krate| krate.is_plugin).filter_map(|krate| {
        let used = krate.uses.iter().find(outside)?;
        Some(format!("{} uses {used}", krate.name))
    });
    none(wrong, "a stock plugin knows no more of the daemon than one made elsewhere");
}

#[test]
fn the_daemon_knows_no_plugin() {
    let (plugins, others): (Vec<_>, Vec<_>) =
        crates().into_iter().partition(|krate| krate.is_plugin);
    let is_plugin = |used: &&String| plugins.iter().any(|plugin| plugin.name == **used);
    let wrong = others.iter().filter_map(|krate| {
        let used = krate.uses.iter().find(is_plugin)?;
        Some(format!("{} uses {used}", krate.name))
    });
    none(wrong, "plugins are loaded, not linked");
}

#[test]
fn libraries_stay_behind_their_fence() {
    let crates = crates();
    let ours = crates.iter().filter(|krate| !krate.is_plugin && !is_for_tests(krate));
    let wrong = ours.flat_map(|krate| {
        let stray = |(library, owners): &(&str, &[&str])| {
            krate.uses.iter().any(|used| used == library) && !owners.contains(&short(&krate.name))
        };
        FENCED
            .into_iter()
            .filter(stray)
            .map(|(library, _)| format!("{} uses {library}", krate.name))
    });
    none(wrong, "these libraries belong to one place");
}

#[test]
fn unsafe_code_is_told_from_talk_about_it() {
    // Written in two pieces, or this file would have to be listed.
    for code in [" {", " fn f()", " impl Send for X {}", " extern \"C\" {", "(no_mangle)]"] {
        assert!(is_unsafe(&format!("    let x = {}{code}", "unsafe")), "{code}");
    }
    for talk in ["// unsafe { x }", "#![forbid(unsafe_code)]", "reason = \"unsafe is needed\""] {
        assert!(!is_unsafe(talk), "{talk}");
    }
}

/// A crate of the workspace.
struct Crate {
    name: String,
    is_plugin: bool,
    /// What it depends on, except for its own tests.
    uses: Vec<String>,
}

fn crates() -> Vec<Crate> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--no-deps", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let crates: Vec<Crate> = list(&metadata["packages"]).iter().map(read_crate).collect();
    assert!(crates.len() > 10, "too few crates found");
    crates
}

fn read_crate(package: &Value) -> Crate {
    let plugins = root().join("plugins");
    let dependencies = list(&package["dependencies"]).iter();
    Crate {
        name: text(&package["name"]).to_owned(),
        is_plugin: Path::new(text(&package["manifest_path"])).starts_with(plugins),
        uses: dependencies
            .filter(|dependency| dependency["kind"] != "dev")
            .map(|dependency| text(&dependency["name"]).to_owned())
            .collect(),
    }
}

/// Where a crate stands; nothing for a library from elsewhere or a plugin.
fn row(name: &str) -> Option<usize> {
    let is_ours = name.starts_with("wazo-auth");
    ROWS.iter().position(|row| is_ours && row.contains(&short(name)))
}

/// Whether it drives the daemon from outside, by whatever it takes.
fn is_for_tests(krate: &Crate) -> bool {
    ["-bench", "-tests"].contains(&short(&krate.name))
}

fn short(name: &str) -> &str {
    name.strip_prefix("wazo-auth").unwrap_or(name)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// Whether a line of Rust holds the keyword, rather than words about it.
fn is_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    code.match_indices("unsafe").any(|(start, word)| {
        let after = code[start + word.len()..].trim_start();
        !code[..start].ends_with(|letter: char| letter.is_alphanumeric() || letter == '_')
            && ["{", "(", "fn ", "impl", "extern", "trait "]
                .iter()
                .any(|what| after.starts_with(what))
    })
}

/// All source files, as paths from the root of the repository.
fn source_files() -> Vec<String> {
    let (mut files, mut folders) = (Vec::new(), vec![root()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("readable") {
            let entry = entry.expect("readable");
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if name == "target" || name.starts_with('.') {
                continue;
            } else if entry.file_type().expect("known").is_dir() {
                folders.push(path);
            } else if is_source(&path) {
                let from_root = path.strip_prefix(root()).expect("below the root");
                files.push(from_root.to_string_lossy().into_owned());
            }
        }
    }
    assert!(files.len() > 20, "too few files found");
    files.sort();
    files
}

/// Rust, scripts and what else is written by hand, but no list made by a program.
fn is_source(path: &Path) -> bool {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some(extension) => ["rs", "sh", "toml", "yml", "sql", "py", "c", "h"].contains(&extension),
        None => path.parent().is_some_and(|folder| folder.ends_with("scripts")),
    }
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).expect("UTF-8")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// Passes when there is nothing wrong.
fn none<T: std::fmt::Display>(wrong: impl IntoIterator<Item = T>, rule: &str) {
    let wrong: Vec<String> = wrong.into_iter().map(|wrong| format!("\n  {wrong}")).collect();
    assert!(wrong.is_empty(), "{rule}:{}", wrong.concat());
}
