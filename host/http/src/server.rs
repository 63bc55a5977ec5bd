//! The listening socket: connections, TLS, an orderly end.

use std::{
    convert::Infallible,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{
    App,
    connections::{Connections, Place, Seat},
    dispatch::{self, Answer},
    stream::Patient,
};

/// The head of a request is at most so long, a little more than what nginx
/// passes on; and so much of a body is read at a time.
const BUFFER: usize = 32 * 1024;
/// What fails at every connection is said once in so long.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);

/// What clients may take of the daemon (`rest_api.max_connections` and
/// `rest_api.timeouts`).
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at a time.
    pub connections: usize,
    /// For a TLS handshake.
    pub handshake: Duration,
    /// For the head of a request, since the answer before.
    pub head: Duration,
    /// For the body of a request.
    pub body: Duration,
    /// For each 64 KiB of an answer that the client does not take at once.
    pub answer: Duration,
    /// For requests that run when the daemon stops.
    pub stop: Duration,
}

/// Certificate chain and private key, as PEM files.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// `rest_api.certificate`.
    pub certificate: PathBuf,
    /// `rest_api.private_key`.
    pub private_key: PathBuf,
}

/// The socket cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}; see `rest_api.listen` and `rest_api.port`")]
pub struct BindError {
    address: String,
    source: io::Error,
}

/// Certificate or key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read, or holds something else.
    #[error("the {what} {} cannot be used: {problem}", path.display())]
    File {
        /// Which of the two.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The two do not belong together, or are of a kind that is not supported.
    #[error("the certificate {} and the key {} cannot be used together: {source}", certificate.display(), private_key.display())]
    Pair {
        /// The certificate.
        certificate: PathBuf,
        /// The key.
        private_key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
}

/// A socket that listens.
pub struct Server {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
}

// === impl Server ===

impl Server {
    /// Opens the socket.
    ///
    /// # Errors
    /// [`BindError`] when the address cannot be used.
    pub async fn bind(
        listen: &str,
        port: u16,
        tls: Option<Arc<ServerConfig>>,
    ) -> Result<Self, BindError> {
        let host =
            if listen.is_empty() { Ipv4Addr::UNSPECIFIED.to_string() } else { listen.to_owned() };
        let listener = TcpListener::bind((&*host, port))
            .await
            .map_err(|source| BindError { address: format!("{host}:{port}"), source })?;
        Ok(Self { listener, tls: tls.map(TlsAcceptor::from) })
    }

    /// Where it listens; of use when the port was chosen by the system.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.listener.local_addr().ok()
    }

    /// Serves until `stop` is done, then lets running requests finish.
    ///
    /// # Errors
    /// When the socket itself fails.
    pub async fn serve(self, app: Arc<App>, stop: impl Future<Output = ()>) -> io::Result<()> {
        let limits = app.settings.limits;
        let connections = Connections::new(limits.connections);
        let idle = tokio::spawn(Arc::clone(&connections).close_idle(limits.head));
        let mut stop = pin!(stop);
        let mut complained: Option<Instant> = None;
        let served: io::Result<()> = loop {
            tokio::select! {
                () = &mut stop => break Ok(()),
                accepted = self.accept(&connections) => match accepted {
                    Ok((stream, peer, place)) => {
                        no_delay(&stream);
                        let (app, tls) = (Arc::clone(&app), self.tls.clone());
                        tokio::spawn(converse(app, stream, peer.ip(), tls, place));
                    }
                    Err(error) if !is_fatal(&error) => {
                        if complained.is_none_or(|last| last.elapsed() > COMPLAIN_EVERY) {
                            log::warn!(target: "wazo_auth.http", "cannot accept a connection: {error}");
                            complained = Some(Instant::now());
                        }
                        // Too few descriptors or too little memory: both come
                        // back with connections that end.
                        connections.make_room();
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    Err(error) => break Err(error),
                },
            }
        };
        drop(self.listener);
        idle.abort();
        served?;
        if timeout(limits.stop, connections.end()).await.is_err() {
            let (open, seconds) = (connections.open(), limits.stop.as_secs_f64());
            log::warn!(target: "wazo_auth.http", "{open} requests did not finish in {seconds} s (rest_api.timeouts.stop): they are broken off");
        }
        Ok(())
    }

    async fn accept(
        &self,
        connections: &Arc<Connections>,
    ) -> io::Result<(TcpStream, SocketAddr, Place)> {
        let (stream, peer) = self.listener.accept().await?;
        Ok((stream, peer, connections.place().await))
    }
}

/// Serves a connection that was not made by a [`Server`], such as a pipe in memory, until it ends.
pub async fn serve_connection(
    app: Arc<App>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: IpAddr,
) {
    let place = Connections::new(1).place().await;
    exchange(app, stream, peer, &place.seat).await;
}

/// Answers are small: none waits for more to come.
fn no_delay(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        log::debug!(target: "wazo_auth.http", "{error}");
    }
}

/// Whether the socket itself cannot be used any more. Anything else is the
/// fault of one client, of the network, or of a moment.
fn is_fatal(error: &io::Error) -> bool {
    use nix::errno::Errno;
    let fatal = [Errno::EBADF, Errno::EFAULT, Errno::EINVAL, Errno::ENOTSOCK, Errno::EOPNOTSUPP];
    error.raw_os_error().is_some_and(|code| fatal.contains(&Errno::from_raw(code)))
}

async fn converse(
    app: Arc<App>,
    stream: TcpStream,
    peer: IpAddr,
    tls: Option<TlsAcceptor>,
    place: Place,
) {
    match tls {
        None => exchange(app, stream, peer, &place.seat).await,
        Some(tls) => {
            let limit = app.settings.limits.handshake;
            if let Some(stream) = secure(stream, peer, &tls, limit, &place.seat).await {
                exchange(app, stream, peer, &place.seat).await;
            }
        }
    }
}

/// Makes a connection a TLS one; gives up when it is to leave meanwhile.
async fn secure(
    stream: TcpStream,
    peer: IpAddr,
    tls: &TlsAcceptor,
    limit: Duration,
    seat: &Seat,
) -> Option<TlsStream<TcpStream>> {
    let handshake = timeout(limit, tls.accept(stream));
    let accepted = tokio::select! {
        accepted = handshake => accepted,
        () = seat.asked_to_leave() => return None,
    };
    match accepted {
        Ok(Ok(stream)) => {
            seat.rest();
            return Some(stream);
        }
        Ok(Err(error)) => log::debug!(target: "wazo_auth.http", "{peer}: no TLS: {error}"),
        Err(_) => {
            log::debug!(target: "wazo_auth.http", "{peer}: the TLS handshake took too long");
        }
    }
    None
}

async fn exchange(
    app: Arc<App>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: IpAddr,
    seat: &Arc<Seat>,
) {
    let limits = app.settings.limits;
    let stream = Patient::new(stream, Arc::clone(seat), limits.answer);
    let service = service_fn(|request| {
        let answering = seat.answering();
        let answer = dispatch::answer(&app, request, peer, seat);
        async move {
            let response = match answer {
                Answer::Now(response) => response,
                Answer::Later(response) => response.await,
            };
            drop(answering);
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        // Connections closes those that are slow: hyper would set a timer for
        // each request.
        .header_read_timeout(None)
        .max_header_size(BUFFER)
        .max_buf_size(BUFFER)
        // Who has said all may still listen.
        .half_close(true)
        .writev(false)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        biased;
        ended = &mut connection => ended,
        () = seat.asked_to_leave() => {
            connection.as_mut().graceful_shutdown();
            if seat.may_leave_at_once() {
                // One look suffices to close it, unless a request has come half.
                timeout(Duration::ZERO, connection).await.unwrap_or(Ok(()))
            } else {
                connection.await
            }
        }
    };
    if let Err(error) = ended {
        log::debug!(target: "wazo_auth.http", "{peer}: {error}");
    }
}

// === impl TlsFiles ===

impl TlsFiles {
    /// Reads the files.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn load(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let chain = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| unusable("certificate", &self.certificate, &error))?;
        if chain.is_empty() {
            return Err(unusable("certificate", &self.certificate, &"it holds no certificate"));
        }
        let key = PrivateKeyDer::from_pem_file(&self.private_key)
            .map_err(|error| unusable("private key", &self.private_key, &error))?;
        let pair = |source| TlsError::Pair {
            certificate: self.certificate.clone(),
            private_key: self.private_key.clone(),
            source,
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(pair)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(pair)?;
        Ok(Arc::new(config))
    }
}

fn unusable(what: &'static str, path: &Path, problem: &dyn std::fmt::Display) -> TlsError {
    TlsError::File { what, path: path.to_owned(), problem: problem.to_string() }
}
