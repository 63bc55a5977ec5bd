//! Policies and groups kept by configuration: made at start in all tenants, and
//! in each new one (bootstrap.md sections 2 to 5).

use indexmap::IndexMap;
use uuid::Uuid;
use wazo_auth_context::Context;
use wazo_auth_store::{self as store, Change, Conn, Tx, policies::Policy, reconciliation as rows};

use crate::Services;

const TARGET: &str = "wazo_auth.reconciliation";

/// What configuration wants there to be.
#[derive(Debug, Clone, Default)]
pub struct Configured {
    /// Whether it is looked after at start.
    pub update_on_startup: bool,
    /// Policies of the top tenant, by slug.
    pub policies: IndexMap<String, ConfiguredPolicy>,
    /// Slug of a policy to whether all users of every tenant hold it.
    pub all_users_policies: IndexMap<String, bool>,
    /// Groups of every tenant, by slug: slug of a policy to whether the group
    /// holds it.
    pub groups: IndexMap<String, IndexMap<String, bool>>,
}

/// A policy that only configuration changes.
#[derive(Debug, Clone)]
pub struct ConfiguredPolicy {
    /// Its accesses.
    pub acl: Vec<String>,
    /// Free text.
    pub description: Option<String>,
}

// === impl Configured ===

impl Configured {
    /// Gives a new tenant its groups.
    pub(crate) fn equip(
        &self,
        conn: &mut dyn Conn,
        tenant: &Uuid,
        context: &Context,
    ) -> Result<(), store::Error> {
        let all_users = store::groups::ensure_all_users_group(conn, tenant, context.uuid())?;
        for policy in self.wanted(conn, &self.all_users_policies)? {
            store::groups::add_policy(conn, &all_users, &policy)?;
        }
        for (slug, policies) in &self.groups {
            let group = context.uuid();
            if store::groups::slug_taken(conn, tenant, slug)? {
                log::error!(
                    target: TARGET,
                    "`tenant_default_groups` has two slugs that differ from `{slug}` in the case \
                     of their letters only: a tenant gets one of them"
                );
                continue;
            }
            rows::make_group(conn, group, slug, tenant)?;
            for policy in self.wanted(conn, policies)? {
                store::groups::add_policy(conn, &group, &policy)?;
            }
        }
        Ok(())
    }

    /// The policies that are marked true and exist.
    fn wanted(
        &self,
        conn: &mut dyn Conn,
        policies: &IndexMap<String, bool>,
    ) -> Result<Vec<Uuid>, store::Error> {
        let mut found = Vec::new();
        for (slug, _) in policies.iter().filter(|(_, wanted)| **wanted) {
            found.extend(policy(conn, slug)?);
        }
        Ok(found)
    }
}

/// The top tenant's policy of this slug; one that is not there is told.
fn policy(conn: &mut dyn Conn, slug: &str) -> Result<Option<Uuid>, store::Error> {
    let Some(top) = store::tenants::top(conn)? else { return Ok(None) };
    let found = store::policies::by_slug(conn, &top.uuid, slug)?;
    if found.is_none() {
        log::error!(
            target: TARGET,
            "there is no policy `{slug}` in the top tenant: check `all_users_policies` and \
             `tenant_default_groups`"
        );
    }
    Ok(found.map(|policy| policy.uuid))
}

impl Services {
    /// Brings the database in line with configuration. Four transactions, none of
    /// which writes anything when nothing changed.
    ///
    /// # Errors
    /// The store's.
    pub fn reconcile(&self) -> Result<(), store::Error> {
        if !self.rules().configured.update_on_startup {
            return Ok(());
        }
        self.step(make_policies)?;
        self.step(equip_all_users)?;
        self.step(equip_groups)?;
        self.step(delete_orphans)
    }

    fn step(
        &self,
        step: fn(&mut dyn Conn, &Configured, &Context) -> Result<(), store::Error>,
    ) -> Result<(), store::Error> {
        let (configured, context) = (self.rules().configured.clone(), self.context().clone());
        self.store()
            .write(Change::Directory, move |tx: &mut Tx<'_>| step(tx.conn(), &configured, &context))
    }
}

fn make_policies(
    conn: &mut dyn Conn,
    configured: &Configured,
    context: &Context,
) -> Result<(), store::Error> {
    let Some(top) = store::tenants::top(conn)? else { return Ok(()) };
    for (slug, wanted) in &configured.policies {
        make_policy(conn, &top.uuid, slug, wanted, context)?;
    }
    Ok(())
}

fn make_policy(
    conn: &mut dyn Conn,
    top: &Uuid,
    slug: &str,
    wanted: &ConfiguredPolicy,
    context: &Context,
) -> Result<(), store::Error> {
    let known = store::policies::by_slug(conn, top, slug)?;
    let policy = Policy {
        uuid: known.as_ref().map_or_else(|| context.uuid(), |known| known.uuid),
        name: slug.to_owned(),
        slug: slug.to_owned(),
        description: wanted.description.clone(),
        tenant_uuid: *top,
        config_managed: true,
        shared: known.as_ref().is_some_and(|known| known.shared),
    };
    if store::policies::is_in_the_way(conn, &policy)? {
        log::error!(
            target: TARGET,
            "another policy of the top tenant has the name or the slug `{slug}`: the one of \
             `default_policies` is not made; rename the other one"
        );
        return Ok(());
    }
    match &known {
        None => store::policies::insert(conn, &policy)?,
        Some(known) if *known != policy => drop(store::policies::update(conn, &policy)?),
        Some(_) => {}
    }
    let mut held = store::policies::accesses(conn, &policy.uuid)?;
    let mut acl = wanted.acl.clone();
    held.sort();
    acl.sort();
    acl.dedup();
    if held != acl {
        store::policies::set_accesses(conn, &policy.uuid, &wanted.acl)?;
    }
    Ok(())
}

fn equip_all_users(
    conn: &mut dyn Conn,
    configured: &Configured,
    context: &Context,
) -> Result<(), store::Error> {
    for tenant in rows::without_all_users_group(conn)? {
        let group = store::groups::ensure_all_users_group(conn, &tenant, context.uuid())?;
        rows::add_users_of_tenant(conn, &group, &tenant)?;
    }
    for policy in configured.wanted(conn, &configured.all_users_policies)? {
        rows::give_to_all_users(conn, &policy)?;
    }
    let mentioned: Vec<String> = configured.all_users_policies.keys().cloned().collect();
    rows::take_from_all_users(conn, &mentioned)?;
    Ok(())
}

fn equip_groups(
    conn: &mut dyn Conn,
    configured: &Configured,
    context: &Context,
) -> Result<(), store::Error> {
    for (slug, policies) in &configured.groups {
        for tenant in rows::without_group(conn, slug)? {
            rows::make_group(conn, context.uuid(), slug, &tenant)?;
        }
        let tenants = rows::tenants_with_another_group(conn, slug)?;
        if tenants > 0 {
            log::error!(
                target: TARGET,
                "in {tenants} tenants another group has the name or the slug `{slug}`: the one of \
                 `tenant_default_groups` is not made there; rename the other one"
            );
        }
        rows::rename_groups(conn, slug)?;
        for (name, wanted) in policies {
            let Some(policy) = policy(conn, name)? else { continue };
            match wanted {
                true => rows::give_to_groups(conn, slug, &policy)?,
                false => rows::take_from_groups(conn, slug, &policy)?,
            };
        }
    }
    Ok(())
}

fn delete_orphans(
    conn: &mut dyn Conn,
    configured: &Configured,
    _: &Context,
) -> Result<(), store::Error> {
    let slugs: Vec<String> = configured.policies.keys().cloned().collect();
    for (policy, is_held) in rows::orphans(conn, &slugs)? {
        if is_held {
            log::warn!(
                target: TARGET,
                "the policy `{}` is no longer in `default_policies`, but users or groups hold it: \
                 it stays as it is", policy.slug
            );
        } else {
            store::policies::delete(conn, &policy.uuid)?;
        }
    }
    Ok(())
}
