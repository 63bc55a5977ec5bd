use std::sync::Arc;
use std::thread;

use wazo_auth_store::{Change, Error, Tx, groups, policies, tenants, tokens, users};

use crate::fixture::on_every_store;

#[test]
fn what_fails_in_the_middle_leaves_nothing_behind() {
    on_every_store(|f| {
        let user = f.new_user("alice", f.master);
        let uuid = user.uuid;
        let error = f.try_write(move |tx| {
            users::insert(tx, &user)?;
            Err::<(), _>(Error::Other("no".into()))
        });
        assert_eq!(error, Err(Error::Other("no".into())));
        assert_eq!(f.read(|conn| users::get(conn, &uuid)), None);
        assert_eq!(f.store.tenant_of_user(&uuid).unwrap(), None);
    });
}

#[test]
fn what_is_read_together_is_of_one_moment() {
    on_every_store(|f| {
        let policy = f.policy("one", f.master, &["one"]);
        let uuid = policy.uuid;
        let seen = f.read(|conn| {
            let name = policies::get(conn, &uuid)?.map(|policy| policy.name);
            let renamed = policies::Policy { name: "two".into(), ..policy.clone() };
            f.write(move |tx| {
                policies::update(tx, &renamed)?;
                policies::set_accesses(tx, &renamed.uuid, &["two".into()])
            });
            Ok((name, policies::accesses(conn, &uuid)?))
        });
        assert_eq!(seen, (Some("one".into()), vec!["one".into()]));
        assert_eq!(f.read(|conn| policies::accesses(conn, &uuid)), ["two"]);
        // A read that fails ends as well.
        let failed: Result<(), Error> = f.store.read(|conn| {
            policies::get(conn, &uuid)?;
            Err(Error::Other("no".into()))
        });
        assert_eq!(failed, Err(Error::Other("no".into())));
        let name = f.read(|conn| policies::get(conn, &uuid)).map(|policy| policy.name);
        assert_eq!(name.as_deref(), Some("two"));
    });
}

#[test]
fn many_at_once_and_only_the_failing_ones_fail() {
    on_every_store(|f| {
        let outcomes = thread::scope(|scope| {
            let clients = (0..16).map(|client| {
                scope.spawn(move || {
                    let mut outcomes = Vec::new();
                    for number in 0..20 {
                        let user = f.new_user(&format!("user-{client}-{number}"), f.master);
                        let uuid = user.uuid;
                        let fails = (client + number) % 5 == 0;
                        let outcome = f.store.write(Change::Directory, move |tx| {
                            users::insert(tx, &user)?;
                            let group = if fails { user.uuid } else { group(tx)? };
                            groups::add_user(tx, &group, &user.uuid)
                        });
                        outcomes.push((uuid, fails, outcome));
                    }
                    outcomes
                })
            });
            let clients = clients.collect::<Vec<_>>();
            clients.into_iter().flat_map(|client| client.join().unwrap()).collect::<Vec<_>>()
        });
        for (uuid, fails, outcome) in outcomes {
            let expected = if fails { Err(Error::ForeignKey) } else { Ok(true) };
            assert_eq!(outcome, expected);
            assert_eq!(f.read(|conn| users::get(conn, &uuid)).is_some(), !fails);
            assert_eq!(f.store.tenant_of_user(&uuid).unwrap().is_some(), !fails);
        }
    });
}

#[test]
fn a_write_knows_whether_what_was_read_before_it_still_holds() {
    on_every_store(|f| {
        let user = f.user("alice", f.master);
        let version = f.store.version();
        let is_at = move |tx: &mut Tx<'_>| tx.is_at(version);
        f.token(&user.to_string(), f.master);
        assert!(
            f.store.write(Change::Directory, is_at).unwrap(),
            "tokens are nothing that is remembered"
        );
        // In one transaction: what is not committed yet counts too.
        let both = move |tx: &mut Tx<'_>| {
            let before = tx.is_at(version)?;
            users::set_enabled(tx.conn(), &user, false)?;
            Ok::<_, Error>((before, tx.is_at(version)?))
        };
        assert_eq!(f.store.write(Change::Directory, both), Ok((true, false)));
        assert!(!f.store.write(Change::Directory, is_at).unwrap());
        let version = f.store.version();
        assert!(f.store.write(Change::Directory, move |tx| tx.is_at(version)).unwrap());
        // Nobody has told the readers of another program's change yet.
        f.other_program("UPDATE auth_user SET firstname = 'Al'");
        let seen = f.store.write(Change::Directory, move |tx| tx.is_at(version));
        assert!(!seen.unwrap());
    });
}

fn group(tx: &mut wazo_auth_store::Tx<'_>) -> Result<uuid::Uuid, Error> {
    let master = tenants::top(tx)?.ok_or(Error::ForeignKey)?;
    groups::all_users_group(tx, &master.uuid)?.ok_or(Error::ForeignKey)
}

#[test]
fn a_panic_is_an_error_of_its_caller_only() {
    on_every_store(|f| {
        let user = f.new_user("alice", f.master);
        let uuid = user.uuid;
        let outcome = f.try_write::<()>(move |tx| {
            users::insert(tx, &user)?;
            panic!("a defect");
        });
        assert_eq!(outcome, Err(Error::Panicked));
        assert_eq!(f.read(|conn| users::get(conn, &uuid)), None);
        f.user("bob", f.master);
    });
}

#[test]
fn errors_of_the_caller_come_back_as_they_are() {
    #[derive(Debug, PartialEq)]
    enum Rule {
        Forbidden,
        Store(Error),
    }
    impl From<Error> for Rule {
        fn from(error: Error) -> Self {
            Self::Store(error)
        }
    }
    on_every_store(|f| {
        let outcome = f.store.write::<(), Rule>(Change::Directory, |_| Err(Rule::Forbidden));
        assert_eq!(outcome, Err(Rule::Forbidden));
        let outcome = f.store.read::<(), Rule>(|_| Err(Rule::Forbidden));
        assert_eq!(outcome, Err(Rule::Forbidden));
        let outcome = f
            .store
            .write::<u64, Rule>(Change::Directory, |tx| Ok(tx.conn().execute("nonsense", &[])?));
        assert!(matches!(outcome, Err(Rule::Store(Error::Other(_)))), "{outcome:?}");
    });
}

#[test]
fn a_reader_cannot_write() {
    on_every_store(|f| {
        let outcome = f.store.read(|conn| conn.execute("DELETE FROM auth_tenant", &[]));
        assert_eq!(outcome, Err(Error::ReadOnly));
    });
}

#[test]
fn a_read_sees_every_write_that_was_answered() {
    on_every_store(|f| {
        let store = Arc::clone(&f.store);
        let user = f.user("alice", f.master);
        let seen = thread::spawn(move || store.read(|conn| users::get(conn, &user)));
        assert!(seen.join().unwrap().unwrap().is_some());
    });
}

#[test]
fn after_close_reads_go_on_and_writes_are_refused() {
    on_every_store(|f| {
        let token = f.token("wazo-auth", f.master);
        f.store.close();
        f.store.close();
        let late = f.try_write(|_| Ok(()));
        assert!(matches!(late, Err(Error::Unavailable { .. })), "{late:?}");
        assert!(f.read(tenants::top).is_some());
        assert!(f.live(&token.uuid).is_some());
    });
}

#[test]
fn the_version_tells_when_what_was_read_of_users_is_overtaken() {
    on_every_store(|f| {
        let mut last = f.store.version();
        let mut overtaken =
            move || std::mem::replace(&mut last, f.store.version()) != f.store.version();
        let user = f.user("alice", f.master);
        assert!(overtaken());
        let policy = f.policy("calls", f.master, &["calld.#"]).uuid;
        f.write(move |tx| policies::attach_to_user(tx, &user, &policy));
        assert!(overtaken());
        f.write(move |tx| users::set_enabled(tx, &user, false));
        assert!(overtaken());

        let token = f.token(&user.to_string(), f.master).uuid;
        f.refresh_token(user, "app", false);
        f.write(move |tx| tokens::delete(tx, &token));
        assert!(!overtaken(), "tokens say nothing of users");

        let held = f.read(|conn| policies::of_user(conn, &user));
        assert_eq!(held.len(), 1);
        f.write(move |tx| {
            tx.conn().execute("DELETE FROM auth_policy WHERE uuid = ?1", &[(&policy).into()])
        });
        assert!(overtaken());
    });
}
