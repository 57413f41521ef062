//! Domain state to cards and sentences: pure functions. Imports only `domain`.
