//! Commands as forms: what they ask for, and the lines that they say.

use std::collections::BTreeMap;

use proptest::prelude::*;
use shipmate::domain::form::{FieldKind, Form};
use shipmate::grammar::{CommandFile, Grammar, Reading, combine};

use super::filling::{filled_with, meant, one_line, with_reason};
use super::properties::any_command;
use super::{GRAMMAR, grammar, read};

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
