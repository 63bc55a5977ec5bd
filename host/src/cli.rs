//! The command line (config.md section 4.1).

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use wazo_auth_config::{Flags, Sources};

use crate::{companions::Companion, plugin_new::NewPlugin};

/// Issues, checks and revokes tokens over HTTP; logins are verified by plugins.
#[derive(Debug, Parser)]
#[command(
    name = "wazo-auth",
    version,
    infer_long_args = true,
    args_conflicts_with_subcommands = false
)]
pub(crate) struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Where the configuration is.
#[derive(Debug, Args)]
pub(crate) struct ConfigFile {
    /// The main configuration file.
    #[arg(
        short,
        long,
        value_name = "PATH",
        default_value = "/etc/wazo-auth/config.yml",
        global = true
    )]
    config_file: PathBuf,
}

/// The configuration, and what overrides it.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    file: ConfigFile,
    /// The account to switch to.
    #[arg(short, long, value_name = "NAME")]
    user: Option<String>,
    /// Log everything.
    #[arg(short, long)]
    debug: bool,
    /// The least serious level to log: critical, error, warning, info, debug.
    #[arg(short, long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// Bring the schema of the database up to date before starting.
    #[arg(long)]
    db_upgrade_on_startup: bool,
    /// The port to listen on.
    #[arg(long, value_name = "PORT")]
    listen_port: Option<u16>,
    /// The log file.
    #[arg(long, value_name = "PATH")]
    log_file: Option<PathBuf>,
    /// Accepted for old scripts: the daemon always stays in the foreground.
    #[arg(short, long)]
    foreground: bool,
}

/// What to do instead of serving.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Report everything that is wrong with the configuration.
    CheckConfig,
    /// Look at the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Begin a plugin, or look at plugins.
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Copy the database, put a copy back, change the form of its tokens.
    #[command(subcommand)]
    Db(DbCommand),
    /// What the daemon runs a plugin in that has a process of its own.
    #[command(hide = true)]
    PluginWorker {
        /// The process of the daemon.
        daemon: i32,
        /// The plugin, for those who look at a list of processes.
        name: String,
    },
    #[command(flatten)]
    Companion(Companion),
}

/// What to do with the database.
#[derive(Debug, Subcommand)]
pub(crate) enum DbCommand {
    /// SQLite: copy the database, also while the daemon runs.
    ///
    /// The copy is whole, checked, and readable by its owner only. It holds no token in clear:
    /// keep a copy of token_key_file with it, without which its tokens are of no use.
    Backup {
        /// The file to make.
        file: PathBuf,
        /// Replace FILE if it exists.
        #[arg(long)]
        force: bool,
    },
    /// SQLite: put a copy back, also while the daemon runs.
    ///
    /// FILE is checked first; the former content is kept in a file that is named. A daemon that
    /// runs goes over to the restored content at once. All is then as it was when the copy was
    /// made: a token that was revoked since lives again, one that was issued since is invalid.
    Restore {
        /// The copy, made by `wazo-auth db backup`.
        file: PathBuf,
        /// Leave out tokens that token_key_file cannot read, instead of refusing.
        #[arg(long)]
        force: bool,
    },
    /// Log everybody out whose token needs a key that is lost. The daemon must not run.
    ///
    /// Deletes the tokens and refresh tokens that token_key_file cannot read. Users and their
    /// rights stay. The next start makes a new key if the file is missing.
    ForgetTokens,
    /// Seal the tokens that stand in clear in the database. Daemons may run, or not.
    ///
    /// Such are those that the original has written, or this daemon with `seal_tokens: false`.
    /// They stay valid. Everything is done in one transaction: writes of daemons wait for it, and
    /// are answered 503 when that takes long. The key is made if token_key_file is missing.
    Seal,
    /// PostgreSQL: give the database back to the original. No daemon may run.
    ///
    /// Unseals all tokens and refresh tokens, and removes what wazo-auth has added (everything
    /// named wazo_auth_…), in one transaction: the database is again exactly the original's, and
    /// nobody is logged out. The next start of a daemon, or of wazo-auth-upgrade-db, adds it again.
    Detach,
    /// Copy everything from SQLite to PostgreSQL, or the other way round.
    ///
    /// Rows are copied as they are, sealed tokens too: keep token_key_file. TO must be new: a file
    /// that does not exist yet, or a database that holds nothing but what wazo-auth-upgrade-db
    /// makes. Everything that was copied is compared at the end. On any failure, TO stays as it
    /// was. Stop the daemon of FROM first: what it writes meanwhile is not copied.
    Copy {
        /// A `db_uri`: sqlite:////path/to/file or postgresql://user:password@host/database.
        from: String,
        /// Another one, of the other kind.
        to: String,
    },
}

/// What to do with plugins.
#[derive(Debug, Subcommand)]
pub(crate) enum PluginCommand {
    /// Begin a plugin: make a small crate that works, with its test, configuration and package.
    New(NewPlugin),
    /// Say what a library offers and whether it fits, without running any of it.
    Inspect {
        /// The shared library.
        file: PathBuf,
    },
    /// Try a library out: load each plugin of it in a process of its own, with
    /// its configuration, ask it what the daemon asks when it starts, and let
    /// backends verify a login that nobody has.
    Check {
        /// Call every method with input that no well-behaved client sends, several
        /// calls at a time too. A plugin that acts on others does so: give it a
        /// configuration for tests.
        #[arg(long)]
        conformance: bool,
        /// Where the plugins would run, instead of where the configuration says.
        #[arg(long, value_enum)]
        isolation: Option<Place>,
        /// The shared library.
        file: PathBuf,
    },
    /// What `check` runs in a process of its own.
    #[command(hide = true)]
    Trial {
        /// Only open the library.
        #[arg(long)]
        open_only: bool,
        /// Examine it by the conformance kit, with so many seconds for each call.
        #[arg(long)]
        conformance: Option<f64>,
        kind: String,
        name: String,
        file: PathBuf,
    },
    /// List the plugins of the running daemon with their calls and faults; if none runs, those that
    /// the configuration finds.
    List,
}

/// Where a plugin runs.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Place {
    /// In the daemon.
    InProcess,
    /// In a process of its own.
    Process,
}

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print it as merged from all files, without secrets.
    Show {
        /// Say of each value which file, flag or command sets it.
        #[arg(long)]
        origin: bool,
    },
}

// === impl Cli ===

impl Cli {
    /// The configuration files and what overrides them.
    pub(crate) fn sources(&self) -> Sources {
        self.options.sources()
    }
}

// === impl ConfigFile ===

impl ConfigFile {
    /// The configuration files, overridden by nothing.
    pub(crate) fn sources(&self) -> Sources {
        Sources { config_file: self.config_file.clone(), flags: Flags::default() }
    }
}

// === impl Options ===

impl Options {
    /// The configuration files and what overrides them.
    pub(crate) fn sources(&self) -> Sources {
        let flags = Flags {
            user: self.user.clone(),
            debug: self.debug,
            log_level: self.log_level.clone(),
            db_upgrade_on_startup: self.db_upgrade_on_startup,
            listen_port: self.listen_port,
            log_file: self.log_file.clone(),
        };
        Sources { flags, ..self.file.sources() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_old_documentation_are_understood() {
        let cli = Cli::try_parse_from(["wazo-auth", "-df", "--config", "/tmp/x.yml"]).unwrap();
        assert!(cli.options.debug && cli.options.foreground);
        assert_eq!(cli.sources().config_file, PathBuf::from("/tmp/x.yml"));
    }

    #[test]
    fn an_ambiguous_prefix_is_refused() {
        let error = Cli::try_parse_from(["wazo-auth", "--log", "x"]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
    }
}
