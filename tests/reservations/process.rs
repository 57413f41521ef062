//! Two processes, each of which dies at once: `shipmate run` with the settings that it has in
//! the world, and `shipmate reserve` somewhere else.

use std::net::SocketAddr;

use rustix::process::Signal;

use super::client::Folder;
use super::{E2E, LOAD};
use crate::discord::fake::World as Guild;
use crate::discord::process::{Started, Surroundings};
use crate::world::LONG;

/// A server that listens where it can be started again, and takes this long to be sure that
/// somebody is gone.
async fn surroundings(grace: &str) -> (Surroundings, SocketAddr) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let surroundings = Surroundings::new(Guild::shipmate()).await;
    let folder = surroundings.directory.path();
    let token = |name: &str, token: &str| {
        let file = folder.join(name);
        std::fs::write(&file, token).unwrap();
        format!(
            "[web.reservations.tokens.{name}]\nkey-file = {:?}\nenvironments = [\"staging\"]\n",
            file.display().to_string()
        )
    };
    let doors = format!(
        "[web.reservations]\nping = \"1s\"\ngrace = \"{grace}\"\n{}{}\n[roles]",
        token("e2e", E2E),
        token("load", LOAD)
    );
    let listen = format!("listen = \"{address}\"");
    let surroundings =
        surroundings.setting("listen = \"127.0.0.1:0\"", &listen).setting("[roles]", &doors);
    (surroundings, address)
}

async fn start(surroundings: &Surroundings, address: SocketAddr) -> Started {
    let started = surroundings.start(&["run"], "info");
    let began = std::time::Instant::now();
    while tokio::net::TcpStream::connect(address).await.is_err() {
        assert!(began.elapsed() < LONG, "it does not listen");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    started
}

#[tokio::test]
async fn a_client_that_is_killed_leaves_the_environment_free() {
    let (surroundings, address) = surroundings("10s").await;
    let server = start(&surroundings, address).await;
    let (killed, next) = (Folder::new(), Folder::new());
    let first = killed.reserve(address, E2E, &["--reason", "nightly"]);
    killed.until_begun().await;
    let metrics = reqwest::get(format!("http://{address}/metrics")).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(metrics.contains("shipmate_reservations{state=\"held\"} 1\n"), "{metrics}");
    assert!(metrics.contains("shipmate_reservations{state=\"waiting\"} 0\n"), "{metrics}");
    let second = next.reserve(address, LOAD, &[]);
    next.until_said("waiting, next in line: e2e has it").await;
    first.signal(Signal::KILL);
    next.until_begun().await;
    next.go();
    assert_eq!(second.status().await, Some(5), "{}", next.said());
    // Its command has nobody any more who could stop it.
    killed.go();
    drop(first);
    let logged = server.stop();
    for token in [E2E, LOAD] {
        assert!(!logged.contains(token), "{logged}");
    }
    assert!(logged.contains("given back"), "{logged}");
}

#[tokio::test]
async fn a_server_that_is_killed_and_comes_back_disturbs_nothing() {
    let (surroundings, address) = surroundings("60s").await;
    let server = start(&surroundings, address).await;
    let (kept, next) = (Folder::new(), Folder::new());
    let first = kept.reserve(address, E2E, &[]);
    kept.until_begun().await;
    let second = next.reserve(address, LOAD, &[]);
    next.until_said("waiting, next in line").await;
    drop(server);
    kept.until_said("connecting again").await;
    next.until_said("connecting again").await;
    let server = start(&surroundings, address).await;
    kept.until_said("the connection is back").await;
    assert!(!kept.has("told") && !next.has("begun"));
    kept.go();
    assert_eq!(first.status().await, Some(5), "{}", kept.said());
    next.until_begun().await;
    next.go();
    assert_eq!(second.status().await, Some(5), "{}", next.said());
    drop(server);
}
