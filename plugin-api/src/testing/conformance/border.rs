//! What the kit needs of whoever has a plugin: a test that it is linked into, or
//! the daemon, which has loaded it. No part of the API.

use std::{sync::Arc, time::Duration};

use super::run;
use crate::{Map, Value};

/// Most bytes that the head of an answer may have.
pub const MAX_HEAD: usize = 1024 * 1024;
/// Most bytes that its raw part may have.
pub const MAX_BODY: usize = 1024 * 1024;
/// Deepest nesting of objects and lists that it may have.
pub const MAX_DEPTH: usize = 64;

/// Makes a plugin.
pub trait Library: Send + Sync + 'static {
    /// Makes it, with this configuration in JSON.
    ///
    /// # Errors
    /// Why there is none.
    fn make(&self, config: &str) -> Result<Box<dyn Object>, Failed>;

    /// Told before anything of the plugin runs, in a few words.
    fn about_to(&self, what: &str) {
        let _ = what;
    }

    /// What it has written to the log since this was last asked.
    fn lines(&self) -> Vec<Line>;

    /// Whether it has asked, since this was last asked, for something that only a
    /// real daemon has.
    fn asked_in_vain(&self) -> bool;
}

/// A plugin that was made.
pub trait Object: Send + Sync + 'static {
    /// Runs a method.
    fn call(&self, method: &str, head: &str, body: &[u8]) -> Reply;

    /// Runs its destructor; gives what went wrong.
    fn close(self: Box<Self>) -> Option<String>;
}

/// What became of a call.
#[derive(Debug)]
pub enum Reply {
    /// An answer; its parts may be anything.
    Answer { head: Vec<u8>, body: Vec<u8> },
    /// A failure.
    Failure(Failed),
    /// An answer that was not passed on, and why.
    Unusable(String),
    /// It did not return in time.
    TimedOut,
    /// It is gone, and how.
    Lost(String),
}

/// A failure.
#[derive(Debug)]
pub struct Failed {
    /// One of the numbers of [`abi::kind`](crate::abi::kind).
    pub kind: u32,
    /// Its text.
    pub text: String,
}

/// A line of the log.
#[derive(Debug)]
pub struct Line {
    /// Where it comes from; `panic` for a panic.
    pub target: String,
    /// The line.
    pub text: String,
}

/// One plugin to be examined.
pub struct Examination<'a> {
    /// `backend`, say.
    pub kind: &'a str,
    /// A configuration that fits.
    pub config: &'a Value,
    /// A login and its password that it knows.
    pub login: Option<(String, String)>,
    /// Further fields of every login request.
    pub args: Map,
    /// How long a call may take.
    pub timeout: Duration,
    /// How long the constructor may take.
    pub to_make: Duration,
}

// === impl Examination ===

impl Examination<'_> {
    /// Examines the plugin; gives what is wrong, a sentence for each.
    #[must_use]
    pub fn run(&self, library: &Arc<dyn Library>) -> Vec<String> {
        run::examine(self, library)
    }

    /// The same with the questions only that a daemon asks when it starts.
    #[must_use]
    pub fn run_first(&self, object: &dyn Object) -> Vec<String> {
        run::ask_first(self, object)
    }
}
