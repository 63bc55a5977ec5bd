//! How many statements a list takes: the same for three rows as for three
//! hundred.

use std::thread;

use uuid::Uuid;
use wazo_auth_store::{
    Conn, Dialect, Error, IndexChange, ListQuery, Row, Seals, Tenants, Tx, Value, groups, policies,
    refresh_tokens, sessions, tenants, users,
};

use crate::fixture::{Fixture, on_every_store};

/// A connection whose statements are counted.
struct Counted<'a> {
    conn: &'a mut dyn Conn,
    statements: usize,
}

// === impl Counted ===

impl Conn for Counted<'_> {
    fn dialect(&self) -> Dialect {
        self.conn.dialect()
    }

    fn each(
        &mut self,
        sql: &str,
        params: &[Value],
        row: &mut dyn FnMut(Row) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.statements += 1;
        self.conn.each(sql, params, row)
    }

    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, Error> {
        self.statements += 1;
        self.conn.execute(sql, params)
    }

    fn seals(&self) -> &Seals {
        self.conn.seals()
    }

    fn index(&mut self, change: IndexChange) {
        self.conn.index(change);
    }
}

/// What the lists are of.
#[derive(Clone, Copy)]
struct Owners {
    tenant: Uuid,
    user: Uuid,
    group: Uuid,
}

/// A list, as it is served: how many rows it has.
type Listing = fn(&mut dyn Conn, Owners) -> Result<usize, Error>;

/// Every list that clients may ask for.
const LISTS: [(&str, Listing); 15] = [
    ("users", |conn, of| {
        let scope = users::Scope::Tenants(Tenants::Subtree(of.tenant));
        Ok(users::list(conn, scope, &searched())?.items.len())
    }),
    ("users of a tenant", |conn, of| {
        let scope = users::Scope::Tenants(Tenants::Only(of.tenant));
        Ok(users::list(conn, scope, &all())?.items.len())
    }),
    ("members of a group", |conn, of| {
        Ok(users::list(conn, users::Scope::OfGroup(of.group), &all())?.items.len())
    }),
    ("groups", |conn, of| {
        let scope = groups::Scope::Tenants(Tenants::Subtree(of.tenant));
        Ok(groups::list(conn, scope, &searched())?.items.len())
    }),
    ("groups of a tenant", |conn, of| {
        let scope = groups::Scope::Tenants(Tenants::Only(of.tenant));
        Ok(groups::list(conn, scope, &all())?.items.len())
    }),
    ("groups of a user", |conn, of| {
        Ok(groups::list(conn, groups::Scope::OfUser(of.user), &all())?.items.len())
    }),
    ("policies", |conn, of| {
        with_accesses(conn, policies::Scope::Visible(Tenants::Subtree(of.tenant)), &searched())
    }),
    ("policies of a tenant", |conn, of| {
        with_accesses(conn, policies::Scope::Visible(Tenants::Only(of.tenant)), &all())
    }),
    ("policies of a user", |conn, of| {
        with_accesses(conn, policies::Scope::OfUser(of.user), &all())
    }),
    ("policies of a group", |conn, of| {
        let scope = policies::Scope::OfGroup { group: of.group, scope: of.tenant };
        with_accesses(conn, scope, &all())
    }),
    ("tenants", |conn, of| Ok(tenants::list_with_details(conn, of.tenant, &all())?.items.len())),
    ("sessions", |conn, of| {
        let scope = sessions::Scope::Tenants(Tenants::Subtree(of.tenant));
        Ok(sessions::list(conn, scope, &all())?.items.len())
    }),
    ("sessions of a user", |conn, of| {
        Ok(sessions::list(conn, sessions::Scope::OfUser(of.user), &all())?.items.len())
    }),
    ("refresh tokens", |conn, of| {
        let scope = refresh_tokens::Scope::Tenants(Tenants::Subtree(of.tenant));
        Ok(refresh_tokens::list(conn, scope, &all())?.items.len())
    }),
    ("refresh tokens of a user", |conn, of| {
        Ok(refresh_tokens::list(conn, refresh_tokens::Scope::User(of.user), &all())?.items.len())
    }),
];

fn all() -> ListQuery {
    ListQuery::default()
}

/// All that is made by [`add`].
fn searched() -> ListQuery {
    ListQuery { search: Some("row".into()), ..ListQuery::default() }
}

fn with_accesses(
    conn: &mut dyn Conn,
    scope: policies::Scope,
    query: &ListQuery,
) -> Result<usize, Error> {
    Ok(policies::list_with_accesses(conn, scope, query)?.items.len())
}

/// One row more for each list.
fn add(f: &Fixture, of: Owners, number: usize) {
    let name = format!("row {number}");
    let user = f.user(&name, of.tenant);
    f.email(user, &format!("row-{number}@example.com"), true).unwrap();
    let group = f.group(&name, of.tenant).uuid;
    let policy = f.policy(&name, of.tenant, &["a", "b"]).uuid;
    f.tenant(&name, of.tenant);
    f.token(&of.user.to_string(), of.tenant);
    f.refresh_token(of.user, &name, false);
    f.write(move |tx: &mut Tx<'_>| {
        groups::add_user(tx, &of.group, &user)?;
        groups::add_user(tx, &group, &of.user)?;
        groups::add_policy(tx, &of.group, &policy)?;
        policies::attach_to_user(tx, &of.user, &policy)
    });
}

/// Rows and statements of each list.
fn counts(f: &Fixture, of: Owners) -> Vec<(usize, usize)> {
    let count = |(_, list): &(&str, Listing)| {
        f.read(|conn| {
            let mut counted = Counted { conn, statements: 0 };
            let rows = list(&mut counted, of)?;
            Ok((rows, counted.statements))
        })
    };
    LISTS.iter().map(count).collect()
}

#[test]
fn no_list_does_a_statement_per_row() {
    on_every_store(|f| {
        let tenant = f.tenant("above all rows", f.master);
        let user = f.user("of all rows", tenant);
        let of = Owners { tenant, user, group: f.group("of all rows", tenant).uuid };
        (0..3).for_each(|number| add(f, of, number));
        let few = counts(f, of);
        // Side by side they share what a write waits for.
        thread::scope(|scope| {
            for part in 0..8 {
                let numbers = (3..300).filter(move |number| number % 8 == part);
                scope.spawn(move || numbers.for_each(|number| add(f, of, number)));
            }
        });
        for (((name, _), few), many) in LISTS.iter().zip(few).zip(counts(f, of)) {
            assert!(few.0 < 10 && many.0 >= 300, "{name}: {} rows, then {}", few.0, many.0);
            assert_eq!(few.1, many.1, "{name}: statements for {} and {} rows", few.0, many.0);
            // Counts, page, and what two other tables have of the rows.
            assert!((2..=4).contains(&many.1), "{name}: {} statements", many.1);
        }
    });
}
