use std::sync::{Arc, Barrier, mpsc};
use std::thread;

use uuid::Uuid;
use wazo_auth_store::events::{self, NewEvent, News};
use wazo_auth_store::sessions::{self, Beginning, Begun, Session};
use wazo_auth_store::tokens::{self, NewToken};
use wazo_auth_store::{Change, Error, Outbox, Receipt, Taken, Tx, refresh_tokens, users};

use crate::fixture::{Fixture, NOON, on_every_store, unique};

#[test]
fn deleting_a_session_deletes_its_tokens_everywhere() {
    on_every_store(|f| {
        let token = f.token("wazo-auth", f.master);
        let mut second = f.new_token("wazo-auth", f.master);
        second.session_uuid = token.session_uuid;
        let inserted = second.clone();
        f.write(move |tx| tokens::insert(tx, &inserted));
        let other = f.token("wazo-auth", f.master);
        let session = token.session_uuid;
        assert!(f.write(move |tx| sessions::delete(tx, &session)));
        assert!(!f.write(move |tx| sessions::delete(tx, &session)));
        for gone in [token.uuid, second.uuid] {
            assert!(f.live(&gone).is_none());
            assert_eq!(f.read(|conn| tokens::get(conn, &gone)), None);
        }
        assert!(f.live(&other.uuid).is_some());
    });
}

#[test]
fn the_sessions_of_an_owner_are_counted_and_listed() {
    on_every_store(|f| {
        let user = f.user("alice", f.master);
        let auth_id = user.to_string();
        let one = f.token(&auth_id, f.master);
        let mut same = f.new_token(&auth_id, f.master);
        same.session_uuid = one.session_uuid;
        f.write(move |tx| tokens::insert(tx, &same));
        let two = f.token(&auth_id, f.master);
        f.token("wazo-auth", f.master);
        assert_eq!(f.read(|conn| sessions::count_of_auth_id(conn, &auth_id)), 2);
        assert_eq!(f.read(|conn| sessions::count_of_auth_id(conn, "nobody")), 0);
        let mut expected = [one.session_uuid, two.session_uuid];
        expected.sort_unstable();
        let listed = f.read(|conn| sessions::of_user(conn, &auth_id));
        let owner = |session| f.read(move |conn| sessions::auth_id(conn, &session));
        assert_eq!(owner(two.session_uuid), Some(user.to_string()));
        assert_eq!(owner(f.master), None);
        assert_eq!(listed.iter().map(|session| session.uuid).collect::<Vec<_>>(), expected);
    });
}

#[test]
fn the_sessions_made_from_a_refresh_token_are_found_until_it_goes() {
    on_every_store(|f| {
        let user = f.user("alice", f.master);
        let refresh_token = f.refresh_token(user, "app", true).uuid;
        let mut token = f.new_token(&user.to_string(), f.master);
        token.refresh_token_uuid = Some(refresh_token);
        f.store_token(&token, f.master);
        f.token(&user.to_string(), f.master);
        let held = f.read(|conn| refresh_tokens::find(conn, &user, "app")).unwrap();
        let of = || f.read(|conn| sessions::of_refresh_token(conn, &held));
        let session = Session { uuid: token.session_uuid, mobile: false, tenant_uuid: f.master };
        assert_eq!(of(), [session]);
        f.write(move |tx| refresh_tokens::delete_of_client(tx, &user, "app"));
        assert!(of().is_empty());
        let kept = f.read(|conn| tokens::get(conn, &token.uuid)).unwrap();
        assert_eq!(kept.refresh_token_uuid, None, "the token outlives its refresh token");
        assert!(f.live(&token.uuid).is_some());
    });
}

#[test]
fn a_session_comes_back_and_needs_a_tenant() {
    on_every_store(|f| {
        let session = Session { uuid: f.context.uuid(), mobile: true, tenant_uuid: f.master };
        let (one, twin) = (session.clone(), session.clone());
        f.write(move |tx| sessions::insert(tx, &one));
        assert_eq!(f.read(|conn| sessions::get(conn, &session.uuid)), Some(session.clone()));
        let error = f.try_write(move |tx| sessions::insert(tx, &twin)).unwrap_err();
        assert_eq!(error, unique("auth_session_pkey"));
        let lost = Session { uuid: f.context.uuid(), tenant_uuid: f.context.uuid(), ..session };
        assert_eq!(f.try_write(move |tx| sessions::insert(tx, &lost)), Err(Error::ForeignKey));
    });
}

/// A session to be begun, as tests choose it.
#[derive(Clone)]
struct Wanted {
    token: NewToken,
    tenant: Uuid,
    presented: Option<(Uuid, &'static str)>,
    cap: Option<i64>,
    at: Option<u64>,
    news: Option<News>,
    is_all: bool,
}

// === impl Wanted ===

impl Wanted {
    fn begin(&self, tx: &mut Tx<'_>) -> Result<Begun, Error> {
        let uuid = self.token.session_uuid;
        let beginning = Beginning {
            session: &Session { uuid, mobile: true, tenant_uuid: self.tenant },
            token: &self.token,
            presented: self.presented.as_ref().map(|(token, client)| (token, *client)),
            cap: self.cap,
            at: self.at,
            news: self.news.clone(),
            is_all: self.is_all,
        };
        sessions::begin(tx, &beginning)
    }
}

/// What is not made is refused with this.
fn refused(begun: Begun) -> Result<(), Error> {
    match begun {
        Begun::Made => Ok(()),
        other => Err(Error::Other(format!("{other:?}"))),
    }
}

#[test]
fn a_session_begins_with_its_token_or_not_at_all() {
    on_every_store(|f| {
        for is_all in [true, false] {
            let user = f.user(if is_all { "alice" } else { "bob" }, f.master);
            let app = f.refresh_token(user, "app", false).uuid;
            let fresh = || Wanted {
                token: f.new_token(&user.to_string(), f.master),
                tenant: f.master,
                presented: None,
                cap: Some(3),
                at: Some(f.store.version()),
                news: None,
                is_all,
            };
            let begin = |wanted: Wanted| {
                let token = wanted.token.clone();
                let (session, change) = (token.session_uuid, Change::Sessions(Some(user)));
                let begun = f.store.write(change, move |tx| refused(wanted.begin(tx)?));
                let is_made = begun.is_ok();
                assert_eq!(
                    f.read(|conn| tokens::get(conn, &token.uuid)),
                    is_made.then_some(token.clone())
                );
                assert_eq!(f.read(|conn| sessions::get(conn, &session)).is_some(), is_made);
                assert_eq!(f.live(&token.uuid).is_some(), is_made);
                begun
            };
            let no = |begun: Begun| Err(Error::Other(format!("{begun:?}")));
            let from = |presented: Uuid, client| {
                let mut wanted = Wanted { presented: Some((presented, client)), ..fresh() };
                wanted.token.refresh_token_uuid = Some(presented);
                wanted
            };
            assert_eq!(begin(fresh()), Ok(()));
            assert_eq!(begin(from(app, "app")), Ok(()));
            assert_eq!(begin(from(app, "other")), no(Begun::Unpresented));
            assert_eq!(begin(from(user, "app")), no(Begun::Unpresented));
            let nowhere = Wanted { tenant: user, ..fresh() };
            assert_eq!(begin(nowhere), Err(Error::ForeignKey));
            let mut same = fresh();
            same.token.uuid = f.token(&user.to_string(), f.master).uuid;
            let twin = f.store.write(Change::Sessions(None), move |tx| {
                refused(Wanted { cap: None, ..same.clone() }.begin(tx)?)
            });
            assert!(matches!(twin, Err(Error::Unique { .. })), "{twin:?}");
            assert_eq!(begin(fresh()), no(Begun::TooMany));
            assert_eq!(begin(Wanted { cap: None, ..fresh() }), Ok(()));
            let before = Wanted { cap: None, ..from(app, "app") };
            f.write(move |tx| users::set_enabled(tx, &user, false));
            assert_eq!(begin(before.clone()), no(Begun::Overtaken));
            assert_eq!(begin(Wanted { at: None, ..before }), Ok(()));
        }
    });
}

#[test]
fn a_session_that_begins_beside_other_writes_is_undone_with_them() {
    on_every_store(|f| {
        let user = f.user("alice", f.master);
        let wanted = Wanted {
            token: f.new_token(&user.to_string(), f.master),
            tenant: f.master,
            presented: None,
            cap: None,
            at: None,
            news: None,
            is_all: false,
        };
        let token = wanted.token.uuid;
        let undone = f.store.write(Change::Sessions(Some(user)), move |tx| {
            refused(wanted.begin(tx)?)?;
            Err::<(), _>(Error::Busy)
        });
        assert_eq!(undone, Err(Error::Busy));
        assert_eq!(f.read(|conn| tokens::get(conn, &token)), None);
        assert!(f.live(&token).is_none());
    });
}

/// A session of a user of its own, and what is to become of it.
fn wanted(f: &Fixture, outbox: &Arc<Outbox>, number: u32) -> (Wanted, Uuid, Begun) {
    let user = f.user(&format!("user-{number}"), f.master);
    let app = f.refresh_token(user, "app", false).uuid;
    let token = f.new_token(&user.to_string(), f.master);
    let subject = token.session_uuid.to_string();
    let events = vec![NewEvent { routing_key: subject.clone(), subject, body: "{}".to_owned() }];
    let (outbox, receipt) = (Arc::clone(outbox), Receipt::default());
    let news = Some(News { outbox, events, created_at: NOON, receipt });
    let (cap, at) = (Some(1), Some(f.store.version()));
    let mut wanted =
        Wanted { token, tenant: f.master, presented: None, cap, at, news, is_all: true };
    let begun = match number % 6 {
        0 => {
            wanted.presented = Some((user, "app"));
            Begun::Unpresented
        }
        1 => {
            wanted.cap = Some(0);
            Begun::TooMany
        }
        2 => {
            wanted.at = Some(f.store.version() + 1);
            Begun::Overtaken
        }
        3 => {
            wanted.news = None;
            Begun::Made
        }
        4 => {
            wanted.presented = Some((app, "app"));
            wanted.token.refresh_token_uuid = Some(app);
            Begun::Made
        }
        _ => Begun::Made,
    };
    (wanted, user, begun)
}

#[test]
fn of_many_that_begin_at_the_same_moment_each_is_judged_by_itself() {
    on_every_store(|f| {
        let outbox = Outbox::new(f.context.uuid(), || {});
        outbox.open();
        let all: Vec<_> = (0..120).map(|number| wanted(f, &outbox, number)).collect();
        // Whatever the making of users has changed.
        let version = f.store.version();
        let (together, all) = (&Barrier::new(20), &all);
        thread::scope(|scope| {
            for first in 0..20 {
                scope.spawn(move || {
                    together.wait();
                    for (wanted, user, outcome) in all.iter().skip(first).step_by(20) {
                        let mut wanted = wanted.clone();
                        if *outcome != Begun::Overtaken {
                            wanted.at = Some(version);
                        }
                        let change = Change::Sessions(Some(*user));
                        let begun = f.store.write(change, move |tx| refused(wanted.begin(tx)?));
                        assert_eq!(begun, refused(*outcome));
                    }
                });
            }
        });
        let mut told = Vec::new();
        for (wanted, _, outcome) in all {
            let (token, is_made) = (&wanted.token, *outcome == Begun::Made);
            let stored = f.read(|conn| tokens::get(conn, &token.uuid));
            assert_eq!(stored, is_made.then_some(token.clone()));
            let session = f.read(|conn| sessions::get(conn, &token.session_uuid));
            assert_eq!(session.is_some(), is_made);
            assert_eq!(f.live(&token.uuid).is_some(), is_made);
            told.extend(wanted.news.as_ref().filter(|_| is_made).map(|_| token.session_uuid));
        }
        told.sort_unstable();
        let kept = f.read(|conn| events::oldest(conn, outbox.daemon(), 1000));
        let mut handed_over = Vec::new();
        while let Taken::Events(events, _) = outbox.take() {
            handed_over.extend(events);
        }
        for mut events in [kept, handed_over] {
            events.sort_unstable_by(|one, other| one.routing_key.cmp(&other.routing_key));
            let sessions: Vec<Uuid> =
                events.iter().map(|event| event.routing_key.parse().unwrap()).collect();
            assert_eq!(sessions, told);
            assert!(events.iter().all(|event| event.id > 0 && !event.waits));
        }
        assert!(f.store.is_shared() <= has_joint_transactions(f));
    });
}

/// Whether several sessions were written by one transaction.
fn has_joint_transactions(f: &Fixture) -> bool {
    let sql = "SELECT count(DISTINCT xmin::text) < count(*) FROM auth_session";
    f.store.is_shared() && f.read(|conn| conn.query(sql, &[])?.first().unwrap().bool(0))
}

#[test]
fn who_fails_at_the_same_moment_as_others_fails_alone() {
    on_every_store(|f| {
        let outbox = Outbox::new(f.context.uuid(), || {});
        let all: Vec<_> = (0..60).map(|number| wanted(f, &outbox, number * 6 + 5)).collect();
        let (together, all) = (&Barrier::new(20), &all);
        thread::scope(|scope| {
            for first in 0..20 {
                scope.spawn(move || {
                    together.wait();
                    for (wanted, user, _) in all.iter().skip(first).step_by(20) {
                        let mut wanted = Wanted { at: None, ..wanted.clone() };
                        let outcome = if first == 7 { Err(Error::ForeignKey) } else { Ok(()) };
                        if first == 7 {
                            wanted.tenant = *user;
                        }
                        let (token, change) = (wanted.token.uuid, Change::Sessions(Some(*user)));
                        let begun = f.store.write(change, move |tx| refused(wanted.begin(tx)?));
                        assert_eq!(begun, outcome);
                        assert_eq!(f.live(&token).is_some(), outcome.is_ok());
                    }
                });
            }
        });
    });
}

#[test]
fn who_waits_for_another_of_the_same_user_does_not_keep_others() {
    let f = &Fixture::postgresql();
    let outbox = Outbox::new(f.context.uuid(), || {});
    let (held, user, _) = wanted(f, &outbox, 5);
    let others: Vec<_> = (1..20).map(|number| wanted(f, &outbox, number * 6 + 5)).collect();
    let (enter, entered) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let begin = |wanted: &Wanted, user: Uuid| {
        let wanted = Wanted { at: None, cap: None, ..wanted.clone() };
        f.store.write(Change::Sessions(Some(user)), move |tx| refused(wanted.begin(tx)?))
    };
    thread::scope(|scope| {
        scope.spawn(move || {
            let busy = f.store.write(Change::Sessions(Some(user)), move |tx| {
                sessions::of_user(tx, "nobody")?;
                enter.send(()).unwrap();
                let _ = released.recv();
                Ok::<_, Error>(())
            });
            assert_eq!(busy, Ok(()));
        });
        entered.recv().unwrap();
        let waits = scope.spawn(move || begin(&held, user));
        let others = others.iter().map(|(wanted, user, _)| scope.spawn(|| begin(wanted, *user)));
        for other in others.collect::<Vec<_>>() {
            assert_eq!(other.join().unwrap(), Ok(()));
        }
        assert!(!waits.is_finished());
        drop(release);
        assert_eq!(waits.join().unwrap(), Ok(()));
    });
}
