//! Discord's interactions over HTTP: what is signed is handed on, and anything else is turned
//! away without a word. Knows neither HTTP's server nor what an interaction means.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::signature::{Refused, SIGNATURE_HEADER, Seal, TIMESTAMP_HEADER};
use crate::ports::{Clock, Hook, HookAnswer, HookRequest};

/// Discord asks whether anybody is there, and wants the same type back. In the answer itself:
/// a ping cannot be answered by the callback route.
const PING: u64 = 1;

/// Takes an interaction that is Discord's. It gives the initial response, such as
/// `{"type": 5}`, or none where that goes by the interaction's callback route. Either way
/// Discord wants it within three seconds of its request.
pub type Deliver = Arc<dyn Fn(Value) -> BoxFuture<'static, Option<Value>> + Send + Sync>;

/// The path that Discord calls.
pub struct Endpoint {
    seal: Seal,
    clock: Arc<dyn Clock>,
    deliver: Deliver,
}

impl Endpoint {
    pub fn new(seal: Seal, clock: Arc<dyn Clock>, deliver: Deliver) -> Self {
        Self { seal, clock, deliver }
    }

    fn check(&self, request: &HookRequest) -> Result<(), Refused> {
        let timestamp = request.header(TIMESTAMP_HEADER);
        let signature = request.header(SIGNATURE_HEADER);
        self.seal.verify(timestamp, signature, &request.body, self.clock.now())
    }
}

#[async_trait]
impl Hook for Endpoint {
    async fn call(&self, request: HookRequest) -> HookAnswer {
        if let Err(refused) = self.check(&request) {
            // No log beside the counter: anybody can send such requests, and Discord does.
            metrics::counter!("shipmate_discord_signatures_refused_total", "kind" => refused.code())
                .increment(1);
            return HookAnswer::empty(401);
        }
        let Ok(interaction) = serde_json::from_slice::<Value>(&request.body) else {
            return HookAnswer::empty(400);
        };
        match interaction.get("type").and_then(Value::as_u64) {
            None => HookAnswer::empty(400),
            Some(PING) => HookAnswer::json(&json!({ "type": PING })),
            Some(_) => match (self.deliver)(interaction).await {
                Some(response) => HookAnswer::json(&response),
                // Discord then waits for the callback.
                None => HookAnswer::empty(202),
            },
        }
    }
}
