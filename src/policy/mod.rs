//! Policies in Cedar to verdicts and requirements. Imports only `domain`.
