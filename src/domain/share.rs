//! How much of AWS's limits Shipmate takes for itself.

use std::fmt;

/// A percentage, from 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(u8);

impl Default for Share {
    /// Half: others use the same account.
    fn default() -> Self {
        Self(50)
    }
}

impl Share {
    /// Reads `50%`; `None` if it is no percentage that lets any call through.
    pub fn parse(text: &str) -> Option<Self> {
        let percent = text.strip_suffix('%')?.parse::<u8>().ok()?;
        (1..=100).contains(&percent).then_some(Self(percent))
    }

    /// From above 0 to 1.
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

impl fmt::Display for Share {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}%", self.0)
    }
}
