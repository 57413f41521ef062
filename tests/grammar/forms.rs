//! Commands as forms: what they ask for, and the lines that they say.

use std::collections::BTreeMap;

use proptest::prelude::*;
use shipmate::domain::command::{
    Ballot, BanImages, Canary, Command, FreezeEnvironment, ImageReference, LockEnvironments,
    Promote, Promoted, Rollback, Scope, Until,
};
use shipmate::domain::form::{FieldKind, Form};
use shipmate::domain::schedule::ScheduleKey;
use shipmate::domain::words_of_time::When;
use shipmate::grammar::{CommandFile, Grammar, Reading, combine};

use super::properties::any_command;
use super::{GRAMMAR, grammar, read, vocabulary};

fn values(filled: &[(&str, &str)]) -> BTreeMap<String, String> {
    filled.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A form, what it is filled in with, and what comes of it.
type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);

/// The line, or why there is none.
fn said(form: &str, filled: &[(&str, &str)]) -> String {
    grammar().line(form, &values(filled)).unwrap_or_else(|problem| problem.to_string())
}

/// As Discord checks them.
fn check_limits(forms: &[Form]) {
    let is_short = |text: &str| (1..=100).contains(&text.encode_utf16().count());
    let is_name = |text: &str| {
        (1..=32).contains(&text.len())
            && text.bytes().all(|b| b == b'-' || b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    for form in forms {
        assert!(is_name(&form.name) && is_short(&form.summary), "{form:?}");
        assert!(form.fields.len() <= 25, "{form:?}");
        let mut names: Vec<&str> = form.fields.iter().map(|field| field.name.as_str()).collect();
        for field in &form.fields {
            assert!(is_name(&field.name) && is_short(&field.summary), "{field:?}");
            assert!(!field.summary.contains('…'), "{field:?}");
        }
        assert!(form.fields.is_sorted_by_key(|field| !field.required), "{form:?}");
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), form.fields.len());
    }
}

#[test]
fn there_is_a_form_for_each_command() {
    let forms = grammar().forms();
    check_limits(&forms);
    let shown = |form: &Form| {
        let fields = form.fields.iter().map(|field| {
            let sign = if field.required { "!" } else { "" };
            format!(" {}{sign}:{:?}", field.name, field.kind)
        });
        let private = if form.private { " (private)" } else { "" };
        format!("{}{private}:{}", form.name, fields.collect::<String>())
    };
    let shown: Vec<String> = forms.iter().map(shown).collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    promote: environment!:Environment images:Images source:Environment dry-run:Switch break-glass:Switch stay:Text when:Text reason:Text
    rollback: environment!:Environment dry-run:Switch reason:Text
    status: environment:Environment service:Service
    show: deployment!:Deployment
    history: environment:Environment
    approve: deployment:Deployment reason:Text
    reject: deployment:Deployment reason:Text
    cancel: deployment:Deployment reason:Text
    pause: deployment:Deployment reason:Text
    continue: deployment:Deployment
    canary: stay!:Text deployment:Deployment
    queue: environment:Environment
    ban: images:Images deployment:Deployment reason:Text
    unban: images!:Images reason:Text
    bans:
    schedules:
    release-hold: environment!:Environment reason:Text
    lock: reason!:Text environment:Environment everything:Switch length:Text
    unlock: environment:Environment everything:Switch reason:Text
    locks:
    reservations:
    end-reservation: environment!:Environment reason:Text
    freeze: environment!:Environment reason!:Text until:Text length:Text
    unfreeze: environment!:Environment reason:Text
    freezes: environment:Environment
    announce: announcement!:Text
    show-schedule: schedule!:Text
    pause-schedule: schedule!:Text
    continue-schedule: schedule!:Text
    cancel-schedule: schedule!:Text
    preview (private): schedule!:Text
    figures: length:Text
    help (private): topic:Command
    whoami (private):
    ");
    assert_eq!(forms[0].summary, "Run an image in an environment");
}

#[test]
fn forms_keep_to_the_limits_whatever_a_team_writes() {
    for summary in ["", "  ", &"🚀".repeat(120), &"word ".repeat(50), "a\\nb"] {
        let text = format!(
            "id = \"whoami\"\naction = \"read\"\nsummary = \"{summary}\"\n\
             phrases = [\"whoami\"]\nexamples = [\"whoami\"]\n"
        );
        let own = vec![CommandFile { name: "own.toml".to_owned(), text }];
        let files = combine(Grammar::shipped_files(), own);
        let grammar = Grammar::load(files).unwrap_or_else(|errors| panic!("{errors}"));
        check_limits(&grammar.forms());
    }
}

#[test]
fn what_was_filled_in_is_said_in_one_line() {
    let table: &[Row<'_>] = &[
        (
            "promote",
            &[("environment", "staging"), ("images", "core:1.5.0")],
            "promote core:1.5.0 to staging",
        ),
        (
            "promote",
            &[("environment", "staging"), ("images", "core:1.5.0, web:2.1.0"), ("source", " ")],
            "promote core:1.5.0 and web:2.1.0 to staging",
        ),
        (
            "promote",
            &[
                ("environment", "production"),
                ("source", "staging"),
                ("dry-run", "true"),
                ("break-glass", "false"),
                ("reason", " first\r\n\"second\" ``` "),
            ],
            "promote everything from staging to production dry run because first  \"second\" ```",
        ),
        ("rollback", &[("environment", "staging")], "rollback staging"),
        ("status", &[], "status"),
        ("status", &[("service", "rest-api")], "status service rest-api"),
        (
            "status",
            &[("service", "rest-api"), ("environment", "staging")],
            "status rest-api in staging",
        ),
        ("show", &[("deployment", "#42")], "show #42"),
        ("cancel", &[("reason", "promote it")], "cancel because promote it"),
        ("help", &[("topic", "promote")], "help promote"),
        ("whoami", &[], "whoami"),
    ];
    for (form, filled, line) in table {
        assert_eq!(said(form, filled), *line);
        assert!(matches!(read(line), Reading::Command(_)), "{line}");
    }
}

#[test]
fn what_cannot_be_said_is_asked_for() {
    let to_production = ("environment", "production");
    let image = ("images", "core:1.5.0");
    let table: &[Row<'_>] = &[
        (
            "promote",
            &[to_production],
            "Say which images, or the environment to take them all from (`source`).",
        ),
        ("promote", &[image], "`promote` needs an environment: fill in `environment`."),
        (
            "promote",
            &[image, to_production, ("source", "staging")],
            "Say either which images, or the environment to take them all from: not both.",
        ),
        (
            "promote",
            &[("images", "core:1.5.0 to production break glass"), ("environment", "staging")],
            "`images` takes images such as core:1.5.0, with commas or \"and\" between them, and \
             nothing else.",
        ),
        (
            "promote",
            &[image, ("environment", "staging, break glass")],
            "`environment` takes the name of one environment, and nothing else.",
        ),
        (
            "promote",
            &[image, to_production, ("dry-run", "perhaps")],
            "`dry-run` takes true or false, and nothing else.",
        ),
        (
            "show",
            &[("deployment", "42 doing")],
            "`deployment` takes one deployment's number, such as 42, and nothing else.",
        ),
        (
            "status",
            &[("service", "`rest-api`")],
            "`service` takes the name of one service, and nothing else.",
        ),
        (
            "help",
            &[("topic", "me promote")],
            "`topic` takes the name of one command, and nothing else.",
        ),
        ("whoami", &[to_production], "`whoami` takes nothing of that name."),
        ("dance", &[], "There is no such command."),
        (
            "promote",
            &[("images", "please"), to_production],
            "Written out, this `promote` would be read as something else: use other words.",
        ),
    ];
    for (form, filled, sentence) in table {
        assert_eq!(said(form, filled), *sentence, "{form} {filled:?}");
    }
}

/// A form filled in with what a command holds.
fn filled_with(command: &Command) -> BTreeMap<String, String> {
    let mut filled = BTreeMap::new();
    let mut add = |name: &str, value: Option<String>| {
        filled.extend(value.map(|value| (name.to_owned(), value)));
    };
    let switch = |on: bool| on.then(|| "true".to_owned());
    match command {
        Command::Promote(Promote {
            what,
            environment,
            dry_run,
            break_glass,
            canary,
            when,
            because,
        }) => {
            add("when", when.map(|when| when.to_string()));
            add("stay", canary.map(|stay| format!("{}s", stay.as_secs())));
            match what {
                Promoted::Images(images) => {
                    let images: Vec<String> = images.iter().map(ToString::to_string).collect();
                    add("images", Some(images.join(", ")));
                }
                Promoted::EverythingFrom(source) => add("source", Some(source.to_string())),
            }
            add("environment", Some(environment.to_string()));
            add("dry-run", switch(*dry_run));
            add("break-glass", switch(*break_glass));
            add("reason", because.clone());
        }
        Command::Rollback(Rollback { environment, dry_run, because }) => {
            add("environment", Some(environment.to_string()));
            add("dry-run", switch(*dry_run));
            add("reason", because.clone());
        }
        Command::Status { environment, service } => {
            add("environment", environment.as_ref().map(ToString::to_string));
            add("service", service.as_ref().map(ToString::to_string));
        }
        Command::History { environment } => {
            add("environment", environment.as_ref().map(ToString::to_string));
        }
        Command::Show { deployment } => add("deployment", Some(deployment.to_string())),
        Command::Approve(ballot) | Command::Reject(ballot) | Command::Cancel(ballot) => {
            let Ballot { deployment, because } = ballot;
            add("deployment", deployment.map(|number| number.to_string()));
            add("reason", because.clone());
        }
        Command::Pause(ballot) | Command::Continue(ballot) => {
            add("deployment", ballot.deployment.map(|number| number.to_string()));
            add("reason", ballot.because.clone());
        }
        Command::Canary(canary) => {
            add("deployment", canary.deployment.map(|number| number.to_string()));
            add("stay", Some(format!("{}s", canary.stay.as_secs())));
        }
        Command::Queue { environment } => {
            add("environment", environment.as_ref().map(ToString::to_string));
        }
        Command::Ban(BanImages::Named { images, because }) => {
            let images: Vec<String> = images.iter().map(ToString::to_string).collect();
            add("images", Some(images.join(", ")));
            add("reason", Some(because.clone()));
        }
        Command::Ban(BanImages::OfDeployment { deployment, because }) => {
            add("deployment", Some(deployment.to_string()));
            add("reason", because.clone());
        }
        Command::Unban { images, because } => {
            let images: Vec<String> = images.iter().map(ToString::to_string).collect();
            add("images", Some(images.join(", ")));
            add("reason", because.clone());
        }
        Command::ReleaseHold { environment, because }
        | Command::EndReservation { environment, because } => {
            add("environment", Some(environment.to_string()));
            add("reason", because.clone());
        }
        Command::Announce { text } => add("announcement", Some(text.clone())),
        Command::ShowSchedule { schedule }
        | Command::PauseSchedule { schedule }
        | Command::ContinueSchedule { schedule }
        | Command::CancelSchedule { schedule }
        | Command::Preview { schedule } => add("schedule", Some(schedule.to_string())),
        Command::Figures { length } => {
            add("length", length.map(|length| format!("{}s", length.as_secs())));
        }
        Command::Lock(LockEnvironments { scope, length, because }) => {
            let (environment, everything) = within(scope);
            add("environment", environment);
            add("everything", everything);
            add("length", length.map(|length| format!("{}s", length.as_secs())));
            add("reason", Some(because.clone()));
        }
        Command::Unlock { scope, because } => {
            let (environment, everything) = within(scope);
            add("environment", environment);
            add("everything", everything);
            add("reason", because.clone());
        }
        Command::Freeze(FreezeEnvironment { environment, until, because }) => {
            add("environment", Some(environment.to_string()));
            match until {
                None => {}
                Some(Until::Moment(when)) => add("until", Some(when.to_string())),
                Some(Until::Length(length)) => {
                    add("length", Some(format!("{}s", length.as_secs())));
                }
            }
            add("reason", Some(because.clone()));
        }
        Command::Unfreeze { environment, because } => {
            add("environment", Some(environment.to_string()));
            add("reason", because.clone());
        }
        Command::Freezes { environment } => {
            add("environment", environment.as_ref().map(ToString::to_string));
        }
        Command::Help { topic } => add("topic", topic.clone()),
        Command::Bans
        | Command::Schedules
        | Command::Locks
        | Command::Reservations
        | Command::Whoami => {}
    }
    filled
}

/// The two fields of which one says where.
fn within(scope: &Scope) -> (Option<String>, Option<String>) {
    match scope {
        Scope::Environment(environment) => (Some(environment.to_string()), None),
        Scope::Everything => (None, Some("true".to_owned())),
    }
}

/// As it must come back: on one line, without blanks around it; `None` where nothing is left.
fn one_line(text: &str) -> Option<String> {
    let is_break = |sign: char| "\n\r\u{b}\u{c}\u{85}\u{2028}\u{2029}".contains(sign);
    let line: String = text.chars().map(|sign| if is_break(sign) { ' ' } else { sign }).collect();
    Some(line.trim().to_owned()).filter(|line| !line.is_empty())
}

fn with_reason(mut command: Command, reason: Option<String>) -> Command {
    match &mut command {
        Command::Promote(promote) => promote.because = reason,
        Command::Rollback(rollback) => rollback.because = reason,
        Command::Approve(ballot)
        | Command::Reject(ballot)
        | Command::Cancel(ballot)
        | Command::Pause(ballot) => {
            ballot.because = reason;
        }
        Command::Continue(_) | Command::Canary(_) | Command::Queue { .. } => {}
        Command::Ban(BanImages::Named { because, .. }) => *because = reason.unwrap_or_default(),
        Command::Ban(BanImages::OfDeployment { because, .. })
        | Command::Unban { because, .. }
        | Command::ReleaseHold { because, .. }
        | Command::EndReservation { because, .. }
        | Command::Unfreeze { because, .. }
        | Command::Unlock { because, .. } => *because = reason,
        Command::Lock(lock) => lock.because = reason.unwrap_or_default(),
        Command::Freeze(freeze) => freeze.because = reason.unwrap_or_default(),
        Command::Status { .. }
        | Command::History { .. }
        | Command::Show { .. }
        | Command::Bans
        | Command::Locks
        | Command::Reservations
        | Command::Freezes { .. }
        | Command::Announce { .. }
        | Command::ShowSchedule { .. }
        | Command::PauseSchedule { .. }
        | Command::ContinueSchedule { .. }
        | Command::CancelSchedule { .. }
        | Command::Preview { .. }
        | Command::Figures { .. }
        | Command::Schedules
        | Command::Help { .. }
        | Command::Whoami => {}
    }
    command
}

/// Text in which everything that means something to a reader of lines may stand.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = proptest::sample::select(vec![
        "core:1.5.0",
        "web:2.1.0",
        "core",
        "1.6.0",
        "staging",
        "production",
        "to",
        "from",
        "and",
        ",",
        "&",
        "everything",
        "promote",
        "rollback",
        "break glass",
        "break-glass",
        "dry run",
        "dryrun",
        "because",
        "since",
        "image",
        "environment",
        "service",
        "rest-api",
        "in",
        "of",
        "42",
        "#42",
        "true",
        "false",
        "help",
        "please",
        "me",
        "doing",
        "run",
        "`",
        "```",
        "\"",
        "“",
        ">",
        ">>>",
        "**",
        ":rocket:",
        "🚀",
        "\n",
        "\r",
        "\u{2028}",
        "\u{200b}",
        ".",
        " ",
        "status",
        "show",
        "sha256:1a2b3c4d",
        "core@1a2b3c4d",
        "é",
    ]);
    let pieces = proptest::collection::vec((pieces, proptest::sample::select(vec![" ", ""])), 0..6)
        .prop_map(|pieces| pieces.into_iter().flat_map(|(piece, blank)| [piece, blank]).collect());
    prop_oneof![
        3 => pieces,
        1 => any::<String>(),
        1 => Just("staging".to_owned()),
        1 => Just("core:1.5.0".to_owned()),
        1 => Just("true".to_owned()),
    ]
}

/// A form with some of its fields filled in with anything.
fn filled_with_anything() -> impl Strategy<Value = (Form, BTreeMap<String, String>)> {
    proptest::sample::select(grammar().forms()).prop_flat_map(|form| {
        let fields: Vec<_> = form
            .fields
            .iter()
            .map(|field| {
                let honest = match field.kind {
                    FieldKind::Images => "core:1.5.0",
                    FieldKind::Environment => "staging",
                    FieldKind::Service => "rest-api",
                    FieldKind::Deployment => "42",
                    FieldKind::Command => "promote",
                    FieldKind::Switch => "true",
                    FieldKind::Text => "we must",
                };
                let value = prop_oneof![hostile(), Just(honest.to_owned())];
                (Just(field.name.clone()), proptest::option::of(value))
            })
            .collect();
        let filled = fields.prop_map(|fields| {
            fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
        });
        (Just(form), filled)
    })
}

/// `None` only where something was given and names nothing.
fn optional<T>(given: Option<Option<T>>) -> Option<Option<T>> {
    match given {
        None => Some(None),
        Some(found) => found.map(Some),
    }
}

/// The command that these values mean, each read by itself; `None` where there is no such
/// command.
fn meant(form: &str, filled: &BTreeMap<String, String>) -> Option<Command> {
    let given = |name: &str| {
        filled.get(name).map(|value| value.trim()).filter(|value| one_line(value).is_some())
    };
    let vocabulary = vocabulary();
    let environment = |name: &str| {
        let known = |word| vocabulary.environments.iter().find(|one| one.as_str() == word);
        given(name).map(|word| known(word).cloned())
    };
    // A switch that says neither is an error, and so means nothing here.
    let switch = |name: &str| match given(name) {
        None | Some("false") => Some(false),
        Some("true") => Some(true),
        Some(_) => None,
    };
    let because = filled.get("reason").and_then(|reason| one_line(reason));
    let deployment = given("deployment").map(|word| {
        word.strip_prefix('#').unwrap_or(word).parse().ok().map(shipmate::domain::id::DeploymentId)
    });
    let time = |name: &str| {
        given(name).map(|text| match read(&format!("canary {text}")) {
            Reading::Command(Command::Canary(Canary { deployment: None, stay })) => Some(stay),
            _ => None,
        })
    };
    let (stay, length) = (time("stay"), time("length"));
    let scope = || match (environment("environment"), switch("everything")?) {
        (Some(environment), false) => Some(Scope::Environment(environment?)),
        (None, true) => Some(Scope::Everything),
        (None, false) | (Some(_), true) => None,
    };
    let until = given("until").map(|text| When::parse(text).ok());
    let when = given("when").map(|text| match read(&format!("promote 1.5.0 to staging {text}")) {
        Reading::Command(Command::Promote(Promote { when, dry_run: false, .. })) => when,
        _ => None,
    });
    // Each image is read in a line of its own.
    let images_in = |images: &str| -> Option<Vec<ImageReference>> {
        let images = images.replace(['&', ','], " and ");
        let images = images.split_whitespace().filter(|word| !word.eq_ignore_ascii_case("and"));
        let one = |word: &str| match read(&format!("promote {word} to staging")) {
            Reading::Command(Command::Promote(Promote {
                what: Promoted::Images(images), ..
            })) => Some(images),
            _ => None,
        };
        let images: Option<Vec<_>> = images.map(one).collect();
        Some(images?.concat())
    };
    let schedule = given("schedule").map(ScheduleKey::parse);
    let ballot = || Some(Ballot { deployment: optional(deployment)?, because: because.clone() });
    Some(match form {
        "promote" => {
            let what = match (given("images"), environment("source")) {
                (Some(images), None) => Promoted::Images(images_in(images)?),
                (None, Some(source)) => Promoted::EverythingFrom(source?),
                (None, None) | (Some(_), Some(_)) => return None,
            };
            Command::Promote(Promote {
                what,
                environment: environment("environment")??,
                dry_run: switch("dry-run")?,
                break_glass: switch("break-glass")?,
                canary: optional(stay)?,
                when: optional(when)?,
                because,
            })
        }
        "rollback" => Command::Rollback(Rollback {
            environment: environment("environment")??,
            dry_run: switch("dry-run")?,
            because,
        }),
        "status" => {
            let service = given("service").map(|word| (word == "rest-api").then(|| word.into()));
            Command::Status {
                environment: optional(environment("environment"))?,
                service: optional(service)?,
            }
        }
        "history" => Command::History { environment: optional(environment("environment"))? },
        "show" => Command::Show { deployment: deployment?? },
        "approve" => Command::Approve(ballot()?),
        "reject" => Command::Reject(ballot()?),
        "cancel" => Command::Cancel(ballot()?),
        "pause" => Command::Pause(ballot()?),
        "continue" => {
            Command::Continue(Ballot { deployment: optional(deployment)?, because: None })
        }
        "canary" => Command::Canary(Canary { deployment: optional(deployment)?, stay: stay?? }),
        "queue" => Command::Queue { environment: optional(environment("environment"))? },
        "ban" => Command::Ban(match (given("images"), deployment) {
            (Some(images), None) => {
                BanImages::Named { images: images_in(images)?, because: because? }
            }
            (None, Some(deployment)) => {
                BanImages::OfDeployment { deployment: deployment?, because }
            }
            (None, None) | (Some(_), Some(_)) => return None,
        }),
        "unban" => Command::Unban { images: images_in(given("images")?)?, because },
        "bans" => Command::Bans,
        "schedules" => Command::Schedules,
        "release-hold" => {
            Command::ReleaseHold { environment: environment("environment")??, because }
        }
        "lock" => Command::Lock(LockEnvironments {
            scope: scope()?,
            length: optional(length)?,
            because: because?,
        }),
        "unlock" => Command::Unlock { scope: scope()?, because },
        "locks" => Command::Locks,
        "reservations" => Command::Reservations,
        "end-reservation" => {
            Command::EndReservation { environment: environment("environment")??, because }
        }
        "freeze" => Command::Freeze(FreezeEnvironment {
            environment: environment("environment")??,
            until: match (until, length) {
                (None, None) => None,
                (Some(until), None) => Some(Until::Moment(until?)),
                (None, Some(length)) => Some(Until::Length(length?)),
                (Some(_), Some(_)) => return None,
            },
            because: because?,
        }),
        "unfreeze" => Command::Unfreeze { environment: environment("environment")??, because },
        "freezes" => Command::Freezes { environment: optional(environment("environment"))? },
        "announce" => Command::Announce { text: given("announcement").and_then(one_line)? },
        "show-schedule" => Command::ShowSchedule { schedule: schedule? },
        "pause-schedule" => Command::PauseSchedule { schedule: schedule? },
        "continue-schedule" => Command::ContinueSchedule { schedule: schedule? },
        "cancel-schedule" => Command::CancelSchedule { schedule: schedule? },
        "preview" => Command::Preview { schedule: schedule? },
        "figures" => Command::Figures { length: optional(length)? },
        "help" => {
            let topic = given("topic").map(|word| match read(&format!("help {word}")) {
                Reading::Command(Command::Help { topic }) => topic,
                _ => None,
            });
            Command::Help { topic: optional(topic)? }
        }
        "whoami" => Command::Whoami,
        other => panic!("no form {other}"),
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None, cases: 1024, ..ProptestConfig::default()
    })]

    /// Whatever a command holds can be filled in, and comes back as it was, its reason too.
    #[test]
    fn a_filled_form_is_read_as_its_command(command in any_command(), reason in hostile()) {
        let form = GRAMMAR.id(&command);
        let mut filled = filled_with(&command);
        let mut command = command;
        // Without a reason no image is banned, and nothing is locked or frozen.
        let reason = match one_line(&reason) {
            None if ["ban", "lock", "freeze"].contains(&form) => "why".to_owned(),
            None | Some(_) => reason,
        };
        if GRAMMAR.field_kind(form, "reason").is_some() {
            filled.insert("reason".to_owned(), reason.clone());
            command = with_reason(command, one_line(&reason));
        }
        let line = GRAMMAR.line(form, &filled).unwrap_or_else(|problem| panic!("{problem}"));
        prop_assert!(!line.contains('\n'), "{}", line);
        prop_assert_eq!(read(&line), Reading::Command(command), "{}", line);
    }

    /// Whatever stands in the fields, what comes of it is the command that they mean one by one,
    /// or none at all.
    #[test]
    fn no_value_becomes_anything_else((form, filled) in filled_with_anything()) {
        match GRAMMAR.line(&form.name, &filled) {
            Err(problem) => prop_assert!(!problem.to_string().is_empty()),
            Ok(line) => match read(&line) {
                Reading::Command(command) => {
                    prop_assert_eq!(Some(command), meant(&form.name, &filled), "{}", line);
                }
                Reading::Misunderstood(_) => {}
                Reading::NotACommand => prop_assert!(false, "{} is talk", line),
            },
        }
    }
}
