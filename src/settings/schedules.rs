//! What is announced at set times: when, where, and which template. Whether a template makes
//! sense is not known here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::check::{duration, is_environment, required, timezone};
use super::error::Problem;
use super::findings::Findings;
use super::keys;
use super::names;
use super::raw::{Raw, RawSchedule};
use crate::domain::calendar::Rule;
use crate::domain::environment::{Environment, Environments};
use crate::domain::freeze::{Ahead, Entry};
use crate::domain::id::{ChannelId, EnvironmentName, ScheduleName};
use crate::domain::schedule::{GRACE, LEAVES, Planned, ReadyMade, ScheduleKey, Template, Timing};
use crate::domain::words_of_time;

/// By what a file is told from a name and a text.
const FILE: &str = ".j2";
/// Less grace would end before the dead are known to be so, more would bring yesterday's news.
const GRACES: (&str, &str) = ("2m", "24h");
/// How far ahead of a freeze something can be announced.
const LEADS: (&str, &str) = ("1m", "7d");
/// How far ahead of its departure the train is announced.
const DEPARTURES: (&str, &str) = ("5m", "30d");

type Rooms = BTreeMap<ChannelId, BTreeSet<EnvironmentName>>;

/// What follows the length of time where something is announced ahead of freezes.
const BEFORE_FREEZES: &str = "before freezes";

/// The environments, and the channels of the chat where there is one.
type Places<'a> = (&'a Environments, Option<&'a Rooms>);

pub(super) fn schedules(raw: &Raw, places: Places<'_>, findings: &mut Findings) -> Vec<Planned> {
    let all = raw.schedules.iter();
    all.filter_map(|(name, raw)| schedule(name, raw, places, findings)).collect()
}

/// `None`: it was reported that it is never due.
fn schedule(
    name: &str,
    raw: &RawSchedule,
    (known, rooms): Places<'_>,
    findings: &mut Findings,
) -> Option<Planned> {
    let key = |key: &'static str| ["schedules", name, key];
    if let ScheduleKey::Numbered(_) = ScheduleKey::parse(name) {
        let problem = Problem::NumberedSchedule { name: name.to_owned() };
        findings.report(&["schedules", name], problem);
    }
    let zone = timezone(&key("zone"), raw.zone.as_deref(), findings);
    let environments = raw.environments.as_ref().map(|listed| environments(name, listed, findings));
    let at = required(&key("at"), raw.at.as_ref(), findings);
    let timing = match at.trim().strip_suffix(BEFORE_FREEZES) {
        Some(lead) => {
            let about = |one: &&Environment| {
                environments.as_ref().is_none_or(|named| named.contains(&one.name))
            };
            let about = known.iter().filter(about);
            before_freezes(&key("at"), lead, about, findings)
        }
        None => timing(&key("at"), &at, &zone, findings),
    };
    let text = required(&key("template"), raw.template.as_ref(), findings);
    let template = template(&key("template"), &text, findings);
    let grace = raw.grace.as_deref().unwrap_or(keys::LATENESS);
    let grace = within(&key("grace"), grace, GRACES, findings).unwrap_or(GRACE);
    let leaves = raw.leaves.as_deref().unwrap_or(keys::LEAVES);
    let leaves = within(&key("leaves"), leaves, DEPARTURES, findings).unwrap_or(LEAVES);
    let channel = raw.channel.as_deref().map(ChannelId::from);
    if let (Some(channel), Some(rooms)) = (&channel, rooms)
        && !rooms.contains_key(channel)
    {
        let known = rooms.keys().map(ToString::to_string).collect();
        let problem = Problem::AnnounceNowhere { channel: channel.to_string(), known };
        findings.report(&key("channel"), problem);
    }
    let name = ScheduleName::new(name);
    let timing = timing?;
    Some(Planned { name, timing, zone, channel, template, grace, environments, leaves })
}

fn timing(path: &[&str], at: &str, zone: &TimeZone, findings: &mut Findings) -> Option<Timing> {
    if at.is_empty() {
        return None;
    }
    match Rule::parse(at, zone) {
        Ok(rule) => Some(Timing::Repeating { rule: Box::new(rule), text: at.trim().to_owned() }),
        Err(why) => {
            findings.report(path, Problem::BadRule(why));
            None
        }
    }
}

/// So long before these environments are closed by their calendars.
fn before_freezes<'a>(
    path: &[&str],
    lead: &str,
    about: impl Iterator<Item = &'a Environment>,
    findings: &mut Findings,
) -> Option<Timing> {
    let lead = within(path, lead, LEADS, findings)?;
    // What closes some of its services does not close an environment.
    let whole = |entry: &&Entry| entry.services.is_empty();
    let calendars = about
        .map(|one| one.calendar.iter().filter(whole).cloned().collect::<Vec<Entry>>())
        .filter(|calendar| !calendar.is_empty());
    let calendars: Vec<Vec<Entry>> = calendars.collect();
    if calendars.is_empty() {
        findings.report(path, Problem::NoFreezes);
        return None;
    }
    Some(Timing::BeforeFreezes(Ahead { lead, calendars }))
}

fn template(path: &[&str], text: &str, findings: &mut Findings) -> Template {
    if let Some(ready) = ReadyMade::named(text) {
        return Template::ReadyMade(ready);
    }
    let is_word = !text.contains(char::is_whitespace) && !text.contains("{{");
    if is_word && text.ends_with(FILE) {
        return Template::File(PathBuf::from(text));
    }
    if is_word && !text.is_empty() {
        let known: Vec<String> =
            ReadyMade::ALL.into_iter().map(|one| one.name().to_owned()).collect();
        let near = names::nearest(text, known.iter().map(String::as_str));
        let problem = Problem::UnknownTemplate { name: text.to_owned(), near, known };
        findings.report(path, problem);
    }
    Template::Text(text.to_owned())
}

/// A length of time, which is reported where it is not between these two; `None`: it is none.
fn within(
    path: &[&str],
    text: &str,
    (least, most): (&'static str, &'static str),
    findings: &mut Findings,
) -> Option<Duration> {
    let length = duration(path, text, findings)?;
    let limit = |text: &str| words_of_time::length(text).unwrap_or_default();
    if !(limit(least)..=limit(most)).contains(&length) {
        findings.report(path, Problem::OutOfRange { key: path.join("."), least, most });
    }
    Some(length)
}

fn environments(
    schedule: &str,
    listed: &[String],
    findings: &mut Findings,
) -> BTreeSet<EnvironmentName> {
    for (index, name) in listed.iter().enumerate() {
        let index = index.to_string();
        is_environment(&["schedules", schedule, "environments", &index], name, findings);
    }
    listed.iter().map(EnvironmentName::new).collect()
}
