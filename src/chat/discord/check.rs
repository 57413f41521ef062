//! `check --online`: whether Discord has what the settings name and lets Shipmate do what it
//! must, as sentences that say what to do. Neither the settings nor how Discord is asked is
//! known here: both are handed in.

mod intents;
mod rooms;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use async_trait::async_trait;
use serenity::model::application::{Command, CurrentApplicationInfo};
use serenity::model::channel::GuildChannel;
use serenity::model::guild::{Member, PartialGuild, Role as GuildRole};
use serenity::model::id::{ApplicationId, ChannelId, GuildId, RoleId, UserId};
use serenity::model::user::CurrentUser;

use super::permissions::invite_url;
use crate::domain::channel::Channels;
use crate::domain::id::Role;

/// What is asked of Discord. Everything is only read.
#[async_trait]
pub trait Asking: Send + Sync {
    /// `GET /users/@me`.
    async fn me(&self) -> Result<CurrentUser, NoAnswer>;
    /// `GET /applications/@me`.
    async fn application(&self) -> Result<CurrentApplicationInfo, NoAnswer>;
    /// `GET /guilds/{guild}`; its roles are in it.
    async fn guild(&self, guild: GuildId) -> Result<PartialGuild, NoAnswer>;
    /// `GET /guilds/{guild}/members/{user}`.
    async fn member(&self, guild: GuildId, user: UserId) -> Result<Member, NoAnswer>;
    /// `GET /channels/{channel}`; one that is in no server is [`NoAnswer::NotFound`].
    async fn channel(&self, channel: ChannelId) -> Result<GuildChannel, NoAnswer>;
    /// `GET /applications/{application}/guilds/{guild}/commands`.
    async fn commands(
        &self,
        application: ApplicationId,
        guild: GuildId,
    ) -> Result<Vec<Command>, NoAnswer>;
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    #[error("there is no such thing")]
    NotFound,
    #[error("Shipmate may not ask that")]
    Forbidden,
    #[error("the token is not taken")]
    Unauthorized,
    /// Not reached, or a fault of Discord's; with what is known of it.
    #[error("{0}")]
    Unavailable(String),
}

/// What the settings say that Discord should have.
#[derive(Clone, Debug)]
pub struct Expected {
    pub guild: GuildId,
    pub channels: Channels,
    /// The Discord roles that give roles of ours.
    pub roles: BTreeMap<RoleId, BTreeSet<Role>>,
    /// The role that is called when a plan waits for votes.
    pub call: Option<RoleId>,
    pub prefix: Option<String>,
    pub nudges: Option<Nudges>,
    /// The application's public key, where interactions should come by HTTP.
    pub public_key: Option<[u8; 32]>,
}

/// People are told that something waits for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nudges {
    /// Whether the settings name somebody who holds a role by an id of Discord's: they can be
    /// told without asking who holds a Discord role.
    pub people_are_named: bool,
}

/// What was found, in whole sentences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    Good(String),
    /// Something is wrong; the text says what to do.
    Bad(String),
    /// Discord did not say.
    Unknown(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Good(text) => write!(formatter, "✓ {text}"),
            Self::Bad(text) => write!(formatter, "✗ {text}"),
            Self::Unknown(text) => write!(formatter, "? {text}"),
        }
    }
}

/// Asks Discord for all that the settings name. Stops early only where nothing else could be
/// asked.
pub async fn check(asking: &dyn Asking, expected: &Expected) -> Vec<Finding> {
    let me = match asking.me().await {
        Ok(me) => me,
        Err(why) => return vec![unanswered("who Shipmate is", &why)],
    };
    let mut findings =
        vec![Finding::Good(format!("Discord takes the token: Shipmate is `{}` there.", me.name))];
    let application = match asking.application().await {
        Ok(application) => {
            intents::check(&application, expected, &mut findings);
            application.id
        }
        Err(why) => {
            findings.push(unanswered("anything about the application", &why));
            // For all but very old applications the two ids are the same.
            ApplicationId::new(me.id.get())
        }
    };
    let guild = match asking.guild(expected.guild).await {
        Ok(guild) => guild,
        Err(why) => {
            findings.push(not_in_the_guild(expected.guild, application, &why));
            return findings;
        }
    };
    findings.push(Finding::Good(format!("The server is `{}` ({}).", guild.name, guild.id)));
    findings.push(commands(asking, application, &guild).await);
    roles(&guild, expected, &mut findings);
    match asking.member(guild.id, me.id).await {
        Ok(member) => {
            let there = rooms::There { guild: &guild, member: &member, application };
            rooms::check(asking, expected, there, &mut findings).await;
        }
        Err(why) => findings.push(unanswered("which roles Shipmate has", &why)),
    }
    findings
}

/// For what Discord does not answer though it should.
fn unanswered(what: &str, why: &NoAnswer) -> Finding {
    match why {
        NoAnswer::Unauthorized => Finding::Bad(
            "Discord does not take the token. At https://discord.com/developers/applications \
             open the application, there the page Bot, choose Reset Token, and write the new \
             token into the file of `token-file`, or wherever \
             SHIPMATE__CHAT__DISCORD__TOKEN is set."
                .to_owned(),
        ),
        NoAnswer::NotFound | NoAnswer::Forbidden | NoAnswer::Unavailable(_) => {
            Finding::Unknown(format!("Discord did not say {what}: {why}. Check again later."))
        }
    }
}

fn not_in_the_guild(guild: GuildId, application: ApplicationId, why: &NoAnswer) -> Finding {
    match why {
        NoAnswer::NotFound | NoAnswer::Forbidden => Finding::Bad(format!(
            "Shipmate is not in the server {guild}. Add it: {} Or correct `guild` in the settings.",
            invite_url(application)
        )),
        NoAnswer::Unauthorized | NoAnswer::Unavailable(_) => {
            unanswered("anything about the server", why)
        }
    }
}

async fn commands(
    asking: &dyn Asking,
    application: ApplicationId,
    guild: &PartialGuild,
) -> Finding {
    match asking.commands(application, guild.id).await {
        Ok(commands) if commands.is_empty() => Finding::Good(
            "Slash commands are allowed; Shipmate registers them when it starts.".to_owned(),
        ),
        Ok(commands) => {
            Finding::Good(format!("Slash commands: {} are registered.", commands.len()))
        }
        Err(NoAnswer::NotFound | NoAnswer::Forbidden) => Finding::Bad(format!(
            "`{}` does not let Shipmate have slash commands: the scope applications.commands is \
             missing. Add Shipmate once more: {}",
            guild.name,
            invite_url(application)
        )),
        Err(why @ (NoAnswer::Unauthorized | NoAnswer::Unavailable(_))) => {
            unanswered("which slash commands there are", &why)
        }
    }
}

/// Every role that the settings name exists.
fn roles(guild: &PartialGuild, expected: &Expected, findings: &mut Vec<Finding>) {
    let before = findings.len();
    for (id, gives) in &expected.roles {
        if guild.roles.contains_key(id) {
            continue;
        }
        let names: Vec<String> = gives.iter().map(|role| format!("`{role}`")).collect();
        findings.push(Finding::Bad(format!(
            "There is no role {id} in `{}`, so it gives {} to nobody. {}",
            guild.name,
            listed(&names),
            instead(guild, gives, expected)
        )));
    }
    if let Some(call) = expected.call
        && !guild.roles.contains_key(&call)
    {
        let nothing = BTreeSet::new();
        let gives = expected.roles.get(&call).unwrap_or(&nothing);
        findings.push(Finding::Bad(format!(
            "There is no role {call} in `{}`, so `call` calls nobody. {}",
            guild.name,
            instead(guild, gives, expected)
        )));
    }
    if findings.len() == before && !expected.roles.is_empty() {
        findings.push(Finding::Good("All Discord roles of the settings exist.".to_owned()));
    }
}

/// Which role may have been meant instead of one that is not there: one whose name is like that
/// of a role which it gives, and which the settings do not name yet.
fn instead(guild: &PartialGuild, gives: &BTreeSet<Role>, expected: &Expected) -> String {
    /// Below this, what Jaro-Winkler finds alike no longer looks alike to people.
    const ALIKE: f64 = 0.8;
    let plain = |name: &str| name.to_lowercase().replace([' ', '_'], "-");
    let likeness = |role: &GuildRole| {
        let name = plain(&role.name);
        let each = gives.iter().map(|ours| strsim::jaro_winkler(&plain(ours.as_str()), &name));
        each.fold(0.0, f64::max)
    };
    let free = guild.roles.values().filter(|role| !expected.roles.contains_key(&role.id));
    let alike = free.map(|role| (likeness(role), role)).filter(|(likeness, _)| *likeness >= ALIKE);
    // The id decides where two names are equally near, so that the answer is always the same.
    let nearest =
        alike.max_by(|(one, a), (other, b)| one.total_cmp(other).then_with(|| b.id.cmp(&a.id)));
    match nearest {
        Some((_, role)) => format!("Was {} meant, `{}`? Correct the settings.", role.id, role.name),
        None => "Copy the id under Server Settings, Roles (a right click, Copy Role ID), into \
                 the settings."
            .to_owned(),
    }
}

/// As a sentence has it: "a, b and c".
fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}
