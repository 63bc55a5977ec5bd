//! A PostgreSQL database on its way to a [`Store`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use wazo_auth_context::Context;

use crate::postgresql::connection::{Link, Purpose};
use crate::postgresql::engine::Engine;
use crate::postgresql::listener::{Hearing, Listener};
use crate::postgresql::pool::Pool;
use crate::postgresql::presence;
use crate::postgresql::uri::Address;
use crate::postgresql::{filler::Filler, schema, sealed_tokens};
use crate::store::Backing;
use crate::{Error, OpenError, Schema, Sealer, Seals, Store, TokenIndex};

/// Connections for the look-up of tokens that the index does not hold.
const LOOKUPS: usize = 4;
/// Between two attempts to reach the server at start.
const RETRY: Duration = Duration::from_secs(1);
/// How long others may work on the whole database at start: sealing all tokens of a
/// large one takes minutes.
const LOCK_PATIENCE: Duration = Duration::from_secs(300);

/// A database on a server that was reached and has the newest schema. Its tokens
/// are not read yet: which key they need can be looked at.
pub struct Server {
    address: Address,
    pub(crate) name: String,
    pub(crate) link: Link,
    grace: Duration,
}

// === impl Server ===

impl Server {
    /// Opens the database for a daemon, together with others: makes the schema, or
    /// completes it, when `upgrade` says so. Waits so long for a server that does
    /// not answer.
    ///
    /// # Errors
    /// A sentence that names the database and the remedy.
    pub fn open(
        uri: &str,
        patience: Duration,
        upgrade: bool,
        context: &Context,
    ) -> Result<Self, OpenError> {
        let mut server = Self::connect(uri, patience)?;
        // Until the listener holds it: what is found now is not taken away.
        patiently(&server.name, || {
            let held = server.link.batch(&presence::hold());
            held.map_err(|source| OpenError::Server { name: server.name.clone(), source })
        })?;
        if upgrade {
            server.upgrade(context)?;
        } else {
            schema::check(&mut server.link, &server.name)?;
        }
        Ok(server)
    }

    /// Reaches the server, and nothing more.
    ///
    /// # Errors
    /// A sentence that names the database and the remedy.
    pub fn connect(uri: &str, patience: Duration) -> Result<Self, OpenError> {
        let address = Address::parse(uri, "wazo-auth")?;
        let name = address.name();
        let link = reached(&address, &name, patience)?;
        Ok(Self { address, name, link, grace: Duration::ZERO })
    }

    /// Makes the schema, or completes it.
    ///
    /// # Errors
    /// A sentence that names the database and the remedy.
    pub fn upgrade(&mut self, context: &Context) -> Result<Schema, OpenError> {
        let Self { link, name, .. } = self;
        let schema = patiently(name, || schema::upgrade(link, name, context))?;
        match schema {
            Schema::Created => {
                log::info!(target: "wazo_auth.store", "created the tables in the database {}", self.name);
            }
            Schema::Upgraded { .. } => log::info!(
                target: "wazo_auth.store",
                "added the tables, indexes and triggers of wazo-auth to the database {}", self.name
            ),
            Schema::UpToDate => {}
        }
        Ok(schema)
    }

    /// The database and its server.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Has checks go on from memory for so long while the database cannot be
    /// reached.
    #[must_use]
    pub fn with_token_check_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How many tokens are sealed under another key, when `sealer` can read none;
    /// zero as soon as it can read one.
    ///
    /// # Errors
    /// A sentence that names the database and the remedy.
    pub fn tokens_of_another_key(&mut self, sealer: Option<&Sealer>) -> Result<u64, OpenError> {
        let counted = sealed_tokens::of_another_key(&mut self.link, sealer);
        counted.map_err(|source| OpenError::Server { name: self.name.clone(), source })
    }

    /// Begins to serve a command beside daemons, which hear what it writes. It holds
    /// no tokens.
    ///
    /// # Errors
    /// A sentence that names the database and the remedy.
    pub fn start_beside(self) -> Result<Arc<Store>, OpenError> {
        let Self { address, name, link, grace } = self;
        let (seals, index) = (Seals::default(), Arc::new(TokenIndex::default()));
        let hearing = Arc::new(Hearing::new(Arc::clone(&index), seals.clone(), false));
        let listener = Listener::start(address.clone(), Arc::clone(&hearing));
        let listener = listener.map_err(|source| OpenError::Thread { name, source })?;
        drop(link);
        let pool = || Pool::new(address.clone(), Arc::clone(&hearing.reach), 1);
        let (pool, lookups) = (pool(), pool());
        let background = Some((listener, None));
        let engine = Engine::new(background, hearing, pool, lookups, seals, grace);
        Ok(Store::new(Backing::Postgresql(Box::new(engine)), index))
    }

    /// Begins to serve so many threads. Live tokens are read by and by; until then,
    /// and whenever one is not there, it is looked up.
    ///
    /// # Errors
    /// A sentence that names the database and the remedy.
    pub fn start(
        self,
        connections: u32,
        sealer: Option<Sealer>,
        context: Context,
    ) -> Result<Arc<Store>, OpenError> {
        let Self { address, name, link, grace } = self;
        let failed = |source| OpenError::Thread { name: name.clone(), source };
        let (seals, index) = (Seals::new(sealer), Arc::new(TokenIndex::default()));
        let hearing = Arc::new(Hearing::new(Arc::clone(&index), seals.clone(), true));
        let listener = Listener::start(address.clone(), Arc::clone(&hearing)).map_err(failed)?;
        drop(link);
        let filler = Filler::start(address.clone(), Arc::clone(&hearing), context);
        let filler = filler.map_err(failed)?;
        let reach = || Arc::clone(&hearing.reach);
        let pool = Pool::new(address.clone(), reach(), connections as usize);
        let lookups = Pool::new(address, reach(), LOOKUPS);
        let background = Some((listener, Some(filler)));
        log::info!(target: "wazo_auth.store", "opened the database {name}");
        let engine = Engine::new(background, hearing, pool, lookups, seals, grace);
        Ok(Store::new(Backing::Postgresql(Box::new(engine)), index))
    }
}

/// Does what waits for locks that others hold, again and again; says that it waits.
fn patiently<T>(name: &str, mut f: impl FnMut() -> Result<T, OpenError>) -> Result<T, OpenError> {
    let deadline = Instant::now() + LOCK_PATIENCE;
    let mut has_waited = false;
    loop {
        match f() {
            Err(OpenError::Server { source: Error::Busy, .. }) if Instant::now() < deadline => {}
            done => return done,
        }
        if !has_waited {
            has_waited = true;
            log::warn!(
                target: "wazo_auth.store",
                "another program has locked the database {name}: waiting up to {} s until it has finished",
                LOCK_PATIENCE.as_secs()
            );
        }
    }
}

/// A connection, as soon as the server answers.
fn reached(address: &Address, name: &str, patience: Duration) -> Result<Link, OpenError> {
    let deadline = Instant::now() + patience;
    let mut has_waited = false;
    loop {
        let source = match Link::connect(address, Purpose::Command, Arc::default()) {
            Ok(link) => return Ok(link),
            Err(error) => error,
        };
        let may_come = matches!(source, Error::Unavailable { .. });
        if !may_come || Instant::now() + RETRY > deadline {
            return Err(OpenError::Server { name: name.to_owned(), source });
        }
        if !has_waited {
            has_waited = true;
            log::warn!(
                target: "wazo_auth.store",
                "the database {name} cannot be used yet ({source}): trying for {} s", patience.as_secs()
            );
        }
        std::thread::park_timeout(RETRY);
    }
}
