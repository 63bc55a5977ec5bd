//! How PostgreSQL finds what is asked for all the time. (What SQLite does is tested
//! beside the statements.)

use wazo_auth_store::{
    Conn, Dialect, Error, IndexChange, ListQuery, Row, Seals, Tenants, Value, groups, ldap_config,
    policies, refresh_tokens, sessions, tenants, tokens, users,
};

use crate::fixture::{Fixture, NOON};

/// A connection that has each statement explained before it is run.
struct Explained<'a> {
    conn: &'a mut dyn Conn,
    plans: Vec<String>,
}

// === impl Conn for Explained ===

impl Conn for Explained<'_> {
    fn dialect(&self) -> Dialect {
        self.conn.dialect()
    }

    fn each(
        &mut self,
        sql: &str,
        params: &[Value],
        row: &mut dyn FnMut(Row) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let lines = self.conn.query(&format!("EXPLAIN (COSTS OFF) {sql}"), params)?;
        let lines: Vec<&str> = lines.iter().map(|line| line.text(0).unwrap()).collect();
        self.plans.push(format!("{sql}\n{}", lines.join("\n")));
        self.conn.each(sql, params, row)
    }

    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, Error> {
        self.conn.execute(sql, params)
    }

    fn seals(&self) -> &Seals {
        self.conn.seals()
    }

    fn index(&mut self, change: IndexChange) {
        self.conn.index(change);
    }
}

fn plans(f: &Fixture, ask: impl Fn(&mut dyn Conn) -> Result<(), Error>) -> Vec<String> {
    f.read(|conn| {
        let mut explained = Explained { conn, plans: Vec::new() };
        ask(&mut explained)?;
        Ok(explained.plans)
    })
}

/// Each table is entered through an index, at a value: an index can be read from one
/// end to the other, too.
#[track_caller]
fn goes_straight(plan: &str) {
    assert!(!plan.contains("Seq Scan"), "{plan}");
    let mut lines = plan.lines().peekable();
    while let Some(line) = lines.next() {
        if line.contains("Index Scan") || line.contains("Index Only Scan") {
            let is_at_value = lines.peek().is_some_and(|next| next.contains("Index Cond: "));
            assert!(is_at_value, "{plan}");
        }
    }
}

/// Where an index serves, tables of a few rows are read through it, too.
#[test]
fn what_is_asked_all_the_time_is_found_by_an_index() {
    let f = Fixture::postgresql_with("enable_seqscan = off");
    let user = f.user("alice", f.master);
    f.email(user, "alice@example.com", true).unwrap();
    let refresh = f.refresh_token(user, "desk", true);
    let token = f.token(&user.to_string(), f.master);
    let auth_id = user.to_string();
    let asked = plans(&f, |conn| {
        assert!(tokens::get(conn, &token.uuid)?.is_some());
        assert_eq!(tokens::tokens_of_session(conn, &token.session_uuid)?.len(), 1);
        assert!(refresh_tokens::get(conn, &refresh.uuid, "desk")?.is_some());
        let held = refresh_tokens::find(conn, &user, "desk")?.unwrap();
        assert_eq!(refresh_tokens::mobile_of_user(conn, &user)?.len(), 1);
        assert!(sessions::of_refresh_token(conn, &held)?.is_empty());
        assert_eq!(sessions::of_user(conn, &auth_id)?.len(), 1);
        assert_eq!(sessions::count_of_auth_id(conn, &auth_id)?, 1);
        assert!(sessions::is_of(conn, &token.session_uuid, &auth_id)?);
        for login in ["ALICE", "Alice@example.com"] {
            assert_eq!(users::by_login(conn, login)?.map(|user| user.uuid), Some(user));
            assert!(users::login_taken(conn, login, None)?);
        }
        assert!(users::get(conn, &user)?.is_some());
        assert!(users::of_tenant_by_login(conn, &f.master, "Alice@example.com")?.is_some());
        assert!(tenants::by_domain_name(conn, "example.com")?.is_none());
        assert!(ldap_config::get(conn, &f.master)?.is_none());
        assert!(policies::acl_of_user(conn, &user)?.is_empty());
        assert!(groups::of_user(conn, &user)?.is_empty());
        assert!(policies::by_slug(conn, &f.master, "none")?.is_none());
        Ok(())
    });
    assert!(asked.len() > 15, "{}", asked.len());
    asked.iter().for_each(|plan| goes_straight(plan));
}

/// A page is read where it begins, and no further than it goes.
#[test]
fn pages_come_in_the_order_of_an_index() {
    let f = Fixture::postgresql_with("enable_seqscan = off");
    for name in ["alice", "bob", "carol"] {
        let user = f.user(name, f.master);
        f.token(&user.to_string(), f.master);
    }
    let page = ListQuery { limit: Some(2), total: Some(3), ..ListQuery::default() };
    let scope = users::Scope::Tenants(Tenants::Only(f.master));
    let listed = plans(&f, |conn| users::list(conn, scope, &page).map(drop));
    let expiring = plans(&f, |conn| {
        tokens::expired(conn, NOON + 7200, 2)?;
        let (_, cursor) = tokens::expiring_between(conn, NOON, NOON + 7200, None, 2)?;
        assert!(cursor.is_some());
        tokens::expiring_between(conn, NOON, NOON + 7200, cursor.as_ref(), 2).map(drop)
    });
    for (plan, index) in [
        (&listed[0], "wazo_auth__idx__user__username"),
        (&expiring[0], "wazo_auth__idx__token__expire_t"),
        (&expiring[1], "wazo_auth__idx__token__expire_t"),
        (&expiring[2], "wazo_auth__idx__token__expire_t"),
    ] {
        assert!(plan.contains(index), "{plan}");
        goes_straight(plan);
    }
    assert!(!listed[0].lines().any(|line| line.trim().starts_with("Sort")), "{}", listed[0]);
}
