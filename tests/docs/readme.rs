//! README.md: its script plays and prints what the page shows, and its tables say what the
//! program does.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use shipmate::domain::id::{PersonId, Role};
use shipmate::domain::policy::{Action, Facts, Person, Question, Verdict};
use shipmate::grammar::Grammar;
use shipmate::policy::Policies;

use super::{between, fenced, in_step, page};

/// Plays a script as the README says it is done, and gives what was printed.
pub(super) fn play(script: &str) -> String {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_shipmate"))
        .args(["demo", "--fast"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    demo.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = demo.wait_with_output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "the script does not hold:\n{printed}");
    printed
}

/// What of a transcript must be the same in each run: not how long things took, which of two
/// services was quicker, the ids that the simulated AWS made up, and where lines were broken.
/// A card that was only shown until the queue moved may or may not be caught.
fn lasting(transcript: &str) -> String {
    let mut lasting = String::new();
    for part in transcript.split("\n\n") {
        let first = part.trim().lines().next().unwrap_or_default();
        if first.starts_with('⏳') && first.ends_with(": queued") {
            continue;
        }
        let words: Vec<&str> = part.split_whitespace().collect();
        let mut kept: Vec<String> = Vec::new();
        for (index, word) in words.iter().enumerate() {
            let before = index.checked_sub(1).and_then(|at| words.get(at)).copied();
            let after = words.get(index + 1).copied().unwrap_or_default();
            let number = word.chars().all(|character| character.is_ascii_digit());
            let seconds = number && after.trim_end_matches('.') == "s";
            let bare = word.trim_matches(['.', ',']);
            let id =
                bare.len() == 32 && bare.chars().all(|character| character.is_ascii_hexdigit());
            let whose = matches!(before, Some("of")) && ["rest-api", "worker"].contains(&bare);
            kept.push(if seconds || id || whose { "…".to_owned() } else { (*word).to_owned() });
        }
        // "Takes about 2 s" is said only where a second or more was measured before.
        let kept = kept.join(" ").replace(" Takes about … s", "");
        if !kept.is_empty() {
            let _ = writeln!(lasting, "{kept}");
        }
    }
    lasting
}

#[test]
fn the_transcript_is_what_the_script_prints() {
    let readme = page("README.md");
    let scripts = fenced(&readme, "shipmate-script");
    let [script] = scripts.as_slice() else { panic!("the README has {} scripts", scripts.len()) };
    let printed = play(script);
    if lasting(between(&readme, "transcript")) != lasting(&format!("```text\n{printed}```\n")) {
        in_step("README.md", "transcript", &format!("```text\n{printed}```\n"));
    }
}

#[test]
fn what_lasts_of_a_transcript_is_what_happened() {
    let one = "  ⏳ #1 promote: queued\n     Asked\n\n  ✅ Checked on 5 tasks in 1 s.\n  Look at the logs of worker, task 080bcae6777c03130febb80edbf3c745. To\n  see";
    let other = "  ✅ Checked on 5 tasks in 12 s.\n  Look at the logs of rest-api, task\n  180bcae6777c03130febb80edbf3c745. To see\n";
    assert_eq!(lasting(one), lasting(other));
    assert_ne!(lasting(one), lasting(&other.replace('5', "6")));
    assert_ne!(lasting(one), lasting(&other.replace("Checked", "Failed")));
}

#[test]
fn the_table_of_commands_comes_out_of_their_files() {
    let grammar = Grammar::shipped().unwrap_or_else(|errors| panic!("{errors}"));
    in_step("README.md", "commands", &grammar.readme_table());
}

/// Of what one has made oneself.
const OWN_SCHEDULES: &str = "announce, at set times too, and change one's own schedules";

/// What people do with the commands that there are, in the words of the table.
const DEEDS: [(Action, &str); 14] = [
    (
        Action::Read,
        "look: status, queue, history, show, bans, locks, freezes, schedules, preview, figures, \
         help, whoami",
    ),
    (Action::Promote, "promote"),
    (Action::Approve, "approve or reject"),
    (Action::Rollback, "roll back"),
    (Action::Cancel, "cancel"),
    (Action::Pause, "pause, continue, leave a canary alone"),
    (Action::Ban, "ban and unban"),
    (Action::ReleaseHold, "release a hold"),
    (Action::Lock, "lock, so that others wait"),
    (Action::Unlock, "lift somebody else's lock"),
    (Action::Freeze, "freeze and unfreeze"),
    (Action::Announce, OWN_SCHEDULES),
    (Action::Announce, "change other people's schedules"),
    (Action::BreakGlass, "break the glass, with a reason"),
];

#[test]
fn the_table_of_rights_comes_out_of_the_policies() {
    let policies = Policies::shipped();
    let mut table = String::from("| | staging | production |\n| --- | --- | --- |\n");
    for (action, deed) in DEEDS {
        let (staging, production) = ("staging", "production");
        let requester = if deed == OWN_SCHEDULES { "somebody" } else { "another" };
        let cells =
            [staging, production].map(|environment| who(&policies, action, environment, requester));
        let _ = writeln!(table, "| {deed} | {} |", cells.join(" | "));
    }
    in_step("README.md", "rights", &table);
}

/// Who may do something on an ordinary Tuesday, in words.
fn who(policies: &Policies, action: Action, environment: &str, requester: &str) -> String {
    let ask = |roles: &[&str], requester: &str| {
        let mut facts = Facts::about(PersonId::new(requester));
        facts.reason_given = action == Action::BreakGlass;
        let question = Question {
            person: Person {
                id: PersonId::new("somebody"),
                roles: roles.iter().copied().map(Role::new).collect(),
            },
            action,
            environment: environment.into(),
            facts,
        };
        match policies.decide(&question).unwrap() {
            Verdict::Allowed { requirements, .. } => Some(requirements),
            Verdict::Refused(_) => None,
        }
    };
    if ask(&[], "another").is_some() {
        return "everybody".to_owned();
    }
    let mut people = Vec::new();
    let mut needs = BTreeSet::new();
    // Whoever asks for something new is its requester; that alone gives no right to it.
    if matches!(action, Action::Approve | Action::Cancel | Action::Pause)
        && ask(&[], "somebody").is_some()
    {
        people.push("who asked");
    }
    for role in ["developer", "release-manager", "on-call"] {
        let Some(requirements) = ask(&[role], requester) else { continue };
        people.push(role);
        needs.extend(requirements.into_iter().map(|one| {
            let approvers: Vec<&str> = one.approvers.iter().map(Role::as_str).collect();
            format!("{} votes of {}", one.approvals, approvers.join(" or "))
        }));
    }
    if people.is_empty() {
        return "nobody: nothing asks for votes there".to_owned();
    }
    let needs: Vec<String> = needs.into_iter().collect();
    let people = people.join(", ");
    if needs.is_empty() { people } else { format!("{people}; needs {}", needs.join(" and ")) }
}
