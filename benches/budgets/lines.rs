//! One line of chat, read and dispatched, with thirty commands to tell apart. Beside it the
//! same by a list of regular expressions, as it is often written, and by cutting and comparing.

use regex::Regex;
use shipmate::domain::id::{Repository, Tag};
use shipmate::grammar::{CommandFile, Grammar, Reading, Vocabulary};

use std::time::{Duration, Instant};

use crate::harness::{Budget, Figure, Row, Section, Unit, short};

/// A verb for each of the twenty files beside the ten that ship.
const VERBS: [&str; 20] = [
    "inspect", "survey", "examine", "observe", "watch", "launch", "push", "bring", "install",
    "apply", "undo", "reverse", "restore", "withdraw", "recall", "accept", "confirm", "endorse",
    "sanction", "ratify",
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

pub fn measure() -> anyhow::Result<Section> {
    let mut section = Section::new("Reading a line");
    let grammar = thirty_commands()?;
    let vocabulary = vocabulary();
    let dispatch = |line: &str| match grammar.parse(line, &vocabulary) {
        Reading::Command(command) => {
            Some((grammar.id(&command), grammar.action(&command), grammar.is_private(&command)))
        }
        Reading::NotACommand | Reading::Misunderstood(_) => None,
    };
    let expressions = expressions()?;
    for line in LINES {
        anyhow::ensure!(dispatch(line).is_some(), "not a command: {line}");
        anyhow::ensure!(by_expressions(&expressions, line).is_some(), "no expression: {line}");
        anyhow::ensure!(by_cutting(line).is_some(), "not found by cutting: {line}");
    }
    // Each measurement reads all lines, so that none profits from being the only one.
    let each = |times: Vec<Duration>| {
        let lines = LINES.len() as f64;
        let seconds = times.iter().map(|time| time.as_secs_f64() / lines).collect();
        Figure::of(Unit::Time, seconds)
    };
    let ours = each(short(400, 40, || LINES.map(&dispatch)))?;
    let theirs = each(short(400, 10, || LINES.map(|line| by_expressions(&expressions, line))))?;
    let cut = each(short(400, 40, || LINES.map(by_cutting)))?;
    let beside = format!(
        "30 regular expressions in order: {} (×{:.1}); cut and compare, no names looked up: {} (×{:.1})",
        theirs.show_median(),
        theirs.median / ours.median,
        cut.show_median(),
        cut.median / ours.median,
    );
    section.row(
        Row::new("a command read and dispatched, 30 commands, mean of 12 lines", ours)
            .budget(Budget::Median(2e-6))
            .beside(beside),
    );
    let longest = "ship core:1.5.1 to production break glass because checkout is down";
    for line in ["status staging", "promote image core:1.5.0 to staging", longest] {
        let figure = Figure::times(&short(400, 400, || dispatch(line)))?;
        section.row(Row::new(format!("`{line}`"), figure).budget(Budget::Median(2e-6)));
    }
    let talk = "has anybody seen the new dashboards for checkout?";
    let figure = Figure::times(&short(200, 100, || grammar.parse(talk, &vocabulary)))?;
    section.row(Row::new("talk that is no command", figure));
    let typo = "promot image core:1.5.0 to staging";
    let figure = Figure::times(&short(200, 10, || grammar.parse(typo, &vocabulary)))?;
    section.row(Row::new("a misspelt command, with what was meant", figure));
    let began = Instant::now();
    thirty_commands()?;
    section.row(Row::new(
        "loading the 30 files, collisions looked for",
        Figure::times(&[began.elapsed()])?,
    ));
    section.note(
        "The naive ways name the command and cut out its arguments; they neither look names up nor find \
         collisions between phrases, and know nothing of what was meant.",
    );
    Ok(section)
}

/// The ten commands that ship and twenty files that extend them.
fn thirty_commands() -> anyhow::Result<Grammar> {
    let mut files = Grammar::shipped_files();
    for (number, verb) in VERBS.into_iter().enumerate() {
        let (command, phrase) = match number / 5 {
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
        deployments: Vec::new(),
    }
}

/// What a matched line says, as loosely as this is often kept.
type Naive = (usize, Vec<String>);

/// One expression for each command.
fn expressions() -> Result<Vec<Regex>, regex::Error> {
    let reason = r"(?: (?:because|since) (.+?))?";
    let promote = format!(
        r"^(?:please )?(?:promote|deploy|ship|release) (?:images? )?(\S+(?:(?:,| and|,? &) \S+)*) (?:to|on|onto|into) (?:environment )?(\S+?)(?: (dry run|break glass))?{reason}[.!]?$"
    );
    let mut texts = vec![
        promote,
        r"^(?:promote|deploy|ship|release) (?:everything|all) from (\S+) to (\S+)$".to_owned(),
        r"^(?:i want|we want|i would like|we need) (\S+) to be (?:my|our|the) (\S+) images?$"
            .to_owned(),
        format!(r"^(?:rollback|roll back|revert) (?:environment )?(\S+){reason}$"),
        r"^(?:show )?status(?: (?:of|in|on))?(?: (\S+))?$".to_owned(),
        r"^(?:show|details) (?:me )?(?:deployment |number )?#?(\d+)$".to_owned(),
        r"^(?:show )?(?:the )?history(?: (?:of|for|in))?(?: (\S+))?$".to_owned(),
        format!(r"^(?:approve|lgtm)(?: (?:deployment |number )?#?(\d+))?{reason}$"),
        format!(r"^(?:reject|veto|decline)(?: (?:deployment |number )?#?(\d+))?{reason}$"),
        format!(r"^(?:cancel|abort|stop)(?: (?:deployment |number )?#?(\d+))?{reason}$"),
        r"^help(?: (?:with |me |with me )?(\S+))?$".to_owned(),
        r"^(?:whoami|who am i)\??$".to_owned(),
    ];
    // Ten commands take twelve of them; of the generated ones, eighteen make it thirty.
    for (number, verb) in VERBS.into_iter().enumerate().filter(|(number, _)| number % 10 != 0) {
        texts.push(match number / 5 {
            0 => format!(r"^{verb} (?:the )?fleet(?: in (\S+))?$"),
            1 => {
                format!(r"^{verb} (?:image )?(\S+) out (?:to|into) (?:environment )?(\S+){reason}$")
            }
            2 => format!(r"^{verb} (?:what|all that) happened (?:on|in) (\S+){reason}$"),
            _ => format!(r"^{verb} (?:number )?#?(\d+) on behalf of us{reason}$"),
        });
    }
    texts.iter().map(|text| Regex::new(&format!("(?i){text}"))).collect()
}

fn by_expressions(expressions: &[Regex], line: &str) -> Option<Naive> {
    expressions.iter().enumerate().find_map(|(number, expression)| {
        let captures = expression.captures(line)?;
        let arguments = captures.iter().skip(1).flatten();
        Some((number, arguments.map(|argument| argument.as_str().to_owned()).collect()))
    })
}

/// Lower case, cut at blanks, compared verb after verb; everything else is an argument.
fn by_cutting(line: &str) -> Option<Naive> {
    const SHIPPED: [&[&str]; 12] = [
        &["promote", "deploy", "ship", "release"],
        &["i", "we"],
        &["rollback", "roll", "revert"],
        &["status"],
        &["show", "details"],
        &["history"],
        &["approve", "lgtm"],
        &["reject", "veto", "decline"],
        &["cancel", "abort", "stop"],
        &["help"],
        &["whoami", "who"],
        &["what"],
    ];
    let lower = line.to_lowercase();
    let mut words = lower.split_whitespace().filter(|word| *word != "please");
    let verb = words.next()?;
    let shipped = SHIPPED.iter().position(|verbs| verbs.contains(&verb));
    let own = || VERBS.iter().position(|own| *own == verb).map(|at| at + SHIPPED.len());
    Some((shipped.or_else(own)?, words.map(str::to_owned).collect()))
}
