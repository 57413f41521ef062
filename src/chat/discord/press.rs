//! What each button is called to Discord, and what that means when it is pressed. Draws none.

use super::ids::Spot;
use super::render::length;
use crate::domain::card::{CardAction, Control};

/// The longest id of a button.
const CUSTOM_ID: usize = 100;

/// What a button means. Buttons live as long as their message, so that what they are called is
/// read for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Press {
    Act {
        action: CardAction,
        deployment: i64,
    },
    /// Holds a deployment up, or lets it go on.
    Control {
        control: Control,
        deployment: i64,
    },
    /// Wants to roll back; is asked once more.
    RollBack {
        environment: String,
    },
    /// Never again what made this deployment go back.
    Ban {
        deployment: i64,
    },
    /// Says this line.
    Say {
        line: String,
    },
    /// Does not need a lock any more.
    Unlock {
        environment: String,
    },
    /// Was asked, about the deployment of this card.
    RollBackSurely {
        environment: String,
        card: Spot,
    },
}

impl Press {
    /// Whether all buttons about an environment have ids that Discord takes.
    pub fn fits(environment: &str) -> bool {
        let card = Spot { channel: u64::MAX, message: u64::MAX };
        let longest = Self::RollBackSurely { environment: environment.to_owned(), card };
        longest.id().len() <= CUSTOM_ID
    }

    /// `None`: no button says this. It is too long, or not one line that people could type.
    pub fn say(line: &str) -> Option<Self> {
        let breaks = |c: char| c.is_control() || ['\u{2028}', '\u{2029}'].contains(&c);
        let press = Self::Say { line: line.to_owned() };
        let fits = !line.trim().is_empty() && length(&press.id()) <= CUSTOM_ID;
        (fits && !line.contains(breaks)).then_some(press)
    }

    pub fn id(&self) -> String {
        match self {
            Self::Act { action, deployment } => format!("{}:{deployment}", action.label()),
            Self::Control { control, deployment } => format!("{}:{deployment}", control.word()),
            Self::RollBack { environment } => format!("rollback:{environment}"),
            Self::Ban { deployment } => format!("ban:{deployment}"),
            Self::Say { line } => format!("say:{line}"),
            Self::Unlock { environment } => format!("unlock:{environment}"),
            Self::RollBackSurely { environment, card } => {
                format!("rollback-surely:{}/{}:{environment}", card.channel, card.message)
            }
        }
    }

    /// `None`: no button of ours.
    pub fn of(id: &str) -> Option<Self> {
        let (what, of) = id.split_once(':')?;
        if let Some(action) = CardAction::ALL.into_iter().find(|action| action.label() == what) {
            return Some(Self::Act { action, deployment: of.parse().ok()? });
        }
        if let Some(control) = Control::ALL.into_iter().find(|control| control.word() == what) {
            return Some(Self::Control { control, deployment: of.parse().ok()? });
        }
        match what {
            "ban" => Some(Self::Ban { deployment: of.parse().ok()? }),
            "say" => Self::say(of),
            "unlock" => Some(Self::Unlock { environment: of.to_owned() }),
            "rollback" => Some(Self::RollBack { environment: of.to_owned() }),
            "rollback-surely" => {
                let (card, environment) = of.split_once(':')?;
                let card = Spot::of(&card.into())?;
                Some(Self::RollBackSurely { environment: environment.to_owned(), card })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buttons_are_read_as_they_are_written() {
        let card = Spot { channel: u64::MAX, message: u64::MAX };
        let presses = [
            Press::Act { action: CardAction::Approve, deployment: 42 },
            Press::Act { action: CardAction::Cancel, deployment: i64::MAX },
            Press::Control { control: Control::Pause, deployment: 42 },
            Press::Control { control: Control::Continue, deployment: i64::MAX },
            Press::RollBack { environment: "production".to_owned() },
            Press::Say { line: "promote core:1.5.0 to staging because: it is time".to_owned() },
            Press::Unlock { environment: "production".to_owned() },
            Press::RollBackSurely { environment: "production".to_owned(), card },
        ];
        for press in presses {
            assert!(press.id().len() <= 100);
            assert_eq!(Press::of(&press.id()), Some(press));
        }
        assert_eq!(Press::of("approve:x"), None);
        assert_eq!(Press::of("something else"), None);
        for strange in ["say", "say:", "say: ", "Say:status", "say:status\rlocks"] {
            assert_eq!(Press::of(strange), None, "{strange:?}");
        }
        for strange in ["say:status\nlocks", "say:status\u{2028}locks"] {
            assert_eq!(Press::of(strange), None, "{strange:?}");
        }
        let too_long = "x".repeat(CUSTOM_ID);
        assert_eq!(Press::of(&format!("say:{too_long}")), None);
    }
}
