//! What a measurement ran on: the day, the machine, the compiler, and how busy the machine was.
//! Knows nothing of what is measured.

use std::process::Command;

use anyhow::Context;

/// The day, the machine and how it was built, for the note of a section.
pub fn told() -> anyhow::Result<String> {
    let today = jiff::Zoned::now().date();
    let cores = std::thread::available_parallelism()?;
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let unknown = || "unknown".to_owned();
    let model = value(&read("/proc/cpuinfo"), "model name", ':').unwrap_or_else(unknown);
    let memory = value(&read("/proc/meminfo"), "MemTotal", ':').and_then(|memory| {
        let kibibytes: f64 = memory.split_whitespace().next()?.parse().ok()?;
        Some(format!("{:.1} GiB", kibibytes / 1024.0 / 1024.0))
    });
    let system = value(&read("/etc/os-release"), "PRETTY_NAME", '=').unwrap_or_else(unknown);
    let kernel = read("/proc/sys/kernel/osrelease");
    Ok(format!(
        "{today}, {cores} cores ({model}), {} of memory, {system}, Linux {}, {}, {}",
        memory.unwrap_or_else(unknown),
        kernel.trim(),
        compiler()?,
        if cfg!(debug_assertions) {
            "built without optimisation, so that its times tell nothing"
        } else {
            "built as released"
        },
    ))
}

/// The load of the last minute, as the system says it.
pub fn load() -> String {
    let said = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    said.split_whitespace().next().unwrap_or("unknown").to_owned()
}

/// Cargo has chosen it for the folder in which this runs.
fn compiler() -> anyhow::Result<String> {
    let output = Command::new("rustc").arg("--version").output().context("rustc")?;
    let version = String::from_utf8_lossy(&output.stdout);
    // The commit and its day say nothing that the version does not.
    Ok(version.split('(').next().unwrap_or_default().trim().to_owned())
}

/// What a file of lines `name = value` says of this name, without quotes.
fn value(file: &str, name: &str, between: char) -> Option<String> {
    let line = file.lines().find(|line| line.starts_with(name))?;
    let (_, value) = line.split_once(between)?;
    Some(value.trim().trim_matches('"').to_owned())
}
