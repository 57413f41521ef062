//! What holds for every line and every command.

use std::time::Duration;

use proptest::prelude::*;
use shipmate::domain::command::{
    Ballot, BanImages, Canary, Command, FreezeEnvironment, ImageReference, LockEnvironments, Pick,
    Promote, Promoted, Rollback, Scope, Until,
};
use shipmate::domain::id::{DeploymentId, Digest, EnvironmentName, Tag};
use shipmate::domain::schedule::ScheduleKey;
use shipmate::domain::words_of_time::When;
use shipmate::grammar::Reading;

use super::{GRAMMAR, vocabulary};

fn environment() -> impl Strategy<Value = EnvironmentName> {
    prop_oneof![Just("staging".into()), Just("production".into())]
}

/// One line that neither begins nor ends in a blank.
fn reason() -> impl Strategy<Value = Option<String>> {
    let text = prop_oneof![
        any::<String>(),
        "[a-z`\"“>#:,. ]{1,30}",
        Just("dry run ``` because please".to_owned()),
    ];
    let one_line = |text: String| {
        let line: String = text.chars().filter(|sign| !"\n\r".contains(*sign)).collect();
        let line = line.trim().to_owned();
        (!line.is_empty()).then_some(line)
    };
    prop_oneof![Just(None), text.prop_map(one_line)]
}

fn pick() -> impl Strategy<Value = Pick> {
    prop_oneof![
        "[0-9]{1,2}\\.[0-9]{1,2}\\.[0-9]{1,2}(-rc[0-9])?".prop_map(|tag| Pick::Tag(Tag::new(tag))),
        any::<u64>().prop_map(|seed| Pick::Digest(Digest::of(&seed.to_be_bytes()))),
        "[0-9a-f]{8,63}".prop_map(Pick::Prefix),
    ]
}

fn image() -> impl Strategy<Value = ImageReference> {
    let repository = prop_oneof![Just("core"), Just("web"), Just("team/jobs")];
    let known = (repository, pick())
        .prop_map(|(name, pick)| ImageReference { repository: Some(name.into()), pick });
    // A bare tag that two repositories have is ambiguous, so it is none of those here.
    let bare = prop_oneof![
        "9[0-9]\\.[0-9]".prop_map(|tag| Pick::Tag(Tag::new(tag))),
        "v[0-9]{1,3}".prop_map(|tag| Pick::Tag(Tag::new(tag))),
        "[0-9a-f]{8,63}".prop_map(Pick::Prefix),
    ];
    let bare = bare.prop_map(|pick| ImageReference { repository: None, pick });
    prop_oneof![known, bare]
}

fn deployment() -> impl Strategy<Value = Option<DeploymentId>> {
    prop_oneof![Just(None), (1_i64..1_000_000).prop_map(|number| Some(DeploymentId(number)))]
}

fn stay() -> impl Strategy<Value = Duration> {
    (1..=7 * 24 * 3600_u64).prop_map(Duration::from_secs)
}

fn schedule() -> impl Strategy<Value = ScheduleKey> {
    prop_oneof![
        (1_i64..1000).prop_map(ScheduleKey::Numbered),
        Just(ScheduleKey::Named("morning".into())),
    ]
}

fn when() -> impl Strategy<Value = When> {
    let text = prop_oneof![
        "in [1-9][0-9]? (minutes|hours|days)",
        "(at |today at |tomorrow at |on friday at |on 2026-12-24 at )1[0-9]:[0-5][0-9]",
    ];
    text.prop_map(|text| When::parse(&text).unwrap())
}

pub(super) fn any_command() -> impl Strategy<Value = Command> {
    let what = prop_oneof![
        proptest::collection::vec(image(), 1..4).prop_map(Promoted::Images),
        environment().prop_map(Promoted::EverythingFrom),
    ];
    let switches = (any::<bool>(), any::<bool>());
    let times = (proptest::option::of(stay()), proptest::option::of(when()));
    let promote = (what, environment(), switches, times, reason()).prop_map(
        |(what, environment, (dry_run, break_glass), (canary, when), because)| {
            Command::Promote(Promote {
                what,
                environment,
                dry_run,
                break_glass,
                canary,
                when,
                because,
            })
        },
    );
    let canary = (deployment(), stay()).prop_map(|(deployment, stay)| Canary { deployment, stay });
    let rollback =
        (environment(), any::<bool>(), reason()).prop_map(|(environment, dry_run, because)| {
            Command::Rollback(Rollback { environment, dry_run, because })
        });
    let ballot = || {
        (deployment(), reason()).prop_map(|(deployment, because)| Ballot { deployment, because })
    };
    let maybe = || proptest::option::of(environment());
    let images = || proptest::collection::vec(image(), 1..4);
    let some_reason = || reason().prop_map(|reason| reason.unwrap_or_else(|| "why".to_owned()));
    let banned = (images(), some_reason())
        .prop_map(|(images, because)| Command::Ban(BanImages::Named { images, because }));
    let blamed =
        ((1_i64..1000).prop_map(DeploymentId), reason()).prop_map(|(deployment, because)| {
            Command::Ban(BanImages::OfDeployment { deployment, because })
        });
    let unbanned =
        (images(), reason()).prop_map(|(images, because)| Command::Unban { images, because });
    let released = (environment(), reason())
        .prop_map(|(environment, because)| Command::ReleaseHold { environment, because });
    let scope = || prop_oneof![environment().prop_map(Scope::Environment), Just(Scope::Everything)];
    let locked = (scope(), proptest::option::of(stay()), some_reason()).prop_map(
        |(scope, length, because)| Command::Lock(LockEnvironments { scope, length, because }),
    );
    let unlocked =
        (scope(), reason()).prop_map(|(scope, because)| Command::Unlock { scope, because });
    let ended = (environment(), reason())
        .prop_map(|(environment, because)| Command::EndReservation { environment, because });
    let until = prop_oneof![
        prop_oneof![
            Just("in 2h"),
            Just("18:00"),
            Just("on monday at 8:00"),
            Just("2026-12-24 10:00")
        ]
        .prop_map(|text| Until::Moment(When::parse(text).unwrap())),
        stay().prop_map(Until::Length),
    ];
    let frozen = (environment(), proptest::option::of(until), some_reason()).prop_map(
        |(environment, until, because)| {
            Command::Freeze(FreezeEnvironment { environment, until, because })
        },
    );
    let unfrozen = (environment(), reason())
        .prop_map(|(environment, because)| Command::Unfreeze { environment, because });
    let announcement = reason().prop_map(|text| Command::Announce {
        text: text.unwrap_or_else(|| "lunch in #ops at 12:00".to_owned()),
    });
    prop_oneof![
        1 => frozen,
        1 => unfrozen,
        1 => maybe().prop_map(|environment| Command::Freezes { environment }),
        1 => banned,
        1 => blamed,
        1 => unbanned,
        1 => released,
        1 => Just(Command::Bans),
        1 => locked,
        1 => unlocked,
        1 => Just(Command::Locks),
        1 => ended,
        1 => Just(Command::Reservations),
        1 => Just(Command::Schedules),
        4 => promote,
        2 => rollback,
        1 => (maybe(), proptest::option::of(Just("rest-api".into())))
            .prop_map(|(environment, service)| Command::Status { environment, service }),
        1 => maybe().prop_map(|environment| Command::History { environment }),
        1 => (1_i64..1000).prop_map(|number| Command::Show { deployment: DeploymentId(number) }),
        1 => ballot().prop_map(Command::Approve),
        1 => ballot().prop_map(Command::Reject),
        1 => ballot().prop_map(Command::Cancel),
        1 => ballot().prop_map(Command::Pause),
        1 => deployment().prop_map(|deployment| {
            Command::Continue(Ballot { deployment, because: None })
        }),
        1 => canary.prop_map(Command::Canary),
        1 => maybe().prop_map(|environment| Command::Queue { environment }),
        1 => prop_oneof![Just(None), Just(Some("promote".to_owned()))]
            .prop_map(|topic| Command::Help { topic }),
        1 => announcement,
        1 => schedule().prop_map(|schedule| Command::ShowSchedule { schedule }),
        1 => schedule().prop_map(|schedule| Command::PauseSchedule { schedule }),
        1 => schedule().prop_map(|schedule| Command::ContinueSchedule { schedule }),
        1 => schedule().prop_map(|schedule| Command::CancelSchedule { schedule }),
        1 => schedule().prop_map(|schedule| Command::Preview { schedule }),
        1 => proptest::option::of(stay()).prop_map(|length| Command::Figures { length }),
        1 => Just(Command::Whoami),
    ]
}

/// Lines that look like commands, with all that a reader could stumble over.
fn nearly() -> impl Strategy<Value = String> {
    let words = proptest::sample::select(vec![
        "promote",
        "promot",
        "deploy",
        "core:1.5.0",
        "cora:1.5.0",
        "core",
        "web",
        "to",
        "form",
        "from",
        "staging",
        "stagng",
        "production",
        "prod",
        "and",
        ",",
        "image",
        "everything",
        "dry",
        "run",
        "break",
        "glass",
        "because",
        "roll",
        "back",
        "status",
        "show",
        "#42",
        "42",
        "approve",
        "help",
        "who",
        "am",
        "i",
        "want",
        "be",
        "our",
        "please",
        "\"",
        "`",
        "```",
        ">",
        "\n",
        "core@1a2b3c4d",
        "sha256:12",
        "é",
        "\u{200b}",
        "what",
        "is",
        "running",
        "service",
        "rest-api",
        "in",
        ".",
    ]);
    proptest::collection::vec(words, 0..12).prop_map(|words| words.join(" "))
}

/// What every reading must keep to.
fn check(line: &str) {
    let vocabulary = vocabulary();
    if let Reading::Misunderstood(found) = GRAMMAR.parse(line, &vocabulary) {
        assert!(!found.to_string().is_empty());
        for suggestion in found.suggestions {
            let again = GRAMMAR.parse(&suggestion, &vocabulary);
            assert!(matches!(again, Reading::Command(_)), "{line}: {suggestion}: {again:?}");
        }
    }
    for completion in GRAMMAR.complete(line, &vocabulary) {
        assert!(line.is_char_boundary(completion.replace_from), "{line}: {completion:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read(line in any::<String>()) {
        check(&line);
    }

    #[test]
    fn what_looks_like_a_command_is_read_and_suggestions_are_commands(line in nearly()) {
        check(&line);
    }

    #[test]
    fn commands_are_read_back_as_they_are_written(command in any_command()) {
        let line = GRAMMAR.print(&command);
        prop_assert_eq!(GRAMMAR.parse(&line, &vocabulary()), Reading::Command(command), "{}", line);
    }

    /// One slip in a command never makes another environment of it.
    #[test]
    fn a_slip_never_changes_the_environment(
        command in any_command(), at in any::<prop::sample::Index>(), sign in "[a-z]",
    ) {
        let line = GRAMMAR.print(&command);
        let at = at.index(line.len());
        prop_assume!(line.is_char_boundary(at) && line.is_char_boundary(at + 1));
        let slipped = format!("{}{sign}{}", &line[..at], &line[at + 1..]);
        if let (Reading::Command(Command::Promote(Promote { environment: read, .. })),
            Command::Promote(Promote { environment: meant, .. })) =
            (GRAMMAR.parse(&slipped, &vocabulary()), command)
        {
            prop_assert_eq!(read, meant, "{}", slipped);
        }
    }
}
