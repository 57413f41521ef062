//! Who may call what: identity-based policies of IAM, for the access keys that have one. A key
//! without a policy is an administrator's, so that tests and other people's tools can do what they
//! like. Must not know what calls do.

mod document;
mod request;

use std::collections::BTreeMap;

use serde_json::Value;

use super::error::{ErrorName, Refusal};
use super::state::State;
use document::{Decision, Document};
pub(super) use request::Request;

/// The policies that are enforced, by access key, and what they have refused.
#[derive(Default)]
pub(super) struct Policies {
    by_key: BTreeMap<String, Document>,
    denials: Vec<String>,
}

impl Policies {
    /// From now on calls that are signed with the key need the policy's leave.
    pub(super) fn enforce(&mut self, key: &str, policy: &Value) -> Result<(), String> {
        self.by_key.insert(key.to_owned(), Document::read(policy)?);
        Ok(())
    }

    /// Makes every key an administrator's again.
    pub(super) fn lift(&mut self) {
        self.by_key.clear();
    }

    /// What was refused since this was asked last, in AWS's words.
    pub(super) fn take_denials(&mut self) -> Vec<String> {
        std::mem::take(&mut self.denials)
    }

    /// Whether the call may be made, with the refusal that AWS gives where not. Every resource that
    /// it is about must be allowed.
    pub(super) fn admit(
        &mut self,
        state: &State,
        key: &str,
        request: Request<'_>,
    ) -> Result<(), Refusal> {
        let Some(document) = self.by_key.get(key) else { return Ok(()) };
        let action = request.action();
        for subject in request.subjects(state) {
            let why = match document.decide(&action, &subject) {
                Decision::Allowed => continue,
                Decision::NotAllowed => {
                    format!("because no identity-based policy allows the {action} action")
                }
                Decision::Denied => "with an explicit deny in an identity-based policy".to_owned(),
            };
            let message = format!(
                "User: arn:aws:iam::{}:user/{key} is not authorized to perform: {action} on resource: {} {why}",
                state.account, subject.resource,
            );
            self.denials.push(message.clone());
            return Err(Refusal::new(ErrorName::AccessDenied, message));
        }
        Ok(())
    }
}
