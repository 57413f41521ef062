//! The permissions that Shipmate needs on Discord, and which of them it has in a channel, by
//! the arithmetic that Discord documents. Pure: asks nobody.

use serenity::model::Permissions;
use serenity::model::channel::{PermissionOverwrite, PermissionOverwriteType};
use serenity::model::guild::{Member, PartialGuild};
use serenity::model::id::ApplicationId;

/// A permission that Shipmate needs in each of its channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    /// As Discord's pages call it.
    pub name: &'static str,
    pub bit: Permissions,
    /// What for, as a sentence has it: "to answer".
    pub purpose: &'static str,
}

/// All that Shipmate needs, and nothing else is asked for.
pub const NEEDED: [Permission; 9] = [
    Permission {
        name: "View Channels",
        bit: Permissions::VIEW_CHANNEL,
        purpose: "to see what is written there",
    },
    Permission { name: "Send Messages", bit: Permissions::SEND_MESSAGES, purpose: "to answer" },
    Permission {
        name: "Embed Links",
        bit: Permissions::EMBED_LINKS,
        purpose: "to show plans as cards",
    },
    Permission {
        name: "Attach Files",
        bit: Permissions::ATTACH_FILES,
        purpose: "to show figures as a picture",
    },
    Permission {
        name: "Add Reactions",
        bit: Permissions::ADD_REACTIONS,
        purpose: "to offer the votes under a plan",
    },
    Permission {
        name: "Read Message History",
        bit: Permissions::READ_MESSAGE_HISTORY,
        purpose: "to count the votes under a plan and to reply to who asked",
    },
    Permission {
        name: "Manage Messages",
        bit: Permissions::MANAGE_MESSAGES,
        purpose: "to take reactions off that do not count",
    },
    Permission {
        name: "Create Public Threads",
        bit: Permissions::CREATE_PUBLIC_THREADS,
        purpose: "to tell a deployment's steps beside the channel",
    },
    Permission {
        name: "Send Messages in Threads",
        bit: Permissions::SEND_MESSAGES_IN_THREADS,
        purpose: "to write in these threads",
    },
];

/// The bits of everything in [`NEEDED`].
pub fn needed() -> Permissions {
    NEEDED.iter().fold(Permissions::empty(), |all, one| all | one.bit)
}

/// The page on which somebody adds Shipmate to a server, with slash commands and just the
/// permissions that it needs.
pub fn invite_url(application: ApplicationId) -> String {
    format!(
        "https://discord.com/oauth2/authorize?client_id={application}\
         &scope=bot+applications.commands&permissions={}",
        needed().bits()
    )
}

/// Those that Shipmate needs and this member lacks in a channel with these overwrites, in the
/// order of [`NEEDED`]: what somebody must allow there.
///
/// Without View Channels Discord refuses all else too; that is not counted here, since allowing
/// the one is enough.
pub fn missing(
    guild: &PartialGuild,
    member: &Member,
    overwrites: &[PermissionOverwrite],
) -> Vec<Permission> {
    let has = in_channel(guild, member, overwrites);
    NEEDED.into_iter().filter(|permission| !has.contains(permission.bit)).collect()
}

/// Those that the channel itself takes away, whatever the member may do elsewhere in the server.
pub fn denied(
    guild: &PartialGuild,
    member: &Member,
    overwrites: &[PermissionOverwrite],
) -> Vec<Permission> {
    let has = overlaid(in_guild(guild, member) | needed(), guild, member, overwrites);
    NEEDED.into_iter().filter(|permission| !has.contains(permission.bit)).collect()
}

/// What a member may do in a channel with these overwrites: those of everyone change first what
/// the member may do in the server, then those of the member's roles taken together, then the
/// member's own, and of each what it denies before what it allows.
pub fn in_channel(
    guild: &PartialGuild,
    member: &Member,
    overwrites: &[PermissionOverwrite],
) -> Permissions {
    overlaid(in_guild(guild, member), guild, member, overwrites)
}

fn overlaid(
    base: Permissions,
    guild: &PartialGuild,
    member: &Member,
    overwrites: &[PermissionOverwrite],
) -> Permissions {
    if base.administrator() {
        return Permissions::all();
    }
    let everyone = guild.id.everyone_role();
    let apply = |permissions: Permissions, counts: &dyn Fn(PermissionOverwriteType) -> bool| {
        let ours = || overwrites.iter().filter(|overwrite| counts(overwrite.kind));
        let deny = ours().fold(Permissions::empty(), |all, one| all | one.deny);
        let allow = ours().fold(Permissions::empty(), |all, one| all | one.allow);
        (permissions - deny) | allow
    };
    let of_a_role = |kind| {
        let held = |role| role != everyone && member.roles.contains(&role);
        matches!(kind, PermissionOverwriteType::Role(role) if held(role))
    };
    let permissions = apply(base, &|kind| kind == PermissionOverwriteType::Role(everyone));
    let permissions = apply(permissions, &of_a_role);
    apply(permissions, &|kind| kind == PermissionOverwriteType::Member(member.user.id))
}

/// What a member may do wherever no channel says otherwise. The owner and administrators may do
/// everything; the role of everyone has the id of the server.
fn in_guild(guild: &PartialGuild, member: &Member) -> Permissions {
    if guild.owner_id == member.user.id {
        return Permissions::all();
    }
    let everyone = guild.id.everyone_role();
    let held = member.roles.iter().chain([&everyone]).filter_map(|role| guild.roles.get(role));
    let permissions = held.fold(Permissions::empty(), |all, role| all | role.permissions);
    if permissions.administrator() { Permissions::all() } else { permissions }
}
