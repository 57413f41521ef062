//! Lines that people write, and the commands that they are.

use shipmate::domain::command::{
    Ballot, Canary, Command, ImageReference, Pick, Promote, Promoted, Rollback,
};
use shipmate::domain::id::{DeploymentId, Digest};
use shipmate::grammar::Reading;

use super::{command, grammar, read};

/// The lines of a table are read as the command on its left, which is written canonically.
#[test]
fn lines_are_read_as_the_command_that_they_mean() {
    let table: &[(&str, &[&str])] = &[
        (
            "promote core:1.5.0 to staging",
            &[
                "promote image core:1.5.0 to staging",
                "Promote core:1.5.0 to staging.",
                "DEPLOY core:1.5.0 TO staging!!",
                "please ship core:1.5.0 onto staging",
                "deploy core:1.5.0 to staging, please",
                "  promote\u{a0}core:1.5.0   to \u{200b}staging 🚀",
                "**promote** core:1.5.0 to (staging)",
                "I want core:1.5.0 to be our staging image",
                "i’d say... nothing\nwe want core:1.5.0 to be the staging image.",
                "core:1.5.0 to be my staging image",
                "make staging run core:1.5.0",
                "> promote core:9.9.9 to production\npromote core:1.5.0 to staging",
                "```\npromote core:9.9.9 to production\n```\npromote core:1.5.0 to staging",
                "promote core:1.5.0 to staging `and not production`",
                "promote core:1.5.0 to staging \"as they say\"",
            ],
        ),
        (
            "promote core:1.5.0 and web:2.1.0 to staging",
            &[
                "promote core:1.5.0, web:2.1.0 to staging",
                "promote core:1.5.0,web:2.1.0 to staging",
                "promote images core:1.5.0, and web:2.1.0 to staging",
                "promote core:1.5.0 & web:2.1.0 to staging",
                "I want core:1.5.0 and web:2.1.0 to be our staging images",
            ],
        ),
        (
            "promote everything from staging to production",
            &[
                "deploy all from staging to production?",
                "Ship everything from staging to production",
            ],
        ),
        (
            "freeze production until on monday at 08:00 because the sale is on",
            &[
                "freeze production until monday 8:00 because the sale is on",
                "Freeze environment production until mon 8am because the sale is on",
            ],
        ),
        (
            "freeze production for 1h30m because of the sale",
            &["please freeze production for 90 minutes because of the sale"],
        ),
        ("unfreeze production", &["end the freeze of production", "lift freeze on production"]),
        (
            "freezes of production",
            &["show the freezes in production", "what is frozen in production?"],
        ),
        ("freezes", &["show freezes", "what is frozen?"]),
        (
            "promote core:1.5.0 to staging dry run",
            &[
                "dry run promote core:1.5.0 to staging",
                "dry-run promote core:1.5.0 to staging",
                "promote core:1.5.0 to staging dry-run",
                "promote core:1.5.0 to staging, dry run please",
                "dry run: promote core:1.5.0 to staging",
            ],
        ),
        (
            "promote core:1.5.0 to production break glass because it is down, please hurry!",
            &[
                "promote core:1.5.0 to production, break glass, because it is down, please hurry!",
                "Promote core:1.5.0 to production break-glass because it is down, please hurry!",
            ],
        ),
        ("promote core@1a2b3c4d to staging", &["promote core@sha256:1A2B3C4D to staging"]),
        ("promote 1.6.0 to staging", &["ship 1.6.0 to staging"]),
        ("promote sha256:1a2b3c4d to staging", &["deploy image sha256:1a2b3c4d to staging"]),
        ("promote team/jobs:7 to staging", &["promote team/jobs:7 on staging"]),
        (
            "rollback production",
            &[
                "roll back production",
                "roll production back",
                "Rollback production!",
                "revert production",
            ],
        ),
        ("rollback staging dry run", &["dry run roll back staging", "roll staging back dry run"]),
        (
            "rollback production because \"it\" is `down`",
            &["roll back production because \"it\" is `down`"],
        ),
        ("status", &["Status?", "show status", "what is running", "what's running?"]),
        (
            "status staging",
            &[
                "status of staging",
                "what is running in staging?",
                "what’s deployed in staging",
                "what runs on staging",
                "how is staging doing?",
            ],
        ),
        (
            "status rest-api in staging",
            &[
                "status of rest-api in staging?",
                "status of service rest-api in staging",
                "show status of rest-api on staging",
            ],
        ),
        ("status service rest-api", &["Status of service rest-api!"]),
        ("show 42", &["show #42", "show deployment 42", "how is #42 doing", "Show me 42."]),
        ("history", &["show history", "show the history", "what happened?"]),
        ("history production", &["history of production", "what happened in production"]),
        ("approve", &["approve!", "LGTM"]),
        ("approve 42", &["approve #42", "lgtm 42"]),
        ("reject 42 because no", &["reject #42, because no", "veto 42 because no"]),
        ("cancel 42", &["abort 42", "stop #42", "cancel deployment 42"]),
        ("cancel because of the tests", &["stop because of the tests"]),
        (
            "lock staging because I am testing",
            &[
                "Lock the staging because I am testing",
                "lock environment staging, since I am testing",
            ],
        ),
        (
            "lock staging for 2h because I am testing",
            &[
                "lock staging for 2 hours because I am testing",
                "lock staging because I am testing for 2h",
                "lock staging because I am testing for 120 minutes.",
            ],
        ),
        ("lock staging because it waits for bob", &["lock staging since it waits for bob"]),
        ("lock staging because for 2h", &["lock the staging since for 2h"]),
        (
            "lock everything for 1h because we move for good",
            &["lock everything, for 1 hour, because we move for good"],
        ),
        ("unlock staging", &["Unlock the staging!", "unlock environment staging"]),
        ("unlock everything because it is done", &["unlock everything since it is done"]),
        ("locks", &["show the locks", "what is locked?", "what’s locked"]),
        ("help", &["Help!", "help me", "help please", "what can you do?"]),
        (
            "help promote",
            &["how do i promote?", "help with promote", "help deploy", "help PROMOTE"],
        ),
        ("whoami", &["who am I?", "what am I allowed to do"]),
    ];
    let grammar = grammar();
    for (canonical, lines) in table {
        let meant = command(canonical);
        assert_eq!(grammar.print(&meant), *canonical);
        for line in *lines {
            assert_eq!(read(line), Reading::Command(meant.clone()), "{line}");
        }
    }
}

#[test]
fn commands_hold_what_was_said() {
    let reference = |repository: Option<&str>, pick| ImageReference {
        repository: repository.map(Into::into),
        pick,
    };
    let digest = Digest::of(b"core");
    let line = format!(
        "promote core:1.5.0, web@{digest}, core@1a2b3c4d and 1.6.0 to staging dry run break glass \
         because we must"
    );
    assert_eq!(
        command(&line),
        Command::Promote(Promote {
            what: Promoted::Images(vec![
                reference(Some("core"), Pick::Tag("1.5.0".into())),
                reference(Some("web"), Pick::Digest(digest)),
                reference(Some("core"), Pick::Prefix("1a2b3c4d".into())),
                reference(None, Pick::Tag("1.6.0".into())),
            ]),
            environment: "staging".into(),
            dry_run: true,
            break_glass: true,
            canary: None,
            when: None,
            because: Some("we must".into()),
        })
    );
    assert_eq!(
        command("roll production back because  of this: \u{201c}down\u{201d} … "),
        Command::Rollback(Rollback {
            environment: "production".into(),
            dry_run: false,
            because: Some("of this: \u{201c}down\u{201d} …".into()),
        })
    );
    assert_eq!(
        command("reject #42"),
        Command::Reject(Ballot { deployment: Some(DeploymentId(42)), because: None })
    );
    assert_eq!(command("status"), Command::Status { environment: None, service: None });
}

#[test]
fn a_time_is_one_word_or_a_number_and_its_unit() {
    let canary = |line: &str| match command(line) {
        Command::Canary(Canary { deployment, stay }) => (deployment.map(|id| id.0), stay.as_secs()),
        other => panic!("{line}: {other:?}"),
    };
    assert_eq!(canary("canary 42 10 minutes"), (Some(42), 600));
    assert_eq!(canary("canary #42 for 1 Hour"), (Some(42), 3600));
    assert_eq!(canary("canary deployment 42 1h30m"), (Some(42), 5400));
    assert_eq!(canary("canary 90s"), (None, 90));
    assert_eq!(canary("canary 10 min"), (None, 600));
    let line = "promote core:1.5.0 to staging with canary 10 minutes because it is new";
    let Command::Promote(promote) = command(line) else { panic!("it is a promotion") };
    assert_eq!(promote.canary.map(|stay| stay.as_secs()), Some(600));
    assert_eq!(promote.because.as_deref(), Some("it is new"));
    // A bare number could be a deployment, and a tag is no time.
    for (line, why) in [
        ("canary 42", "`canary` needs a length of time."),
        ("canary 42 1.5.0", "`1.5.0` is not a length of time; write"),
        ("canary 42 0 minutes", "`0 minutes` is no time at all; write"),
        ("canary 42 9999 hours", "`9999 hours` is too long; write at most 7d."),
    ] {
        let Reading::Misunderstood(misunderstood) = read(line) else { panic!("{line}") };
        let told = misunderstood.to_string();
        assert!(told.starts_with(why), "{line}: {told}");
    }
}

#[test]
fn talk_quotes_and_code_are_no_commands() {
    let talk = [
        "",
        "   ",
        "good morning everybody",
        "what a nice day",
        "I want a coffee",
        "who is on call today?",
        "🚀🚀",
        "> promote core:1.5.0 to staging",
        "`promote core:1.5.0 to staging`",
        "```promote core:1.5.0 to staging```",
        "```\npromote core:1.5.0 to staging\n```",
        ">>> hello\npromote core:1.5.0 to staging",
        "\"promote core:1.5.0 to staging\"",
        "“rollback production” is what he wrote",
        "that was quick, wasn't it",
    ];
    for line in talk {
        assert_eq!(read(line), Reading::NotACommand, "{line}");
    }
}
