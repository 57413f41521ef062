//! The channel as the bot sees it, through the port.

use shipmate::chat::terminal::CannotReact;
use shipmate::domain::card::{Card, CardAction, Tone};
use shipmate::domain::id::{PersonId, Role};
use shipmate::ports::{Chat, ChatError, Place, Reaction};

use super::terminal;

fn question() -> Card {
    let mut card = Card::new(Tone::Waiting, "#1 core:1.5.0 to production");
    card.actions = vec![CardAction::Approve, CardAction::Reject];
    card
}

fn here() -> Place {
    Place::Channel("demo".into())
}

#[tokio::test]
async fn a_key_is_posted_once() {
    let terminal = terminal();
    let first = terminal.post(&here(), &question(), "a").await.unwrap();
    let again = terminal.post(&here(), &Card::new(Tone::Bad, "other"), "a").await.unwrap();
    let other = terminal.post(&here(), &question(), "b").await.unwrap();
    assert_eq!(first, again);
    assert_ne!(first, other);
    assert_eq!(terminal.messages().len(), 2);
    assert_eq!(terminal.message(&first).unwrap().card, question());
}

#[tokio::test]
async fn edits_are_counted_and_one_that_changes_nothing_leaves_the_screen_alone() {
    let terminal = terminal();
    let id = terminal.post(&here(), &question(), "a").await.unwrap();
    terminal.edit(&id, &question()).await.unwrap();
    let same = terminal.message(&id).unwrap();
    assert!(same.edits == 1 && same.touched > same.changed);
    terminal.edit(&id, &Card::new(Tone::Good, "done")).await.unwrap();
    let other = terminal.message(&id).unwrap();
    assert!(other.edits == 2 && other.touched == other.changed);
    assert!(matches!(
        terminal.edit(&"nowhere".into(), &question()).await,
        Err(ChatError::MessageGone)
    ));
}

#[tokio::test]
async fn votes_are_what_people_put_there_now() {
    let terminal = terminal();
    let id = terminal.post(&here(), &question(), "a").await.unwrap();
    terminal.offer(&id, &CardAction::ALL).await.unwrap();
    assert!(terminal.reactions(&id).await.unwrap().is_empty(), "the bot's own are no votes");
    let (bob, carol): (PersonId, PersonId) = ("bob".into(), "carol".into());
    for person in [&bob, &carol, &carol] {
        terminal.react(&id, person, Some(CardAction::Approve), true).unwrap();
    }
    terminal.react(&id, &bob, Some(CardAction::Approve), false).unwrap();
    terminal.react(&id, &bob, None, true).unwrap();
    let carols = Reaction { person: carol, action: CardAction::Approve };
    assert_eq!(terminal.reactions(&id).await.unwrap(), [carols.clone()].into());
    terminal.take_off(&id, &carols).await.unwrap();
    assert!(terminal.reactions(&id).await.unwrap().is_empty());
}

#[tokio::test]
async fn nobody_answers_what_only_another_sees() {
    let terminal = terminal();
    let person: PersonId = "alice".into();
    let place = Place::Private { channel: "demo".into(), to: None, person: person.clone() };
    let id = terminal.post(&place, &question(), "a").await.unwrap();
    assert_eq!(terminal.awaiting(&person), Ok(id.clone()));
    assert_eq!(terminal.awaiting(&"bob".into()), Err(CannotReact::NothingAwaitsVotes));
    assert_eq!(terminal.about(&"bob".into(), 1), Err(CannotReact::NothingAbout(1)));
    let reacted = terminal.react(&id, &"bob".into(), Some(CardAction::Approve), true);
    assert_eq!(reacted.unwrap_err(), CannotReact::Gone);
}

#[tokio::test]
async fn roles_are_what_the_settings_say() {
    let terminal = terminal();
    let of = async |name: &str| terminal.roles(&name.into()).await.unwrap();
    assert_eq!(of("bob").await, [Role::new("release-manager")].into());
    assert!(of("eve").await.is_empty() && of("mallory").await.is_empty());
    assert!(terminal.knows(&"eve".into()) && !terminal.knows(&"mallory".into()));
}
