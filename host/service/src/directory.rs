//! The directory as logins read it: who a login or a refresh token means, and
//! what that user holds.
//!
//! One login asks the same again and again (its backend, its metadata plugins,
//! itself), and thousands of logins ask between two changes of the answer. So
//! answers are remembered, each with the version of the store that it was read
//! at: one that a write has overtaken is never given.

mod memo;

use std::{mem::size_of, sync::Arc};

use serde_json::{Map, Value};
use uuid::Uuid;
use wazo_auth_store::{
    self as store, Conn, Store,
    groups::{self, Group},
    policies::{self, Policy},
    refresh_tokens::{self, RefreshToken},
    users::{self, User},
};

use memo::{Answer, Item, Memo, PIECE};

/// Longer logins are nobody's, and not worth the memory.
const LONGEST_LOGIN: usize = 256;

const MIB: usize = 1024 * 1024;
/// Bytes for each kind of answer, at most: enough for about 100,000 users, who
/// take 1 kB each when they hold few different lists. 192 MiB in all, of which
/// nothing is taken before it is needed.
const LOGINS: usize = 16 * MIB;
const USERS: usize = 96 * MIB;
const LISTS: usize = 16 * MIB;
const REFRESH_TOKENS: usize = 32 * MIB;

/// What was read of users since the start.
pub(crate) struct Directory {
    logins: Memo<Box<str>, Option<Uuid>>,
    users: Memo<Uuid, Option<Arc<User>>>,
    acls: Memo<Uuid, Arc<[String]>>,
    policies: Memo<Uuid, Arc<[Policy]>>,
    groups: Memo<Uuid, Arc<[Group]>>,
    refresh_tokens: Memo<Uuid, Arc<Presented>>,
}

/// A refresh token as a login needs it.
pub(crate) struct Presented {
    /// Whose client it is.
    client_id: Option<Box<str>>,
    /// Whose it is.
    pub(crate) user: Option<Uuid>,
    /// The login that it was given for.
    pub(crate) login: Option<Box<str>>,
    /// What was stored with it.
    pub(crate) metadata: Map<String, Value>,
}

// === impl Directory ===

impl Default for Directory {
    fn default() -> Self {
        Self {
            logins: Memo::within(LOGINS),
            users: Memo::within(USERS),
            acls: Memo::within(LISTS),
            policies: Memo::within(LISTS),
            groups: Memo::within(LISTS),
            refresh_tokens: Memo::within(REFRESH_TOKENS),
        }
    }
}

impl Directory {
    /// The enabled user that `login` means.
    pub(crate) fn by_login(
        &self,
        store: &Store,
        login: &str,
    ) -> Result<Option<Arc<User>>, store::Error> {
        let version = store.version();
        let user = match self.logins.find(version, login) {
            Some(user) => user,
            None => {
                let user = store.ask(|conn| users::uuid_by_login(conn, login))?;
                if login.len() <= LONGEST_LOGIN {
                    self.logins.keep(version, login.into(), login.len() + PIECE, user);
                }
                user
            }
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
        of_user(&self.users, store, user, |conn| Ok(users::get(conn, &user)?.map(Arc::new)))
    }

    /// What the user may do.
    pub(crate) fn acl(&self, store: &Store, user: Uuid) -> Result<Arc<[String]>, store::Error> {
        of_user(&self.acls, store, user, |conn| Ok(policies::acl_of_user(conn, &user)?.into()))
    }

    /// The user's own policies.
    pub(crate) fn policies(
        &self,
        store: &Store,
        user: Uuid,
    ) -> Result<Arc<[Policy]>, store::Error> {
        of_user(&self.policies, store, user, |conn| Ok(policies::of_user(conn, &user)?.into()))
    }

    /// The user's groups.
    pub(crate) fn groups(&self, store: &Store, user: Uuid) -> Result<Arc<[Group]>, store::Error> {
        of_user(&self.groups, store, user, |conn| Ok(groups::of_user(conn, &user)?.into()))
    }

    /// Has all remembered that a login by refresh token asks of its user, who has had
    /// this login: read with one wait where it is not known.
    pub(crate) fn recall(
        &self,
        store: &Store,
        user: Uuid,
        login: &str,
    ) -> Result<(), store::Error> {
        let version = store.version();
        let knows_user = self.users.find(version, &user).is_some();
        let knows_login = login.len() > LONGEST_LOGIN || self.logins.find(version, login).is_some();
        let knows_acl = self.acls.find(version, &user).is_some();
        if knows_user && knows_login && knows_acl {
            return Ok(());
        }
        store.ask(|conn| {
            let sent_user = unless(knows_user, || users::send_get(conn, &user))?;
            let sent_login = unless(knows_login, || users::send_uuid_by_login(conn, login))?;
            let sent_acl = unless(knows_acl, || policies::send_acl_of_user(conn, &user))?;
            if let Some(sent) = sent_user {
                let found = users::got(conn, sent)?.map(Arc::new);
                self.users.keep(version, user, 0, found);
            }
            if let Some(sent) = sent_login {
                let found = users::got_uuid(conn, sent)?;
                self.logins.keep(version, login.into(), login.len() + PIECE, found);
            }
            if let Some(sent) = sent_acl {
                let found = policies::got_acl(conn, sent)?.into();
                self.acls.keep(version, user, 0, found);
            }
            Ok(())
        })
    }

    /// The refresh token of this value, if it is of this client.
    pub(crate) fn refresh_token(
        &self,
        store: &Store,
        token: Uuid,
        client_id: &str,
    ) -> Result<Option<Arc<Presented>>, store::Error> {
        let version = store.version_of_refresh_tokens();
        if let Some(known) = self.refresh_tokens.find(version, &token)
            && known.client_id.as_deref() == Some(client_id)
        {
            return Ok(Some(known));
        }
        let found = store.ask(|conn| refresh_tokens::get(conn, &token, client_id))?;
        // One that is not there may be made at any time, and is not remembered.
        let found = found.map(|found| Arc::new(Presented::from(found)));
        Ok(found.map(|found| self.refresh_tokens.keep(version, token, 0, found)))
    }
}

/// An answer about a user: remembered, or read.
fn of_user<V: Answer>(
    memo: &Memo<Uuid, V>,
    store: &Store,
    user: Uuid,
    read: impl FnOnce(&mut dyn Conn) -> Result<V, store::Error>,
) -> Result<V, store::Error> {
    // Before the reading: what is read may be newer than that, never older.
    let version = store.version();
    if let Some(known) = memo.find(version, &user) {
        return Ok(known);
    }
    Ok(memo.keep(version, user, 0, store.ask(read)?))
}

fn unless<T>(
    is_known: bool,
    send: impl FnOnce() -> Result<T, store::Error>,
) -> Result<Option<T>, store::Error> {
    if is_known { Ok(None) } else { send().map(Some) }
}

// === impl Presented ===

impl From<RefreshToken> for Presented {
    fn from(row: RefreshToken) -> Self {
        Self {
            client_id: row.client_id.map(Into::into),
            user: row.user_uuid,
            login: row.login.map(Into::into),
            metadata: row.metadata,
        }
    }
}

// === impl Answer ===

impl Answer for Option<Uuid> {
    fn bytes(&self) -> usize {
        0
    }
}

impl Answer for Option<Arc<User>> {
    fn bytes(&self) -> usize {
        let Some(user) = self else { return 0 };
        let names = [&user.username, &user.firstname, &user.lastname];
        let names = names.map(|name| name.as_deref().map_or(0, text));
        let words = [&user.purpose, &user.authentication_method, &user.tenant_default_method];
        let password = user.password.as_ref();
        let password = password.map_or(0, |known| text(&known.hash) + known.salt.len() + PIECE);
        let emails = user.emails.iter().map(|email| size_of_val(email) + text(&email.address));
        size_of::<User>()
            + 2 * PIECE
            + names.iter().sum::<usize>()
            + words.map(|word| text(word)).iter().sum::<usize>()
            + password
            + emails.sum::<usize>()
            + PIECE
    }
}

impl Answer for Arc<Presented> {
    fn bytes(&self) -> usize {
        let texts = [&self.client_id, &self.login];
        let texts: usize = texts.iter().map(|known| known.as_deref().map_or(0, text)).sum();
        size_of::<Presented>() + 2 * PIECE + texts + of_object(&self.metadata)
    }
}

impl Item for String {
    fn bytes(&self) -> usize {
        text(self)
    }
}

impl Item for Policy {
    fn bytes(&self) -> usize {
        text(&self.name) + text(&self.slug) + self.description.as_deref().map_or(0, text)
    }
}

impl Item for Group {
    fn bytes(&self) -> usize {
        text(&self.name) + text(&self.slug)
    }
}

fn text(text: &str) -> usize {
    text.len() + PIECE
}

fn of_object(object: &Map<String, Value>) -> usize {
    let pair = |(key, value): (&String, &Value)| {
        size_of::<(usize, String)>() + text(key) + of_value(value)
    };
    object.iter().map(pair).sum()
}

fn of_value(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::String(known) => text(known),
            Value::Array(items) => PIECE + items.iter().map(of_value).sum::<usize>(),
            Value::Object(object) => PIECE + of_object(object),
            _ => 0,
        }
}
