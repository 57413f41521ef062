//! Who somebody is and which roles they hold: asked of Discord each time, remembered never. Only
//! names are kept, for showing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;
use serenity::http::Route;

use super::ids::{person_id, snowflake};
use super::rest::{Failure, Rest};
use crate::domain::environment::People as Named;
use crate::domain::id::{PersonId, Role};

/// More names than this are forgotten: they are only for showing.
const NAMES: usize = 5000;
/// So many members are read at once, and so many times.
const PAGE: usize = 1000;
const PAGES: usize = 50;

/// Who holds which role, by the settings.
#[derive(Clone, Debug, Default)]
pub struct Holders {
    /// The guild.
    pub guild: u64,
    /// What Discord's roles mean.
    pub roles: BTreeMap<u64, BTreeSet<Role>>,
    /// People by name: their id, or their user name, which Discord keeps unique.
    pub named: Named,
}

/// A person as Discord describes them in a guild.
#[derive(Clone, Debug, Deserialize)]
pub struct Member {
    pub user: User,
    #[serde(default)]
    pub nick: Option<String>,
    #[serde(default)]
    pub roles: Vec<String>,
}

/// A person as Discord describes them anywhere.
#[derive(Clone, Debug, Deserialize)]
pub struct User {
    pub id: String,
    pub username: String,
    #[serde(default)]
    pub global_name: Option<String>,
    #[serde(default)]
    pub discriminator: Option<String>,
    #[serde(default)]
    pub bot: bool,
}

impl Member {
    fn shown(&self) -> String {
        self.nick.clone().unwrap_or_else(|| self.user.shown())
    }
}

impl User {
    pub fn shown(&self) -> String {
        self.global_name.clone().unwrap_or_else(|| self.username.clone())
    }

    /// The name that nobody else has. Accounts that still have a number behind their name share
    /// the name with others.
    fn unique_name(&self) -> Option<&str> {
        let unique = matches!(self.discriminator.as_deref(), None | Some("0" | ""));
        unique.then_some(self.username.as_str())
    }
}

impl Holders {
    /// What a member holds.
    fn roles_of(&self, member: &Member) -> BTreeSet<Role> {
        if member.user.bot {
            // A program has no judgement, and may have been told what to write by anybody.
            return BTreeSet::new();
        }
        let by_role = member.roles.iter().filter_map(|id| self.roles.get(&snowflake(id)?));
        let mut roles: BTreeSet<Role> = by_role.flatten().cloned().collect();
        roles.append(&mut self.named.roles_of(&PersonId::new(&member.user.id)));
        // A name may consist of digits: such a one is nobody's id but what somebody chose.
        if let Some(name) = member.user.unique_name().filter(|name| snowflake(name).is_none()) {
            roles.append(&mut self.named.roles_of(&PersonId::new(name)));
        }
        roles
    }
}

/// The people of the guild.
pub struct People {
    pub holders: Holders,
    names: Mutex<HashMap<String, String>>,
}

impl People {
    pub fn new(holders: Holders) -> Self {
        Self { holders, names: Mutex::default() }
    }

    /// Notes how somebody is called, for showing.
    pub fn note_name(&self, id: &str, name: String) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() >= NAMES {
            names.clear();
        }
        names.insert(id.to_owned(), name);
    }

    /// How somebody is called, as far as is known.
    pub fn known_name(&self, id: &str) -> Option<String> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// The same, and else their id.
    pub fn name_of(&self, id: &str) -> String {
        self.known_name(id).unwrap_or_else(|| id.to_owned())
    }

    /// The roles that a person holds now. Who is not in the guild holds none.
    pub async fn roles(&self, rest: &Rest, person: &PersonId) -> Result<BTreeSet<Role>, Failure> {
        let Some(user) = snowflake(person.as_str()) else { return Ok(BTreeSet::new()) };
        let route =
            Route::GuildMember { guild_id: self.holders.guild.into(), user_id: user.into() };
        match rest.get::<Member>(route, Vec::new()).await {
            Ok(member) => {
                self.note_name(&member.user.id, member.shown());
                Ok(self.holders.roles_of(&member))
            }
            Err(Failure::Gone { code: 10_007 | 10_013, .. }) => Ok(BTreeSet::new()),
            Err(failure) => Err(failure),
        }
    }

    /// Those who hold any of these roles: all of them where Discord lets us list the guild's
    /// members (a privileged intent), else those whom the settings name.
    pub async fn holding(
        &self,
        rest: &Rest,
        roles: &BTreeSet<Role>,
    ) -> Result<BTreeSet<PersonId>, Failure> {
        let members = match self.all_members(rest).await {
            Ok(members) => members,
            Err(Failure::Refused { .. }) => self.named_members(rest, roles).await?,
            Err(failure) => return Err(failure),
        };
        let holds = |member: &&Member| !self.holders.roles_of(member).is_disjoint(roles);
        let holding = members.iter().filter(holds);
        Ok(holding.map(|member| PersonId::new(&member.user.id)).collect())
    }

    async fn all_members(&self, rest: &Rest) -> Result<Vec<Member>, Failure> {
        let mut members: Vec<Member> = Vec::new();
        let mut after = "0".to_owned();
        for _ in 0..PAGES {
            let route = Route::GuildMembers { guild_id: self.holders.guild.into() };
            let params = vec![("limit", PAGE.to_string()), ("after", after.clone())];
            let page: Vec<Member> = rest.get(route, params).await?;
            let full = page.len() == PAGE;
            if let Some(last) = page.last() {
                after.clone_from(&last.user.id);
            }
            members.extend(page);
            if !full {
                break;
            }
        }
        Ok(members)
    }

    async fn named_members(
        &self,
        rest: &Rest,
        roles: &BTreeSet<Role>,
    ) -> Result<Vec<Member>, Failure> {
        let guild = self.holders.guild;
        let mut members = Vec::new();
        for named in self.holders.named.holders(roles) {
            let found: Result<Vec<Member>, Failure> = match snowflake(named.as_str()) {
                Some(id) => {
                    let route = Route::GuildMember { guild_id: guild.into(), user_id: id.into() };
                    rest.get(route, Vec::new()).await.map(|member| vec![member])
                }
                None => {
                    let route = Route::GuildMembersSearch { guild_id: guild.into() };
                    let query = super::percent(named.as_str());
                    rest.get(route, vec![("query", query), ("limit", "10".to_owned())]).await
                }
            };
            match found {
                Ok(found) => members.extend(found),
                Err(Failure::Gone { .. }) => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(members)
    }
}

impl From<&serenity::all::User> for User {
    fn from(user: &serenity::all::User) -> Self {
        Self {
            id: person_id(user.id.get()).to_string(),
            username: user.name.clone(),
            global_name: user.global_name.clone(),
            discriminator: user.discriminator.map(|number| number.to_string()),
            bot: user.bot,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gets_a_role_by_calling_themselves_like_the_id_of_who_holds_it() {
        let named = BTreeSet::from(["4002".into(), "carol".into()]);
        let named = Named(BTreeMap::from([("release-manager".into(), named)]));
        let holders = Holders { guild: 1000, roles: BTreeMap::new(), named };
        let roles_of = |id: &str, username: &str| {
            let user = User {
                id: id.to_owned(),
                username: username.to_owned(),
                global_name: None,
                discriminator: None,
                bot: false,
            };
            holders.roles_of(&Member { user, nick: None, roles: Vec::new() }).len()
        };
        assert_eq!(roles_of("4002", "bob"), 1);
        assert_eq!(roles_of("4003", "carol"), 1);
        assert_eq!(roles_of("4006", "4002"), 0);
    }
}
