//! The bodies of requests while they arrive and are worked on: together they
//! take so much memory and no more, however many clients send them.

use std::sync::Arc;

use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Memory for all bodies at a time, in KiB.
const ROOM: usize = 64 * 1024;
/// So much of each body, in bytes, needs no room: usual ones get through
/// whatever others send.
const FREE: usize = 4 * 1024;

/// The room for bodies.
pub(crate) struct Bodies(Arc<Semaphore>);

/// A body and its room.
pub(crate) struct Whole {
    pub(crate) bytes: Bytes,
    /// Given back when dropped.
    pub(crate) room: Option<OwnedSemaphorePermit>,
}

/// Why a body was not read.
pub(crate) enum Unread {
    TooLarge,
    /// The bodies of others take all room.
    NoRoom,
    Broken,
}

// === impl Bodies ===

impl Bodies {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(ROOM)))
    }

    /// Reads a body of at most `max` bytes.
    pub(crate) async fn read(&self, body: &mut Incoming, max: usize) -> Result<Whole, Unread> {
        let mut whole = Whole { bytes: Bytes::new(), room: None };
        // Joined, because a piece of one byte keeps a whole buffer.
        let mut joined = Vec::new();
        let mut paid = FREE;
        while let Some(frame) = body.frame().await {
            let Ok(piece) = frame.map_err(|_| Unread::Broken)?.into_data() else { continue };
            let length = joined.len() + whole.bytes.len() + piece.len();
            if length > max {
                return Err(Unread::TooLarge);
            }
            if length > paid {
                let more = (length - paid).div_ceil(1024);
                self.pay(more, &mut whole.room)?;
                paid += more * 1024;
            }
            if joined.is_empty() && whole.bytes.is_empty() {
                whole.bytes = piece;
            } else {
                joined.extend_from_slice(&std::mem::take(&mut whole.bytes));
                joined.extend_from_slice(&piece);
            }
        }
        if !joined.is_empty() {
            whole.bytes = joined.into();
        }
        Ok(whole)
    }

    fn pay(&self, more: usize, room: &mut Option<OwnedSemaphorePermit>) -> Result<(), Unread> {
        let more = u32::try_from(more).map_err(|_| Unread::NoRoom)?;
        let permit = Arc::clone(&self.0).try_acquire_many_owned(more);
        let permit = permit.map_err(|_| Unread::NoRoom)?;
        match room {
            Some(room) => room.merge(permit),
            None => *room = Some(permit),
        }
        Ok(())
    }
}
