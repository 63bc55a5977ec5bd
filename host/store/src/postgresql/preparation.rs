//! What a server needs before a database on it can be used: a role, the database,
//! the extension (`contract/bootstrap.md` section 6).

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use postgres_protocol::password::scram_sha_256;

use crate::postgresql::connection::{Link, Purpose};
use crate::postgresql::uri::Address;
use crate::{Error, OpenError};

const ATTEMPTS: u32 = 40;
const INTERVAL: Duration = Duration::from_millis(250);

/// What to make, and whereby.
pub struct Preparation<'a> {
    /// The maintenance database, as superuser.
    pub maintenance_uri: &'a str,
    /// The database of the service, as superuser.
    pub service_uri: &'a str,
    /// The name of the database.
    pub database: &'a str,
    /// The role that is to own it.
    pub owner: &'a str,
    /// Its password.
    pub password: &'a str,
}

/// What was missing, and was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prepared {
    /// The role.
    pub role: bool,
    /// The database.
    pub database: bool,
    /// The extension.
    pub extension: bool,
}

/// Why a server could not be prepared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PreparationError {
    /// It does not let us in, or is not there.
    #[error("Failed to connect to postgres: {0}")]
    Connect(OpenError),
    /// A URI cannot be used.
    #[error("{option}: {source}")]
    Uri {
        /// The option that gave it.
        option: &'static str,
        /// What is wrong with it.
        source: OpenError,
    },
    /// Something could not be made.
    #[error("cannot make {what} on {name}: {source}: the URIs must be those of a superuser")]
    Make {
        /// The role, the database or the extension.
        what: String,
        /// The database that was connected to.
        name: String,
        /// What the server said.
        source: Error,
    },
}

// === impl Preparation ===

impl Preparation<'_> {
    /// Makes what is missing. What is there stays as it is, its password too.
    ///
    /// # Errors
    /// A sentence. What was made before stays; this can be run again.
    pub fn run(&self) -> Result<Prepared, PreparationError> {
        let (mut link, name) = reached(self.maintenance_uri, "--pg_db_uri")?;
        let role = {
            let exists = "SELECT 1 FROM pg_roles WHERE rolname = ?1::text";
            // Not the password itself, which the server might log.
            let verifier = || scram_sha_256(self.password.as_bytes());
            let make =
                || format!("CREATE ROLE {} LOGIN PASSWORD '{}'", quoted(self.owner), verifier());
            make_missing(&mut link, exists, self.owner, make)
                .map_err(|source| self.failed(format!("the role {}", self.owner), &name, source))?
        };
        let database = {
            let exists = "SELECT 1 FROM pg_database WHERE datname = ?1::text";
            // The other template may have another encoding.
            let make = || {
                let (database, owner) = (quoted(self.database), quoted(self.owner));
                format!(
                    "CREATE DATABASE {database} OWNER {owner} ENCODING 'UTF8' TEMPLATE template0"
                )
            };
            let made = make_missing(&mut link, exists, self.database, make);
            made.map_err(|source| {
                self.failed(format!("the database {}", self.database), &name, source)
            })?
        };
        drop(link);
        let (mut link, name) = reached(self.service_uri, "--auth_db_uri")?;
        let extension = {
            let exists = "SELECT 1 FROM pg_extension WHERE extname = ?1::text";
            let make = || "CREATE EXTENSION \"uuid-ossp\"".to_owned();
            let made = make_missing(&mut link, exists, "uuid-ossp", make);
            made.map_err(|source| self.failed("the extension uuid-ossp".into(), &name, source))?
        };
        Ok(Prepared { role, database, extension })
    }

    fn failed(&self, what: String, name: &str, source: Error) -> PreparationError {
        PreparationError::Make { what, name: name.to_owned(), source }
    }
}

/// A connection, as soon as the server answers.
fn reached(uri: &str, option: &'static str) -> Result<(Link, String), PreparationError> {
    let address = Address::parse(uri, "wazo-auth-init-db");
    let address = address.map_err(|source| PreparationError::Uri { option, source })?;
    let name = address.name();
    let mut attempt = 1;
    loop {
        match Link::connect(&address, Purpose::Command, Arc::default()) {
            Ok(link) => return Ok((link, name)),
            Err(source) if attempt == ATTEMPTS => {
                return Err(PreparationError::Connect(OpenError::Server { name, source }));
            }
            Err(_) => {
                attempt += 1;
                thread::park_timeout(INTERVAL);
            }
        }
    }
}

/// Whether it was missing.
fn make_missing(
    link: &mut Link,
    exists: &str,
    name: &str,
    make: impl FnOnce() -> String,
) -> Result<bool, Error> {
    let mut is_there = false;
    link.each(exists, &[name.into()], &mut |_| {
        is_there = true;
        Ok(())
    })?;
    if is_there {
        return Ok(false);
    }
    link.batch(&make())?;
    Ok(true)
}

/// A name as an identifier, whatever it holds.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
