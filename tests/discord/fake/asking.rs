//! People ask by command, button, menu and form, as far as Discord's own client lets them, and see
//! what is shown to them for it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::FakeDiscord;
use super::events::{self, Event};
use super::options::{self, Filled};
use super::permissions::{self, USE_APPLICATION_COMMANDS, VIEW_CHANNEL};
use super::render;
use super::state::{EPHEMERAL, Interaction, LOADING, State};

/// One interaction, as the person who began it sees it.
#[derive(Clone)]
pub struct InteractionHandle {
    fake: FakeDiscord,
    id: u64,
}

impl InteractionHandle {
    pub fn id(&self) -> u64 {
        self.id
    }

    fn look<T>(&self, read: impl FnOnce(&State, &Interaction) -> T) -> T {
        let state = self.fake.lock();
        let found = state.interactions.get(&self.id).expect("interactions are never forgotten");
        read(&state, found)
    }

    pub fn token(&self) -> String {
        self.look(|_, found| found.token.clone())
    }

    /// After what time and with what type it was acknowledged.
    pub fn acknowledged(&self) -> Option<(Duration, u8)> {
        self.look(|_, found| found.acknowledged)
    }

    /// The messages that came of it and stand, the first answer before the others: id, content,
    /// embeds, components, `ephemeral`, and `loading` for a promise.
    pub fn shown(&self) -> Vec<Value> {
        self.look(|state, found| {
            // An answer that changes the card of a button shows nothing of its own.
            let original = found.original.filter(|original| found.pressed != Some(*original));
            let ids = original.into_iter().chain(found.follow_ups.iter().copied());
            let messages = ids.filter_map(|id| state.any_message(id));
            let shown = messages.map(|message| {
                json!({
                    "id": message.id.to_string(),
                    "content": message.content,
                    "embeds": message.embeds,
                    "components": message.components,
                    "attachments": render::attachments(message),
                    "ephemeral": message.flags & EPHEMERAL != 0,
                    "loading": message.flags & LOADING != 0,
                })
            });
            shown.collect()
        })
    }

    /// What was offered for completion, as pairs of name and value.
    pub fn choices(&self) -> Vec<Value> {
        self.look(|_, found| found.choices.clone())
    }

    /// The form that was opened.
    pub fn form(&self) -> Option<Value> {
        self.look(|_, found| found.form.clone())
    }

    /// The token is dead from now on, as after its 15 minutes.
    pub fn expire_token(&self) {
        if let Some(found) = self.fake.lock().interactions.get_mut(&self.id) {
            found.token_expired = true;
        }
    }

    /// Waits until it is acknowledged; whether that happened within the limit.
    #[must_use]
    pub async fn wait_acknowledged(&self, limit: Duration) -> bool {
        self.fake.wait_until(|_| self.acknowledged().is_some(), limit).await
    }

    /// Fills in the form that was opened, and sends it.
    ///
    /// # Errors
    /// If there is no form.
    pub fn submit(&self, values: &[(&str, &str)]) -> Result<InteractionHandle, String> {
        let form = self.form().ok_or("no form was opened")?;
        let row = |(name, value): &(&str, &str)| json!({"type": 1, "components": [{"type": 4, "custom_id": name, "value": value}]});
        let rows: Vec<Value> = values.iter().map(row).collect();
        let data = json!({"custom_id": form["custom_id"], "components": rows});
        let (user, channel, pressed) =
            self.look(|_, found| (found.user, found.channel, found.pressed));
        Ok(self.fake.begin(Asked {
            kind: 5,
            user,
            channel,
            pressed,
            opened_by: Some(self.id),
            data,
        }))
    }
}

/// What somebody asks, on its way.
struct Asked {
    kind: u8,
    user: u64,
    channel: u64,
    pressed: Option<u64>,
    opened_by: Option<u64>,
    data: Value,
}

impl FakeDiscord {
    /// Somebody runs a slash command. Options are written as people type them.
    ///
    /// # Errors
    /// If Discord's client would not send it: no such command or option, a value of a wrong type, a
    /// required option missing, or not permitted.
    pub fn slash(
        &self,
        user: u64,
        channel: u64,
        name: &str,
        values: &[(&str, &str)],
    ) -> Result<InteractionHandle, String> {
        let filled = Filled { values, focused: None };
        let data = command_data(&self.lock(), (user, channel), name, &filled)?;
        Ok(self.begin(Asked { kind: 2, user, channel, pressed: None, opened_by: None, data }))
    }

    /// Somebody types into an option of a command.
    ///
    /// # Errors
    /// If the option has no autocompletion.
    pub fn autocomplete(
        &self,
        (user, channel): (u64, u64),
        name: &str,
        option: &str,
        typed: &str,
    ) -> Result<InteractionHandle, String> {
        let filled = Filled { values: &[(option, typed)], focused: Some(option) };
        let data = command_data(&self.lock(), (user, channel), name, &filled)?;
        Ok(self.begin(Asked { kind: 4, user, channel, pressed: None, opened_by: None, data }))
    }

    /// Somebody presses a button.
    ///
    /// # Errors
    /// If they see no such button, or it is disabled.
    pub fn press(
        &self,
        user: u64,
        channel: u64,
        message: u64,
        custom_id: &str,
    ) -> Result<InteractionHandle, String> {
        self.use_component((user, channel), message, custom_id, None)
    }

    /// Somebody chooses in a menu.
    ///
    /// # Errors
    /// If they see no such menu, or it has no such values.
    pub fn choose(
        &self,
        (user, channel): (u64, u64),
        message: u64,
        custom_id: &str,
        values: &[&str],
    ) -> Result<InteractionHandle, String> {
        self.use_component((user, channel), message, custom_id, Some(values))
    }

    fn use_component(
        &self,
        (user, channel): (u64, u64),
        message: u64,
        custom_id: &str,
        values: Option<&[&str]>,
    ) -> Result<InteractionHandle, String> {
        let data = {
            let state = self.lock();
            let found = state.messages.get(&channel).and_then(|messages| messages.get(&message));
            let found = found
                .filter(|found| !found.deleted && found.only_for.is_none_or(|only| only == user));
            let found = found.ok_or_else(|| format!("{user} sees no message {message}"))?;
            if permissions::of(&state, user, channel) & VIEW_CHANNEL == 0 {
                return Err(format!("{user} does not see the channel {channel}"));
            }
            let rows = found.components.iter().filter_map(|row| row["components"].as_array());
            let mut all = rows.flatten();
            let component = all
                .find(|component| component["custom_id"] == custom_id)
                .ok_or_else(|| format!("there is no {custom_id} on message {message}"))?;
            if component["disabled"].as_bool().unwrap_or(false) {
                return Err(format!("{custom_id} is disabled"));
            }
            component_data(component, values)?
        };
        let pressed = Some(message);
        Ok(self.begin(Asked { kind: 3, user, channel, pressed, opened_by: None, data }))
    }

    /// Sends an interaction to the bot.
    fn begin(&self, asked: Asked) -> InteractionHandle {
        let mut state = self.lock();
        let id = state.next_id();
        let token = format!("aW50ZXJhY3Rpb246{id:x}");
        let payload = payload(&state, id, &token, &asked);
        let Asked { kind, user, channel, pressed, opened_by, .. } = asked;
        let interaction = Interaction {
            id,
            token,
            kind,
            user,
            channel,
            began: Instant::now(),
            acknowledged: None,
            token_expired: false,
            original: None,
            deferred: false,
            follow_ups: Vec::new(),
            pressed,
            opened_by,
            choices: Vec::new(),
            form: None,
            payload: payload.clone(),
        };
        state.interactions.insert(id, interaction);
        if state.interactions_by_gateway {
            events::dispatch(&mut state, &Event::new("INTERACTION_CREATE", payload, 0));
        }
        drop(state);
        self.announce();
        InteractionHandle { fake: self.clone(), id }
    }
}

fn command_data(
    state: &State,
    (user, channel): (u64, u64),
    name: &str,
    filled: &Filled<'_>,
) -> Result<Value, String> {
    let direct = state.guild_of(channel).is_none();
    let may = permissions::of(state, user, channel);
    if !direct && may & USE_APPLICATION_COMMANDS == 0 {
        return Err(format!("{user} may use no commands in {channel}"));
    }
    let data = options::command_data(state, (user, name), filled)?;
    if direct && data["guild_id"].is_string() {
        return Err(format!("/{name} belongs to a guild"));
    }
    Ok(data)
}

fn component_data(component: &Value, values: Option<&[&str]>) -> Result<Value, String> {
    let kind = component["type"].as_u64().unwrap_or(0);
    let mut data = json!({"custom_id": component["custom_id"], "component_type": kind});
    match (kind, values) {
        (2, None) => {}
        (3, Some(values)) => {
            let options = component["options"].as_array().map(Vec::as_slice).unwrap_or_default();
            for value in values {
                if !options.iter().any(|option| option["value"] == *value) {
                    return Err(format!("there is no {value} to choose"));
                }
            }
            data["values"] = json!(values);
        }
        _ => return Err("buttons are pressed, and in menus something is chosen".to_owned()),
    }
    Ok(data)
}

fn payload(state: &State, id: u64, token: &str, asked: &Asked) -> Value {
    let channel = state.channels.get(&asked.channel);
    let mut payload = json!({
        "id": id.to_string(),
        "application_id": state.world.application.to_string(),
        "type": asked.kind,
        "token": token,
        "version": 1,
        "data": asked.data,
        "channel_id": asked.channel.to_string(),
        "channel": channel.map(|channel| render::channel(state, channel)),
        "locale": "en-US",
        "entitlements": [],
        "authorizing_integration_owners": {"0": state.world.guild.to_string()},
        "app_permissions": render::permissions_in(state, state.world.bot, asked.channel),
        "attachment_size_limit": 10_485_760,
    });
    if let Some(guild) = state.guild_of(asked.channel) {
        payload["guild_id"] = guild.to_string().into();
        payload["guild_locale"] = "en-US".into();
        payload["guild"] = json!({"id": guild.to_string(), "locale": "en-US", "features": []});
        payload["context"] = 0.into();
        if let Some(person) = state.people.get(&asked.user) {
            payload["member"] = render::member(person);
            payload["member"]["permissions"] =
                render::permissions_in(state, asked.user, asked.channel).into();
        }
    } else {
        payload["context"] = 1.into();
        payload["user"] = render::user_by_id(state, asked.user);
    }
    if let Some(message) = asked.pressed.and_then(|pressed| state.any_message(pressed)) {
        payload["message"] = render::message(state, message);
    }
    payload
}
