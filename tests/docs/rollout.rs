//! docs/rollout.md: every way in which a deployment can end, be undone or be refused has a row,
//! what the row quotes is what people read, and the test that it names exists.

use std::collections::BTreeSet;

use super::{between, files, page};

const PAGE: &str = "docs/rollout.md";

/// A table of the page, and the closed list of which each variant has a row.
struct List {
    mark: &'static str,
    file: &'static str,
    name: &'static str,
}

const LISTS: [List; 7] = [
    List { mark: "ends", file: "src/domain/event.rs", name: "End" },
    List { mark: "causes", file: "src/domain/event.rs", name: "Cause" },
    List { mark: "stops", file: "src/domain/event.rs", name: "StopRequest" },
    List { mark: "deaths", file: "src/domain/observation.rs", name: "StopCause" },
    List { mark: "gate", file: "src/domain/event.rs", name: "RefusedWhy" },
    List { mark: "refusals", file: "src/domain/refusal.rs", name: "Refusal" },
    List { mark: "obstacles", file: "src/domain/obstacle.rs", name: "Obstacle" },
];

/// Tables of which no closed list says what must stand in them.
const OPEN: [&str; 3] = ["failures", "hands", "stands-still"];

struct Row {
    /// The first cell's first word in backticks.
    code: String,
    cells: Vec<String>,
}

fn rows(text: &str, mark: &str) -> Vec<Row> {
    let lines = between(text, mark).lines().filter(|line| line.starts_with('|')).skip(2);
    lines
        .map(|line| {
            let cells: Vec<String> =
                line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
            let code = cells[0].split('`').nth(1).unwrap_or_default().to_owned();
            Row { code, cells }
        })
        .collect()
}

fn all_rows(text: &str) -> Vec<(&'static str, Row)> {
    let marks = LISTS.iter().map(|list| list.mark).chain(OPEN);
    marks.flat_map(|mark| rows(text, mark).into_iter().map(move |row| (mark, row))).collect()
}

/// `TaskFailed` to `task-failed`.
fn kebab(variant: &str) -> String {
    let mut kebab = String::new();
    for (at, letter) in variant.char_indices() {
        if at > 0 && letter.is_ascii_uppercase() {
            kebab.push('-');
        }
        kebab.push(letter.to_ascii_lowercase());
    }
    kebab
}

/// The variants of an enum, as they stand in the journal.
fn variants(source: &str, name: &str) -> BTreeSet<String> {
    let (_, body) = source.split_once(&format!("pub enum {name} {{\n")).expect("there is one");
    let body = body.split("\n}").next().unwrap_or_default();
    let own = body.lines().filter_map(|line| line.strip_prefix("    "));
    own.filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()))
        .map(|line| {
            kebab(line.split(|one: char| !one.is_alphanumeric()).next().unwrap_or_default())
        })
        .collect()
}

#[test]
fn each_variant_of_the_closed_lists_has_a_row() {
    let text = page(PAGE);
    for List { mark, file, name } in LISTS {
        let listed: BTreeSet<String> = rows(&text, mark).into_iter().map(|row| row.code).collect();
        let variants = variants(&page(file), name);
        assert!(variants.len() > 1, "{name} of {file} has more variants than {variants:?}");
        let missing: Vec<_> = variants.difference(&listed).collect();
        assert!(
            missing.is_empty(),
            "{PAGE}, table `{mark}`: {name} of {file} has {missing:?} and the page has no row for \
             it. CONTRIBUTING.md says how to add one"
        );
        let left: Vec<_> = listed.difference(&variants).collect();
        assert!(left.is_empty(), "{PAGE}, table `{mark}`: {name} of {file} has no {left:?}");
    }
}

/// The codes of our own with which a step can fail, and the kinds of what AWS says.
fn failures() -> BTreeSet<String> {
    let mut codes: BTreeSet<String> = BTreeSet::new();
    for (name, path) in files() {
        let ours = ["src/aws/", "src/domain/", "src/engine/"];
        if !ours.iter().any(|folder| name.starts_with(folder)) || !name.ends_with(".rs") {
            continue;
        }
        let text = std::fs::read_to_string(path).unwrap();
        codes.extend(text.split("code: \"").skip(1).filter_map(|rest| {
            let code = rest.split('"').next()?;
            code.contains('-').then(|| code.to_owned())
        }));
    }
    codes.extend(variants(&page("src/aws/error.rs"), "AwsError"));
    codes
}

#[test]
fn each_code_of_a_failed_step_has_a_row() {
    let listed: BTreeSet<String> =
        rows(&page(PAGE), "failures").into_iter().map(|row| row.code).collect();
    assert_eq!(listed, failures(), "left: {PAGE}, table `failures`; right: the sources");
}

#[test]
fn each_row_names_a_test_that_exists() {
    let text = page(PAGE);
    let mut wrong = Vec::new();
    for (mark, row) in all_rows(&text) {
        let last = row.cells.last().map(String::as_str).unwrap_or_default();
        let links: Vec<(&str, &str)> = last
            .split('[')
            .skip(1)
            .filter_map(|link| link.split_once(']'))
            .filter_map(|(name, rest)| Some((name, rest.strip_prefix('(')?.split(')').next()?)))
            .collect();
        if links.is_empty() {
            wrong.push(format!("{mark}: {} names no test", row.cells[0]));
        }
        for (name, link) in links {
            let file = link.strip_prefix("../").unwrap_or(link);
            if !is_test(&page(file), name) {
                wrong.push(format!(
                    "{mark}: {} names {name}, which is no test of {file}",
                    row.cells[0]
                ));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// Whether a source has a test of this name.
fn is_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let begins = [format!("fn {name}("), format!("async fn {name}(")];
    lines.iter().enumerate().any(|(at, line)| {
        let above = lines[..at].iter().rev().take_while(|line| line.starts_with('#'));
        begins.iter().any(|begin| line.starts_with(begin.as_str()))
            && above
                .into_iter()
                .any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
    })
}

#[test]
fn what_people_read_is_what_is_quoted() {
    let mut read = String::new();
    for (name, path) in files() {
        let told = ["tests/promises/", "tests/commands/", "tests/discord/", "tests/report/"];
        let words = ["src/report/", "src/domain/", "src/aws/", "src/engine/"];
        let within = |folders: &[&str]| folders.iter().any(|folder| name.starts_with(folder));
        let source = name.ends_with(".rs") && (within(&told) || within(&words));
        if source || name.ends_with(".snap") {
            read.push_str(&words_of(&std::fs::read_to_string(path).unwrap()));
        }
    }
    let mut wrong = Vec::new();
    let mut quotes = 0;
    for (mark, row) in all_rows(&page(PAGE)) {
        for cell in &row.cells[1..row.cells.len() - 1] {
            for quote in cell.split('“').skip(1).filter_map(|rest| rest.split('”').next()) {
                quotes += 1;
                let parts = quote.split('…').map(words_of);
                let unknown = parts.into_iter().find(|part| !read.contains(part.trim()));
                wrong.extend(unknown.map(|part| format!("{mark}: {}: “{part}”", row.cells[0])));
            }
        }
    }
    assert!(quotes > 20, "{quotes} quotes");
    assert_eq!(
        wrong,
        Vec::<String>::new(),
        "nobody reads this: quote what a test or a snapshot says"
    );
}

/// A text as one line: a string of Rust's that goes on in the next line is one.
fn words_of(text: &str) -> String {
    text.replace("\\\n", " ").split_whitespace().collect::<Vec<_>>().join(" ")
}
