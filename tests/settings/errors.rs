//! Each thing that can be wrong, with its whole message: file, line, column, and what to do.

use super::{SMALL, wrong};

const SERVICE: &str = "repository = \"web\"\ncontainer = \"web\"\n";

/// What stands behind [`SMALL`] (from line 11), and the errors.
#[test]
fn what_is_added_wrongly_is_refused() {
    let cases: &[(&str, &str)] = &[
        ("[database", ""),
        ("[databse]\nurl = \"sqlite://x\"", ""),
        ("[database]\nurl = 5", ""),
        ("[database]\nurl = \"\"", ""),
        ("[database]\nurl = \"sqlite://\"", ""),
        ("[database]\nurl = \"postgres://bot@db/x\"", ""),
        ("[database]\nurl = \"shipmate.db\"", ""),
        ("zebra = 1", ""),
        ("[roles]\ndeveloper = [\"alice\"]", ""),
        ("[roles]\ndeveloper = { peeple = [\"alice\"] }", ""),
        ("[roles]\ndeveloper = { people = [\"alice\", 5, \"\", \"alice\"] }", ""),
        ("[roles]\n\"the team\" = { people = [] }", ""),
        ("[environments.qa]\nregion = \"eu-west-1\"", ""),
        ("[[environments.qa]]\n", ""),
        ("[services.web]\ncontainer = \"web\"\nenvironments = []", ""),
        ("[commands]\nmode = \"add\"", ""),
        ("[policies]\ndirectory = \"x\"\nmode = \"replaces\"", ""),
    ];
    let mut told = String::new();
    for (added, _) in cases {
        told.push_str(&format!("=== {added}\n{}\n", wrong(&format!("{SMALL}{added}"), &[])));
    }
    println!("{told}");
    let _ = SERVICE;
}
