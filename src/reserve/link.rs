//! One connection to the server: TCP, TLS, the upgrade, and what is said on it. Decides nothing
//! about when there is another one.

use std::io;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use reqwest::Url;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::AUTHORIZATION;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::failure::Failure;
use super::server::Server;
use crate::domain::reservation::Told;

/// For reaching the server: name, TCP, TLS and upgrade.
const REACH: Duration = Duration::from_secs(10);

/// For taking leave.
const FAREWELL: Duration = Duration::from_secs(5);

/// The longest message that is read, in bytes.
const LONGEST: usize = 64 * 1024;

trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

pub(super) struct Link {
    socket: WebSocketStream<Box<dyn Wire>>,
}

/// Why there is no connection.
pub(super) enum Unlinked {
    /// It may work another time.
    Unreached(String),
    /// What should be taken up again is over.
    Over,
    /// It will not work another time, either.
    Refused(Failure),
}

/// What came.
pub(super) enum Heard {
    Told(Told),
    /// It lives, and asks whether we do. The answer is on its way.
    Sign,
    /// What is of no use to us.
    Nothing,
    Gone,
}

impl Link {
    /// Connects and asks.
    pub async fn open(server: &Server, address: &Url) -> Result<Self, Unlinked> {
        let opened = timeout(REACH, Self::try_open(server, address)).await;
        opened.unwrap_or_else(|_| Err(Unlinked::Unreached("it does not answer".to_owned())))
    }

    async fn try_open(server: &Server, address: &Url) -> Result<Self, Unlinked> {
        let unreached = |error: io::Error| Unlinked::Unreached(error.to_string());
        let stream = TcpStream::connect(server.place()).await.map_err(unreached)?;
        stream.set_nodelay(true).map_err(unreached)?;
        let wire: Box<dyn Wire> = if server.is_tls() {
            let name = ServerName::try_from(server.host().to_owned());
            let name = name.map_err(|error| unreached(io::Error::other(error)))?;
            let tls = TlsConnector::from(server.tls.clone());
            Box::new(tls.connect(name, stream).await.map_err(unreached)?)
        } else {
            Box::new(stream)
        };
        let asked = address.as_str().into_client_request();
        let mut request = asked.map_err(|error| Unlinked::Unreached(error.to_string()))?;
        let bearer = HeaderValue::from_str(&server.bearer());
        let mut bearer = bearer.map_err(|_| Unlinked::Refused(Failure::Unauthorised))?;
        bearer.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, bearer);
        let config = WebSocketConfig {
            max_message_size: Some(LONGEST),
            max_frame_size: Some(LONGEST),
            ..WebSocketConfig::default()
        };
        match client_async_with_config(request, wire, Some(config)).await {
            Ok((socket, _answer)) => Ok(Self { socket }),
            Err(Error::Http(answer)) => Err(refusal(answer.status().as_u16())),
            Err(error) => Err(Unlinked::Unreached(error.to_string())),
        }
    }

    pub async fn next(&mut self) -> Heard {
        match self.socket.next().await {
            Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                Ok(told) => Heard::Told(told),
                // A newer server may say more than we understand.
                Err(_) => Heard::Nothing,
            },
            Some(Ok(Message::Ping(_))) => match self.socket.flush().await {
                Ok(()) => Heard::Sign,
                Err(_) => Heard::Gone,
            },
            Some(Ok(Message::Pong(_) | Message::Binary(_) | Message::Frame(_))) => Heard::Nothing,
            Some(Ok(Message::Close(_)) | Err(_)) | None => Heard::Gone,
        }
    }

    /// Says that nothing is needed any more, and waits until that was heard.
    pub async fn close(mut self) {
        let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        let taking_leave = async {
            if self.socket.close(Some(frame)).await.is_ok() {
                while let Some(Ok(_)) = self.socket.next().await {}
            }
        };
        let _gone = timeout(FAREWELL, taking_leave).await;
    }
}

/// What a status means that is no upgrade.
fn refusal(status: u16) -> Unlinked {
    match status {
        401 => Unlinked::Refused(Failure::Unauthorised),
        403 => Unlinked::Refused(Failure::Forbidden),
        404 => Unlinked::Refused(Failure::NoSuchEnvironment),
        410 => Unlinked::Over,
        429 => Unlinked::Refused(Failure::LineTooLong),
        408 | 500..=599 => Unlinked::Unreached(format!("it answers with HTTP {status}")),
        other => Unlinked::Refused(Failure::NotThere(other)),
    }
}
