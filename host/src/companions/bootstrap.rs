//! `wazo-auth-bootstrap`: the first administrator, made in the database itself
//! (bootstrap.md section 7.2).

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use clap::{Args, CommandFactory, Subcommand};
use wazo_auth_config::{BootstrapUser, Config, Settings, Sources};
use wazo_auth_context::Context;
use wazo_auth_events::Events;
use wazo_auth_service::{Services, bootstrap::InitialUser};

use crate::{
    commands::load,
    companions::{
        Linked,
        credentials::{self, CredentialsFile},
    },
    environment,
    setup::{self, Failure},
};

const PROGRAM: &str = "wazo-auth-bootstrap";

/// Make the first administrator, whether the daemon runs or not.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Of no use any more.
    Setup,
    /// Make the user of wazo-auth-cli and the file of its credentials.
    ///
    /// Where the file exists, its user is made if it is missing. Where it does not, the user gets
    /// a new password and is logged out.
    Complete {
        /// The file.
        #[arg(
            long,
            value_name = "PATH",
            default_value = "/root/.config/wazo-auth-cli/050-credentials.yml"
        )]
        credentials_file: PathBuf,
        /// The account that the file is for.
        #[arg(long, value_name = "NAME", default_value = "wazo-auth")]
        owner: String,
    },
    /// Make a user who may do everything.
    ///
    /// Nothing is done when the user exists and has this password.
    InitialUser(UserArguments),
}

#[derive(Debug, Args)]
struct UserArguments {
    /// The database [WAZO_AUTH_BOOTSTRAP_URI; default: `db_uri` of the configuration].
    #[arg(long)]
    uri: Option<String>,
    /// The login [WAZO_AUTH_BOOTSTRAP_USERNAME; default: wazo-auth-cli].
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// The password [WAZO_AUTH_BOOTSTRAP_PASSWORD; default: one that nobody knows].
    #[arg(long)]
    password: Option<String>,
    /// user, internal or external_api [WAZO_AUTH_BOOTSTRAP_PURPOSE; default: internal].
    #[arg(long)]
    purpose: Option<String>,
    /// The policy that it gets [WAZO_AUTH_BOOTSTRAP_POLICY_SLUG; default:
    /// wazo_default_master_user_policy].
    #[arg(long, value_name = "SLUG")]
    policy_slug: Option<String>,
}

pub(super) fn run(sources: &Sources, arguments: &Arguments) -> ExitCode {
    let done = match &arguments.command {
        None => help().map_err(Failure::from),
        Some(Command::Setup) => {
            println!("`{PROGRAM} setup` is no longer needed: it did nothing");
            Ok(())
        }
        Some(Command::Complete { credentials_file, owner }) => {
            complete(sources, &CredentialsFile { path: credentials_file, owner })
        }
        Some(Command::InitialUser(user)) => initial_user(sources, user),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn help() -> io::Result<()> {
    Linked::<Arguments>::command().name(PROGRAM).print_help()
}

/// Says why, and where more about it is.
fn fail(error: &Failure) -> ExitCode {
    eprintln!("{PROGRAM}: {error}");
    match log(error) {
        Ok(file) => {
            eprintln!("Failed to bootstrap wazo-auth. Error is logged at {}.", file.display());
        }
        Err(error) => eprintln!("Failed to bootstrap wazo-auth. Error is not logged: {error}."),
    }
    ExitCode::FAILURE
}

/// Writes the error with its causes to a file that only this account may read.
fn log(error: &Failure) -> io::Result<PathBuf> {
    let mut text = format!("{error}\n");
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = writeln!(text, "caused by: {error}");
        cause = error.source();
    }
    let mut file = tempfile::Builder::new().prefix("wazo-auth-bootstrap-").tempfile()?;
    file.write_all(text.as_bytes())?;
    Ok(file.keep().map_err(|error| error.error)?.1)
}

fn complete(sources: &Sources, file: &CredentialsFile<'_>) -> Result<(), Failure> {
    let context = environment::context()?;
    let config = load(sources)?;
    setup::ensure_meant(&config)?;
    let lock = file.lock()?;
    if let Some(found) = file.read()? {
        let services = services(&config.settings, &context)?;
        services.ensure_initial_user(&user_of_cli(found.username, found.password)?)?;
    } else {
        let password = credentials::random_password(&context);
        // First, so that a file that cannot be written changes no password.
        let written = file.write("wazo-auth-cli", &password)?;
        let services = services(&config.settings, &context)?;
        services.renew_initial_user(&user_of_cli("wazo-auth-cli".to_owned(), password)?)?;
        written.publish()?;
    }
    drop(lock);
    Ok(())
}

fn user_of_cli(username: String, password: String) -> Result<InitialUser, Failure> {
    // Whatever the daemon's own first user is to be.
    let BootstrapUser { purpose, policy_slug, .. } = Config::defaults()?.settings.bootstrap_user;
    Ok(InitialUser { username, password, purpose, policy_slug })
}

fn initial_user(sources: &Sources, arguments: &UserArguments) -> Result<(), Failure> {
    let context = environment::context()?;
    let given = |option: &Option<String>, name: &str| match option {
        Some(value) => Ok(Some(value.clone())),
        None => environment::bootstrap(name),
    };
    let defaults = Config::defaults()?.settings;
    let BootstrapUser { purpose, policy_slug, .. } = defaults.bootstrap_user.clone();
    let settings = match given(&arguments.uri, "URI")? {
        Some(uri) => {
            let mut settings = defaults;
            settings.database.uri =
                uri.parse().map_err(|error| format!("the URI of the database: {error}"))?;
            settings
        }
        None => {
            let config = load(sources)?;
            setup::ensure_meant(&config)?;
            config.settings
        }
    };
    let username = given(&arguments.username, "USERNAME")?;
    let password = given(&arguments.password, "PASSWORD")?;
    let user = InitialUser {
        username: username.unwrap_or_else(|| "wazo-auth-cli".to_owned()),
        password: password.unwrap_or_else(|| credentials::random_password(&context)),
        purpose: given(&arguments.purpose, "PURPOSE")?.unwrap_or(purpose),
        policy_slug: given(&arguments.policy_slug, "POLICY_SLUG")?.unwrap_or(policy_slug),
    };
    // Nobody can log in with an empty one.
    if user.username.is_empty() || user.password.is_empty() {
        return Err("username and password must not be empty".into());
    }
    services(&settings, &context)?.ensure_initial_user(&user)?;
    Ok(())
}

/// The rules, on the database as it is.
fn services(settings: &Settings, context: &Context) -> Result<Arc<Services>, Failure> {
    let store = setup::store_beside(settings, context)?;
    let hasher = Arc::new(setup::hasher(settings, context)?);
    Ok(Services::new(context.clone(), setup::rules(settings), store, hasher, Events::off())?)
}
