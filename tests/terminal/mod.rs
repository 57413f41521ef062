//! The terminal's channel: cards as text, the screen, the script player.

mod channel;
mod player;
mod rendering;
mod screen;

use shipmate::chat::terminal::Terminal;
use shipmate::domain::card::{Card, CardAction, Progress, Tone};
use shipmate::domain::environment::People;
use shipmate::domain::id::{PersonId, Role};

/// The demo's channel: eve holds no role.
fn terminal() -> Terminal {
    let holders = |names: &[&str]| names.iter().map(|name| PersonId::new(*name)).collect();
    let roles = [
        (Role::new("developer"), holders(&["alice"])),
        (Role::new("release-manager"), holders(&["bob", "carol"])),
    ];
    Terminal::new("demo".into(), "test", People(roles.into_iter().collect()), ["eve".into()])
}

/// A card with everything that a card can have.
fn full_card() -> Card {
    let mut card = Card::new(Tone::Waiting, "#12 core:1.5.0 and web:2.1.0 to production")
        .text(
            "alice asks; production changes are agreed by two release managers, within 30 minutes.",
        )
        .warning(
            "1 task of rest-api is autoscaled and takes the new image as soon as the tag has moved",
        )
        .command("approve 12")
        .command("cancel 12 because the change window has closed for today")
        .field(
            "Services",
            vec![
                "rest-api  6 tasks  stop: the tag is pulled".to_owned(),
                "frontend  4 tasks  deployment: fixed in the settings".to_owned(),
            ],
        )
        .field("Changes", vec!["9f31c02 Retry the export (alice)".to_owned()]);
    card.progress = Some(Progress { done: 7, total: 10, label: "tasks".to_owned() });
    card.actions = CardAction::ALL.to_vec();
    card.footer = Some("terms 4be1a09c".to_owned());
    card
}

/// A card that shows something under way.
fn running(done: u32) -> Card {
    let mut card = Card::new(Tone::Running, "#3 core:1.5.0 to staging");
    card.progress = Some(Progress { done, total: 10, label: "tasks".to_owned() });
    card
}
