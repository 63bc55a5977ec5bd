//! The files of a database as a power cut would leave them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use wazo_auth_tests::Database;

/// Every write so far, and how many of them a power cut would leave.
pub struct Disk {
    /// Where the key and the first state of the database are.
    before: PathBuf,
    /// The database and its write-ahead log.
    files: [(String, File); 2],
    /// By the number of the call: how many changes each file had when a sync
    /// began, so that only those are covered.
    syncs: BTreeMap<usize, [usize; 2]>,
    /// The tokens of the last look, until more is safe.
    tokens: Option<BTreeSet<String>>,
}

#[derive(Default)]
struct File {
    changes: Vec<Change>,
    /// So many of the changes are in `safe`.
    synced: usize,
    safe: Vec<u8>,
}

enum Change {
    Write { at: u64, bytes: Vec<u8> },
    Truncate { length: u64 },
}

// === impl Disk ===

impl Disk {
    /// The database `path` with the content it has in the folder `before`.
    pub fn new(before: &Path, path: &Path) -> Self {
        let name = path.to_str().unwrap().to_owned();
        let safe = std::fs::read(before.join("auth.db")).unwrap();
        let wal = format!("{name}-wal");
        let database = File { safe, ..File::default() };
        Self {
            before: before.to_owned(),
            files: [(name, database), (wal, File::default())],
            syncs: BTreeMap::new(),
            tokens: None,
        }
    }

    /// A write has ended.
    pub fn write(&mut self, file: &str, at: u64, bytes: Vec<u8>) {
        self.change(file, Change::Write { at, bytes });
    }

    /// A file was cut.
    pub fn truncate(&mut self, file: &str, length: u64) {
        self.change(file, Change::Truncate { length });
    }

    fn change(&mut self, name: &str, change: Change) {
        let file = self.files.iter_mut().find(|(file, _)| file == name);
        if let Some((_, file)) = file {
            file.changes.push(change);
        }
    }

    /// A sync begins: it covers what was written before.
    pub fn sync_began(&mut self, number: usize) {
        let [database, wal] = &self.files;
        self.syncs.insert(number, [database.1.changes.len(), wal.1.changes.len()]);
    }

    /// A sync has ended: what it covers is safe.
    pub fn sync_ended(&mut self, number: usize, name: &str) {
        let Some(covered) = self.syncs.remove(&number) else { return };
        for ((file, state), covered) in self.files.iter_mut().zip(covered) {
            if file == name && covered > state.synced {
                state.apply(covered);
                self.tokens = None;
            }
        }
    }

    /// The tokens that SQLite finds after a power cut at this moment.
    pub fn safe_tokens(&mut self) -> &BTreeSet<String> {
        self.tokens.get_or_insert_with(|| {
            let folder = tempfile::tempdir().unwrap();
            for (name, (_, file)) in ["auth.db", "auth.db-wal"].iter().zip(&self.files) {
                std::fs::write(folder.path().join(name), &file.safe).unwrap();
            }
            let key = self.before.join("token.key");
            let database = Database::open(&folder.path().join("auth.db"), &key);
            assert_eq!(database.text("PRAGMA quick_check"), "ok");
            database.tokens()
        })
    }
}

// === impl File ===

impl File {
    fn apply(&mut self, covered: usize) {
        for change in &self.changes[self.synced..covered] {
            match change {
                Change::Truncate { length } => {
                    self.safe.resize(usize::try_from(*length).unwrap(), 0)
                }
                Change::Write { at, bytes } => {
                    let at = usize::try_from(*at).unwrap();
                    let end = at + bytes.len();
                    if self.safe.len() < end {
                        self.safe.resize(end, 0);
                    }
                    self.safe[at..end].copy_from_slice(bytes);
                }
            }
        }
        self.synced = covered;
    }
}
