//! Writes that the bus is told of (`contract/bus.md` section 4).

use wazo_auth_events::{Event, Told};
use wazo_auth_store::{self as store, Change, Conn, Receipt, Tx, sessions::Session};

use crate::Services;

impl Services {
    /// [`store::Store::write`] of a change that the bus is told of: what `f` adds to
    /// the events is kept with its rows. Returns once they are sent, if there is a
    /// connection to the broker, and never much later for them.
    ///
    /// # Errors
    /// Those of `f` and of the store.
    pub(crate) fn write_and_tell<T, E>(
        &self,
        change: Change,
        f: impl FnMut(&mut Tx<'_>, &mut Told) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<store::Error> + Send + 'static,
    {
        let receipt = Receipt::default();
        let written = self.write_with_events(change, &receipt, f);
        if written.is_ok() {
            self.events().wait(&receipt);
        }
        written
    }

    /// The same for work in the background, where nobody waits for an answer.
    pub(crate) fn write_and_tell_later<T, E>(
        &self,
        change: Change,
        f: impl FnMut(&mut Tx<'_>, &mut Told) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<store::Error> + Send + 'static,
    {
        self.write_with_events(change, &Receipt::default(), f)
    }

    fn write_with_events<T, E>(
        &self,
        change: Change,
        receipt: &Receipt,
        mut f: impl FnMut(&mut Tx<'_>, &mut Told) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<store::Error> + Send + 'static,
    {
        let (events, receipt) = (self.events().clone(), receipt.clone());
        self.store().write(change, move |tx| {
            let mut told = events.collect(&receipt);
            let done = f(tx, &mut told)?;
            told.write(tx)?;
            Ok(done)
        })
    }
}

/// Deletes a session with its tokens, and tells its tenant of it.
pub(crate) fn end_session(
    conn: &mut dyn Conn,
    told: &mut Told,
    session: &Session,
) -> Result<(), store::Error> {
    let auth_id = store::sessions::auth_id(conn, &session.uuid)?;
    if store::sessions::delete(conn, &session.uuid)? {
        let (uuid, tenant_uuid) = (session.uuid, session.tenant_uuid.to_string());
        told.push(|| Event::SessionDeleted { uuid, tenant_uuid, auth_id });
    }
    Ok(())
}
