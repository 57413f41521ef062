//! The IAM policy that ships, enforced: the simulated AWS lets Shipmate's own key do what
//! docs/iam-policy.json allows and nothing else, and a test in which it tried more fails.
//! Whoever else calls is an administrator.

use std::collections::BTreeSet;
use std::ops::Deref;

use serde_json::Value;
use shipmate::sandbox::{self, Options, Sandbox};
use shipmate::settings::Settings;

/// The policy as it stands in the documentation.
pub const POLICY: &str = include_str!("../../docs/iam-policy.json");

/// The access key that Shipmate signs with where AWS is simulated.
pub const OUR_KEY: &str = "simulated";

/// A simulated AWS in which Shipmate may do what the policy allows.
pub struct Policed {
    sandbox: Sandbox,
}

impl Policed {
    /// Starts it. The policy names what is there, and what the settings speak of.
    pub async fn start(aws: sandbox::World, options: Options, settings: &Settings) -> Self {
        let policy = Names::of(&aws, settings).policy();
        let sandbox = Sandbox::start(aws, options).await.unwrap();
        sandbox.enforce(OUR_KEY, &policy).unwrap();
        Self { sandbox }
    }
}

impl Deref for Policed {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.sandbox
    }
}

impl Drop for Policed {
    fn drop(&mut self) {
        let denials = self.sandbox.take_denials();
        if !std::thread::panicking() {
            assert!(denials.is_empty(), "docs/iam-policy.json does not allow it: {denials:#?}");
        }
    }
}

/// What stands in the policy in the place of the example's names.
struct Names {
    region: String,
    account: String,
    /// Accounts with a registry that is used.
    registries: BTreeSet<String>,
    repositories: BTreeSet<String>,
    clusters: BTreeSet<String>,
}

impl Names {
    fn of(aws: &sandbox::World, settings: &Settings) -> Self {
        let environments: Vec<_> = settings.environments.iter().collect();
        let registries = environments.iter().filter_map(|one| one.registry.as_ref());
        let services = environments.iter().flat_map(|one| &one.services);
        let repositories = services.map(|service| service.repository.as_str().to_owned());
        let clusters = environments.iter().map(|one| one.cluster.clone());
        Self {
            region: aws.region.clone(),
            account: aws.account.clone(),
            registries: registries
                .map(|registry| registry.account.clone())
                .chain([aws.account.clone()])
                .collect(),
            repositories: repositories
                .chain(aws.repositories.iter().map(|one| one.name.clone()))
                .collect(),
            clusters: clusters
                .chain(aws.clusters.iter().cloned())
                .chain(aws.services.iter().map(|one| one.cluster.clone()))
                .collect(),
        }
    }

    fn policy(&self) -> Value {
        let mut policy: Value = serde_json::from_str(POLICY).unwrap();
        for statement in policy["Statement"].as_array_mut().unwrap() {
            self.rename(&mut statement["Resource"]);
            if let Some(clusters) = statement.pointer_mut("/Condition/ArnEquals/ecs:cluster") {
                self.rename(clusters);
            }
        }
        policy
    }

    /// Replaces each ARN of the example by those that it stands for.
    fn rename(&self, arns: &mut Value) {
        let of_example: Vec<String> = match &*arns {
            Value::String(arn) => vec![arn.clone()],
            several => serde_json::from_value(several.clone()).unwrap(),
        };
        let renamed: BTreeSet<String> =
            of_example.iter().flat_map(|arn| self.stands_for(arn)).collect();
        *arns = serde_json::to_value(renamed).unwrap();
    }

    fn stands_for(&self, arn: &str) -> Vec<String> {
        let (account, region) = ("123456789012", "eu-west-1");
        let arn = arn.replace(region, &self.region);
        if let Some((head, _)) = arn.split_once("repository/") {
            let of = |registry: &String| {
                let head = head.replace(account, registry);
                let named = |name: &String| format!("{head}repository/{name}");
                self.repositories.iter().map(named).collect::<Vec<_>>()
            };
            return self.registries.iter().flat_map(of).collect();
        }
        let arn = arn.replace(account, &self.account);
        let cluster = ["/staging", "/production"].into_iter().find(|name| arn.contains(name));
        match cluster {
            Some(of_example) => {
                let named = |name: &String| arn.replace(of_example, &format!("/{name}"));
                self.clusters.iter().map(named).collect()
            }
            None => vec![arn],
        }
    }
}
