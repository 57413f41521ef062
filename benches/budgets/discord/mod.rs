//! Shipmate on Discord, side by side with the least bot that people write with serenity: how soon
//! it answers in a channel where others talk, what their talk costs, and how soon a vote counts.
//! Discord is the fake of the tests, at the wire.

mod bots;
pub mod least;
pub mod votes;

use std::time::Duration;

use anyhow::Context;

use self::bots::{Bot, Kind};
use crate::harness::{Budget, Figure, Row, Section, Unit};
use crate::process::Memory;
use crate::ship::Medium;

/// Other messages in a second.
const RATES: [usize; 3] = [1, 100, 10_000];

/// How soon it answers.
pub async fn mentions(full: bool) -> anyhow::Result<Section> {
    let rounds = if full { 400 } else { 100 };
    let mut section = Section::new("On Discord: from a message to the bot's request");
    let mut least = Bot::start(Kind::Least).await?;
    for medium in Medium::ALL {
        let mut shipmate = Bot::start(Kind::Shipmate(medium)).await?;
        for rate in RATES {
            let ours = shipmate.reply_times(rounds, rate).await?;
            let theirs = least.reply_times(rounds, rate).await?;
            let (figure, other) = (Figure::times(&ours.times)?, Figure::times(&theirs.times)?);
            let beside = format!(
                "the least bot: {}, p99 {} (×{:.1}, p99 ×{:.1}); told {:.0}/s and {:.0}/s",
                other.show_median(),
                other.show_tail(),
                figure.median / other.median,
                figure.tail / other.tail,
                ours.reached,
                theirs.reached,
            );
            let what = format!("`help` while others say {}/s, {}", thousands(rate), medium.name());
            section.row(Row::new(what, figure).budget(Budget::Tail(5e-3)).beside(beside));
        }
    }
    section.note(
        "From the moment at which the fake Discord writes the event of a mention to the gateway's socket until the request that \
         posts the answer has arrived and was read. Both bots are processes of their own, and share the cores with the fake. Shipmate is \
         `shipmate run` with docs/discord.toml: the event passes the relay before serenity, and the message is written into \
         the inbox, and the posting into the journal, each synchronised to the disk, before it is answered by a card. The least bot is serenity's `EventHandler` that says one line \
         with `channel_id.say` and keeps nothing. Not in it: the way to Discord and TLS, which a fake on loopback in plain does not \
         have, Discord's limits, which the fake does not enforce here, and compression: the events are plain JSON.",
    );
    Ok(section)
}

/// What the talk of others costs.
pub async fn talk(full: bool) -> anyhow::Result<Section> {
    let messages = if full { 1_000_000 } else { 50_000 };
    let mut section = Section::new("On Discord: a channel in which others talk");
    let ours = after_talk(Kind::Shipmate(Medium::Disk), messages).await?;
    let theirs = after_talk(Kind::Least, messages).await?;
    let memory = |held: &Memory| Figure::once(Unit::Memory, held.resident);
    let beside = |text: String| format!("the least bot: {text}");
    let split = |held: &Memory| {
        let show = |value| Unit::Memory.show(value);
        format!(
            "{} of it anonymous, {} of the program's file",
            show(held.anonymous),
            show(held.resident - held.anonymous)
        )
    };
    for (what, budget, ours, theirs) in [
        (
            "memory, idle, `shipmate run`".to_owned(),
            Budget::Median(30.0),
            &ours.before,
            &theirs.before,
        ),
        (
            format!("the same, after {} messages of others", thousands(messages)),
            Budget::None,
            &ours.after,
            &theirs.after,
        ),
    ] {
        let other = beside(format!("{}, {}", Unit::Memory.show(theirs.resident), split(theirs)));
        let row = Row::new(what, memory(ours)).budget(budget);
        section.row(row.beside(format!("{}; {other}", split(ours))));
    }
    let each = |time: Duration| time.as_secs_f64() / messages as f64;
    section.row(
        Row::new("processor time for each of them", Figure::once(Unit::Time, each(ours.processor)))
            .beside(format!(
                "{} (×{:.1})",
                beside(Unit::Time.show(each(theirs.processor))),
                ours.processor.as_secs_f64() / theirs.processor.as_secs_f64()
            )),
    );
    section.row(
        Row::new(
            "heard in a second, when they come as fast as they are read",
            Figure::once(Unit::Rate, messages as f64 / ours.took.as_secs_f64()),
        )
        .beside(beside(Unit::Rate.show(messages as f64 / theirs.took.as_secs_f64()))),
    );
    section.note(
        "Messages of 500 people that are not for the bot, each a new one. Memory is what /proc says is resident (VmRSS), of the \
         process alone, two seconds after it was connected and after it answered a mention behind all of them. In it: the pages of the program's \
         file that were touched, which the system may drop and share, serenity, the engine, policies, grammar and an almost empty journal. Not in it: deployments under way, TLS, and guilds larger than that of the \
         fake. The generator shares the cores with the bot, so more could be heard than was.",
    );
    Ok(section)
}

struct Talked {
    before: Memory,
    after: Memory,
    processor: Duration,
    took: Duration,
}

async fn after_talk(kind: Kind, messages: usize) -> anyhow::Result<Talked> {
    let mut bot = Bot::start(kind).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = bot.memory()?;
    let spent = bot.processor_time()?;
    let took = bot.hears(messages).await?;
    let processor = bot.processor_time()?.checked_sub(spent).context("time runs backwards")?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let after = bot.memory()?;
    Ok(Talked { before, after, processor, took })
}

fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(",")
}
