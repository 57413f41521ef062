//! shipmate.toml and environment variables to typed, checked settings. Imports only `domain`.
