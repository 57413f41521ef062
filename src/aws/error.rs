//! What can go wrong with a call, sorted by what to do about it.

use std::error::Error as StdError;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ecs::error::SdkError;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::domain::event::StepFailure;
use crate::domain::refusal::Refusal;

/// A call that did not give what it should, however often it was tried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AwsError {
    /// Slow, throttled, broken or out of reach: the same call may work later. Whether it had
    /// an effect is not known.
    #[error("AWS could not do {operation} just now ({code}): {detail}")]
    Transient { operation: &'static str, code: String, detail: String },
    /// The credentials are missing, expired or do not allow it.
    #[error("AWS does not let Shipmate do {operation} ({code}): {detail}")]
    Denied { operation: &'static str, code: String, detail: String },
    /// AWS understood and said no.
    #[error("AWS rejected {operation} ({code}): {detail}")]
    Rejected { operation: &'static str, code: String, detail: String },
    /// The answer lacks what AWS's description promises.
    #[error("AWS's answer to {operation} makes no sense: {detail}")]
    Nonsense { operation: &'static str, detail: String },
}

impl AwsError {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the SDK may add kinds of errors at any time: its enum is non-exhaustive"
    )]
    pub(super) fn new<E, R>(operation: &'static str, error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
    {
        let said = error.as_service_error().and_then(ProvideErrorMetadata::code);
        let detail = error
            .as_service_error()
            .and_then(ProvideErrorMetadata::message)
            .map_or_else(|| DisplayErrorContext(error).to_string(), str::to_owned);
        let code = said.unwrap_or(match error {
            SdkError::TimeoutError(_) => "Timeout",
            SdkError::DispatchFailure(failure) => {
                let source = failure.as_connector_error().map(|error| error as &dyn StdError);
                source.and_then(without_credentials).unwrap_or("Unreachable")
            }
            SdkError::ConstructionFailure(_) => "NoCredentials",
            _ => "NoAnswer",
        });
        Self::sorted(operation, code, detail)
    }

    /// An environment for which there are no clients: a fault of ours, told as one.
    pub fn unknown(environment: &crate::domain::id::EnvironmentName) -> Self {
        let detail = format!("there are no clients for environment {environment}");
        Self::Nonsense { operation: "connect", detail }
    }

    /// An image that a batch call could not hand out, for another reason than that it is gone.
    pub(super) fn not_handed_out(
        operation: &'static str,
        code: Option<&aws_sdk_ecr::types::ImageFailureCode>,
        reason: Option<&str>,
    ) -> Self {
        let code = code.map_or("UnknownFailure", |code| code.as_str()).to_owned();
        let detail = reason.unwrap_or("ECR gave no reason").to_owned();
        Self::Rejected { operation, code, detail }
    }

    pub(super) fn sorted(operation: &'static str, code: &str, detail: String) -> Self {
        let kind = match code {
            "AccessDeniedException"
            | "AccessDenied"
            | "ExpiredTokenException"
            | "ExpiredToken"
            | "RequestExpired"
            | "UnrecognizedClientException"
            | "InvalidSignatureException"
            | "IncompleteSignature"
            | "MissingAuthenticationToken"
            | "InvalidClientTokenId"
            | "NoCredentials"
            | "NoRole"
            | "KmsException" => Self::denied,
            "Timeout"
            | "Unreachable"
            | "NoAnswer"
            | "RequestTimeout"
            | "RequestTimeoutException"
            | "ServerException"
            | "InternalFailure"
            | "InternalServerError"
            | "ServiceUnavailable"
            | "ServiceUnavailableException" => Self::transient,
            throttled if is_throttling(throttled) => Self::transient,
            _ => Self::rejected,
        };
        kind(operation, code.to_owned(), detail)
    }

    fn denied(operation: &'static str, code: String, detail: String) -> Self {
        Self::Denied { operation, code, detail }
    }

    fn transient(operation: &'static str, code: String, detail: String) -> Self {
        Self::Transient { operation, code, detail }
    }

    fn rejected(operation: &'static str, code: String, detail: String) -> Self {
        Self::Rejected { operation, code, detail }
    }

    /// AWS's name for the error, or ours where it gave none.
    pub fn code(&self) -> &str {
        match self {
            Self::Transient { code, .. }
            | Self::Denied { code, .. }
            | Self::Rejected { code, .. } => code,
            Self::Nonsense { .. } => "Nonsense",
        }
    }

    /// What has to be mended before it can work, where it is Shipmate's credentials.
    pub fn refusal(&self) -> Option<Refusal> {
        let Self::Denied { operation, code, detail } = self else { return None };
        let detail = detail.clone();
        Some(match code.as_str() {
            "NoCredentials" => Refusal::CredentialsMissing { detail },
            "ExpiredTokenException" | "ExpiredToken" | "RequestExpired" => {
                Refusal::CredentialsExpired { detail }
            }
            "UnrecognizedClientException"
            | "InvalidSignatureException"
            | "IncompleteSignature"
            | "MissingAuthenticationToken"
            | "InvalidClientTokenId" => Refusal::CredentialsRejected { detail },
            _ => {
                let action = denied_action(&detail).unwrap_or(operation).to_owned();
                Refusal::NotAllowed { action, detail }
            }
        })
    }

    /// Whether AWS did not do it because there were too many calls.
    pub fn is_throttling(&self) -> bool {
        is_throttling(self.code())
    }

    pub fn is_transient(&self) -> bool {
        match self {
            Self::Transient { .. } => true,
            Self::Denied { .. } | Self::Rejected { .. } | Self::Nonsense { .. } => false,
        }
    }
}

/// The action that AWS names in its own words: it may be another one than was called for, such
/// as `sts:AssumeRole`.
fn denied_action(detail: &str) -> Option<&str> {
    let (_, behind) = detail.split_once("not authorized to perform: ")?;
    let action = behind.split([' ', '"', '\\']).next()?.trim_end_matches(['.', ',']);
    (action.contains(':') && action.len() < 100).then_some(action)
}

/// The code for a call that was not sent because there was nothing to sign it with; `None`:
/// there was, or whoever gives the credentials may do so later.
fn without_credentials(error: &(dyn StdError + 'static)) -> Option<&'static str> {
    let mut at = error;
    let credentials = loop {
        match at.downcast_ref::<CredentialsError>() {
            Some(credentials) => break credentials,
            None => at = at.source()?,
        }
    };
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the SDK may add kinds of errors at any time: its enum is non-exhaustive"
    )]
    match credentials {
        CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_) => {
            Some("NoCredentials")
        }
        // The role to assume is refused by STS, which is not worth trying again.
        CredentialsError::ProviderError(_) => {
            let said = DisplayErrorContext(credentials).to_string();
            said.contains("AccessDenied").then_some("NoRole")
        }
        _ => None,
    }
}

/// What AWS's services say, each in its own words, where there were too many calls.
fn is_throttling(code: &str) -> bool {
    [
        "ThrottlingException",
        "Throttling",
        "ThrottledException",
        "RequestThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "SlowDown",
    ]
    .contains(&code)
}

impl From<AwsError> for StepFailure {
    fn from(error: AwsError) -> Self {
        Self {
            code: error.code().to_owned(),
            detail: error.to_string(),
            transient: error.is_transient(),
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::config::{BehaviorVersion, Region, SharedCredentialsProvider};

    use super::*;

    #[derive(Debug)]
    struct Nobody(fn() -> CredentialsError);

    impl aws_credential_types::provider::ProvideCredentials for Nobody {
        fn provide_credentials<'a>(
            &'a self,
        ) -> aws_credential_types::provider::future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            aws_credential_types::provider::future::ProvideCredentials::ready(Err((self.0)()))
        }
    }

    /// What comes of a call whose credentials cannot be had.
    async fn call(nobody: fn() -> CredentialsError) -> AwsError {
        let config = aws_sdk_ecs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .endpoint_url("http://127.0.0.1:9")
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .credentials_provider(SharedCredentialsProvider::new(Nobody(nobody)))
            .build();
        let sent = aws_sdk_ecs::Client::from_conf(config).describe_services().send().await;
        AwsError::new("ecs:DescribeServices", &sent.expect_err("nothing signs it"))
    }

    #[tokio::test]
    async fn without_credentials_nothing_is_tried_again() {
        let missing = call(|| CredentialsError::not_loaded("no providers in chain")).await;
        assert!(!missing.is_transient(), "{missing:?}");
        assert_eq!(missing.refusal().expect("a refusal").code(), "credentials-missing");

        let role = call(|| {
            CredentialsError::provider_error(
                "AccessDenied: User: arn:aws:iam::1:user/x is not authorized to perform: \
                 sts:AssumeRole on resource: arn:aws:iam::2:role/shipmate",
            )
        })
        .await;
        match role.refusal() {
            Some(Refusal::NotAllowed { action, .. }) => assert_eq!(action, "sts:AssumeRole"),
            other => panic!("{other:?}"),
        }

        let slow = call(|| CredentialsError::provider_error("503 Service Unavailable")).await;
        assert!(slow.is_transient() && slow.refusal().is_none(), "{slow:?}");
    }

    #[test]
    fn the_action_is_the_one_that_aws_names() {
        let named = "User: arn:aws:sts::1:assumed-role/shipmate/1 is not authorized to perform: \
                     ecs:StopTask on resource: * because no identity-based policy allows it";
        assert_eq!(denied_action(named), Some("ecs:StopTask"));
        assert_eq!(denied_action("no"), None);
        let refusal = |code: &str| {
            let error = AwsError::sorted("ecr:PutImage", code, "no".to_owned());
            error.refusal().map(|refusal| refusal.code())
        };
        assert_eq!(refusal("AccessDeniedException"), Some("not-allowed"));
        assert_eq!(refusal("ExpiredTokenException"), Some("credentials-expired"));
        assert_eq!(refusal("UnrecognizedClientException"), Some("credentials-rejected"));
        assert_eq!(refusal("ThrottlingException"), None);
    }
}
