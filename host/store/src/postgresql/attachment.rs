//! What is ours in a database of the original: sealed values, and what
//! `ours.sql` adds.

use crate::postgresql::connection::Link;
use crate::postgresql::database::Server;
use crate::postgresql::engine::DATABASE_LOCK;
use crate::postgresql::{presence, schema, sealed_tokens};
use crate::sealing::{self, Form, Rewritten};
use crate::{Error, OpenError, Sealer, Seals, Tx};

const DETACH: &str = include_str!("../../schema/postgresql/detach.sql");

/// Whether daemons may run meanwhile.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Daemons {
    /// Their writes wait.
    Wait,
    Refused,
}

// === impl Server ===

impl Server {
    /// Seals all tokens and refresh tokens that are clear, in one transaction.
    /// Daemons may run: they find a token in either form, and their writes wait.
    ///
    /// # Errors
    /// A sentence that names the database and the remedy; nothing was changed.
    pub fn seal(
        &mut self,
        sealer: &Sealer,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Rewritten, OpenError> {
        schema::check(&mut self.link, &self.name)?;
        self.alone(Daemons::Wait, |server| server.rewrite(Some(sealer), Form::Sealed, progress))
    }

    /// Makes the database the original's again: unseals all tokens and refresh
    /// tokens, and removes everything that is ours, in one transaction. No daemon
    /// may run. Gives how many events, which had not been sent, went with it, too.
    ///
    /// # Errors
    /// A sentence that names the database and the remedy; nothing was changed.
    pub fn detach(
        &mut self,
        sealer: Option<&Sealer>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(Rewritten, u64), OpenError> {
        schema::check_revision(&mut self.link, &self.name)?;
        self.alone(Daemons::Refused, |server| {
            let rewritten = server.rewrite(sealer, Form::Clear, progress)?;
            if rewritten.left > 0 {
                let (name, tokens) = (server.name.clone(), rewritten.left);
                return Err(OpenError::Unreadable { name, tokens });
            }
            let removed = unsent_events(&mut server.link).and_then(|events| {
                server.link.batch(DETACH)?;
                Ok(events)
            });
            match removed {
                Ok(events) => Ok((rewritten, events)),
                Err(source) => Err(OpenError::Server { name: server.name.clone(), source }),
            }
        })
    }

    /// Deletes every token and refresh token, with its session, that `sealer`
    /// cannot read. Gives how many. No daemon may run: its key may be another one.
    ///
    /// # Errors
    /// A sentence that names the database and the remedy; nothing was changed.
    pub fn forget_unreadable(&mut self, sealer: Option<&Sealer>) -> Result<u64, OpenError> {
        schema::check(&mut self.link, &self.name)?;
        self.alone(Daemons::Refused, |server| {
            let forgotten = sealed_tokens::forget_unreadable(&mut server.link, sealer);
            forgotten.map_err(|source| OpenError::Server { name: server.name.clone(), source })
        })
    }

    fn rewrite(
        &mut self,
        sealer: Option<&Sealer>,
        form: Form,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Rewritten, OpenError> {
        let seals = Seals::default();
        let mut tx = Tx::postgresql(&mut self.link, &seals);
        let rewritten = sealing::rewrite(&mut tx, sealer, form, progress);
        rewritten.map_err(|source| OpenError::Server { name: self.name.clone(), source })
    }

    /// Runs `f` in a transaction beside which nobody writes.
    fn alone<T>(
        &mut self,
        daemons: Daemons,
        f: impl FnOnce(&mut Self) -> Result<T, OpenError>,
    ) -> Result<T, OpenError> {
        self.link.begin("BEGIN");
        let done = self.lock(daemons).and_then(|()| f(self));
        match done {
            Ok(value) => {
                let committed = self.link.commit();
                committed
                    .map_err(|source| OpenError::Server { name: self.name.clone(), source })?;
                Ok(value)
            }
            Err(error) => {
                // What made it fail is what is told.
                let _ = self.link.roll_back();
                Err(error)
            }
        }
    }

    fn lock(&mut self, daemons: Daemons) -> Result<(), OpenError> {
        if daemons == Daemons::Refused {
            presence::keep_out(&mut self.link, &self.name)?;
        }
        let sql = format!("SELECT pg_advisory_xact_lock({DATABASE_LOCK})");
        let locked = self.link.each(&sql, &[], &mut |_| Ok(()));
        locked.map_err(|source| OpenError::Server { name: self.name.clone(), source })
    }
}

/// How many events wait to be sent.
fn unsent_events(link: &mut Link) -> Result<u64, Error> {
    let first = |link: &mut Link, sql: &str| -> Result<i64, Error> {
        let mut number = 0;
        link.each(sql, &[], &mut |row| {
            number = row.int(0)?;
            Ok(())
        })?;
        Ok(number)
    };
    // A database that was never attached has no such table.
    let tables = "SELECT count(to_regclass('public.wazo_auth_event'))";
    if first(link, tables)? == 0 {
        return Ok(0);
    }
    Ok(first(link, "SELECT count(*) FROM wazo_auth_event")?.unsigned_abs())
}
