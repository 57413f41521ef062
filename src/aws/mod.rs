//! ECR and ECS through the real SDKs. Imports only `domain`.
