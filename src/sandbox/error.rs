//! What the simulated AWS refuses with: a closed list of AWS's error names, and the message that
//! goes with one. Must not know who asked or over which wire the answer goes.

use std::fmt;

macro_rules! names {
    ($($variant:ident = $name:literal, $status:literal;)*) => {
        /// The errors that the sandbox can answer with, by AWS's own names.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ErrorName { $($variant,)* }

        impl ErrorName {
            /// Every error, so that a test can hold the list against AWS's service models.
            pub const ALL: &'static [ErrorName] = &[$(ErrorName::$variant,)*];

            /// The name as it stands in `__type`.
            pub fn name(self) -> &'static str {
                match self { $(ErrorName::$variant => $name,)* }
            }

            /// The HTTP status that AWS sends it with.
            pub fn status(self) -> u16 {
                match self { $(ErrorName::$variant => $status,)* }
            }

            /// The error of that name, if it is one that the sandbox knows.
            pub fn of(name: &str) -> Option<ErrorName> {
                match name { $($name => Some(ErrorName::$variant),)* _ => None }
            }
        }
    };
}

names! {
    AccessDenied = "AccessDeniedException", 400;
    Client = "ClientException", 400;
    ClusterNotFound = "ClusterNotFoundException", 400;
    Conflict = "ConflictException", 400;
    ExpiredToken = "ExpiredTokenException", 400;
    ImageAlreadyExists = "ImageAlreadyExistsException", 400;
    ImageDigestDoesNotMatch = "ImageDigestDoesNotMatchException", 400;
    ImageNotFound = "ImageNotFoundException", 400;
    ImageTagAlreadyExists = "ImageTagAlreadyExistsException", 400;
    InvalidParameter = "InvalidParameterException", 400;
    LayersNotFound = "LayersNotFoundException", 400;
    LimitExceeded = "LimitExceededException", 400;
    ReferencedImagesNotFound = "ReferencedImagesNotFoundException", 400;
    RepositoryAlreadyExists = "RepositoryAlreadyExistsException", 400;
    RepositoryNotFound = "RepositoryNotFoundException", 400;
    ResourceNotFound = "ResourceNotFoundException", 400;
    ScanNotFound = "ScanNotFoundException", 400;
    Serialization = "SerializationException", 400;
    Server = "ServerException", 500;
    ServiceDeploymentNotFound = "ServiceDeploymentNotFoundException", 400;
    ServiceNotActive = "ServiceNotActiveException", 400;
    ServiceNotFound = "ServiceNotFoundException", 400;
    ServiceUnavailable = "ServiceUnavailable", 503;
    Throttling = "ThrottlingException", 400;
    UnknownOperation = "UnknownOperationException", 400;
    UnsupportedFeature = "UnsupportedFeatureException", 400;
}

/// A call that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub error: ErrorName,
    pub message: String,
}

impl Refusal {
    pub fn new(error: ErrorName, message: impl Into<String>) -> Refusal {
        Refusal { error, message: message.into() }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Refusal {
        Refusal::new(ErrorName::InvalidParameter, message)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.error.name(), self.message)
    }
}

impl std::error::Error for Refusal {}
