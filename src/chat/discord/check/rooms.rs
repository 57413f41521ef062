//! Whether Shipmate may do in each of its channels what it must, and call whom it should. What
//! it must do is known elsewhere; here is where to allow it.

use serenity::model::Permissions;
use serenity::model::channel::{ChannelType, GuildChannel};
use serenity::model::guild::{Member, PartialGuild};
use serenity::model::id::{ApplicationId, ChannelId};

use super::super::permissions::{self, Permission, invite_url};
use super::{Asking, Expected, Finding, NoAnswer, listed, unanswered};
use crate::domain::id::ChannelId as Room;

/// The server and Shipmate in it.
#[derive(Clone, Copy)]
pub(super) struct There<'a> {
    pub guild: &'a PartialGuild,
    pub member: &'a Member,
    pub application: ApplicationId,
}

/// Looks at each channel of the settings.
pub(super) async fn check(
    asking: &dyn Asking,
    expected: &Expected,
    there: There<'_>,
    findings: &mut Vec<Finding>,
) {
    let mut uncalled = Vec::new();
    let mut lacking = Vec::new();
    for room in expected.channels.rooms.keys() {
        let announced = expected.channels.announce.as_ref() == Some(room);
        // The settings take no other ids; zero would be none.
        let id = room.as_str().parse().ok().filter(|id| *id != 0);
        let answer = match id {
            Some(id) => asking.channel(ChannelId::new(id)).await,
            None => Err(NoAnswer::NotFound),
        };
        match answer {
            Ok(channel) => {
                findings.extend(look(&channel, there, announced, &mut lacking));
                if !may_call(&channel, expected, there) {
                    uncalled.push(format!("#{}", channel.name));
                }
            }
            Err(why) => findings.push(unseen(room, announced, &why)),
        }
    }
    let everywhere = permissions::NEEDED.into_iter().filter(|one| lacking.contains(one));
    let everywhere: Vec<Permission> = everywhere.collect();
    if !everywhere.is_empty() {
        findings.push(Finding::Bad(format!(
            "In `{}` Shipmate lacks {}. Add it once more, which gives just what it needs: {}",
            there.guild.name,
            purposes(&everywhere),
            invite_url(there.application)
        )));
    }
    if let Some(role) = expected.call.and_then(|call| there.guild.roles.get(&call))
        && !uncalled.is_empty()
    {
        findings.push(Finding::Bad(format!(
            "Nobody would notice that `{}` is called in {}: the role cannot be mentioned. Under \
             Server Settings, Roles, `{}`, switch on \"Allow anyone to @mention this role\". Or \
             allow Shipmate \"Mention @everyone, @here, and All Roles\" there.",
            role.name,
            listed(&uncalled),
            role.name,
        )));
    }
}

/// One channel that Discord showed. What Shipmate lacks in the whole server is put into
/// `lacking` instead, to be told once.
fn look(
    channel: &GuildChannel,
    there: There<'_>,
    announced: bool,
    lacking: &mut Vec<Permission>,
) -> Option<Finding> {
    let There { guild, member, .. } = there;
    let name = format!("#{} ({})", channel.name, channel.id);
    let also = if announced { ", where things are announced," } else { "" };
    if channel.guild_id != guild.id {
        return Some(Finding::Bad(format!(
            "{name}{also} is in another server, {}. Shipmate speaks in `{}` only: remove the \
             channel from the settings, or correct its id.",
            channel.guild_id, guild.name
        )));
    }
    if !matches!(channel.kind, ChannelType::Text | ChannelType::News) {
        return Some(Finding::Bad(format!(
            "{name}{also} is no text channel. Name one in the settings instead."
        )));
    }
    let missing = permissions::missing(guild, member, &channel.permission_overwrites);
    if missing.is_empty() {
        let announcements = if announced { "; things are announced there" } else { "" };
        return Some(Finding::Good(format!(
            "{name}: Shipmate may do what it must{announcements}."
        )));
    }
    let denied = permissions::denied(guild, member, &channel.permission_overwrites);
    lacking.extend(missing.into_iter().filter(|one| !denied.contains(one)));
    if denied.is_empty() {
        return None;
    }
    Some(Finding::Bad(format!(
        "In {name}{also} Shipmate lacks {}. Allow that under Edit Channel, Permissions, for {}.",
        purposes(&denied),
        whom(there)
    )))
}

/// Permissions with what each is for, as a sentence has it.
fn purposes(permissions: &[Permission]) -> String {
    let each = permissions.iter().map(|one| format!("{} ({})", one.name, one.purpose));
    listed(&each.collect::<Vec<String>>())
}

/// For whom somebody allows things: the role that Discord made for Shipmate, or else itself.
fn whom(There { guild, member, .. }: There<'_>) -> String {
    let own = member.roles.iter().filter_map(|role| guild.roles.get(role));
    match own.into_iter().find(|role| role.tags.bot_id == Some(member.user.id)) {
        Some(role) => format!("the role `{}`", role.name),
        None => format!("the member `{}`", member.user.name),
    }
}

/// One channel that Discord did not show.
fn unseen(room: &Room, announced: bool, why: &NoAnswer) -> Finding {
    let also = if announced { ", where things are announced" } else { "" };
    match why {
        NoAnswer::NotFound => Finding::Bad(format!(
            "There is no channel {room}{also}. Copy the id with a right click on the channel, \
             Copy Channel ID, into the settings."
        )),
        NoAnswer::Forbidden => Finding::Bad(format!(
            "Shipmate does not see the channel {room}{also}. Allow it View Channels there, under \
             Edit Channel, Permissions, or add it to the channel where that is private."
        )),
        NoAnswer::Unauthorized | NoAnswer::Unavailable(_) => {
            unanswered(&format!("anything of the channel {room}"), why)
        }
    }
}

/// Whether the role that is called would notice it in this channel. True where none is called.
fn may_call(channel: &GuildChannel, expected: &Expected, there: There<'_>) -> bool {
    let There { guild, member, .. } = there;
    let called = expected.call.and_then(|call| guild.roles.get(&call));
    called.is_none_or(|role| {
        role.mentionable
            || permissions::in_channel(guild, member, &channel.permission_overwrites)
                .contains(Permissions::MENTION_EVERYONE)
    })
}
