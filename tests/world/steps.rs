//! What was done to the simulated AWS, and what runs in it.

use std::collections::BTreeSet;

use shipmate::sandbox::Call;

use super::World;

/// Calls that change something.
const DEEDS: [&str; 4] = ["PutImage", "StopTask", "UpdateService", "StopServiceDeployment"];

impl World {
    /// The calls so far that change something and that AWS carried out.
    pub fn deeds(&self) -> Vec<Call> {
        let calls = self.sandbox.calls().into_iter();
        calls
            .filter(|call| DEEDS.contains(&call.operation.as_str()))
            .filter(|call| call.outcome.starts_with("ok"))
            .collect()
    }

    /// Nothing has been changed.
    pub fn assert_untouched(&self) {
        let calls = self.sandbox.calls().into_iter();
        let deeds: Vec<String> = calls
            .filter(|call| DEEDS.contains(&call.operation.as_str()))
            .map(|call| format!("{} {}: {}", call.operation, call.parameters, call.outcome))
            .collect();
        assert!(deeds.is_empty(), "something was changed: {deeds:#?}");
    }

    fn parameters(&self, operation: &str, name: &str) -> Vec<String> {
        let deeds = self.deeds().into_iter();
        deeds
            .filter(|call| call.operation == operation)
            .map(|call| call.parameters[name].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// The tasks that were told to stop, each once however often.
    pub fn told_to_stop(&self) -> BTreeSet<String> {
        self.parameters("StopTask", "task").into_iter().collect()
    }

    /// The services whose deployments were forced, in order.
    pub fn forced(&self) -> Vec<String> {
        self.parameters("UpdateService", "service")
    }

    /// Which tags were put on what, in order: `core:staging-latest 1.5.0`.
    pub fn tags_put(&self) -> Vec<String> {
        let deeds = self.deeds().into_iter().filter(|call| call.operation == "PutImage");
        let text =
            |call: &Call, name: &str| call.parameters[name].as_str().unwrap_or_default().to_owned();
        deeds
            .map(|call| {
                let repository = text(&call, "repositoryName");
                let digest = text(&call, "imageDigest");
                let version = self.version(&repository, &digest);
                format!("{repository}:{} {version}", text(&call, "imageTag"))
            })
            .collect()
    }

    /// The version tag of a digest.
    fn version(&self, repository: &str, digest: &str) -> String {
        let tags = self.sandbox.tags(repository);
        let version = |tag: &&String| tag.starts_with(|first: char| first.is_ascii_digit());
        let found = tags.iter().filter(|(_, on)| *on == digest).map(|(tag, _)| tag).find(version);
        found.cloned().unwrap_or_else(|| digest.to_owned())
    }

    /// Where a tag points, as a version.
    pub fn tag(&self, repository: &str, tag: &str) -> String {
        let digest = self.sandbox.digest(repository, tag);
        digest.map_or_else(|| "nothing".to_owned(), |digest| self.version(repository, &digest))
    }

    /// The ARNs of a service's tasks.
    pub fn tasks(&self, cluster: &str, service: &str) -> BTreeSet<String> {
        self.sandbox.tasks(cluster, service).into_iter().map(|task| task.arn).collect()
    }

    /// The versions of `core` that a service's wanted tasks run, and whether nothing is on its
    /// way.
    pub fn runs(&self, cluster: &str, service: &str) -> BTreeSet<String> {
        let view = self.sandbox.service(cluster, service).expect("there is such a service");
        let digest = |container: &str| {
            let tasks = view.tasks.iter();
            tasks.filter_map(|task| task.digests.get(container).cloned()).collect::<Vec<_>>()
        };
        digest("app").iter().map(|digest| self.version("core", digest)).collect()
    }

    /// Every service of `core` in the cluster is steady and runs this version and no other, and
    /// the tag is there.
    pub fn assert_core(&self, cluster: &str, version: &str) {
        assert_eq!(self.tag("core", &format!("{cluster}-latest")), version);
        let worker = if cluster == "production" { "worker-prod" } else { "worker" };
        for service in ["rest-api", worker] {
            let view = self.sandbox.service(cluster, service).expect("there is such a service");
            assert!(view.is_steady(), "{service} is not steady: {view:#?}");
            let only = BTreeSet::from([version.to_owned()]);
            assert_eq!(self.runs(cluster, service), only, "{service}");
        }
    }
}

/// Somebody else's hands, with the same clients that other people use.
impl World {
    pub async fn force_by_hand(&self, cluster: &str, service: &str) {
        let ecs = crate::sandbox::clients(&self.sandbox).await.ecs;
        let forced = ecs.update_service().cluster(cluster).service(service);
        forced.force_new_deployment(true).send().await.unwrap();
    }
}

impl World {
    /// Staging runs this image by somebody else's hands: policies take it for verified there.
    pub async fn verified_on_staging(&self, repository: &str, version: &str) {
        self.sandbox.put_tag(repository, "staging-latest", version).unwrap();
        let digest = self.sandbox.digest(repository, version).unwrap();
        for service in ["rest-api", "worker"] {
            for task in self.sandbox.tasks("staging", service) {
                self.sandbox.befall(&task.id, shipmate::sandbox::Mishap::Rebalanced);
            }
            let ran = self
                .sandbox
                .wait_for("staging", service, super::LONG, |view| view.runs("app", &digest));
            assert!(ran.await, "{service} never ran {repository}:{version}");
        }
    }
}
