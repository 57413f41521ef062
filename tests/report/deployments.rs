//! The one card of a deployment before its end.

use shipmate::domain::event::{Cause, Choice, Event, StopRequest, Withdrawal};
use shipmate::domain::policy::{Because, Opens};
use shipmate::report::{
    closed_card, deployment_card, dry_run_card, no_such_deployment_card, not_open_card, vote_card,
    vote_withdrawn_card, which_deployment_card,
};

use super::world::*;

fn drawn(tale: &Tale) -> String {
    plain(&deployment_card(&tale.deployment, &tale.now()))
}

fn waiting() -> Tale {
    Tale::begin(requested(small_plan("production"), vec![two_release_managers()]))
}

#[test]
fn waiting_for_votes() {
    let fresh = waiting();
    let half = waiting().vote(60, "bob", Choice::Yes);
    let text = [drawn(&fresh), drawn(&half)].join("\n");
    insta::assert_snapshot!(text);
}

#[test]
fn every_warning_stands_in_the_plan() {
    insta::assert_snapshot!(drawn(&Tale::begin(requested(big_plan("staging"), Vec::new()))));
}

#[test]
fn broken_glass_is_loud() {
    let mut asked = requested(small_plan("production"), Vec::new());
    asked.break_glass = true;
    let frozen = because("freezes-are-obeyed", "production does not change late on Friday");
    let by_hand = because("nobody-during-the-sale", "the sale");
    asked.overridden = vec![
        Because { opens: Some(Opens::At(moment(86_400))), ..frozen },
        Because { opens: Some(Opens::Unfrozen), ..by_hand },
        because("release-managers-agree", "two release managers agree"),
    ];
    insta::assert_snapshot!(drawn(&Tale::begin(asked)));
}

#[test]
fn queued() {
    let tale = waiting()
        .vote(60, "bob", Choice::Yes)
        .vote(10, "carol", Choice::Yes)
        .then(0, Event::Approved);
    insta::assert_snapshot!(drawn(&tale));
}

#[test]
fn a_rollback_says_what_it_reverts() {
    insta::assert_snapshot!(drawn(&Tale::begin(requested(rollback_plan(), Vec::new()))));
}

#[test]
fn running_step_by_step() {
    let started = Tale::started(small_plan("staging"));
    let moving = Tale::started(small_plan("staging"))
        .step(1, keep())
        .then(1, Event::StepStarted { step: forward() });
    let passed = with_canary()
        .progressed(40, "rest-api", 1, 3)
        .then(30, Event::CanaryPassed { service: "rest-api".into() })
        .then(1, Event::StepStarted { step: stop(&["b", "c"]) });
    let settling = with_canary()
        .then(70, Event::CanaryPassed { service: "rest-api".into() })
        .step(1, stop(&["b", "c"]))
        .progressed(40, "rest-api", 3, 3);
    let all = [started, moving, with_canary(), passed, settling];
    insta::assert_snapshot!(all.iter().map(drawn).collect::<Vec<_>>().join("\n"));
}

#[test]
fn going_back_says_why() {
    let stop = StopRequest::Person { person: "bob".into(), because: Some("wrong image".into()) };
    let asked_to = with_canary().then(5, Event::StopRequested { stop });
    let moving = with_canary().undo(crash()).then(1, Event::StepStarted { step: back() });
    let watching = going_back(crash()).progressed(5, "rest-api", 2, 3);
    let all = [asked_to, moving, watching];
    insta::assert_snapshot!(all.iter().map(drawn).collect::<Vec<_>>().join("\n"));
}

#[test]
fn nothing_reads_like_an_end_before_the_end() {
    let cause = Cause::Overtaken { service: "rest-api".into() };
    for tale in [waiting(), with_canary(), going_back(crash()), going_back(cause)] {
        let text = drawn(&tale);
        for early in ["staging runs", "production runs", "rolled back to", "failed"] {
            assert!(!text.to_lowercase().contains(early), "{early} stands too early in\n{text}");
        }
    }
}

#[test]
fn the_card_of_old_terms() {
    insta::assert_snapshot!(plain(&closed_card(&waiting().deployment)));
}

#[test]
fn a_dry_run() {
    let requirements = [two_release_managers()];
    let now = waiting().now();
    insta::assert_snapshot!(plain_all(&[
        dry_run_card(&small_plan("production"), &requirements, None, &now),
        dry_run_card(&rollback_plan(), &[], None, &now),
    ]));
}

#[test]
fn votes_are_acknowledged() {
    let one = waiting().vote(60, "bob", Choice::Yes);
    let two = waiting().vote(60, "bob", Choice::Yes).vote(1, "carol", Choice::Yes);
    let lost = waiting()
        .vote(60, "bob", Choice::Yes)
        .then(5, Event::VoteWithdrawn { person: "bob".into(), why: Withdrawal::NoLongerEntitled });
    let yes = |tale: &Tale| vote_card(&tale.deployment, Choice::Yes);
    insta::assert_snapshot!(plain_all(&[
        yes(&one),
        yes(&two),
        vote_card(&one.deployment, Choice::No),
        vote_withdrawn_card(&lost.deployment, &"bob".into(), Withdrawal::NoLongerEntitled),
        vote_withdrawn_card(&lost.deployment, &"bob".into(), Withdrawal::TakenBack),
    ]));
}

#[test]
fn a_word_on_no_open_deployment() {
    let (one, other) = (waiting().deployment, with_canary().deployment);
    insta::assert_snapshot!(plain_all(&[
        no_such_deployment_card(one.id),
        not_open_card(&with_canary().deployment),
        which_deployment_card("approve", &[]),
        which_deployment_card("cancel", &[&one, &other]),
    ]));
}
