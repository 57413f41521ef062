//! Figures, budgets and the table that they stand in. Knows nothing of what is measured.

use std::fmt::Write;
use std::time::{Duration, Instant};

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// In seconds.
    Time,
    /// One thing measured by another.
    Ratio,
    Count,
    /// In mebibytes.
    Memory,
    /// For each second.
    Rate,
}

impl Unit {
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Time if value < 1e-6 => format!("{:.0} ns", value * 1e9),
            Self::Time if value < 1e-3 => format!("{:.2} µs", value * 1e6),
            Self::Time if value < 1.0 => format!("{:.2} ms", value * 1e3),
            Self::Time => format!("{value:.2} s"),
            Self::Ratio => format!("{value:.3}"),
            Self::Count => format!("{value:.0}"),
            Self::Memory => format!("{value:.1} MiB"),
            Self::Rate => format!("{value:.1}/s"),
        }
    }
}

/// What was measured, over so many runs.
#[derive(Clone, Debug)]
pub struct Figure {
    unit: Unit,
    pub median: f64,
    /// The 99th percentile by nearest rank, which is the worst of fewer than a hundred runs.
    pub tail: f64,
    least: f64,
    runs: usize,
}

/// With fewer runs than that the range says more than a percentile.
const FEW: usize = 100;

impl Figure {
    pub fn of(unit: Unit, mut values: Vec<f64>) -> anyhow::Result<Self> {
        values.sort_by(f64::total_cmp);
        let runs = values.len();
        let at = |place: usize| values.get(place).copied();
        let (Some(least), Some(median), Some(tail)) =
            (at(0), at(runs / 2), at((runs * 99).div_ceil(100).saturating_sub(1)))
        else {
            anyhow::bail!("nothing was measured");
        };
        Ok(Self { unit, median, tail, least, runs })
    }

    pub fn times(times: &[Duration]) -> anyhow::Result<Self> {
        Self::of(Unit::Time, times.iter().map(Duration::as_secs_f64).collect())
    }

    pub fn once(unit: Unit, value: f64) -> Self {
        Self { unit, median: value, tail: value, least: value, runs: 1 }
    }

    pub fn show_median(&self) -> String {
        self.unit.show(self.median)
    }

    pub fn show_tail(&self) -> String {
        self.unit.show(self.tail)
    }

    /// How far the runs lie apart: the p99 of many, from the least to the most of a few.
    pub fn show_spread(&self) -> String {
        match self.runs {
            1 => String::new(),
            runs if runs >= FEW => self.show_tail(),
            _ => format!("{} to {}", self.unit.show(self.least), self.show_tail()),
        }
    }
}

/// Times something short: the mean of each of `rounds` batches, so that reading the clock
/// weighs nothing. A batch that was interrupted shows in the tail.
pub fn short<T>(rounds: usize, batch: u32, mut work: impl FnMut() -> T) -> Vec<Duration> {
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let began = Instant::now();
        for _ in 0..batch {
            std::hint::black_box(work());
        }
        times.push(began.elapsed() / batch);
    }
    times
}

/// The limit that the design sets, and which number of a figure it is set for.
#[derive(Clone, Copy, Debug)]
pub enum Budget {
    None,
    Median(f64),
    Tail(f64),
    /// The median must not be below it.
    AtLeast(f64),
}

impl Budget {
    /// The share of the budget that is used, and the limit; `None` where there is no budget.
    fn judge(self, figure: &Figure) -> Option<(f64, String)> {
        let unit = figure.unit;
        match self {
            Self::None => None,
            Self::Median(limit) => Some((figure.median / limit, format!("≤ {}", unit.show(limit)))),
            Self::Tail(limit) => Some((figure.tail / limit, format!("p99 ≤ {}", unit.show(limit)))),
            Self::AtLeast(limit) => {
                Some((limit / figure.median, format!("≥ {}", unit.show(limit))))
            }
        }
    }
}

/// A line of the table.
#[derive(Clone, Debug)]
pub struct Row {
    pub what: String,
    pub figure: Figure,
    pub budget: Budget,
    /// What others take for the same, or other words that belong beside it.
    pub beside: String,
}

impl Row {
    pub fn new(what: impl Into<String>, figure: Figure) -> Self {
        Self { what: what.into(), figure, budget: Budget::None, beside: String::new() }
    }

    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    pub fn beside(mut self, beside: impl Into<String>) -> Self {
        self.beside = beside.into();
        self
    }

    fn cells(&self) -> [String; 7] {
        let Self { what, figure, budget, beside } = self;
        let (limit, share) = match budget.judge(figure) {
            None => (String::new(), String::new()),
            Some((share, limit)) if share > 1.0 => (limit, format!("{share:.2} MISSED")),
            Some((share, limit)) => (limit, format!("{share:.2}")),
        };
        let runs = figure.runs.to_string();
        let (median, spread) = (figure.show_median(), figure.show_spread());
        [what.clone(), median, spread, runs, limit, share, beside.clone()]
    }
}

/// What is told in words, with heads of its own.
#[derive(Clone, Debug)]
pub struct Table {
    rows: Vec<[String; 4]>,
}

impl Table {
    pub fn new(heads: [&str; 4]) -> Self {
        Self { rows: vec![heads.map(str::to_owned)] }
    }

    pub fn row(&mut self, [one, two]: [String; 2], [three, four]: [String; 2]) {
        self.rows.push([one, two, three, four]);
    }
}

/// Rows about one thing, and what must be known to read them.
#[derive(Clone, Debug, Default)]
pub struct Section {
    pub title: String,
    pub rows: Vec<Row>,
    pub table: Option<Table>,
    pub notes: Vec<String>,
}

impl Section {
    pub fn new(title: &str) -> Self {
        Self { title: title.to_owned(), ..Self::default() }
    }

    pub fn row(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub fn table(&mut self, table: Table) {
        self.table = Some(table);
    }

    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }
}

const HEADS: [&str; 7] =
    ["what", "median", "p99, or range", "runs", "budget", "of the budget", "side by side"];

/// The sections as people read them in a terminal.
pub fn plain(sections: &[Section]) -> String {
    let mut text = String::new();
    let rows = sections.iter().flat_map(|section| section.rows.iter().map(Row::cells));
    align(&mut text, &[HEADS.map(str::to_owned)].into_iter().chain(rows).collect::<Vec<_>>());
    for section in sections {
        if let Some(table) = &section.table {
            align(&mut text, &table.rows);
        }
        for note in &section.notes {
            // Writing to a string does not fail.
            let _written = writeln!(text, "{}: {note}", section.title);
        }
    }
    text
}

/// Rows with their cells below each other.
fn align<const COLUMNS: usize>(text: &mut String, rows: &[[String; COLUMNS]]) {
    let width = |column: usize| {
        let lengths =
            rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        lengths.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..COLUMNS).map(width).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        text.push_str(line.trim_end());
        text.push('\n');
    }
}

/// The sections as they stand in docs/performance.md.
fn markdown(sections: &[Section]) -> String {
    let mut text = String::new();
    for section in sections {
        let _written = write!(text, "\n## {}\n", section.title);
        if !section.rows.is_empty() {
            let rows = section.rows.iter().map(Row::cells);
            rule(&mut text, [HEADS.map(str::to_owned)].into_iter().chain(rows));
        }
        if let Some(table) = &section.table {
            rule(&mut text, table.rows.iter().cloned());
        }
        for note in &section.notes {
            let _written = write!(text, "\n{note}\n");
        }
    }
    text
}

/// Rows as a table in Markdown, the first of them its head.
fn rule<const COLUMNS: usize>(text: &mut String, rows: impl Iterator<Item = [String; COLUMNS]>) {
    text.push('\n');
    for (number, row) in rows.enumerate() {
        let cells = row.map(|cell| cell.replace('|', "\\|"));
        let _written = writeln!(text, "| {} |", cells.join(" | "));
        if number == 0 {
            let _written = writeln!(text, "| {} |", ["---"; COLUMNS].join(" | "));
        }
    }
}

/// A page with this preface, and of such sections, in which these stand anew; those that it does
/// not have come last.
pub fn put_into(page: &str, preface: &str, sections: &[Section]) -> String {
    const HEADING: &str = "\n## ";
    let parts = page.split(HEADING).skip(1);
    let mut parts: Vec<String> = parts.map(|part| format!("{HEADING}{part}")).collect();
    for section in sections {
        let text = markdown(std::slice::from_ref(section));
        let begins = format!("{HEADING}{}\n", section.title);
        match parts.iter_mut().find(|part| part.starts_with(&begins)) {
            Some(part) => *part = text,
            None => parts.push(text),
        }
    }
    preface.to_owned() + &parts.concat()
}
