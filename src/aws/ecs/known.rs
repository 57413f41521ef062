//! What is known from earlier looks at the same services, so that the next one asks only about
//! what can have changed. May be lost at any moment: then everything is asked for again.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::domain::id::{ServiceName, TaskArn};
use crate::domain::observation::{ServiceSeen, Task};

/// The services and tasks as they were seen last.
#[derive(Debug, Default)]
pub struct Known {
    services: BTreeMap<ServiceName, ServiceSeen>,
    /// Tasks that have been good for so long that they are taken to be as they were for as long
    /// as ECS lists them.
    at_rest: HashSet<TaskArn>,
    /// Tasks of the cluster that belong to none of the services.
    pub(super) strangers: HashSet<TaskArn>,
    /// Tasks that were described after they had stopped: they change no more.
    pub(super) ended: HashSet<TaskArn>,
    /// Services that had fewer tasks than they should have.
    pub(super) short: HashSet<ServiceName>,
    /// How many tasks ECS counted as failed, by service.
    pub(super) failing: HashMap<ServiceName, i32>,
    /// The look that last described a task which is at rest.
    pub(super) described: HashMap<TaskArn, u64>,
    pub(super) looks: u64,
}

impl Known {
    /// Takes in what was just seen of some services, and which of all tasks are at rest now.
    pub fn take(&mut self, seen: BTreeMap<ServiceName, ServiceSeen>, at_rest: HashSet<TaskArn>) {
        self.services.extend(seen);
        self.described.retain(|arn, _| at_rest.contains(arn));
        self.at_rest = at_rest;
    }

    /// Takes nothing for granted: the next look describes every task.
    pub fn doubt(&mut self) {
        self.at_rest.clear();
    }

    /// All services, each as it was seen last.
    pub fn services(&self) -> &BTreeMap<ServiceName, ServiceSeen> {
        &self.services
    }

    pub(super) fn tasks_of(&self, service: &ServiceName) -> &[Task] {
        let found = self.services.get(service).and_then(ServiceSeen::found);
        found.map(|ecs| ecs.tasks.as_slice()).unwrap_or_default()
    }

    pub(super) fn is_at_rest(&self, task: &TaskArn) -> bool {
        self.at_rest.contains(task)
    }

    /// How many tasks are known, strangers among them.
    pub(super) fn count(&self) -> usize {
        let ours = self.services.values().filter_map(ServiceSeen::found);
        ours.map(|ecs| ecs.wanted_tasks().count()).sum::<usize>() + self.strangers.len()
    }
}
