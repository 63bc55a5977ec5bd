//! Seeded mistakes and what is said about them.

use std::{fs, path::Path};

use crate::site::Site;

#[test]
fn each_mistake_is_reported_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config_check/mistakes");
    let mut wrong = Vec::new();
    let mut count = 0;
    for file in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let text = fs::read_to_string(&file).unwrap();
        let (yaml, expected) = text.split_once("----\n").unwrap();
        let said = Site::new(yaml).check();
        let (findings, summary) = said.text.trim_end().rsplit_once('\n').unwrap_or_default();
        let findings = without_digest(&findings.replace("HERE/conf.d/10.yml", "FILE"));
        let only_warnings = expected.lines().all(|line| line.contains(": warning: "));
        if findings != expected.trim_end() || said.code != i32::from(!only_warnings) {
            let name = file.file_name().unwrap().display();
            wrong.push(format!("=== {name} ({}, {summary})\n{findings}\n", said.code));
        }
        assert!(
            summary.ends_with("; read: HERE/config.yml, HERE/conf.d/10.yml")
                || findings.contains("skipped"),
            "{summary}"
        );
        count += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
    assert!(count >= 25, "only {count} mistakes");
}

/// The digest of a library is another one after each build.
fn without_digest(text: &str) -> String {
    const BEFORE: &str = "has the SHA-256 digest ";
    let Some((start, rest)) = text.split_once(BEFORE) else { return text.to_owned() };
    format!("{start}{BEFORE}DIGEST{}", &rest[64..])
}
