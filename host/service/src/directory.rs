//! The directory as logins read it: who a login means, and what that user holds.
//!
//! One login asks the same again and again (its backend, its metadata plugins,
//! itself), and thousands of logins ask between two changes of the answer. So
//! answers are remembered, each with the [`Store::version`] it was read at: one
//! that a write has overtaken is never given.

use std::{collections::HashMap, sync::Arc};

use parking_lot::RwLock;
use uuid::Uuid;
use wazo_auth_store::{
    self as store, Conn, Store,
    groups::{self, Group},
    policies::{self, Policy},
    users::{self, User},
};

/// Remembered answers of one kind at most; then all are forgotten.
const CAPACITY: usize = 2048;
/// Longer logins are nobody's, and not worth the memory.
const LONGEST_LOGIN: usize = 256;

/// What was read of users since the start.
#[derive(Default)]
pub(crate) struct Directory {
    logins: Memo<String, Option<Uuid>>,
    users: Memo<Uuid, Option<Arc<User>>>,
    acls: Memo<Uuid, Arc<[String]>>,
    policies: Memo<Uuid, Arc<[Policy]>>,
    groups: Memo<Uuid, Arc<[Group]>>,
}

// === impl Directory ===

impl Directory {
    /// The enabled user that `login` means.
    pub(crate) fn by_login(
        &self,
        store: &Store,
        login: &str,
    ) -> Result<Option<Arc<User>>, store::Error> {
        let read = |conn: &mut dyn Conn| users::uuid_by_login(conn, login);
        let user = if login.len() > LONGEST_LOGIN {
            store.read(read)?
        } else {
            self.logins.get(store, login.to_owned(), read)?
        };
        let Some(user) = user else { return Ok(None) };
        // It may be disabled since the line above.
        Ok(self.user(store, user)?.filter(|user| user.enabled == Some(true)))
    }

    /// The user of this UUID.
    pub(crate) fn user(
        &self,
        store: &Store,
        user: Uuid,
    ) -> Result<Option<Arc<User>>, store::Error> {
        self.users.get(store, user, |conn| Ok(users::get(conn, &user)?.map(Arc::new)))
    }

    /// What the user may do.
    pub(crate) fn acl(&self, store: &Store, user: Uuid) -> Result<Arc<[String]>, store::Error> {
        self.acls.get(store, user, |conn| Ok(policies::acl_of_user(conn, &user)?.into()))
    }

    /// The user's own policies.
    pub(crate) fn policies(
        &self,
        store: &Store,
        user: Uuid,
    ) -> Result<Arc<[Policy]>, store::Error> {
        self.policies.get(store, user, |conn| Ok(policies::of_user(conn, &user)?.into()))
    }

    /// The user's groups.
    pub(crate) fn groups(&self, store: &Store, user: Uuid) -> Result<Arc<[Group]>, store::Error> {
        self.groups.get(store, user, |conn| Ok(groups::of_user(conn, &user)?.into()))
    }
}

/// Answers to one question, all of them read at one version.
struct Memo<K, V>(RwLock<Answers<K, V>>);

struct Answers<K, V> {
    version: u64,
    known: HashMap<K, V>,
}

// === impl Memo ===

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Self(RwLock::new(Answers { version: 0, known: HashMap::new() }))
    }
}

impl<K: std::hash::Hash + Eq, V: Clone> Memo<K, V> {
    fn get(
        &self,
        store: &Store,
        key: K,
        read: impl FnOnce(&mut dyn Conn) -> Result<V, store::Error>,
    ) -> Result<V, store::Error> {
        // Before the reading: what is read may be newer than that, never older.
        let version = store.version();
        {
            let answers = self.0.read();
            if answers.version == version
                && let Some(value) = answers.known.get(&key)
            {
                return Ok(value.clone());
            }
        }
        let value = store.read(read)?;
        let mut answers = self.0.write();
        if answers.version < version || answers.known.len() >= CAPACITY {
            *answers = Answers { version, known: HashMap::new() };
        }
        if answers.version == version {
            answers.known.insert(key, value.clone());
        }
        Ok(value)
    }
}
