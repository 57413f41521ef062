//! `shipmate check`: settings, commands and policies are sound, they fit each other, and the
//! policies decide their cases as they should.

use std::fmt::Write as _;
use std::path::Path;

use jiff::Timestamp;

use super::{announcements, files};
use crate::domain::freeze::Effect;
use crate::domain::schedule::Schedule;
use crate::grammar::Grammar;
use crate::policy::{Cases, Policies};
use crate::settings::Settings;

/// What a check found: a report for people, and whether all is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    pub report: String,
    pub sound: bool,
}

/// Checks everything that the settings name, as it is now. Stops at nothing: all that is wrong is
/// told.
pub fn check(path: &Path, variables: Vec<(String, String)>, now: Timestamp) -> Checked {
    let mut checked = Checked { report: String::new(), sound: true };
    let settings = match Settings::read(path, variables) {
        Ok(settings) => {
            let environments = settings.environments.0.len();
            checked.good(&format!(
                "settings: {environments} environments, {} roles",
                settings.roles.len()
            ));
            checked.calendar(&settings);
            settings
        }
        Err(errors) => {
            checked.bad("settings", &errors);
            return checked;
        }
    };
    match files::commands(settings.commands.as_ref()).map(Grammar::load) {
        Ok(Ok(grammar)) => checked.good(&format!("commands: {}", grammar.help().len())),
        Ok(Err(errors)) => checked.bad("commands", &errors),
        Err(error) => checked.bad("commands", &format!("{error:#}")),
    }
    match announcements::schedules(&settings.schedules) {
        Ok(schedules) => checked.schedules(&schedules, now),
        Err(errors) => checked.bad("schedules", &errors),
    }
    match files::policies(settings.policies.as_ref()) {
        Err(error) => checked.bad("policies", &format!("{error:#}")),
        Ok(sources) => {
            for name in &sources.ignored {
                checked.bad(
                    "policies",
                    &format!("{name} is no .cedar, .cedarschema or case file: move it away"),
                );
            }
            match Policies::of(&sources) {
                Err(errors) => checked.bad("policies", &errors),
                Ok(policies) => {
                    checked.good(&format!("policies: {}", policies.ids().len()));
                    checked.fits(&settings, &policies);
                    checked.cases(&policies, Cases::load(&sources.cases));
                }
            }
        }
    }
    checked
}

impl Checked {
    fn good(&mut self, what: &str) {
        // Writing to a text cannot fail.
        let _ = writeln!(self.report, "✓ {what}");
    }

    fn bad(&mut self, what: &str, why: &dyn std::fmt::Display) {
        self.sound = false;
        let _ = writeln!(self.report, "✗ {what}:\n{why}");
    }

    /// What closes environments, also where the settings name nothing.
    fn calendar(&mut self, settings: &Settings) {
        for environment in settings.environments.iter().filter(|one| !one.calendar.is_empty()) {
            let entries = environment.calendar.iter().map(|entry| match entry.effect {
                Effect::Closes => format!("freeze {}", entry.name),
                Effect::Opens => format!("window {}", entry.name),
            });
            let entries: Vec<String> = entries.collect();
            self.good(&format!("calendar of {}: {}", environment.name, entries.join(", ")));
        }
    }

    /// What is over is told: it was right once, and an end that has come stops no process.
    fn schedules(&mut self, schedules: &[Schedule], now: Timestamp) {
        let over = schedules.iter().filter(|one| one.timing.next_after(now).is_none());
        let over: Vec<String> = over.map(|one| one.key.to_string()).collect();
        let over = match over.as_slice() {
            [] => String::new(),
            [_, ..] => format!(", without a further time: {}", over.join(", ")),
        };
        self.good(&format!("schedules: {}{over}", schedules.len()));
    }

    /// Policies may only speak of roles and environments that exist: a misspelt one would
    /// silently never apply.
    fn fits(&mut self, settings: &Settings, policies: &Policies) {
        let mut strange = Vec::new();
        for role in policies.roles().difference(&settings.roles) {
            strange.push(format!("role {role}"));
        }
        let known = |name| settings.environments.get(name).is_some();
        for name in policies.environments().iter().filter(|name| !known(name)) {
            strange.push(format!("environment {name}"));
        }
        if !strange.is_empty() {
            let why = format!(
                "the policies speak of what the settings do not name: {}. Declare it, or change the policies.",
                strange.join(", ")
            );
            self.bad("policies and settings", &why);
        }
    }

    fn cases(&mut self, policies: &Policies, cases: Result<Cases, crate::policy::LoadErrors>) {
        let cases = match cases {
            Ok(cases) => cases,
            Err(errors) => return self.bad("cases", &errors),
        };
        let outcomes = cases.run(policies);
        let failed: Vec<String> = outcomes
            .iter()
            .filter_map(|outcome| {
                let failure = outcome.failure.as_ref()?;
                Some(format!("{}: \"{}\": {failure}", outcome.place, outcome.says))
            })
            .collect();
        if failed.is_empty() {
            self.good(&format!("cases: {} decided as they should be", outcomes.len()));
        } else {
            self.bad(&format!("cases: {} of {}", failed.len(), outcomes.len()), &failed.join("\n"));
        }
    }
}
