//! What keeps an agreed deployment from its turn, in words.

use jiff::Zoned;

use crate::domain::id::EnvironmentName;
use crate::domain::obstacle::Obstacle;

use super::words;

/// For the card of the deployment that waits.
pub fn sentence(obstacle: &Obstacle, environment: &EnvironmentName, now: &Zoned) -> String {
    let why = why(obstacle, now);
    let why = why.trim_end_matches('.');
    format!("It waits: {environment} is {why}. It goes on by itself when that ends.")
}

/// `frozen until Mon 30 Nov 00:00 CET, because: nothing changes at the weekend`
pub fn why(obstacle: &Obstacle, now: &Zoned) -> String {
    match obstacle {
        Obstacle::Frozen { reason, until } => {
            let until = until
                .map_or_else(String::new, |until| format!(" until {}", words::clock(until, now)));
            format!("frozen{until}{}", words::because(Some(reason)))
        }
    }
}

/// Where the rest is told nearby: `until the freeze ends`
pub fn brief(obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::Frozen { .. } => "until the freeze ends".to_owned(),
    }
}
