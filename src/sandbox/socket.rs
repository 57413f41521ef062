//! The connections that the sandbox accepts, each of which can be broken on order, as a network
//! breaks it: with a reset instead of an answer. Must not know what is said on them.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// A listener whose connections can be broken.
pub(super) struct Listening(pub(super) TcpListener);

impl Listener for Listening {
    type Io = Socket;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Socket, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        // Answers are small: without this the kernel may hold them back for tens of milliseconds.
        let _unset = stream.set_nodelay(true);
        (Socket { stream, breaker: Breaker::default() }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// Breaks the connection that it belongs to.
#[derive(Clone, Default)]
pub(super) struct Breaker(Arc<AtomicBool>);

impl Breaker {
    /// From now on nothing is written on the connection: the next answer is a reset.
    pub(super) fn reset(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Connected<IncomingStream<'_, Listening>> for Breaker {
    fn connect_info(stream: IncomingStream<'_, Listening>) -> Breaker {
        stream.io().breaker.clone()
    }
}

/// One connection.
pub(super) struct Socket {
    stream: TcpStream,
    breaker: Breaker,
}

impl Socket {
    fn whole(&self) -> io::Result<()> {
        if !self.breaker.0.load(Ordering::SeqCst) {
            return Ok(());
        }
        // Closed without lingering, a connection ends in a reset and not in an orderly end.
        let _unset = self.stream.set_zero_linger();
        Err(io::Error::new(io::ErrorKind::ConnectionReset, "the connection is reset on order"))
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.whole()?;
        Pin::new(&mut self.stream).poll_write(context, buffer)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.whole()?;
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // An orderly end would come before the reset.
        self.whole()?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
