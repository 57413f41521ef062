//! How REST is reached: plainly, and by TLS as `discord.com`. A connection can be cut from within.
//! Knows nothing of what is said on it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, ready};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use futures::task::AtomicWaker;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// Ends one connection without an answer.
#[derive(Clone, Default)]
pub struct Cut {
    inner: Arc<CutInner>,
}

#[derive(Default)]
struct CutInner {
    done: AtomicBool,
    waker: AtomicWaker,
}

impl CutInner {
    fn now(&self) {
        self.done.store(true, Ordering::SeqCst);
        self.waker.wake();
    }
}

impl Cut {
    pub fn now(&self) {
        self.inner.now();
    }

    fn check(&self, context: &Context<'_>) -> io::Result<()> {
        self.inner.waker.register(context.waker());
        if self.inner.done.load(Ordering::SeqCst) {
            Err(io::ErrorKind::ConnectionReset.into())
        } else {
            Ok(())
        }
    }
}

/// All connections that are open, to be cut when the fake stops.
#[derive(Clone, Default)]
pub struct Cuts {
    all: Arc<Mutex<Vec<Weak<CutInner>>>>,
}

impl Cuts {
    fn add(&self, cut: &Cut) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|known| known.strong_count() > 0);
        all.push(Arc::downgrade(&cut.inner));
    }

    pub fn all_now(&self) {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        for cut in all.iter().filter_map(Weak::upgrade) {
            cut.now();
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection that can be cut.
pub struct Wire {
    stream: Box<dyn Stream>,
    cut: Cut,
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.cut.check(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.cut.check(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.cut.check(context)?;
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Connections that are ready to be served, after their handshakes.
pub struct Arrivals {
    incoming: mpsc::Receiver<Wire>,
    address: SocketAddr,
}

impl Listener for Arrivals {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        match self.incoming.recv().await {
            Some(wire) => (wire, self.address),
            // The door is closed; whoever serves is about to be stopped.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl Connected<IncomingStream<'_, Arrivals>> for Cut {
    fn connect_info(stream: IncomingStream<'_, Arrivals>) -> Cut {
        stream.io().cut.clone()
    }
}

/// Arrivals on a listener, and the task that must run to let them in.
pub fn door(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    cuts: Cuts,
) -> io::Result<(Arrivals, impl Future<Output = ()> + Send)> {
    let address = listener.local_addr()?;
    let (sender, incoming) = mpsc::channel(64);
    let task = async move {
        let mut handshakes = JoinSet::new();
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            // Answers are small: without this the kernel may hold them back.
            let _unset = stream.set_nodelay(true);
            handshakes.spawn(let_in(stream, tls.clone(), sender.clone(), cuts.clone()));
            while handshakes.try_join_next().is_some() {}
        }
    };
    Ok((Arrivals { incoming, address }, task))
}

async fn let_in(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    sender: mpsc::Sender<Wire>,
    cuts: Cuts,
) {
    let stream: Box<dyn Stream> = match tls {
        None => Box::new(stream),
        Some(tls) => match tls.accept(stream).await {
            Ok(stream) => Box::new(stream),
            Err(_) => return,
        },
    };
    let cut = Cut::default();
    cuts.add(&cut);
    // If nobody serves any more, the connection is dropped.
    let _served = sender.send(Wire { stream, cut }).await;
}

/// A certificate for `discord.com` that nobody trusts who is not told to.
pub struct Certificate {
    pub der: Vec<u8>,
    pub pem: String,
    key: Vec<u8>,
}

impl Certificate {
    pub fn new() -> Certificate {
        let names = ["discord.com".to_owned(), "gateway.discord.gg".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("the names are well-formed");
        Certificate {
            der: made.cert.der().to_vec(),
            pem: made.cert.pem(),
            key: made.signing_key.serialize_der(),
        }
    }

    pub fn acceptor(&self) -> TlsAcceptor {
        let chain = vec![CertificateDer::from(self.der.clone())];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring knows the versions of TLS")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("the key belongs to the certificate");
        TlsAcceptor::from(Arc::new(config))
    }
}
