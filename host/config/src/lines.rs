//! On which line of a file a key stands.
//!
//! The parser that gives values gives no places, so a second one, which gives
//! events with places, is asked when somebody wants to know. Where the two
//! should ever disagree, the place is that of the mapping around, or none.

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, Tag};

/// The key whose value is merged into the mapping around it.
const MERGE: &str = "<<";

/// The keys of one file.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    entries: HashMap<Vec<String>, Entry>,
    /// Keys that their mapping holds already, each with its line.
    pub repeated: Vec<(String, usize)>,
}

/// One key or list item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    /// From 1.
    pub line: usize,
    /// Whether a command gives the value.
    pub is_exec: bool,
}

/// A mapping or a list that is being read.
enum Frame {
    /// With the key whose value comes next.
    Mapping { key: Option<(String, usize)>, seen: HashSet<String> },
    /// With the index of the next item.
    List(usize),
}

// === impl Lines ===

impl Lines {
    /// Reads a text that is known to be YAML; otherwise, what comes before the
    /// first error counts.
    pub fn scan(text: &str) -> Self {
        let mut scan = Scan { lines: Self::default(), stack: Vec::new(), path: Vec::new() };
        let mut parser = Parser::new_from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
        while let Some(Ok((event, span))) = parser.next_event() {
            if scan.take(event, span.start.line()).is_none() {
                break;
            }
        }
        scan.lines
    }

    /// The entry at `path`, or that of the merge which it may come from, or the nearest
    /// one around it.
    pub fn find(&self, path: &[String]) -> Option<Entry> {
        let merge = |around: &[String]| self.entries.get(&[around, &[MERGE.to_owned()]].concat());
        let entry = |end| self.entries.get(&path[..end]).or_else(|| merge(path.get(..end - 1)?));
        (1..=path.len()).rev().find_map(entry).copied()
    }
}

struct Scan {
    lines: Lines,
    stack: Vec<Frame>,
    /// The keys and indices of the value that is being read.
    path: Vec<String>,
}

// === impl Scan ===

impl Scan {
    /// Takes one event; nothing when no more are wanted.
    fn take(&mut self, event: Event<'_>, line: usize) -> Option<()> {
        match event {
            Event::Scalar(text, _, _, tag) => {
                if let Some(Frame::Mapping { key: key @ None, seen }) = self.stack.last_mut() {
                    if !seen.insert(text.to_string()) {
                        self.lines.repeated.push((text.to_string(), line));
                    }
                    *key = Some((text.into_owned(), line));
                } else {
                    self.begin(line, tag.as_deref())?;
                    self.end();
                }
            }
            Event::Alias(_) => {
                self.begin(line, None)?;
                self.end();
            }
            Event::MappingStart(_, tag) => {
                self.begin(line, tag.as_deref())?;
                self.stack.push(Frame::Mapping { key: None, seen: HashSet::new() });
            }
            Event::SequenceStart(_, tag) => {
                self.begin(line, tag.as_deref())?;
                self.stack.push(Frame::List(0));
            }
            Event::MappingEnd | Event::SequenceEnd => {
                self.stack.pop();
                self.end();
            }
            Event::DocumentEnd => return None,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => {}
        }
        Some(())
    }

    /// A value begins. Nothing when it is a key: no configuration has mappings
    /// as keys.
    fn begin(&mut self, line: usize, tag: Option<&Tag>) -> Option<()> {
        let is_exec = tag.is_some_and(|tag| tag.suffix == "exec");
        let (step, line) = match self.stack.last() {
            None => return Some(()),
            Some(Frame::Mapping { key, .. }) => key.clone()?,
            Some(Frame::List(index)) => (index.to_string(), line),
        };
        self.path.push(step);
        self.lines.entries.insert(self.path.clone(), Entry { line, is_exec });
        Some(())
    }

    /// A value has ended.
    fn end(&mut self) {
        self.path.pop();
        match self.stack.last_mut() {
            Some(Frame::Mapping { key, .. }) => *key = None,
            Some(Frame::List(index)) => *index += 1,
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(text: &str, path: &str) -> Option<Entry> {
        let path: Vec<String> = path.split('.').map(str::to_owned).collect();
        Lines::scan(text).find(&path)
    }

    fn line(text: &str, path: &str) -> Option<usize> {
        find(text, path).map(|entry| entry.line)
    }

    #[test]
    fn keys_and_items_have_lines() {
        let text = "\u{feff}# comment\n---\na: 1\nb:\n  c:\n    - x\n    -\n      d: {e: 1,\n        f: [2,\n        3]}\n'g':\n  text\n";
        for (path, expected) in [
            ("a", 3),
            ("b", 4),
            ("b.c", 5),
            ("b.c.0", 6),
            ("b.c.1.d", 8),
            ("b.c.1.d.e", 8),
            ("b.c.1.d.f", 9),
            ("b.c.1.d.f.1", 10),
            ("g", 11),
        ] {
            assert_eq!(line(text, path), Some(expected), "{path}");
        }
    }

    #[test]
    fn what_is_not_there_has_the_line_around_it() {
        let text = "a: &x {b: 1}\nc: *x\n";
        assert_eq!(line(text, "a.zzz"), Some(1));
        assert_eq!(line(text, "c.b"), Some(2));
        assert_eq!(line(text, "d"), None);
    }

    #[test]
    fn what_is_merged_has_the_line_of_the_merge() {
        let text = "a: &x {b: 1}\nc:\n  d: 2\n  <<: *x\n<<: {e: null}\n";
        for (path, expected) in [("c.d", 3), ("c.b", 4), ("e", 5), ("e.f", 5)] {
            assert_eq!(line(text, path), Some(expected), "{path}");
        }
    }

    #[test]
    fn commands_and_repetitions_are_seen() {
        let text = "a: !exec\n  command: echo\nb: 1\nb: 2\n";
        assert_eq!(find(text, "a.anything"), Some(Entry { line: 1, is_exec: true }));
        assert!(!find(text, "b").unwrap().is_exec);
        assert_eq!(Lines::scan(text).repeated, [("b".to_owned(), 4)]);
    }
}
