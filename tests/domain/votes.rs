//! Votes: nobody counts twice, and nobody's yes to other terms counts at all.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use shipmate::domain::deployment::{Deployment, Stage};
use shipmate::domain::event::{Choice, Event, Recorded, Via, Vote, Withdrawal};
use shipmate::domain::id::{PolicyId, TermsHash};
use shipmate::domain::plan::Plan;
use shipmate::domain::policy::{Person, Requirement};

use super::cases;
use super::scenario::{self, journal, request};

fn plan() -> Plan {
    scenario::one_service().plan(&scenario::one_service().world()).unwrap()
}

fn requirement(policy: &str, approvals: u32, role: &str) -> Requirement {
    Requirement {
        policy: policy.into(),
        reason: String::new(),
        approvals,
        approvers: BTreeSet::from([role.into()]),
        expires: Duration::from_secs(1800),
    }
}

fn asked() -> Deployment {
    let mut request = request(plan());
    request.requirements = vec![requirement("two", 2, "manager"), requirement("one", 1, "oncall")];
    let at = Timestamp::from_second(1_800_000_000).unwrap();
    let first = journal(vec![Event::Requested(Box::new(request))], at);
    Deployment::begin(&first[0]).unwrap()
}

fn person(name: &str, roles: &[&str]) -> Person {
    Person { id: name.into(), roles: roles.iter().copied().map(Into::into).collect() }
}

fn apply(deployment: &mut Deployment, after: i64, event: Event) -> bool {
    let sequence = deployment.version + 1;
    let at = deployment.requested_at + SignedDuration::from_secs(after);
    deployment.apply(&Recorded { deployment: deployment.id, sequence, at, event }).is_ok()
}

fn vote(deployment: &Deployment, person: Person, choice: Choice) -> Event {
    let terms = deployment.plan.terms.hash();
    Event::VoteCast(Vote { person, choice, via: Via::Reaction, terms })
}

#[test]
fn a_vote_for_other_terms_is_refused() {
    let mut deployment = asked();
    let mut event = vote(&deployment, person("bob", &["manager"]), Choice::Yes);
    if let Event::VoteCast(vote) = &mut event {
        vote.terms = TermsHash::new("other");
    }
    let before = deployment.clone();
    assert!(!apply(&mut deployment, 1, event));
    assert_eq!(deployment, before);
}

#[test]
fn a_vote_taken_back_in_the_queue_asks_again_with_the_whole_time() {
    let mut deployment = asked();
    for (name, role) in [("bob", "manager"), ("carol", "manager"), ("dave", "oncall")] {
        let event = vote(&deployment, person(name, &[role]), Choice::Yes);
        assert!(apply(&mut deployment, 1, event));
    }
    assert!(deployment.needed().is_empty());
    assert!(apply(&mut deployment, 2, Event::Approved));
    assert!(matches!(deployment.stage, Stage::Queued { .. }));
    let expires = deployment.expires_at().unwrap();
    let withdrawn =
        |name: &str| Event::VoteWithdrawn { person: name.into(), why: Withdrawal::TakenBack };
    assert!(!apply(&mut deployment, 3, withdrawn("eve")), "eve has no vote");
    assert!(apply(&mut deployment, 3000, withdrawn("bob")));
    assert_eq!(deployment.stage, Stage::Waiting);
    assert_eq!(deployment.needed(), BTreeMap::from([(PolicyId::from("two"), 1)]));
    let later = deployment.expires_at().unwrap().duration_since(expires);
    assert_eq!(later, SignedDuration::from_secs(3000));
    assert!(!apply(&mut deployment, 3001, Event::Started { known_failures: BTreeSet::new() }));
}

#[test]
fn other_terms_void_all_votes() {
    let mut deployment = asked();
    let event = vote(&deployment, person("bob", &["manager"]), Choice::Yes);
    assert!(apply(&mut deployment, 1, event));
    let mut plan = plan();
    plan.terms.policies = "new".into();
    let requirements = deployment.requirements.clone();
    let plan = Box::new(plan);
    assert!(apply(&mut deployment, 2, Event::Replanned { plan, requirements, overridden: vec![] }));
    assert!(deployment.votes.is_empty());
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn nobody_counts_twice(
        votes in prop::collection::vec((0..4_usize, 0..3_u8, 0..4_u8), 0..20),
    ) {
        let mut deployment = asked();
        let mut last: BTreeMap<usize, (bool, u8)> = BTreeMap::new();
        for (who, what, roles) in votes {
            let name = ["bob", "carol", "dave", "eve"][who];
            let held: Vec<&str> = [(1, "manager"), (2, "oncall")]
                .into_iter()
                .filter(|(bit, _)| roles & bit > 0)
                .map(|(_, role)| role)
                .collect();
            let event = match what {
                0 => Event::VoteWithdrawn { person: name.into(), why: Withdrawal::TakenBack },
                1 => vote(&deployment, person(name, &held), Choice::No),
                _ => vote(&deployment, person(name, &held), Choice::Yes),
            };
            let had = last.contains_key(&who);
            let fits = apply(&mut deployment, 1, event);
            prop_assert_eq!(fits, what > 0 || had);
            if what == 0 {
                last.remove(&who);
            } else {
                last.insert(who, (what == 2, roles));
            }
        }
        let yes = |bit: u8| last.values().filter(|(yes, roles)| *yes && roles & bit > 0).count();
        let mut needed = BTreeMap::new();
        for (policy, bit, approvals) in [("two", 1, 2_usize), ("one", 2, 1)] {
            if let left @ 1.. = approvals.saturating_sub(yes(bit)) {
                needed.insert(PolicyId::from(policy), left as u32);
            }
        }
        prop_assert_eq!(deployment.needed(), needed);
        prop_assert_eq!(deployment.rejected_by().is_some(), last.values().any(|(yes, _)| !yes));
    }
}
