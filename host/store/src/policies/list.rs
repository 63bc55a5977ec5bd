//! Listing policies (`contract/policies.md` sections 7 and 8).

use std::collections::HashMap;

use uuid::Uuid;

use crate::list::{Filter, Kind, List, ListQuery, Page, Searched, Sql, Tenants};
use crate::policies::{COLUMNS, Policy, from_row};
use crate::{Conn, Error, Value, tenants};

/// Which policies are listed and counted in `total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Those that these tenants see: their own, those managed by configuration,
    /// and those shared by tenants above.
    Visible(Tenants),
    /// Those attached to a user directly.
    OfUser(Uuid),
    /// Those attached to a group, of which a tenant and those below it see.
    OfGroup {
        /// The group.
        group: Uuid,
        /// The tenant.
        scope: Uuid,
    },
}

/// The list of policies.
pub const LIST: List = List {
    sort: &[
        ("name", "p.name"),
        ("slug", "p.slug"),
        ("description", "p.description"),
        ("uuid", "p.uuid"),
    ],
    filters: &[
        Filter::text("uuid", "p.uuid = {}"),
        Filter::text("name", "p.name = {}"),
        Filter::text("slug", "p.slug = {}"),
        Filter::text(
            "user_uuid",
            "p.uuid IN (SELECT policy_uuid FROM auth_user_policy WHERE user_uuid = {})",
        ),
        Filter::text(
            "group_uuid",
            "p.uuid IN (SELECT policy_uuid FROM auth_group_policy WHERE group_uuid = {})",
        ),
        Filter::text("tenant_uuid", "p.tenant_uuid = {}"),
        Filter { name: READ_ONLY, kind: Kind::Flag, sql: "" },
    ],
    search: &[Searched::Column("p.name"), Searched::Column("p.description")],
    columns: COLUMNS,
    from: "auth_policy p",
    key: "p.uuid",
};

const READ_ONLY: &str = "read_only";

/// The list of the policies of a user.
pub const LIST_OF_USER: List = List {
    sort: &[("name", "p.name"), ("description", "p.description"), ("uuid", "p.uuid")],
    filters: &[
        Filter::text("uuid", "p.uuid = {}"),
        Filter::text("name", "p.name = {}"),
        Filter::text(
            "group_uuid",
            "p.uuid IN (SELECT policy_uuid FROM auth_group_policy WHERE group_uuid = {})",
        ),
        Filter::text("tenant_uuid", "p.tenant_uuid = {}"),
    ],
    from: "auth_user_policy up JOIN auth_policy p ON p.uuid = up.policy_uuid",
    ..LIST
};

/// The list of the policies of a group.
pub const LIST_OF_GROUP: List = List {
    filters: &[
        Filter::text("uuid", "p.uuid = {}"),
        Filter::text("name", "p.name = {}"),
        Filter::text(
            "user_uuid",
            "p.uuid IN (SELECT policy_uuid FROM auth_user_policy WHERE user_uuid = {})",
        ),
        Filter::text("tenant_uuid", "p.tenant_uuid = {}"),
    ],
    from: "auth_group_policy gp JOIN auth_policy p ON p.uuid = gp.policy_uuid",
    ..LIST_OF_USER
};

/// One page and the counts.
///
/// # Errors
/// What the database reports; so for all functions here.
pub fn list(conn: &mut dyn Conn, scope: Scope, query: &ListQuery) -> Result<Page<Policy>, Error> {
    let mut sql = Sql::default();
    match scope {
        Scope::Visible(tenants) => {
            let own = tenants.condition("p.tenant_uuid", &mut sql);
            let wanted = query.filters.iter().find(|(name, _)| *name == READ_ONLY);
            if let Some((_, Value::Bool(read_only))) = wanted {
                let not = if *read_only { "NOT" } else { "" };
                sql.filters.push(format!("{not} ({own} AND NOT {CONFIG_MANAGED})"));
            }
            let scope = visible(&own, tenants.root(), &mut sql);
            LIST.page(conn, sql, &scope, query, from_row)
        }
        Scope::OfUser(user) => {
            let scope = format!("up.user_uuid = {}", sql.add(&user));
            LIST_OF_USER.page(conn, sql, &scope, query, from_row)
        }
        Scope::OfGroup { group, scope } => {
            let own = Tenants::Subtree(scope).condition("p.tenant_uuid", &mut sql);
            let seen = visible(&own, scope, &mut sql);
            let scope = format!("gp.group_uuid = {} AND {seen}", sql.add(&group));
            LIST_OF_GROUP.page(conn, sql, &scope, query, from_row)
        }
    }
}

/// The same, each policy with its accesses: one statement more, however many there
/// are.
///
/// # Errors
/// See [`list`].
pub fn list_with_accesses(
    conn: &mut dyn Conn,
    scope: Scope,
    query: &ListQuery,
) -> Result<Page<(Policy, Vec<String>)>, Error> {
    let Page { items, total, filtered } = list(conn, scope, query)?;
    let uuids: Vec<Uuid> = items.iter().map(|policy| policy.uuid).collect();
    let mut accesses = accesses_of(conn, &uuids)?;
    let with_accesses = |policy: Policy| {
        let accesses = accesses.remove(&policy.uuid).unwrap_or_default();
        (policy, accesses)
    };
    Ok(Page { items: items.into_iter().map(with_accesses).collect(), total, filtered })
}

/// NULL is false.
const CONFIG_MANAGED: &str = "COALESCE(p.config_managed, false)";

fn visible(own: &str, tenant: Uuid, sql: &mut Sql) -> String {
    let above = tenants::ancestors_of(&sql.add(&tenant));
    format!("({own} OR {CONFIG_MANAGED} OR (p.shared AND p.tenant_uuid IN ({above})))")
}

/// The accesses of each of these policies, in the order in which they were first
/// used: one statement. Policies without any are missing.
fn accesses_of(
    conn: &mut dyn Conn,
    policies: &[Uuid],
) -> Result<HashMap<Uuid, Vec<String>>, Error> {
    let wanted = Value::List(policies.iter().map(Uuid::to_string).collect());
    let among = conn.dialect().in_list("pa.policy_uuid", "?1");
    let sql = format!(
        "SELECT pa.policy_uuid, a.access FROM auth_policy_access pa \
         JOIN auth_access a ON a.id = pa.access_id WHERE {among} ORDER BY a.id"
    );
    let mut found: HashMap<Uuid, Vec<String>> = HashMap::new();
    conn.each(&sql, &[wanted], &mut |row| {
        found.entry(row.uuid(0)?).or_default().push(row.string(1)?);
        Ok(())
    })?;
    Ok(found)
}
