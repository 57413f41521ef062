//! How Discord's ids stand in ours: snowflakes with the time in them, messages with their
//! channel, interactions. Knows nothing of what is said.

use jiff::Timestamp;

use crate::domain::id::{ChannelId, MessageId, PersonId};

/// The first moment of 2015, from which snowflakes count their milliseconds.
const EPOCH: i64 = 1_420_070_400_000;

/// What stands before the id of an interaction.
const INTERACTION: &str = "interaction/";

/// When a snowflake was made.
pub fn time_of(snowflake: u64) -> Timestamp {
    let milliseconds = i64::try_from(snowflake >> 22).unwrap_or(0);
    // Forty-two bits of milliseconds end in the year 2154.
    Timestamp::from_millisecond(milliseconds + EPOCH).unwrap_or(Timestamp::MIN)
}

/// The least snowflake that can have been made at this time.
pub fn snowflake_at(time: Timestamp) -> u64 {
    u64::try_from(time.as_millisecond() - EPOCH).unwrap_or(0) << 22
}

/// A snowflake; Discord's are never 0.
pub fn snowflake(text: &str) -> Option<u64> {
    text.parse().ok().filter(|id| *id != 0)
}

/// Where a message stands. Discord finds no message without its channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spot {
    pub channel: u64,
    pub message: u64,
}

impl Spot {
    /// Reads what [`Spot::id`] wrote.
    pub fn of(id: &MessageId) -> Option<Self> {
        let (channel, message) = id.as_str().split_once('/')?;
        Some(Self { channel: snowflake(channel)?, message: snowflake(message)? })
    }

    pub fn id(self) -> MessageId {
        MessageId::new(format!("{}/{}", self.channel, self.message))
    }

    /// Where a person opens it, if it is in this guild.
    pub fn address(self, guild: u64) -> String {
        format!("https://discord.com/channels/{guild}/{}/{}", self.channel, self.message)
    }
}

/// An interaction, as something that was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    pub interaction: u64,
    /// Where, if that was in a thread.
    pub thread: Option<u64>,
}

impl Asked {
    /// The id by which it is known.
    pub fn id(self) -> MessageId {
        let thread = self.thread.map(|thread| format!("/{thread}")).unwrap_or_default();
        MessageId::new(format!("{INTERACTION}{}{thread}", self.interaction))
    }

    /// Reads what [`Asked::id`] wrote.
    pub fn of(id: &MessageId) -> Option<Self> {
        let rest = id.as_str().strip_prefix(INTERACTION)?;
        let (interaction, thread) = match rest.split_once('/') {
            Some((interaction, thread)) => (interaction, Some(snowflake(thread)?)),
            None => (rest, None),
        };
        Some(Self { interaction: snowflake(interaction)?, thread })
    }
}

pub fn channel_id(id: u64) -> ChannelId {
    ChannelId::new(id.to_string())
}

pub fn person_id(id: u64) -> PersonId {
    PersonId::new(id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_are_written() {
        let spot = Spot { channel: 2000, message: 77 };
        assert_eq!(Spot::of(&spot.id()), Some(spot));
        for thread in [None, Some(3000)] {
            let asked = Asked { interaction: 5, thread };
            assert_eq!(Asked::of(&asked.id()), Some(asked));
        }
        for strange in ["", "2000", "2000/", "/7", "0/7", "a/7", "interaction/7", "terminal-x-1"] {
            assert_eq!(Spot::of(&strange.into()), None, "{strange}");
        }
        assert_eq!(Asked::of(&spot.id()), None);
    }

    #[test]
    fn a_snowflake_tells_its_time() {
        // The example of Discord's own reference.
        let told = time_of(175_928_847_299_117_063);
        assert_eq!(told.to_string(), "2016-04-30T11:18:25.796Z");
        assert_eq!(time_of(snowflake_at(told)), told);
    }
}
