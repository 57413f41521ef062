//! Slash commands and buttons: acknowledged before anything is done about them, handled as the
//! line of chat that they stand for, and answered where only the person sees it for as long as
//! Discord lets us.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use serenity::all::{
    ChannelId, CommandDataOptionValue, CommandInteraction, CommandOptionType, ComponentInteraction,
    Interaction, PartialChannel, ResolvedOption, ResolvedValue, User,
};
use serenity::http::{LightMethod, Route};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::ids::{Asked, Spot, channel_id, person_id, time_of};
use super::press::Press;
use super::render;
use super::rest::Failure;
use super::sending::with_picture;
use super::{ACKNOWLEDGE, Discord, Forms, Typed};
use crate::domain::card::{Card, Picture, Tone};
use crate::domain::form::Suggestion;
use crate::ports::{ChatEvent, Raised, Said};

/// For how long Discord takes answers, with some time to spare.
const TOKEN_LIVES: Duration = Duration::from_secs(14 * 60 + 30);
/// How long suggestions may take.
const SUGGEST: Duration = Duration::from_millis(2000);
/// The pause before an answer is tried again that Discord has no place for yet.
const CHANGE_AGAIN: Duration = Duration::from_millis(250);
/// Discord shows so many choices.
const CHOICES: usize = 25;
/// Only the person sees it.
const EPHEMERAL: u64 = 64;

/// What is shown in the place of a deferral.
struct Original<'a> {
    body: &'a Value,
    picture: Option<&'a Picture>,
}

/// What is shown where nothing was answered, and what came of it stands somewhere else.
const ON_ITS_WAY: &str = "It is on its way: see the channel.";

/// Discord's code for an interaction that has been acknowledged.
const ACKNOWLEDGED: i64 = 40_060;

/// Interactions that can still be answered. Each is kept for as long as its token lives, so that
/// one which comes twice is known.
#[derive(Default)]
pub struct Open(Mutex<HashMap<u64, Answerable>>);

#[derive(Clone)]
struct Answerable {
    application: u64,
    token: String,
    since: Instant,
    /// An answer was shown, or the deferral taken away.
    settled: bool,
}

/// What Discord is to show at once.
enum Reply {
    /// That it is being worked on; only the person sees it.
    Deferred,
    /// The same, on the message whose button was pressed, which only the person sees.
    DeferredUpdate,
    /// A message.
    Message(Value),
    Choices(Value),
}

/// What follows once Discord has been told.
struct Then {
    said: Said,
    /// What is shown where nothing else was answered; else the deferral is taken away.
    done: Option<String>,
}

impl Open {
    /// False: it came before, and whoever took it then answers it.
    fn add(&self, id: u64, application: u64, token: &str) -> bool {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, one| one.since.elapsed() < TOKEN_LIVES);
        let Entry::Vacant(place) = open.entry(id) else { return false };
        let (token, since) = (token.to_owned(), Instant::now());
        place.insert(Answerable { application, token, since, settled: false });
        true
    }

    /// Where to answer, and that it is being done.
    fn answering(&self, id: u64) -> Option<Answerable> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let one = open.get_mut(&id).filter(|one| one.since.elapsed() < TOKEN_LIVES)?;
        one.settled = true;
        Some(one.clone())
    }

    /// Where to take the deferral away, unless it became an answer; and that it is being done.
    fn unanswered(&self, id: u64) -> Option<Answerable> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let one = open.get_mut(&id).filter(|one| !one.settled)?;
        one.settled = true;
        let late = one.since.elapsed() >= TOKEN_LIVES;
        (!late).then(|| one.clone())
    }
}

impl Discord {
    /// An interaction that came by the gateway: Discord is told by a request of its own.
    pub(super) async fn interaction(
        &self,
        interaction: Interaction,
        forms: &Forms,
        events: &mpsc::Sender<Raised>,
    ) {
        let (id, token) = (interaction.id().get(), interaction.token().to_owned());
        let (reply, then) = self.respond(interaction, forms).await;
        let Some(reply) = reply else { return };
        let route = Route::InteractionResponse { interaction_id: id.into(), token: &token };
        let body = reply.body();
        let told = self.0.rest.send(LightMethod::Post, route, &body);
        match tokio::time::timeout(ACKNOWLEDGE, told).await {
            Ok(Ok(_)) => {}
            // A try whose answer was lost got through.
            Ok(Err(error)) if error.code() == ACKNOWLEDGED => {}
            // It is done all the same: what was said was said. Where Discord knows of no
            // acknowledgement, the answer goes another way.
            Ok(Err(error)) => {
                tracing::warn!(interaction = id, %error, "could not be acknowledged");
            }
            Err(_) => tracing::warn!(interaction = id, "could not be acknowledged in time"),
        }
        if let Some(then) = then {
            self.go_on(id, then, events).await;
        }
    }

    /// An interaction that came by HTTP, as JSON: what is to be answered to that request.
    /// `None`: it is none that there can be.
    pub(super) async fn interaction_by_http(
        &self,
        interaction: Value,
        forms: &Forms,
        events: &mpsc::Sender<Raised>,
    ) -> Option<Value> {
        let interaction: Interaction = match serde_json::from_value(interaction) {
            Ok(interaction) => interaction,
            Err(error) => {
                metrics::counter!("shipmate_discord_events_unparsed_total").increment(1);
                tracing::warn!(%error, "an interaction could not be read");
                return None;
            }
        };
        let id = interaction.id().get();
        let (reply, then) = self.respond(interaction, forms).await;
        if let Some(then) = then {
            let (discord, events) = (self.clone(), events.clone());
            // After the answer, which acknowledges it: a little later is soon enough.
            tokio::spawn(async move { discord.go_on(id, then, &events).await });
        }
        reply.map(|reply| reply.body())
    }

    /// What to show at once, and what to do then. Waits for nothing that can be slow.
    async fn respond(
        &self,
        interaction: Interaction,
        forms: &Forms,
    ) -> (Option<Reply>, Option<Then>) {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "Discord has more kinds than we ask for, and serenity's list grows"
        )]
        match interaction {
            Interaction::Command(command) => self.respond_to_command(&command, forms),
            Interaction::Component(component) => self.respond_to_button(&component),
            Interaction::Autocomplete(command) => {
                (Some(Reply::Choices(suggest(&command, forms).await)), None)
            }
            _ => (None, None),
        }
    }

    fn respond_to_command(
        &self,
        command: &CommandInteraction,
        forms: &Forms,
    ) -> (Option<Reply>, Option<Then>) {
        let (channel, thread) = self.asked_where(command.channel_id, command.channel.as_ref());
        if let Some(elsewhere) = self.not_here(channel, command.guild_id.map(|id| id.get())) {
            return (Some(Reply::Message(self.whisper_now(&elsewhere))), None);
        }
        self.note_person(&command.user);
        let name = &command.data.name;
        let values: BTreeMap<String, String> =
            command.data.options().iter().filter_map(value_of).collect();
        match (forms.line)(name, &values) {
            Ok(text) => {
                let id = command.id.get();
                if !self.0.open.add(id, command.application_id.get(), &command.token) {
                    return (None, None);
                }
                let asked = Asked { interaction: id, thread };
                let said = said(asked, channel, &command.user, text);
                (Some(Reply::Deferred), Some(Then { said, done: None }))
            }
            Err(why) => {
                let card = Card::new(Tone::Warning, "That is not all that it takes").text(why);
                (Some(Reply::Message(self.whisper_now(&card))), None)
            }
        }
    }

    fn respond_to_button(&self, component: &ComponentInteraction) -> (Option<Reply>, Option<Then>) {
        let Some(press) = Press::of(&component.data.custom_id) else { return (None, None) };
        let (channel, thread) = self.asked_where(component.channel_id, component.channel.as_ref());
        let guild = component.guild_id.map(|guild| guild.get());
        // What a press asks for anew is asked for where it could be said.
        if matches!(press, Press::Say { .. })
            && let Some(elsewhere) = self.not_here(channel, guild)
        {
            return (Some(Reply::Message(self.whisper_now(&elsewhere))), None);
        }
        self.note_person(&component.user);
        let id = component.id.get();
        if !self.0.open.add(id, component.application_id.get(), &component.token) {
            return (None, None);
        }
        let on = Spot { channel: component.channel_id.get(), message: component.message.id.get() };
        let said = |text: String, on: Spot| Said {
            pressed_on: Some(on.id()),
            ..said(Asked { interaction: id, thread }, channel, &component.user, text)
        };
        match press {
            Press::Act { action, deployment } => {
                let said = said(format!("{} {deployment}", action.label()), on);
                (Some(Reply::Deferred), Some(Then { said, done: None }))
            }
            Press::Control { control, deployment } => {
                let said = said(format!("{} {deployment}", control.word()), on);
                (Some(Reply::Deferred), Some(Then { said, done: None }))
            }
            Press::Ban { deployment } => {
                let said = said(format!("ban image of {deployment}"), on);
                (Some(Reply::Deferred), Some(Then { said, done: None }))
            }
            Press::Say { line } => {
                // Where it was pressed, nothing else tells that it was heard.
                let elsewhere = guild.is_none() || thread.is_some();
                let done = elsewhere.then(|| ON_ITS_WAY.to_owned());
                // It is about nothing on the message: it means what it means when it is typed.
                let said = Said { pressed_on: None, ..said(line, on) };
                (Some(Reply::Deferred), Some(Then { said, done }))
            }
            Press::Unlock { environment } => {
                let said = said(format!("unlock {environment}"), on);
                (Some(Reply::Deferred), Some(Then { said, done: None }))
            }
            Press::RollBack { environment } => {
                (Some(Reply::Message(render::confirmation(&environment, on))), None)
            }
            Press::RollBackSurely { environment, card } => {
                let said = said(format!("rollback {environment}"), card);
                let done = Some(ON_ITS_WAY.to_owned());
                (Some(Reply::DeferredUpdate), Some(Then { said, done }))
            }
        }
    }

    /// Raises what was said, and takes the deferral away where nothing was answered.
    async fn go_on(&self, id: u64, then: Then, events: &mpsc::Sender<Raised>) {
        let Then { said, done } = then;
        let (handled, done_with) = oneshot::channel();
        if events.send(Raised { event: ChatEvent::Said(said), handled }).await.is_err() {
            // Nobody listens any more: the process ends.
            return;
        }
        let _ = done_with.await;
        let Some(to) = self.0.open.unanswered(id) else { return };
        let body = done.map(|text| json!({
                "content": text, "embeds": [], "components": [], "allowed_mentions": { "parse": [] },
            }));
        let original = body.as_ref().map(|body| Original { body, picture: None });
        match self.change_original(&to, original.as_ref()).await {
            // There was none.
            Ok(()) | Err(Failure::Gone { .. }) => {}
            Err(error @ (Failure::Refused { .. } | Failure::Unavailable(_))) => {
                tracing::warn!(interaction = id, %error, "a deferral could not be taken away");
            }
        }
    }

    /// Answers an interaction where only the person sees it; false: it is too late for that.
    pub(super) async fn answer_interaction(&self, id: u64, card: &Card) -> Result<bool, Failure> {
        let Some(to) = self.0.open.answering(id) else { return Ok(false) };
        let rendered = self.render(card, None, None);
        let mut body = json!({
            "embeds": [rendered.embed],
            "components": rendered.components,
            "allowed_mentions": { "parse": [] },
        });
        let original = Original { body: &body, picture: card.picture.as_ref() };
        let mut shown = self.change_original(&to, Some(&original)).await;
        if let (Err(Failure::Refused { status: 403, .. }), Some(_)) = (&shown, original.picture) {
            // The card says the same in words.
            let words = Original { picture: None, ..original };
            shown = self.change_original(&to, Some(&words)).await;
        }
        match shown {
            Ok(()) => {}
            // The token has died, or was never known to Discord: there are other ways.
            Err(Failure::Gone { .. } | Failure::Refused { status: 401, .. }) => return Ok(false),
            Err(failure) => return Err(failure),
        }
        for chunk in render::chunks(&rendered.rest).into_iter().take(3) {
            body = json!({
                "content": chunk, "flags": EPHEMERAL, "allowed_mentions": { "parse": [] },
            });
            let route = Route::WebhookFollowupMessages {
                application_id: to.application.into(),
                token: &to.token,
            };
            self.0.rest.send(LightMethod::Post, route, &body).await?;
        }
        Ok(true)
    }

    /// Makes something else of the first answer to an interaction; `None`: takes it away. By HTTP
    /// our acknowledgement may still be on its way: until it must have come, it is tried again.
    async fn change_original(
        &self,
        of: &Answerable,
        original: Option<&Original<'_>>,
    ) -> Result<(), Failure> {
        loop {
            let (application_id, token) = (of.application.into(), of.token.as_str());
            let route = Route::WebhookOriginalInteractionResponse { application_id, token };
            let rest = &self.0.rest;
            let changed = match original {
                Some(Original { body, picture: Some(picture) }) => {
                    let parts = with_picture((*body).clone(), picture);
                    rest.send_parts(LightMethod::Patch, route, parts).await.map(|_| ())
                }
                Some(Original { body, picture: None }) => {
                    rest.send(LightMethod::Patch, route, body).await.map(|_| ())
                }
                None => rest.change(LightMethod::Delete, route).await,
            };
            let on_its_way = of.since.elapsed() < ACKNOWLEDGE + CHANGE_AGAIN;
            match changed {
                Err(Failure::Gone { .. }) if on_its_way => tokio::time::sleep(CHANGE_AGAIN).await,
                changed => return changed,
            }
        }
    }

    /// The channel in which something is asked, and the thread of it, if that is where it was:
    /// what is asked in a thread is asked in its channel, and answered where it was asked.
    fn asked_where(&self, place: ChannelId, shown: Option<&PartialChannel>) -> (u64, Option<u64>) {
        let parent = shown.and_then(|channel| channel.parent_id);
        let rooms = &self.0.account.channels.rooms;
        let room = parent.filter(|parent| rooms.contains_key(&channel_id(parent.get())));
        room.map_or((place.get(), None), |room| (room.get(), Some(place.get())))
    }

    /// What to say where we do not work; `None`: we do.
    fn not_here(&self, channel: u64, guild: Option<u64>) -> Option<Card> {
        let rooms = &self.0.account.channels.rooms;
        let ours = guild.is_none_or(|guild| guild == self.guild());
        if ours && (guild.is_none() || rooms.contains_key(&channel_id(channel))) {
            return None;
        }
        let channels: Vec<String> = rooms.keys().map(crate::domain::card::channel).collect();
        let there = format!("I listen in {}.", channels.join(", "));
        Some(Card::new(Tone::Warning, "I do not work in this channel").text(there))
    }

    fn note_person(&self, user: &User) {
        let user = super::people::User::from(user);
        self.0.people.note_name(&user.id, user.shown());
    }

    /// A message that only the person sees, as the first answer to an interaction.
    fn whisper_now(&self, card: &Card) -> Value {
        let rendered = self.render(card, None, None);
        json!({
            "embeds": [rendered.embed],
            "allowed_mentions": { "parse": [] },
            "flags": EPHEMERAL,
        })
    }
}

impl Reply {
    fn body(&self) -> Value {
        match self {
            Self::Deferred => json!({ "type": 5, "data": { "flags": EPHEMERAL } }),
            Self::DeferredUpdate => json!({ "type": 6 }),
            Self::Message(message) => json!({ "type": 4, "data": message }),
            Self::Choices(choices) => json!({ "type": 8, "data": { "choices": choices } }),
        }
    }
}

fn said(asked: Asked, channel: u64, user: &User, text: String) -> Said {
    Said {
        message: asked.id(),
        channel: channel_id(channel),
        person: person_id(user.id.get()),
        text,
        at: Some(time_of(asked.interaction)),
        pressed_on: None,
    }
}

/// What an option was filled in with, as people would write it.
fn value_of(option: &ResolvedOption<'_>) -> Option<(String, String)> {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "no form of ours asks for anything else, and serenity's list grows"
    )]
    let value = match &option.value {
        ResolvedValue::String(text) => (*text).to_owned(),
        ResolvedValue::Integer(number) => number.to_string(),
        ResolvedValue::Boolean(true) => "true".to_owned(),
        // What was said no to is as if it had not been filled in.
        _ => return None,
    };
    Some((option.name.to_owned(), value))
}

async fn suggest(command: &CommandInteraction, forms: &Forms) -> Value {
    let mut typed: Option<(String, String)> = None;
    let mut is_number = false;
    let mut filled = BTreeMap::new();
    for option in &command.data.options {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "no form of ours asks for anything else, and serenity's list grows"
        )]
        match &option.value {
            CommandDataOptionValue::Autocomplete { value, kind } => {
                is_number = *kind == CommandOptionType::Integer;
                typed = Some((option.name.clone(), value.clone()));
            }
            CommandDataOptionValue::String(text) => {
                filled.insert(option.name.clone(), text.clone());
            }
            CommandDataOptionValue::Integer(number) => {
                filled.insert(option.name.clone(), number.to_string());
            }
            _ => {}
        }
    }
    let Some((field, text)) = typed else { return json!([]) };
    let form = command.data.name.clone();
    let suggested = (forms.suggest)(Typed { form, field, text, filled });
    // Whatever happens, an answer in time: an empty one is better than an error.
    let suggested = tokio::time::timeout(SUGGEST, suggested).await.unwrap_or_default();
    // Discord takes no text for a number.
    let value = |text: &str| {
        if is_number {
            return text.trim_start_matches('#').parse::<u64>().ok().map(Value::from);
        }
        (text.encode_utf16().count() <= 100).then(|| Value::from(text))
    };
    let choice = |one: &Suggestion| {
        Some(json!({ "name": render::cut(&one.label, 100), "value": value(&one.value)? }))
    };
    suggested.iter().filter_map(choice).take(CHOICES).collect()
}
