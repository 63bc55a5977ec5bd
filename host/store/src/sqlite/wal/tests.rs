use rusqlite::Connection;

use super::*;

const FRAME: usize = FRAME_HEADER + 4096;

/// A log as SQLite writes it: `commits` transactions of one row each, after a
/// longer log that was checkpointed when `reused`.
fn log(commits: usize, reused: bool) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let conn = Connection::open(&path).unwrap();
    conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
    conn.execute_batch("CREATE TABLE t (x)").unwrap();
    if reused {
        for _ in 0..2 * commits {
            conn.execute("INSERT INTO t VALUES (randomblob(3000))", []).unwrap();
        }
        conn.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(())).unwrap();
    }
    for _ in 0..commits {
        conn.execute("INSERT INTO t VALUES (randomblob(300))", []).unwrap();
    }
    std::fs::read(beside(&path, "-wal")).unwrap()
}

fn frames(log: &[u8]) -> usize {
    (log.len() - HEADER) / FRAME
}

#[test]
fn a_log_that_sqlite_wrote_is_whole() {
    assert_eq!(damage(&log(5, false)[..]).unwrap(), None);
    assert_eq!(damage(&log(5, true)[..]).unwrap(), None, "older frames follow");
    assert_eq!(damage(&[][..]).unwrap(), None);
    assert_eq!(damage(&[0; 9000][..]).unwrap(), None, "room that was never written");
}

#[test]
fn what_a_killed_process_leaves_is_whole() {
    let log = log(5, false);
    for length in (HEADER..log.len()).step_by(997) {
        assert_eq!(damage(&log[..length]).unwrap(), None, "cut at {length}");
    }
}

#[test]
fn a_flipped_bit_anywhere_is_found() {
    let log = log(5, false);
    assert!(frames(&log) > 5);
    for at in (0..log.len()).step_by(331) {
        let mut log = log.clone();
        log[at] ^= 1;
        let good = at.checked_sub(HEADER).map_or(0, |at| at / FRAME);
        // A last frame that does not look like one of this log may be older.
        let salt = good + 1 == frames(&log) && (8..16).contains(&((at - HEADER) % FRAME));
        let expected = (!salt).then_some(good as u64);
        assert_eq!(damage(&log[..]).unwrap(), expected, "byte {at}");
    }
}
