//! Interactions as Discord posts them to an endpoint: a body, and the signature of body and time.

use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::json;

use super::FakeDiscord;
use super::asking::InteractionHandle;
use super::rest;
use super::rest::answer::Refused;

/// What is posted to an endpoint for interactions.
#[derive(Clone, Debug)]
pub struct SignedRequest {
    pub body: String,
    /// `X-Signature-Ed25519`
    pub signature: String,
    /// `X-Signature-Timestamp`
    pub timestamp: String,
}

impl SignedRequest {
    /// The two headers, with their names.
    pub fn headers(&self) -> [(&'static str, &str); 2] {
        [
            ("X-Signature-Ed25519", self.signature.as_str()),
            ("X-Signature-Timestamp", self.timestamp.as_str()),
        ]
    }
}

fn key() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("the seed has its 32 bytes")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The application's public key, as the developer portal shows it.
pub fn public_key_hex() -> String {
    hex(key().public_key().as_ref())
}

/// Signs a body of which Discord says that it was sent at a time (seconds since the epoch).
pub fn sign(body: &str, timestamp: &str) -> SignedRequest {
    let signature = key().sign(format!("{timestamp}{body}").as_bytes());
    SignedRequest {
        body: body.to_owned(),
        signature: hex(signature.as_ref()),
        timestamp: timestamp.to_owned(),
    }
}

fn now() -> String {
    jiff::Timestamp::now().as_second().to_string()
}

impl FakeDiscord {
    pub fn public_key_hex(&self) -> String {
        public_key_hex()
    }

    /// Whether interactions go to the gateway (as they do at first) or to an endpoint, never to
    /// both.
    pub fn interactions_by_gateway(&self, by_gateway: bool) {
        self.lock().interactions_by_gateway = by_gateway;
    }

    /// What Discord posts to see whether an endpoint is there.
    pub fn signed_ping(&self) -> SignedRequest {
        let application = self.lock().world.application.to_string();
        let body = json!({
            "id": "1", "application_id": application, "type": 1, "token": "ping", "version": 1,
        });
        sign(&body.to_string(), &now())
    }

    /// An interaction as it is posted to an endpoint.
    pub fn signed_interaction(&self, handle: &InteractionHandle) -> SignedRequest {
        let payload = self.lock().interactions.get(&handle.id()).map(|found| found.payload.clone());
        sign(&payload.unwrap_or_default().to_string(), &now())
    }

    /// What the endpoint answered, taken as Discord takes it.
    ///
    /// # Errors
    /// If it is too late, not of a kind that fits, or badly formed.
    pub fn endpoint_answered(
        &self,
        handle: &InteractionHandle,
        body: &serde_json::Value,
    ) -> Result<(), Refused> {
        let accepted = rest::accept_answer(&mut self.lock(), handle.id(), body);
        self.announce();
        accepted
    }
}
