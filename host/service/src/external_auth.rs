//! Accounts at other services (external-auth.md): types, their configuration per
//! tenant, and what users have of them.

use uuid::Uuid;
use wazo_auth_events::{Event, ExternalAuth};
use wazo_auth_plugins::{ApiError, Map};
use wazo_auth_store::{
    self as store, Change, Conn, ListQuery, Page, Tenants, Tx,
    external_auth::{self as rows, Listed},
};

use crate::{Services, missing::Missing};

/// Why an operation on an account, or on the configuration of a type, is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExternalAuthError {
    /// Nobody has used the type so far, and it is asked for its configuration.
    #[error("Configuration for this external auth type \"{0}\" is not defined.")]
    NeverConfigured(String),
    /// The tenant has no configuration of the type.
    #[error("No config found for this external auth type: \"{0}\"")]
    NotConfigured(String),
    /// The tenant has a configuration of the type already.
    #[error("This external authentication config has already been set: \"{0}\"")]
    Configured(String),
    /// Nobody has used the type so far.
    #[error("No such auth type: \"{0}\"")]
    UnknownType(String),
    /// The user has nothing of the type.
    #[error("No such external auth: \"{0}\"")]
    NotSet(String),
    /// The user has something of the type already.
    #[error("This external authentication method has already been set: \"{0}\"")]
    Set(String),
    /// The user, or the tenant, is not there.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The store cannot answer.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// A type as the list of a user shows it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Its name.
    pub name: String,
    /// Whether the user has something of it.
    pub has_data: bool,
    /// What of that is no secret.
    pub data: Map,
    /// What user interfaces are told of the type.
    pub plugin_info: Map,
}

/// What is to be done with what a user has of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It must not be there.
    Create,
    /// It must be there.
    Replace,
    /// Either.
    CreateOrReplace,
}

// === impl ExternalAuthError ===

impl ExternalAuthError {
    /// The answer of the API; none when the store is to blame.
    ///
    /// # Errors
    /// The store's.
    pub fn into_answer(self) -> Result<ApiError, store::Error> {
        let text = self.to_string();
        let about = |status, id: &str, name: String| {
            ApiError::new(status, id, text).resource(name.clone()).detail("type", name)
        };
        Ok(match self {
            Self::NeverConfigured(name) => about(404, "unknown-config", name),
            Self::NotConfigured(name) | Self::NotSet(name) => {
                about(404, "unknown-external-auth", name)
            }
            Self::Configured(name) | Self::Set(name) => about(409, "conflict", name),
            Self::UnknownType(name) => {
                about(404, "unknown-external-auth-type", name).resource("external")
            }
            Self::Missing(missing) => {
                let (id, resource) = missing.names();
                let uuid = missing.uuid().to_string();
                ApiError::new(404, id, missing.to_string()).resource(resource).detail("uuid", uuid)
            }
            Self::Store(error) => return Err(error),
        })
    }
}

impl Services {
    /// Brings the flags of the types in line with the configuration; those that
    /// are enabled and were never used are made.
    ///
    /// # Errors
    /// The store's.
    pub fn enable_external_auth_types(&self, enabled: &[String]) -> Result<(), store::Error> {
        let known = self.store().read(rows::types)?;
        let is_enabled = |name: &str| enabled.iter().any(|enabled| enabled == name);
        let fits = known.iter().all(|known| known.enabled == is_enabled(&known.name))
            && enabled.iter().all(|name| known.iter().any(|known| known.name == *name));
        if fits {
            return Ok(());
        }
        let enabled = enabled.to_vec();
        let fresh: Vec<Uuid> = enabled.iter().map(|_| self.context().uuid()).collect();
        self.store().write(Change::Directory, move |tx| {
            let conn = tx.conn();
            for (name, fresh) in enabled.iter().zip(&fresh) {
                rows::ensure_type(conn, name, *fresh)?;
            }
            for known in rows::types(conn)? {
                let is_enabled = enabled.contains(&known.name);
                if known.enabled != is_enabled {
                    rows::enable_type(conn, &known.uuid, is_enabled)?;
                }
            }
            Ok(())
        })
    }

    /// A page of the enabled types, with what of a user's data is no secret. The
    /// user need not exist.
    ///
    /// # Errors
    /// The store's.
    pub fn list_external_auth(
        &self,
        user: Uuid,
        query: &ListQuery,
    ) -> Result<Page<Shown>, store::Error> {
        let page = self.store().read(|conn| rows::list(conn, &user, query))?;
        let Page { items, total, filtered } = page;
        let items = items.into_iter().map(|listed| self.shown(listed)).collect();
        Ok(Page { items, total, filtered })
    }

    fn shown(&self, Listed { name, data }: Listed) -> Shown {
        let plugins = self.plugins().ok();
        let plugin = plugins.and_then(|all| all.external_auth().find(|known| known.name() == name));
        let has_data = data.is_some();
        let data = data.and_then(|data| serde_json::from_str(&data).ok());
        let safe = plugin.zip(data).map(|(plugin, data)| plugin.safe_data(&data));
        let data = safe.transpose().unwrap_or_else(|error| {
            log::error!(target: "wazo_auth.external_auth",
                "nothing is shown of the data of a user: {error}");
            None
        });
        let plugin_info = plugin.map(|plugin| plugin.plugin_info().clone());
        Shown {
            name,
            has_data,
            data: data.unwrap_or_default(),
            plugin_info: plugin_info.unwrap_or_default(),
        }
    }

    /// A page of the users who have something of a type. Nobody has anything of
    /// one that is not enabled.
    ///
    /// # Errors
    /// [`ExternalAuthError`].
    pub fn list_external_auth_users(
        &self,
        name: &str,
        tenants: Tenants,
        query: &ListQuery,
    ) -> Result<Page<Uuid>, ExternalAuthError> {
        self.store().read(|conn| {
            let found = rows::type_named(conn, name)?;
            let found = found.ok_or_else(|| ExternalAuthError::UnknownType(name.to_owned()))?;
            if !found.enabled {
                return Ok(Page { items: Vec::new(), total: 0, filtered: 0 });
            }
            Ok(rows::list_users(conn, &found.uuid, tenants, query)?)
        })
    }

    /// The configuration of a type for a tenant, as JSON text.
    ///
    /// # Errors
    /// [`ExternalAuthError`].
    pub fn external_auth_config(
        &self,
        name: &str,
        tenant: Uuid,
    ) -> Result<String, ExternalAuthError> {
        self.store().read(|conn| {
            let found = rows::type_named(conn, name)?;
            let found = found.ok_or_else(|| ExternalAuthError::NeverConfigured(name.to_owned()))?;
            let config = rows::config(conn, &found.uuid, &tenant)?;
            config.ok_or_else(|| ExternalAuthError::NotConfigured(name.to_owned()))
        })
    }

    /// Sets the configuration of a type, which may be a new one, for a tenant.
    ///
    /// # Errors
    /// [`ExternalAuthError`].
    pub fn create_external_auth_config(
        &self,
        name: &str,
        tenant: Uuid,
        data: String,
    ) -> Result<(), ExternalAuthError> {
        let (name, fresh) = (name.to_owned(), self.context().uuid());
        self.store().write(Change::Directory, move |tx| {
            let conn = tx.conn();
            let uuid = rows::ensure_type(conn, &name, fresh)?;
            match rows::insert_config(conn, &uuid, &tenant, &data) {
                Err(store::Error::Unique { .. }) => {
                    Err(ExternalAuthError::Configured(name.clone()))
                }
                Err(store::Error::ForeignKey) => Err(Missing::Tenant(tenant).into()),
                result => Ok(result?),
            }
        })
    }

    /// Replaces the configuration of a type for a tenant.
    ///
    /// # Errors
    /// [`ExternalAuthError`].
    pub fn replace_external_auth_config(
        &self,
        name: &str,
        tenant: Uuid,
        data: String,
    ) -> Result<(), ExternalAuthError> {
        self.change_config(name, move |conn, of| rows::replace_config(conn, of, &tenant, &data))
    }

    /// Deletes the configuration of a type for a tenant.
    ///
    /// # Errors
    /// [`ExternalAuthError`].
    pub fn delete_external_auth_config(
        &self,
        name: &str,
        tenant: Uuid,
    ) -> Result<(), ExternalAuthError> {
        self.change_config(name, move |conn, of| rows::delete_config(conn, of, &tenant))
    }

    fn change_config(
        &self,
        name: &str,
        mut change: impl FnMut(&mut dyn Conn, &Uuid) -> Result<bool, store::Error> + Send + 'static,
    ) -> Result<(), ExternalAuthError> {
        let name = name.to_owned();
        self.store().write(Change::Directory, move |tx| {
            let conn = tx.conn();
            let of = known_type(conn, &name)?;
            let is_there = change(conn, &of)?;
            is_there.then_some(()).ok_or_else(|| ExternalAuthError::NotConfigured(name.clone()))
        })
    }

    /// What a user has of a type, as JSON text.
    ///
    /// # Errors
    /// [`ExternalAuthError`].
    pub fn external_auth_data(&self, name: &str, user: Uuid) -> Result<String, ExternalAuthError> {
        self.store().read(|conn| {
            let of = known_type(conn, name)?;
            tenant_of(conn, user)?;
            let data = rows::data(conn, &of, &user)?;
            data.ok_or_else(|| ExternalAuthError::NotSet(name.to_owned()))
        })
    }

    /// Stores what a user has of a type.
    ///
    /// # Errors
    /// [`ExternalAuthError`].
    pub fn put_external_auth_data(
        &self,
        name: &str,
        user: Uuid,
        data: String,
        how: Put,
    ) -> Result<(), ExternalAuthError> {
        let fresh = self.context().uuid();
        self.change_data(name, user, move |tx, name| {
            let conn = tx.conn();
            let of = match how {
                Put::Replace => known_type(conn, name)?,
                Put::Create | Put::CreateOrReplace => rows::ensure_type(conn, name, fresh)?,
            };
            tenant_of(conn, user)?;
            if how != Put::Create && rows::replace_data(conn, &of, &user, &data)? {
                return Ok(Event::ExternalAuthUpdated);
            }
            if how == Put::Replace {
                return Err(ExternalAuthError::NotSet(name.to_owned()));
            }
            match rows::insert_data(conn, &of, &user, &data) {
                Err(store::Error::Unique { .. }) => Err(ExternalAuthError::Set(name.to_owned())),
                Err(store::Error::ForeignKey) => Err(Missing::User(user).into()),
                result => Ok(result.map(|()| Event::ExternalAuthAdded as MadeEvent)?),
            }
        })
    }

    /// Deletes what a user has of a type.
    ///
    /// # Errors
    /// [`ExternalAuthError`].
    pub fn delete_external_auth_data(
        &self,
        name: &str,
        user: Uuid,
    ) -> Result<(), ExternalAuthError> {
        self.change_data(name, user, move |tx, name| {
            let conn = tx.conn();
            let of = known_type(conn, name)?;
            tenant_of(conn, user)?;
            match rows::delete_data(conn, &of, &user)? {
                true => Ok(Event::ExternalAuthDeleted),
                false => Err(ExternalAuthError::NotSet(name.to_owned())),
            }
        })
    }

    /// Tells the bus that a user has consented, and what came of it is stored.
    ///
    /// # Errors
    /// [`ExternalAuthError`].
    pub(crate) fn tell_of_consent(&self, name: &str, user: Uuid) -> Result<(), ExternalAuthError> {
        self.change_data(name, user, |_, _| Ok(Event::ExternalAuthAuthorized))
    }

    fn change_data(
        &self,
        name: &str,
        user: Uuid,
        mut change: impl FnMut(&mut Tx<'_>, &str) -> Result<MadeEvent, ExternalAuthError>
        + Send
        + 'static,
    ) -> Result<(), ExternalAuthError> {
        let name = name.to_owned();
        self.write_and_tell(Change::Sessions(Some(user)), move |tx, told| {
            let made = change(tx, &name)?;
            let tenant_uuid = tenant_of(tx.conn(), user)?;
            let name = name.clone();
            told.push(|| made(ExternalAuth { user_uuid: user, tenant_uuid, name }));
            Ok(())
        })
    }
}

/// The event that a change is.
type MadeEvent = fn(ExternalAuth) -> Event;

fn known_type(conn: &mut dyn Conn, name: &str) -> Result<Uuid, ExternalAuthError> {
    let found = rows::type_named(conn, name)?;
    found.map(|found| found.uuid).ok_or_else(|| ExternalAuthError::UnknownType(name.to_owned()))
}

fn tenant_of(conn: &mut dyn Conn, user: Uuid) -> Result<Uuid, ExternalAuthError> {
    let tenant = store::users::tenant_of(conn, &user)?;
    Ok(tenant.ok_or(Missing::User(user))?)
}
