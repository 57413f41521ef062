//! The design's budgets, measured side by side with what people would use instead:
//! `cargo bench`, or `cargo bench -- lines journal` for some of it. `--full` adds what takes
//! minutes; `--write FILE` writes the table as Markdown, or with parts named puts only theirs into
//! a page that is there.

#![expect(
    clippy::large_futures,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench says what it measured and what it skipped, and runs one thing at a time"
)]

mod discord;
#[expect(
    dead_code,
    unused_imports,
    clippy::expect_used,
    reason = "the fake of the tests, of which a bench uses a part; it fails as a test does"
)]
#[path = "../../tests/discord/fake/mod.rs"]
mod fake_discord;
mod fleet;
mod harness;
mod journal;
mod lines;
mod peers;
mod policies;
mod process;
mod replies;
mod rollouts;
mod ship;
mod votes;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

use crate::harness::Section;

/// What can be asked for, in the order in which it is measured: the quickest first, and Discord
/// last.
const PARTS: [&str; 11] = [
    "lines",
    "policies",
    "replies",
    "votes",
    "process",
    "journal",
    "rollouts",
    "fleet",
    "mentions",
    "reactions",
    "talk",
];

/// What stands above the tables in docs/benchmarks.md.
const PREFACE: &str = "\
# Benchmarks

Written by `cargo bench -- --full --write docs/benchmarks.md`; not kept by hand. A section that says so was measured apart, with its \
parts named before `--write`. Each number was measured in one run, on a machine \
that does other work at the same time, against the simulated AWS on a loopback port. Look at medians and ratios: absolute times \
tell of the noise as well, and above all the p99 of what is short or waits for the disk, which another run may see several times as long \
or as short. A budget stands where the design sets one; one that is missed says so. The p99 of fewer than a hundred runs is the \
worst of them.
";

#[derive(Default)]
struct Arguments {
    full: bool,
    write: Option<PathBuf>,
    parts: Vec<String>,
}

impl Arguments {
    fn read(mut given: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let mut arguments = Self::default();
        while let Some(argument) = given.next() {
            match argument.as_str() {
                // Cargo says so to every bench.
                "--bench" => {}
                "--full" => arguments.full = true,
                "--write" => {
                    arguments.write = Some(given.next().context("--write FILE")?.into());
                }
                part if PARTS.contains(&part) => arguments.parts.push(argument),
                other => anyhow::bail!("{other} is none of --full, --write, {}", PARTS.join(", ")),
            }
        }
        Ok(arguments)
    }

    fn wants(&self, part: &str) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|wanted| wanted == part)
    }
}

fn main() -> ExitCode {
    // As the program itself does; a second call would be an error, this is the first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let mut given = std::env::args().skip(1).peekable();
    if given.next_if(|first| first == fleet::CHILD).is_some() {
        let services = given.next().context("how many services?")?.parse()?;
        return runtime.block_on(fleet::carry_out(services));
    }
    if given.next_if(|first| first == discord::least::CHILD).is_some() {
        return runtime.block_on(discord::least::answer(given));
    }
    let arguments = Arguments::read(given)?;
    let before = load();
    let mut sections = runtime.block_on(measure(&arguments))?;
    let noise =
        format!("Noise: {}, by the system: {before} before and {} after.", machine()?, load());
    println!("{noise}\n");
    print!("{}", harness::plain(&sections));
    if let Some(path) = &arguments.write {
        let text = if arguments.parts.is_empty() {
            format!("{PREFACE}\n{noise}\n{}", harness::markdown(&sections))
        } else {
            let page = std::fs::read_to_string(path).unwrap_or_else(|_| PREFACE.to_owned());
            let apart = format!("Measured apart from the rest. {noise}");
            sections.iter_mut().for_each(|section| section.note(&*apart));
            harness::put_into(&page, &sections)
        };
        std::fs::write(path, text).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// The day, the machine, and of what its load is told.
fn machine() -> anyhow::Result<String> {
    let today = jiff::Zoned::now().date();
    let cores = std::thread::available_parallelism()?;
    let told = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = told.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| line.split_once(": ")).map_or("unknown", |(_, name)| name);
    Ok(format!(
        "{today}, {cores} cores ({model}); how many programs wanted one, on average over a minute"
    ))
}

/// The load of the last minute, as the system says it.
fn load() -> String {
    let said = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    said.split_whitespace().next().unwrap_or("unknown").to_owned()
}

async fn measure(arguments: &Arguments) -> anyhow::Result<Vec<Section>> {
    let mut sections = Vec::new();
    for part in PARTS.into_iter().filter(|part| arguments.wants(part)) {
        eprintln!("measuring {part} …");
        match part {
            "lines" => sections.push(lines::measure()?),
            "policies" => sections.push(policies::measure()?),
            "replies" => sections.push(replies::measure().await?),
            "votes" => sections.push(votes::measure().await?),
            "process" => sections.push(tokio::task::spawn_blocking(process::measure).await??),
            "journal" => sections.push(journal::measure().await?),
            "rollouts" => sections.extend(rollouts::measure(arguments.full).await?),
            "fleet" => sections.push(fleet::measure(arguments.full).await?),
            "mentions" => sections.push(discord::mentions(arguments.full).await?),
            "reactions" => sections.push(discord::votes::measure(arguments.full).await?),
            "talk" => sections.push(discord::talk(arguments.full).await?),
            other => anyhow::bail!("{other} is listed and not measured"),
        }
    }
    Ok(sections)
}
