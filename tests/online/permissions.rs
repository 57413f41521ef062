//! The arithmetic of permissions, case by case of Discord's documentation.

use serenity::model::Permissions;
use serenity::model::id::ApplicationId;
use shipmate::chat::discord::permissions::{NEEDED, denied, invite_url, missing, needed};

use super::{GUILD, OWN, SHIPMATE, channel, guild, member, overwrite, role};

const EMBED: u64 = 1 << 14;
const ADMINISTRATOR: u64 = 1 << 3;

/// The names of what Shipmate, with the roles 1 and 2 of these permissions, lacks in a channel
/// with these overwrites: role, what it allows, what it denies.
fn lacks(everyone: u64, roles: [u64; 2], overwrites: &[(u64, u64, u64)]) -> Vec<&'static str> {
    let guild = guild(vec![
        role(GUILD, "@everyone", everyone),
        role(1, "one", roles[0]),
        role(2, "two", roles[1]),
        role(3, "not held", ADMINISTRATOR),
    ]);
    let overwrites =
        overwrites.iter().map(|(id, allow, deny)| overwrite(*id, *allow, *deny)).collect();
    let channel = channel(2000, "deploys", overwrites);
    // Role 9 was deleted meanwhile.
    let missing = missing(&guild, &member(&[1, 2, 9]), &channel.permission_overwrites);
    missing.iter().map(|permission| permission.name).collect()
}

/// All that is needed.
fn all() -> u64 {
    needed().bits()
}

#[test]
fn the_roles_and_everyone_add_up() {
    assert_eq!(lacks(all(), [0, 0], &[]), Vec::<&str>::new());
    assert_eq!(lacks(0, [all() & !EMBED, EMBED], &[]), Vec::<&str>::new());
    assert_eq!(lacks(0, [all() & !EMBED, 0], &[]), ["Embed Links"]);
    assert_eq!(lacks(0, [0, 0], &[]).len(), NEEDED.len());
}

#[test]
fn overwrites_go_from_everyone_to_roles_to_the_member() {
    let none = Vec::<&str>::new();
    assert_eq!(lacks(all(), [0, 0], &[(GUILD, 0, EMBED)]), ["Embed Links"]);
    assert_eq!(lacks(0, [0, 0], &[(GUILD, all(), 0)]), none);
    // A role's overwrite wins over that of everyone, in whichever order they stand.
    assert_eq!(lacks(all(), [0, 0], &[(1, EMBED, 0), (GUILD, 0, EMBED)]), none);
    assert_eq!(lacks(all(), [0, 0], &[(GUILD, EMBED, 0), (1, 0, EMBED)]), ["Embed Links"]);
    // Of two roles, the one that allows wins over the one that denies.
    assert_eq!(lacks(all(), [0, 0], &[(1, EMBED, 0), (2, 0, EMBED)]), none);
    assert_eq!(lacks(all(), [0, 0], &[(1, 0, EMBED), (2, EMBED, 0)]), none);
    // The member's own wins over all.
    assert_eq!(lacks(all(), [0, 0], &[(SHIPMATE, 0, EMBED), (1, EMBED, 0)]), ["Embed Links"]);
    assert_eq!(lacks(all(), [0, 0], &[(SHIPMATE, EMBED, 0), (1, 0, EMBED)]), none);
}

#[test]
fn overwrites_of_others_change_nothing() {
    assert_eq!(lacks(all(), [0, 0], &[(3, 0, EMBED), (OWN, 0, EMBED)]), Vec::<&str>::new());
    assert_eq!(lacks(0, [0, all() & !EMBED], &[(3, EMBED, 0)]), ["Embed Links"]);
}

#[test]
fn administrators_and_the_owner_may_do_everything() {
    let closed = [(GUILD, 0, all()), (1, 0, all()), (SHIPMATE, 0, all())];
    assert_eq!(lacks(0, [0, ADMINISTRATOR], &closed), Vec::<&str>::new());
    // To be administrator in one channel is nothing that an overwrite can give.
    assert_eq!(lacks(all() & !EMBED, [0, 0], &[(1, ADMINISTRATOR, 0)]), ["Embed Links"]);

    let mut guild = guild(vec![role(GUILD, "@everyone", 0)]);
    let overwrites = channel(2000, "deploys", vec![overwrite(GUILD, 0, all())]);
    let overwrites = overwrites.permission_overwrites;
    assert_eq!(missing(&guild, &member(&[]), &overwrites).len(), NEEDED.len());
    guild.owner_id = SHIPMATE.into();
    assert_eq!(missing(&guild, &member(&[]), &overwrites), []);
}

#[test]
fn what_a_channel_denies_is_told_apart_from_what_the_server_does_not_give() {
    let guild = guild(vec![role(GUILD, "@everyone", 0), role(1, "administrators", ADMINISTRATOR)]);
    let channel = channel(2000, "deploys", vec![overwrite(GUILD, 0, EMBED)]);
    let overwrites = channel.permission_overwrites;
    let names = |roles: &[u64]| -> Vec<&str> {
        let denied = denied(&guild, &member(roles), &overwrites);
        denied.iter().map(|permission| permission.name).collect()
    };
    assert_eq!(names(&[]), ["Embed Links"]);
    assert_eq!(names(&[1]), Vec::<&str>::new());
}

#[test]
fn the_invitation_asks_for_just_what_is_needed() {
    let bits = NEEDED.iter().map(|permission| permission.bit.bits());
    assert_eq!(bits.sum::<u64>(), all(), "none is listed twice");
    assert!(!needed().contains(Permissions::ADMINISTRATOR));
    assert_eq!(
        invite_url(ApplicationId::new(SHIPMATE)),
        "https://discord.com/oauth2/authorize?client_id=7000&scope=bot+applications.commands\
         &permissions=309237771328"
    );
}
