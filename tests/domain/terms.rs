//! What votes bind: the hash changes with whatever runs, and not with what it is called.

use shipmate::domain::environment::{Batch, Strategy};
use shipmate::domain::id::{DeploymentId, Digest, PolicyHash};
use shipmate::domain::plan::{ImageMove, Kind, PlannedService, Terms, Version};

fn terms() -> Terms {
    let version = |name: &str| Version {
        digest: Digest::of(name.as_bytes()),
        children: vec![Digest::of(b"child")],
        name: name.to_owned(),
    };
    Terms {
        environment: "staging".into(),
        kind: Kind::Promotion,
        tag: "staging-latest".into(),
        previous_tag: "staging-previous".into(),
        images: vec![ImageMove {
            repository: "core".into(),
            from: Some(version("from")),
            to: version("to"),
            previous: Some(Digest::of(b"previous")),
        }],
        services: vec![PlannedService {
            name: "api".into(),
            ecs_service: "api-staging".to_owned(),
            container: "app".to_owned(),
            repository: "core".into(),
            strategy: Strategy::Stop,
            below_minimum: false,
            batch: Batch::Room,
        }],
        policies: PolicyHash::new("policies"),
    }
}

type Change = Box<dyn Fn(&mut Terms)>;

#[test]
fn every_bound_field_changes_the_hash() {
    let other = || Digest::of(b"other");
    let changes: Vec<(&str, Change)> = vec![
        ("environment", Box::new(|terms| terms.environment = "production".into())),
        ("kind", Box::new(|terms| terms.kind = Kind::Rollback { of: DeploymentId(1) })),
        ("tag", Box::new(|terms| terms.tag = "x".into())),
        ("previous tag", Box::new(|terms| terms.previous_tag = "x".into())),
        ("repository", Box::new(|terms| terms.images[0].repository = "web".into())),
        ("to", Box::new(move |terms| terms.images[0].to.digest = other())),
        ("to, inside", Box::new(|terms| terms.images[0].to.children.clear())),
        ("no from", Box::new(|terms| terms.images[0].from = None)),
        ("from", Box::new(move |terms| terms.images[0].from.as_mut().unwrap().digest = other())),
        ("previous", Box::new(|terms| terms.images[0].previous = None)),
        ("no image", Box::new(|terms| terms.images.clear())),
        ("service", Box::new(|terms| terms.services[0].name = "x".into())),
        ("ECS service", Box::new(|terms| terms.services[0].ecs_service = "x".into())),
        ("container", Box::new(|terms| terms.services[0].container = "x".into())),
        ("its repository", Box::new(|terms| terms.services[0].repository = "x".into())),
        ("strategy", Box::new(|terms| terms.services[0].strategy = Strategy::Deployment)),
        ("batch", Box::new(|terms| terms.services[0].batch = Batch::All)),
        ("another batch", Box::new(|terms| terms.services[0].batch = Batch::parse("2").unwrap())),
        ("no service", Box::new(|terms| terms.services.clear())),
        ("policies", Box::new(|terms| terms.policies = PolicyHash::new("x"))),
    ];
    let mut hashes = vec![terms().hash()];
    for (what, change) in changes {
        let mut changed = terms();
        change(&mut changed);
        assert!(!hashes.contains(&changed.hash()), "{what}");
        hashes.push(changed.hash());
    }
}

#[test]
fn names_do_not() {
    let mut renamed = terms();
    renamed.images[0].to.name = "core:9".to_owned();
    renamed.images[0].from.as_mut().unwrap().name.clear();
    assert_eq!(renamed.hash(), terms().hash());
    renamed.keep_names(&terms());
    assert_eq!(renamed.images[0].to.name, "to");
    renamed.images[0].to.digest = Digest::of(b"other");
    renamed.images[0].to.name = "core:9".to_owned();
    renamed.keep_names(&terms());
    assert_eq!(renamed.images[0].to.name, "core:9");
}

#[test]
fn a_round_trip_keeps_the_hash() {
    let text = serde_json::to_string(&terms()).unwrap();
    let back: Terms = serde_json::from_str(&text).unwrap();
    assert_eq!(back.hash(), terms().hash());
}

#[test]
fn the_default_batch_leaves_no_trace_so_that_older_votes_still_bind() {
    let text = serde_json::to_string(&terms()).unwrap();
    assert!(!text.contains("batch"), "{text}");
}
