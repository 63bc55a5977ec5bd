//! From the configuration to the parts of the daemon.

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use indexmap::IndexMap;
use wazo_auth_config::{Config, DbUri, DefaultPolicy, Isolation, Policies, Secret, Settings, Tls};
use wazo_auth_context::Context;
use wazo_auth_http::{Cors, Limits, MAIL_REQUESTS, TlsFiles};
use wazo_auth_log::{Handle, Level};
use wazo_auth_password::Hasher;
use wazo_auth_plugins as plugins;
use wazo_auth_remote::Remote;
use wazo_auth_service::{
    Outside, Rules,
    bootstrap::InitialUser,
    reconciliation::{Configured, ConfiguredPolicy},
};
use wazo_auth_store::{Database, KeyFileError, Sealer, Server, Store, holds_tables, key_file};

use crate::{environment, mails};

/// Why the daemon cannot start: a sentence for the log.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Logins that may wait for each hashing thread: the last of them has waited
/// some five seconds, which is as long as a person waits.
const LOGINS_PER_THREAD: usize = 32;
/// Look-ups of tokens that the daemon does not hold at once: none waits for other
/// requests.
pub(crate) const LOOKUPS: usize = 4;
/// Logins that may wait for servers of tenants to answer others.
pub(crate) const OUTSIDE_QUEUE: usize = 256;
/// The hashing threads stay behind everything else.
const HASHING_NICE: i32 = 19;

/// How long the Python service's database may take to answer.
const INQUIRY: Duration = Duration::from_secs(1);

/// Refuses to begin with an empty file where nothing says so and the Python
/// service's database is at its usual place: it would seem that everybody is gone.
/// For whatever makes the file, or misses it.
pub(crate) fn ensure_meant(config: &Config) -> Result<(), Failure> {
    let DbUri::Sqlite(path) = &config.settings.database.uri else { return Ok(()) };
    let usual = DbUri::OF_THE_PYTHON_SERVICE;
    // One that cannot be looked at is not taken for missing.
    let is_missing = matches!(path.try_exists(), Ok(false));
    if config.is_set(&["db_uri"]) || !is_missing || !holds_tables(usual, INQUIRY) {
        return Ok(());
    }
    let path = path.display();
    Err(format!(
        "`db_uri` is not set and there is no database {path} yet, but PostgreSQL on this host \
         holds the tables of wazo-auth: to use them, set `db_uri: {usual}`; to begin with an empty \
         database all the same, set `db_uri: sqlite:///{path}`"
    )
    .into())
}

/// Opens the store.
pub(crate) fn store(settings: &Settings, context: &Context) -> Result<Arc<Store>, Failure> {
    // Requests and logins each have as many workers, and logins elsewhere some.
    let outside = u32::try_from(outside_workers(settings)).unwrap_or(u32::MAX);
    let connections = settings.rest_api.max_threads.saturating_mul(2).saturating_add(outside);
    let key_file = &settings.database.token_key_file;
    let sealer = key_file::read(key_file)?.map(|key| Sealer::new(&key));
    match &settings.database.uri {
        DbUri::Sqlite(path) => {
            let database = Database::open(path.clone(), context)?;
            let tokens = database.tokens_of_another_key(sealer.as_ref())?;
            fits(key_file, &path.display().to_string(), sealer.as_ref(), tokens)?;
            let sealer = for_writing(settings, sealer, context)?;
            Ok(database.start(connections, sealer, context.clone())?)
        }
        DbUri::Postgresql(_) => {
            let patience = settings.database.connect_retry_timeout;
            let mut server = server(settings, patience, context)?;
            let tokens = server.tokens_of_another_key(sealer.as_ref())?;
            fits(key_file, server.name(), sealer.as_ref(), tokens)?;
            let sealer = for_writing(settings, sealer, context)?;
            // One more for work in the background.
            let server = server.with_token_check_grace(settings.database.token_check_grace);
            Ok(server.start(connections + 1, sealer, context.clone())?)
        }
    }
}

/// Reaches the server that `db_uri` names, and has the schema made where that is
/// wanted.
fn server(settings: &Settings, patience: Duration, context: &Context) -> Result<Server, Failure> {
    let DbUri::Postgresql(uri) = &settings.database.uri else {
        return Err("`db_uri` names no PostgreSQL server".into());
    };
    Ok(Server::open(uri.expose(), patience, settings.database.upgrade_on_startup, context)?)
}

/// Opens the store for a command, whether daemons run or not.
pub(crate) fn store_beside(settings: &Settings, context: &Context) -> Result<Arc<Store>, Failure> {
    Ok(match &settings.database.uri {
        DbUri::Sqlite(path) => Store::open_beside(path.clone(), 1, context.clone())?,
        DbUri::Postgresql(_) => server(settings, PATIENCE, context)?.start_beside()?,
    })
}

/// The file of the database.
pub(crate) fn sqlite_file(settings: &Settings) -> Result<&Path, Failure> {
    match &settings.database.uri {
        DbUri::Sqlite(path) => Ok(path),
        DbUri::Postgresql(_) => Err(NO_FILE.into()),
    }
}

/// What seals and reads tokens, from the key that is there and [fits]. A new
/// key is made for new databases only: one that was lost would be missed too late,
/// when everybody is logged out and tokens of a second key stand among those of
/// the first.
fn for_writing(
    settings: &Settings,
    sealer: Option<Sealer>,
    context: &Context,
) -> Result<Option<Sealer>, Failure> {
    Ok(match sealer {
        Some(sealer) if settings.database.seal_tokens => Some(sealer),
        // What was sealed before `seal_tokens: false` stays valid.
        Some(sealer) => Some(sealer.for_reading()),
        None if settings.database.seal_tokens => Some(or_new_key(settings, None, context)?),
        None => None,
    })
}

/// What seals tokens: from the key that is there, or from a new one.
pub(crate) fn or_new_key(
    settings: &Settings,
    sealer: Option<Sealer>,
    context: &Context,
) -> Result<Sealer, KeyFileError> {
    let path = &settings.database.token_key_file;
    match sealer {
        Some(sealer) => Ok(sealer),
        None => Ok(Sealer::new(&*key_file::read_or_create(path, context)?)),
    }
}

/// Refuses a key that cannot read any of the sealed tokens: so many of them
/// there are, as [`Database::tokens_of_another_key`] tells.
pub(crate) fn fits(
    key_file: &Path,
    database: &str,
    sealer: Option<&Sealer>,
    tokens: u64,
) -> Result<(), KeyFileError> {
    let (path, database) = (key_file.to_owned(), database.to_owned());
    match (tokens, sealer) {
        (0, _) => Ok(()),
        (_, Some(_)) => Err(KeyFileError::Wrong { path, database, tokens }),
        (_, None) => Err(KeyFileError::Missing { path, database, tokens }),
    }
}

const NO_FILE: &str = "`db_uri` names a PostgreSQL server, whose own tools make copies and put them \
    back (pg_dump -Fc, pg_restore): keep a copy of token_key_file with one";
/// How long a command waits for a server.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reaches a server for a command.
pub(crate) fn connected(uri: &Secret<String>) -> Result<Server, Failure> {
    Ok(Server::connect(uri.expose(), PATIENCE)?)
}

/// Starts the hashing threads.
pub(crate) fn hasher(settings: &Settings, context: &Context) -> Result<Hasher, Failure> {
    let threads = cores();
    Ok(Hasher::start(wazo_auth_password::Settings {
        threads,
        // Never reached: each worker of the three pools brings one password. What
        // is refused, the queue of the logins refuses. So does each registration.
        waiting: 2 * settings.rest_api.max_threads as usize
            + outside_workers(settings)
            + MAIL_REQUESTS,
        nice: HASHING_NICE,
        unknown_salt: context.random(),
    })?)
}

/// Logins that may wait for a worker.
pub(crate) fn login_queue() -> usize {
    cores().get() * LOGINS_PER_THREAD
}

/// How many logins may wait for servers of tenants: as many as the plugin that asks
/// them runs calls.
pub(crate) fn outside_workers(settings: &Settings) -> usize {
    let options = settings.plugins.options.get("ldap");
    options.cloned().unwrap_or_default().max_concurrent_calls.max(1) as usize
}

/// How many threads can really run at once.
pub(crate) fn cores() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// The settings of the rules.
pub(crate) fn rules(settings: &Settings) -> Rules {
    let tokens = &settings.tokens;
    Rules {
        default_token_lifetime: i64::from(tokens.default_lifetime),
        max_user_concurrent_sessions: i64::from(tokens.max_user_concurrent_sessions),
        default_user_policy: tokens.default_user_policy.clone(),
        backend_policies: tokens.backend_policies.clone(),
        token_cleanup_batch_size: tokens.cleanup_batch_size,
        token_cleanup_interval: tokens.cleanup_interval.as_secs_f64(),
        configured: configured(&settings.policies),
        mails: mails::rules(settings),
    }
}

fn configured(policies: &Policies) -> Configured {
    let made = policies.default_policies.iter().map(|(slug, policy)| {
        let DefaultPolicy { acl, description } = policy.clone();
        (slug.clone(), ConfiguredPolicy { acl, description })
    });
    let groups = policies.tenant_default_groups.iter();
    Configured {
        update_on_startup: policies.update_on_startup,
        policies: made.collect(),
        all_users_policies: policies.all_users_policies.clone(),
        groups: groups.map(|(slug, group)| (slug.clone(), group.policies.clone())).collect(),
    }
}

/// What the plugin registry needs to know.
pub(crate) fn plugin_settings(settings: &Settings) -> plugins::Settings {
    let configured = &settings.plugins;
    plugins::Settings {
        plugin_dirs: configured.dirs.clone(),
        enabled_backends: configured.backend.clone(),
        enabled_metadata: configured.metadata.clone(),
        purpose_metadata_mapping: configured.purpose_metadata.clone(),
        idps: configured.idp.iter().map(|(name, idp)| (name.clone(), idp_options(*idp))).collect(),
        enabled_external_auth: configured.external_auth.clone(),
        email_notification: Some(configured.email_notification.clone()),
        enabled_http: configured.http.clone(),
        plugins: options_of_plugins(settings),
        workers: Some(workers_for_plugins(settings.rest_api.max_threads as usize)),
        worker_program: None,
    }
}

/// What each plugin needs beyond its name. Those of google, microsoft
/// and smtp have sections of their own in the configuration.
fn options_of_plugins(settings: &Settings) -> IndexMap<String, plugins::PluginOptions> {
    let options = settings.plugins.options.iter();
    let mut options: IndexMap<_, _> =
        options.map(|(name, options)| (name.clone(), plugin_options(options))).collect();
    let external = &settings.external_auth;
    for (name, section) in [("google", &external.google), ("microsoft", &external.microsoft)] {
        let Some(section) = section else { continue };
        let of_plugin = options.entry(name.to_owned()).or_default();
        if of_plugin.config.as_object().is_none_or(|config| config.is_empty()) {
            of_plugin.config.clone_from(section);
        }
    }
    let smtp = options.entry(mails::SMTP.to_owned()).or_default();
    smtp.config = mails::smtp(settings, &smtp.config);
    options
}

/// The way to other services.
pub(crate) fn outside(settings: &Settings) -> Outside {
    let external = &settings.external_auth;
    let remote = Remote::new(environment::allows_http());
    let (relay, redirect) = (&external.ws_url_template, &external.redirect_url_template);
    let requests = workers_for_plugins(settings.rest_api.max_threads as usize);
    Outside::new(remote, relay.clone(), redirect.clone(), requests)
}

/// A quarter of the workers is left for logins without other people's plugins;
/// of a single one there is nothing to leave.
fn workers_for_plugins(workers: usize) -> usize {
    (workers - workers.div_ceil(4)).max(1)
}

fn idp_options(idp: wazo_auth_config::IdpPlugin) -> plugins::Idp {
    plugins::Idp { enabled: idp.enabled, priority: idp.priority }
}

fn plugin_options(options: &wazo_auth_config::PluginOptions) -> plugins::PluginOptions {
    plugins::PluginOptions {
        path: options.path.clone(),
        sha256: options.sha256.clone(),
        isolation: match options.isolation {
            Isolation::InProcess => plugins::Isolation::InProcess,
            Isolation::Process => plugins::Isolation::Process,
        },
        timeout: options.timeout.as_secs_f64(),
        max_concurrent_calls: options.max_concurrent_calls as usize,
        config: options.config.expose().clone(),
        identities: options.identities.as_ref().map(|identities| plugins::Identities {
            tenant: identities.tenant.clone(),
            max_acl: identities.max_acl.clone(),
        }),
        accesses: options.accesses.clone(),
    }
}

/// Certificate and key, where TLS is wanted; `true` when they are ours to make.
pub(crate) fn tls_files(settings: &Settings) -> Option<(TlsFiles, bool)> {
    let api = &settings.rest_api;
    let named = api.certificate_files();
    let files = |certificate: PathBuf, private_key: PathBuf| TlsFiles { certificate, private_key };
    match (api.tls, named) {
        (Some(Tls::SelfSigned), Some((certificate, key))) => {
            Some((files(certificate.clone(), key.clone()), true))
        }
        (Some(Tls::SelfSigned), None) => {
            let state = settings.database.token_key_file.parent().unwrap_or(Path::new("."));
            Some((files(state.join("tls.crt"), state.join("tls.key")), true))
        }
        (None, Some((certificate, key))) => Some((files(certificate.clone(), key.clone()), false)),
        (None, None) => None,
    }
}

/// The edge's settings.
pub(crate) fn http(
    settings: &Settings,
    connections: usize,
) -> Result<wazo_auth_http::Settings, Failure> {
    const MAX_BODY: usize = 1024 * 1024;
    let (api, timeouts) = (&settings.rest_api, &settings.rest_api.timeouts);
    Ok(wazo_auth_http::Settings {
        num_proxies: api.num_proxies as usize,
        plugins: enabled(&settings.plugins.http),
        cors: Cors { enabled: api.cors.enabled, allow_headers: api.cors.allow_headers.clone() },
        max_body: MAX_BODY,
        limits: Limits {
            connections,
            handshake: timeouts.handshake,
            head: timeouts.head,
            body: timeouts.body,
            answer: timeouts.answer,
            stop: timeouts.stop,
        },
        confirmation_page: mails::page_type(settings)?,
    })
}

/// What `/config` shows and changes.
pub(crate) fn shown(config: &Config, log: &Handle) -> wazo_auth_http::Config {
    let (log, level) = (log.clone(), config.settings.process.log_level);
    wazo_auth_http::Config::new(config.shown(), move |debug| {
        log.set_level(if debug { Level::Debug } else { level });
    })
}

/// The names that are on.
pub(crate) fn enabled(plugins: &IndexMap<String, bool>) -> Vec<String> {
    plugins.iter().filter(|(_, on)| **on).map(|(name, _)| name.clone()).collect()
}

/// The administrator to make sure of, if one is wanted.
pub(crate) fn initial_user(settings: &Settings) -> Result<Option<InitialUser>, Failure> {
    let user = &settings.bootstrap_user;
    if !user.on_startup {
        return Ok(None);
    }
    // Nobody can log in with an empty one.
    let username = user.username.as_ref().filter(|username| !username.is_empty());
    let password = user.password.as_ref().filter(|password| !password.expose().is_empty());
    let (Some(username), Some(password)) = (username, password) else {
        return Err("`bootstrap_user_on_startup` needs `bootstrap_user_username` and \
            `bootstrap_user_password`"
            .into());
    };
    Ok(Some(InitialUser {
        username: username.clone(),
        password: password.expose().clone(),
        purpose: user.purpose.clone(),
        policy_slug: user.policy_slug.clone(),
    }))
}

/// Tells the operator what the configuration asks for in vain.
pub(crate) fn warn_of_unused_keys(config: &Config) {
    let cors = config.settings.rest_api.cors.others.keys();
    let cors = cors.map(|key| format!("rest_api.cors.{key}"));
    for key in config.unused_keys().into_iter().map(str::to_owned).chain(cors) {
        log::warn!(
            target: "wazo_auth.config",
            "`{key}` is configured, but has no effect in this version"
        );
    }
}
