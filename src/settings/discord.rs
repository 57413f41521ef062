//! Discord as the settings describe it, checked: where, of what, and with which token. Nothing
//! here speaks to Discord, and whether what is named exists there is not known.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use reqwest::Url;

use super::check::{check_some_time, duration, environments, required};
use super::error::Problem;
use super::findings::Findings;
use super::keys;
use super::raw::{RawChat, RawDiscord};
use super::token::TokenSource;
use crate::domain::channel::Channels;
use crate::domain::environment::Environments;
use crate::domain::id::{ChannelId, EnvironmentName};

/// How Shipmate is spoken to on Discord.
#[derive(Clone, Debug)]
pub struct Discord {
    pub guild: GuildId,
    /// Never empty, and every environment has one. Ids are in Discord's own spelling.
    pub channels: Channels,
    /// With what a line to Shipmate may begin, besides a mention.
    pub prefix: Option<String>,
    /// The role that is called when a plan waits for votes.
    pub call: Option<RoleId>,
    /// For how long something waits until those who can unblock it are told so; never zero.
    pub nudge_after: Option<Duration>,
    /// Where it is set, interactions come by HTTP and are signed by this Ed25519 key.
    pub public_key: Option<[u8; 32]>,
    /// The server to speak to instead of `https://discord.com`, without a slash at its end.
    pub api: Option<String>,
    /// The gateway instead of the one that the API names, without a slash at its end.
    pub gateway: Option<String>,
    pub(super) token: TokenSource,
}

/// A Discord server; never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GuildId(pub u64);

/// A role in a Discord server; never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleId(pub u64);

impl fmt::Display for GuildId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Display for RoleId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The path of a key of `[chat.discord]`.
fn at(key: &'static str) -> [&'static str; 3] {
    ["chat", "discord", key]
}

/// Checks `[chat]`. `None`: it has no chat, and that was reported.
pub(super) fn discord(raw: &RawChat, listens: bool, findings: &mut Findings) -> Option<Discord> {
    let Some(raw) = &raw.discord else {
        if !findings.is_given(&["chat", "discord"]) {
            let (key, example) = ("chat.discord".to_owned(), "[chat.discord]".to_owned());
            findings.report(&["chat"], Problem::MissingKey { key, example });
        }
        return None;
    };
    let guild = required(&at("guild"), raw.guild.as_ref(), findings);
    let guild = id(&at("guild"), &guild, findings).unwrap_or_default();
    let rooms = rooms(raw, findings);
    let announce = raw.announce.as_deref().and_then(|text| announce(text, &rooms, findings));
    let prefix = raw.prefix.as_deref().map(|text| prefix(text, findings));
    let call = raw.call.as_deref().and_then(|text| id(&at("call"), text, findings));
    let nudge_after = raw.nudge_after.as_deref();
    let nudge_after = nudge_after.and_then(|text| duration(&at("nudge-after"), text, findings));
    check_some_time(&at("nudge-after"), nudge_after, findings);
    Some(Discord {
        guild: GuildId(guild),
        channels: Channels { rooms, announce },
        prefix,
        call: call.map(RoleId),
        nudge_after,
        public_key: raw.public_key.as_deref().and_then(|text| public_key(text, listens, findings)),
        api: server("api", raw.api.as_deref(), ("https", "http"), findings),
        gateway: server("gateway", raw.gateway.as_deref(), ("wss", "ws"), findings),
        token: TokenSource::of(raw.token.as_deref(), raw.token_file.as_deref(), findings),
    })
}

/// Reads an id of Discord's: decimal digits as Discord itself writes them. Reports anything
/// else, except the empty text that stands in for what was reported already.
pub(super) fn id(path: &[&str], text: &str, findings: &mut Findings) -> Option<u64> {
    let number =
        text.parse().ok().filter(|number: &u64| *number != 0 && number.to_string() == text);
    if number.is_none() && !text.is_empty() {
        // An item of a list has the example of its list.
        let pattern = keys::pattern(path);
        let around = pattern.get(..pattern.len().saturating_sub(1)).unwrap_or_default();
        let example = keys::leaf(&pattern).or_else(|| keys::leaf(around));
        let example = example.map(|key| key.example).unwrap_or_default();
        findings.report(path, Problem::NotAnId { key: path.join("."), example });
    }
    number
}

/// The channels, with the environments that may be spoken of there.
fn rooms(
    raw: &RawDiscord,
    findings: &mut Findings,
) -> BTreeMap<ChannelId, BTreeSet<EnvironmentName>> {
    let path = at("channels");
    // What is no table, and channels that are no lists, were reported already.
    let none = match &raw.channels {
        Some(channels) => channels.is_empty() && findings.names_in(&path).is_empty(),
        None => !findings.is_given(&path),
    };
    if none {
        let example = keys::example_line(&["chat", "discord", "channels", keys::ID]);
        findings.report(&path, Problem::NoChannels { example });
    }
    let rooms = raw.channels.iter().flatten().map(|(channel, listed)| {
        let [chat, discord, channels] = path;
        let key = [chat, discord, channels, channel];
        id(&key, channel, findings);
        let nothing = Problem::NoEnvironmentOfChannel { channel: channel.clone() };
        (ChannelId::new(channel), environments(&key, listed, nothing, findings))
    });
    rooms.collect()
}

fn announce(
    text: &str,
    rooms: &BTreeMap<ChannelId, BTreeSet<EnvironmentName>>,
    findings: &mut Findings,
) -> Option<ChannelId> {
    let path = at("announce");
    id(&path, text, findings)?;
    let channel = ChannelId::new(text);
    if !rooms.contains_key(&channel) && !rooms.is_empty() {
        let known = rooms.keys().map(ToString::to_string).collect();
        findings.report(&path, Problem::AnnounceNowhere { channel: text.to_owned(), known });
    }
    Some(channel)
}

/// What Discord itself reads in the first character would never come as a line to Shipmate, or
/// would be a quote or a mention.
fn prefix(text: &str, findings: &mut Findings) -> String {
    let word = !text.contains(char::is_whitespace) && text.chars().count() <= 32;
    if !word || text.starts_with(['/', '@', '<', '>']) {
        findings.report(&at("prefix"), Problem::BadPrefix);
    }
    text.to_owned()
}

fn public_key(text: &str, listens: bool, findings: &mut Findings) -> Option<[u8; 32]> {
    let path = at("public-key");
    if !listens && !findings.is_given(&["web"]) {
        let example = keys::example_line(&["web", "listen"]);
        findings.report(&path, Problem::NothingListens { example });
    }
    let key = key_of(text);
    if key.is_none() {
        findings.report(&path, Problem::BadPublicKey);
    }
    key
}

/// The bytes that these 64 hex digits are.
fn key_of(text: &str) -> Option<[u8; 32]> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let bytes: Vec<u8> = digits?
        .chunks(2)
        .filter_map(|pair| match pair {
            [high, low] => u8::try_from(high * 16 + low).ok(),
            _ => None,
        })
        .collect();
    // An odd digit more would have been left over.
    if text.len() == 64 { bytes.try_into().ok() } else { None }
}

/// Another server than Discord's. Plain text would show the token to whoever is on the way, so
/// it never leaves the machine.
fn server(
    key: &'static str,
    text: Option<&str>,
    (secure, plain): (&'static str, &'static str),
    findings: &mut Findings,
) -> Option<String> {
    let text = text?;
    let fits = Url::parse(text).is_ok_and(|url| {
        let host = url.host_str().unwrap_or_default();
        let bare = url.username().is_empty()
            && url.password().is_none()
            && url.path().trim_start_matches('/').is_empty()
            && url.query().is_none()
            && url.fragment().is_none();
        let safe = url.scheme() == secure || (url.scheme() == plain && is_loopback(host));
        bare && safe && !host.is_empty()
    });
    if !fits {
        findings.report(&at(key), Problem::BadServer { key: at(key).join("."), secure, plain });
    }
    Some(text.trim_end_matches('/').to_owned())
}

/// `host` is as urls have it, so an IPv6 address stands in brackets.
pub(super) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// An environment of which nobody can speak can never be promoted to.
pub(super) fn check_none_unspoken(
    chat: Option<&Discord>,
    environments: &Environments,
    findings: &mut Findings,
) {
    let Some(chat) = chat else { return };
    let unspoken = environments.0.keys().filter(|name| chat.channels.about(name).next().is_none());
    let environments: Vec<String> = unspoken.map(ToString::to_string).collect();
    if !environments.is_empty() {
        findings.report(&at("channels"), Problem::NoChannelAbout { environments });
    }
}
