//! No policy, no permission; and what could not be decided refuses without being told as
//! anybody's lack of rights.

use insta::assert_snapshot;
use shipmate::sandbox::{Fault, FaultKind};

use crate::world::World;

/// Passes the validation, and errs whenever it is asked.
const ERRS: &str = r#"
@id("errs")
@reason("this sum is larger than any number")
forbid (principal, action == Action::"promote", resource)
when { 9223372036854775807 + context.minute > 0 };
"#;

/// It could not be decided, is not told as a lack of rights, and nothing was done.
async fn undecided(world: &World, person: &str) {
    let text = world.text();
    assert!(text.contains("Could not be decided"), "{text}");
    assert!(!text.contains("may not"), "{text}");
    assert!(world.messages().iter().all(|one| one.private_to() == Some(&person.into())), "{text}");
    world.assert_untouched();
    assert_eq!(world.count_deployments().await, 0);
}

#[tokio::test]
async fn a_policy_that_errs_refuses() {
    let mut world = World::start().await;
    world.add_policies("errs.cedar", ERRS);
    world.restart().await;
    // Also those whom nothing would have permitted hear of the fault.
    for person in ["alice", "dave", "eve"] {
        world.say(person, "promote core:1.5.0 to staging").await;
        world.wait().await;
        undecided(&world, person).await;
    }
    assert_snapshot!(world.text());
}

#[tokio::test]
async fn where_no_policy_permits_nobody_may() {
    let mut world = World::start().await;
    // An empty file takes the shipped one out.
    world.add_policies("developers.cedar", "");
    world.restart().await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    assert!(
        world.text().contains("alice may not promote core:1.5.0 to staging"),
        "{}",
        world.text()
    );
    world.assert_untouched();
}

#[tokio::test]
async fn a_chat_that_does_not_tell_roles_refuses() {
    let mut world = World::start().await;
    world.chat.keep_roles_secret(true);
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    undecided(&world, "alice").await;
    assert_snapshot!(world.text());
    world.say("alice", "whoami").await;
    undecided(&world, "alice").await;
}

#[tokio::test]
async fn a_vote_that_cannot_be_judged_does_not_count_and_is_not_taken_off() {
    let mut world = World::start().await;
    world.verified_on_staging("core", "1.5.0").await;
    world.say("alice", "promote core:1.5.0 to production").await;
    world.react("bob", "✅").await;
    world.chat.keep_roles_secret(true);
    world.react("carol", "✅").await;
    assert!(!world.everything().contains("may not"), "{}", world.everything());
    assert_eq!(world.stage(1).await, "waiting");
    world.assert_untouched();
    assert_eq!(world.card(1).reactions.len(), 2);
    // It counts at the next look.
    world.chat.keep_roles_secret(false);
    let card = world.card(1).id;
    world.react_on(&card, "carol", "🎉", true).await;
    world.wait().await;
    assert_eq!(world.stage(1).await, "succeeded", "{}", world.everything());
}

#[tokio::test]
async fn aws_that_does_not_let_us_look_refuses() {
    let mut world = World::start().await;
    for operation in ["BatchGetImage", "DescribeServices", "DescribeImageScanFindings"] {
        let error = "AccessDeniedException".to_owned();
        world.sandbox.order(Fault::new(operation, 20, FaultKind::Refuse { error })).unwrap();
        world.say("alice", "promote core:1.5.0 to staging").await;
        world.wait().await;
        // What must be mended first is known: that is decided.
        let text = world.text();
        assert!(text.contains(&format!(":{operation} on AWS")), "{text}");
        assert!(!text.contains("may not"), "{text}");
        assert!(world.messages().iter().all(|one| one.private_to() == Some(&"alice".into())));
        world.assert_untouched();
        assert_eq!(world.count_deployments().await, 0);
        world.sandbox.clear_faults();
    }
    assert_snapshot!(world.text());
}

#[tokio::test]
async fn aws_that_throttles_without_end_refuses() {
    let mut world = World::start().await;
    world.sandbox.order(Fault::new("BatchGetImage", 200, FaultKind::Throttle)).unwrap();
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    undecided(&world, "alice").await;
    assert!(world.text().contains("ThrottlingException"), "{}", world.text());
}

#[tokio::test]
async fn critical_findings_that_cannot_be_read_are_not_none() {
    let mut world = World::start().await;
    world.verified_on_staging("core", "1.5.0").await;
    let error = "InvalidParameterException".to_owned();
    let fault = Fault::new("DescribeImageScanFindings", 20, FaultKind::Refuse { error });
    world.sandbox.order(fault).unwrap();
    world.say("alice", "promote core:1.5.0 to production").await;
    world.wait().await;
    undecided(&world, "alice").await;
}
