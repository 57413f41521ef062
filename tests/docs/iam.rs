//! docs/iam-policy.json: it allows what is called in src/aws and nothing else, on nothing wider
//! than it must, and the README tells what is in it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use super::{files, in_step, page};
use crate::world::iam::POLICY;

/// AWS takes no resource for these: it says so in its service authorization reference.
const WITHOUT_RESOURCE: [&str; 2] = ["ecs:DescribeTaskDefinition", "ecs:ListTasks"];

fn statements() -> Vec<Value> {
    let policy: Value = serde_json::from_str(POLICY).unwrap();
    policy["Statement"].as_array().unwrap().clone()
}

/// One text, or a list of them.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        other => panic!("{other} is no text"),
    }
}

#[test]
fn the_policy_allows_the_calls_that_are_made() {
    let mut named: BTreeSet<String> = BTreeSet::new();
    let mut called: BTreeSet<String> = BTreeSet::new();
    for (name, path) in files() {
        if !name.starts_with("src/aws/") {
            continue;
        }
        let text = std::fs::read_to_string(path).unwrap();
        named.extend(text.split('"').filter(|part| is_action(part)).map(str::to_owned));
        called.extend(text.split(".client").skip(1).filter_map(|rest| {
            let (method, _) = rest.trim_start().strip_prefix('.')?.split_once('(')?;
            // To ask a client how it is set up is no call.
            (method != "config").then(|| pascal(method))
        }));
        // The one call that no SDK makes.
        let by_hand = text.split("\"Logs_20140328.").nth(1).and_then(|rest| rest.split('"').next());
        called.extend(by_hand.map(str::to_owned));
        if text.contains("AssumeRoleProvider") {
            called.insert("AssumeRole".to_owned());
            named.insert("sts:AssumeRole".to_owned());
        }
    }
    assert!(named.len() > 8, "too few to be true: {named:?}");
    let operations: BTreeSet<String> =
        named.iter().filter_map(|action| Some(action.split_once(':')?.1.to_owned())).collect();
    assert_eq!(operations, called, "the calls that errors name are not those that are made");

    let allowed: BTreeSet<String> =
        statements().iter().flat_map(|statement| texts(&statement["Action"])).collect();
    let missing: Vec<&String> = named.difference(&allowed).collect();
    assert!(missing.is_empty(), "docs/iam-policy.json does not allow {missing:?}");
    let needless: Vec<&String> = allowed.difference(&named).collect();
    assert!(needless.is_empty(), "docs/iam-policy.json allows {needless:?}, which nothing calls");
}

/// `ecs:StopTask`
fn is_action(text: &str) -> bool {
    let Some((service, operation)) = text.split_once(':') else { return false };
    ["ecs", "ecr", "logs", "sts"].contains(&service)
        && operation.starts_with(|first: char| first.is_ascii_uppercase())
        && operation.chars().all(char::is_alphanumeric)
}

/// `stop_task` to `StopTask`.
fn pascal(method: &str) -> String {
    let capital = |word: &str| {
        let (first, rest) = word.split_at(1);
        format!("{}{rest}", first.to_uppercase())
    };
    method.split('_').map(capital).collect()
}

#[test]
fn the_policy_is_as_narrow_as_aws_lets_it_be() {
    for statement in statements() {
        assert_eq!(statement["Effect"], "Allow");
        let actions = texts(&statement["Action"]);
        assert!(actions.iter().all(|action| is_action(action)), "no wildcards: {actions:?}");
        let resources = texts(&statement["Resource"]);
        for arn in resources.iter().filter(|arn| *arn != "*") {
            let fields: Vec<&str> = arn.splitn(6, ':').collect();
            let [.., region, account, resource] = fields[..] else { panic!("{arn} is no ARN") };
            let named = !region.contains('*') && !account.contains('*');
            // Of what has no name beforehand, only the last part may be anything.
            let open = resource.trim_end_matches('*');
            let in_log = resource.starts_with("log-group:/ecs/*:log-stream:");
            assert!(
                named && (in_log || (!open.contains('*') && open.len() > "task/".len())),
                "{arn}"
            );
        }
        let wide = resources.contains(&"*".to_owned());
        let must = actions.iter().all(|action| WITHOUT_RESOURCE.contains(&action.as_str()));
        assert_eq!(wide, must, "{actions:?}");
        let by_cluster = statement.pointer("/Condition/ArnEquals/ecs:cluster").is_some();
        let of_tasks = ["ecs:ListTasks", "ecs:DescribeTasks", "ecs:StopTask"];
        let about_tasks = actions.iter().all(|action| of_tasks.contains(&action.as_str()));
        assert_eq!(by_cluster, about_tasks, "{actions:?}");
    }
}

/// What a statement is narrowed to, in words.
fn narrowed(statement: &Value) -> String {
    let arns = texts(&statement["Resource"]);
    let kinds: BTreeSet<&str> = arns
        .iter()
        .map(|arn| {
            let resource = arn.splitn(6, ':').nth(5).unwrap_or("*");
            match resource.split(['/', ':']).next().unwrap_or_default() {
                "repository" => "the repositories",
                "cluster" => "the clusters",
                "service" => "services of the clusters",
                "service-deployment" => "their deployments",
                "service-revision" => "their revisions",
                "task" => "tasks of the clusters",
                "log-group" => "log groups",
                "role" => "the role",
                "*" if statement.get("Condition").is_some() => "tasks of the clusters",
                "*" => "everything: AWS takes no resource for it",
                other => panic!("{other} is no kind of resource that this table knows"),
            }
        })
        .collect();
    kinds.into_iter().collect::<Vec<_>>().join(", ")
}

#[test]
fn the_readme_tells_what_is_in_the_policy() {
    let mut table = String::from("| calls | on |\n| --- | --- |\n");
    for statement in statements() {
        let actions = texts(&statement["Action"]);
        let actions: Vec<String> = actions.iter().map(|action| format!("`{action}`")).collect();
        let _ = writeln!(table, "| {} | {} |", actions.join(", "), narrowed(&statement));
    }
    in_step("README.md", "iam", &table);
    assert!(page("README.md").contains("(docs/iam-policy.json)"));
}
