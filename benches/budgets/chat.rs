//! One line of chat, read and dispatched, with more than thirty commands to tell apart. Beside it Hubot with
//! listeners for the same lines, and a list of the same regular expressions in Rust.

use regex::Regex;
use shipmate::domain::id::{Repository, Tag};
use shipmate::grammar::{CommandFile, Grammar, Reading, Vocabulary};

use std::time::{Duration, Instant};

use crate::harness::{Budget, Figure, Row, Section, Unit, short};
use crate::hubot::{self, Measured};

/// So many files are generated beside those that ship, as a team would add its own.
const GENERATED: usize = 12;
const BUDGET: f64 = 2e-6;

/// Verbs of the generated files. They extend, in turn, `status`, `promote`, `rollback` and `approve`.
const VERBS: [&str; 20] = [
    "survey", "push", "recall", "ratify", "inspect", "launch", "reverse", "confirm", "examine",
    "bring", "restore", "endorse", "observe", "install", "withdraw", "sanction", "scan", "apply",
    "unwind", "concede",
];

/// Lines that are commands, from short to long, shipped and generated.
const LINES: [&str; 12] = [
    "whoami",
    "status staging",
    "approve 42",
    "promote image core:1.5.0 to staging",
    "Please promote core:1.5.0 and web:2.1.0 to staging!",
    "I want core:1.5.0 to be our staging image",
    "promote everything from staging to production",
    "ship core:1.5.1 to production break glass because checkout is down",
    "rollback production because payments fail",
    "survey the fleet in production",
    "push image core:1.5.0 out into staging",
    "ratify number 42 on behalf of us",
];
const TALK: &str = "has anybody seen the new dashboards for checkout?";
const TYPO: &str = "promot image core:1.5.0 to staging";

pub async fn measure(full: bool) -> anyhow::Result<Section> {
    let grammar = commands()?;
    let vocabulary = vocabulary();
    let dispatch = |line: &str| match grammar.parse(line, &vocabulary) {
        Reading::Command(command) => {
            Some((grammar.id(&command), grammar.action(&command), grammar.is_private(&command)))
        }
        Reading::NotACommand | Reading::Misunderstood(_) => None,
    };
    let texts = expressions();
    let expressions = compiled(&texts)?;
    for line in LINES {
        anyhow::ensure!(dispatch(line).is_some(), "not a command: {line}");
        anyhow::ensure!(by_expressions(&expressions, line).is_some(), "no expression: {line}");
    }
    let Reading::Misunderstood(misunderstood) = grammar.parse(TYPO, &vocabulary) else {
        anyhow::bail!("understood: {TYPO}");
    };
    let meant = misunderstood.suggestions.first();
    anyhow::ensure!(meant.is_some_and(|meant| meant.starts_with("promote ")), "{meant:?}");

    let rounds = if full { 400 } else { 20 };
    let listeners = texts.clone();
    let hubot = tokio::task::spawn_blocking(move || {
        let cases: [(&str, &[&str]); 3] = [("hit", &LINES), ("miss", &[TALK]), ("typo", &[TYPO])];
        hubot::measure(&listeners, &cases, rounds)
    });
    let hubot = hubot.await??;

    let mut section = Section::new("Reading a line of chat");
    // Each measurement reads all lines, so that none profits from being the only one.
    let each = |times: Vec<Duration>| {
        let lines = LINES.len() as f64;
        let seconds = times.iter().map(|time| time.as_secs_f64() / lines).collect();
        Figure::of(Unit::Time, seconds)
    };
    let one = |line: &str, batch| Figure::times(&short(rounds, batch, || dispatch(line)));
    let hit = each(short(rounds, 40, || LINES.map(&dispatch)))?;
    let theirs = each(short(rounds, 10, || LINES.map(|line| by_expressions(&expressions, line))))?;
    let beside = format!(
        "{}; the same {} expressions in Rust, in order: {} (×{:.1})",
        side_by_side(hubot.as_ref(), "hit", LINES.len(), &hit)?,
        texts.len(),
        theirs.show_median(),
        theirs.median / hit.median,
    );
    let count = Grammar::shipped_files().len() + GENERATED;
    section.row(
        Row::new(format!("hit: a command, {count} commands, mean of {} lines", LINES.len()), hit)
            .budget(Budget::Median(BUDGET))
            .beside(beside),
    );
    let longest = "ship core:1.5.1 to production break glass because checkout is down";
    for line in ["status staging", "promote image core:1.5.0 to staging", longest] {
        let row = Row::new(format!("hit: `{line}`"), one(line, 400)?);
        section.row(row.budget(Budget::Median(BUDGET)));
    }
    for (what, case, line) in [
        ("miss: talk that is no command", "miss", TALK),
        ("typo: a misspelt command, with what was meant", "typo", TYPO),
    ] {
        let figure = one(line, 20)?;
        let beside = side_by_side(hubot.as_ref(), case, 0, &figure)?;
        section.row(Row::new(what, figure).beside(beside));
    }
    let began = Instant::now();
    commands()?;
    section.row(Row::new(
        "loading the commands, collisions looked for",
        Figure::times(&[began.elapsed()])?,
    ));
    let shipped = Grammar::shipped_files().len();
    let peer = hubot.map_or_else(
        || "Hubot was not installed, see tests/peers/install.sh.".to_owned(),
        |hubot| {
            format!(
                "Hubot {} runs in Node {} with an adapter that only hands lines on, and {} listeners (`robot.respond`) with regular \
                 expressions for the same lines, as scripts have them: from `adapter.receive` until all listeners were asked and the one that matched \
                 was called. It asks them one after the other, those behind the match too. What it does not know it lets pass: it neither \
                 corrects a typo nor looks up names.",
                hubot.hubot,
                hubot.node,
                texts.len(),
            )
        },
    );
    section.note(format!(
        "From the text, without the bot's name, to the command with its typed arguments and the action that the policies are asked about; names \
         of environments, repositories and tags are looked up. {shipped} commands ship, {} more are generated. For a miss and a typo the \
         time includes looking for the nearest command and, for the typo, writing the corrected line. {peer}",
        GENERATED,
    ));
    Ok(section)
}

/// What Hubot takes for the same.
fn side_by_side(
    hubot: Option<&Measured>,
    case: &str,
    matched: usize,
    ours: &Figure,
) -> anyhow::Result<String> {
    let Some(hubot) = hubot else { return Ok("Hubot: not installed".to_owned()) };
    let theirs = hubot.case(case, matched)?;
    Ok(format!(
        "Hubot: {}, p99 {} (×{:.2})",
        theirs.show_median(),
        theirs.show_tail(),
        theirs.median / ours.median,
    ))
}

/// The verbs that are in use, each with its number.
fn verbs() -> impl Iterator<Item = (usize, &'static str)> {
    VERBS.into_iter().enumerate().take(GENERATED)
}

/// The commands that ship, and generated files that extend them.
fn commands() -> anyhow::Result<Grammar> {
    let mut files = Grammar::shipped_files();
    for (number, verb) in verbs() {
        let (command, phrase) = match number % 4 {
            0 => ("status", format!("{verb} [the] fleet [in {{environment}}]")),
            1 => (
                "promote",
                format!("{verb} [image] {{images}} out (to|into) [environment] {{environment}} …"),
            ),
            2 => ("rollback", format!("{verb} (what|all that) happened (on|in) {{environment}} …")),
            _ => ("approve", format!("{verb} [number] {{deployment}} on behalf of us …")),
        };
        let text = format!("extends = \"{command}\"\nphrases = [\"{phrase}\"]\n");
        files.push(CommandFile { name: format!("{verb}.toml"), text });
    }
    Ok(Grammar::load(files)?)
}

fn vocabulary() -> Vocabulary {
    let tags = |repository: &str| {
        let tags = (0..40).map(|minor| Tag::new(format!("1.{minor}.0"))).collect();
        (Repository::from(repository), tags)
    };
    Vocabulary {
        environments: vec!["production".into(), "staging".into()],
        repositories: vec!["core".into(), "web".into()],
        services: vec!["rest-api".into(), "web".into(), "worker".into()],
        tags: [tags("core"), tags("web")].into(),
        banned: Vec::new(),
        deployments: Vec::new(),
    }
}

/// What a matched line says, as loosely as this is often kept.
type Naive = (usize, Vec<String>);

/// One expression for each command, from the line's beginning on.
fn expressions() -> Vec<String> {
    let reason = r"(?: (?:because|since) (.+?))?";
    let mut texts = vec![
        format!(
            r"(?:please )?(?:promote|deploy|ship|release) (?:images? )?(\S+(?:(?:,| and|,? &) \S+)*) (?:to|on|onto|into) (?:environment )?(\S+?)(?: (dry run|break glass))?{reason}[.!]?$"
        ),
        r"(?:promote|deploy|ship|release) (?:everything|all) from (\S+) to (\S+)$".to_owned(),
        r"(?:i want|we want|i would like|we need) (\S+) to be (?:my|our|the) (\S+) images?$"
            .to_owned(),
        format!(r"(?:rollback|roll back|revert) (?:environment )?(\S+){reason}$"),
        r"(?:show )?status(?: (?:of|in|on))?(?: (\S+))?$".to_owned(),
        r"(?:show|details) (?:me )?(?:deployment |number )?#?(\d+)$".to_owned(),
        r"(?:show )?(?:the )?history(?: (?:of|for|in))?(?: (\S+))?$".to_owned(),
        format!(r"(?:approve|lgtm)(?: (?:deployment |number )?#?(\d+))?{reason}$"),
        format!(r"(?:reject|veto|decline)(?: (?:deployment |number )?#?(\d+))?{reason}$"),
        format!(r"(?:cancel|abort|stop)(?: (?:deployment |number )?#?(\d+))?{reason}$"),
        r"help(?: (?:with |me |with me )?(\S+))?$".to_owned(),
        r"(?:whoami|who am i)\??$".to_owned(),
    ];
    for (number, verb) in verbs() {
        texts.push(match number % 4 {
            0 => format!(r"{verb} (?:the )?fleet(?: in (\S+))?$"),
            1 => {
                format!(r"{verb} (?:image )?(\S+) out (?:to|into) (?:environment )?(\S+){reason}$")
            }
            2 => format!(r"{verb} (?:what|all that) happened (?:on|in) (\S+){reason}$"),
            _ => format!(r"{verb} (?:number )?#?(\d+) on behalf of us{reason}$"),
        });
    }
    texts
}

fn compiled(texts: &[String]) -> Result<Vec<Regex>, regex::Error> {
    texts.iter().map(|text| Regex::new(&format!("(?i)^{text}"))).collect()
}

fn by_expressions(expressions: &[Regex], line: &str) -> Option<Naive> {
    expressions.iter().enumerate().find_map(|(number, expression)| {
        let captures = expression.captures(line)?;
        let arguments = captures.iter().skip(1).flatten();
        Some((number, arguments.map(|argument| argument.as_str().to_owned()).collect()))
    })
}
