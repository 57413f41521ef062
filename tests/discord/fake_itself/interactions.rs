//! Commands, buttons, forms and completion: acknowledged in time, once, and seen by whom they are
//! for.

use std::time::Duration;

use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::{Value, json};
use serenity::all::{
    AutocompleteChoice, ButtonStyle, CommandDataOptionValue, CommandInteraction, CommandOptionType,
    ComponentInteraction, ComponentInteractionDataKind, CreateActionRow,
    CreateAutocompleteResponse, CreateButton, CreateCommand, CreateCommandOption, CreateInputText,
    CreateInteractionResponse, CreateInteractionResponseFollowup, CreateInteractionResponseMessage,
    CreateMessage, CreateModal, CreateSelectMenu, CreateSelectMenuKind, CreateSelectMenuOption,
    EditInteractionResponse, Event, GatewayIntents, GuildId, InputTextStyle, Interaction,
};

use super::super::fake::{FakeDiscord, InteractionHandle, Refused, SignedRequest, sign};
use super::*;

const GUILD: GuildId = GuildId::new(1000);

fn promote() -> CreateCommand {
    let image = CreateCommandOption::new(CommandOptionType::String, "image", "What to run");
    let count = CreateCommandOption::new(CommandOptionType::Integer, "count", "How many");
    CreateCommand::new("promote")
        .description("Run an image in an environment")
        .add_option(image.required(true).set_autocomplete(true))
        .add_option(count)
}

/// A fake with the command, and a client that is ready.
async fn ready() -> (FakeDiscord, Bot) {
    let fake = shipmate().await;
    let mut bot = Bot::connect(&fake, GatewayIntents::GUILDS).await;
    bot.is_ready().await;
    bot.http.set_application_id(serenity::all::ApplicationId::new(BOT));
    GUILD.set_commands(&bot.http, vec![promote()]).await.unwrap();
    (fake, bot)
}

async fn hears_interaction(bot: &mut Bot) -> Interaction {
    bot.hears(|event| match event {
        Event::InteractionCreate(created) => Some(created.interaction),
        _ => None,
    })
    .await
}

async fn hears_command(bot: &mut Bot) -> CommandInteraction {
    hears_interaction(bot).await.command().expect("a command was given")
}

async fn hears_component(bot: &mut Bot) -> ComponentInteraction {
    hears_interaction(bot).await.message_component().expect("a button was pressed")
}

fn says(text: &str) -> CreateInteractionResponseMessage {
    CreateInteractionResponseMessage::new().content(text)
}

async fn acknowledged_by(handle: &InteractionHandle) -> u8 {
    assert!(handle.wait_acknowledged(SOON).await);
    handle.acknowledged().unwrap().1
}

#[tokio::test]
async fn a_command_is_answered_once() {
    let (fake, mut bot) = ready().await;
    let handle =
        fake.slash(ALICE, OPS, "promote", &[("image", "core:1.5.0"), ("count", "3")]).unwrap();
    let command = hears_command(&mut bot).await;
    assert_eq!(command.user.id.get(), ALICE);
    assert_eq!(command.member.as_ref().unwrap().roles[0].get(), 3001);
    assert_eq!(command.data.options[1].value, CommandDataOptionValue::Integer(3));
    let answer = CreateInteractionResponse::Message(says("done").ephemeral(true));
    command.create_response(&bot.http, answer.clone()).await.unwrap();
    assert_eq!(acknowledged_by(&handle).await, 4);
    assert_eq!(handle.token(), command.token);
    assert_eq!(handle.shown()[0]["content"], "done");
    assert_eq!(handle.shown()[0]["ephemeral"], true);
    assert_eq!(code(command.create_response(&bot.http, answer).await), (400, 40060));
    // An ephemeral answer is no message of the channel.
    let id = command.get_response(&bot.http).await.unwrap().id;
    assert_eq!(code(ops().message(&bot.http, id).await), (404, 10008));
    assert!(fake.messages_of_bot(OPS).is_empty());
}

#[tokio::test]
async fn what_was_deferred_is_filled_in_later_and_seen_by_the_same() {
    let (fake, mut bot) = ready().await;
    for ephemeral in [true, false] {
        let handle = fake.slash(ALICE, OPS, "promote", &[("image", "core")]).unwrap();
        let command = hears_command(&mut bot).await;
        let defer = CreateInteractionResponseMessage::new().ephemeral(ephemeral);
        command.create_response(&bot.http, CreateInteractionResponse::Defer(defer)).await.unwrap();
        assert_eq!(handle.shown()[0]["loading"], true);
        let follow = |text: &str, ephemeral: bool| {
            let follow = CreateInteractionResponseFollowup::new().content(text);
            command.create_followup(&bot.http, follow.ephemeral(ephemeral))
        };
        // The first one is what was promised, whatever it says of itself.
        follow("first", !ephemeral).await.unwrap();
        follow("second", true).await.unwrap();
        let shown = handle.shown();
        let seen = |index: usize| (&shown[index]["content"], &shown[index]["ephemeral"]);
        assert_eq!(seen(0), (&json!("first"), &json!(ephemeral)));
        assert_eq!(seen(1), (&json!("second"), &json!(true)));
        assert_eq!(shown[0]["loading"], false);
        let edit = EditInteractionResponse::new().content("edited");
        command.edit_response(&bot.http, edit).await.unwrap();
        assert_eq!(handle.shown()[0]["content"], "edited");
        handle.expire_token();
        assert_eq!(code(command.delete_response(&bot.http).await), (401, 50027));
    }
    assert_eq!(fake.messages_of_bot(OPS).len(), 1);
}

#[tokio::test]
async fn an_answer_that_is_late_is_for_nobody() {
    let (fake, mut bot) = ready().await;
    let handle = fake.slash(ALICE, OPS, "promote", &[("image", "core")]).unwrap();
    let command = hears_command(&mut bot).await;
    fake.change_limits(|limits| limits.interaction_deadline = Duration::ZERO);
    let answer = CreateInteractionResponse::Message(says("late"));
    assert_eq!(code(command.create_response(&bot.http, answer).await), (404, 10062));
    assert!(handle.acknowledged().is_none() && handle.shown().is_empty());
    let follow = CreateInteractionResponseFollowup::new().content("later");
    assert_eq!(code(command.create_followup(&bot.http, follow).await), (404, 10015));
}

#[tokio::test]
async fn completion_offers_choices_and_nothing_else() {
    let (fake, mut bot) = ready().await;
    let handle = fake.autocomplete((ALICE, OPS), "promote", "image", "cor").unwrap();
    let asked = hears_interaction(&mut bot).await.autocomplete().unwrap();
    assert_eq!(asked.data.autocomplete().unwrap().value, "cor");
    let wrong = CreateInteractionResponse::Message(says("no"));
    assert_eq!(code(asked.create_response(&bot.http, wrong).await), (400, 50035));
    let choice = AutocompleteChoice::new("core:1.5.0", "core:1.5.0");
    let offer = CreateAutocompleteResponse::new().set_choices(vec![choice]);
    asked.create_response(&bot.http, CreateInteractionResponse::Autocomplete(offer)).await.unwrap();
    assert_eq!(handle.choices()[0]["name"], "core:1.5.0");
    assert!(fake.autocomplete((ALICE, OPS), "promote", "count", "1").is_err());
}

#[tokio::test]
async fn a_button_changes_its_card() {
    let (fake, mut bot) = ready().await;
    let yes = CreateButton::new("vote:yes").label("Yes").style(ButtonStyle::Success);
    let off = CreateButton::new("vote:off").label("Off").disabled(true);
    let rows = vec![CreateActionRow::Buttons(vec![yes, off])];
    let card = CreateMessage::new().content("a plan").components(rows);
    let card = ops().send_message(&bot.http, card).await.unwrap();
    let id = card.id.get();
    assert!(fake.press(BOB, OPS, id, "vote:off").is_err());
    assert!(fake.press(BOB, OPS, id, "vote:no").is_err());

    let handle = fake.press(BOB, OPS, id, "vote:yes").unwrap();
    let pressed = hears_component(&mut bot).await;
    assert_eq!((pressed.data.custom_id.as_str(), pressed.message.id), ("vote:yes", card.id));
    let update = CreateInteractionResponse::UpdateMessage(says("bob is for it"));
    pressed.create_response(&bot.http, update).await.unwrap();
    assert_eq!(fake.message(OPS, id).unwrap().content, "bob is for it");
    assert!(handle.shown().is_empty(), "it shows nothing of its own");

    let handle = fake.press(ALICE, OPS, id, "vote:yes").unwrap();
    let pressed = hears_component(&mut bot).await;
    pressed.create_response(&bot.http, CreateInteractionResponse::Acknowledge).await.unwrap();
    assert_eq!(handle.acknowledged().unwrap().1, 6);
    let private = CreateInteractionResponseFollowup::new().content("you may not").ephemeral(true);
    pressed.create_followup(&bot.http, private).await.unwrap();
    assert_eq!(handle.shown()[0]["content"], "you may not");
    let edit = EditInteractionResponse::new().content("edited by its token");
    pressed.edit_response(&bot.http, edit).await.unwrap();
    assert_eq!(fake.message(OPS, id).unwrap().content, "edited by its token");
}

#[tokio::test]
async fn commands_are_registered_and_counted() {
    let (fake, bot) = ready().await;
    assert_eq!(fake.command_creates(), 1);
    let first = fake.commands()[0]["id"].clone();
    GUILD.set_commands(&bot.http, vec![promote()]).await.unwrap();
    assert_eq!(fake.commands()[0]["id"], first, "its id stays");
    assert_eq!(fake.command_creates(), 1, "what was there is not created");
    let status = CreateCommand::new("status").description("What runs where");
    let status = GUILD.create_command(&bot.http, status).await.unwrap();
    assert_eq!(fake.command_creates(), 2);
    assert_eq!(GUILD.get_commands(&bot.http).await.unwrap().len(), 2);
    GUILD.delete_command(&bot.http, status.id).await.unwrap();
    assert_eq!(code(GUILD.delete_command(&bot.http, status.id).await), (404, 10063));
    let everywhere = CreateCommand::new("help").description("What there is to say");
    serenity::all::Command::set_global_commands(&bot.http, vec![everywhere]).await.unwrap();
    assert_eq!(GUILD.get_commands(&bot.http).await.unwrap().len(), 1);
    assert!(fake.slash(ALICE, OPS, "help", &[]).is_ok());
    fake.direct(ALICE, "hello");
    let direct = fake.direct_channel(ALICE).unwrap();
    assert!(fake.slash(ALICE, direct, "help", &[]).is_ok());
    let image = [("image", "core")];
    assert!(fake.slash(ALICE, direct, "promote", &image).is_err(), "it belongs to the guild");

    let refused = |command: CreateCommand| GUILD.create_command(&bot.http, command);
    let plain = || CreateCommandOption::new(CommandOptionType::String, "one", "One");
    let upper = CreateCommand::new("Promote").description("x");
    assert_eq!(code(refused(upper).await), (400, 50035));
    assert_eq!(code(refused(CreateCommand::new("nothing")).await), (400, 50035));
    let late = CreateCommand::new("late").description("x").add_option(plain()).add_option(
        CreateCommandOption::new(CommandOptionType::String, "two", "Two").required(true),
    );
    assert_eq!(code(refused(late).await), (400, 50035));
    let both = plain().add_string_choice("a", "a").set_autocomplete(true);
    let both = CreateCommand::new("both").description("x").add_option(both);
    assert_eq!(code(refused(both).await), (400, 50035));
    let many = (0..26).map(|n| {
        CreateCommandOption::new(CommandOptionType::String, format!("o{n}"), "One of many")
    });
    let many = CreateCommand::new("many").description("x").set_options(many.collect());
    assert_eq!(code(refused(many).await), (400, 50035));
}

#[tokio::test]
async fn people_send_only_what_the_client_of_discord_lets_them() {
    let (fake, _bot) = ready().await;
    assert!(fake.slash(ALICE, OPS, "rollback", &[]).is_err(), "not registered");
    assert!(fake.slash(ALICE, OPS, "promote", &[]).is_err(), "the image is required");
    let three = [("image", "core"), ("count", "three")];
    assert!(fake.slash(ALICE, OPS, "promote", &three).is_err(), "no number");
    assert!(fake.slash(ALICE, OPS, "promote", &[("image", "core"), ("to", "x")]).is_err());
}

fn is_signed(key: &str, request: &SignedRequest) -> bool {
    let bytes = |hex: &str| -> Vec<u8> {
        let pairs = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
        pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
    };
    let signed = format!("{}{}", request.timestamp, request.body);
    let key = UnparsedPublicKey::new(&ED25519, bytes(key));
    key.verify(signed.as_bytes(), &bytes(&request.signature)).is_ok()
}

#[tokio::test]
async fn an_endpoint_gets_signed_interactions_instead() {
    let (fake, mut bot) = ready().await;
    fake.interactions_by_gateway(false);
    let handle = fake.slash(ALICE, OPS, "promote", &[("image", "core")]).unwrap();
    let request = fake.signed_interaction(&handle);
    let key = fake.public_key_hex();
    assert!(is_signed(&key, &request));
    assert!(!is_signed(&key, &SignedRequest { body: "{}".to_owned(), ..request.clone() }));
    assert!(is_signed(&key, &fake.signed_ping()) && is_signed(&key, &sign("{}", "1")));
    assert_eq!(request.headers()[0].1, request.signature);

    let body: Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(body["data"]["name"], "promote");
    let answer = json!({"type": 4, "data": {"content": "over HTTP"}});
    fake.endpoint_answered(&handle, &answer).unwrap();
    assert_eq!(handle.shown()[0]["content"], "over HTTP");
    let again: Result<(), Refused> = fake.endpoint_answered(&handle, &answer);
    assert_eq!(again.unwrap_err().code, 40060);

    // The gateway heard nothing of it.
    fake.create_channel("a mark");
    let next = bot.hears(|event| match event {
        Event::GuildCreate(_) | Event::Ready(_) => None,
        other => other.name(),
    });
    assert_eq!(next.await, "CHANNEL_CREATE");
}

#[tokio::test]
async fn a_form_is_opened_and_sent() {
    let (fake, mut bot) = ready().await;
    let handle = fake.slash(ALICE, OPS, "promote", &[("image", "core")]).unwrap();
    assert!(handle.submit(&[]).is_err(), "there is no form yet");
    let command = hears_command(&mut bot).await;
    let reason = CreateInputText::new(InputTextStyle::Short, "Why?", "reason");
    let form = CreateModal::new("glass", "Break the glass")
        .components(vec![CreateActionRow::InputText(reason)]);
    command.create_response(&bot.http, CreateInteractionResponse::Modal(form)).await.unwrap();
    assert_eq!(handle.form().unwrap()["title"], "Break the glass");
    let sent = handle.submit(&[("reason", "it burns")]).unwrap();
    let form = hears_interaction(&mut bot).await.modal_submit().unwrap();
    assert_eq!(form.data.custom_id, "glass");
    let answer = CreateInteractionResponse::Message(says("noted"));
    form.create_response(&bot.http, answer).await.unwrap();
    assert_eq!(form.get_response(&bot.http).await.unwrap().content, "noted");
    assert_eq!(sent.shown()[0]["content"], "noted");
}

#[tokio::test]
async fn something_is_chosen_in_a_menu() {
    let (fake, mut bot) = ready().await;
    let option = CreateSelectMenuOption::new("core:1.5.0", "core:1.5.0");
    let kind = CreateSelectMenuKind::String { options: vec![option] };
    let row = CreateActionRow::SelectMenu(CreateSelectMenu::new("image", kind));
    let asked = CreateMessage::new().content("which?").components(vec![row]);
    let id = ops().send_message(&bot.http, asked).await.unwrap().id.get();
    assert!(fake.choose((BOB, OPS), id, "image", &["core:9"]).is_err());
    assert!(fake.press(BOB, OPS, id, "image").is_err(), "it is no button");
    fake.choose((BOB, OPS), id, "image", &["core:1.5.0"]).unwrap();
    let chosen = hears_component(&mut bot).await;
    let ComponentInteractionDataKind::StringSelect { values } = chosen.data.kind else {
        panic!("a menu was used");
    };
    assert_eq!(values, ["core:1.5.0"]);
}
