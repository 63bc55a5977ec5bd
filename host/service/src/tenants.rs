//! The tree of tenants (tenants.md).

mod scope;

use uuid::Uuid;
use wazo_auth_context::Context;
use wazo_auth_events::{Event, Told};
use wazo_auth_store::{
    self as store, Change, Conn, ListQuery, Page,
    tenants::{Address, Details, Domain, Tenant, Update},
};

use crate::{
    NotReady, Services,
    missing::{Missing, visible_tenant},
    reconciliation::Configured,
    slug,
    totals::Counted,
    users::DEFAULT_METHOD,
};

pub use scope::ScopeError;

/// What a tenant is made of, new or replaced.
#[derive(Debug, Clone)]
pub struct TenantFields {
    /// Free text.
    pub name: Option<String>,
    /// A user to talk to.
    pub contact: Option<Uuid>,
    /// Free text.
    pub phone: Option<String>,
    /// How its users log in who have no method of their own.
    pub default_authentication_method: String,
    /// Its domains, each once.
    pub domain_names: Vec<String>,
    /// Where it is.
    pub address: Address,
}

/// A tenant to be made.
#[derive(Debug, Clone)]
pub struct NewTenant {
    /// Chosen by the caller, or made here.
    pub uuid: Option<Uuid>,
    /// The same.
    pub slug: Option<String>,
    /// The rest.
    pub fields: TenantFields,
}

/// A tenant with what hangs on it.
#[derive(Debug, Clone)]
pub struct TenantView {
    /// The row.
    pub tenant: Tenant,
    /// Domains and address.
    pub details: Details,
}

/// Why an operation on a tenant is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TenantError {
    /// A tenant, or the contact, is not there.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// No such authentication method.
    #[error("Invalid default authentication method {0}")]
    InvalidMethod(String),
    /// The chosen UUID is taken.
    #[error("A tenant with identity uuid=\"{0}\" already exists")]
    UuidTaken(Uuid),
    /// The chosen UUID is that of the parent.
    #[error("A master tenant already exist")]
    OwnParent,
    /// The slug is taken.
    #[error("The slug \"{0}\" is already used")]
    SlugTaken(String),
    /// One of the domains is another tenant's.
    #[error("Domain name : \"{}\" is already in use, no duplicates allowed", quoted(.0))]
    DomainTaken(Vec<String>),
    /// The tenant that the request is about cannot be deleted by it.
    #[error("Deleting its own tenant is forbidden: \"{0}\"")]
    Own(Uuid),
    /// There are tenants below it.
    #[error("Unauthorized delete of tenant : \"{0}\" ; since it has at least one child")]
    HasChildren(Uuid),
    /// The new parent is the tenant itself or below it.
    #[error("Parent ({parent}) is a descendent of tenant: \"{tenant}\"")]
    Circle {
        /// The tenant to be moved.
        tenant: Uuid,
        /// Where to.
        parent: Uuid,
    },
    /// Plugins are still being loaded.
    #[error(transparent)]
    NotReady(#[from] NotReady),
    /// The store cannot answer.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// The names as the contract has them in a sentence.
fn quoted(names: &[String]) -> String {
    let mut names: Vec<&String> = names.iter().collect();
    names.sort();
    let names: Vec<String> = names.into_iter().map(|name| format!("'{name}'")).collect();
    format!("[{}]", names.join(", "))
}

impl Services {
    /// A page of the tenants of a subtree.
    ///
    /// # Errors
    /// The store's.
    pub fn list_tenants(
        &self,
        scope: Uuid,
        query: &ListQuery,
    ) -> Result<Page<TenantView>, store::Error> {
        self.totals().page(self.store(), Counted::Tenants(scope), query, |conn, query| {
            let Page { items, total, filtered } =
                store::tenants::list_with_details(conn, scope, query)?;
            let view = |(tenant, details)| TenantView { tenant, details };
            Ok(Page { items: items.into_iter().map(view).collect(), total, filtered })
        })
    }

    /// The tenant.
    ///
    /// # Errors
    /// [`TenantError`].
    pub fn tenant(&self, scope: Uuid, tenant: Uuid) -> Result<TenantView, TenantError> {
        self.store().read(|conn| {
            let tenant = visible_tenant::<TenantError>(conn, &scope, tenant)?.uuid;
            view(conn, tenant)
        })
    }

    /// The domains of a tenant.
    ///
    /// # Errors
    /// [`TenantError`].
    pub fn domains(&self, scope: Uuid, tenant: Uuid) -> Result<Vec<Domain>, TenantError> {
        self.store().read(|conn| {
            let tenant = visible_tenant::<TenantError>(conn, &scope, tenant)?.uuid;
            Ok(store::tenants::domains(conn, &tenant)?)
        })
    }

    /// Makes a tenant below `parent`, with the groups that every tenant has.
    ///
    /// # Errors
    /// [`TenantError`].
    pub fn create_tenant(&self, parent: Uuid, new: NewTenant) -> Result<TenantView, TenantError> {
        let prepared = self.prepare_tenant(parent, new)?;
        self.write_and_tell(Change::Directory, move |tx, told| prepared.insert(tx.conn(), told))
    }

    /// What there is to a new tenant before its transaction.
    pub(crate) fn prepare_tenant(
        &self,
        parent: Uuid,
        new: NewTenant,
    ) -> Result<PreparedTenant, TenantError> {
        let NewTenant { uuid, slug, mut fields } = new;
        self.check_default_method(&mut fields)?;
        let name = fields.name.as_deref().unwrap_or_default();
        let slugs = match &slug {
            Some(slug) => vec![slug.clone()],
            None => slug::candidates(self.context(), slug::of_tenant(name)),
        };
        Ok(PreparedTenant {
            uuid: uuid.unwrap_or_else(|| self.context().uuid()),
            parent,
            slugs,
            domains: self.new_domains(&fields),
            fields,
            configured: self.rules().configured.clone(),
            context: self.context().clone(),
        })
    }

    /// Replaces the fields of a tenant.
    ///
    /// # Errors
    /// [`TenantError`].
    pub fn update_tenant(
        &self,
        scope: Uuid,
        tenant: Uuid,
        mut fields: TenantFields,
    ) -> Result<TenantView, TenantError> {
        self.check_default_method(&mut fields)?;
        let domains = self.new_domains(&fields);
        self.write_and_tell(Change::Directory, move |tx, told| {
            let conn = tx.conn();
            let tenant = visible_tenant::<TenantError>(conn, &scope, tenant)?.uuid;
            check_fields(conn, tenant, &fields)?;
            let update = Update {
                name: fields.name.clone(),
                default_authentication_method: fields.default_authentication_method.clone(),
                phone: fields.phone.clone(),
                contact_uuid: fields.contact,
            };
            store::tenants::update(conn, &tenant, &update)?;
            store::tenants::set_address(conn, &tenant, &fields.address)?;
            store::tenants::replace_domains(conn, &tenant, &domains)?;
            told.push(|| Event::TenantUpdated { uuid: tenant, name: fields.name.clone() });
            view(conn, tenant)
        })
    }

    /// Deletes a tenant with all that it owns, and logs its users out.
    ///
    /// # Errors
    /// [`TenantError`].
    pub fn delete_tenant(&self, scope: Uuid, tenant: Uuid) -> Result<(), TenantError> {
        self.write_and_tell(Change::Directory, move |tx, told| {
            let conn = tx.conn();
            if tenant == scope {
                return Err(TenantError::Own(tenant));
            }
            let tenant = visible_tenant::<TenantError>(conn, &scope, tenant)?.uuid;
            if store::tenants::has_children(conn, &tenant)? {
                return Err(TenantError::HasChildren(tenant));
            }
            store::tenants::delete(conn, &tenant)?;
            told.push(|| Event::TenantDeleted { uuid: tenant });
            Ok(())
        })
    }

    /// Moves a tenant, with all below it, below another parent.
    ///
    /// # Errors
    /// [`TenantError`].
    pub fn move_tenant(&self, scope: Uuid, tenant: Uuid, parent: Uuid) -> Result<(), TenantError> {
        self.store().write(Change::Directory, move |tx| {
            let conn = tx.conn();
            let tenant = visible_tenant::<TenantError>(conn, &scope, tenant)?.uuid;
            let parent = visible_tenant::<TenantError>(conn, &scope, parent)?.uuid;
            if store::tenants::is_in_subtree(conn, &parent, &tenant)? {
                return Err(TenantError::Circle { tenant, parent });
            }
            store::tenants::set_parent(conn, &tenant, &parent)?;
            Ok(())
        })
    }

    /// Refuses a method that users could not log in by: `default` too, which
    /// would mean itself.
    fn check_default_method(&self, fields: &mut TenantFields) -> Result<(), TenantError> {
        let named = &mut fields.default_authentication_method;
        let method = match &**named {
            DEFAULT_METHOD => None,
            name => self.method_of_name(name)?,
        };
        *named = method.ok_or_else(|| TenantError::InvalidMethod(named.clone()))?;
        Ok(())
    }

    fn new_domains(&self, fields: &TenantFields) -> Vec<Domain> {
        let names = fields.domain_names.iter();
        names.map(|name| Domain { uuid: self.context().uuid(), name: name.clone() }).collect()
    }
}

/// A tenant about to be made.
pub(crate) struct PreparedTenant {
    pub(crate) uuid: Uuid,
    parent: Uuid,
    slugs: Vec<String>,
    domains: Vec<Domain>,
    fields: TenantFields,
    configured: Configured,
    context: Context,
}

// === impl PreparedTenant ===

impl PreparedTenant {
    /// Makes it, inside a transaction that may be run again.
    pub(crate) fn insert(
        &self,
        conn: &mut dyn Conn,
        told: &mut Told,
    ) -> Result<TenantView, TenantError> {
        let (uuid, parent) = (self.uuid, self.parent);
        if uuid == parent {
            return Err(TenantError::OwnParent);
        }
        if store::tenants::get(conn, &parent)?.is_none() {
            return Err(Missing::Tenant(parent).into());
        }
        if store::tenants::get(conn, &uuid)?.is_some() {
            return Err(TenantError::UuidTaken(uuid));
        }
        check_fields(conn, uuid, &self.fields)?;
        let taken = |slug: &str| Ok(store::tenants::by_slug(conn, slug)?.is_some());
        let chosen = slug::first_free::<store::Error>(&self.slugs, taken)?;
        let slug = chosen.ok_or_else(|| TenantError::SlugTaken(self.slugs.concat()))?;
        let fields = self.fields.clone();
        let row = Tenant {
            uuid,
            name: fields.name,
            slug,
            parent_uuid: parent,
            default_authentication_method: fields.default_authentication_method,
            phone: fields.phone,
            contact_uuid: fields.contact,
        };
        store::tenants::insert(conn, &row)?;
        store::tenants::set_address(conn, &uuid, &fields.address)?;
        store::tenants::replace_domains(conn, &uuid, &self.domains)?;
        self.configured.equip(conn, &uuid, &self.context)?;
        let made = view(conn, uuid)?;
        told.push(|| Event::TenantAdded {
            uuid,
            name: made.tenant.name.clone(),
            slug: made.tenant.slug.clone(),
            domain_names: made.details.domain_names.clone(),
        });
        Ok(made)
    }
}

/// What the fields refer to: the contact exists, the domains are free.
fn check_fields(
    conn: &mut dyn Conn,
    tenant: Uuid,
    fields: &TenantFields,
) -> Result<(), TenantError> {
    if let Some(contact) = fields.contact
        && !store::users::uuid_taken(conn, &contact)?
    {
        return Err(Missing::User(contact).into());
    }
    match store::tenants::domain_taken(conn, &tenant, &fields.domain_names)? {
        true => Err(TenantError::DomainTaken(fields.domain_names.clone())),
        false => Ok(()),
    }
}

fn view(conn: &mut dyn Conn, tenant: Uuid) -> Result<TenantView, TenantError> {
    let row = store::tenants::get(conn, &tenant)?.ok_or(Missing::Tenant(tenant))?;
    let details = store::tenants::details(conn, &[tenant])?.remove(&tenant).unwrap_or_default();
    Ok(TenantView { tenant: row, details })
}
