//! Chat lines to commands, by the phrases in commands/*.toml. Imports only `domain`.
