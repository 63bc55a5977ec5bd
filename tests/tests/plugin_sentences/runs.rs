//! Runs the check and the daemon, and compares what they say.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;
use wazo_auth_plugin_api::manifest::{API_VERSION, TARGET};
use wazo_auth_tests::{Setup, built, third_party};

use crate::{
    Row, Start,
    files::{Place, acts, chmod},
};

/// A folder that goes with the test.
pub fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

pub fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// A copy of the backend `acts`, as plugins are installed.
pub fn installed_acts(folder: &Path) -> PathBuf {
    let file = folder.join("libacts.so");
    fs::copy(acts(), &file).unwrap();
    chmod(&file, 0o644);
    file
}

/// What a check answered.
pub struct Check {
    code: Option<i32>,
    output: String,
    errors: String,
}

/// Checks a file with these lines of YAML as the configuration.
pub fn check(file: &Path, yaml: &str) -> Check {
    let own = folder();
    let config = own.path().join("config.yml");
    let user = if yaml.contains("user:") { "" } else { "user:\n" };
    fs::write(&config, format!("extra_config_files:\n{user}{yaml}\n")).unwrap();
    // A check that hangs is a failure like any other.
    let output = Command::new("timeout")
        .arg("60")
        .arg(built().join("wazo-auth"))
        .arg("--config-file")
        .arg(&config)
        .args(["plugin", "check"])
        .arg(file)
        .output()
        .unwrap();
    Check {
        code: output.status.code(),
        output: String::from_utf8(output.stdout).unwrap(),
        errors: String::from_utf8(output.stderr).unwrap(),
    }
}

// === impl Check ===

impl Check {
    /// The sentence about what does not fit, with words in the place of paths.
    #[track_caller]
    pub fn refused(&self, paths: &[(&str, &Path)]) -> String {
        assert_eq!((self.code, &*self.output), (Some(1), ""), "{}", self.errors);
        assert!(self.errors.lines().count() <= 2, "{}", self.errors);
        neutral(self.errors.trim_end(), paths)
    }

    #[track_caller]
    pub fn fits(&self) -> &str {
        assert_eq!((self.code, &*self.errors), (Some(0), ""), "{}", self.output);
        self.output.trim_end()
    }
}

/// The same text everywhere and in every version, without lines of x.
fn neutral(text: &str, paths: &[(&str, &Path)]) -> String {
    let mut text = text.to_owned();
    for (word, path) in paths {
        text = text.replace(path.to_str().unwrap(), word);
    }
    let is_digest =
        |word: &&str| word.len() == 64 && word.chars().all(|letter| letter.is_ascii_hexdigit());
    let words = text.split(|letter: char| !letter.is_alphanumeric());
    let digests: Vec<String> = words.filter(is_digest).map(str::to_owned).collect();
    for digest in digests {
        text = text.replace(&digest, "DIGEST");
    }
    while text.contains("xxx") {
        text = text.replace("xxx", "xx");
    }
    text.replace(TARGET, "TARGET").replace(API_VERSION, "API")
}

/// Makes the files of the rows.
fn places(all: &Path, rows: &[Row]) -> Vec<Place> {
    let make = |row: &Row| {
        let place = Place::new(all, row.name);
        (row.make)(&place);
        place
    };
    rows.iter().map(make).collect()
}

/// What is configured of a row's plugin.
fn options(row: &Row, place: &Place) -> String {
    format!("{}: {{path: {}, {}}}", row.name, place.file().display(), row.options)
}

pub fn check_files(rows: &[Row]) {
    let all = folder();
    let mut wrong = String::new();
    for (row, place) in rows.iter().zip(places(all.path(), rows)) {
        let config = format!("plugins: {{{}}}", options(row, &place));
        let said = check(&place.file(), &config)
            .refused(&[("FILE", &place.file()), ("FOLDER", &place.folder)]);
        note(&mut wrong, row.name, &said, row.check);
    }
    assert_eq!(wrong, "");
}

pub fn start_with_files(rows: &[Row]) {
    let all = folder();
    let rows: Vec<_> = rows.iter().zip(places(all.path(), rows)).collect();
    let enabled: Vec<_> = rows.iter().map(|(row, _)| format!("{}: true", row.name)).collect();
    let plugins: Vec<_> = rows.iter().map(|(row, place)| options(row, place)).collect();
    let daemon = Setup::default()
        .config(&format!("enabled_backend_plugins: {{{}}}", enabled.join(", ")))
        .config(&format!("plugins: {{{}}}", plugins.join(", ")))
        .start();
    let log = daemon.log();
    let mut wrong = String::new();
    for (row, place) in &rows {
        let prefix = format!("backend plugin `{}` is not loaded: ", row.name);
        let lines = log.lines().filter_map(|line| line.split_once(&prefix));
        let said: Vec<_> = lines.map(|(_, said)| said).collect();
        let said = neutral(&said.join("\n"), &[("FILE", &place.file()), ("FOLDER", &place.folder)]);
        let of_check = row.check.strip_prefix(&format!("backend `{}` does not fit: ", row.name));
        let expected = match row.start {
            Start::Says(sentence) => sentence,
            _ => of_check.unwrap_or(row.check),
        };
        note(&mut wrong, row.name, &said, expected);
    }
    assert_eq!(wrong, "");
}

/// Runs the check once per configuration. What hangs, hangs at the same time.
pub fn check_acts(rows: &[(&str, &str)]) {
    let all = folder();
    let file = installed_acts(all.path());
    let run = |config: &str| {
        let said = check(&file, &format!("plugins: {{acts: {{timeout: 2, config: {config}}}}}"));
        if said.code == Some(0) { said.fits().to_owned() } else { said.refused(&[]) }
    };
    let mut wrong = String::new();
    let mut compare = |(config, expected): &(&str, &str), said: &str| {
        let fits = expected.starts_with("fits: ");
        let verdict = if fits { "" } else { "does not fit: " };
        note(&mut wrong, config, said, &format!("backend `acts` {verdict}{expected}"));
    };
    let (slow, quick): (Vec<_>, Vec<_>) =
        rows.iter().partition(|(_, expected)| expected.starts_with("it took longer"));
    for row in quick {
        compare(row, &run(row.0));
    }
    std::thread::scope(|scope| {
        let running: Vec<_> = slow.iter().map(|row| (row, scope.spawn(|| run(row.0)))).collect();
        for (row, said) in running {
            compare(row, &said.join().unwrap());
        }
    });
    assert_eq!(wrong, "");
}

pub fn daemon_says(rows: &[(&str, &str)]) {
    let mut setup = Setup::default().plugin(acts()).plugin(third_party("hostile", "hostile"));
    let names = rows.iter().map(|(options, _)| options.split(':').next().unwrap());
    let enabled: Vec<_> = names.map(|name| format!("{name}: true")).collect();
    let plugins: Vec<_> = rows.iter().map(|(options, _)| *options).collect();
    setup = setup
        .config(&format!("enabled_backend_plugins: {{{}}}", enabled.join(", ")))
        .config(&format!("plugins: {{{}}}", plugins.join(", ")));
    let log = setup.start().log();
    let mut wrong = String::new();
    for (options, expected) in rows {
        let prefix = expected.split_inclusive(": ").next().unwrap();
        let said = log.lines().find_map(|line| line.find(prefix).map(|at| &line[at..]));
        note(&mut wrong, options, said.unwrap_or_default(), expected);
    }
    assert_eq!(wrong, "");
}

/// All that is wrong is shown at once.
fn note(wrong: &mut String, what: &str, said: &str, expected: &str) {
    if said != expected {
        wrong.push_str(&format!("\n{what}\n  said:     {said}\n  expected: {expected}\n"));
    }
}
