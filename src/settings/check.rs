//! From what was read to what is meant: defaults, and whether each value makes sense. What is
//! missing or wrong is reported and stands in as an empty text or a default, so that all that is
//! wrong is found at once; the settings are thrown away if anything was reported.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::error::Problem;
use super::findings::Findings;
use super::keys;
use super::raw::{Raw, RawDatabase, RawEnvironment, RawExtra, RawLocks, RawRegistry, RawWeb};
use super::{
    Database, DatabaseUrl, Extra, Mode, Settings, Web, aws_events, calendar, discord, names,
    reservations, roles, schedules, services, tags,
};
use crate::domain::calendar::Rule;
use crate::domain::environment::{Batch, Environment, Environments, Registry};
use crate::domain::id::{EnvironmentName, Tag};
use crate::domain::share::Share;
use crate::domain::words_of_time::{TimeError, length};

pub(super) fn check(raw: &Raw, findings: &mut Findings) -> Settings {
    let database = database(&raw.database, findings);
    let web = raw.web.as_ref().map(|raw| web(raw, findings));
    let share = raw.aws.share.as_deref().and_then(|text| share(text, findings));
    let ask_about_locks_after = ask_about_locks_after(&raw.locks, findings);
    let people = roles::people(raw, findings);
    let role_holders = roles::role_holders(raw, findings);
    let mut environments: BTreeMap<EnvironmentName, Environment> = raw
        .environments
        .iter()
        .map(|(name, raw)| (EnvironmentName::new(name), environment(name, raw, findings)))
        .collect();
    if environments.is_empty() && findings.names("environments").next().is_none() {
        findings.report(&["environments"], Problem::NoEnvironments);
    }
    order(raw, findings);
    let batches = batches(raw, findings);
    let batch_of = |environment: &str| batches.get(environment).copied().unwrap_or_default();
    for (name, raw) in &raw.services {
        for (environment, service) in services::services(name, raw, batch_of, findings) {
            if let Some(environment) = environments.get_mut(&environment) {
                environment.services.push(service);
            }
        }
    }
    calendar::calendar(raw, &mut environments, findings);
    let environments = Environments(environments);
    let chat = raw.chat.as_ref().and_then(|chat| discord::discord(chat, web.is_some(), findings));
    let channels = chat.as_ref().map(|chat| &chat.channels);
    let schedules = schedules::schedules(raw, (&environments, channels), findings);
    services::check_distinct(&environments, findings);
    tags::check(&environments, findings);
    let commands = raw.commands.as_ref().map(|raw| extra("commands", raw, findings));
    let policies = raw.policies.as_ref().map(|raw| extra("policies", raw, findings));
    if findings.is_empty() {
        // An entry that is wrong may be what left an environment without services, so this is
        // asked only once all else is right.
        services::check_none_idle(&environments, findings);
        discord::check_none_unspoken(chat.as_ref(), &environments, findings);
    }
    Settings {
        database,
        chat,
        web,
        roles: people.0.keys().cloned().collect(),
        people,
        role_holders,
        environments,
        share,
        schedules,
        ask_about_locks_after,
        commands,
        policies,
    }
}

/// The text of a required key.
pub(super) fn required(path: &[&str], text: Option<&String>, findings: &mut Findings) -> String {
    if text.is_none() && !findings.is_given(path) {
        let (owner, _) = path.split_at(path.len().saturating_sub(1));
        let example = keys::example_line(&keys::pattern(path));
        findings.report(owner, Problem::MissingKey { key: path.join("."), example });
    }
    text.cloned().unwrap_or_default()
}

/// A value from a closed list of words; the first where it is none of them.
pub(super) fn word(
    path: &[&str],
    text: &str,
    known: &'static [&'static str],
    findings: &mut Findings,
) -> &'static str {
    if let Some(word) = known.iter().find(|word| **word == text) {
        return word;
    }
    findings.report(path, Problem::UnknownWord { word: text.to_owned(), known });
    known.first().copied().unwrap_or_default()
}

/// The environments that a key lists: each there is, and each once. Reports what is not so, and
/// `nothing` where it lists none.
pub(super) fn environments(
    path: &[&str],
    listed: &[String],
    nothing: Problem,
    findings: &mut Findings,
) -> BTreeSet<EnvironmentName> {
    if listed.is_empty() {
        findings.report(path, nothing);
    }
    let mut environments = BTreeSet::new();
    for (index, name) in listed.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
        let index = index.to_string();
        let at = [path, &[index.as_str()]].concat();
        if is_environment(&at, name, findings) && !environments.insert(EnvironmentName::new(name)) {
            let key = path.join(".");
            findings.report(&at, Problem::ListedTwice { key, item: name.clone() });
        }
    }
    environments
}

/// What is wrong with a rule that can be read, if anything: a day that never comes does nothing.
/// What is over did something once, so that it is not wrong.
pub(super) fn never_happens(rule: &Rule) -> Option<Problem> {
    let next = rule.next_after(Timestamp::UNIX_EPOCH);
    next.is_none().then(|| Problem::NeverHappens { text: rule.to_string() })
}

/// Whether there is an environment of this name; reports it if not.
pub(super) fn is_environment(path: &[&str], name: &str, findings: &mut Findings) -> bool {
    if name.is_empty() || findings.is_given(&["environments", name]) {
        return true;
    }
    let known: Vec<String> = findings.names("environments").map(str::to_owned).collect();
    let near = names::nearest(name, known.iter().map(String::as_str));
    findings.report(path, Problem::UnknownEnvironment { name: name.to_owned(), near, known });
    false
}

fn database(raw: &RawDatabase, findings: &mut Findings) -> Database {
    let path = ["database", "url"];
    let url = raw.url.as_deref().unwrap_or(keys::DATABASE);
    match url.split_once(':') {
        Some(("sqlite", file)) => {
            if file.trim_start_matches('/').is_empty() {
                findings.report(&path, Problem::DatabaseWithoutFile);
            }
        }
        // What stands before the colon is shown only where it cannot be a user's name.
        Some(("postgres" | "postgresql", _)) => {
            findings.report(&path, Problem::DatabaseScheme { scheme: "PostgreSQL" });
        }
        Some(("mysql" | "mariadb", _)) => {
            findings.report(&path, Problem::DatabaseScheme { scheme: "MySQL" });
        }
        Some(_) | None => {
            let scheme = "a url that does not begin with `sqlite:`";
            findings.report(&path, Problem::DatabaseScheme { scheme });
        }
    }
    Database { url: DatabaseUrl(url.to_owned()) }
}

fn web(raw: &RawWeb, findings: &mut Findings) -> Web {
    let path = ["web", "listen"];
    let text = required(&path, raw.listen.as_ref(), findings);
    let listen = text.parse().unwrap_or_else(|_| {
        if !text.is_empty() {
            let problem = Problem::BadListen { text: text.clone(), example: "\"127.0.0.1:8080\"" };
            findings.report(&path, problem);
        }
        SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
    });
    let events = raw.aws_events.as_ref().map(|raw| aws_events::aws_events(raw, findings));
    let reservations =
        raw.reservations.as_ref().map(|raw| reservations::reservations(raw, findings));
    Web { listen, aws_events: events, reservations }
}

fn share(text: &str, findings: &mut Findings) -> Option<Share> {
    let share = Share::parse(text);
    if share.is_none() {
        let problem = Problem::BadShare { text: text.to_owned(), example: "\"50%\"" };
        findings.report(&["aws", "share"], problem);
    }
    share
}

fn ask_about_locks_after(raw: &RawLocks, findings: &mut Findings) -> Duration {
    let path = ["locks", "ask-after"];
    let after = duration(&path, raw.ask_after.as_deref().unwrap_or(keys::ASK_AFTER), findings);
    check_some_time(&path, after, findings);
    after.unwrap_or_default()
}

fn environment(name: &str, raw: &RawEnvironment, findings: &mut Findings) -> Environment {
    let key = |key: &'static str| ["environments", name, key];
    let region = required(&key("region"), raw.region.as_ref(), findings);
    check_region(&key("region"), &region, findings);
    let cluster = required(&key("cluster"), raw.cluster.as_ref(), findings);
    let tag = required(&key("tag"), raw.tag.as_ref(), findings);
    if !tag.is_empty() && !names::is_tag(&tag) {
        findings.report(&key("tag"), Problem::BadTag { tag: tag.clone() });
    }
    if let Some(after) = &raw.after {
        is_environment(&key("after"), after, findings);
    }
    let timezone = timezone(&key("timezone"), raw.timezone.as_deref(), findings);
    let settle = raw.settle.as_deref().unwrap_or(keys::SETTLE);
    let settle = duration(&key("settle"), settle, findings);
    let patience = raw.patience.as_deref().unwrap_or(keys::PATIENCE);
    let patience = duration(&key("patience"), patience, findings);
    check_some_time(&key("patience"), patience, findings);
    if let Some(arn) = &raw.role_arn
        && !is_role(arn)
    {
        findings.report(&key("role-arn"), Problem::BadRole { arn: arn.clone() });
    }
    Environment {
        name: EnvironmentName::new(name),
        region,
        cluster,
        tag: Tag::new(tag),
        after: raw.after.as_deref().map(EnvironmentName::from),
        timezone,
        settle: settle.unwrap_or_default(),
        patience: patience.unwrap_or_default(),
        registry: raw.registry.as_ref().map(|raw| registry(name, raw, findings)),
        role_arn: raw.role_arn.clone(),
        logs: is_on(&key("logs"), raw.logs.as_deref(), findings),
        calendar: Vec::new(),
        services: Vec::new(),
    }
}

/// What each environment says about batches; its services may say otherwise.
fn batches(raw: &Raw, findings: &mut Findings) -> BTreeMap<String, Batch> {
    raw.environments
        .iter()
        .map(|(name, raw)| {
            let text = raw.batch.as_deref().unwrap_or(keys::BATCH);
            (name.clone(), batch(&["environments", name, "batch"], text, findings))
        })
        .collect()
}

/// How many tasks are stopped at once; reports it if it is nothing of the kind.
pub(super) fn batch(path: &[&str], text: &str, findings: &mut Findings) -> Batch {
    Batch::parse(text).unwrap_or_else(|| {
        findings.report(path, Problem::BadBatch { text: text.to_owned() });
        Batch::default()
    })
}

/// A switch, which is off unless it is set.
fn is_on(path: &[&str], text: Option<&str>, findings: &mut Findings) -> bool {
    word(path, text.unwrap_or(keys::LOGS), &["false", "true"], findings) == "true"
}

/// A time zone by its name; reports it if there is none.
pub(super) fn timezone(path: &[&str], name: Option<&str>, findings: &mut Findings) -> TimeZone {
    let name = name.unwrap_or(keys::TIMEZONE);
    TimeZone::get(name).unwrap_or_else(|_| {
        let known: Vec<String> =
            jiff::tz::db().available().map(|name| name.as_str().to_owned()).collect();
        let near = names::nearest(name, known.iter().map(String::as_str));
        findings.report(path, Problem::UnknownTimezone { name: name.to_owned(), near });
        TimeZone::UTC
    })
}

/// A length of time; reports it if it is none. Some keys may be no time at all: see
/// [`check_some_time`].
pub(super) fn duration(path: &[&str], text: &str, findings: &mut Findings) -> Option<Duration> {
    match length(text) {
        Ok(length) => Some(length),
        Err(TimeError::NoTime { .. }) => Some(Duration::ZERO),
        Err(error) => {
            findings.report(path, Problem::BadTime(error));
            None
        }
    }
}

/// Nothing ever happens within no time at all.
pub(super) fn check_some_time(path: &[&str], time: Option<Duration>, findings: &mut Findings) {
    if time == Some(Duration::ZERO) {
        findings.report(path, Problem::NoTime { key: path.join(".") });
    }
}

fn registry(environment: &str, raw: &RawRegistry, findings: &mut Findings) -> Registry {
    let key = |key: &'static str| ["environments", environment, "registry", key];
    let account = required(&key("account"), raw.account.as_ref(), findings);
    if !account.is_empty() && !is_account(&account) {
        findings.report(&key("account"), Problem::BadAccount { account: account.clone() });
    }
    let region = required(&key("region"), raw.region.as_ref(), findings);
    check_region(&key("region"), &region, findings);
    Registry { account, region }
}

/// Regions are not kept as a list, which would grow old: only what cannot stand in the name of
/// a host is refused.
fn check_region(path: &[&str], region: &str, findings: &mut Findings) {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !region.bytes().all(fits) {
        findings.report(path, Problem::BadRegion { region: region.to_owned() });
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Reads `arn:aws:iam::123456789012:role/name`, in any of AWS's partitions.
fn is_role(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", partition, "iam", "", account, resource] => {
            let named = resource.strip_prefix("role/").is_some_and(|name| !name.is_empty());
            partition.starts_with("aws") && is_account(account) && named
        }
        _ => false,
    }
}

fn extra(section: &str, raw: &RawExtra, findings: &mut Findings) -> Extra {
    let directory = required(&[section, "directory"], raw.directory.as_ref(), findings);
    let mode = raw.mode.as_deref().unwrap_or(keys::MODE);
    let mode = match word(&[section, "mode"], mode, &["add", "replace"], findings) {
        "replace" => Mode::Replace,
        _ => Mode::Add,
    };
    Extra { directory: PathBuf::from(directory), mode }
}

/// Reports each circle of environments that come after each other, once, at the member whose
/// name is first.
fn order(raw: &Raw, findings: &mut Findings) {
    for start in raw.environments.keys() {
        let mut names: Vec<&String> = vec![start];
        let before = |name: &String| raw.environments.get(name).and_then(|one| one.after.as_ref());
        while let Some(next) = names.last().copied().and_then(before) {
            if next == start {
                // The other members of the circle come past here too.
                if names.iter().min() == Some(&start) {
                    let names = names.into_iter().cloned().collect();
                    let problem = Problem::AfterCircle { names };
                    findings.report(&["environments", start, "after"], problem);
                }
                break;
            }
            if names.contains(&next) {
                // Leads into a circle without being part of it.
                break;
            }
            names.push(next);
        }
    }
}
