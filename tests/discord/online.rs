//! `shipmate check --online` as people start it: what is missing on Discord is told before
//! anybody finds out the hard way.

use super::fake::events::{GUILD_MEMBERS, MESSAGE_CONTENT};
use super::fake::permissions as may;
use super::fake::{Overwrite, World as Guild};
use super::process::Surroundings;

const ATTACH_FILES: u64 = 1 << 15;
const CHECK: [&str; 2] = ["check", "--online"];

/// A guild in which nothing is missing.
fn complete() -> Guild {
    let mut guild = Guild::shipmate().unlimited().privileged(GUILD_MEMBERS);
    for role in guild.roles.iter_mut().filter(|role| role.managed) {
        role.permissions |= ATTACH_FILES;
    }
    guild
}

/// Checks, and finds this to be missing.
async fn misses(around: Surroundings, told: &[&str]) {
    let (status, report) = around.run(&CHECK).await;
    assert!(!status.success(), "{report}");
    for text in told {
        let line = report.lines().find(|line| line.starts_with('✗') && line.contains(text));
        assert!(line.is_some(), "{text} in\n{report}");
    }
    // What is not missing is not told to be.
    let wrong = report.lines().filter(|line| line.starts_with(['✗', '?'])).count();
    assert_eq!(wrong, 1, "{report}");
}

#[tokio::test]
async fn where_nothing_is_missing_all_is_well() {
    let around = Surroundings::new(complete()).await;
    let (status, report) = around.run(&CHECK).await;
    assert!(status.success(), "{report}");
    for told in [
        "✓ Discord takes the token: Shipmate is `shipmate` there.",
        "✓ The server is `a guild` (1000).",
        "✓ All Discord roles of the settings exist.",
        "✓ #ops (2000): Shipmate may do what it must; things are announced there.",
        "✓ #staging-only (2001): Shipmate may do what it must.",
    ] {
        assert!(report.contains(told), "{told} in\n{report}");
    }
    assert!(!report.contains("MTAw"), "{report}");
    // It looks, and does nothing.
    assert!(around.fake.requests().iter().all(|request| request.method == "GET"));
    assert_eq!(around.fake.connections_ever(), 0);
}

#[tokio::test]
async fn a_token_that_is_not_taken() {
    let mut around = Surroundings::new(complete()).await;
    around.token = "MTAw.another.token".to_owned();
    misses(around, &["Discord does not take the token", "Reset Token"]).await;
}

#[tokio::test]
async fn a_guild_that_it_is_not_in() {
    let around = Surroundings::new(complete()).await;
    let around = around.setting("guild    = \"1000\"", "guild = \"1009\"");
    misses(around, &["Shipmate is not in the server 1009", "oauth2/authorize?client_id="]).await;
}

#[tokio::test]
async fn intents_that_are_not_switched_on() {
    let prefixed = "prefix = \"!ship\"\n[chat.discord.channels]";
    let around = Surroundings::new(complete()).await;
    let around = around.setting("[chat.discord.channels]", prefixed);
    misses(around, &["`prefix` needs the Message Content Intent"]).await;

    let guild = Guild { privileged_intents: MESSAGE_CONTENT, ..complete() };
    let around = Surroundings::new(guild).await;
    let around = around.setting("[chat.discord.channels]", prefixed);
    misses(around, &["`nudge-after` reaches nobody", "Server Members Intent"]).await;
}

#[tokio::test]
async fn a_permission_that_is_denied_in_a_channel() {
    for (denied, named) in [
        (may::SEND_MESSAGES, "Send Messages (to answer)"),
        (may::EMBED_LINKS, "Embed Links"),
        (may::ATTACH_FILES, "Attach Files"),
        (may::ADD_REACTIONS, "Add Reactions"),
        (may::READ_MESSAGE_HISTORY, "Read Message History"),
        (may::MANAGE_MESSAGES, "Manage Messages"),
        (may::CREATE_PUBLIC_THREADS, "Create Public Threads"),
        (may::SEND_MESSAGES_IN_THREADS, "Send Messages in Threads"),
    ] {
        let around = Surroundings::new(complete()).await;
        around.fake.deny_bot(2001, denied);
        misses(around, &["In #staging-only (2001) Shipmate lacks", named]).await;
    }
}

#[tokio::test]
async fn a_channel_that_it_does_not_see() {
    let around = Surroundings::new(complete()).await;
    let hidden = Overwrite { id: 1000, of_member: false, allow: 0, deny: may::VIEW_CHANNEL };
    around.fake.overwrite(2001, hidden);
    misses(around, &["Shipmate does not see the channel 2001"]).await;
}

#[tokio::test]
async fn what_the_settings_name_and_there_is_not() {
    let around = Surroundings::new(complete()).await;
    let around = around.setting("2001 = [\"staging\"]", "2009 = [\"staging\"]");
    misses(around, &["There is no channel 2009"]).await;

    let around = Surroundings::new(complete()).await;
    let around = around.setting("discord = [\"3003\"]", "discord = [\"3009\"]");
    misses(around, &["There is no role 3009", "`on-call`", "Was 3003 meant, `on-call`?"]).await;
}

#[tokio::test]
async fn a_role_that_cannot_be_called() {
    let mut guild = complete();
    for role in guild.roles.iter_mut().filter(|role| role.id == 3002) {
        role.mentionable = false;
    }
    let around = Surroundings::new(guild).await;
    misses(around, &["Nobody would notice that `release-manager` is called"]).await;
}

#[tokio::test]
async fn interactions_that_would_go_another_way() {
    let around = Surroundings::new(complete()).await;
    let key = format!("public-key = \"{}\"\n[chat.discord.channels]", "ab".repeat(32));
    let around = around.setting("[chat.discord.channels]", &key);
    let (status, report) = around.run(&CHECK).await;
    assert!(!status.success());
    assert!(report.contains("✗ `public-key` is not that of the application"), "{report}");
    assert!(report.contains(&around.fake.public_key_hex()), "{report}");
    assert!(report.contains("✗ Discord does not know where to send interactions"), "{report}");
}
