//! Makes plugins: the author's `new` has a deadline too.

use std::{
    sync::{Arc, mpsc},
    time::Duration,
};

use wazo_auth_plugin_api::Error;
use wazo_auth_work::{Lost, Pool, TimedOut, within};

/// Where plugins start, one after the other.
pub(crate) struct Starter(Arc<Pool>);

// === impl Starter ===

impl Starter {
    pub(crate) fn new() -> Self {
        Self(Pool::new("plugin-start", 1, 1))
    }

    /// Waits for `start`, but no longer than `timeout`; what comes later is
    /// dropped.
    ///
    /// # Errors
    /// Why there is no plugin, as a sentence.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        plugin: &str,
        timeout: Duration,
        start: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, String> {
        let (tell, told) = mpsc::channel();
        let submitted = self.0.submit(
            move || within(timeout, start),
            move |result| {
                // Nobody listens only if the daemon ends.
                let _ = tell.send(result);
            },
        );
        submitted.map_err(|full| full.to_string())?;
        match told.recv() {
            Ok(Ok(Ok(started))) => started.map_err(|error| error.text().to_owned()),
            Ok(Ok(Err(TimedOut)) | Err(Lost::TimedOut)) => Err(format!(
                "it did not start in time ({} s, plugins.{plugin}.timeout)",
                timeout.as_secs_f64()
            )),
            Ok(Err(Lost::Panicked)) | Err(_) => {
                Err("its start ended in a panic, the log says why".to_owned())
            }
        }
    }
}
