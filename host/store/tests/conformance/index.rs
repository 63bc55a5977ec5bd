//! The index agrees with the rows, whatever happened.

use std::time::{Duration, Instant};

use uuid::Uuid;
use wazo_auth_store::{Error, LiveToken, refresh_tokens, sessions, tenants, tokens, users};

use crate::fixture::{Fixture, KEY, NOON, TestRandom, on_every_store, warnings_of};

/// Each user has one refresh token at most.
const CLIENT: &str = "app";

/// What was ever made, so that what is gone can be asked for too.
#[derive(Default)]
struct World {
    tenants: Vec<Uuid>,
    users: Vec<Uuid>,
    tokens: Vec<(Uuid, Uuid)>,
}

#[test]
fn it_equals_the_database_after_any_sequence_of_operations() {
    on_every_store(|f| {
        let random = TestRandom::new(7);
        let mut world = World { tenants: vec![f.master], ..World::default() };
        for step in 0..600 {
            operate(f, &random, &mut world, step);
            if step % 60 == 59 {
                compare(f, &world);
            }
        }
        assert!(f.store.index().len() > 20, "the operations did something");
        let linked = world.tokens.iter().filter_map(|(token, _)| {
            f.read(|conn| tokens::get(conn, token)).and_then(|token| token.refresh_token_uuid)
        });
        assert!(linked.count() > 0, "some tokens came from refresh tokens");
    });
}

fn pick(random: &TestRandom, from: &[Uuid]) -> Uuid {
    from.get(random.below(from.len().max(1))).copied().unwrap_or_default()
}

fn operate(f: &Fixture, random: &TestRandom, world: &mut World, step: usize) {
    let tenant = if random.below(2) == 0 { f.master } else { pick(random, &world.tenants) };
    let user = pick(random, &world.users);
    let (token, session) =
        world.tokens.get(random.below(world.tokens.len().max(1))).copied().unwrap_or_default();
    // A third of the writes is undone after the fact.
    let undone = random.below(3) == 0;
    let end = move || if undone { Err(Error::Other("undone".into())) } else { Ok(()) };
    // Parents and tenants that are gone make some of these fail: so much the better.
    let _ = match random.below(14) {
        0 => {
            let uuid = f.context.uuid();
            world.tenants.push(uuid);
            let tenant = tenants::Tenant {
                uuid,
                name: None,
                slug: format!("t{step}"),
                parent_uuid: tenant,
                default_authentication_method: "native".into(),
                phone: None,
                contact_uuid: None,
            };
            f.try_write(move |tx| tenants::insert(tx, &tenant).and_then(|()| end()))
        }
        1 | 2 => {
            let user = f.new_user(&format!("user{step}"), tenant);
            world.users.push(user.uuid);
            f.try_write(move |tx| users::insert(tx, &user).and_then(|()| end()))
        }
        3 => f.try_write(move |tx| users::delete(tx, &user).and_then(|_| end())),
        4 => f.try_write(move |tx| sessions::delete(tx, &session).and_then(|_| end())),
        5 => f.try_write(move |tx| tokens::delete(tx, &token).and_then(|_| end())),
        6 if tenant != f.master => {
            f.try_write(move |tx| tenants::delete(tx, &tenant).and_then(|_| end()))
        }
        7 => f.try_write(move |tx| {
            refresh_tokens::delete_of_client(tx, &user, CLIENT).and_then(|_| end())
        }),
        8 => {
            let token = f.new_refresh_token(user, CLIENT, false);
            f.try_write(move |tx| refresh_tokens::insert(tx, &token).and_then(|()| end()))
        }
        _ => {
            let mut token = f.new_token(&user.to_string(), tenant);
            world.tokens.push((token.uuid, token.session_uuid));
            f.try_write(move |tx| {
                let held = refresh_tokens::find(tx, &user, CLIENT)?;
                token.refresh_token_uuid = held.and_then(|held| held.uuid);
                let uuid = token.session_uuid;
                let session = sessions::Session { uuid, mobile: false, tenant_uuid: tenant };
                sessions::insert(tx, &session)?;
                tokens::insert(tx, &token)?;
                end()
            })
        }
    };
}

fn compare(f: &Fixture, world: &World) {
    let index = f.store.index();
    let mut live = 0;
    for (token, _) in &world.tokens {
        let stored = f.read(|conn| tokens::get(conn, token));
        let stored = stored.map(|token| (token.session_uuid, token.expires_at, token.auth_id));
        let known =
            |token: LiveToken| (token.session, token.expires, token.owner.auth_id.to_string());
        // Of what is not held, nothing is said.
        let held = index.get(token, NOON).map(known);
        assert!(held == stored || held.is_none() && !f.store.is_complete(), "{held:?} {stored:?}");
        let found = f.live(token).map(known);
        live += usize::from(found.is_some());
        assert_eq!(found, stored);
    }
    assert_eq!(index.len(), live);
    for user in &world.users {
        let stored = f.read(|conn| users::get(conn, user)).map(|user| user.tenant_uuid);
        assert_eq!(f.store.tenant_of_user(user).unwrap(), stored);
    }
    for tenant in &world.tenants {
        let stored = f.read(|conn| tenants::get(conn, tenant));
        assert_eq!(index.tenant_exists(tenant), stored.is_some());
        assert_eq!(index.is_in_subtree(tenant, &f.master), stored.is_some());
    }
}

/// What another program does to the same database.
fn foreign(f: &Fixture, sql: &str) {
    let conn = rusqlite::Connection::open(f.path()).unwrap();
    conn.execute_batch(&format!("PRAGMA foreign_keys = ON; {sql}")).unwrap();
}

#[test]
fn a_foreign_change_is_seen_by_the_next_write() {
    let f = Fixture::sqlite();
    let token = f.token("wazo-auth", f.master);
    let kept = f.token("wazo-auth", f.master);
    foreign(&f, &format!("DELETE FROM auth_session WHERE uuid = '{}'", token.session_uuid));
    f.write(|_| Ok(()));
    assert!(f.live(&token.uuid).is_none());
    assert!(f.live(&kept.uuid).is_some());
}

#[test]
fn a_foreign_change_is_noticed_without_any_write() {
    let f = Fixture::sqlite();
    let token = f.token("wazo-auth", f.master);
    foreign(&f, "DELETE FROM auth_session");
    let limit = Instant::now() + Duration::from_secs(20);
    while f.live(&token.uuid).is_some() {
        assert!(Instant::now() < limit, "still valid");
        std::thread::park_timeout(Duration::from_millis(5));
    }
    assert!(f.store.index().is_empty());
}

#[test]
fn rows_that_another_program_spoilt_are_ignored_and_nothing_else_suffers() {
    let f = Fixture::sqlite();
    let spoilt = f.token("wazo-auth", f.master);
    let other = f.token("wazo-auth", f.master);
    let session = spoilt.session_uuid;
    foreign(&f, &format!("UPDATE auth_token SET acl = '{{' WHERE session_uuid = '{session}'"));
    foreign(
        &f,
        &format!(
            "INSERT INTO auth_tenant (uuid, parent_uuid, slug) VALUES ('mine', '{}', 'mine')",
            f.master
        ),
    );
    let user = f.user("alice", f.master);
    let index = f.store.index();
    assert!(index.get(&spoilt.uuid, NOON).is_none());
    assert!(index.get(&other.uuid, NOON).is_some());
    assert_eq!(index.tenant_of_user(&user), Some(f.master));
}

#[test]
fn a_row_whose_text_is_none_is_left_out_and_nothing_else_suffers() {
    let f = Fixture::sqlite();
    let spoilt = f.token("wazo-auth", f.master);
    let other = f.token("wazo-auth", f.master);
    let session = spoilt.session_uuid;
    let bad = "CAST(x'ff' AS TEXT)";
    foreign(&f, &format!("UPDATE auth_token SET auth_id = {bad} WHERE session_uuid = '{session}'"));
    let user = f.user("alice", f.master);
    let check = |f: &Fixture| {
        let index = f.store.index();
        assert!(index.get(&spoilt.uuid, NOON).is_none());
        assert!(index.get(&other.uuid, NOON).is_some());
        assert_eq!(index.tenant_of_user(&user), Some(f.master));
    };
    check(&f);
    let (f, warnings) = warnings_of(|| f.reopen(Some(KEY)));
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with("1 rows"), "{warnings:?}");
    check(&f);

    foreign(&f, &format!("UPDATE auth_token SET uuid = {bad} WHERE session_uuid = '{session}'"));
    let mut ended = f.read(|conn| tokens::expired(conn, i64::MAX, 10));
    ended.retain(|ended| ended.session_uuid == session);
    assert_eq!(ended.len(), 1, "still purged in time");
    assert!(f.write(move |tx| sessions::delete(tx, &session)));
    check(&f);
}
