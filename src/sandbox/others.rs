//! Other people's hands, and ECS's own: what happens to repositories and services while somebody is
//! looking the other way. None of it stands in the log of calls, and no fault, limit or policy is
//! in its way.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::ecs::hands::{self, Mishap};
use super::ecs::{self, seed};
use super::handle::Handle;
use super::world::ImageSpec;

/// What somebody does to a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Deed {
    /// Another desired count, as autoscaling sets it.
    Scale { desired: u32 },
    /// A new deployment, forced.
    Deploy,
    /// A new revision of its task definition, in which the container has that image, is deployed.
    Redefine { container: String, image: String },
    /// Other percentages, without a deployment.
    SetPercent { minimum: u32, maximum: u32 },
    /// The deployment under way is stopped and goes back.
    RollBack,
    /// It is deleted, with its tasks.
    Delete,
    /// ECS rebalances availability zones: a task is started, and another stopped once that one is
    /// healthy.
    Rebalance,
}

impl Handle {
    /// Somebody else moves or makes a tag, to what another tag or a digest is. The digest is the
    /// answer, or `None` where there is no such image.
    pub fn put_tag(&self, repository: &str, tag: &str, to: &str) -> Option<String> {
        self.with(|inside, _| {
            let repository = inside.state.registry.get_mut(repository)?;
            let digest = repository.find(to)?.digest().to_owned();
            repository.tags.insert(tag.to_owned(), digest.clone());
            Some(digest)
        })
    }

    /// Somebody else removes a tag; its image stays. It says whether it was there.
    pub fn remove_tag(&self, repository: &str, tag: &str) -> bool {
        self.with(|inside, _| {
            let repository = inside.state.registry.get_mut(repository);
            repository.is_some_and(|repository| repository.tags.remove(tag).is_some())
        })
    }

    /// Somebody else deletes an image and its tags, as a lifecycle policy would. It says whether it
    /// was there.
    pub fn delete_image(&self, repository: &str, tag_or_digest: &str) -> bool {
        self.with(|inside, _| {
            let repository = inside.state.registry.get_mut(repository);
            repository.is_some_and(|repository| repository.delete(tag_or_digest))
        })
    }

    /// A build pushes an image. The digest is the answer, or `None` where there is no such
    /// repository.
    pub fn push(&self, repository: &str, image: &ImageSpec) -> Option<String> {
        self.with(|inside, now| {
            Some(inside.state.registry.get_mut(repository)?.add(image, now.wall))
        })
    }

    /// Somebody else archives an image, by a tag or its digest: it cannot be pulled any more. It
    /// says whether it was there.
    pub fn archive_image(&self, repository: &str, tag_or_digest: &str) -> bool {
        self.with(|inside, _| {
            let repository = inside.state.registry.get_mut(repository);
            repository.is_some_and(|repository| repository.archive(tag_or_digest))
        })
    }

    /// Autoscaling changes a desired count. It says whether there is such a service.
    pub fn set_desired(&self, cluster: &str, service: &str, desired: u32) -> bool {
        self.lay_hands(cluster, service, &Deed::Scale { desired })
    }

    /// Something is done to a service. It says whether ECS did it.
    pub fn lay_hands(&self, cluster: &str, service: &str, deed: &Deed) -> bool {
        let whose = json!({"cluster": cluster, "service": service});
        match deed {
            Deed::Scale { desired } => self.with(|inside, now| {
                hands::set_desired(&mut inside.state, cluster, service, *desired, now)
            }),
            Deed::Deploy => self.update(whose, json!({"forceNewDeployment": true})),
            Deed::Redefine { container, image } => {
                let Some(definition) = self.redefine(cluster, service, container, image) else {
                    return false;
                };
                self.update(whose, json!({"taskDefinition": definition}))
            }
            Deed::SetPercent { minimum, maximum } => {
                let percent = json!({"minimumHealthyPercent": minimum, "maximumPercent": maximum});
                self.update(whose, json!({"deploymentConfiguration": percent}))
            }
            Deed::RollBack => {
                let described = self.describe(cluster, service);
                let deployment = &described["currentServiceDeployment"];
                let stop = json!({"serviceDeploymentArn": deployment, "stopType": "ROLLBACK"});
                self.by_hand("StopServiceDeployment", &stop).is_some()
            }
            Deed::Delete => {
                let mut delete = whose;
                delete["force"] = json!(true);
                self.by_hand("DeleteService", &delete).is_some()
            }
            Deed::Rebalance => {
                self.with(|inside, now| hands::rebalance(&mut inside.state, cluster, service, now))
            }
        }
    }

    /// Something happens to a task, by its id or ARN. It says whether it did.
    pub fn befall(&self, task: &str, mishap: Mishap) -> bool {
        self.with(|inside, now| hands::befall(&mut inside.state, task, mishap, now))
    }

    /// What ECS answers to a call that nobody logs; nothing where it refuses.
    fn by_hand(&self, operation: &str, input: &Value) -> Option<Value> {
        self.with(|inside, now| ecs::call(&mut inside.state, operation, input, now).ok())
    }

    fn update(&self, mut whose: Value, change: Value) -> bool {
        if let (Value::Object(whose), Value::Object(change)) = (&mut whose, change) {
            whose.extend(change);
        }
        self.by_hand("UpdateService", &whose).is_some()
    }

    fn describe(&self, cluster: &str, service: &str) -> Value {
        let input = json!({"cluster": cluster, "services": [service]});
        let mut answer = self.by_hand("DescribeServices", &input).unwrap_or_default();
        answer["services"][0].take()
    }

    /// Registers the service's task definition with another image, and gives its ARN.
    fn redefine(
        &self,
        cluster: &str,
        service: &str,
        container: &str,
        image: &str,
    ) -> Option<Value> {
        let described = self.describe(cluster, service);
        let input = json!({"taskDefinition": described["taskDefinition"]});
        let mut definition =
            self.by_hand("DescribeTaskDefinition", &input)?["taskDefinition"].take();
        let image = self.with(|inside, _| seed::reference(&inside.state, image));
        let containers = definition["containerDefinitions"].as_array_mut()?;
        let found = containers.iter_mut().find(|one| one["name"] == container)?;
        found["image"] = json!(image);
        let mut registered = self.by_hand("RegisterTaskDefinition", &definition)?;
        Some(registered["taskDefinition"]["taskDefinitionArn"].take())
    }
}
