//! What can go wrong with a call, sorted by what to do about it.

use aws_sdk_ecs::error::SdkError;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::domain::event::StepFailure;

/// A call that did not give what it should, after the SDK's own retries.
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
            SdkError::DispatchFailure(_) => "Unreachable",
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

    fn sorted(operation: &'static str, code: &str, detail: String) -> Self {
        let kind = match code {
            "AccessDeniedException"
            | "AccessDenied"
            | "ExpiredTokenException"
            | "ExpiredToken"
            | "UnrecognizedClientException"
            | "InvalidSignatureException"
            | "InvalidClientTokenId"
            | "NoCredentials"
            | "KmsException" => Self::denied,
            "Timeout"
            | "Unreachable"
            | "NoAnswer"
            | "ThrottlingException"
            | "Throttling"
            | "TooManyRequestsException"
            | "RequestLimitExceeded"
            | "ServerException"
            | "InternalFailure"
            | "InternalServerError"
            | "ServiceUnavailable"
            | "ServiceUnavailableException" => Self::transient,
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

    pub fn is_transient(&self) -> bool {
        match self {
            Self::Transient { .. } => true,
            Self::Denied { .. } | Self::Rejected { .. } | Self::Nonsense { .. } => false,
        }
    }
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
