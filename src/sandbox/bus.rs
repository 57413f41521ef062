//! EventBridge: takes what ECS tells, and sends it to an address as an API destination does. Must
//! not know what events mean.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::handle::Handle;

/// How often an event is sent before it is given up. EventBridge goes on for a day.
const ATTEMPTS: u32 = 4;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(50);
/// For how long events are gathered that are to be shuffled.
const GATHERING: Duration = Duration::from_millis(50);

/// Where events are sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Destination {
    /// An address on this machine, such as `http://127.0.0.1:8080/aws/events`.
    pub url: String,
    /// The header that carries the key, as the connection of an API destination names it.
    pub header: String,
    pub key: String,
    #[serde(default)]
    pub delivery: Delivery,
}

/// How events arrive. EventBridge promises neither that each comes once nor that they come in
/// order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Delivery {
    #[default]
    InOrder,
    /// Each comes again right after itself.
    Twice,
    /// Those that happen near each other come in another order.
    Shuffled,
}

/// Events that wait to be sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Outbox {
    pub(super) events: Vec<Value>,
    /// How many there have ever been.
    pub(super) posted: u64,
}

impl Destination {
    /// What cannot be meant: the sandbox never calls anything that is not on this machine.
    pub(super) fn check(&self) -> Result<(), String> {
        let url = reqwest::Url::parse(&self.url).map_err(|error| error.to_string())?;
        let here = url.host_str().is_some_and(|host| {
            host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
        });
        if !here || url.scheme() != "http" {
            return Err(format!("{} is not an http address on this machine", self.url));
        }
        reqwest::header::HeaderName::try_from(&self.header).map_err(|error| error.to_string())?;
        reqwest::header::HeaderValue::try_from(&self.key).map_err(|error| error.to_string())?;
        Ok(())
    }
}

/// Sends what is posted, for ever.
pub(super) async fn deliver(handle: Handle) {
    // There is nothing in these settings that could not be built.
    let Ok(client) = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build()
    else {
        return;
    };
    loop {
        let (destination, mut events) = handle.posted().await;
        match destination.delivery {
            Delivery::InOrder => {}
            Delivery::Twice => {
                events = events.into_iter().flat_map(|event| [event.clone(), event]).collect();
            }
            Delivery::Shuffled => {
                tokio::time::sleep(GATHERING).await;
                events.extend(handle.take_posted());
                // Ids are as good as random, and the same in each run.
                events.sort_by_key(|event| event["id"].as_str().map(str::to_owned));
            }
        }
        for event in &events {
            let status = send(&client, &destination, event).await;
            handle.sent(status);
        }
    }
}

/// Sends one event, and again where EventBridge would. The last status, or 0 where there was no
/// answer.
async fn send(client: &reqwest::Client, to: &Destination, event: &Value) -> u16 {
    let mut status = 0;
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(BETWEEN_ATTEMPTS).await;
        }
        let request = client.post(&to.url).header(&to.header, &to.key).json(event);
        status = request.send().await.map_or(0, |answer| answer.status().as_u16());
        if !matches!(status, 0 | 429 | 500..) {
            break;
        }
    }
    status
}
