//! The shape of the settings before they are checked: file and variables laid over each other
//! and deserialised. Whether a key may be absent is not decided here.

use std::collections::BTreeMap;
use std::fmt;

use config::{Config, ConfigError, Map, Source, Value};
use serde::Deserialize;
use serde_path_to_error::Segment;

use super::error::Problem;
use super::findings::Findings;

// None of these is Debug: the database's url may hold a password, and the token is one.

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(super) struct Raw {
    pub database: RawDatabase,
    pub chat: Option<RawChat>,
    pub web: Option<RawWeb>,
    pub aws: RawAws,
    pub locks: RawLocks,
    pub roles: BTreeMap<String, RawRole>,
    pub environments: BTreeMap<String, RawEnvironment>,
    pub services: BTreeMap<String, RawService>,
    pub freezes: BTreeMap<String, RawWindow>,
    pub windows: BTreeMap<String, RawWindow>,
    pub schedules: BTreeMap<String, RawSchedule>,
    pub commands: Option<RawExtra>,
    pub policies: Option<RawExtra>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(super) struct RawDatabase {
    pub url: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(super) struct RawChat {
    pub discord: Option<RawDiscord>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(super) struct RawDiscord {
    pub guild: Option<String>,
    pub token_file: Option<String>,
    pub token: Option<String>,
    pub channels: Option<BTreeMap<String, Vec<String>>>,
    pub announce: Option<String>,
    pub prefix: Option<String>,
    pub call: Option<String>,
    pub nudge_after: Option<String>,
    pub public_key: Option<String>,
    pub api: Option<String>,
    pub gateway: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(super) struct RawWeb {
    pub listen: Option<String>,
    pub aws_events: Option<RawAwsEvents>,
    pub reservations: Option<RawReservations>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(super) struct RawReservations {
    pub ping: Option<String>,
    pub grace: Option<String>,
    pub tokens: BTreeMap<String, RawReserver>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(super) struct RawReserver {
    pub key_file: Option<String>,
    pub key: Option<String>,
    pub environments: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(super) struct RawAwsEvents {
    pub key_file: Option<String>,
    pub key: Option<String>,
    pub header: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(super) struct RawAws {
    pub share: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(super) struct RawLocks {
    pub ask_after: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(super) struct RawRole {
    pub people: Option<Vec<String>>,
    pub discord: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(super) struct RawEnvironment {
    pub region: Option<String>,
    pub cluster: Option<String>,
    pub tag: Option<String>,
    pub after: Option<String>,
    pub timezone: Option<String>,
    pub settle: Option<String>,
    pub patience: Option<String>,
    pub batch: Option<String>,
    pub registry: Option<RawRegistry>,
    pub role_arn: Option<String>,
    pub logs: Option<String>,
    pub usual_freezes: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(super) struct RawRegistry {
    pub account: Option<String>,
    pub region: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(super) struct RawService {
    pub repository: Option<String>,
    pub container: Option<String>,
    pub environments: Option<Vec<String>>,
    pub ecs_service: Option<ByEnvironment>,
    pub restart: Option<ByEnvironment>,
    pub batch: Option<ByEnvironment>,
    /// By the number of each.
    pub verify: BTreeMap<usize, RawVerify>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(super) struct RawVerify {
    pub url: Option<ByEnvironment>,
    pub expect: Option<String>,
    pub body: Option<String>,
    pub within: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(super) struct RawSchedule {
    pub at: Option<String>,
    pub zone: Option<String>,
    pub channel: Option<String>,
    pub template: Option<String>,
    pub grace: Option<String>,
    pub environments: Option<Vec<String>>,
    pub leaves: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(super) struct RawWindow {
    pub at: Option<String>,
    pub length: Option<String>,
    pub zone: Option<String>,
    pub environments: Option<Vec<String>>,
    pub services: Option<Vec<String>>,
    pub reason: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(super) struct RawExtra {
    pub directory: Option<String>,
    pub mode: Option<String>,
}

/// One text for all environments, or one for each.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum ByEnvironment {
    All(String),
    Each(BTreeMap<String, String>),
}

impl ByEnvironment {
    pub fn get(&self, environment: &str) -> Option<&str> {
        match self {
            Self::All(text) => Some(text),
            Self::Each(texts) => texts.get(environment).map(String::as_str),
        }
    }
}

/// Lays the variables over the file.
pub(super) fn merge(
    file: Map<String, Value>,
    variables: Map<String, Value>,
    findings: &mut Findings,
) -> Option<Raw> {
    let layers = Config::builder().add_source(Layer(file)).add_source(Layer(variables)).build();
    // Both layers hold only what the table of keys knows, in its form. Should these structs ever
    // disagree with the table, the key is named; config's own words may quote the value.
    let unusable = |key: &[&str]| Problem::Unusable { key: key.join(".") };
    match layers.map(serde_path_to_error::deserialize::<_, Raw>) {
        Ok(Ok(raw)) => Some(raw),
        Ok(Err(error)) => {
            let parts: Vec<String> = error.path().iter().filter_map(part).collect();
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            findings.report(&parts, unusable(&parts));
            None
        }
        Err(_) => {
            findings.report(&[], unusable(&[]));
            None
        }
    }
}

fn part(segment: &Segment) -> Option<String> {
    match segment {
        Segment::Map { key } => Some(key.clone()),
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Enum { .. } | Segment::Unknown => None,
    }
}

#[derive(Clone)]
struct Layer(Map<String, Value>);

impl fmt::Debug for Layer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Layer(…)")
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}
