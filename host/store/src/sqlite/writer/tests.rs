use std::sync::mpsc::channel;
use std::thread;

use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::IndexChange;
use crate::sessions::{self, Session};
use crate::tokens::{self, Token};
use crate::{Conn, Metadata, sqlite::open, tenants, testing};

type Outcome = Receiver<Result<Uuid, Error>>;

/// A worker whose thread is not started, and its folder.
fn worker(index: &Arc<TokenIndex>) -> (Worker, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let context = testing::context();
    let (conn, lock) = open::writer(&folder.path().join("auth.db"), &context).unwrap();
    drop(lock);
    let files = OpenFiles::of(&conn, &folder.path().join("auth.db")).unwrap();
    let (checkpoints, files) = (Checkpoints::by_writer(&conn).unwrap(), Arc::new(files));
    let (seals, index) = (Seals::default(), Some(Arc::clone(index)));
    let worker = Worker::new(conn, checkpoints, files, seals, index, Arc::default(), context);
    (worker.unwrap(), folder)
}

struct Fixture {
    writer: Arc<Writer>,
    index: Arc<TokenIndex>,
    tenant: Uuid,
    _folder: TempDir,
}

fn fixture(queue: usize) -> Fixture {
    let index = Arc::new(TokenIndex::default());
    let (worker, folder) = worker(&index);
    let writer = Arc::new(Writer::spawn(worker, queue).unwrap());
    let tenant = index.top_tenant().unwrap();
    Fixture { writer, index, tenant, _folder: folder }
}

impl Fixture {
    /// Queues a write that inserts a session and its token, both `number`,
    /// then does `after`.
    fn queue(
        &self,
        number: u128,
        mut after: impl FnMut(&mut Tx<'_>) -> Result<(), Error> + Send + 'static,
    ) -> Outcome {
        let tenant = self.tenant;
        let (task, outcome) = task(move |tx: &mut Tx<'_>| {
            let uuid = insert_token(tx.conn(), tenant, number)?;
            after(tx).map(|()| uuid)
        });
        self.writer.send(task).unwrap();
        outcome
    }

    /// Keeps the writer busy: what is queued meanwhile becomes one group.
    fn hold(&self) -> Hold {
        let (started, has_started) = channel();
        let (release, released) = channel::<()>();
        let (task, outcome) = task(move |_: &mut Tx<'_>| {
            started.send(()).unwrap();
            released.recv().unwrap();
            Ok::<_, Error>(())
        });
        self.writer.send(task).unwrap();
        has_started.recv().unwrap();
        Hold { release, outcome }
    }

    fn indexed(&self, number: u128) -> bool {
        self.index.get(&Uuid::from_u128(number), 0).is_some()
    }

    fn stored(&self, number: u128) -> bool {
        let token = Uuid::from_u128(number);
        let found = self.writer.write(move |tx| tokens::get(tx.conn(), &token));
        Result::<_, Error>::unwrap(found).is_some()
    }
}

struct Hold {
    release: std::sync::mpsc::Sender<()>,
    outcome: Receiver<Result<(), Error>>,
}

impl Hold {
    fn release(self) {
        self.release.send(()).unwrap();
        self.outcome.recv().unwrap().unwrap();
    }
}

fn insert_token(conn: &mut dyn Conn, tenant: Uuid, number: u128) -> Result<Uuid, Error> {
    let uuid = Uuid::from_u128(number);
    sessions::insert(conn, &Session { uuid, mobile: false, tenant_uuid: tenant })?;
    let token = Token {
        uuid,
        auth_id: "wazo-auth".into(),
        pbx_user_uuid: None,
        xivo_uuid: None,
        issued_at: None,
        expires_at: None,
        metadata: Metadata::new(),
        session_uuid: uuid,
        user_agent: "x".repeat(2_000),
        remote_addr: String::new(),
        acl: ["#".into()].into(),
        refresh_token_uuid: None,
    };
    tokens::insert(conn, &token).map(|()| uuid)
}

#[test]
fn one_that_fails_and_one_that_panics_do_not_disturb_their_group() {
    let fixture = fixture(16);
    let hold = fixture.hold();
    let first = fixture.queue(1, |_| Ok(()));
    let refused = fixture.queue(2, |_| Err(Error::Other("refused".into())));
    let broken = fixture.queue(3, |_| panic!("a defect"));
    let twice = fixture.queue(1, |_| Ok(()));
    let last = fixture.queue(4, |_| Ok(()));
    hold.release();
    assert_eq!(first.recv().unwrap(), Ok(Uuid::from_u128(1)));
    assert_eq!(refused.recv().unwrap(), Err(Error::Other("refused".into())));
    assert_eq!(broken.recv().unwrap(), Err(Error::Panicked));
    let unique = Error::Unique { constraint: "auth_session_pkey".into() };
    assert_eq!(twice.recv().unwrap(), Err(unique));
    assert_eq!(last.recv().unwrap(), Ok(Uuid::from_u128(4)));
    for (number, kept) in [(1, true), (2, false), (3, false), (4, true)] {
        assert_eq!(fixture.stored(number), kept, "row {number}");
        assert_eq!(fixture.indexed(number), kept, "index {number}");
    }
}

#[test]
fn a_commit_that_fails_is_reported_to_its_cause_and_the_others_are_written() {
    let fixture = fixture(16);
    let hold = fixture.hold();
    let innocent = fixture.queue(1, |_| Ok(()));
    // A violation that is only noticed by COMMIT.
    let guilty = fixture.queue(2, |tx| {
        tx.query("PRAGMA defer_foreign_keys = ON", &[])?;
        tx.execute("UPDATE auth_session SET tenant_uuid = 'nowhere'", &[]).map(drop)
    });
    let refused = fixture.queue(3, |_| Err(Error::Other("refused".into())));
    let held = hold.release.send(());
    held.unwrap();
    // The hold itself was a group of its own.
    assert_eq!(hold.outcome.recv().unwrap(), Ok(()));
    assert_eq!(innocent.recv().unwrap(), Ok(Uuid::from_u128(1)));
    assert_eq!(guilty.recv().unwrap(), Err(Error::ForeignKey));
    assert_eq!(refused.recv().unwrap(), Err(Error::Other("refused".into())));
    for (number, kept) in [(1, true), (2, false), (3, false)] {
        assert_eq!(fixture.stored(number), kept, "row {number}");
        assert_eq!(fixture.indexed(number), kept, "index {number}");
    }
    assert!(fixture.queue(4, |_| Ok(())).recv().unwrap().is_ok(), "the next write works");
}

#[test]
fn one_that_fills_the_disk_does_not_take_its_group_along() {
    let fixture = fixture(16);
    let limit = |limit: i64| {
        let sql = format!("PRAGMA max_page_count = {limit}");
        fixture.writer.write(move |tx| tx.query(&sql, &[])).map(|rows| rows[0].int(0).unwrap())
    };
    let pages = limit(1).unwrap();
    limit(pages + 20).unwrap();
    let hold = fixture.hold();
    let before = fixture.queue(1, |_| Ok(()));
    let greedy = fixture.queue(2, |tx| {
        let tenant = tenants::top(tx)?.unwrap().uuid;
        // Swallowing the error does not save the transaction.
        let _ = (100..1000).try_for_each(|number| insert_token(tx, tenant, number).map(drop));
        Ok(())
    });
    let after = fixture.queue(3, |_| Ok(()));
    hold.release();
    assert_eq!(greedy.recv().unwrap(), Err(Error::Full));
    assert_eq!(before.recv().unwrap(), Ok(Uuid::from_u128(1)));
    assert_eq!(after.recv().unwrap(), Ok(Uuid::from_u128(3)));
    for (number, kept) in [(1, true), (2, false), (3, true), (100, false)] {
        assert_eq!(fixture.stored(number), kept, "row {number}");
        assert_eq!(fixture.indexed(number), kept, "index {number}");
    }
}

#[test]
fn a_full_disk_is_reported_to_all_and_writing_goes_on_once_there_is_room() {
    let fixture = fixture(16);
    let limit = |limit: i64| {
        let sql = format!("PRAGMA max_page_count = {limit}");
        fixture.writer.write(move |tx| tx.query(&sql, &[])).map(drop)
    };
    limit(1).unwrap();
    let hold = fixture.hold();
    // More than the last pages have room for.
    let large = |number| {
        fixture.queue(number, move |tx| {
            let tenant = tenants::top(tx)?.unwrap().uuid;
            (0..10).try_for_each(|i| insert_token(tx, tenant, number * 100 + i).map(drop))
        })
    };
    let outcomes = [large(1), large(2), large(3)];
    hold.release();
    for outcome in outcomes {
        assert_eq!(outcome.recv().unwrap(), Err(Error::Full));
    }
    assert!(fixture.index.is_empty());
    limit(1_000_000).unwrap();
    assert!(large(1).recv().unwrap().is_ok());
    assert!(fixture.indexed(1) && fixture.stored(1));
}

#[test]
fn a_write_is_refused_when_too_many_wait() {
    let fixture = fixture(1);
    let hold = fixture.hold();
    let waits = fixture.queue(1, |_| Ok(()));
    let (one_more, _outcome) = task(|_: &mut Tx<'_>| Ok::<_, Error>(()));
    assert_eq!(fixture.writer.send(one_more), Err(Error::Overloaded));
    hold.release();
    assert!(waits.recv().unwrap().is_ok());
}

#[test]
fn closing_finishes_what_waits_and_refuses_what_comes() {
    let fixture = fixture(16);
    let hold = fixture.hold();
    let waits = fixture.queue(1, |_| Ok(()));
    let writer = Arc::clone(&fixture.writer);
    let closing = thread::spawn(move || writer.close());
    hold.release();
    closing.join().unwrap();
    assert!(waits.recv().unwrap().is_ok());
    assert!(fixture.indexed(1));
    let late = fixture.writer.write(|_| Ok::<_, Error>(()));
    assert!(matches!(late, Err(Error::Unavailable { .. })), "{late:?}");
}

#[test]
fn a_write_inside_a_write_is_refused_and_not_waited_for() {
    let fixture = fixture(16);
    let writer = Arc::clone(&fixture.writer);
    let outcome = fixture.writer.write(move |_| writer.write(|_| Ok::<_, Error>(())));
    assert!(matches!(outcome, Err(Error::Other(_))), "{outcome:?}");
}

#[test]
fn its_own_commits_and_rollbacks_do_not_make_it_read_everything_again() {
    let fixture = fixture(16);
    // Only in the index: reading again would remove it.
    let phantom = Uuid::from_u128(99);
    fixture.index.apply(IndexChange::UserTenant(phantom, Some(fixture.tenant)));
    let hold = fixture.hold();
    let kept = fixture.queue(1, |_| Ok(()));
    let refused = fixture.queue(2, |_| Err(Error::Other("refused".into())));
    hold.release();
    assert!(kept.recv().unwrap().is_ok() && refused.recv().unwrap().is_err());
    let failed = fixture.queue(3, |tx| {
        tx.query("PRAGMA defer_foreign_keys = ON", &[])?;
        tx.execute("UPDATE auth_session SET tenant_uuid = 'nowhere'", &[]).map(drop)
    });
    assert!(failed.recv().unwrap().is_err());
    assert!(fixture.queue(4, |_| Ok(())).recv().unwrap().is_ok());
    assert_eq!(fixture.index.tenant_of_user(&phantom), Some(fixture.tenant));
}

#[test]
fn after_reading_everything_it_rests_as_long_unless_there_is_a_write() {
    let index = Arc::new(TokenIndex::default());
    let (mut worker, folder) = worker(&index);
    let foreign = Connection::open(folder.path().join("auth.db")).unwrap();
    let add_tenant = |number: u128| {
        let uuid = Uuid::from_u128(number);
        let sql = "INSERT INTO auth_tenant (uuid, parent_uuid, slug) VALUES (?1, ?1, ?1)";
        foreign.execute(sql, [uuid.to_string()]).unwrap();
        uuid
    };
    let first = add_tenant(1);
    let later = Instant::now() + Duration::from_secs(3600);
    worker.rests_until = later;
    worker.idle(Instant::now());
    assert!(!index.tenant_exists(&first), "it rests");
    worker.idle(later);
    assert!(index.tenant_exists(&first), "it has rested");
    assert!(worker.rests_until < later, "from now on as long as reading took");

    let second = add_tenant(2);
    worker.rests_until = later;
    let (task, outcome) = task(|_: &mut Tx<'_>| Ok::<_, Error>(()));
    worker.group(VecDeque::from([task]));
    assert_eq!(outcome.recv().unwrap(), Ok(()));
    assert!(index.tenant_exists(&second), "a write waits for nothing");
}
