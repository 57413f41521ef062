//! Where Discord's gateway is: `wss://host[:port]`, or `ws://` on loopback, where tests play
//! Discord. Nothing is resolved or connected here.

use std::net::IpAddr;

use reqwest::Url;

#[derive(Debug, thiserror::Error)]
#[error("{address:?} is no gateway's address: {reason}")]
pub(super) struct AddressError {
    address: String,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    tls: bool,
    /// An IPv6 address stands here without its brackets.
    host: String,
    port: u16,
    path: String,
    authority: String,
}

impl Address {
    pub fn parse(address: &str) -> Result<Self, AddressError> {
        let wrong = |reason| AddressError { address: address.to_owned(), reason };
        let url = Url::parse(address).map_err(|_| wrong("it cannot be read"))?;
        let tls = match url.scheme() {
            "wss" => true,
            "ws" => false,
            _other => return Err(wrong("its scheme is neither wss nor ws")),
        };
        let named = url.host_str().ok_or_else(|| wrong("it names no host"))?;
        let host = named.trim_start_matches('[').trim_end_matches(']').to_owned();
        if !tls && !is_loopback(&host) {
            return Err(wrong("without TLS it must be on loopback: the token goes over it"));
        }
        let port = url.port_or_known_default().ok_or_else(|| wrong("it has no port"))?;
        // The address knows its own default, and servers compare the header with names.
        let authority = match url.port() {
            Some(port) => format!("{named}:{port}"),
            None => named.to_owned(),
        };
        Ok(Self { tls, host, port, path: url.path().to_owned(), authority })
    }

    /// Where Discord's gateway is when Discord cannot be asked.
    pub fn well_known() -> Self {
        let host = "gateway.discord.gg".to_owned();
        Self { tls: true, authority: host.clone(), host, port: 443, path: "/".to_owned() }
    }

    pub fn tls(&self) -> bool {
        self.tls
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Begins with a slash.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What the `Host` header says.
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let address = Address::parse("wss://gateway-us-east1-b.discord.gg").unwrap();
        assert!(address.tls());
        assert_eq!((address.host(), address.port()), ("gateway-us-east1-b.discord.gg", 443));
        assert_eq!((address.path(), address.authority()), ("/", "gateway-us-east1-b.discord.gg"));
        assert_eq!(Address::parse("wss://gateway.discord.gg").unwrap(), Address::well_known());
        let address = Address::parse("ws://[::1]:8080/x?v=9").unwrap();
        assert!(!address.tls());
        assert_eq!((address.host(), address.port()), ("::1", 8080));
        assert_eq!((address.path(), address.authority()), ("/x", "[::1]:8080"));
    }

    #[test]
    fn the_token_goes_over_no_open_line() {
        for wrong in
            ["ws://gateway.discord.gg", "ws://10.0.0.1:80", "http://localhost", "", "wss://"]
        {
            assert!(Address::parse(wrong).is_err(), "{wrong:?}");
        }
        assert!(Address::parse("ws://localhost:1").is_ok());
        assert!(Address::parse("ws://127.0.0.1:1").is_ok());
    }
}
