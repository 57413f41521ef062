//! The calendar: when environments are closed (`freezes`) and when they are open (`windows`).
//! What a closed environment refuses, the policies say.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::tz::TimeZone;

use super::check::{duration, environments, never_happens, required, timezone};
use super::error::Problem;
use super::findings::Findings;
use super::names;
use super::raw::{Raw, RawEnvironment, RawWindow};
use crate::domain::calendar::{Rule, Window};
use crate::domain::environment::Environment;
use crate::domain::freeze::{Effect, Entry};
use crate::domain::id::{EnvironmentName, ServiceName, WindowName};

const SHORTEST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(92 * 24 * 60 * 60);

/// The environment that the shipped policies speak of by its name.
const PRODUCTION: &str = "production";

/// A freeze that holds where the settings say nothing else.
struct Usual {
    name: &'static str,
    at: &'static str,
    hours: u64,
    /// What the environment does not do then.
    reason: &'static str,
}

/// They hold together: whoever comes back on Monday finds what was left on Friday.
const USUAL: [Usual; 2] = [
    Usual {
        name: "friday",
        at: "0 16 * * FRI",
        hours: 8,
        reason: "does not change late on Friday",
    },
    Usual {
        name: "weekend",
        at: "0 0 * * SAT",
        hours: 48,
        reason: "does not change at the weekend",
    },
];

/// Gives each environment its calendar.
pub(super) fn calendar(
    raw: &Raw,
    environments: &mut BTreeMap<EnvironmentName, Environment>,
    findings: &mut Findings,
) {
    for (table, effect, windows) in
        [("freezes", Effect::Closes, &raw.freezes), ("windows", Effect::Opens, &raw.windows)]
    {
        for (name, raw) in windows {
            let reader = Reader { table, name, raw, effect };
            for (environment, entry) in reader.entries(environments, findings) {
                if let Some(environment) = environments.get_mut(&environment) {
                    environment.calendar.push(entry);
                }
            }
        }
    }
    for (name, one) in &raw.environments {
        if let Some(environment) = environments.get_mut(&EnvironmentName::new(name))
            && is_usually_frozen(name, one)
        {
            let zone = environment.timezone.clone();
            for usual in USUAL.iter().filter_map(|usual| usual.entry(name, &zone)) {
                // One that the settings name the same stands for it where it holds.
                let same = |entry: &Entry| entry.name == usual.name && entry.effect == usual.effect;
                if !environment.calendar.iter().any(same) {
                    environment.calendar.push(usual);
                }
            }
        }
    }
}

/// Whether the usual freezes hold, which nobody should lose by saying nothing.
fn is_usually_frozen(name: &str, raw: &RawEnvironment) -> bool {
    match raw.usual_freezes.as_deref() {
        Some("true") => true,
        Some(_) => false,
        None => raw.after.is_some() || name == PRODUCTION,
    }
}

impl Usual {
    /// `None` for none of those above, which a test reads.
    fn entry(&self, environment: &str, zone: &TimeZone) -> Option<Entry> {
        Some(Entry {
            name: WindowName::new(self.name),
            effect: Effect::Closes,
            window: Window {
                rule: Rule::parse(self.at, zone).ok()?,
                length: Duration::from_secs(self.hours * 3600),
                reason: format!("{environment} {}", self.reason),
            },
            services: BTreeSet::new(),
        })
    }
}

/// A freeze or a window as it is written.
struct Reader<'a> {
    /// `freezes` or `windows`.
    table: &'static str,
    name: &'a str,
    raw: &'a RawWindow,
    effect: Effect,
}

impl<'a> Reader<'a> {
    fn key(&self, key: &'static str) -> [&'a str; 3] {
        [self.table, self.name, key]
    }

    /// As it is in each environment that it names.
    fn entries(
        &self,
        known: &BTreeMap<EnvironmentName, Environment>,
        findings: &mut Findings,
    ) -> Vec<(EnvironmentName, Entry)> {
        let raw = self.raw;
        let at = required(&self.key("at"), raw.at.as_ref(), findings);
        let zone = raw.zone.as_deref();
        let zone = zone.map(|zone| timezone(&self.key("zone"), Some(zone), findings));
        self.check_rule(&at, zone.as_ref().unwrap_or(&TimeZone::UTC), findings);
        let length = self.length(findings);
        let reason = required(&self.key("reason"), raw.reason.as_ref(), findings);
        let environments = self.environments(findings);
        let services = self.services(&environments, known, findings);
        environments
            .into_iter()
            .filter_map(|name| {
                let own = known.get(&name).map(|environment| &environment.timezone);
                let rule = Rule::parse(&at, zone.as_ref().or(own)?).ok()?;
                let window = Window { rule, length, reason: reason.clone() };
                let entry = Entry {
                    name: WindowName::new(self.name),
                    effect: self.effect,
                    window,
                    services: services.clone(),
                };
                Some((name, entry))
            })
            .collect()
    }

    fn check_rule(&self, at: &str, zone: &TimeZone, findings: &mut Findings) {
        if at.is_empty() {
            return;
        }
        match Rule::parse(at, zone) {
            Err(error) => findings.report(&self.key("at"), Problem::BadRule(error)),
            Ok(rule) => {
                if let Some(problem) = never_happens(&rule) {
                    findings.report(&self.key("at"), problem);
                }
            }
        }
    }

    fn length(&self, findings: &mut Findings) -> Duration {
        let path = self.key("length");
        let text = required(&path, self.raw.length.as_ref(), findings);
        if text.is_empty() {
            return SHORTEST;
        }
        let Some(length) = duration(&path, &text, findings) else { return SHORTEST };
        if length < SHORTEST || length > LONGEST {
            let (least, most) = ("1m", "92d");
            findings.report(&path, Problem::OutOfRange { key: path.join("."), least, most });
        }
        length
    }

    fn environments(&self, findings: &mut Findings) -> BTreeSet<EnvironmentName> {
        let path = self.key("environments");
        let Some(listed) = &self.raw.environments else {
            required(&path, None, findings);
            return BTreeSet::new();
        };
        let nothing = Problem::NamesNoEnvironment { key: path.join(".") };
        environments(&path, listed, nothing, findings)
    }

    /// The services that are named, each of which must run where this holds.
    fn services(
        &self,
        environments: &BTreeSet<EnvironmentName>,
        known: &BTreeMap<EnvironmentName, Environment>,
        findings: &mut Findings,
    ) -> BTreeSet<ServiceName> {
        let [table, own, key] = self.key("services");
        let mut services = BTreeSet::new();
        for (index, name) in self.raw.services.iter().flatten().enumerate() {
            if name.is_empty() {
                continue;
            }
            let index = index.to_string();
            let at = [table, own, key, &index];
            let service = ServiceName::new(name);
            if !findings.is_given(&["services", name]) {
                let known: Vec<String> = findings.names("services").map(str::to_owned).collect();
                let near = names::nearest(name, known.iter().map(String::as_str));
                findings.report(&at, Problem::UnknownService { name: name.clone(), near, known });
                continue;
            }
            for environment in environments {
                let runs = known.get(environment).and_then(|one| one.service(&service));
                if runs.is_none() {
                    let (service, environment) = (name.clone(), environment.to_string());
                    findings.report(&at, Problem::NotInEnvironment { service, environment });
                }
            }
            services.insert(service);
        }
        services
    }
}
