//! The head of an upgrade request: read from serenity within bounds, and written anew for
//! Discord. Knows HTTP/1.1 as far as two parties who both keep to it need.

use std::fmt::Write as _;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::address::Address;

/// Longer than any head of serenity's or Discord's: cookies of a proxy in between have room.
const LONGEST: usize = 16 * 1024;
const END: &[u8] = b"\r\n\r\n";

#[derive(Debug, thiserror::Error)]
pub(super) enum HeadError {
    #[error("the connection ended within the head")]
    Ended,
    #[error("the head is longer than {LONGEST} bytes")]
    TooLong,
    #[error("the head could not be read")]
    Unreadable(#[source] std::io::Error),
    #[error("the head is not one of HTTP/1.1")]
    Nonsense,
}

/// Reads until the end of a head. What follows it is left behind it in the same bytes; the
/// number is where the head ends.
pub(super) async fn read<R>(stream: &mut R) -> Result<(Vec<u8>, usize), HeadError>
where
    R: AsyncRead + Unpin,
{
    let mut bytes = Vec::with_capacity(1024);
    loop {
        let read = stream.read_buf(&mut bytes).await.map_err(HeadError::Unreadable)?;
        if read == 0 {
            return Err(HeadError::Ended);
        }
        // The end may have begun in what was read before.
        let from = bytes.len().saturating_sub(read + END.len());
        let found = bytes[from..].windows(END.len()).position(|window| window == END);
        if let Some(at) = found {
            return Ok((bytes, from + at + END.len()));
        }
        if bytes.len() > LONGEST {
            return Err(HeadError::TooLong);
        }
    }
}

/// Whether the head of an answer says that the protocol is switched; else what it does say.
pub(super) fn switches(head: &[u8]) -> Result<(), String> {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.split(' ');
    let (version, status) = (words.next(), words.next());
    if version == Some("HTTP/1.1") && status == Some("101") {
        return Ok(());
    }
    Err(line.chars().take(80).collect())
}

/// What serenity asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// Without the slash that it begins with.
    path: String,
    query: String,
    /// All header lines but the host's, as they came.
    headers: Vec<String>,
}

impl Request {
    /// Reads one request and nothing beyond it: a websocket's client says no more before it was
    /// answered.
    pub async fn read<R>(stream: &mut R) -> Result<Self, HeadError>
    where
        R: AsyncRead + Unpin,
    {
        let (bytes, end) = read(stream).await?;
        if end != bytes.len() {
            return Err(HeadError::Nonsense);
        }
        Self::parse(&bytes[..end - END.len()]).ok_or(HeadError::Nonsense)
    }

    fn parse(head: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(head).ok()?;
        let mut lines = text.split("\r\n");
        let target = lines.next()?.strip_prefix("GET /")?.strip_suffix(" HTTP/1.1")?;
        // A lone carriage return or line feed, or a second space, would be read differently by
        // the next one who reads it.
        if text.replace("\r\n", "").contains(['\r', '\n']) || target.contains(' ') {
            return None;
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let is_host = |line: &str| {
            line.split_once(':').is_some_and(|(name, _)| name.eq_ignore_ascii_case("host"))
        };
        let headers = lines.filter(|line| !is_host(line)).map(str::to_owned).collect();
        Some(Self { path: path.to_owned(), query: query.to_owned(), headers })
    }

    pub fn path(&self) -> &str {
        &self.path
    }

    /// The same request for another address. Serenity asks for a version and leaves the encoding
    /// to Discord's default, which Discord advises against.
    pub fn for_upstream(&self, address: &Address) -> String {
        let mut query: Vec<&str> = self.query.split('&').filter(|pair| !pair.is_empty()).collect();
        if !query.iter().any(|pair| pair.starts_with("encoding=")) {
            query.push("encoding=json");
        }
        let target = format!("{}?{}", address.path(), query.join("&"));
        let mut head = format!("GET {target} HTTP/1.1\r\nHost: {}\r\n", address.authority());
        for header in &self.headers {
            // Writing to a string does not fail.
            let _written = write!(head, "{header}\r\n");
        }
        head.push_str("\r\n");
        head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<Request> {
        Request::parse(text.as_bytes())
    }

    #[test]
    fn the_secret_and_the_host_are_replaced_and_the_rest_stays() {
        let request = parse(
            "GET /secret?v=10 HTTP/1.1\r\nhOST: 127.0.0.1:1\r\nUpgrade: websocket\r\nX-Host: a",
        );
        let request = request.unwrap();
        assert_eq!(request.path(), "secret");
        let address = Address::parse("wss://gateway.discord.gg").unwrap();
        assert_eq!(
            request.for_upstream(&address),
            "GET /?v=10&encoding=json HTTP/1.1\r\nHost: gateway.discord.gg\r\n\
             Upgrade: websocket\r\nX-Host: a\r\n\r\n"
        );
    }

    #[test]
    fn an_encoding_that_was_asked_for_stays() {
        let request = parse("GET /s?encoding=json&v=9 HTTP/1.1").unwrap();
        let address = Address::parse("wss://gateway.discord.gg:8443/some").unwrap();
        let head = request.for_upstream(&address);
        let expected =
            "GET /some?encoding=json&v=9 HTTP/1.1\r\nHost: gateway.discord.gg:8443\r\n\r\n";
        assert_eq!(head, expected);
    }

    #[test]
    fn what_is_no_request_for_an_upgrade_is_nonsense() {
        for text in [
            "",
            "POST / HTTP/1.1",
            "GET / HTTP/1.0",
            "GET http://a/ HTTP/1.1",
            "GET / HTTP/1.1\r\nA: b\nHost: c",
            "GET /a b HTTP/1.1",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn only_101_switches() {
        assert_eq!(switches(b"HTTP/1.1 101 Switching Protocols\r\nA: b\r\n\r\n"), Ok(()));
        assert_eq!(switches(b"HTTP/1.1 1010 No\r\n"), Err("HTTP/1.1 1010 No".to_owned()));
        assert!(switches(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").is_err());
        assert!(switches(b"").is_err());
    }
}
