//! Requests to other services.

use std::time::Duration;

use ureq::http;

use crate::{Remote, trust};

/// How long a request may take until its answer is there, whatever is slow.
const LIMIT: Duration = Duration::from_secs(10);
/// The longest answer, in bytes.
const MOST: u64 = 1024 * 1024;

/// A request.
pub struct Request<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// The whole address.
    pub url: &'a str,
    /// Headers, by name.
    pub headers: &'a [(String, String)],
    /// The body.
    pub body: &'a [u8],
}

/// An answer, whatever its status.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, with names in small letters; those that are no text are left
    /// out.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

/// Why there is no answer: sentences that never quote the address, which may hold
/// secrets, beyond its host.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// The request cannot be sent.
    #[error("the request cannot be sent: its method, address or headers are not valid")]
    Invalid,
    /// What it tells could be read on the way.
    #[error(
        "the address at {host} does not begin with https:// (set OAUTHLIB_INSECURE_TRANSPORT in \
         the environment of the daemon to allow that)"
    )]
    NotSealed {
        /// The host of the address.
        host: String,
    },
    /// It took too long.
    #[error("{host} did not answer within {} seconds", LIMIT.as_secs())]
    TimedOut {
        /// The host of the address.
        host: String,
    },
    /// It failed.
    #[error("{host} cannot be asked: {reason}")]
    Failed {
        /// The host of the address.
        host: String,
        /// Why.
        reason: String,
    },
}

// === impl Remote ===

impl Remote {
    /// Sends a request and waits for the whole answer. Redirections are not
    /// followed: that would take secrets elsewhere.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub fn send(&self, request: &Request<'_>) -> Result<Answer, NoAnswer> {
        let mut head = http::Request::builder().method(request.method).uri(request.url);
        for (name, value) in request.headers {
            head = head.header(name, value);
        }
        let message = head.body(request.body).map_err(|_| NoAnswer::Invalid)?;
        let host = message.uri().host().unwrap_or("nowhere").to_owned();
        let is_https = message.uri().scheme() == Some(&http::uri::Scheme::HTTPS);
        if !is_https && !self.allows_http {
            return Err(NoAnswer::NotSealed { host });
        }
        let answer = self.agent().run(message).and_then(|mut answer| {
            let body = answer.body_mut().with_config().limit(MOST).read_to_vec()?;
            Ok((answer.into_parts().0, body))
        });
        match answer {
            Ok((head, body)) => {
                let headers = head.headers.iter().filter_map(|(name, value)| {
                    Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
                });
                Ok(Answer { status: head.status.as_u16(), headers: headers.collect(), body })
            }
            Err(ureq::Error::Timeout(_)) => Err(NoAnswer::TimedOut { host }),
            Err(error) => Err(NoAnswer::Failed { host, reason: error.to_string() }),
        }
    }

    fn agent(&self) -> &ureq::Agent {
        self.agent.get_or_init(|| {
            let config = ureq::Agent::config_builder()
                .tls_config(trust::of_requests())
                .https_only(!self.allows_http)
                .http_status_as_error(false)
                .max_redirects(0)
                .max_redirects_will_error(false)
                .timeout_global(Some(LIMIT))
                .user_agent("wazo-auth")
                // Else it reads the environment.
                .proxy(None)
                .build();
            config.into()
        })
    }
}
