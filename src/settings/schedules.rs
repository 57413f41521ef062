//! What is announced at set times: when, where, and which template. Whether a template makes
//! sense is not known here.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::check::{duration, environments, never_happens, required, timezone};
use super::error::Problem;
use super::findings::Findings;
use super::keys;
use super::names;
use super::raw::{Raw, RawSchedule};
use crate::domain::calendar::{Rule, RuleError};
use crate::domain::channel::Channels;
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

/// What follows the length of time where something is announced ahead of freezes.
const BEFORE_FREEZES: &str = "before freezes";

/// The environments, and the channels of the chat where there is one.
type Places<'a> = (&'a Environments, Option<&'a Channels>);

pub(super) fn schedules(raw: &Raw, places: Places<'_>, findings: &mut Findings) -> Vec<Planned> {
    let all = raw.schedules.iter();
    all.filter_map(|(name, raw)| schedule(name, raw, places, findings)).collect()
}

/// `None`: it was reported that it is never due.
fn schedule(
    name: &str,
    raw: &RawSchedule,
    places: Places<'_>,
    findings: &mut Findings,
) -> Option<Planned> {
    let key = |key: &'static str| ["schedules", name, key];
    if let ScheduleKey::Numbered(_) = ScheduleKey::parse(name) {
        let problem = Problem::NumberedSchedule { name: name.to_owned() };
        findings.report(&["schedules", name], problem);
    }
    let zone = timezone(&key("zone"), raw.zone.as_deref(), findings);
    let channel = raw.channel.as_deref().map(ChannelId::from);
    let environments = raw.environments.as_ref().map(|listed| {
        let nothing = Problem::NamesNoEnvironment { key: key("environments").join(".") };
        environments(&key("environments"), listed, nothing, findings)
    });
    let told = told_of(name, raw, environments.as_ref(), places, findings);
    let at = required(&key("at"), raw.at.as_ref(), findings);
    let timing = match at.trim().strip_suffix(BEFORE_FREEZES) {
        Some(lead) => {
            let (known, _) = places;
            let about = known.iter().filter(|one| told.contains(&one.name));
            before_freezes(&key("at"), lead, about, findings)
        }
        None => timing(&key("at"), &at, &zone, findings),
    };
    let text = required(&key("template"), raw.template.as_ref(), findings);
    let template = template(&key("template"), &text, findings);
    let grace = raw.grace.as_deref().unwrap_or(keys::LATENESS);
    let grace = within(&key("grace"), grace, GRACES, findings).unwrap_or(GRACE);
    let leaves = leaves(&key("leaves"), raw.leaves.as_deref(), &template, findings);
    let name = ScheduleName::new(name);
    let timing = timing?;
    Some(Planned { name, timing, zone, channel, template, grace, environments, leaves })
}

/// The environments that are told of: those that it names, or else all that may be spoken of in
/// its channel. Reports a channel that is none, and what may not be told there.
fn told_of(
    name: &str,
    raw: &RawSchedule,
    named: Option<&BTreeSet<EnvironmentName>>,
    (known, channels): Places<'_>,
    findings: &mut Findings,
) -> BTreeSet<EnvironmentName> {
    let given = raw.channel.as_deref().map(ChannelId::from);
    if let (Some(channel), Some(channels)) = (&given, channels)
        && !channels.rooms.contains_key(channel)
    {
        let known = channels.rooms.keys().map(ToString::to_string).collect();
        let problem = Problem::AnnounceNowhere { channel: channel.to_string(), known };
        findings.report(&["schedules", name, "channel"], problem);
    }
    let channel = given.as_ref().or_else(|| channels.and_then(Channels::announcements));
    let room = channel.and_then(|channel| Some((channel, channels?.rooms.get(channel)?)));
    for (index, environment) in raw.environments.iter().flatten().enumerate() {
        let one = EnvironmentName::new(environment);
        if let Some((channel, about)) = room
            && known.get(&one).is_some()
            && !about.contains(&one)
        {
            let problem = Problem::NotToldThere {
                environment: environment.clone(),
                channel: channel.to_string(),
                told: about.iter().map(ToString::to_string).collect(),
            };
            findings.report(&["schedules", name, "environments", &index.to_string()], problem);
        }
    }
    match named {
        Some(named) if !named.is_empty() => named.clone(),
        // Where it names none that there is, that was reported.
        Some(_) | None => {
            let all = known.iter().map(|one| &one.name);
            all.filter(|name| room.is_none_or(|(_, about)| about.contains(*name)))
                .cloned()
                .collect()
        }
    }
}

fn timing(path: &[&str], at: &str, zone: &TimeZone, findings: &mut Findings) -> Option<Timing> {
    if at.is_empty() {
        return None;
    }
    match Rule::parse(at, zone) {
        Ok(rule) => {
            if let Some(problem) = never_happens(&rule) {
                findings.report(path, problem);
            }
            Some(Timing::Repeating { rule: Box::new(rule), text: at.trim().to_owned() })
        }
        Err(why @ RuleError::NotCron { .. }) => {
            findings.report(path, Problem::BadMoment(why));
            None
        }
        // A length of time may have as many words as a cron expression.
        Err(why) if at.to_lowercase().contains("freeze") => {
            findings.report(path, Problem::BadMoment(why));
            None
        }
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
    let written = text.trim();
    if let Some(ready) = ReadyMade::named(written) {
        return Template::ReadyMade(ready);
    }
    if written.ends_with(FILE) && written.lines().count() == 1 {
        return Template::File(PathBuf::from(written));
    }
    if written.is_empty() && !text.is_empty() {
        findings.report(path, Problem::Empty { key: path.join(".") });
    }
    let is_word = !written.contains(char::is_whitespace) && !written.contains("{{");
    if is_word && !written.is_empty() {
        let known: Vec<String> =
            ReadyMade::ALL.into_iter().map(|one| one.name().to_owned()).collect();
        let near = names::nearest(written, known.iter().map(String::as_str));
        let problem = Problem::UnknownTemplate { name: written.to_owned(), near, known };
        findings.report(path, problem);
    }
    Template::Text(text.to_owned())
}

/// How long after it is announced something leaves; reports it where nothing does.
fn leaves(
    path: &[&str],
    given: Option<&str>,
    template: &Template,
    findings: &mut Findings,
) -> Duration {
    let stays = match template {
        Template::ReadyMade(ReadyMade::ReleaseTrain) | Template::Text(_) | Template::File(_) => {
            None
        }
        Template::ReadyMade(
            one @ (ReadyMade::Morning
            | ReadyMade::Weekly
            | ReadyMade::Votes
            | ReadyMade::Freeze
            | ReadyMade::Locks),
        ) => Some(one.name()),
    };
    if let (Some(_), Some(template)) = (given, stays) {
        findings.report(path, Problem::NothingLeaves { key: path.join("."), template });
    }
    within(path, given.unwrap_or(keys::LEAVES), DEPARTURES, findings).unwrap_or(LEAVES)
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
