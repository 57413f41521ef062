//! `shipmate reserve` on a network that swallows what is sent and closes no connection.

use std::net::SocketAddr;
use std::time::Duration;

use shipmate::ports::{ReservationStore, Ticket};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::client::Folder;
use super::{E2E, LOAD, Program, open};
use crate::world::{START, World};

/// What stands between a program and a server.
struct Network {
    address: SocketAddr,
    silences: watch::Sender<u32>,
}

impl Network {
    async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (silences, silenced) = watch::channel(0);
        tokio::spawn(async move {
            while let Ok((inside, _)) = listener.accept().await {
                tokio::spawn(carry(inside, server, silenced.clone()));
            }
        });
        Self { address, silences }
    }

    /// From here on nothing passes on the connections that there are. Each stands all the same,
    /// and new ones work.
    fn fall_silent(&self) {
        self.silences.send_modify(|times| *times += 1);
    }
}

async fn carry(mut inside: TcpStream, server: SocketAddr, mut silenced: watch::Receiver<u32>) {
    silenced.mark_unchanged();
    let Ok(mut outside) = TcpStream::connect(server).await else { return };
    tokio::select! {
        // Whoever ends it does so for both.
        _ended = copy_bidirectional(&mut inside, &mut outside) => {}
        _silenced = silenced.changed() => {
            // Both stand until the network is gone.
            drop(silenced.wait_for(|_| false).await);
        }
    }
}

#[tokio::test]
async fn a_silence_is_noticed_and_the_command_is_not_disturbed() {
    let world = World::start().await;
    let web = open(&world).await;
    let network = Network::before(web.address()).await;
    let folder = Folder::new();
    let reserve = folder.reserve(network.address, E2E, &[]);
    folder.until_begun().await;
    network.fall_silent();
    folder.until_said("nothing was heard of it; connecting again").await;
    folder.until_said("the connection is back").await;
    assert!(!folder.has("told"), "{}", folder.said());
    folder.go();
    assert_eq!(reserve.status().await, Some(5), "{}", folder.said());
    let mut next = Program::ask(&web, LOAD, "next").await;
    next.until_held().await;
}

/// Who loses the place in line meanwhile takes another one.
#[tokio::test]
async fn a_place_that_is_gone_after_a_silence_is_taken_anew() {
    let world = World::start().await;
    let web = open(&world).await;
    let mut holder = Program::ask(&web, LOAD, "first").await;
    holder.until_held().await;
    let network = Network::before(web.address()).await;
    let folder = Folder::new();
    let reserve = folder.reserve(network.address, E2E, &[]);
    folder.until_said("waiting, next in line: load has it").await;
    network.fall_silent();
    let journal = world.journal().await;
    let line = journal.reservations().await.unwrap();
    let waiting = line.into_iter().find(|one| one.held_since.is_none()).unwrap();
    let (environment, grace) = (waiting.environment, Duration::from_secs(60));
    let ticket = Ticket { id: waiting.id.clone(), environment, fence: waiting.fence, grace };
    assert!(journal.release_reservation(&ticket, START.parse().unwrap()).await.unwrap());
    folder.until_said("nothing was heard of it; connecting again").await;
    folder.until_said("the place in line is gone; standing in line anew").await;
    holder.release().await;
    folder.until_begun().await;
    let line = journal.reservations().await.unwrap();
    assert!(line.iter().all(|one| one.id != waiting.id), "it is another one");
    folder.go();
    assert_eq!(reserve.status().await, Some(5), "{}", folder.said());
}
