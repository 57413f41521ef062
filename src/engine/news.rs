//! News that something has happened cuts a pause between two looks short: AWS's events, and what
//! people want of a deployment that runs. None of it is believed: what is true, a look says.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;

use super::{Engine, Shared, lock};
use crate::domain::environment::Environment;
use crate::domain::id::EnvironmentName;
use crate::ports::{Clock, News, NewsOf};

/// The least time between two looks of which the second is owed to news: a burst makes few.
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// Hears the news of one environment for as long as it lives.
pub(super) struct Listener {
    shared: Arc<Shared>,
    environment: EnvironmentName,
    wake: Arc<Notify>,
}

impl Listener {
    /// Returns once there is news, and some time has passed since the last look ended.
    pub async fn news(&self, clock: &dyn Clock, last_look: Timestamp) {
        // However often it was woken meanwhile, that is once.
        self.wake.notified().await;
        let passed = Duration::try_from(clock.now().duration_since(last_look)).unwrap_or_default();
        clock.sleep(BETWEEN_LOOKS.saturating_sub(passed)).await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut wakes = lock(&self.shared.wakes);
        // The next one there may be listening already.
        if wakes.get(&self.environment).is_some_and(|wake| Arc::ptr_eq(wake, &self.wake)) {
            wakes.remove(&self.environment);
        }
    }
}

impl Engine {
    /// From now on news of this environment wakes the caller.
    pub(super) fn listen_for_news(&self, environment: &EnvironmentName) -> Listener {
        let wake = Arc::new(Notify::new());
        lock(&self.shared.wakes).insert(environment.clone(), Arc::clone(&wake));
        Listener { shared: Arc::clone(&self.shared), environment: environment.clone(), wake }
    }

    /// Has whoever runs a deployment in this environment look at once; false: nobody does.
    pub(super) fn wake(&self, environment: &EnvironmentName) -> bool {
        let wake = lock(&self.shared.wakes).get(environment).cloned();
        wake.inspect(|wake| wake.notify_one()).is_some()
    }

    /// Takes news of AWS's.
    pub fn hear(&self, news: &NewsOf) -> News {
        let environments = self.parts.environments.iter();
        let there: Vec<&Environment> = environments.filter(|one| is_there(one, news)).collect();
        if there.is_empty() {
            return News::Elsewhere;
        }
        // Each of them is woken, not only the first.
        let woken = there.iter().filter(|environment| self.wake(&environment.name)).count();
        if woken > 0 { News::Woke } else { News::Idle }
    }
}

/// Whether the environment is that cluster, as far as the settings say. Its account is known
/// where the settings name a role or the cluster's ARN.
fn is_there(environment: &Environment, news: &NewsOf) -> bool {
    let role = environment.role_arn.as_deref();
    environment.region == news.region && is_cluster(&environment.cluster, role, news)
}

fn is_cluster(cluster: &str, role: Option<&str>, news: &NewsOf) -> bool {
    let account = |arn: &str| arn.split(':').nth(4).map(str::to_owned);
    let arn = Some(cluster).filter(|cluster| cluster.starts_with("arn:"));
    let name = cluster.rsplit('/').next().unwrap_or(cluster);
    let known = arn.and_then(account).or_else(|| role.and_then(account));
    name == news.cluster && known.is_none_or(|account| account == news.account)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_of_the_same_name_in_another_account_is_another() {
        let (region, cluster) = ("eu-west-1".to_owned(), "staging".to_owned());
        let news = NewsOf { region, account: "111122223333".to_owned(), cluster };
        let arn = |account| format!("arn:aws:ecs:eu-west-1:{account}:cluster/staging");
        let role = |account| format!("arn:aws:iam::{account}:role/shipmate");
        assert!(is_cluster("staging", None, &news), "of whichever account");
        assert!(!is_cluster("production", None, &news));
        for (account, there) in [("111122223333", true), ("444455556666", false)] {
            assert_eq!(is_cluster(&arn(account), None, &news), there);
            assert_eq!(is_cluster("staging", Some(&role(account)), &news), there);
        }
    }
}
