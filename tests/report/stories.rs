//! The whole story of a deployment, with every kind of event in it, and cards of whatever
//! state a deployment can be in.

use proptest::prelude::*;
use shipmate::domain::event::{Choice, End, Event, Step, StepFailure, StopRequest, Withdrawal};
use shipmate::report::{closed_card, deployment_card, details, end_reply, show_card, vote_card};

use super::world::*;

fn story(tale: &Tale) -> String {
    plain(&show_card(&tale.deployment, &tale.events, &tale.now()))
}

#[test]
fn agreed_and_done() {
    let plan = small_plan("staging");
    let outlook = plan.outlook.clone();
    let asked = requested(plan.clone(), vec![two_release_managers()]);
    let replanned = Event::Replanned {
        plan: Box::new(plan),
        requirements: vec![two_release_managers()],
        overridden: Vec::new(),
    };
    let tale = Tale::begin(asked)
        .then(1, Event::Posted { message: "card".into() })
        .vote(5, "bob", Choice::Yes)
        .then(1, Event::VoteWithdrawn { person: "bob".into(), why: Withdrawal::TakenBack })
        .then(1, Event::OutlookChanged { outlook })
        .then(1, replanned)
        .vote(5, "bob", Choice::Yes)
        .vote(5, "carol", Choice::Yes)
        .then(0, Event::Approved)
        .then(1, Event::Started { known_failures: Default::default() })
        .step(1, keep())
        .step(1, forward())
        .step(1, stop(&["a"]))
        .progressed(10, "rest-api", 0, 3)
        .progressed(10, "rest-api", 1, 3)
        .then(30, Event::CanaryPassed { service: "rest-api".into() })
        .step(1, stop(&["b", "c"]))
        .progressed(40, "rest-api", 3, 3)
        .ended(30, End::Succeeded);
    insta::assert_snapshot!(story(&tale));
}

#[test]
fn stopped_and_stuck() {
    let failure = StepFailure {
        transient: false,
        code: "AccessDenied".into(),
        detail: "no right to stop".into(),
    };
    let stop_request = StopRequest::Person { person: "bob".into(), because: None };
    let tale = with_canary()
        .then(1, Event::StopRequested { stop: stop_request })
        .undo(crash())
        .then(1, Event::StepStarted { step: back() })
        .then(1, Event::StepFailed { step: back(), failure })
        .ended(86_400, End::Failed { cause: crash(), undo: Some(crash()) });
    insta::assert_snapshot!(story(&tale));
}

#[test]
fn a_long_story_leaves_its_middle_out() {
    let mut tale = with_canary();
    for count in 0..100 {
        tale = tale
            .progressed(1, "rest-api", count % 3, 3)
            .then(1, Event::CanaryPassed { service: "rest-api".into() });
    }
    let card = show_card(&tale.deployment, &tale.events, &tale.now());
    let story = card.fields.last().expect("a story");
    assert!(story.lines.len() < 70);
    assert!(story.lines.iter().any(|line| line.contains("left out")));
}

#[test]
fn a_thousand_details_are_summed_up() {
    let mut tale = with_canary();
    for count in 0..1_000 {
        let service = format!("service-{count:04}");
        let tasks = vec![
            format!("{service}/one").as_str().into(),
            format!("{service}/two").as_str().into(),
        ];
        let stop = Step::StopTasks { service: service.as_str().into(), tasks };
        tale = tale.step(1, stop);
    }
    tale = tale.undo(crash());
    let cards = details(&tale.deployment.plan.terms, &tale.events, &tale.now());
    let texts: Vec<String> = cards.iter().map(plain).collect();
    assert_eq!(texts.len(), 1, "{texts:#?}");
    assert!(texts[0].contains("of 1001 services were told to stop"), "{texts:#?}");
    assert!(texts[0].contains("going back"), "{texts:#?}");
}

proptest! {
    #[test]
    fn no_card_breaks(
        because in ".{0,400}",
        names in proptest::collection::vec("\\PC{0,20}", 0..4),
        stage in 0..6,
        seconds in -100_i64..1_000_000,
        good in any::<u32>(),
        total in any::<u32>(),
    ) {
        let mut plan = big_plan("staging");
        for (image, name) in plan.terms.images.iter_mut().zip(&names) {
            image.to.name.clone_from(name);
        }
        plan.terms.images.truncate(names.len());
        plan.outlook.services.truncate(names.len());
        let mut asked = requested(plan.clone(), vec![two_release_managers()]);
        asked.because = Some(because);
        asked.requester.id = names.concat().as_str().into();
        let tale = match stage {
            0 => Tale::begin(asked),
            1 => Tale::begin(asked).vote(1, "bob", Choice::Yes),
            2 => Tale::started(plan),
            3 => Tale::started(plan).progressed(1, "web", good % 5000, total % 5000),
            4 => Tale::started(plan).step(1, forward()).undo(crash()),
            _ => Tale::started(plan).ended(1, End::RolledBack { cause: crash() }),
        };
        let now = at(seconds);
        let deployment = &tale.deployment;
        let cards = [
            deployment_card(deployment, &now),
            closed_card(deployment),
            vote_card(deployment, Choice::Yes),
            show_card(deployment, &tale.events, &now),
        ];
        for card in cards.into_iter().chain(end_reply(deployment, &now)) {
            let text = plain(&card);
            prop_assert!(!text.replace('\n', "").chars().any(char::is_control), "{text:?}");
            prop_assert!(card.title.chars().count() <= 250);
        }
    }
}
