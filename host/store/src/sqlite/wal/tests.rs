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
fn a_frame_of_which_the_head_alone_was_written_is_what_a_kill_leaves() {
    for reused in [false, true] {
        let log = log(5, reused);
        let frames = (0..frames(&log)).map(|number| HEADER + number * FRAME);
        for frame in frames.collect::<Vec<_>>() {
            let mut killed = log.clone();
            // What stood there before; and what was not written yet.
            killed[frame + FRAME_HEADER..].fill(7);
            assert_eq!(damage(&killed[..]).unwrap(), None, "frame at {frame}");
        }
    }
}

#[test]
fn a_flipped_bit_in_front_of_a_commit_is_found() {
    let log = log(5, false);
    let frames = frames(&log);
    assert!(frames > 5);
    for at in (0..log.len()).step_by(331) {
        let mut log = log.clone();
        log[at] ^= 1;
        let good = at.checked_sub(HEADER).map_or(0, |at| at / FRAME);
        // Nobody can tell a last commit that was damaged from one that was not
        // written to its end.
        let is_last = good + 1 == frames;
        let expected = (!is_last).then_some(good as u64);
        // The number counts what is good in front.
        let found = damage(&log[..]).unwrap();
        assert_eq!(found, expected, "byte {at} of frame {good}");
    }
}
