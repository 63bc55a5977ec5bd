//! The database that is asked: many users, and many live tokens of theirs.

use std::{
    fs,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
    sync::Arc,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::{Timestamp, tz::TimeZone};
use uuid::Uuid;
use wazo_auth_context::{Context, Environment};
use wazo_auth_store::{
    Change, Options, Sealer, Server, Store, Tx, groups,
    policies::{self, NewPolicy},
    refresh_tokens::{self, NewRefreshToken},
    sessions::{self, Session},
    tenants::{self, Tenant},
    tokens::{self, NewToken},
    transfer::{self, Place, transfer},
    users::{self, NewUser, StoredPassword},
};

use crate::{Outcome, progress::Progress};

/// What a filled database holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Contents {
    /// Live tokens.
    pub(crate) tokens: u64,
    /// Their owners, each with a refresh token.
    pub(crate) users: u64,
}

/// The password of every user.
pub(crate) const PASSWORD: &str = "b3nch";
/// The client that every refresh token was given to.
pub(crate) const CLIENT: &str = "bench";
/// Held by the tokens whose number gives 7 when divided by [`ACLS`], as one of 50.
const ACLS: u64 = 20;
const PER_WRITE: u64 = 1000;
/// Groups have the numbers of their tenants, so much later.
const GROUPS: u64 = 1 << 40;
const EXPIRES: i64 = i32::MAX as i64;
const KEY: [u8; 32] = [7; 32];

/// What a UUID is for: the same number has another one for each.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Token,
    Session,
    User,
    RefreshToken,
    Policy,
    Administrator,
    AdministratorSession,
    Tenant,
}

/// The access that the token of this number grants.
pub(crate) fn granted(number: u64) -> String {
    format!("confd.{}.resource_25.read", number % ACLS)
}

/// Fills `folder` unless an earlier run did; gives the tenant.
pub(crate) fn fill_once(folder: &Path, contents: Contents) -> Outcome<Uuid> {
    let Contents { tokens, users } = contents;
    let label = folder.join(format!("{tokens} tokens of {users} users"));
    if let Ok(tenant) = fs::read_to_string(&label) {
        return Ok(tenant.parse()?);
    }
    if folder.join("auth.db").exists() {
        let folder = folder.display();
        return Err(format!("{folder} holds another database: name an empty folder").into());
    }
    fs::create_dir_all(folder)?;
    let tenant = fill(folder, contents)?;
    fs::write(label, tenant.to_string())?;
    Ok(tenant)
}

/// Fills a new database in `folder`, with its key beside it.
pub(crate) fn fill(folder: &Path, contents: Contents) -> Outcome<Uuid> {
    write_key(folder)?;
    let store = open(folder)?;
    let tenant = store.index().top_tenant().ok_or("no master tenant")?;
    let salt = [1; wazo_auth_password::SALT_BYTES];
    let hash = wazo_auth_password::hash(PASSWORD.as_bytes(), &salt).to_string();
    let password = StoredPassword { hash, salt: salt.to_vec() };
    store.write(Change::Directory, move |tx| insert_policies(tx, tenant))?;
    let mut progress = Progress::new("filling the database", contents.users + contents.tokens);
    for numbers in pages(contents.users) {
        progress.advance(numbers.end - numbers.start);
        let password = password.clone();
        store.write(Change::Directory, move |tx| {
            numbers.clone().try_for_each(|number| insert_user(tx, tenant, number, &password))
        })?;
    }
    for numbers in pages(contents.tokens) {
        progress.advance(numbers.end - numbers.start);
        store.write(Change::Directory, move |tx| {
            numbers.clone().try_for_each(|number| insert_token(tx, tenant, number, contents.users))
        })?;
    }
    Ok(tenant)
}

fn pages(count: u64) -> impl Iterator<Item = std::ops::Range<u64>> {
    (0..count).step_by(PER_WRITE as usize).map(move |first| first..count.min(first + PER_WRITE))
}

fn write_key(folder: &Path) -> Outcome {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    let path = folder.join("token.key");
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path)?;
    std::io::Write::write_all(&mut file, format!("{}\n", STANDARD.encode(KEY)).as_bytes())?;
    Ok(())
}

/// Copies what the file in `folder` holds into an empty database of a server.
pub(crate) fn copy(folder: &Path, uri: &str) -> Outcome {
    let (from, to) = (Place::File(folder.join("auth.db")), Place::Server(uri.to_owned()));
    let mut progress = None;
    let mut done_before = 0;
    transfer(from, to, &context(), &mut |done, all| {
        let progress = progress.get_or_insert_with(|| Progress::new("copying to the server", all));
        progress.advance(done - done_before);
        done_before = done;
    })?;
    Ok(transfer::settle(uri)?)
}

fn context() -> Context {
    Context::system(Environment { xivo_uuid: None, time_zone: TimeZone::UTC })
}

fn open(folder: &Path) -> Outcome<Arc<Store>> {
    let context = context();
    let sealer = Some(Sealer::new(&KEY));
    if let Ok(uri) = fs::read_to_string(folder.join(crate::process::DB_URI)) {
        let server = Server::open(&uri, Duration::ZERO, true, &context)?;
        return Ok(server.start(1, sealer, context)?);
    }
    Ok(Store::open(Options { path: folder.join("auth.db"), readers: 1, sealer }, context)?)
}

/// Twenty accesses for everybody, as a platform gives to its users.
fn insert_policies(tx: &mut Tx<'_>, tenant: Uuid) -> Result<(), wazo_auth_store::Error> {
    let uuid = uuid(0, Kind::Policy);
    policies::insert(
        tx,
        &NewPolicy {
            uuid,
            name: "bench".to_owned(),
            slug: "bench".to_owned(),
            description: None,
            tenant_uuid: tenant,
            config_managed: false,
            shared: false,
        },
    )?;
    let accesses: Vec<String> = (0..20).map(|n| format!("calld.resource_{n}.read")).collect();
    policies::set_accesses(tx, &uuid, &accesses)?;
    if let Some(group) = groups::all_users_group(tx, &tenant)? {
        groups::add_policy(tx, &group, &uuid)?;
    }
    Ok(())
}

fn insert_user(
    tx: &mut Tx<'_>,
    tenant: Uuid,
    number: u64,
    password: &StoredPassword,
) -> Result<(), wazo_auth_store::Error> {
    let user = uuid(number, Kind::User);
    users::insert(
        tx,
        &NewUser {
            uuid: user,
            username: Some(format!("user-{number}")),
            firstname: Some("Bench".to_owned()),
            lastname: None,
            enabled: true,
            tenant_uuid: tenant,
            purpose: "user".to_owned(),
            authentication_method: "default".to_owned(),
            password: Some(password.clone()),
        },
    )?;
    if let Some(group) = groups::all_users_group(tx, &tenant)? {
        groups::add_user(tx, &group, &user)?;
    }
    refresh_tokens::insert(
        tx,
        &NewRefreshToken {
            uuid: uuid(number, Kind::RefreshToken),
            client_id: Some(CLIENT.to_owned()),
            user_uuid: Some(user),
            backend: Some("wazo_user".to_owned()),
            login: Some(format!("user-{number}")),
            user_agent: Some("bench".to_owned()),
            remote_addr: Some("127.0.0.1".to_owned()),
            created_at: Some(Timestamp::UNIX_EPOCH),
            mobile: false,
            metadata: serde_json::Map::new(),
        },
    )
}

fn insert_token(
    tx: &mut Tx<'_>,
    tenant: Uuid,
    number: u64,
    users: u64,
) -> Result<(), wazo_auth_store::Error> {
    let acl = (0..50).map(|grant| format!("confd.{}.resource_{grant}.read", number % ACLS));
    let user = uuid(number % users, Kind::User);
    insert_live(tx, tenant, user, (Kind::Token, Kind::Session), number, acl.collect())
}

/// A token that never ends, with a session of its own.
fn insert_live(
    tx: &mut Tx<'_>,
    tenant: Uuid,
    user: Uuid,
    (token, session): (Kind, Kind),
    number: u64,
    acl: Arc<[String]>,
) -> Result<(), wazo_auth_store::Error> {
    let session_uuid = uuid(number, session);
    let user = user.to_string();
    let metadata = serde_json::json!({"uuid": user, "tenant_uuid": tenant, "purpose": "user"});
    sessions::insert(tx, &Session { uuid: session_uuid, mobile: false, tenant_uuid: tenant })?;
    let token = NewToken {
        uuid: uuid(number, token),
        auth_id: user,
        pbx_user_uuid: None,
        xivo_uuid: None,
        issued_at: Some(0),
        expires_at: Some(EXPIRES),
        metadata: metadata.as_object().cloned().unwrap_or_default(),
        session_uuid,
        user_agent: String::new(),
        remote_addr: String::new(),
        acl,
        refresh_token_uuid: None,
    };
    tokens::insert(tx, &token)
}

/// Gives a token that may do everything to the first user.
pub(crate) fn add_administrator(folder: &Path) -> Outcome<Uuid> {
    let store = open(folder)?;
    let tenant = store.index().top_tenant().ok_or("no master tenant")?;
    let (user, kinds) = (uuid(0, Kind::User), (Kind::Administrator, Kind::AdministratorSession));
    store.write(Change::Directory, move |tx| {
        insert_live(tx, tenant, user, kinds, 0, ["#".to_owned()].into())
    })?;
    Ok(uuid(0, Kind::Administrator))
}

/// Adds tenants directly below the top one, each with two groups.
pub(crate) fn add_tenants(folder: &Path, count: u64) -> Outcome {
    let store = open(folder)?;
    let top = store.index().top_tenant().ok_or("no master tenant")?;
    for numbers in pages(count) {
        store.write(Change::Directory, move |tx| {
            numbers.clone().try_for_each(|number| insert_tenant(tx, top, number))
        })?;
    }
    Ok(())
}

fn insert_tenant(tx: &mut Tx<'_>, top: Uuid, number: u64) -> Result<(), wazo_auth_store::Error> {
    let tenant = uuid(number, Kind::Tenant);
    tenants::insert(
        tx,
        &Tenant {
            uuid: tenant,
            name: Some(format!("Tenant {number}")),
            slug: format!("t{number}"),
            parent_uuid: top,
            default_authentication_method: "native".to_owned(),
            phone: None,
            contact_uuid: None,
        },
    )?;
    let _: Uuid = groups::ensure_all_users_group(tx, &tenant, uuid(number + GROUPS, Kind::Tenant))?;
    let (name, slug) = ("staff".to_owned(), "staff".to_owned());
    let staff = uuid(number + 2 * GROUPS, Kind::Tenant);
    groups::insert(
        tx,
        &groups::Group { uuid: staff, name, slug, tenant_uuid: tenant, system_managed: false },
    )
}

/// Adds tokens that expired long ago, each with its session, faster than any
/// daemon would: without the index, a million rows per statement.
pub(crate) fn add_expired(folder: &Path, count: u64) -> Outcome {
    const AT_ONCE: u64 = 250_000;
    let conn = rusqlite::Connection::open(folder.join("auth.db"))?;
    conn.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -262144")?;
    let tenant: String = conn.query_row(
        "SELECT uuid FROM auth_tenant WHERE parent_uuid = uuid OR parent_uuid IS NULL LIMIT 1",
        [],
        |row| row.get(0),
    )?;
    let mut progress = Progress::new("adding expired tokens", count);
    for first in (0..count).step_by(AT_ONCE as usize) {
        let last = count.min(first + AT_ONCE);
        progress.advance(last - first);
        conn.execute_batch(&format!(
            "BEGIN;
             CREATE TEMP TABLE fresh AS WITH RECURSIVE n(i) AS \
             (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {last}) \
             SELECT i, lower(hex(randomblob(16))) AS r FROM n;
             CREATE TEMP TABLE named AS SELECT i, \
             printf('%s-%s-4%s-8%s-%s', substr(r,1,8), substr(r,9,4), substr(r,14,3), \
             substr(r,18,3), substr(r,21,12)) AS session FROM fresh;
             INSERT INTO auth_session (uuid, mobile, tenant_uuid) \
             SELECT session, 0, '{tenant}' FROM named;
             INSERT INTO auth_token (uuid, auth_id, issued_t, expire_t, metadata, session_uuid, \
             user_agent, remote_addr, acl) SELECT '~0' || substr(session, 1, 23), \
             'bench-' || (i % 100000), 0, 1 + i / 1000, '{{\"tenant_uuid\": \"{tenant}\"}}', session, \
             '', '', '[]' FROM named;
             DROP TABLE fresh; DROP TABLE named;
             COMMIT"
        ))?;
    }
    Ok(())
}

/// How many of them are left.
pub(crate) fn expired(folder: &Path) -> Outcome<u64> {
    let conn = rusqlite::Connection::open(folder.join("auth.db"))?;
    let sql = "SELECT count(*) FROM auth_token WHERE expire_t < 1000000000";
    let count: i64 = conn.query_row(sql, [], |row| row.get(0))?;
    Ok(count.try_into()?)
}

/// The scattered UUID of a number, always the same.
pub(crate) fn uuid(number: u64, kind: Kind) -> Uuid {
    let high = mix(number.wrapping_mul(8) + kind as u64);
    uuid::Builder::from_u128(u128::from(high) << 64 | u128::from(mix(high))).into_uuid()
}

/// A number that looks random and is always the same.
pub(crate) fn mix(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
