//! Reservations: programs over real sockets, people in the channel, and the real engine between
//! them. Times are handed in; where a test waits, it waits for what must come, not for a time.

mod client;
mod door;
mod line;
mod lives;
mod locked;
mod network;
mod people;
mod process;
mod program;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use shipmate::domain::reservation::Told;
use shipmate::engine::Engine;
use shipmate::web::reservations::{CONNECTIONS, Pulse, Reservations, Reserver};
use shipmate::web::{Doors, Web};

pub use self::program::Program;
use crate::world::World;

/// Port 0: a free one.
const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// The tokens of two programs that may reserve staging, and of one that may not.
pub const E2E: &str = "e2e-0123456789abcdef";
pub const LOAD: &str = "load-0123456789abcdef";
const ELSEWHERE: &str = "elsewhere-0123456789abcdef";

/// Long enough that no test is over before it, also on a machine that is busy.
const PULSE: Pulse = Pulse { ping: Duration::from_millis(100), grace: Duration::from_secs(600) };

/// The doors of a world's server, with that for programs.
pub fn doors(world: &World, pulse: Pulse) -> Doors {
    doors_of(world.engine(), world, pulse, CONNECTIONS)
}

/// The same of any engine over the world's database, for so many programs at once.
fn doors_of(engine: Engine, world: &World, pulse: Pulse, connections: usize) -> Doors {
    let reserver = |name: &str, token: &str, environments: &[&str]| {
        let environments = environments.iter().map(|name| (*name).into()).collect();
        Reserver::new(name.into(), token, environments)
    };
    let reservers = vec![
        reserver("e2e", E2E, &["staging", "production"]),
        reserver("load", LOAD, &["staging"]),
        reserver("elsewhere", ELSEWHERE, &["production"]),
    ];
    let clock = world.clock.clone();
    let door = Reservations::new(reservers, Arc::new(engine), clock, pulse, connections);
    Doors { reservations: Some(Arc::new(door)), ..Doors::default() }
}

/// Opens the door for programs.
pub async fn open(world: &World) -> Web {
    world.serve(ANY, doors(world, PULSE)).await
}

/// The place in line that a program is told.
fn place(told: &Told) -> usize {
    match told {
        Told::Waiting { place, .. } => *place,
        other => panic!("it does not wait: {other:?}"),
    }
}
