use jiff::Timestamp;
use uuid::Uuid;
use wazo_auth_store::refresh_tokens::{self, RefreshToken, Scope};
use wazo_auth_store::{Direction, ListQuery, Page, Tenants, Value};

use crate::fixture::{Fixture, NOON, on_every_store, unique};

fn list(f: &Fixture, scope: Scope, query: &ListQuery) -> Page<refresh_tokens::Item> {
    f.read(|conn| refresh_tokens::list(conn, scope, query))
}

fn clients(page: &Page<refresh_tokens::Item>) -> Vec<&str> {
    page.items.iter().map(|item| item.client_id.as_deref().unwrap()).collect()
}

/// Five of alice, made a second apart, one of bob in a tenant below.
fn filled(f: &Fixture) -> (Uuid, Uuid, Scope) {
    let child = f.tenant("child", f.master);
    let (alice, bob) = (f.user("alice", f.master), f.user("bob", child));
    let names = ["Delta", "alpha", "100%", "100_", "Émile"];
    for (age, client_id) in (0..).zip(names) {
        f.clock.set(NOON + age);
        f.refresh_token(alice, client_id, age == 1);
    }
    f.clock.set(NOON + 60);
    f.refresh_token(bob, "bobs", false);
    (alice, child, Scope::Tenants(Tenants::Subtree(f.master)))
}

#[test]
fn a_refresh_token_comes_back_as_it_was_stored() {
    on_every_store(|f| {
        let user = f.user("alice", f.master);
        let metadata = serde_json::json!({"a": [1, "é"]});
        let token = RefreshToken {
            created_at: Some("2026-11-21T17:28:30.139400Z".parse::<Timestamp>().unwrap()),
            metadata: metadata.as_object().unwrap().clone(),
            uuid: f.context.uuid(),
            ..f.refresh_token(user, "other", false)
        };
        let token = RefreshToken { client_id: Some("app".into()), mobile: true, ..token };
        let inserted = token.clone();
        f.write(move |tx| refresh_tokens::insert(tx, &inserted));
        let get = |client: &str| f.read(|conn| refresh_tokens::get(conn, &token.uuid, client));
        assert_eq!(get("app").as_ref(), Some(&token));
        assert_eq!(get("other"), None);
        let held = f.read(|conn| refresh_tokens::find(conn, &user, "app")).unwrap();
        assert_eq!((held.uuid, held.mobile), (Some(token.uuid), true));
        let mobile = f.read(|conn| refresh_tokens::mobile_of_user(conn, &user));
        assert_eq!(mobile, std::slice::from_ref(&held));
        let gone = held.clone();
        assert!(f.write(move |tx| refresh_tokens::delete(tx, &held)));
        assert!(!f.write(move |tx| refresh_tokens::delete(tx, &gone)));
        assert_eq!(get("app"), None);
    });
}

#[test]
fn what_a_user_holds_for_a_client_is_deleted_and_nothing_else() {
    on_every_store(|f| {
        let (alice, bob) = (f.user("alice", f.master), f.user("bob", f.master));
        for (user, client) in [(alice, "app"), (alice, "other"), (bob, "app")] {
            f.refresh_token(user, client, false);
        }
        let delete = || f.write(move |tx| refresh_tokens::delete_of_client(tx, &alice, "app"));
        assert!(delete());
        assert!(!delete(), "gone already");
        assert_eq!(clients(&list(f, Scope::User(alice), &ListQuery::default())), ["other"]);
        assert!(f.read(|conn| refresh_tokens::find(conn, &bob, "app")).is_some());
    });
}

#[test]
fn a_user_has_one_refresh_token_for_a_client() {
    on_every_store(|f| {
        let user = f.user("alice", f.master);
        let first = f.refresh_token(user, "app", false);
        let twin = RefreshToken { uuid: f.context.uuid(), ..first };
        let error = f.try_write(move |tx| refresh_tokens::insert(tx, &twin)).unwrap_err();
        assert_eq!(error, unique("auth_refresh_token_client_id_user_uuid"));
    });
}

#[test]
fn a_list_covers_its_scope_in_order_of_creation() {
    on_every_store(|f| {
        let (alice, child, scope) = filled(f);
        let page = list(f, scope, &ListQuery::default());
        assert_eq!(clients(&page), ["Delta", "alpha", "100%", "100_", "Émile", "bobs"]);
        assert_eq!((page.total, page.filtered), (6, 6));
        assert_eq!((page.items[0].user_uuid, page.items[0].tenant_uuid), (alice, f.master));
        assert_eq!(page.items[5].tenant_uuid, child);
        let scoped = |scope| list(f, scope, &ListQuery::default()).items.len();
        assert_eq!(scoped(Scope::Tenants(Tenants::Only(child))), 1);
        assert_eq!(scoped(Scope::Tenants(Tenants::Subtree(child))), 1);
        assert_eq!(scoped(Scope::Tenants(Tenants::Only(f.master))), 5);
        assert_eq!(scoped(Scope::Tenants(Tenants::Only(alice))), 0);
        assert_eq!(scoped(Scope::User(alice)), 5);
        assert_eq!(scoped(Scope::User(child)), 0);
    });
}

#[test]
fn pages_do_not_change_the_counts() {
    on_every_store(|f| {
        let (.., scope) = filled(f);
        let query = ListQuery { limit: Some(2), offset: 1, ..ListQuery::default() };
        let page = list(f, scope, &query);
        assert_eq!(clients(&page), ["alpha", "100%"]);
        assert_eq!((page.total, page.filtered), (6, 6));
        let query = ListQuery { direction: Direction::Desc, order: Some("created_at"), ..query };
        assert_eq!(clients(&list(f, scope, &query)), ["Émile", "100_"]);
        let page = list(f, scope, &ListQuery { limit: Some(0), ..query.clone() });
        assert_eq!((page.items.len(), page.total), (0, 6));
        let beyond = ListQuery { limit: Some(u64::MAX), offset: u64::MAX, ..query };
        assert!(list(f, scope, &beyond).items.is_empty());
    });
}

#[test]
fn filters_and_search_narrow_the_list_and_leave_the_total() {
    on_every_store(|f| {
        let (.., scope) = filled(f);
        let created = Timestamp::from_second(NOON + 2).unwrap();
        let searched =
            |search: &str| ListQuery { search: Some(search.into()), ..ListQuery::default() };
        let narrowed =
            |name, value: Value| ListQuery { filters: vec![(name, value)], ..ListQuery::default() };
        for (query, expected) in [
            (narrowed("mobile", true.into()), &["alpha"][..]),
            (narrowed("client_id", "alpha".into()), &["alpha"]),
            (narrowed("client_id", "Alpha".into()), &[]),
            (narrowed("created_at", created.into()), &["100%"]),
            (searched("ALPH"), &["alpha"]),
            (searched("émile"), &["Émile"]),
            (searched("0%"), &["100%"]),
            (searched("1 0_"), &["100_"]),
            (searched("d t"), &["Delta"]),
            (searched("t d"), &[]),
        ] {
            let page = list(f, scope, &query);
            assert_eq!(clients(&page), expected, "{query:?}");
            assert_eq!((page.total, page.filtered), (6, expected.len() as u64));
        }
        assert_eq!(list(f, scope, &searched("")).items.len(), 6);
        let query = ListQuery {
            order: Some("mobile"),
            limit: Some(1),
            direction: Direction::Desc,
            ..ListQuery::default()
        };
        assert_eq!(clients(&list(f, scope, &query)), ["alpha"]);
        let query = ListQuery { order: Some("client_id"), ..ListQuery::default() };
        let expected = ["100%", "100_", "Delta", "alpha", "bobs", "Émile"];
        assert_eq!(clients(&list(f, scope, &query)), expected);
    });
}
