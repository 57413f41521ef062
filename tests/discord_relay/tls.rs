//! Discord behind TLS: with a certificate that is trusted, and with one that is not.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use shipmate::chat::discord::relay::{AskError, Gateway, Relay, RelaySettings, Upstream};
use tokio::io::AsyncReadExt;
use tokio_rustls::TlsAcceptor;

use super::*;

/// Somebody who has the certificate of a name, and somebody who trusts it.
fn certified(name: &str) -> (TlsAcceptor, Arc<ClientConfig>) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())
        .unwrap();
    (TlsAcceptor::from(Arc::new(server)), trusting(roots))
}

async fn relay_over(tls: Arc<ClientConfig>, port: u16, settings: RelaySettings) -> Relay {
    let upstream = Upstream::new(tls, move || async move {
        Ok::<_, AskError>(Gateway { address: format!("wss://localhost:{port}"), sessions: None })
    });
    Relay::start(upstream, settings).await.unwrap()
}

#[tokio::test]
async fn discord_is_spoken_to_over_tls() {
    let (listener, _) = listen().await;
    let port = listener.local_addr().unwrap().port();
    let (acceptor, trust) = certified("localhost");
    let relay = relay_over(trust, port, loose()).await;
    let mut client = ask(&relay).await;
    let mut server = acceptor.accept(accept(&listener).await).await.unwrap();
    let asked = head(&mut server).await;
    assert!(asked.contains(&format!("\r\nHost: localhost:{port}\r\n")), "{asked}");
    server.write_all(SWITCH.as_bytes()).await.unwrap();
    assert_eq!(head(&mut client).await, SWITCH);

    // Small writes are not held back in TLS's buffers.
    client.write_all(b"ping").await.unwrap();
    let mut heard = [0; 4];
    timeout(LONG, server.read_exact(&mut heard)).await.unwrap().unwrap();
    assert_eq!(&heard, b"ping");
    server.write_all(&[7; 200_000]).await.unwrap();
    server.flush().await.unwrap();
    let mut large = vec![0; 200_000];
    timeout(LONG, client.read_exact(&mut large)).await.unwrap().unwrap();
    assert!(large.iter().all(|byte| *byte == 7));

    // Discord's end without TLS's goodbye is an end all the same.
    let (stream, _) = server.into_inner();
    reset(stream);
    assert_eq!(rest(&mut client).await, b"");
}

#[tokio::test]
async fn serenitys_end_is_said_to_discord_within_tls() {
    let (listener, _) = listen().await;
    let port = listener.local_addr().unwrap().port();
    let (acceptor, trust) = certified("localhost");
    let relay = relay_over(trust, port, loose()).await;
    let mut client = ask(&relay).await;
    let mut server = acceptor.accept(accept(&listener).await).await.unwrap();
    head(&mut server).await;
    server.write_all(SWITCH.as_bytes()).await.unwrap();
    head(&mut client).await;
    client.write_all(b"goodbye").await.unwrap();
    drop(client);
    // Without TLS's goodbye this is an error.
    assert_eq!(rest(&mut server).await, b"goodbye");
}

#[tokio::test]
async fn a_certificate_of_somebody_else_is_a_refusal() {
    let (listener, _) = listen().await;
    let port = listener.local_addr().unwrap().port();
    let (acceptor, trust) = certified("somebody.else");
    let settings = RelaySettings { patience: Duration::ZERO, ..loose() };
    let relay = relay_over(trust, port, settings).await;
    let mut client = ask(&relay).await;
    let server = acceptor.accept(accept(&listener).await).await;
    assert!(server.is_err(), "the relay does not speak on");
    assert!(rest(&mut client).await.starts_with(b"HTTP/1.1 502 "));
}
