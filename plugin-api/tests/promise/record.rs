//! Lines that were recorded, and what may become of them.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::PathBuf};

/// Set by `scripts/record-promise`: `add`, or `replace` before anybody relies on
/// what was recorded.
const VARIABLE: &str = "WAZO_AUTH_RECORD_PROMISE";

/// A file of recorded lines.
pub struct Record {
    pub file: &'static str,
    /// What stands above the lines.
    pub about: &'static str,
    /// Whether a line may come to these; it then says why not.
    pub refuses: fn(&str, &BTreeSet<String>) -> Option<String>,
}

// === impl Record ===

impl Record {
    /// Compares what there is with what was recorded, or records it.
    pub fn check(&self, lines: &BTreeSet<String>) {
        let mode = mode();
        let recorded = if mode == "replace" { BTreeSet::new() } else { self.read() };
        let gone: Vec<&String> = recorded.difference(lines).collect();
        assert!(
            gone.is_empty(),
            "plugin API 1 is frozen, and plugins rely on what is gone or changed here; bring it \
             back as it is recorded in promise/{}:{}",
            self.file,
            list(&gone)
        );
        let new: Vec<&String> = lines.difference(&recorded).collect();
        if mode != "replace" {
            let refused: Vec<String> =
                new.iter().filter_map(|line| (self.refuses)(line, &recorded)).collect();
            assert!(refused.is_empty(), "this would break plugins:{}", list(&refused));
        }
        if !mode.is_empty() {
            return self.write(lines);
        }
        assert!(
            new.is_empty(),
            "promise/{} does not have these yet; once they are as they are to stay for all of \
             plugin API 1, run scripts/record-promise:{}",
            self.file,
            list(&new)
        );
    }

    fn path(&self) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("promise").join(self.file)
    }

    fn read(&self) -> BTreeSet<String> {
        let text = fs::read_to_string(self.path()).unwrap();
        text.lines().filter(|line| !is_comment(line)).map(str::to_owned).collect()
    }

    fn write(&self, lines: &BTreeSet<String>) {
        let mut text = String::new();
        self.about.lines().for_each(|line| writeln!(text, "# {line}").unwrap());
        lines.iter().for_each(|line| writeln!(text, "{line}").unwrap());
        fs::write(self.path(), text).unwrap();
    }
}

pub fn is_comment(line: &str) -> bool {
    line.is_empty() || line.starts_with("# ")
}

#[allow(clippy::disallowed_methods, reason = "how the script tells this program what to do")]
fn mode() -> String {
    std::env::var(VARIABLE).unwrap_or_default()
}

fn list(lines: &[impl AsRef<str>]) -> String {
    lines.iter().fold(String::new(), |text, line| text + "\n  " + line.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "plugin API 1 is frozen")]
    fn what_is_gone_is_noticed() {
        Record { file: "abi.txt", about: "", refuses: |_, _| None }.check(&BTreeSet::new());
    }
}
