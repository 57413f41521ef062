//! Answers to people about themselves and about what can be said.

use crate::domain::card::{Card, Tone};
use crate::domain::id::EnvironmentName;
use crate::domain::policy::{Action, Person};

use super::words;

/// More than this are not read.
const MOST_SUGGESTIONS: usize = 3;

/// One command, as help tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    pub id: String,
    pub summary: String,
    /// Its phrases, the first being the one to learn.
    pub usage: Vec<String>,
    pub examples: Vec<String>,
}

/// All commands, each with its summary and an example, or one of them in full.
pub fn help_card(topics: &[Topic]) -> Card {
    match topics {
        [topic] => {
            let card = Card::new(Tone::Plain, format!("{}: {}", topic.id, topic.summary));
            let card = topic.examples.iter().fold(card, |card, example| card.command(example));
            card.field("All ways to say it", topic.usage.clone())
        }
        topics => {
            let card = Card::new(Tone::Plain, "What you can say");
            let card = topics.iter().fold(card, |card, topic| {
                let card = card.text(format!("{}:", topic.summary));
                match topic.examples.first().or(topic.usage.first()) {
                    Some(example) => card.command(example),
                    None => card,
                }
            });
            match topics.first() {
                Some(topic) => {
                    card.text("More about one of them:").command(format!("help {}", topic.id))
                }
                None => card,
            }
        }
    }
}

/// The answer to a message that was cut short by a restart, and is not acted on by itself.
pub fn say_again_card(text: &str) -> Card {
    Card::new(Tone::Warning, "I was restarted before I got to this")
        .text("Nothing was done about it. If you still want it, say it again, with the number where a deployment is meant.")
        .command(words::clean(text))
}

/// Who a person is to the policies, and what they may do alone or ask for.
pub fn whoami_card(person: &Person, allowed: &[(EnvironmentName, Vec<Action>)]) -> Card {
    let roles = words::listed(person.roles.iter().map(crate::domain::id::Role::as_str));
    let name = words::person(&person.id);
    let card = if roles.is_empty() {
        Card::new(Tone::Plain, format!("You are {name}, without any role"))
            .text("Roles come from the chat and from the settings: ask who keeps them.")
    } else {
        Card::new(Tone::Plain, format!("You are {name}: {roles}"))
    };
    let card = card.text("What you may do or ask for; votes may be needed before it happens:");
    allowed.iter().fold(card, |card, (environment, actions)| {
        let actions = words::listed(actions.iter().map(|action| action_name(*action)));
        let actions = if actions.is_empty() { "nothing".to_owned() } else { actions };
        card.field(environment.as_str(), vec![actions])
    })
}

fn action_name(action: Action) -> &'static str {
    match action {
        Action::Read => "look",
        Action::Promote => "promote",
        Action::Rollback => "roll back",
        Action::Restart => "restart",
        Action::Approve => "approve",
        Action::Cancel => "cancel",
        Action::Pause => "pause",
        Action::BreakGlass => "break the glass",
        Action::Lock => "lock",
        Action::Unlock => "unlock",
        Action::Ban => "ban",
        Action::ReleaseHold => "release a hold",
        Action::Freeze => "freeze and unfreeze",
        Action::Announce => "announce",
    }
}

/// A line that could not be understood. `problem`: what stopped the reader, as a sentence;
/// `suggestions`: complete commands, the nearest first.
pub fn misunderstood_card(problem: &str, suggestions: &[String]) -> Card {
    let card = Card::new(Tone::Warning, "I did not understand that").text(words::sentence(problem));
    if suggestions.is_empty() {
        return card.text("To see what you can say:").command("help");
    }
    let lead = if suggestions.len() == 1 { "Did you mean:" } else { "Did you mean one of:" };
    let suggestions = suggestions.iter().take(MOST_SUGGESTIONS);
    suggestions.fold(card.text(lead), |card, suggestion| card.command(words::clean(suggestion)))
}
