//! Chat adapters. Import `domain`, `report` and `ports`.
