//! What AWS's EventBridge sends of ECS: a reason to look, and nothing else. What an event says
//! happened is not read, only where: who believed it could be lied to, or be told things twice
//! and out of order. Knows nothing of deployments.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;

use super::secret::Secret;
use crate::ports::{Hook, HookAnswer, HookRequest, News, NewsOf};

/// Takes the news that something has happened in a cluster.
pub type Tell = Arc<dyn Fn(&NewsOf) -> News + Send + Sync>;

/// The kinds of events that may mean that something has changed for a deployment.
const KINDS: [&str; 3] =
    ["ECS Task State Change", "ECS Deployment State Change", "ECS Service Action"];

/// The path that an API destination calls.
pub struct AwsEvents {
    header: String,
    key: Secret,
    tell: Tell,
}

impl AwsEvents {
    /// `header` carries the key; its name is in lower case.
    pub fn new(header: &str, key: &str, tell: Tell) -> Self {
        Self { header: header.to_owned(), key: Secret::new(key), tell }
    }

    fn hear(&self, request: &HookRequest) -> Heard {
        if !request.header(&self.header).is_some_and(|key| self.key.is(key)) {
            return Heard::Refused;
        }
        let Ok(event) = serde_json::from_slice::<Event>(&request.body) else {
            return Heard::Unreadable;
        };
        if event.source != "aws.ecs" || !KINDS.contains(&event.kind.as_str()) {
            return Heard::Ignored;
        }
        match event.place() {
            None => Heard::Unreadable,
            Some(place) => match (self.tell)(&place) {
                News::Woke => Heard::Woke,
                News::Idle => Heard::Idle,
                News::Elsewhere => Heard::Elsewhere,
            },
        }
    }
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    Woke,
    Idle,
    Elsewhere,
    Ignored,
    Unreadable,
    Refused,
}

impl Heard {
    fn code(self) -> &'static str {
        match self {
            Self::Woke => "woke",
            Self::Idle => "idle",
            Self::Elsewhere => "elsewhere",
            Self::Ignored => "ignored",
            Self::Unreadable => "unreadable",
            Self::Refused => "refused",
        }
    }

    /// EventBridge sends again what is answered by 5xx, and we want nothing twice.
    fn status(self) -> u16 {
        match self {
            Self::Woke | Self::Idle | Self::Elsewhere | Self::Ignored => 202,
            Self::Unreadable => 400,
            Self::Refused => 401,
        }
    }
}

#[async_trait]
impl Hook for AwsEvents {
    async fn call(&self, request: HookRequest) -> HookAnswer {
        let heard = self.hear(&request);
        // No log beside the counter: there can be very many, and anybody can send wrong ones.
        metrics::counter!("shipmate_aws_events_total", "outcome" => heard.code()).increment(1);
        HookAnswer::empty(heard.status())
    }
}

/// EventBridge's envelope, as far as it says where something has happened.
#[derive(Deserialize)]
struct Event {
    source: String,
    #[serde(rename = "detail-type")]
    kind: String,
    #[serde(default)]
    resources: Vec<String>,
    #[serde(default)]
    detail: Detail,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    cluster_arn: Option<String>,
}

impl Event {
    /// The cluster, which deployment events name only in the ARN of their service.
    fn place(&self) -> Option<NewsOf> {
        let mut named = self.detail.cluster_arn.iter().chain(&self.resources);
        named.find_map(|arn| cluster_of(arn))
    }
}

/// Reads `arn:aws:ecs:eu-west-1:123456789012:cluster/NAME`, or `…:service/NAME/…` and
/// `…:task/NAME/…`.
fn cluster_of(arn: &str) -> Option<NewsOf> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", _, "ecs", region, account, resource] = parts.as_slice() else { return None };
    let resource: Vec<&str> = resource.split('/').collect();
    let cluster = match resource.as_slice() {
        ["cluster", cluster] | ["service" | "task", cluster, _] => *cluster,
        _ => return None,
    };
    Some(NewsOf {
        region: (*region).to_owned(),
        account: (*account).to_owned(),
        cluster: cluster.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cluster_is_read_out_of_every_arn_that_names_it() {
        let of =
            |arn: &str| cluster_of(arn).map(|place| (place.region, place.account, place.cluster));
        let shop = Some(("eu-west-1".to_owned(), "123456789012".to_owned(), "shop".to_owned()));
        for resource in ["cluster/shop", "service/shop/api", "task/shop/0f"] {
            assert_eq!(of(&format!("arn:aws:ecs:eu-west-1:123456789012:{resource}")), shop);
        }
        for arn in
            ["", "arn:aws:ecs:eu-west-1:123456789012:service/api", "arn:aws:ec2:a:b:cluster/x"]
        {
            assert_eq!(of(arn), None, "{arn}");
        }
    }
}
