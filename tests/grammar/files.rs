//! The files of commands/, those that ship and those that a team writes.

use shipmate::domain::policy::Action;
use shipmate::grammar::{CommandFile, Grammar, Reading, combine};

use super::{command, grammar, vocabulary};

fn file(name: &str, text: &str) -> CommandFile {
    CommandFile { name: name.to_owned(), text: text.to_owned() }
}

fn whoami(phrases: &str) -> CommandFile {
    let text = format!(
        "id = \"whoami\"\naction = \"read\"\nsummary = \"Who\"\nexamples = [\"whoami\"]\n\
         phrases = [{phrases}]\n"
    );
    file("whoami.toml", &text)
}

/// The errors of the shipped files with these, one on each line.
fn errors(own: Vec<CommandFile>) -> String {
    match Grammar::load(combine(Grammar::shipped_files(), own)) {
        Ok(_) => "none".to_owned(),
        Err(errors) => errors.to_string(),
    }
}

fn extending(id: &str, phrases: &str) -> CommandFile {
    file("own.toml", &format!("extends = \"{id}\"\nphrases = [\n  {phrases}\n]\n"))
}

#[test]
fn every_example_is_read_as_its_own_command() {
    let grammar = grammar();
    for line in grammar.help() {
        let page = grammar.help_for(&line.id).expect("each line of the overview has a page");
        assert!(!page.examples.is_empty());
        for example in page.examples {
            let command = command(&example);
            assert_eq!(grammar.id(&command), line.id, "{example}");
            assert_eq!(grammar.is_private(&command), page.private);
        }
    }
}

#[test]
fn commands_know_their_action_and_who_sees_the_reply() {
    let grammar = grammar();
    let about = |line: &str| {
        let command = command(line);
        (grammar.id(&command), grammar.action(&command), grammar.is_private(&command))
    };
    assert_eq!(about("ship core:1.5.0 to staging"), ("promote", Action::Promote, false));
    assert_eq!(about("roll back staging"), ("rollback", Action::Rollback, false));
    assert_eq!(about("reject 4"), ("reject", Action::Approve, false));
    assert_eq!(about("cancel 4"), ("cancel", Action::Cancel, false));
    assert_eq!(about("help"), ("help", Action::Read, true));
    assert_eq!(about("who am i"), ("whoami", Action::Read, true));
}

#[test]
fn a_team_adds_phrases_and_replaces_commands() {
    let own = vec![
        extending("promote", "\"put {images} live on {environment} …\""),
        file(
            "who.toml",
            "id = \"whoami\"\naction = \"read\"\nsummary = \"Wer\"\nphrases = [\"wer bin ich\"]\n\
             examples = [\"Wer bin ich?\"]\n",
        ),
    ];
    let files = combine(Grammar::shipped_files(), own);
    let grammar = Grammar::load(files).unwrap_or_else(|errors| panic!("{errors}"));
    let read = |line: &str| grammar.parse(line, &vocabulary());
    assert_eq!(
        read("put core:1.5.0 live on staging, dry run"),
        Reading::Command(command("promote core:1.5.0 to staging dry run"))
    );
    assert_eq!(read("Wer bin ich?"), Reading::Command(command("whoami")));
    assert_eq!(read("who am i"), Reading::NotACommand);
}

#[test]
fn phrases_that_read_the_same_text_differently_are_errors_with_that_text() {
    assert_eq!(
        errors(vec![extending("rollback", "\"ship [image] core to {environment}\"")]),
        "own.toml:3:3: `ship core to staging` can be read in two ways: by `ship [image] core to \
         {environment}` here and by `[{dry-run:switch}] (promote|deploy|ship) \
         [image|images] {images} (to|on|onto|into) [environment] {environment} …` (promote, \
         promote.toml:5)"
    );
    // The same command, but other arguments.
    assert_eq!(
        errors(vec![extending(
            "promote",
            "\"(promote|deploy) everything from {environment} to {source:environment}\""
        )]),
        "own.toml:3:3: `promote everything from staging to staging` can be read in two ways: by \
         `(promote|deploy) everything from {environment} to {source:environment}` here and by \
         `[{dry-run:switch}] (promote|deploy|ship|release) (everything|all) from \
         {source:environment} to {environment} …` (promote, promote.toml:7)"
    );
    // An argument may be called like a word of another command's phrase.
    let found = errors(vec![extending("whoami", "\"status page\"")]);
    assert!(found.contains("`status page` can be read in two ways"), "{found}");
    // A bare name cannot be an environment for one phrase and a service for another.
    let found = errors(vec![extending("status", "\"status of {service}\"")]);
    assert!(found.contains("`status of staging` can be read in two ways"), "{found}");
    // The same meaning twice is no collision.
    assert_eq!(errors(vec![extending("status", "\"status [of] {environment}\"")]), "none");
}

#[test]
fn what_is_wrong_with_files_is_told_with_its_place() {
    let cases: Vec<(CommandFile, &str)> = vec![
        (whoami("\"who [am i\""), "whoami.toml:5:17: this `[` is never closed"),
        (
            whoami("\"who is {person}\""),
            "whoami.toml:5:21: there is no argument `person`; there are images, environment, \
             source, service, deployment, topic, dry-run, break-glass, stay, everything, \
             length, when, until, reason, announcement, schedule",
        ),
        (
            whoami("\"whoami\",\n  \"who in {environment}\""),
            "whoami.toml:6:3: `environment` is no argument of this command",
        ),
        (
            whoami("\"[whoami]\""),
            "whoami.toml:5:12: this can be read without any word of its own, which would take over every line",
        ),
        (
            whoami("\"who …\""),
            "whoami.toml:5:12: `…` stands for the `endings` of the command, and it has none",
        ),
        (
            whoami("\"who am i\""),
            "whoami.toml:4:13: no phrase of this command reads the example `whoami`",
        ),
        (
            extending("promote", "\"put {images} [on {environment}]\""),
            "own.toml:3:3: this can be read without `environment`, which the command needs",
        ),
        (
            extending("promote", "\"[dry run] put {images} on {environment}\""),
            "own.toml:3:3: these words would mean nothing here; write {dry-run:switch}",
        ),
        (
            extending("promote", "\"for {reason:text} put {images} on {environment}\""),
            "own.toml:3:3: free text takes the rest of the line: nothing can follow it",
        ),
        (
            extending("show", "\"compare {deployment} with {deployment}\""),
            "own.toml:3:3: `deployment` stands twice in one reading of this phrase",
        ),
        (
            extending("dance", "\"dance\""),
            "own.toml:1:11: there is no command `dance` in this program; there are promote, \
             rollback, status, show, history, approve, reject, cancel, pause, continue, canary, \
             queue, ban, unban, bans, schedules, release-hold, lock, unlock, locks, reservations, \
             end-reservation, freeze, unfreeze, freezes, announce, show-schedule, pause-schedule, \
             continue-schedule, cancel-schedule, preview, figures, help, whoami",
        ),
        (
            file("own.toml", "extends = \"help\"\nsummary = \"x\"\nphrases = [\"sos\"]\n"),
            "own.toml:2:11: a file with `extends` adds phrases only; `summary` belongs in the \
             command's own file",
        ),
        (
            file("own.toml", "id = \"help\"\nfrases = []\n"),
            "own.toml:2:1: unknown field `frases`, expected one of `id`, `extends`, `action`, \
             `summary`, `private`, `phrases`, `endings`, `examples`",
        ),
        (
            file(
                "own.toml",
                "id = \"whoami\"\naction = \"spy\"\nsummary = \"x\"\nphrases = [\"whoami\"]\n\
                 examples = [\"whoami\"]\n",
            ),
            "own.toml:2:10: there is no action `spy`; there are read, promote, rollback, restart, \
             approve, cancel, pause, break-glass, lock, unlock, ban, release-hold, freeze, announce",
        ),
    ];
    for (own, message) in cases {
        assert_eq!(errors(vec![own.clone()]), message, "{}", own.text);
    }
}

#[test]
fn all_errors_are_told_and_not_only_the_first() {
    let found = errors(vec![
        extending("promote", "\"put [it\",\n  \"place {thing}\",\n  \"lay {images}\""),
        file("b.toml", "id = 4"),
    ]);
    assert_eq!(found.lines().count(), 4, "{found}");
}

#[test]
fn what_a_command_can_hold_must_be_sayable() {
    let rollback = file(
        "rollback.toml",
        "id = \"rollback\"\naction = \"rollback\"\nsummary = \"x\"\n\
         phrases = [\"rollback {environment} [because {reason:text}]\"]\n\
         examples = [\"rollback staging\"]\n",
    );
    assert_eq!(
        errors(vec![rollback]),
        "rollback.toml:1:6: no phrase says `rollback` with environment and dry-run"
    );
}

#[test]
fn help_and_the_table_come_from_the_files() {
    let grammar = grammar();
    let overview: Vec<String> =
        grammar.help().iter().map(|line| format!("{} — {}", line.usage, line.summary)).collect();
    insta::assert_snapshot!(overview.join("\n"), @r"
    promote IMAGES to ENVIRONMENT — Run an image in an environment
    rollback ENVIRONMENT — Return an environment to what ran before the last success
    status [ENVIRONMENT] — What runs, and what is under way
    show DEPLOYMENT — One deployment, step by step
    history [ENVIRONMENT] — Deployments of the past, newest first
    approve [DEPLOYMENT] — Say yes to a plan that waits for votes
    reject [DEPLOYMENT] — Say no to a plan that waits for votes
    cancel [DEPLOYMENT] — Stop a deployment; one that runs is undone
    pause [DEPLOYMENT] — Let a running deployment begin no further step
    continue [DEPLOYMENT] — Let a paused deployment go on, or one that stays on its canary
    canary [DEPLOYMENT] STAY — Leave each canary alone for at least so long
    queue [ENVIRONMENT] — What runs, waits and is queued, in order
    ban IMAGES because REASON — Never promote an image again, whatever tag it has
    unban IMAGES — Let a banned image be promoted again
    bans — The images that are banned, by whom and why
    schedules — What is to happen at a moment of its own, and when
    release hold on ENVIRONMENT — Let automation move an environment again after a rollback
    lock ENVIRONMENT because REASON — Close an environment to others, for a time or until it is unlocked
    unlock ENVIRONMENT — Open an environment to others again
    locks — Which environments are locked, by whom, why and until when
    reservations — The environments that programs have for themselves, and who stands in line
    end reservation on ENVIRONMENT — Take an environment back from the program that has it
    freeze ENVIRONMENT because REASON — Close an environment to promotions, until a moment or until it is unfrozen
    unfreeze ENVIRONMENT — End what people froze; what the calendar closes stays closed
    freezes — What is frozen, until when, and what will be
    announce ANNOUNCEMENT — Have something said in a channel, now or at set times
    show schedule SCHEDULE — One schedule: when it is announced, and when it was
    pause schedule SCHEDULE — Announce nothing of a schedule until it may go on
    continue schedule SCHEDULE — Let a schedule that is paused go on with its next time
    cancel schedule SCHEDULE — Announce nothing of a schedule any more
    preview SCHEDULE — What would be announced now, for you alone
    figures — Deployments, lead time, failures and time to restore
    help [TOPIC] — What can be said, or how one command goes
    whoami — Who you are to the policies, and your roles
    ");
    let table = grammar.readme_table();
    assert_eq!(table.lines().count(), 2 + overview.len());
    let page = grammar.help_for("rollback").expect("a page");
    assert_eq!(page.endings, ["dry run", "(because|since) REASON"]);
    assert_eq!(page.usage.last().map(String::as_str), Some("[dry run] roll ENVIRONMENT back …"));
    assert!(grammar.help_for("dance").is_none());
}
