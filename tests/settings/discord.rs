//! Discord in the settings: what loads, and each thing that can be wrong.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use shipmate::domain::id::{ChannelId, EnvironmentName, PersonId, Role};
use shipmate::settings::{Discord, GuildId, RoleId, Settings};

use super::{SHIPPED, SMALL, parse, wrong};

/// The example that ships.
pub(super) const EXAMPLE: &str = include_str!("../../docs/discord.toml");

/// A chat behind [`SMALL`]; line 15 is the first after it.
const CHAT: &str = r#"[chat.discord]
token-file = "/run/secrets/discord-token"
guild = "1000"
channels = { "2000" = ["staging"] }
"#;

const KEY: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

fn discord(text: &str, variables: &[(&str, &str)]) -> Discord {
    parse(text, variables).unwrap().chat.unwrap()
}

/// What is wrong with a chat that has this line too.
fn with(line: &str) -> String {
    wrong(&format!("{SMALL}{CHAT}{line}\n"), &[])
}

#[test]
fn the_example_means_what_it_says() {
    let settings = parse(EXAMPLE, &[]).unwrap();
    let discord = settings.chat.unwrap();
    assert_eq!(discord.guild, GuildId(1000));
    assert_eq!(discord.call, Some(RoleId(3002)));
    assert_eq!(discord.nudge_after, Some(Duration::from_secs(600)));
    assert_eq!((discord.prefix, discord.public_key), (None, None));
    assert_eq!((discord.api, discord.gateway), (None, None));

    let channel = ChannelId::from;
    let (staging, production) =
        (EnvironmentName::from("staging"), EnvironmentName::from("production"));
    assert_eq!(discord.channels.announce, Some(channel("2000")));
    assert!(discord.channels.allows(&channel("2000"), &production));
    assert!(!discord.channels.allows(&channel("2001"), &production));
    assert_eq!(discord.channels.about(&staging).count(), 2);

    let listen = settings.web.map(|web| web.listen);
    assert_eq!(listen, Some("127.0.0.1:8080".parse().unwrap()));
    assert_eq!(settings.role_holders[&RoleId(3002)], [Role::from("release-manager")].into());
    assert_eq!(settings.role_holders.len(), 3);
    let named = settings.people.roles_of(&PersonId::from("4001"));
    assert_eq!(named, [Role::from("release-manager")].into());
    assert_eq!(settings.roles.len(), 3);
}

/// What stands in the example's comments loads as well.
#[test]
fn every_key_that_there_is_loads() {
    let text = EXAMPLE.replace("\n# prefix ", "\nprefix ").replace("\n# api ", "\napi ");
    let text = text.replace("\n# gateway ", "\ngateway ").replace("\n# public-key", "\npublic-key");
    let discord = discord(&text.replace("\"…\"", &format!("\"{KEY}\"")), &[]);
    assert_eq!(discord.prefix.as_deref(), Some("!ship"));
    assert_eq!(discord.api.as_deref(), Some("http://127.0.0.1:3100"));
    assert_eq!(discord.gateway.as_deref(), Some("ws://127.0.0.1:3101"));
    let key = discord.public_key.unwrap();
    assert_eq!((key[0], key[1], key[31]), (0xd7, 0x5a, 0x1a));
}

#[test]
fn the_shipped_settings_have_no_discord() {
    let settings = parse(SHIPPED, &[]).unwrap();
    assert!(settings.chat.is_none());
    assert!(settings.web.is_none());
    assert!(settings.role_holders.is_empty());
}

#[test]
fn the_example_can_be_checked_where_there_is_no_token() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/discord.toml");
    assert!(Settings::read(&path, []).unwrap().chat.is_some());
    // And with the policies that ship it fits together.
    let checked = shipmate::app::check(&path, Vec::new(), Timestamp::UNIX_EPOCH);
    assert!(checked.sound, "{}", checked.report);
}

#[test]
fn one_discord_role_may_give_several_of_ours_also_without_the_chat() {
    let roles = "[roles]\na = { discord = [\"7\", \"8\"] }\nb = { discord = [\"7\"], people = [] }";
    let settings = parse(&format!("{SMALL}{roles}"), &[]).unwrap();
    let both: BTreeSet<Role> = [Role::from("a"), Role::from("b")].into();
    assert_eq!(settings.role_holders[&RoleId(7)], both);
    assert_eq!(settings.role_holders[&RoleId(8)], [Role::from("a")].into());
    assert!(settings.chat.is_none());
}

#[test]
fn variables_win_over_the_file() {
    let settings = parse(
        EXAMPLE,
        &[
            ("SHIPMATE__CHAT__DISCORD__GUILD", "18446744073709551615"),
            ("SHIPMATE__CHAT__DISCORD__CHANNELS__2001", "production, staging"),
            ("SHIPMATE__CHAT__DISCORD__NUDGE_AFTER", "1h"),
            ("SHIPMATE__ROLES__ON_CALL__DISCORD", "3003,3004"),
            ("SHIPMATE__WEB__LISTEN", "[::1]:9"),
        ],
    );
    let settings = settings.unwrap();
    assert_eq!(settings.web.unwrap().listen.port(), 9);
    assert_eq!(settings.role_holders[&RoleId(3004)], [Role::from("on-call")].into());
    let discord = settings.chat.unwrap();
    assert_eq!(discord.guild, GuildId(u64::MAX));
    assert_eq!(discord.nudge_after, Some(Duration::from_secs(3600)));
    let production = EnvironmentName::from("production");
    assert!(discord.channels.allows(&ChannelId::from("2001"), &production));

    // Channels stand in the file first, like names.
    let told = wrong(EXAMPLE, &[("SHIPMATE__CHAT__DISCORD__CHANNELS__2002", "staging")]);
    let unknown = "SHIPMATE__CHAT__DISCORD__CHANNELS__2002: no setting has this name; did you mean";
    assert!(told.starts_with(unknown), "{told}");
    // Nobody means a chat by its token alone.
    assert!(
        wrong(SHIPPED, &[("SHIPMATE__CHAT__DISCORD__TOKEN", "x")])
            .starts_with("SHIPMATE__CHAT__DISCORD__TOKEN: `chat.discord.guild` is missing;")
    );
}

#[test]
fn ids_are_digits_in_quotes() {
    let guild = |value: &str| wrong(&format!("{SMALL}{}", CHAT.replace("\"1000\"", value)), &[]);
    assert_eq!(
        guild("1000"),
        "shipmate.toml:13:9: `chat.discord.guild` is a number, but it must be text in quotes, for \
         example: guild = \"1000\""
    );
    for value in ["0", "01", "+1", "-1", "1.5", "abc", " 1", "18446744073709551616", "١"] {
        assert_eq!(
            guild(&format!("\"{value}\"")),
            "shipmate.toml:13:9: `chat.discord.guild` is not an id of Discord's; write its digits \
             in quotes, for example \"1000\"",
            "{value}"
        );
    }
    assert_eq!(
        with("call = \"@releases\""),
        "shipmate.toml:15:8: `chat.discord.call` is not an id of Discord's; write its digits in \
         quotes, for example \"3002\""
    );
    let roles = "[roles]\na = { discord = [3001, \"x\", \"3001\", \"3001\"] }";
    assert_eq!(
        wrong(&format!("{SMALL}{roles}"), &[]),
        "shipmate.toml:12:18: `roles.a.discord.0` is a number, but it must be text in quotes, for \
         example: discord = [\"3001\"]\n\
         shipmate.toml:12:24: `roles.a.discord.1` is not an id of Discord's; write its digits in \
         quotes, for example [\"3001\"]\n\
         shipmate.toml:12:37: `roles.a.discord` lists `3001` twice; keep one"
    );
}

#[test]
fn what_is_missing_is_told_with_an_example() {
    assert_eq!(
        wrong(&format!("{SMALL}[chat.discord]"), &[]),
        "shipmate.toml:11:7: `chat.discord.guild` is missing; add it, for example: guild = \
         \"1000\"\n\
         shipmate.toml:11:7: Discord's token is not given; name a file that holds it, for \
         example: token-file = \"/run/secrets/discord-token\", or set \
         SHIPMATE__CHAT__DISCORD__TOKEN\n\
         shipmate.toml:11:7: there is no channel; add for example: channels = { \"2000\" = \
         [\"staging\", \"production\"] }"
    );
    assert_eq!(
        wrong(&format!("{SMALL}[chat]"), &[]),
        "shipmate.toml:11:2: `chat.discord` is missing; add it, for example: [chat.discord]"
    );
    assert_eq!(
        wrong(&format!("{SMALL}[web]"), &[]),
        "shipmate.toml:11:2: `web.listen` is missing; add it, for example: listen = \
         \"127.0.0.1:8080\""
    );
    assert_eq!(
        wrong(&format!("{SMALL}[chat.dicsord]\nguild = \"1\""), &[]),
        "shipmate.toml:11:2: `chat.discord` is missing; add it, for example: [chat.discord]\n\
         shipmate.toml:11:7: `dicsord` is no key of `chat`; did you mean `discord`?"
    );
    assert_eq!(
        wrong(&format!("{SMALL}[roles]\na = {{}}"), &[]),
        "shipmate.toml:12:1: `roles.a` does not say who holds the role; add people = \
         [\"alice\"], discord = [\"3001\"] or both"
    );
}

#[test]
fn what_is_wrong_with_channels() {
    let channels = |value: &str| {
        let line = format!("channels = {value}");
        let text = CHAT.replace("channels = { \"2000\" = [\"staging\"] }", &line);
        wrong(&format!("{SMALL}{text}"), &[])
    };
    for (value, message) in [
        (
            "{}",
            "14:1: there is no channel; add for example: channels = { \"2000\" = [\"staging\", \
             \"production\"] }",
        ),
        (
            "[\"2000\"]",
            "14:12: `chat.discord.channels` is a list, but it must be a table, for example: \
             [chat.discord.channels]",
        ),
        (
            "{ 2000 = \"staging\" }",
            "14:21: `chat.discord.channels.2000` is text, but it must be a list of texts, for \
             example: channels = { \"2000\" = [\"staging\", \"production\"] }",
        ),
        (
            "{ 2000 = [] }",
            "14:21: channel `2000` may be about no environment; write for example 2000 = \
             [\"staging\"], or remove it",
        ),
        (
            "{ 2000 = [\"stagin\"] }",
            "14:22: there is no environment `stagin`; did you mean `staging`?",
        ),
        (
            "{ 2000 = [\"moon\", \"staging\"] }",
            "14:22: there is no environment `moon`; there is `staging`",
        ),
        (
            "{ 2000 = [\"staging\", \"staging\"] }",
            "14:33: `chat.discord.channels.2000` lists `staging` twice; keep one",
        ),
        (
            "{ \"#deploys\" = [\"staging\"] }",
            "14:27: `chat.discord.channels.#deploys` is not an id of Discord's; write its digits \
             in quotes, for example { \"2000\" = [\"staging\", \"production\"] }",
        ),
    ] {
        let told = channels(value);
        let rest = told.strip_prefix("shipmate.toml:").unwrap_or(&told);
        assert_eq!(rest, message, "{value}");
    }
}

#[test]
fn announcements_go_to_one_of_the_channels() {
    assert_eq!(with("announce = \"2000\""), "(loads)");
    assert_eq!(
        with("announce = \"2002\""),
        "shipmate.toml:15:12: `2002` is none of the channels; write `2000`, or add it to \
         `channels`"
    );
}

#[test]
fn every_environment_is_spoken_of_somewhere() {
    let text = EXAMPLE.replace("2000 = [\"staging\", \"production\"]", "2000 = [\"staging\"]");
    assert_eq!(
        wrong(&text, &[]),
        "shipmate.toml:24:15: `production` may be spoken of in no channel; add it to a channel's \
         environments"
    );
}

#[test]
fn other_servers_are_spoken_to_in_plain_text_on_loopback_only() {
    for good in [
        "api = \"https://discord.example\"",
        "api = \"http://localhost:1\"",
        "api = \"http://[::1]:1/\"",
        "api = \"http://127.8.0.1\"",
        "gateway = \"wss://gateway.example:8443\"",
        "gateway = \"ws://127.0.0.1:3101\"",
    ] {
        assert_eq!(with(good), "(loads)", "{good}");
    }
    for bad in [
        "http://discord.example",
        "http://127.0.0.1.example",
        "http://localhost@discord.example",
        "https://me:hunter2@discord.example",
        "https://discord.example/api/v10",
        "https://discord.example?hunter2",
        "wss://discord.example",
        "discord.example",
        "https://",
    ] {
        assert_eq!(
            with(&format!("api = \"{bad}\"")),
            "shipmate.toml:15:7: `chat.discord.api` is no address that can be used; write \
             https://HOST, or on loopback http://127.0.0.1:PORT, with nothing behind it",
            "{bad}"
        );
    }
    assert_eq!(
        with("gateway = \"ws://gateway.example\""),
        "shipmate.toml:15:11: `chat.discord.gateway` is no address that can be used; write \
         wss://HOST, or on loopback ws://127.0.0.1:PORT, with nothing behind it"
    );
}

#[test]
fn a_public_key_needs_something_that_listens() {
    let key = format!("public-key = \"{KEY}\"");
    assert_eq!(with(&format!("{key}\n[web]\nlisten = \"0.0.0.0:80\"")), "(loads)");
    assert_eq!(
        with(&key),
        "shipmate.toml:15:14: with a `public-key` Discord sends interactions by HTTP, but nothing \
         listens; add [web] with for example: listen = \"127.0.0.1:8080\""
    );
    for bad in [&KEY[1..], &format!("{KEY}0"), &KEY.replace('d', "g"), &"ü".repeat(32)] {
        assert_eq!(
            with(&format!("public-key = \"{bad}\"\n[web]\nlisten = \"127.0.0.1:80\"")),
            "shipmate.toml:15:14: this is not the public key of a Discord application; copy its \
             64 hex digits from the page General Information in Discord's developer portal",
            "{bad}"
        );
    }
}

#[test]
fn what_is_wrong_with_the_rest() {
    for (line, message) in [
        (
            "nudge-after = \"0s\"",
            "15:15: `chat.discord.nudge-after` must be longer than no time at all; write for \
             example 10m",
        ),
        (
            "nudge-after = \"soon\"",
            "15:15: `soon` is not a length of time; write for example 30s, 10m or 1h30m",
        ),
        (
            "[web]\nlisten = \"8080\"",
            "16:10: `8080` is not an address and port; write for example \"127.0.0.1:8080\"",
        ),
    ] {
        assert_eq!(with(line), format!("shipmate.toml:{message}"));
    }
    for bad in ["/ship", "@ship", "<@1>", "> ship", "hey ship", &"!".repeat(33)] {
        assert_eq!(
            with(&format!("prefix = \"{bad}\"")),
            "shipmate.toml:15:10: a prefix is one word of at most 32 characters that does not \
             begin with `/`, `@`, `<` or `>`; write for example \"!ship\"",
            "{bad}"
        );
    }
}
