//! What a plugin that is being made may ask about those made before it.

use std::sync::{Arc, OnceLock};

use indexmap::IndexMap;
use wazo_auth_plugin_api::{ErrorKind, wire};

use crate::{Caller, HostFailure, HostServices, instance::Instance};

/// The services of the daemon, and which backends can be called.
pub(crate) struct KnownBackends {
    services: Arc<dyn HostServices>,
    /// Their names, once they are loaded.
    usable: OnceLock<Vec<String>>,
}

// === impl KnownBackends ===

impl KnownBackends {
    pub(crate) fn new(services: Arc<dyn HostServices>) -> Self {
        Self { services, usable: OnceLock::new() }
    }

    /// Tells which backends were loaded.
    pub(crate) fn are(&self, backends: &IndexMap<String, Instance>) {
        let usable = backends.iter().filter(|(_, backend)| backend.unusable().is_none());
        let _ = self.usable.set(usable.map(|(name, _)| name.clone()).collect());
    }

    fn is_usable(&self, head: &str) -> Result<wire::Usable, HostFailure> {
        let request: wire::ByName<'_> = serde_json::from_str(head).map_err(|_| {
            HostFailure::new(ErrorKind::Malformed, "the request is not of the expected form")
        })?;
        let known = self.usable.get().into_iter().flatten();
        Ok(wire::Usable { usable: known.into_iter().any(|name| **name == *request.name) })
    }
}

impl HostServices for KnownBackends {
    fn call(
        &self,
        caller: &Caller,
        service: &str,
        head: &str,
        body: &[u8],
    ) -> Result<(String, Vec<u8>), HostFailure> {
        if service != wire::service::BACKENDS_GET {
            return self.services.call(caller, service, head, body);
        }
        let usable = self.is_usable(head)?.usable;
        Ok((format!(r#"{{"usable":{usable}}}"#), Vec::new()))
    }
}
