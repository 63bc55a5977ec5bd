//! Where the values of the merged tree stand: file, line, command or flag.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::finding::Place;
use crate::layer::{self, Layer, Origin};
use crate::lines::{Entry, Lines};

/// Finds places. Each file is read (once) when a place in it is asked for.
#[derive(Debug, Default)]
pub(crate) struct Places {
    files: HashMap<PathBuf, Lines>,
}

// === impl Places ===

impl Places {
    /// The place of the value at `path` of the merged tree.
    pub fn merged(&mut self, layers: &[Layer], path: &[String]) -> Place {
        match layer::locate(layers, path) {
            Some((layer, local)) => self.in_layer(layer, &local),
            None => Place::default(),
        }
    }

    /// The place of the value at `path` of one source.
    pub fn in_layer(&mut self, layer: &Layer, path: &[String]) -> Place {
        let line = self.entry(layer, path).map(|entry| entry.line);
        Place { origin: Some(layer.origin.clone()), line, column: None }
    }

    /// What the file of a source says on the value at `path`.
    pub fn entry(&mut self, layer: &Layer, path: &[String]) -> Option<Entry> {
        let Origin::File(file) = &layer.origin else { return None };
        if !self.files.contains_key(file) {
            self.files.insert(file.clone(), scan(file));
        }
        self.files.get(file)?.find(path)
    }
}

/// What is no file, or gone by now, has no lines.
fn scan(file: &Path) -> Lines {
    let is_file = fs::metadata(file).is_ok_and(|metadata| metadata.is_file());
    let bytes = if is_file { fs::read(file) } else { Ok(Vec::new()) };
    bytes.map_or_else(|_| Lines::default(), |bytes| Lines::scan(&String::from_utf8_lossy(&bytes)))
}
