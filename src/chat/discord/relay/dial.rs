//! Reaches Discord: name, TCP, TLS and the upgrade, all within one time. Decides nothing about
//! when, and knows nothing of who asked.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::address::Address;
use super::head::{self, HeadError, Request};

#[derive(Debug, thiserror::Error)]
pub(super) enum DialError {
    #[error("it did not answer in time")]
    Slow,
    #[error("its name could not be resolved")]
    Unresolved(#[source] io::Error),
    #[error("its name stands for no address")]
    Nameless,
    #[error("it cannot be connected to")]
    Unreachable(#[source] io::Error),
    #[error("TLS was not agreed on")]
    Tls(#[source] io::Error),
    #[error("the request could not be sent")]
    Unsent(#[source] io::Error),
    #[error("its answer could not be read")]
    Answer(#[source] HeadError),
    #[error("it refused the upgrade ({0})")]
    Refused(String),
}

impl DialError {
    /// For a metric's label.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Slow => "slow",
            Self::Unresolved(_) | Self::Nameless => "unresolved",
            Self::Unreachable(_) => "unreachable",
            Self::Tls(_) => "tls",
            Self::Unsent(_) | Self::Answer(_) => "cut-short",
            Self::Refused(_) => "refused",
        }
    }
}

pub(super) trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// A connection that has been upgraded.
pub(super) struct Upgraded {
    pub wire: Box<dyn Wire>,
    /// The answer's head, and what came behind it in the same read.
    pub said: Vec<u8>,
}

/// Connects, and asks for the upgrade.
pub(super) async fn dial(
    address: &Address,
    tls: &Arc<ClientConfig>,
    request: &Request,
    time: Duration,
) -> Result<Upgraded, DialError> {
    let upgraded = async {
        let mut wire = connect(address, tls, time).await?;
        let head = request.for_upstream(address);
        wire.write_all(head.as_bytes()).await.map_err(DialError::Unsent)?;
        wire.flush().await.map_err(DialError::Unsent)?;
        let (said, end) = head::read(&mut wire).await.map_err(DialError::Answer)?;
        head::switches(&said[..end]).map_err(DialError::Refused)?;
        Ok(Upgraded { wire, said })
    };
    timeout(time, Box::pin(upgraded)).await.unwrap_or(Err(DialError::Slow))
}

async fn connect(
    address: &Address,
    tls: &Arc<ClientConfig>,
    time: Duration,
) -> Result<Box<dyn Wire>, DialError> {
    let addresses = lookup_host((address.host(), address.port())).await;
    let addresses: Vec<_> = addresses.map_err(DialError::Unresolved)?.collect();
    let stream = first_of(&addresses, time).await?;
    // Frames are small, and each is waited for.
    stream.set_nodelay(true).map_err(DialError::Unreachable)?;
    if !address.tls() {
        return Ok(Box::new(stream));
    }
    let name = ServerName::try_from(address.host().to_owned());
    let name = name.map_err(|error| DialError::Tls(io::Error::other(error)))?;
    let stream = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await;
    Ok(Box::new(stream.map_err(DialError::Tls)?))
}

/// The first address that answers. Each gets a part of the time only: a network that swallows
/// IPv6 must not keep us from IPv4.
async fn first_of(addresses: &[SocketAddr], time: Duration) -> Result<TcpStream, DialError> {
    let mut last = DialError::Nameless;
    for address in addresses {
        match timeout(time / 3, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = DialError::Unreachable(error),
            Err(_elapsed) => last = DialError::Slow,
        }
    }
    Err(last)
}
