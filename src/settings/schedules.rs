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
use crate::domain::id::{ChannelId, EnvironmentName, ScheduleName};
use crate::domain::schedule::{
    GRACE, LEAST_GRACE, MOST_GRACE, Planned, ReadyMade, ScheduleKey, Template, Timing,
};

/// By what a file is told from a name and a text.
const FILE: &str = ".j2";

type Rooms = BTreeMap<ChannelId, BTreeSet<EnvironmentName>>;

/// The schedules. `rooms`: the channels of the chat, where there is one.
pub(super) fn schedules(raw: &Raw, rooms: Option<&Rooms>, findings: &mut Findings) -> Vec<Planned> {
    let all = raw.schedules.iter();
    all.filter_map(|(name, raw)| schedule(name, raw, rooms, findings)).collect()
}

/// `None`: it was reported that it is never due.
fn schedule(
    name: &str,
    raw: &RawSchedule,
    rooms: Option<&Rooms>,
    findings: &mut Findings,
) -> Option<Planned> {
    let key = |key: &'static str| ["schedules", name, key];
    if let ScheduleKey::Numbered(_) = ScheduleKey::parse(name) {
        let problem = Problem::NumberedSchedule { name: name.to_owned() };
        findings.report(&["schedules", name], problem);
    }
    let zone = timezone(&key("zone"), raw.zone.as_deref(), findings);
    let at = required(&key("at"), raw.at.as_ref(), findings);
    let timing = timing(&key("at"), &at, &zone, findings);
    let text = required(&key("template"), raw.template.as_ref(), findings);
    let template = template(&key("template"), &text, findings);
    let grace = raw.grace.as_deref().unwrap_or(keys::LATENESS);
    let grace = grace_of(&key("grace"), grace, findings);
    let channel = raw.channel.as_deref().map(ChannelId::from);
    if let (Some(channel), Some(rooms)) = (&channel, rooms)
        && !rooms.contains_key(channel)
    {
        let known = rooms.keys().map(ToString::to_string).collect();
        let problem = Problem::AnnounceNowhere { channel: channel.to_string(), known };
        findings.report(&key("channel"), problem);
    }
    let environments = raw.environments.as_ref().map(|listed| environments(name, listed, findings));
    let name = ScheduleName::new(name);
    Some(Planned { name, timing: timing?, zone, channel, template, grace, environments })
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

fn grace_of(path: &[&str], text: &str, findings: &mut Findings) -> Duration {
    let grace = duration(path, text, findings);
    if grace.is_some_and(|grace| !(LEAST_GRACE..=MOST_GRACE).contains(&grace)) {
        let problem = Problem::OutOfRange { key: path.join("."), least: "2m", most: "24h" };
        findings.report(path, problem);
    }
    grace.unwrap_or(GRACE)
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
