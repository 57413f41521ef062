//! Discord. What is shared with the rest of the program is only `domain`, `report` and `ports`.

pub mod endpoint;
pub mod signature;
