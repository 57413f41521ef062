//! The last lines of a container's log, out of CloudWatch Logs. One call, signed and sent by
//! hand: AWS's SDK for it is as large as that for ECS, and brings event streams into all of them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_sdk_ecs::config::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_ecs::types::{ContainerDefinition, LogDriver};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::OnceCell;

use super::error::AwsError;
use crate::domain::id::TaskArn;

const OPERATION: &str = "logs:GetLogEvents";
/// So many lines are asked for.
const LINES: u32 = 15;
/// The longest answer that is read, in bytes: AWS sends at most 1 MiB.
const LONGEST_ANSWER: usize = 1 << 21;
/// For how long one call may take.
const LONGEST_CALL: Duration = Duration::from_secs(3);

/// Where a container writes its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPlace {
    pub group: String,
    pub stream: String,
    /// Where it is not the cluster's own.
    pub region: Option<String>,
}

impl LogPlace {
    /// Where this container of a task writes; `None`: not to CloudWatch Logs, or under a name
    /// that nobody can tell.
    pub(super) fn of(container: &ContainerDefinition, task: &TaskArn) -> Option<Self> {
        let log = container.log_configuration()?;
        if *log.log_driver() != LogDriver::Awslogs {
            return None;
        }
        let options = log.options()?;
        // Without a prefix the stream is named by Docker's own id of the container.
        let prefix = options.get("awslogs-stream-prefix")?;
        let task = task.as_str().rsplit('/').next()?;
        // It becomes part of an address, and who writes task definitions is not who asks.
        let region = options.get("awslogs-region").cloned();
        if region.as_deref().is_some_and(|region| !is_region(region)) {
            return None;
        }
        Some(Self {
            group: options.get("awslogs-group")?.clone(),
            stream: format!("{prefix}/{}/{task}", container.name()?),
            region,
        })
    }
}

/// CloudWatch Logs in the account of an environment.
#[derive(Clone, Debug)]
pub struct Logs {
    credentials: Option<SharedCredentialsProvider>,
    region: String,
    /// Another server than AWS's own.
    endpoint: Option<String>,
    http: Arc<OnceCell<reqwest::Client>>,
}

impl Logs {
    pub(super) fn new(config: &SdkConfig) -> Self {
        Self {
            credentials: config.credentials_provider(),
            region: config.region().map_or_else(String::new, ToString::to_string),
            endpoint: config.endpoint_url().map(str::to_owned),
            http: Arc::default(),
        }
    }

    /// The last lines there, oldest first.
    ///
    /// # Errors
    /// [`AwsError`]; a group or stream that is not there is `ResourceNotFoundException`.
    pub async fn last_lines(&self, place: &LogPlace) -> Result<Vec<String>, AwsError> {
        let late = |_| transient("Timeout", "AWS did not answer in time");
        tokio::time::timeout(LONGEST_CALL, self.ask(place)).await.map_err(late)?
    }

    async fn ask(&self, place: &LogPlace) -> Result<Vec<String>, AwsError> {
        let region = place.region.as_deref().unwrap_or(&self.region);
        let url = self.endpoint.clone().unwrap_or_else(|| address(region));
        let body = json!({
            "logGroupName": place.group,
            "logStreamName": place.stream,
            "limit": LINES,
            "startFromHead": false,
        });
        let body = body.to_string();
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", "Logs_20140328.GetLogEvents"),
        ];
        let signature = self.sign(region, &url, &headers, body.as_bytes()).await?;
        let client = self.http.get_or_try_init(async || {
            reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()
        });
        let client = client.await.map_err(|error| unreachable_by(&error))?;
        let mut request = client.post(&url).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        for (name, value) in signature {
            request = request.header(name, value);
        }
        let mut response = request.send().await.map_err(|error| unreachable_by(&error))?;
        let status = response.status();
        let mut answer = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|error| unreachable_by(&error))? {
            answer.extend_from_slice(&part);
            if answer.len() > LONGEST_ANSWER {
                return Err(nonsense("it is too long"));
            }
        }
        if !status.is_success() {
            return Err(refused(status.as_u16(), &answer));
        }
        let answer: Lines =
            serde_json::from_slice(&answer).map_err(|_| nonsense("it is no list of events"))?;
        Ok(answer.events.into_iter().map(|event| event.message).collect())
    }

    /// The headers that prove who asks.
    async fn sign(
        &self,
        region: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Vec<(String, String)>, AwsError> {
        let provider = self.credentials.as_ref().ok_or_else(|| denied("there are none"))?;
        let credentials = provider.provide_credentials().await;
        let identity = credentials.map_err(|error| denied(&error.to_string()))?.into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name("logs")
            // The machine's own time: AWS refuses what is signed at another.
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| denied(&error.to_string()))?;
        let request =
            SignableRequest::new("POST", url, headers.iter().copied(), SignableBody::Bytes(body));
        let request = request.map_err(|error| denied(&error.to_string()))?;
        let signed =
            sign(request, &parameters.into()).map_err(|error| denied(&error.to_string()))?;
        let (signature, _) = signed.into_parts();
        let pairs = signature.headers().map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(pairs.collect())
    }
}

fn is_region(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// In China AWS has another domain.
fn address(region: &str) -> String {
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://logs.{region}.{domain}/")
}

#[derive(Deserialize)]
struct Lines {
    #[serde(default)]
    events: Vec<LogEvent>,
}

#[derive(Deserialize)]
struct LogEvent {
    #[serde(default)]
    message: String,
}

/// AWS's error: `{"__type": "ResourceNotFoundException", "message": "…"}`.
#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(rename = "__type", default)]
    kind: String,
    #[serde(alias = "Message", default)]
    message: String,
}

fn refused(status: u16, answer: &[u8]) -> AwsError {
    let refusal: Refusal = serde_json::from_slice(answer).unwrap_or_default();
    let code = refusal.kind.rsplit('#').next().unwrap_or_default();
    if code.is_empty() {
        return transient("NoAnswer", &format!("AWS answered with status {status}"));
    }
    AwsError::sorted(OPERATION, code, refusal.message)
}

fn unreachable_by(error: &reqwest::Error) -> AwsError {
    let why = if error.is_timeout() { "in time" } else { "at all" };
    transient("Unreachable", &format!("AWS did not answer {why}"))
}

fn transient(code: &str, detail: &str) -> AwsError {
    AwsError::sorted(OPERATION, code, detail.to_owned())
}

fn denied(why: &str) -> AwsError {
    AwsError::sorted(OPERATION, "NoCredentials", why.to_owned())
}

fn nonsense(detail: &str) -> AwsError {
    AwsError::Nonsense { operation: OPERATION, detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::LogConfiguration;

    use super::*;

    #[test]
    fn the_stream_is_named_by_prefix_container_and_task() {
        let container = |driver: LogDriver, options: &[(&str, &str)]| {
            let log = LogConfiguration::builder().log_driver(driver);
            let log = options.iter().fold(log, |log, (name, value)| log.options(*name, *value));
            let log = log.build().unwrap_or_else(|error| panic!("{error}"));
            ContainerDefinition::builder().name("app").log_configuration(log).build()
        };
        let task = TaskArn::new("arn:aws:ecs:eu-west-1:1:task/staging/0f1e");
        let options = [("awslogs-group", "/shop"), ("awslogs-stream-prefix", "ecs")];
        let place = LogPlace::of(&container(LogDriver::Awslogs, &options), &task);
        let (group, stream) = ("/shop".to_owned(), "ecs/app/0f1e".to_owned());
        assert_eq!(place, Some(LogPlace { group, stream, region: None }));
        assert_eq!(LogPlace::of(&container(LogDriver::Awslogs, &options[..1]), &task), None);
        assert_eq!(LogPlace::of(&container(LogDriver::Fluentd, &options), &task), None);
        let elsewhere = [options[0], options[1], ("awslogs-region", "x@evil.example/")];
        assert_eq!(LogPlace::of(&container(LogDriver::Awslogs, &elsewhere), &task), None);
    }
}
