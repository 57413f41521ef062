//! The journal in SQL. Imports `domain` and `ports`.
