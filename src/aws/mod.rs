//! ECR and ECS through the real SDKs, and one call of CloudWatch Logs: reads that make an
//! observation, and steps that are done once however often they are asked for. Imports only
//! `domain`; decides nothing.

mod bucket;
mod ecr;
mod ecs;
mod error;
mod logs;
mod pace;
mod stops;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::tls;

pub use self::ecr::{Asked, Listed, Repositories};
pub use self::ecs::{Cluster, Following, Known, Looked, Room, StoppedTasks};
pub use self::error::AwsError;
pub use self::logs::{LogPlace, Logs};
use crate::domain::environment::{Environment, Environments};
use crate::domain::event::StepFailure;
use crate::domain::id::EnvironmentName;
use crate::domain::share::Share;

/// Where AWS is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// What the SDK's own environment says: variables, profiles, roles of the task.
    Ambient,
    /// A simulated AWS on loopback, with credentials that mean nothing.
    Simulated { url: String },
}

/// The clients of one environment.
#[derive(Clone, Debug)]
pub struct Account {
    pub ecr: Repositories,
    pub ecs: Cluster,
    pub logs: Logs,
}

/// The clients of every environment.
#[derive(Clone, Debug)]
pub struct Aws {
    accounts: HashMap<EnvironmentName, Account>,
}

impl Aws {
    /// Makes the clients; nothing is called yet.
    ///
    /// `share`: how much of AWS's limits is ours; where nothing is set, half, and all that a
    /// simulated AWS can do.
    pub async fn connect(
        environments: &Environments,
        endpoint: &Endpoint,
        share: Option<Share>,
    ) -> Self {
        let mut configs: HashMap<(String, Option<String>), SdkConfig> = HashMap::new();
        let mut accounts = HashMap::new();
        let pace = pace::Shared::new(endpoint, share);
        for environment in environments.iter() {
            let registry_region = environment.registry.as_ref().map(|registry| &registry.region);
            let ecr_region = registry_region.unwrap_or(&environment.region);
            let role = &environment.role_arn;
            for region in [&environment.region, ecr_region] {
                if let Entry::Vacant(vacant) = configs.entry((region.clone(), role.clone())) {
                    vacant.insert(load(region, role.as_deref(), endpoint).await);
                }
            }
            let config = |region: &String| configs.get(&(region.clone(), role.clone()));
            if let (Some(own), Some(registry)) = (config(&environment.region), config(ecr_region)) {
                accounts
                    .insert(environment.name.clone(), account(environment, own, registry, &pace));
            }
        }
        Self { accounts }
    }

    /// The clients of an environment of the settings that this was made from.
    pub fn account(&self, environment: &EnvironmentName) -> Option<&Account> {
        self.accounts.get(environment)
    }
}

fn account(
    environment: &Environment,
    own: &SdkConfig,
    registry: &SdkConfig,
    pace: &pace::Shared,
) -> Account {
    let role = environment.role_arn.as_deref().unwrap_or_default();
    let own_pace = pace.of(role, &environment.region);
    let ecr_region = registry.region().map_or("", |region| region.as_ref());
    let registry_pace = pace.of(role, ecr_region);
    let registry_id = environment.registry.as_ref().map(|registry| registry.account.clone());
    // Whoever calls tries again, so that further tries keep to the pace as well.
    let tried_once = RetryConfig::disabled();
    let ecr = aws_sdk_ecr::config::Builder::from(registry).retry_config(tried_once.clone());
    let ecs = aws_sdk_ecs::config::Builder::from(own).retry_config(tried_once);
    let ecr = aws_sdk_ecr::Client::from_conf(ecr.build());
    let ecs = aws_sdk_ecs::Client::from_conf(ecs.build());
    Account {
        ecr: Repositories::new(ecr, ecr_region.to_owned(), registry_id, registry_pace),
        logs: Logs::new(own),
        ecs: Cluster::new(ecs, environment.cluster.clone(), own_pace),
    }
}

/// How often what must not be repeated without a look is tried.
const MOST_TRIES: u32 = 4;

/// Tries what must not be repeated without a look: each try is told whether one came before that
/// may have arrived.
async fn patiently<T, F>(
    mut pause: Duration,
    mut attempt: impl FnMut(bool) -> F,
) -> Result<T, StepFailure>
where
    F: Future<Output = Result<T, StepFailure>>,
{
    let mut tries = 0;
    loop {
        tries += 1;
        // On the heap: the SDK's futures are large, and all that await this would hold them.
        match Box::pin(attempt(tries > 1)).await {
            Err(failure) if failure.transient && tries < MOST_TRIES => {
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            tried => return tried,
        }
    }
}

/// One region's configuration, in the role that the environment asks for.
async fn load(region: &str, role_arn: Option<&str>, endpoint: &Endpoint) -> SdkConfig {
    let builder = aws_smithy_http_client::Builder::new();
    let http = match endpoint {
        Endpoint::Ambient => builder
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
            .build_https(),
        // Loopback, in the clear: the system's certificates need not be read.
        Endpoint::Simulated { .. } => builder.build_http(),
    };
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .operation_attempt_timeout(Duration::from_secs(10))
        .operation_timeout(Duration::from_secs(40))
        .build();
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .http_client(http)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(5));
    let config = match endpoint {
        Endpoint::Ambient => loader.load().await,
        Endpoint::Simulated { url } => {
            let nobody = aws_sdk_ecs::config::Credentials::new(
                "simulated",
                "simulated",
                None,
                None,
                "simulated",
            );
            return loader.endpoint_url(url).credentials_provider(nobody).load().await;
        }
    };
    match role_arn {
        None => config,
        Some(role) => {
            let provider = AssumeRoleProvider::builder(role)
                .session_name("shipmate")
                .configure(&config)
                .build()
                .await;
            let credentials = aws_sdk_ecs::config::SharedCredentialsProvider::new(provider);
            config.into_builder().credentials_provider(credentials).build()
        }
    }
}
