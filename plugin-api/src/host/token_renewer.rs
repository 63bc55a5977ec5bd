//! A token for a plugin's own requests to the daemon.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use crate::{Host, Result};

/// How long a token lives.
const LIFETIME: Duration = Duration::from_secs(3600);
/// A token that lives no longer than this is not handed out any more.
const REMAINDER: Duration = Duration::from_secs(30);

/// Keeps a token with which the plugin may call the daemon's API over HTTP, and
/// makes another one before it expires. Usable from any thread.
///
/// A token is committed when [`get_token`](Self::get_token) returns it: the plugin
/// may use it at once, while the login that it was called for is still under way.
///
/// ```
/// use wazo_auth_plugin_api::{TokenRenewer, prelude::*};
///
/// let host = MockHost::new().answer("tokens.create", json!({"token": "t0ken"}));
/// let renewer = TokenRenewer::new(host.handle(), &["auth.users.read"]);
/// assert_eq!(renewer.get_token()?, "t0ken");
/// # Ok::<(), Error>(())
/// ```
pub struct TokenRenewer {
    host: Host,
    acl: Vec<String>,
    current: Mutex<Option<Current>>,
}

#[derive(Clone)]
struct Current {
    token: String,
    made: SystemTime,
}

// === impl TokenRenewer ===

impl TokenRenewer {
    /// A renewer of tokens that allow `acl`; it makes none yet.
    #[must_use]
    pub fn new(host: Host, acl: &[&str]) -> Self {
        let acl = acl.iter().map(|&access| access.to_owned()).collect();
        Self { host, acl, current: Mutex::new(None) }
    }

    /// A token that is valid for half a minute at least.
    ///
    /// # Errors
    /// A failure of the daemon.
    #[allow(clippy::disallowed_methods, reason = "a plugin has no other clock")]
    pub fn get_token(&self) -> Result<String> {
        self.get_token_by(SystemTime::now)
    }

    /// Ends the token, if there is one; the next one is another.
    ///
    /// # Errors
    /// A failure of the daemon.
    pub fn revoke_token(&self) -> Result<()> {
        let current = self.lock().take();
        current.map_or(Ok(()), |current| self.host.delete_token(&current.token))
    }

    fn get_token_by(&self, clock: impl Fn() -> SystemTime) -> Result<String> {
        let now = clock();
        if let Some(token) = self.fresh(now) {
            return Ok(token);
        }
        // Without the lock: who waited for it would keep the slot that this call
        // needs again when the daemon has made the token.
        let acl: Vec<&str> = self.acl.iter().map(String::as_str).collect();
        let made = self.host.create_token(LIFETIME.as_secs(), &acl)?;
        let mut current = self.lock();
        // Another call may have stored one since, and later than `now`.
        match current.as_ref().filter(|current| current.is_fresh(clock())) {
            Some(other) => {
                let other = other.token.clone();
                drop(current);
                if let Err(error) = self.host.delete_token(&made) {
                    // It ends by itself; the other one is as good.
                    log::warn!("a token that is not needed cannot be deleted: {error}");
                }
                Ok(other)
            }
            None => {
                *current = Some(Current { token: made.clone(), made: now });
                Ok(made)
            }
        }
    }

    fn fresh(&self, now: SystemTime) -> Option<String> {
        let current = self.lock();
        let current = current.as_ref().filter(|current| current.is_fresh(now))?;
        Some(current.token.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Current>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Without the token.
impl fmt::Debug for TokenRenewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRenewer").field("acl", &self.acl).finish_non_exhaustive()
    }
}

// === impl Current ===

impl Current {
    /// A clock that was put back tells nothing.
    fn is_fresh(&self, now: SystemTime) -> bool {
        now.duration_since(self.made).is_ok_and(|age| age + REMAINDER <= LIFETIME)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        cell::Cell,
        sync::{
            Arc, OnceLock,
            atomic::{AtomicU32, Ordering},
        },
    };

    use super::*;
    use crate::{serde_json::json, testing::MockHost};

    fn renewer() -> (TokenRenewer, Arc<Mutex<Vec<String>>>) {
        let (made, ended) = (AtomicU32::new(0), Arc::new(Mutex::new(Vec::new())));
        let deleted = Arc::clone(&ended);
        let host = MockHost::new()
            .on("tokens.create", move |request| {
                assert_eq!(request, &json!({"expiration": 3600, "acl": ["a"]}));
                Ok(json!({"token": format!("t{}", made.fetch_add(1, Ordering::Relaxed))}))
            })
            .on("tokens.delete", move |request| {
                deleted.lock().unwrap().push(request["token"].as_str().unwrap().to_owned());
                Ok(json!({}))
            });
        (TokenRenewer::new(host.handle(), &["a"]), ended)
    }

    #[test]
    fn a_token_is_used_again_until_half_a_minute_before_its_end() {
        let (renewer, _) = renewer();
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let at = |seconds| renewer.get_token_by(|| start + Duration::from_secs(seconds)).unwrap();
        assert_eq!((at(0), at(3570)), ("t0".to_owned(), "t0".to_owned()));
        assert_eq!((at(3571), at(3572)), ("t1".to_owned(), "t1".to_owned()));
        assert_eq!(at(0), "t2", "the clock was put back");
    }

    #[test]
    fn of_two_that_are_made_at_the_same_time_one_is_kept_and_handed_out() {
        let (own, other) = (OnceLock::<Arc<TokenRenewer>>::new(), Mutex::new(Vec::new()));
        let (own, other) = (Arc::new(own), Arc::new(other));
        let (renewer, tokens) = (Arc::clone(&own), Arc::clone(&other));
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let host = MockHost::new()
            .on("tokens.create", move |_| {
                let is_first = { tokens.lock().unwrap().len() } == 0;
                tokens.lock().unwrap().push("");
                if is_first {
                    // Somebody asks while this one is made, and is faster.
                    let later = start + Duration::from_secs(1);
                    assert_eq!(renewer.get().unwrap().get_token_by(|| later).unwrap(), "faster");
                    return Ok(json!({"token": "slower"}));
                }
                Ok(json!({"token": "faster"}))
            })
            .on("tokens.delete", |request| {
                assert_eq!(request["token"], "slower");
                Err(crate::Error::other("the database is away"))
            });
        let renewer = own.get_or_init(|| Arc::new(TokenRenewer::new(host.handle(), &["a"])));
        let clock = Cell::new(start);
        let passes = || clock.replace(start + Duration::from_secs(2));
        assert_eq!(renewer.get_token_by(passes).unwrap(), "faster");
        assert_eq!(other.lock().unwrap().len(), 2);
    }

    #[test]
    fn a_revoked_token_is_not_handed_out_again() {
        let (renewer, ended) = renewer();
        renewer.revoke_token().unwrap();
        assert_eq!(renewer.get_token().unwrap(), "t0");
        renewer.revoke_token().unwrap();
        assert_eq!(renewer.get_token().unwrap(), "t1");
        assert_eq!(*ended.lock().unwrap(), ["t0"]);
    }
}
