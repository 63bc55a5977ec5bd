//! Consents that users give in a browser: a relay tells of each on a websocket
//! (external-auth.md section 6.3).

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use futures_util::StreamExt;
use rustls::ClientConfig;
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};
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

/// Counts a message as awaited, until it is dropped.
struct Counted(Arc<AtomicUsize>);

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
        let counted = Counted::new(&self.awaited)?;
        let (tell, told) = mpsc::sync_channel(1);
        let tls = self.tls();
        let wait = async move {
            let _counted = counted;
            let came = timeout(LONGEST, come(awaited, tls, tell)).await;
            match came.unwrap_or(Err(LostConsent::TooLate)) {
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
    fn new(awaited: &Arc<AtomicUsize>) -> Result<Self, NotAwaited> {
        let counted = Self(Arc::clone(awaited));
        if awaited.fetch_add(1, Ordering::Relaxed) < MOST {
            return Ok(counted);
        }
        Err(NotAwaited::TooMany)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
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
