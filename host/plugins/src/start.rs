//! Makes plugins: what runs of the author before the first call has a deadline
//! too.

use std::{
    sync::{Arc, mpsc},
    time::Duration,
};

use wazo_auth_plugin_api::{Error, ErrorKind};
use wazo_auth_work::{Lost, Pool, within};

use crate::{confided::hidden, gate::bounded, text::one_line};

/// Most bytes of an author's own words in a sentence.
const WORDS: usize = 300;

/// Where plugins start, one after the other.
pub(crate) struct Starter(Arc<Pool>);

/// What was to start did not return.
pub(crate) enum NoReturn {
    /// Not in time; it may still run.
    TimedOut,
    /// It panicked, which is in the log.
    Panicked,
}

/// Why there is no plugin though its library was opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error("it refuses its configuration: {text}; correct plugins.{plugin}.config")]
    Config { plugin: String, text: String },
    #[error("its constructor panicked: {text}; tell its author")]
    Panicked { text: String },
    #[error("its manifest offers what its code does not: {text}; build it again")]
    NotOffered { text: String },
    #[error("its constructor failed: {text}")]
    Failed { text: String },
    #[error(
        "its constructor did not return within {} s; raise plugins.{plugin}.timeout if that is \
         too short for it, otherwise tell its author", timeout.as_secs_f64()
    )]
    TimedOut { plugin: String, timeout: Duration },
}

// === impl Starter ===

impl Starter {
    pub(crate) fn new() -> Self {
        Self(Pool::new("plugin-start", 1, 1))
    }

    /// Waits for `start`, but no longer than `timeout`; what comes later is
    /// dropped.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        timeout: Duration,
        start: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, NoReturn> {
        let (tell, told) = mpsc::channel();
        let submitted = self.0.submit(
            move || within(timeout, || bounded(start)),
            move |result| {
                // Nobody listens only if the daemon ends.
                let _ = tell.send(result);
            },
        );
        // One starts after the other: the queue cannot be full.
        submitted.map_err(|_| NoReturn::TimedOut)?;
        match told.recv() {
            Ok(Ok(started)) => started.map_err(|_| NoReturn::TimedOut),
            Ok(Err(Lost::TimedOut)) => Err(NoReturn::TimedOut),
            Ok(Err(Lost::Panicked)) | Err(_) => Err(NoReturn::Panicked),
        }
    }
}

// === impl StartError ===

impl StartError {
    /// What a plugin's constructor answered instead of a plugin, without the
    /// secrets of its configuration.
    pub(crate) fn of(plugin: &str, error: &Error, secrets: &[String]) -> Self {
        // In this order: half a secret would not be recognized.
        let text = one_line(&hidden(error.text(), secrets), WORDS);
        match error.kind() {
            ErrorKind::Config => {
                let text = text.strip_prefix("config: ").unwrap_or(&text).to_owned();
                Self::Config { plugin: plugin.to_owned(), text }
            }
            ErrorKind::Panic => Self::Panicked { text },
            ErrorKind::Unsupported => Self::NotOffered { text },
            _ => Self::Failed { text },
        }
    }

    /// A constructor that did not return.
    pub(crate) fn no_return(plugin: &str, timeout: Duration, no_return: NoReturn) -> Self {
        match no_return {
            NoReturn::TimedOut => Self::TimedOut { plugin: plugin.to_owned(), timeout },
            NoReturn::Panicked => Self::Panicked { text: "the log says why".to_owned() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_before_the_text_is_cut() {
        let secret = "5e3cr3t".to_owned();
        let text = format!("{}{secret}", "x".repeat(WORDS - 3));
        let said = StartError::of("acme", &Error::config(text), &[secret]).to_string();
        assert!(!said.contains("5e3"), "{said}");
    }
}
