//! The ECS cluster of an environment: what its services and their tasks are doing, and
//! restarting them.

mod act;
mod known;
mod look;
mod native;
mod read;
mod services;
mod tasks;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::ContainerDefinition;
use tokio::time::Instant;

pub use self::act::Room;
pub use self::known::Known;
pub use self::look::{Looked, StoppedTasks};
pub use self::native::Following;
use super::pace::Pace;

/// The ECS cluster of an environment.
#[derive(Clone, Debug)]
pub struct Cluster {
    client: Client,
    name: String,
    pace: Arc<Pace>,
    /// Containers by task definition: a revision never changes.
    definitions: Arc<Mutex<HashMap<String, Arc<Vec<ContainerDefinition>>>>>,
    /// How many tasks it had when that was last asked.
    size: Arc<Mutex<Option<(Instant, usize)>>>,
}

impl Cluster {
    pub(super) fn new(client: Client, name: String, pace: Arc<Pace>) -> Self {
        Self { client, name, pace, definitions: Arc::default(), size: Arc::default() }
    }
}
