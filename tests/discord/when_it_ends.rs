//! A promotion that a lock or a freeze keeps out is asked for, for the moment at which that ends,
//! by one press: wherever the refusal stands, as whoever presses, and no more than a typed line.

use jiff::SignedDuration;
use serde_json::Value;

use super::bot::{ALICE, BOB, Bot, DAVE, EVE, OPS, STAGING, Setup, find_card, is_private, shown};
use super::fake::{FakeDiscord, InteractionHandle, StoredMessage};

const ASKED: &str = "promote core:1.5.0 to staging";

/// An announcement with a button that asks for what is to run at once.
const ASK: &str = r#"
[schedules.ask]
at = "0 9 1 1 *"
template = """
{% for one in differences %}
$ {{ one.command }}
{% endfor %}
"""
[roles]"#;

/// After the minute in which a lock of two hours ends, and not too late to begin.
const OVER: SignedDuration = SignedDuration::from_mins(122);

/// The one button of a refusal, by what it is called to Discord.
fn button(components: &[Value]) -> String {
    let rows = components.iter().filter_map(|row| row["components"].as_array());
    let all: Vec<&Value> = rows.flatten().collect();
    let [button] = all.as_slice() else { panic!("{components:#?}") };
    assert_eq!(
        (&button["label"], &button["emoji"]["name"]),
        (&"When it ends".into(), &"⏰".into())
    );
    button["custom_id"].as_str().unwrap().to_owned()
}

/// The button of a message, which says what stands there to copy.
fn button_of(message: &StoredMessage) -> String {
    let button = button(&message.components);
    let line = button.strip_prefix("say:").unwrap();
    assert!(shown(message).contains(&format!("› `{line}`")), "{line}: {}", shown(message));
    button
}

/// The answer that only the person sees: its id and its button.
fn button_in(asked: &InteractionHandle) -> (u64, String) {
    let [answer] = &asked.shown()[..] else { panic!("{:#?}", asked.shown()) };
    let id = answer["id"].as_str().unwrap().parse().unwrap();
    (id, button(answer["components"].as_array().unwrap()))
}

/// Staging is locked for two hours, which ends at a minute that is known.
async fn locked() -> Bot {
    let bot = Bot::start().await;
    bot.asks(BOB, STAGING, "lock staging for 2h because of a load test").await;
    bot
}

async fn gone(bot: &Bot, pressed: &InteractionHandle) {
    let gone = || pressed.acknowledged().is_some() && pressed.shown().is_empty();
    bot.until("the deferral is gone", |_| gone()).await;
}

#[tokio::test]
async fn in_the_channel_anybody_presses_it_as_themselves() {
    let bot = locked().await;
    let refused = bot.asks(ALICE, STAGING, ASKED).await;
    let button = button_of(&refused);
    assert!(button.starts_with(&format!("say:{ASKED} on 2026-11-24 at 11:0")), "{button}");

    let denied = bot.fake.press(EVE, STAGING, refused.id, &button).unwrap();
    bot.answers(&denied, "Eve may not promote core:1.5.0 to staging").await;
    assert!(is_private(&denied), "{:#?}", denied.shown());
    assert!(find_card(&bot.fake, 1).is_none());

    let pressed = bot.fake.press(ALICE, STAGING, refused.id, &button).unwrap();
    let card = bot.card_says(1, "scheduled").await;
    assert_eq!(card.channel, STAGING);
    gone(&bot, &pressed).await;
    let scheduled = bot.deployment(1).await;
    assert_eq!(scheduled.request.requester.id.as_str(), ALICE.to_string());
    // Discord shows the date, the zone of each reader and how far off it is.
    let moment = scheduled.scheduled.unwrap().as_second();
    let told = format!("<t:{moment}:F>, <t:{moment}:R>");
    assert!(shown(&card).contains(&told), "{told}: {}", shown(&card));
    bot.assert_untouched();

    bot.pass(OVER);
    bot.card_says(1, "succeeded").await;
    assert!(bot.stands_at("staging", "1.5.0"));
    // The message stands for ever, and its moment does not.
    let late = bot.fake.press(ALICE, STAGING, refused.id, &button).unwrap();
    bot.answers(&late, "is past").await;
    assert!(is_private(&late), "{:#?}", late.shown());
    assert!(find_card(&bot.fake, 2).is_none());
}

#[tokio::test]
async fn pressed_twice_it_is_asked_for_once() {
    let bot = locked().await;
    let refused = bot.asks(ALICE, STAGING, ASKED).await;
    let button = button_of(&refused);
    bot.fake.press(ALICE, STAGING, refused.id, &button).unwrap();
    bot.card_says(1, "scheduled").await;
    let again = bot.fake.press(ALICE, STAGING, refused.id, &button).unwrap();
    bot.answers(&again, "is asked for already").await;
    assert!(is_private(&again), "{:#?}", again.shown());
    bot.pass(OVER);
    bot.card_says(1, "succeeded").await;
    assert!(find_card(&bot.fake, 2).is_none());
    // One tag was kept and one moved.
    assert_eq!(bot.sandbox.count_calls("PutImage"), 2);
}

#[tokio::test]
async fn where_only_one_person_sees_it_the_plan_stands_in_the_channel() {
    let bot = locked().await;
    let there = [("environment", "staging"), ("images", "core:1.5.0")];
    let asked = bot.fake.slash(ALICE, STAGING, "promote", &there).unwrap();
    bot.answers(&asked, "To have it run when that ends:").await;
    assert!(is_private(&asked), "{:#?}", asked.shown());
    let (refusal, button) = button_in(&asked);
    assert!(bot.fake.press(BOB, STAGING, refusal, &button).is_err(), "nobody else sees it");
    let pressed = bot.fake.press(ALICE, STAGING, refusal, &button).unwrap();
    let card = bot.card_says(1, "scheduled").await;
    assert_eq!(card.channel, STAGING);
    gone(&bot, &pressed).await;
}

#[tokio::test]
async fn who_is_refused_by_a_press_has_the_next_one_in_the_answer() {
    let bot = Setup::default().setting("[roles]", ASK).start().await;
    bot.verified_on_staging("core", "1.5.0").await;
    let train = bot.asks(BOB, OPS, "preview ask").await;
    let train = (train.id, "say:promote everything from staging to production");
    bot.asks(DAVE, OPS, "freeze production for 2 hours because of an incident").await;
    let pressed = bot.fake.press(ALICE, OPS, train.0, train.1).unwrap();
    bot.answers(&pressed, "To have it run when that ends:").await;
    assert!(is_private(&pressed), "{:#?}", pressed.shown());
    let (refusal, button) = button_in(&pressed);
    assert!(button.starts_with(&format!("{} on 2026-11-24 at 12:0", train.1)), "{button}");
    let pressed = bot.fake.press(ALICE, OPS, refusal, &button).unwrap();
    let card = bot.card_says(1, "scheduled, waiting for votes").await;
    assert_eq!(card.channel, OPS);
    gone(&bot, &pressed).await;
}

#[tokio::test]
async fn in_private_it_is_answered_and_the_plan_stands_in_the_channel() {
    let bot = locked().await;
    bot.fake.direct(ALICE, ASKED);
    let refused = bot.told_directly(ALICE, "To have it run when that ends:").await;
    let alone = bot.fake.direct_channel(ALICE).unwrap();
    let pressed = bot.fake.press(ALICE, alone, refused.id, &button_of(&refused)).unwrap();
    let card = bot.card_says(1, "scheduled").await;
    assert_eq!(card.channel, OPS, "it is for everybody to see");
    bot.answers(&pressed, "It is on its way: see the channel.").await;
    assert!(is_private(&pressed), "{:#?}", pressed.shown());

    // What is refused in private is told in private.
    bot.pass(OVER);
    bot.card_says(1, "succeeded").await;
    let late = bot.fake.press(ALICE, alone, refused.id, &button_of(&refused)).unwrap();
    bot.answers(&late, "is past").await;
}

#[tokio::test]
async fn in_a_thread_it_counts_as_said_in_the_channel() {
    let bot = locked().await;
    let thread = bot.fake.open_thread(ALICE, STAGING, "is 1.5.0 good?");
    let refused = bot.asks(ALICE, thread, ASKED).await;
    let pressed = bot.fake.press(ALICE, thread, refused.id, &button_of(&refused)).unwrap();
    let card = bot.card_says(1, "scheduled").await;
    assert_eq!(card.channel, STAGING);
    bot.answers(&pressed, "It is on its way: see the channel.").await;
}

#[tokio::test]
async fn what_a_freeze_keeps_out_waits_for_votes_meanwhile() {
    let bot = Bot::start().await;
    bot.verified_on_staging("core", "1.5.0").await;
    bot.asks(DAVE, OPS, "freeze production for 2 hours because of an incident").await;
    let refused = bot.asks(ALICE, OPS, "promote core:1.5.0 to production because of #7").await;
    let button = button_of(&refused);
    // Where production is, it is an hour later.
    let line = "say:promote core:1.5.0 to production on 2026-11-24 at 12:0";
    assert!(button.starts_with(line), "{button}");
    assert!(button.ends_with(" because of #7"), "{button}");
    bot.fake.press(ALICE, OPS, refused.id, &button).unwrap();
    let card = bot.card_says(1, "scheduled, waiting for votes").await;
    assert_eq!(card.channel, OPS);
    assert!(shown(&card).contains("because: of #7"), "{}", shown(&card));
}

/// The journal keeps both reasons, and each reader sees them in their own zone.
#[tokio::test]
async fn when_a_freeze_opens_is_a_time_of_discord_wherever_it_is_told() {
    let bot = Bot::start().await;
    bot.verified_on_staging("core", "1.5.0").await;
    let before = bot.fake.messages_of_bot(OPS).len();
    let frozen = bot.asks(DAVE, OPS, "freeze production for 2 hours because of an incident").await;
    let frozen = shown(&frozen);
    let (_, until) = frozen.split_once("until ").unwrap();
    let (until, _) = until.split_once(',').unwrap();
    assert!(until.starts_with("<t:") && until.ends_with(":F>"), "{frozen}");

    let refused = bot.asks(ALICE, OPS, "promote core:1.5.0 to production").await;
    let opens = format!("of an incident. production opens on {until}: ask again then.");
    assert!(shown(&refused).contains(&opens), "{opens}: {}", shown(&refused));

    // Who breaks the glass does so at once and for a reason of their own: a lock, which stays, is no
    // reason to offer it for later.
    let broken = "promote core:1.5.0 to production break glass because it is down";
    bot.asks(BOB, OPS, "lock production for 1h because of a repair").await;
    let kept_out = bot.asks(DAVE, OPS, broken).await;
    assert!(kept_out.components.is_empty(), "{:#?}", kept_out.components);
    assert!(!shown(&kept_out).contains("when that ends"), "{}", shown(&kept_out));
    bot.asks(BOB, OPS, "unlock production").await;
    bot.says(DAVE, OPS, broken);
    let set_aside = format!("of an incident. It would open on {until}.");
    bot.card_says(1, "GLASS BROKEN").await;
    bot.card_says(1, &set_aside).await;
    bot.asks(ALICE, OPS, "show 1").await;
    let all = bot.fake.messages_of_bot(OPS);
    let told: Vec<String> = all.iter().skip(before).map(shown).collect();
    assert!(told.iter().filter(|said| said.contains(&set_aside)).count() > 1, "{told:#?}");
    let in_words = |said: &&String| said.contains("(Europe/Berlin)") || said.contains(" CET");
    assert_eq!(told.iter().find(in_words), None);
}

#[tokio::test]
async fn what_is_too_long_for_a_button_is_there_to_copy() {
    let bot = locked().await;
    let why = "because the one before it forgets what it was told after a while";
    let refused = bot.asks(ALICE, STAGING, &format!("{ASKED} {why}")).await;
    assert!(refused.components.is_empty(), "{:#?}", refused.components);
    assert!(shown(&refused).contains(why), "{}", shown(&refused));
    // Nobody knows when this one ends.
    bot.asks(BOB, STAGING, "unlock staging").await;
    bot.asks(BOB, STAGING, "lock staging because of a longer test").await;
    let refused = bot.asks(ALICE, STAGING, ASKED).await;
    assert!(refused.components.is_empty(), "{:#?}", refused.components);
    let stands = |fake: &FakeDiscord| fake.messages_of_bot(STAGING).len() == 5;
    bot.until("all are answered", stands).await;
}
