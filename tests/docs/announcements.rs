//! docs/announcements.md: what templates can name is what the program hands them.

use std::fmt::Write as _;

use shipmate::domain::schedule::ReadyMade;
use shipmate::report::KNOWN;

use super::{in_step, page};

#[test]
fn the_page_lists_what_templates_can_name() {
    let mut table = String::from("| name | what it holds |\n| --- | --- |\n");
    for (name, holds) in KNOWN {
        let _ = writeln!(table, "| `{name}` | {holds} |");
    }
    in_step("docs/announcements.md", "known", &table);
}

#[test]
fn every_template_that_ships_is_told_of() {
    let page = page("docs/announcements.md");
    for ready in ReadyMade::ALL {
        assert!(page.contains(&format!("| `{}` |", ready.name())), "{}", ready.name());
    }
}
