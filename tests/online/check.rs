//! `check --online`: every finding as people read it.

use std::collections::BTreeSet;

use insta::assert_snapshot;
use serenity::model::channel::ChannelType;
use serenity::model::id::{GuildId, RoleId};
use shipmate::chat::discord::check::{Expected, NoAnswer, Nudges, check};
use shipmate::chat::discord::permissions::needed;
use shipmate::domain::channel::Channels;
use shipmate::domain::id::Role;

use super::{
    Answers, GUILD, OWN, application, channel, guild, member, overwrite, read, role, user,
};

/// The flags of an application with both privileged intents. The limited ones, of applications
/// that Discord has not verified, are one bit further up.
const MEMBERS: u64 = 1 << 14;
const CONTENT: u64 = 1 << 18;
const EMBED: u64 = 1 << 14;
const MENTION: u64 = 1 << 17;

/// Settings that the Discord of [`sound`] has everything for.
fn expected() -> Expected {
    let environments = || ["staging".into()].into();
    Expected {
        guild: GuildId::new(GUILD),
        channels: Channels {
            rooms: [("2000".into(), environments()), ("2001".into(), environments())].into(),
            announce: Some("2000".into()),
        },
        roles: [
            (RoleId::new(3001), [Role::from("developer")].into()),
            (RoleId::new(3002), [Role::from("release-manager")].into()),
        ]
        .into(),
        call: Some(RoleId::new(3002)),
        prefix: Some("!ship".to_owned()),
        nudges: Some(Nudges { people_are_named: false }),
        public_key: None,
    }
}

fn sound() -> Answers {
    let mut guild = guild(vec![
        role(GUILD, "@everyone", 0),
        role(3001, "Developers", 0),
        role(3002, "Release Managers", 0),
        role(3003, "On Call", 0),
        role(OWN, "Shipmate", needed().bits()),
    ]);
    guild.roles.get_mut(&RoleId::new(3002)).unwrap().mentionable = true;
    Answers {
        me: Ok(read(user())),
        application: Ok(application(MEMBERS | CONTENT)),
        guild: Ok(guild),
        member: Ok(member(&[OWN])),
        channels: [
            (2000, Ok(channel(2000, "deploys", vec![]))),
            (2001, Ok(channel(2001, "staging", vec![]))),
        ]
        .into(),
        commands: Ok(Vec::new()),
    }
}

async fn told(answers: &Answers, expected: &Expected) -> String {
    let findings = check(answers, expected).await;
    findings.iter().map(|finding| format!("{finding}\n")).collect()
}

/// What is told beyond what is told where all is well.
async fn wrong(answers: &Answers, expected: &Expected) -> String {
    let told = told(answers, expected).await;
    let lines: Vec<&str> = told.lines().filter(|line| !line.starts_with('✓')).collect();
    lines.join("\n")
}

#[tokio::test]
async fn all_is_well() {
    assert_snapshot!(told(&sound(), &expected()).await);
}

#[tokio::test]
async fn the_limited_intents_of_small_applications_are_enough() {
    let limited = Answers { application: Ok(application((MEMBERS | CONTENT) << 1)), ..sound() };
    assert_eq!(wrong(&limited, &expected()).await, "");
}

#[tokio::test]
async fn a_wrong_token() {
    let answers = Answers { me: Err(NoAnswer::Unauthorized), ..sound() };
    assert_snapshot!(told(&answers, &expected()).await);
}

#[tokio::test]
async fn discord_that_is_away() {
    let away = || NoAnswer::Unavailable("503 Service Unavailable".to_owned());
    let nothing = Answers { me: Err(away()), ..sound() };
    let mut told_of = told(&nothing, &expected()).await;
    let little =
        Answers { application: Err(away()), commands: Err(away()), member: Err(away()), ..sound() };
    told_of.push_str(&told(&little, &expected()).await);
    let no_guild = Answers { guild: Err(away()), ..sound() };
    told_of.push_str(&wrong(&no_guild, &expected()).await);
    let mut no_channel = sound();
    no_channel.channels.insert(2000, Err(away()));
    told_of.push('\n');
    told_of.push_str(&wrong(&no_channel, &expected()).await);
    assert_snapshot!(told_of);
}

#[tokio::test]
async fn not_in_the_server() {
    let answers = Answers { guild: Err(NoAnswer::NotFound), ..sound() };
    assert_snapshot!(told(&answers, &expected()).await);
    let forbidden = Answers { guild: Err(NoAnswer::Forbidden), ..sound() };
    assert_eq!(told(&forbidden, &expected()).await, told(&answers, &expected()).await);
}

#[tokio::test]
async fn no_slash_commands() {
    let answers = Answers { commands: Err(NoAnswer::Forbidden), ..sound() };
    assert_snapshot!(wrong(&answers, &expected()).await);
}

#[tokio::test]
async fn intents_that_are_off() {
    let answers = Answers { application: Ok(application(0)), ..sound() };
    assert_snapshot!(wrong(&answers, &expected()).await);
    // Neither is asked for without need.
    let nudges = Some(Nudges { people_are_named: true });
    let modest = Expected { prefix: None, nudges, ..expected() };
    assert_eq!(wrong(&answers, &modest).await, "");
    let modest = Expected { prefix: None, nudges: None, ..expected() };
    assert_eq!(wrong(&answers, &modest).await, "");
}

#[tokio::test]
async fn interactions_by_http() {
    let with = |url: Option<&str>| {
        let mut application = application(MEMBERS | CONTENT);
        application.interactions_endpoint_url = url.map(str::to_owned);
        Answers { application: Ok(application), ..sound() }
    };
    let by_http = |byte| Expected { public_key: Some([byte; 32]), ..expected() };
    let mut told_of = String::new();
    for (what, answers, expected) in [
        ("another key", with(Some("https://bot.acme.dev/discord/interactions")), by_http(0xcd)),
        ("no address", with(None), by_http(0xab)),
        ("another address", with(Some("https://bot.acme.dev/hook")), by_http(0xab)),
        ("an address, and no key", with(Some("https://bot.acme.dev/hook")), expected()),
    ] {
        told_of.push_str(&format!("{what}:\n{}\n", wrong(&answers, &expected).await));
    }
    assert_snapshot!(told_of);
    let right = with(Some("https://bot.acme.dev/discord/interactions"));
    assert_eq!(wrong(&right, &by_http(0xab)).await, "");
}

#[tokio::test]
async fn roles_that_are_not_there() {
    let mut expected = expected();
    let gives =
        |roles: &[&str]| -> BTreeSet<Role> { roles.iter().map(|role| (*role).into()).collect() };
    expected.roles = [
        (RoleId::new(3091), gives(&["on-call", "developer"])),
        (RoleId::new(3002), gives(&["release-manager"])),
        (RoleId::new(3092), gives(&["auditor"])),
    ]
    .into();
    expected.call = Some(RoleId::new(3093));
    assert_snapshot!(wrong(&sound(), &expected).await);
}

#[tokio::test]
async fn channels_in_which_shipmate_can_do_nothing() {
    let mut told_of = String::new();
    let elsewhere = {
        let mut channel = channel(2000, "deploys", vec![]);
        channel.guild_id = GuildId::new(1001);
        Ok(channel)
    };
    let forum = {
        let mut channel = channel(2000, "deploys", vec![]);
        channel.kind = ChannelType::Forum;
        Ok(channel)
    };
    for (what, answer) in [
        ("not there", Err(NoAnswer::NotFound)),
        ("not seen", Err(NoAnswer::Forbidden)),
        ("elsewhere", elsewhere),
        ("a forum", forum),
    ] {
        let mut answers = sound();
        // It is where things are announced, and the other one is not.
        answers.channels.insert(2001, answer.clone());
        answers.channels.insert(2000, answer);
        told_of.push_str(&format!("{what}:\n{}\n", wrong(&answers, &expected()).await));
    }
    assert_snapshot!(told_of);
}

#[tokio::test]
async fn permissions_that_are_missing() {
    let mut answers = sound();
    let closed = overwrite(OWN, 0, EMBED | 1 << 15 | 1 << 6);
    answers.channels.insert(2000, Ok(channel(2000, "deploys", vec![closed])));
    let told_of = wrong(&answers, &expected()).await;
    // Somebody took away the role that Discord made.
    let mut bare = Answers { member: Ok(member(&[])), ..sound() };
    let told_of = format!("{told_of}\n{}", wrong(&bare, &expected()).await);
    // One channel would deny something all the same, and another allows all by itself.
    let denies = overwrite(GUILD, 0, EMBED);
    bare.channels.insert(2000, Ok(channel(2000, "deploys", vec![denies])));
    let allows = overwrite(GUILD, needed().bits(), 0);
    bare.channels.insert(2001, Ok(channel(2001, "staging", vec![allows])));
    assert_snapshot!(format!("{told_of}\n{}", wrong(&bare, &expected()).await));
}

#[tokio::test]
async fn a_role_that_cannot_be_called() {
    let mut answers = sound();
    let guild = answers.guild.as_mut().unwrap();
    guild.roles.get_mut(&RoleId::new(3002)).unwrap().mentionable = false;
    assert_snapshot!(wrong(&answers, &expected()).await);
    // Where Shipmate may mention everybody it need not be mentionable.
    let may = channel(2000, "deploys", vec![overwrite(OWN, MENTION, 0)]);
    answers.channels.insert(2000, Ok(may));
    let told_of = wrong(&answers, &expected()).await;
    assert!(told_of.contains("#staging") && !told_of.contains("#deploys"), "{told_of}");
    let silent = Expected { call: None, ..expected() };
    assert_eq!(wrong(&answers, &silent).await, "");
}
