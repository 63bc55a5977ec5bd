//! Connections to the broker that can be ended: lapin serves each by a thread, which
//! a broker that is silent would keep for ever.

use std::{
    io,
    io::{Read, Write},
    mem,
    net::{self, Shutdown, SocketAddr},
    os::fd::{AsFd, AsRawFd},
    sync::Arc,
    time::{Duration, Instant},
};

use async_compat::{Compat, CompatExt};
use async_rs::{Runtime, Tokio, traits::Reactor, util::RuntimeParts};
use futures_core::Stream;
use futures_io::{AsyncRead, AsyncWrite};
use lapin::{AsyncTcpStream, Connection, ConnectionProperties, Error, uri::AMQPUri};
use parking_lot::Mutex;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

use crate::tls::Tls;

/// How long it takes to connect to one address, and to agree on TLS, at most: behind one
/// that answers nothing there may be another that does.
const CONNECTED_WITHIN: Duration = Duration::from_secs(3);

/// The network on the way to one connection.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    tls: Option<Tls>,
    plain: Tokio,
    socket: Arc<Mutex<Socket>>,
}

/// What a connection is made of.
#[derive(Debug)]
enum Socket {
    NotYet,
    There(net::TcpStream),
    /// It is not wanted any more: whoever still connects, to the next address perhaps,
    /// is to stop.
    Cut,
}

/// Ends a connection when dropped.
pub(crate) struct Cut(Network);

/// What is read and written, with TLS or without.
pub(crate) trait Duplex:
    tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin
{
}

impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin> Duplex for T {}

// === impl Network ===

impl Network {
    /// Must be called within a runtime.
    pub fn new(tls: Option<Tls>) -> (Self, Cut) {
        let socket = Arc::new(Mutex::new(Socket::NotYet));
        let network = Self { tls, plain: Tokio::current(), socket };
        (network.clone(), Cut(network))
    }

    /// Connects to a broker.
    pub async fn connect(
        self,
        uri: AMQPUri,
        properties: ConnectionProperties,
    ) -> Result<Connection, Error> {
        let runtime = Runtime::new(RuntimeParts::new(self.plain.clone(), self));
        let connect = async |uri: AMQPUri, runtime: Runtime<RuntimeParts<Tokio, Self>>| {
            let place = runtime.to_socket_addrs((uri.authority.host, uri.authority.port));
            AsyncTcpStream::connect(&runtime, place).await.map_err(Error::from)
        };
        Connection::connector(uri, runtime, connect, properties).await
    }

    async fn open(&self, plain: TcpStream) -> io::Result<Box<dyn Duplex>> {
        let socket = plain.as_fd().try_clone_to_owned()?;
        {
            let mut known = self.socket.lock();
            known.check()?;
            *known = Socket::There(socket.into());
        }
        Ok(match &self.tls {
            Some(Tls { config, name }) => {
                let connector = TlsConnector::from(Arc::clone(config));
                Box::new(connector.connect(name.clone(), plain).await?)
            }
            None => Box::new(plain),
        })
    }
}

// === impl Socket ===

impl Socket {
    fn check(&self) -> io::Result<()> {
        match self {
            Self::Cut => Err(io::ErrorKind::ConnectionAborted.into()),
            Self::NotYet | Self::There(_) => Ok(()),
        }
    }
}

impl Reactor for Network {
    type TcpStream = Compat<Box<dyn Duplex>>;
    type Sleep = <Tokio as Reactor>::Sleep;

    fn register<H: Read + Write + AsFd + AsRawFd + Send + 'static>(
        &self,
        socket: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        self.plain.register(socket)
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        self.plain.sleep(duration)
    }

    fn interval(&self, duration: Duration) -> impl Stream<Item = Instant> + Send + 'static {
        self.plain.interval(duration)
    }

    fn tcp_connect_addr(
        &self,
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send + 'static {
        let network = self.clone();
        async move {
            network.socket.lock().check()?;
            let connecting = async {
                let plain = network.plain.tcp_connect_addr(address).await?;
                network.open(plain.into_inner()).await
            };
            let late = |_| io::Error::from(io::ErrorKind::TimedOut);
            Ok(timeout(CONNECTED_WITHIN, connecting).await.map_err(late)??.compat())
        }
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        let socket = mem::replace(&mut *self.0.socket.lock(), Socket::Cut);
        if let Socket::There(socket) = socket {
            // It may have ended by itself.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The connection that is not wanted any more would be kept for ever.
    #[tokio::test]
    async fn who_is_cut_while_connecting_connects_to_no_further_address() {
        let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (network, cut) = Network::new(None);
        assert!(network.tcp_connect_addr(address).await.is_ok());
        let (mut first, _) = listener.accept().unwrap();
        drop(cut);
        assert_eq!(first.read(&mut [0]).unwrap(), 0, "it is ended");
        let second = network.tcp_connect_addr(address).await;
        assert_eq!(second.map(drop).unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
        listener.set_nonblocking(true).unwrap();
        assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
