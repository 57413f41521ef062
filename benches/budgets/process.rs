//! The real binary: how long it takes to be ready, and how much memory it holds when idle.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::harness::{Budget, Figure, Row, Section, Unit};

const STARTS: usize = 20;

pub fn measure() -> anyhow::Result<Section> {
    let mut section = Section::new("The process");
    let mut starts = Vec::with_capacity(STARTS);
    let mut help = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        starts.push(until_first_row("alice: help\n")?);
        help.push(until_end("alice: help\n")?);
    }
    section.row(
        Row::new("start to ready, `shipmate demo --fast`", Figure::times(&starts)?)
            .budget(Budget::Median(0.2)),
    );
    section.row(Row::new("start to end, with one `help` answered", Figure::times(&help)?));
    let Memory { resident, peak, .. } = idle_memory()?;
    section.row(
        Row::new("memory, idle", Figure::once(Unit::Memory, resident))
            .budget(Budget::Median(30.0))
            .beside(format!("at most {peak:.1} MiB while it started")),
    );
    section.note(
        "The binary as built for the benches (as released, without link-time optimisation). Ready is when the demo, with its \
         simulated AWS, its journal, its grammar and its policies loaded, plays the first line of its script. Memory is what \
         /proc says is resident (VmRSS) two seconds after the start, the whole simulated AWS included.",
    );
    Ok(section)
}

fn demo() -> anyhow::Result<Child> {
    Command::new(env!("CARGO_BIN_EXE_shipmate"))
        .args(["demo", "--fast"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("the binary does not start")
}

/// The row that the player writes before it raises the line's event.
fn until_first_row(script: &str) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let mut child = demo()?;
    child.stdin.take().context("no input")?.write_all(script.as_bytes())?;
    let mut rows = BufReader::new(child.stdout.take().context("no output")?);
    let mut row = String::new();
    rows.read_line(&mut row)?;
    let time = began.elapsed();
    anyhow::ensure!(row.starts_with("alice: help"), "the first row reads {row}");
    std::io::copy(&mut rows, &mut std::io::sink())?;
    anyhow::ensure!(child.wait()?.success(), "the script did not hold");
    Ok(time)
}

fn until_end(script: &str) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let mut child = demo()?;
    child.stdin.take().context("no input")?.write_all(script.as_bytes())?;
    let output = child.wait_with_output()?;
    let time = began.elapsed();
    anyhow::ensure!(output.status.success(), "the script did not hold");
    Ok(time)
}

/// Of a demo whose script does not come.
fn idle_memory() -> anyhow::Result<Memory> {
    let mut child = demo()?;
    std::thread::sleep(Duration::from_secs(2));
    let memory = memory(child.id());
    // Its input ends with this, and so does it.
    drop(child.stdin.take());
    child.wait()?;
    memory
}

/// What a process holds, in mebibytes.
pub struct Memory {
    pub resident: f64,
    /// Of it, what is not pages of the program's file, which the system may drop at any time.
    pub anonymous: f64,
    /// Resident at most so far.
    pub peak: f64,
}

/// What /proc says of a process.
pub fn memory(process: u32) -> anyhow::Result<Memory> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let kibibytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        let number = number.with_context(|| format!("/proc does not say {name}"));
        number.map(|number| number / 1024.0)
    };
    Ok(Memory {
        resident: kibibytes("VmRSS:")?,
        anonymous: kibibytes("RssAnon:")?,
        peak: kibibytes("VmHWM:")?,
    })
}
