use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::{Table, testing};

const KEY: [u8; 32] = [7; 32];

/// A folder with a name that a URI would misread, and a database in it whose
/// only token, sealed under [`KEY`], stands in the log.
fn database() -> (TempDir, PathBuf, Connection) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("50%?#.db");
    let (conn, lock) = crate::sqlite::open::writer(&path, &testing::context()).unwrap();
    drop(lock);
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let token = Sealer::new(&KEY).seal(Table::Token, testing::context().uuid());
    conn.execute_batch(&format!(
        "INSERT INTO auth_session (uuid, mobile, tenant_uuid) \
            SELECT '5b046ec3-8ac7-4908-9814-692f55d57e77', 0, uuid FROM auth_tenant;
         INSERT INTO auth_token (uuid, auth_id, metadata, session_uuid, user_agent, remote_addr, acl) \
            SELECT '{token}', '', '{{}}', uuid, '', '', '[]' FROM auth_session"
    ))
    .unwrap();
    (folder, path, conn)
}

/// Each file of the folder, with its content.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    files.sort();
    files
}

fn looks(path: &Path) -> [u64; 3] {
    let (right, wrong) = (Sealer::new(&KEY), Sealer::new(&[8; 32]));
    [Some(&right), Some(&wrong), None].map(|sealer| tokens_of_another_key(path, sealer).unwrap())
}

#[test]
fn a_token_is_found_in_the_log_and_in_the_file_and_nothing_is_left_behind() {
    let (folder, path, conn) = database();
    // In use, with a write under way.
    conn.execute_batch("BEGIN IMMEDIATE").unwrap();
    let before = files(folder.path());
    assert_eq!(looks(&path), [0, 1, 1]);
    conn.execute_batch("ROLLBACK").unwrap();
    assert_eq!(before.len(), files(folder.path()).len());
    // Copied without the memory that its users share.
    let copy = tempfile::tempdir().unwrap();
    for suffix in ["", "-wal"] {
        let to = copy.path().join(path.file_name().unwrap());
        fs::copy(beside(&path, suffix), beside(&to, suffix)).unwrap();
    }
    let before = files(copy.path());
    assert_eq!(looks(&copy.path().join(path.file_name().unwrap())), [0, 1, 1]);
    assert!(before == files(copy.path()), "changed");
    // Closed: the log is gone.
    drop(conn);
    let before = files(folder.path());
    assert_eq!(looks(&path), [0, 1, 1]);
    assert!(before == files(folder.path()), "changed");
}

#[test]
fn a_file_that_is_missing_or_no_database_of_ours_tells_nothing() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(tokens_of_another_key(&folder.path().join("auth.db"), None), Ok(0));
    fs::write(folder.path().join("empty"), "").unwrap();
    assert!(tokens_of_another_key(&folder.path().join("empty"), None).is_err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
