//! Where the server is and how it is reached: `https://`, or `http://` on loopback, where nobody
//! could overhear the token. Connects nothing.

use std::net::IpAddr;
use std::sync::Arc;

use reqwest::Url;
use rustls::ClientConfig;
use secrecy::{ExposeSecret as _, SecretString};

use crate::domain::id::ReservationId;

/// An address that cannot be used. It is not repeated: somebody may have written a password in
/// it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--server is no address of a server: {0}")]
pub struct BadServer(&'static str);

/// A server, and what it knows us by.
pub struct Server {
    url: Url,
    host: String,
    port: u16,
    token: SecretString,
    pub(super) tls: Arc<ClientConfig>,
}

impl Server {
    /// # Errors
    /// [`BadServer`] where the token would go over the network in the clear, among others.
    pub fn new(
        address: &str,
        token: SecretString,
        tls: Arc<ClientConfig>,
    ) -> Result<Self, BadServer> {
        let url = Url::parse(address)
            .map_err(|_| BadServer("write for example https://shipmate.example.com"))?;
        let named = url.host_str().ok_or(BadServer("it names no host"))?;
        let host = named.trim_start_matches('[').trim_end_matches(']').to_owned();
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&host) => {}
            "http" => {
                return Err(BadServer(
                    "without TLS it must be on loopback: the token goes over it",
                ));
            }
            _ => return Err(BadServer("it must begin with https://")),
        }
        let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        if !bare {
            return Err(BadServer("it must have no user, password or query in it"));
        }
        let port = url.port_or_known_default().ok_or(BadServer("it has no port"))?;
        Ok(Self { url, host, port, token, tls })
    }

    pub(super) fn place(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn is_tls(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// What the header says.
    pub(super) fn bearer(&self) -> String {
        format!("Bearer {}", self.token.expose_secret())
    }

    /// Where an environment is asked for.
    pub(super) fn address(
        &self,
        environment: &str,
        reason: Option<&str>,
        id: Option<&ReservationId>,
    ) -> Url {
        let mut url = self.url.clone();
        // One with a host can always be added to.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["v1", "reservations", environment]);
        }
        // The other name of the same schemes cannot be refused.
        let _same = url.set_scheme(if self.is_tls() { "wss" } else { "ws" });
        for (key, value) in [("reason", reason), ("id", id.map(ReservationId::as_str))] {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(key, value);
            }
        }
        url
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn server(address: &str) -> Result<Server, BadServer> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider);
        let tls = tls.with_safe_default_protocol_versions().expect("versions");
        let tls = tls.with_root_certificates(rustls::RootCertStore::empty());
        let tls = Arc::new(tls.with_no_client_auth());
        Server::new(address, SecretString::from("secret"), tls)
    }

    #[test]
    fn the_token_goes_over_no_network_in_the_clear() {
        for address in
            ["https://a.example", "http://127.0.0.1:8080", "http://[::1]:1", "http://localhost"]
        {
            assert!(server(address).is_ok(), "{address}");
        }
        for address in ["http://a.example", "ftp://a", "a.example", "https://u:p@a.example", ""] {
            assert!(server(address).is_err(), "{address}");
        }
    }

    #[test]
    fn what_people_write_stands_in_the_address_as_it_must() {
        let server = server("https://a.example/ships/").expect("a server");
        let url = server.address("staging", Some("a & b?"), Some(&ReservationId::new("1f")));
        let expected = "wss://a.example/ships/v1/reservations/staging?reason=a+%26+b%3F&id=1f";
        assert_eq!(url.as_str(), expected);
    }
}
