//! Those who can unblock what waits are told so directly, once, where the settings say so.

use jiff::SignedDuration;

use super::bot::{ALICE, BOB, Bot, CAROL, DAVE, EVE, FRANK, OPS, Setup, shown};
use super::fake::World as Guild;
use super::fake::events::GUILD_MEMBERS;

/// How many times somebody was told directly that a plan waits.
fn nudges(bot: &Bot, person: u64) -> usize {
    let Some(alone) = bot.fake.direct_channel(person) else { return 0 };
    let all = bot.fake.messages_of_bot(alone);
    all.iter().filter(|told| shown(told).contains("waits for your vote")).count()
}

/// #1 waits, and bob has agreed.
async fn one_vote_is_missing(setup: Setup) -> Bot {
    let bot = setup.start().await;
    let card = bot.with_a_plan().await;
    bot.fake.react(BOB, OPS, card.id, "✅");
    bot.card_says(1, "1 of 2 agreed").await;
    bot
}

#[tokio::test]
async fn who_can_unblock_it_is_told_once() {
    let setup = Setup::default().guild(|guild: Guild| guild.privileged(GUILD_MEMBERS));
    let mut bot = one_vote_is_missing(setup).await;
    bot.pass(SignedDuration::from_mins(9));
    bot.asks(ALICE, OPS, "status production").await;
    assert_eq!((nudges(&bot, CAROL), nudges(&bot, FRANK)), (0, 0));

    bot.pass(SignedDuration::from_mins(2));
    let told = bot.told_directly(CAROL, "#1 promote core:1.5.0 to production waits").await;
    assert!(shown(&told).contains("Needs 1 more of release-manager"), "{}", shown(&told));
    let card = bot.find_card(1).unwrap();
    let address = format!("https://discord.com/channels/1000/{OPS}/{}", card.id);
    assert!(shown(&told).contains(&address), "{}", shown(&told));
    assert!(told.pinged.is_empty() && told.components.is_empty());
    bot.told_directly(FRANK, "waits for your vote").await;
    // Not who asked, not who has voted, and not who could do nothing about it.
    let others = [ALICE, BOB, DAVE, EVE].map(|person| nudges(&bot, person));
    assert_eq!(others, [0; 4]);

    bot.restart().await;
    bot.pass(SignedDuration::from_mins(5));
    bot.asks(ALICE, OPS, "status production").await;
    assert_eq!((nudges(&bot, CAROL), nudges(&bot, FRANK)), (1, 1));
    // What it says can be done from there.
    bot.fake.direct(CAROL, "approve 1");
    bot.card_says(1, "succeeded").await;
}

#[tokio::test]
async fn without_the_intent_those_whom_the_settings_name_are_told() {
    let named = "release-manager = { discord = [\"3002\"], people = [\"4004\", \"bob\"] }";
    let setup = Setup::default().setting("release-manager = { discord = [\"3002\"] }", named);
    let bot = one_vote_is_missing(setup).await;
    bot.pass(SignedDuration::from_mins(11));
    bot.told_directly(FRANK, "waits for your vote").await;
    bot.asks(ALICE, OPS, "status production").await;
    assert_eq!((nudges(&bot, BOB), nudges(&bot, CAROL)), (0, 0));
}

#[tokio::test]
async fn who_takes_no_direct_messages_keeps_nobody_from_hearing() {
    let setup = Setup::default().guild(|guild: Guild| guild.privileged(GUILD_MEMBERS));
    let bot = one_vote_is_missing(setup).await;
    bot.fake.close_dms(CAROL);
    bot.pass(SignedDuration::from_mins(11));
    bot.told_directly(FRANK, "waits for your vote").await;
    assert_eq!(bot.fake.messages_of_bot(OPS).len(), 1, "{}", bot.said(OPS));
}

#[tokio::test]
async fn nobody_is_told_where_the_settings_do_not_say_so() {
    let setup = Setup::default().setting("nudge-after = \"10m\"", "# nothing");
    let bot = one_vote_is_missing(setup.guild(|guild| guild.privileged(GUILD_MEMBERS))).await;
    bot.pass(SignedDuration::from_mins(25));
    bot.asks(ALICE, OPS, "status production").await;
    assert_eq!((nudges(&bot, CAROL), nudges(&bot, FRANK)), (0, 0));
}
