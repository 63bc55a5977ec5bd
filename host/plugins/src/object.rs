//! Where a plugin runs.

use std::sync::Arc;

use abi_stable::std_types::{RResult, RSlice, RStr};
use wazo_auth_plugin_api::abi::{self, PluginBox};

use crate::{
    cage::{Cage, Request},
    gate::Slot,
    instance::Ended,
};

/// A plugin that was made.
pub(crate) enum Object {
    /// In this process.
    Here(PluginBox),
    /// In a process of its own.
    Caged(Arc<Cage>),
}

// === impl Object ===

impl Object {
    /// Runs a method. The slot goes with the call: one that never returns keeps
    /// it.
    pub(crate) fn call(
        &self,
        slot: Slot,
        method: &str,
        head: &str,
        body: &[u8],
    ) -> Result<abi::Frame, Ended> {
        let plugin = match self {
            Self::Here(plugin) => plugin,
            Self::Caged(cage) => return cage.call(slot, Request { method, head, body }),
        };
        let reply =
            slot.call(|| plugin.call(RStr::from(method), RStr::from(head), RSlice::from(body)));
        match reply {
            RResult::ROk(frame) => Ok(frame),
            RResult::RErr(failure) => Err(Ended::Failure(failure.into())),
        }
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        if let Self::Caged(cage) = self {
            cage.close();
        }
    }
}
