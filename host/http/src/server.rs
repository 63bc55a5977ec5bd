//! The listening socket: connections, TLS, an orderly end.

use std::{
    convert::Infallible,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{App, dispatch};

/// A client has this long to send the head of a request (so an idle connection
/// is closed after it, too).
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Requests that run have this long to finish when the daemon stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
const BUFFER: usize = 64 * 1024;

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
        let connections = GracefulShutdown::new();
        let (stopping, stopped) = watch::channel(());
        let mut stop = std::pin::pin!(stop);
        let served: io::Result<()> = loop {
            tokio::select! {
                () = &mut stop => break Ok(()),
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        no_delay(&stream);
                        let (app, tls) = (Arc::clone(&app), self.tls.clone());
                        let (watcher, stopped) = (connections.watcher(), stopped.clone());
                        tokio::spawn(converse(app, stream, peer.ip(), tls, watcher, stopped));
                    }
                    Err(error) if !is_fatal(&error) => {
                        log::warn!(target: "wazo_auth.http", "cannot accept a connection: {error}");
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    Err(error) => break Err(error),
                },
            }
        };
        drop(self.listener);
        served?;
        // Nobody waits for handshakes that never end.
        drop(stopping);
        if timeout(DRAIN_TIMEOUT, connections.shutdown()).await.is_err() {
            log::warn!(target: "wazo_auth.http", "some requests did not finish in {} s", DRAIN_TIMEOUT.as_secs());
        }
        Ok(())
    }
}

/// Serves a connection that was not made by a [`Server`], such as a pipe in memory, until it ends.
pub async fn serve_connection(
    app: Arc<App>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: IpAddr,
) {
    let connections = GracefulShutdown::new();
    exchange(app, stream, peer, connections.watcher()).await;
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
    watcher: Watcher,
    stopped: watch::Receiver<()>,
) {
    match tls {
        None => exchange(app, stream, peer, watcher).await,
        Some(tls) => {
            if let Some(stream) = secure(stream, peer, &tls, stopped).await {
                exchange(app, stream, peer, watcher).await;
            }
        }
    }
}

/// Makes a connection a TLS one; gives up when the daemon stops meanwhile.
async fn secure(
    stream: TcpStream,
    peer: IpAddr,
    tls: &TlsAcceptor,
    mut stopped: watch::Receiver<()>,
) -> Option<TlsStream<TcpStream>> {
    let handshake = timeout(HANDSHAKE_TIMEOUT, tls.accept(stream));
    let accepted = tokio::select! {
        accepted = handshake => accepted,
        _ = stopped.changed() => return None,
    };
    match accepted {
        Ok(Ok(stream)) => return Some(stream),
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
    watcher: Watcher,
) {
    let service = service_fn(move |request| {
        let app = Arc::clone(&app);
        async move { Ok::<_, Infallible>(dispatch::answer(app, request, peer).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
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
