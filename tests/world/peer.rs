//! A service of somebody's that answers over HTTP on loopback: what after-checks ask.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One answer.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    head: String,
    body: String,
    after: Duration,
}

impl Reply {
    pub fn status(status: u16) -> Self {
        Self { status, head: String::new(), body: String::new(), after: Duration::ZERO }
    }

    pub fn body(mut self, body: &str) -> Self {
        body.clone_into(&mut self.body);
        self
    }

    pub fn location(mut self, url: &str) -> Self {
        self.head = format!("location: {url}\r\n");
        self
    }

    pub fn after(mut self, after: Duration) -> Self {
        self.after = after;
        self
    }
}

#[derive(Default)]
struct State {
    /// The paths that were asked for.
    asked: Vec<String>,
    /// The heads of the requests, in lower case.
    heads: Vec<String>,
    /// What is answered next; the last one is answered for ever.
    replies: VecDeque<Reply>,
}

/// A server. It stops with the runtime that it was started on.
pub struct Peer {
    url: String,
    state: Arc<Mutex<State>>,
}

impl Peer {
    /// Answers with these, in turn, and then with the last for ever.
    pub async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = State { replies: replies.into_iter().collect(), ..State::default() };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                // Who asks may hang up whenever they like.
                tokio::spawn(async move { drop(answer(stream, &shared).await) });
            }
        });
        Self { url, state }
    }

    /// `http://127.0.0.1:1234` and this path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// From now on it answers with these.
    pub fn answer(&self, replies: impl IntoIterator<Item = Reply>) {
        self.state.lock().unwrap().replies = replies.into_iter().collect();
    }

    /// What was asked for so far.
    pub fn asked(&self) -> Vec<String> {
        self.state.lock().unwrap().asked.clone()
    }
}

impl Peer {
    /// What stood before the body of each request, in lower case.
    pub fn heads(&self) -> Vec<String> {
        self.state.lock().unwrap().heads.clone()
    }
}

async fn answer(mut stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    // What is left unread when it closes would cost the asker the end of the answer.
    let lower = head.to_ascii_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await?;
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let reply = {
        let mut state = state.lock().unwrap();
        state.asked.push(path);
        state.heads.push(lower);
        let last = state.replies.len() == 1;
        let next = if last { state.replies.front().cloned() } else { state.replies.pop_front() };
        next.expect("a reply")
    };
    tokio::time::sleep(reply.after).await;
    let Reply { status, head, body, .. } = reply;
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status} x\r\n{head}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}
