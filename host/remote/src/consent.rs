//! Consents that users give in a browser: a relay tells of each on a websocket
//! (external-auth.md section 6.3).

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, mpsc},
    time::Duration,
};

use futures_util::StreamExt;
use parking_lot::Mutex;
use rustls::ClientConfig;
use serde_json::Value;
use tokio::{net::TcpStream, sync::oneshot, time::timeout};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
    tungstenite::{
        self, Message,
        protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
    },
};

use crate::{Remote, Waits};

/// Messages that are awaited at a time, at most.
const MOST: usize = 1000;
/// The same for one person who is sent to one page of consent again and again.
const MOST_OF_ONE: usize = 8;
/// How long one is awaited: nobody comes back to a page of consent later.
const LONGEST: Duration = Duration::from_secs(3600);
/// How long a relay may take to take a connection.
const CONNECTING: Duration = Duration::from_secs(10);
/// Whoever is to be told of the state waits no longer for the connection.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a relay may take to end a connection.
const CLOSING: Duration = Duration::from_secs(2);
/// The longest message, in bytes.
const LARGEST: usize = 64 * 1024;

/// A message that is awaited.
pub struct Awaited {
    /// Who is to consent to what.
    pub whose: String,
    /// The address of the websocket.
    pub url: String,
    /// Whether messages that are not JSON are passed over; else, the first one
    /// counts in any case.
    pub passes_over: bool,
}

/// Why no message comes.
#[derive(Debug, thiserror::Error)]
pub enum LostConsent {
    /// The relay is not there.
    #[error("the relay cannot be reached: {0}")]
    Unreachable(String),
    /// The relay has ended the connection.
    #[error("the relay has ended the connection: {0}")]
    Ended(String),
    /// The message cannot be read.
    #[error("the message of the relay is not JSON")]
    NotJson,
    /// Others of the same person are awaited since.
    #[error("it was asked for again {MOST_OF_ONE} times")]
    Replaced,
    /// It was awaited long enough.
    #[error("nobody consented within an hour")]
    TooLate,
}

/// Why a message is not awaited.
#[derive(Debug, thiserror::Error)]
pub enum NotAwaited {
    /// As many as there may be.
    #[error("{MOST} consents are awaited already")]
    TooMany,
    /// The daemon ends, or the system has no thread left.
    #[error("no consents are awaited now")]
    Ended,
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The messages that are awaited.
#[derive(Default)]
pub(crate) struct Waiting {
    count: usize,
    last: u64,
    /// By whose they are, the oldest one first: what ends the wait when dropped.
    of: HashMap<String, VecDeque<(u64, oneshot::Sender<()>)>>,
}

/// Counts a message as awaited, until it is dropped.
struct Counted {
    waiting: Arc<Mutex<Waiting>>,
    whose: String,
    number: u64,
}

// === impl Remote ===

impl Remote {
    /// Waits in the background for a message, and hands it to `done`, which must
    /// not block. Returns once the relay is connected, failed, or took a second:
    /// what is sent to it from then on comes here.
    ///
    /// # Errors
    /// [`NotAwaited`]; `done` is then dropped.
    pub fn wait_for_consent(
        &self,
        awaited: Awaited,
        done: impl FnOnce(Result<Value, LostConsent>) + Send + 'static,
    ) -> Result<(), NotAwaited> {
        let (counted, replaced) = Counted::new(&self.awaited, &awaited.whose)?;
        let (tell, told) = mpsc::sync_channel(1);
        let tls = self.tls();
        let wait = async move {
            let _counted = counted;
            let came = tokio::select! {
                came = timeout(LONGEST, come(awaited, tls, tell)) => {
                    came.unwrap_or(Err(LostConsent::TooLate))
                }
                _ = replaced => Err(LostConsent::Replaced),
            };
            match came {
                Ok((message, socket)) => {
                    done(Ok(message));
                    // The answer to the closing.
                    let _ = timeout(CLOSING, drained(socket)).await;
                }
                Err(lost) => done(Err(lost)),
            }
        };
        self.spawn(wait)?;
        // Connected, failed or late: the caller goes on.
        let _ = told.recv_timeout(PATIENCE);
        Ok(())
    }

    /// Runs `then`, which must not block, after a while: for what comes of a message.
    ///
    /// # Errors
    /// [`NotAwaited`]; `then` is then dropped, as it is when the daemon ends meanwhile.
    pub fn after(
        &self,
        delay: Duration,
        then: impl FnOnce() + Send + 'static,
    ) -> Result<(), NotAwaited> {
        self.spawn(async move {
            tokio::time::sleep(delay).await;
            then();
        })
    }

    fn spawn(&self, wait: impl Future<Output = ()> + Send + 'static) -> Result<(), NotAwaited> {
        let mut waits = self.waits.lock();
        if let Waits::NotYet = &*waits {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .thread_name("consents")
                .enable_all()
                .build();
            *waits = Waits::On(runtime.map_err(|_| NotAwaited::Ended)?);
        }
        let Waits::On(runtime) = &*waits else { return Err(NotAwaited::Ended) };
        runtime.spawn(wait);
        Ok(())
    }
}

// === impl Counted ===

impl Counted {
    /// Also: what comes when another one has taken its place.
    fn new(
        waiting: &Arc<Mutex<Waiting>>,
        whose: &str,
    ) -> Result<(Self, oneshot::Receiver<()>), NotAwaited> {
        let mut known = waiting.lock();
        let Waiting { count, last, of } = &mut *known;
        let own = of.get(whose).map_or(0, VecDeque::len);
        if *count >= MOST && own < MOST_OF_ONE {
            return Err(NotAwaited::TooMany);
        }
        let (replace, replaced) = oneshot::channel();
        *last += 1;
        *count += 1;
        let own = of.entry(whose.to_owned()).or_default();
        own.push_back((*last, replace));
        if own.len() > MOST_OF_ONE {
            own.pop_front();
        }
        let (waiting, whose) = (Arc::clone(waiting), whose.to_owned());
        Ok((Self { waiting, whose, number: *last }, replaced))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut waiting = self.waiting.lock();
        waiting.count -= 1;
        if let Some(own) = waiting.of.get_mut(&self.whose) {
            own.retain(|(number, _)| *number != self.number);
            if own.is_empty() {
                waiting.of.remove(&self.whose);
            }
        }
    }
}

/// The message, once the connection is being closed in order.
async fn come(
    awaited: Awaited,
    tls: Result<Arc<ClientConfig>, rustls::Error>,
    tell: mpsc::SyncSender<()>,
) -> Result<(Value, Socket), LostConsent> {
    let tls = tls.map_err(|error| LostConsent::Unreachable(error.to_string()))?;
    let mut socket = connected(&awaited.url, tls).await?;
    let _ = tell.send(());
    let message = loop {
        let message = match socket.next().await {
            Some(Ok(message)) => message,
            Some(Err(error)) => return Err(LostConsent::Ended(error.to_string())),
            None => return Err(LostConsent::Ended("it said no more".to_owned())),
        };
        let text = match &message {
            Message::Text(text) => text.as_bytes(),
            Message::Binary(bytes) => bytes,
            Message::Close(_) => return Err(LostConsent::Ended("it closed it".to_owned())),
            _ => continue,
        };
        match serde_json::from_slice(text) {
            Ok(message) => break message,
            Err(_) if awaited.passes_over => {
                log::error!(target: "wazo_auth.remote", "{}", LostConsent::NotJson);
            }
            Err(_) => {
                close(&mut socket).await;
                return Err(LostConsent::NotJson);
            }
        }
    };
    close(&mut socket).await;
    Ok((message, socket))
}

async fn connected(url: &str, tls: Arc<ClientConfig>) -> Result<Socket, LostConsent> {
    let config =
        WebSocketConfig::default().max_message_size(Some(LARGEST)).max_frame_size(Some(LARGEST));
    let tls = Some(Connector::Rustls(tls));
    let connecting = connect_async_tls_with_config(url, Some(config), true, tls);
    match timeout(CONNECTING, connecting).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(tungstenite::Error::Url(_) | tungstenite::Error::HttpFormat(_))) => {
            Err(LostConsent::Unreachable("its address is not valid".to_owned()))
        }
        Ok(Err(error)) => Err(LostConsent::Unreachable(error.to_string())),
        Err(_) => Err(LostConsent::Unreachable("it does not answer".to_owned())),
    }
}

async fn close(socket: &mut Socket) {
    let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
    let _ = timeout(CLOSING, socket.close(Some(frame))).await;
}

async fn drained(mut socket: Socket) {
    while let Some(Ok(_)) = socket.next().await {}
}

#[cfg(test)]
mod tests {
    use oneshot::error::TryRecvError;

    use super::*;

    #[test]
    fn who_asks_again_and_again_takes_no_place_of_others() {
        let waiting = Arc::default();
        let mut own = Vec::new();
        for _ in 0..2 * MOST {
            // As the wait does that is told so.
            own.retain_mut(|(_, replaced): &mut (Counted, oneshot::Receiver<()>)| {
                replaced.try_recv() == Err(TryRecvError::Empty)
            });
            own.push(Counted::new(&waiting, "alice google").unwrap());
        }
        let other = Counted::new(&waiting, "bob google").unwrap();
        assert_eq!(waiting.lock().count, MOST_OF_ONE + 2, "one is about to end");
        drop(own);
        let left = waiting.lock();
        assert_eq!((left.count, left.of.len()), (1, 1));
        drop(left);
        drop(other);
    }

    #[test]
    fn there_are_only_so_many() {
        let waiting = Arc::default();
        let one = |number: usize| Counted::new(&waiting, &number.to_string());
        let all: Vec<_> = (0..MOST).map(|number| one(number).unwrap()).collect();
        assert!(matches!(one(MOST), Err(NotAwaited::TooMany)));
        drop(all);
        assert!(one(MOST).is_ok());
    }
}
