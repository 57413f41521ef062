//! Announcements on Discord: a picture is attached with its words, channels are found by their
//! names and mentions, and the train's button asks for what it says.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use shipmate::domain::schedule::{Fate, NewSchedule, ScheduleKey, Stored, Timing};
use shipmate::ports::{Clock as _, Schedules as _};

use super::bot::{ALICE, BOB, Bot, CAROL, DAVE, STAGING, Setup, shown};
use super::fake::{FakeDiscord, StoredMessage, permissions};
use crate::world::guild::{self, OPS};
use crate::world::{Plan, Way, World};

async fn on_discord(way: Way) -> World {
    World::with(Plan::default(), Some((way, guild::people().unlimited()))).await
}

/// The newest message of the bot in the channel, as Discord shows it.
fn newest(world: &World) -> (Vec<u8>, Value) {
    let guild = world.guild.as_ref().unwrap();
    let posted = world.chat.posted();
    let (channel, id) = guild::spot(&posted.last().unwrap().id).unwrap();
    let message = guild.fake.message(channel, id).unwrap();
    let bytes = message.attachments.first().map(|one| one.bytes.clone()).unwrap_or_default();
    let told = message.attachments.first().map(|one| {
        serde_json::json!({
            "filename": one.filename,
            "content_type": one.content_type,
            "description": one.description,
            "image": message.embeds[0]["image"]["url"],
        })
    });
    (bytes, told.unwrap_or_default())
}

#[tokio::test]
async fn figures_come_with_a_picture_and_its_words() {
    for way in [Way::Tls, Way::Plain] {
        let mut world = on_discord(way).await;
        world.say("eve", "figures").await;
        let (bytes, told) = newest(&world);
        assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n"), "{way:?}");
        assert_eq!(told["filename"], "figures.png");
        assert_eq!(told["content_type"], "image/png");
        assert_eq!(told["image"], "attachment://figures.png");
        let words = told["description"].as_str().unwrap();
        assert!(words.contains("No deployments in 7 days"), "{words}");
    }
}

#[tokio::test]
async fn where_no_files_may_be_attached_the_words_stand_alone() {
    let mut world = on_discord(Way::Plain).await;
    world.guild.as_ref().unwrap().fake.deny_bot(OPS, permissions::ATTACH_FILES);
    world.say("eve", "figures").await;
    let (bytes, told) = newest(&world);
    assert!(bytes.is_empty() && told.is_null());
    assert!(world.text().contains("No deployments in 7 days"), "{}", world.text());
}

#[tokio::test]
async fn a_channel_is_found_by_its_mention_and_by_its_name() {
    let mut world = on_discord(Way::Plain).await;
    for line in ["announce tea in <#2000>", "announce cake in #ops"] {
        world.say("alice", line).await;
    }
    let everything = world.everything();
    for text in ["tea", "cake"] {
        let said = format!("Announcement\n   {text}");
        assert_eq!(everything.matches(&said).count(), 1, "{everything}");
    }
    // It exists, and nothing may be spoken of there.
    world.say("alice", "announce tea in #staging-only").await;
    assert!(world.text().contains("I do not speak in #staging-only"), "{}", world.text());
}

#[tokio::test]
async fn the_train_is_asked_for_by_its_button() {
    let mut world = on_discord(Way::Plain).await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    world.say("alice", "preview release-train").await;
    let guild = world.guild.as_ref().unwrap();
    let posted = world.chat.posted().last().unwrap().id.clone();
    let (channel, id) = guild::spot(&posted).unwrap();
    let button = "say:promote everything from staging to production on 2026-11-24 at 12:00";
    guild.fake.press(guild::user("alice"), channel, id, button).unwrap();
    world.until_said("Needs 2 votes of release-manager").await;
    assert!(world.everything().contains("#2 promote core:1.5.0"), "{}", world.everything());
}

const TRAIN: &str = r#"
[schedules.train]
at = "0 10 * * *"
zone = "UTC"
template = "release-train"
[roles]"#;

/// It shows no plan, so that nobody has agreed to anything by it, whoever they are.
#[tokio::test]
async fn a_vote_on_the_train_counts_for_nothing_and_tells_where_the_plan_is() {
    let bot = Setup::default().setting("[roles]", TRAIN).start().await;
    bot.verified_on_staging("core", "1.5.0").await;
    bot.pass(SignedDuration::from_mins(61));
    let leaves = |message: &StoredMessage| shown(message).contains("The release train leaves");
    let train = |fake: &FakeDiscord| fake.messages_of_bot(OPS).into_iter().find(leaves);
    bot.until("the train is announced", |fake| train(fake).is_some()).await;
    let train = train(&bot.fake).unwrap();
    let stands = |fake: &FakeDiscord, person| {
        let reactions = fake.reactions(OPS, train.id);
        reactions.values().any(|people| people.contains(&person))
    };

    bot.fake.react(BOB, OPS, train.id, "✅");
    let told = bot.told_directly(BOB, "A vote on an announcement counts for nothing").await;
    assert!(shown(&told).contains("No plan waits for votes."), "{}", shown(&told));
    bot.until("it is taken off", |fake| !stands(fake, BOB)).await;

    let button = train.components[0]["components"][0]["custom_id"].as_str().unwrap();
    bot.fake.press(ALICE, OPS, train.id, button).unwrap();
    let plan = bot.card_says(1, "scheduled, waiting for votes").await;
    for (person, emoji) in [(CAROL, "✅"), (DAVE, "❌")] {
        bot.fake.react(person, OPS, train.id, emoji);
        let told = bot.told_directly(person, "2 more release-manager needed").await;
        let shown = shown(&told);
        assert!(shown.contains("› `approve 1`"), "{shown}");
        assert!(shown.contains(&format!("/{OPS}/{}", plan.id)), "{shown}");
        bot.until("it is taken off", |fake| !stands(fake, person)).await;
    }
    assert!(bot.deployment(1).await.votes.is_empty());

    for person in [BOB, CAROL] {
        bot.fake.react(person, OPS, plan.id, "✅");
    }
    bot.card_says(1, "scheduled").await;
    let agreed =
        || bot.find_card(1).is_some_and(|card| !shown(&card).contains("waiting for votes"));
    bot.until("it is agreed", |_| agreed()).await;
    bot.pass(SignedDuration::from_hours(2));
    bot.card_says(1, "succeeded").await;
    assert!(bot.stands_at("production", "1.5.0"));
}

/// A state that is told asks for nothing, and a thumb for it is just that.
#[tokio::test]
async fn what_asks_for_nothing_takes_any_reaction() {
    let bot = Bot::start().await;
    bot.asks(ALICE, OPS, "announce lunch is ready at 11:00").await;
    bot.pass(SignedDuration::from_mins(61));
    let lunch = |message: &StoredMessage| shown(message).contains("Announcement\nlunch is ready");
    let found = |fake: &FakeDiscord| fake.messages_of_bot(OPS).into_iter().find(lunch);
    bot.until("it is announced", |fake| found(fake).is_some()).await;
    let lunch = found(&bot.fake).unwrap();
    bot.fake.react(BOB, OPS, lunch.id, "✅");
    // What comes after it has been answered.
    let plan = bot.with_a_plan().await;
    bot.fake.react(ALICE, OPS, plan.id, "✅");
    bot.told_directly(ALICE, "Alice may not approve").await;
    assert_eq!(bot.fake.direct_channel(BOB), None);
    assert!(bot.fake.reactions(OPS, lunch.id)["✅"].contains(&BOB));
}

/// Which of two is meant is not guessed; a mention says it.
#[tokio::test]
async fn of_two_channels_with_one_name_neither_is_taken() {
    let bot = Setup::default().guild(|guild| guild.channel(STAGING, "ops")).start().await;
    let told = bot.asks(ALICE, OPS, "announce tea in #ops").await;
    let said = shown(&told);
    assert!(said.contains("There are several channels called #ops"), "{said}");
    assert!(said.contains(&format!("They are <#{OPS}> and <#{STAGING}>.")), "{said}");
    bot.asks(ALICE, OPS, "announce tea in <#2001>").await;
    assert!(bot.said(STAGING).contains("tea"), "{}", bot.said(STAGING));
}

/// Whom and where a text names stays named, and an address leads where it led.
#[tokio::test]
async fn mentions_and_addresses_survive() {
    let bot = Bot::start().await;
    let said = "announce <@4002> is on call, see <#2001> and https://wiki.example/on_call_list";
    bot.says(ALICE, OPS, said);
    let whole = "<@4002> is on call, see <#2001> and https://wiki.example/on_call_list";
    let found = |fake: &FakeDiscord| {
        fake.messages_of_bot(OPS).into_iter().find(|one| shown(one).contains(whole))
    };
    bot.until("it is announced", |fake| found(fake).is_some()).await;
    // Nobody is pinged by what others have announced.
    let announced = found(&bot.fake).unwrap();
    assert!(announced.pinged.is_empty(), "{:?}", announced.pinged);
}

/// Where it should have been said may have left the settings since.
#[tokio::test]
async fn where_it_does_not_speak_any_more_it_is_missed_and_told() {
    let mut bot = Bot::start().await;
    let noon: Timestamp = "2026-11-24T11:00:00Z".parse().unwrap();
    let new = NewSchedule {
        text: "lunch is ready".to_owned(),
        when: Stored::Once(noon),
        zone: "Europe/Berlin".to_owned(),
        channel: "2999".into(),
        by: ALICE.to_string().as_str().into(),
        at: bot.clock.now(),
        asked_in: "2999/1".into(),
    };
    bot.journal.make_schedule(&new, &Timing::Once(noon).text()).await.unwrap();
    bot.pass(SignedDuration::from_mins(121));
    bot.restart().await;
    let told = bot.told_directly(ALICE, "Not announced: lunch is ready").await;
    let why =
        format!("It was due at <t:{}:t>: I do not speak in <#2999> any more.", noon.as_second());
    assert!(shown(&told).contains(&why), "{}", shown(&told));
    let firings = bot.journal.firings(&ScheduleKey::Numbered(1), 9).await.unwrap();
    assert_eq!(firings.into_iter().map(|one| one.fate).collect::<Vec<_>>(), [Fate::Missed]);
}

/// The answer to a slash command that only the person sees has its picture and buttons as well.
#[tokio::test]
async fn a_preview_shows_all_of_it() {
    let bot = Bot::start().await;
    let asked = bot.fake.slash(BOB, OPS, "preview", &[("schedule", "weekly")]).unwrap();
    bot.answers(&asked, "The week until").await;
    let [answer] = &asked.shown()[..] else { panic!("{:#?}", asked.shown()) };
    let [picture] = answer["attachments"].as_array().unwrap().as_slice() else {
        panic!("{answer:#}")
    };
    assert_eq!(picture["filename"], "figures.png");
    assert!(picture["description"].as_str().unwrap().contains("No deployments in 7 days"));
    assert_eq!(answer["embeds"][0]["image"]["url"], "attachment://figures.png");
}

/// What may not be spoken of in a channel is not shown there either, whoever asks.
#[tokio::test]
async fn a_preview_shows_nothing_of_other_channels() {
    let bot = Bot::start().await;
    bot.asks(ALICE, OPS, "announce the secret is out at 23:59").await;
    let told = bot.asks(ALICE, STAGING, "preview 1").await;
    assert!(shown(&told).contains("There is nothing called 1 to preview"), "{}", shown(&told));
    assert!(!shown(&told).contains("secret"), "{}", shown(&told));
}

/// To Shipmate alone, nothing is guessed.
#[tokio::test]
async fn in_private_the_channel_has_to_be_named() {
    let bot = Bot::start().await;
    bot.fake.direct(ALICE, "announce lunch is ready");
    bot.told_directly(ALICE, "Say in which channel").await;
    bot.fake.direct(ALICE, "announce lunch is ready in <#2000>");
    bot.told_directly(ALICE, "Announced").await;
}
