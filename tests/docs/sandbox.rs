//! docs/sandbox.md: each order that it lists is one that the simulated AWS takes, as it is written
//! there, and there are no others.

use std::collections::BTreeSet;

use super::{page, root};
use crate::sandbox::{demo, order};

/// The method, path and body of each order in the table.
fn orders() -> Vec<(String, String, String)> {
    let page = page("docs/sandbox.md");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let cells =
        rows.map(|line| line.split('|').map(|cell| cell.trim().trim_matches('`')).collect());
    cells
        .map(|cells: Vec<&str>| {
            let (method, path) = cells[1].split_once(' ').unwrap();
            (method.to_owned(), path.to_owned(), cells[2].to_owned())
        })
        .collect()
}

#[tokio::test]
async fn each_order_is_taken_as_it_is_written() {
    let sandbox = demo().await;
    let task = sandbox.tasks("staging", "worker")[0].id.clone();
    let orders = orders();
    assert!(orders.len() > 15, "{orders:?}");
    for (method, path, body) in orders {
        let body = match path.as_str() {
            "mishaps" => body.replace('…', &task),
            "policies" if method == "POST" => {
                body.replace("{…}", r#"{"Version": "2012-10-17", "Statement": []}"#)
            }
            // A world in which there is still what the orders after it are about.
            "seed" => continue,
            _ => body,
        };
        let (status, answer) = order(&sandbox, &method, &path, &body).await;
        assert_eq!(status, 200, "{method} {path} {body}: {answer}");
    }
}

#[test]
fn each_order_is_listed() {
    let text = std::fs::read_to_string(root().join("src/sandbox/admin.rs")).unwrap();
    let arms = text.lines().filter_map(|line| line.trim().strip_prefix("(\"")?.split_once(") =>"));
    let taken: BTreeSet<String> =
        arms.map(|(arm, _)| arm.replace("\", \"", " ").trim_end_matches('"').to_owned()).collect();
    let listed: BTreeSet<String> =
        orders().into_iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    assert_eq!(listed, taken);
}
