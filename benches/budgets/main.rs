//! The design's budgets, measured side by side with what people would use instead:
//! `cargo bench`, or `cargo bench -- chat journal` for some of it. Without `--full` it only shows
//! that all of it runs; `--write FILE` puts the sections that were measured into a page, and
//! makes the whole page anew where no part was named.

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
mod chat;
mod fleet;
mod harness;
mod hubot;
mod journal;
mod machine;
mod peers;
mod policies;
mod process;
mod replies;
mod rollout;
mod schedules;
mod ship;
mod verified;
mod votes;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

use crate::harness::Section;

/// What can be asked for, in the order in which it is measured: the quickest first, and Discord
/// last.
const PARTS: [&str; 12] = [
    "chat",
    "policies",
    "replies",
    "votes",
    "process",
    "journal",
    "schedules",
    "rollout",
    "fleet",
    "mentions",
    "reactions",
    "talk",
];

/// What stands above the tables in docs/performance.md.
const PREFACE: &str = "\
# Performance

Written by `cargo bench -- --full --write docs/performance.md`, and not kept by hand. With parts named before `--write` only their \
sections are measured anew, so each says when and on what it was measured, and how busy the machine was: the load is how many programs \
wanted a core, on average over a minute. All of it runs against the simulated AWS on a loopback port. Look at medians and ratios: absolute \
times tell of the noise as well, and above all the p99 of what is short or waits for the disk, which another run may see several times as \
long or as short. A budget stands where the design sets one; one that is missed says so. Where there are fewer than a hundred runs, the range \
stands in place of the p99, and a budget for the p99 is held against the worst. What other programs take stands side by side, or in rows of its own.
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
    if given.next_if(|first| first == rollout::CHILD).is_some() {
        return runtime.block_on(rollout::carry_out(given));
    }
    if given.next_if(|first| first == discord::least::CHILD).is_some() {
        return runtime.block_on(discord::least::answer(given));
    }
    let arguments = Arguments::read(given)?;
    let mut sections = Vec::new();
    for part in PARTS.into_iter().filter(|part| arguments.wants(part)) {
        eprintln!("measuring {part} …");
        let before = machine::load();
        let mut measured = runtime.block_on(measure(part, arguments.full))?;
        let mut noted = format!(
            "Measured on {}. Load {before} before, {} after.",
            machine::told()?,
            machine::load()
        );
        if !arguments.full {
            noted.push_str(
                " Shortened: `--full` was not given, so that it shows that it runs, and no more.",
            );
        }
        measured.iter_mut().for_each(|section| section.note(&*noted));
        sections.extend(measured);
        // What has been measured is kept, whatever becomes of the next part.
        if let Some(path) = &arguments.write {
            let is_whole = arguments.parts.is_empty();
            let page = if is_whole {
                String::new()
            } else {
                std::fs::read_to_string(path).unwrap_or_default()
            };
            let page = harness::put_into(&page, PREFACE, &sections);
            std::fs::write(path, page).with_context(|| path.display().to_string())?;
        }
    }
    print!("{}", harness::plain(&sections));
    Ok(())
}

async fn measure(part: &str, full: bool) -> anyhow::Result<Vec<Section>> {
    Ok(match part {
        "chat" => vec![chat::measure(full).await?],
        "policies" => vec![policies::measure()?],
        "replies" => vec![replies::measure().await?],
        "votes" => vec![votes::measure().await?],
        "process" => vec![tokio::task::spawn_blocking(process::measure).await??],
        "journal" => vec![journal::measure().await?],
        "schedules" => vec![schedules::measure(full).await?],
        "rollout" => rollout::measure(full).await?,
        "fleet" => vec![fleet::measure(full).await?],
        "mentions" => vec![discord::mentions(full).await?],
        "reactions" => vec![discord::votes::measure(full).await?],
        "talk" => vec![discord::talk(full).await?],
        other => anyhow::bail!("{other} is listed and not measured"),
    })
}
