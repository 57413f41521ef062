//! A program that reserves, at the wire: it knows of the protocol what docs/reservations.md says.

use std::net::SocketAddr;

use futures::{SinkExt, StreamExt};
use shipmate::domain::id::ReservationId;
use shipmate::domain::reservation::Told;
use shipmate::web::Web;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::world::within;

pub struct Program {
    socket: WebSocketStream<TcpStream>,
}

impl Program {
    /// Connects, and asks for staging.
    pub async fn ask(web: &Web, token: &str, reason: &str) -> Self {
        Self::at(web.address(), token, &format!("staging?reason={reason}")).await.unwrap()
    }

    /// The same for what it asked for on an earlier connection.
    pub async fn come_back(web: &Web, token: &str, id: &ReservationId) -> Result<Self, u16> {
        Self::at(web.address(), token, &format!("staging?id={id}")).await
    }

    /// Asks for what stands behind the path; the status where that is no WebSocket.
    pub async fn at(address: SocketAddr, token: &str, wanted: &str) -> Result<Self, u16> {
        let stream = TcpStream::connect(address).await.unwrap();
        let url = format!("ws://{address}/v1/reservations/{wanted}");
        let mut request = url.into_client_request().unwrap();
        let bearer = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert("authorization", bearer);
        match within("the server answers", client_async(request, stream)).await {
            Ok((socket, _)) => Ok(Self { socket }),
            Err(Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(other) => panic!("{other}"),
        }
    }

    /// What it is told next. It answers pings meanwhile.
    pub async fn told(&mut self) -> Told {
        loop {
            match within("something is told", self.socket.next()).await {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("nothing is told any more: {other:?}"),
            }
        }
    }

    /// Until it is told that the environment is its own; gives the reservation's id.
    pub async fn until_held(&mut self) -> ReservationId {
        loop {
            match self.told().await {
                Told::Held { id, .. } => return id,
                Told::Waiting { .. } => {}
                other => panic!("it is not held: {other:?}"),
            }
        }
    }

    /// Until it is told something that fits.
    pub async fn until(&mut self, what: impl Fn(&Told) -> bool) -> Told {
        loop {
            let told = self.told().await;
            if what(&told) {
                return told;
            }
        }
    }

    /// Reads until it has been asked so many times whether it lives.
    pub async fn answer_pings(&mut self, pings: usize) {
        let mut left = pings;
        while left > 0 {
            match within("it is asked whether it lives", self.socket.next()).await {
                Some(Ok(Message::Ping(_))) => left -= 1,
                Some(Ok(Message::Text(_) | Message::Pong(_))) => {}
                other => panic!("the connection is gone: {other:?}"),
            }
        }
        // The answer to the last one is on its way now.
        self.socket.flush().await.unwrap();
    }

    /// Ends in order, and waits until that was heard.
    pub async fn release(mut self) {
        let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        self.socket.close(Some(frame)).await.unwrap();
        let rest = async { while let Some(Ok(_)) = self.socket.next().await {} };
        within("the server closes, too", rest).await;
    }

    /// Closes with this code, as whatever stands in between may.
    pub async fn close_with(mut self, code: CloseCode) {
        self.socket.close(Some(CloseFrame { code, reason: "".into() })).await.unwrap();
    }

    pub async fn say(&mut self, text: &str) {
        self.socket.send(Message::Text(text.to_owned())).await.unwrap();
    }

    /// The code with which the server closes.
    pub async fn closed(&mut self) -> Option<CloseCode> {
        loop {
            match within("the server closes", self.socket.next()).await {
                Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code),
                Some(Ok(_)) => {}
                None | Some(Err(_)) => return None,
            }
        }
    }

    /// Goes without a word.
    pub fn vanish(self) {
        drop(self.socket);
    }
}

/// What a server answers to these bytes, until it closes.
pub async fn raw(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    within("the server closes", stream.read_to_end(&mut answer)).await.unwrap();
    String::from_utf8(answer).unwrap()
}
