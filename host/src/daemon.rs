//! The life of the daemon (config.md section 4.1, bootstrap.md section 1).

use std::{io, process::ExitCode, sync::Arc, time::Duration};

use nix::sys::stat::{Mode, umask};
use tokio::signal::unix::{SignalKind, signal};
use wazo_auth_config::{Config, Settings};
use wazo_auth_context::Context;
use wazo_auth_http::{App, PluginRequests, Server};
use wazo_auth_log::{Handle, LogError, LogOptions, critical};
use wazo_auth_plugins::Registry;
use wazo_auth_service::{Services, host_services::PluginHost};
use wazo_auth_work::Pool;

use crate::{
    account, certificate,
    cleanup_task::CleanupTask,
    cli::Cli,
    descriptors, environment, events,
    plugin_trial::Trials,
    priority,
    setup::{self, Failure},
    status_socket::StatusSocket,
};

/// Start-up failed.
const FAILED: u8 = 1;
/// The socket failed while serving (EX_OSERR): the supervisor starts anew.
const SOCKET_FAILED: u8 = 71;
/// Requests that may wait for a worker, for each one there is.
const QUEUE_PER_WORKER: usize = 40;
/// Mails that nobody waits for get so long to be accepted: more than one takes.
const MAILS_AT_THE_END: Duration = Duration::from_secs(5);
/// What still runs after the last request gets so long to end.
const RUNTIME_SHUTDOWN: Duration = Duration::from_secs(1);

/// Runs until a signal, or until something fails.
pub(crate) fn run(cli: &Cli) -> ExitCode {
    let context = match environment::context() {
        Ok(context) => context,
        Err(sentence) => return fail_without_log(&sentence),
    };
    let config = match wazo_auth_config::load(&cli.sources()) {
        Ok(config) => config,
        Err(error) => {
            error.warnings.iter().for_each(|warning| eprintln!("wazo-auth: {warning}"));
            let hint = "(`wazo-auth check-config` finds all mistakes at once)";
            return fail_without_log(&format!("{error} {hint}"));
        }
    };
    config.warnings.iter().for_each(|warning| eprintln!("wazo-auth: {warning}"));
    let log = match open_log(&config.settings, &context) {
        Ok(log) => log,
        Err(error) => return fail_without_log(&error.to_string()),
    };
    let code = match start_and_serve(&config, &context, &log) {
        Ok(code) => code,
        Err(error) => {
            critical!(target: "wazo_auth.main", "{error}");
            ExitCode::from(FAILED)
        }
    };
    log::logger().flush();
    code
}

fn fail_without_log(sentence: &str) -> ExitCode {
    eprintln!("wazo-auth: {sentence}");
    ExitCode::from(FAILED)
}

fn open_log(settings: &Settings, context: &Context) -> Result<Handle, LogError> {
    let process = &settings.process;
    let file = wazo_auth_log::open_file(&process.log_filename)?;
    let standard = LogOptions::standard(process.effective_log_level(), context.clone())?;
    let log = wazo_auth_log::init(LogOptions {
        file: Some(file),
        syslog: process.syslog_enabled,
        ..standard
    })?;
    wazo_auth_log::log_panics();
    Ok(log)
}

fn start_and_serve(config: &Config, context: &Context, log: &Handle) -> Result<ExitCode, Failure> {
    let settings = &config.settings;
    // Whatever is made from here on is for this account alone.
    umask(Mode::from_bits_truncate(0o077));
    if let Some(user) = &settings.process.user {
        account::switch_to(user)?;
    }
    setup::warn_of_unused_keys(config);
    let (services, plugin_requests) = start_services(config, context)?;
    let cleanup = CleanupTask::start(Arc::clone(&services), settings.tokens.cleanup_interval)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(setup::cores().get())
        .enable_all()
        .on_thread_start(|| {
            if let Err(error) = priority::answer_at_once() {
                log::debug!(target: "wazo_auth.main", "threads of connections have an ordinary priority: {error}");
            }
        })
        .build()?;
    let served =
        runtime.block_on(serve(config, context, log, Arc::clone(&services), &plugin_requests));
    // A plugin that never returns must not keep the process.
    runtime.shutdown_timeout(RUNTIME_SHUTDOWN);
    drop(cleanup);
    services.finish_mails(MAILS_AT_THE_END);
    services.close_outside();
    services.events().stop(events::SENT_AT_THE_END);
    services.store().close();
    match served? {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            critical!(target: "wazo_auth.main", "the listening socket failed: {error}");
            Ok(ExitCode::from(SOCKET_FAILED))
        }
    }
}

/// Store, plugins, first user: everything before the socket opens.
fn start_services(
    config: &Config,
    context: &Context,
) -> Result<(Arc<Services>, Arc<PluginRequests>), Failure> {
    let settings = &config.settings;
    setup::ensure_meant(config)?;
    let store = setup::store(settings, context)?;
    let hasher = Arc::new(setup::hasher(settings, context)?);
    let events = events::start(config, &store, context)?;
    let rules = setup::rules(settings);
    let services = Services::new(context.clone(), rules, store, hasher, events)?;
    services.set_outside(setup::outside(settings));
    let host = PluginRequests::new(PluginHost::new(&services));
    let plugins = Registry::load(
        &setup::plugin_settings(settings),
        Arc::<PluginRequests>::clone(&host),
        &Trials,
    )?;
    services.set_plugins(plugins);
    services.enable_external_auth_types(&setup::enabled(&settings.plugins.external_auth))?;
    services.reconcile()?;
    if let Some(user) = setup::initial_user(settings)? {
        services.ensure_initial_user(&user)?;
    }
    services.warn_of_missing_methods()?;
    services.events().wait_for_first_attempt(events::FIRST_ATTEMPT);
    Ok((services, host))
}

/// Opens the socket and serves. The inner result is the socket's.
async fn serve(
    config: &Config,
    context: &Context,
    log: &Handle,
    services: Arc<Services>,
    plugin_requests: &PluginRequests,
) -> Result<io::Result<()>, Failure> {
    let settings = &config.settings;
    let tls = match setup::tls_files(settings) {
        Some((files, ours)) => {
            if ours {
                certificate::ensure(&files, context.now())?;
            } else {
                log::warn!(
                    target: "wazo_auth.main",
                    "TLS by `rest_api.certificate` and `rest_api.private_key` is deprecated: put a reverse proxy in front"
                );
            }
            Some(files.load()?)
        }
        None => None,
    };
    let api = &settings.rest_api;
    let workers = api.max_threads as usize;
    let requests = Pool::new("requests", workers, workers * QUEUE_PER_WORKER);
    let logins = Pool::new("logins", workers, setup::login_queue());
    let outside = Pool::new("outside", setup::outside_workers(settings), setup::OUTSIDE_QUEUE);
    let lookups = Pool::new("lookups", setup::LOOKUPS, setup::LOOKUPS * QUEUE_PER_WORKER);
    let http = setup::http(settings, descriptors::connections(api))?;
    let shown = setup::shown(config, log);
    let _status = StatusSocket::open(settings, Arc::clone(&services));
    let app = App::new(services, http, shown, requests, logins, outside, lookups)?;
    plugin_requests.serve(&app);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let server = Server::bind(&api.listen, api.port, tls).await?;
    if let Some(address) = server.address() {
        log::info!(target: "wazo_auth.main", "Listening on {scheme}://{address}");
    }
    let stop = async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        log::warn!(target: "wazo_auth.main", "Stopping wazo-auth: {name}");
    };
    Ok(server.serve(app, stop).await)
}
