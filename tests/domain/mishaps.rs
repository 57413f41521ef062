//! What goes wrong beside the image: others who move tags, hosts that do not pull, steps that
//! fail, nothing to go back to. Each was held against the core once and found something.

use shipmate::domain::environment::{Restart, Strategy as Way};
use shipmate::domain::event::{Cause, End, Event, Step};
use shipmate::domain::id::Tag;
use shipmate::domain::others::Change;
use shipmate::domain::plan::Kind;

use super::ends::story;
use super::runner::{Run, judge_end};
use super::scenario::{Before, Sketch, digest, one_service, repository, service_name};
use super::world::{Behaviour, World};

fn code(run: &Run) -> &'static str {
    run.deployment.end().map_or("runs", End::code)
}

fn run_true(sketch: &Sketch) -> (Run, World) {
    let (run, world) = sketch.run().expect("it can be planned");
    let broken = judge_end(&run, &world);
    assert!(broken.is_empty(), "{broken:#?}\n{}", story(&run));
    (run, world)
}

/// Runs in a world that somebody else has changed at one moment.
fn run_with(sketch: &Sketch, at: u32, change: impl Fn(&mut World)) -> (Run, World) {
    let mut world = sketch.world();
    let mut run = sketch.start(&world).expect("it can be planned");
    for moment in 0..500 {
        if moment == at {
            change(&mut world);
        }
        run.pump(&mut world, moment);
        if run.deployment.end().is_some() {
            break;
        }
        world.tick();
    }
    (run, world)
}

fn stopped(run: &Run) -> usize {
    run.deployment.rollout().map_or(0, |rollout| rollout.forward.stopped().count())
}

fn two_images() -> Sketch {
    let mut sketch = one_service();
    sketch.images.push(sketch.images[0].clone());
    sketch.services.push(sketch.services[0].clone());
    sketch.services[1].repository = 1;
    sketch
}

fn at(world: &World, index: usize, tag: &str) -> String {
    let found = world.tags.get(&(repository(index), Tag::from(tag)));
    let names = ["from", "to", "kept", "older"];
    let name = names.into_iter().find(|name| found == Some(&digest(index, name)));
    name.unwrap_or("nothing").to_owned()
}

#[test]
fn hosts_that_do_not_pull_cost_one_task() {
    let sketch = one_service();
    let (run, world) = run_with(&sketch, 0, |world| {
        world.services.get_mut(&service_name(0)).unwrap().cached = Some(digest(0, "from"));
    });
    assert_eq!((code(&run), stopped(&run)), ("rolled-back", 1), "{}", story(&run));
    assert_eq!(at(&world, 0, "staging-latest"), "from");
}

#[test]
fn a_tag_that_others_move_back_does_not_make_it_stop_tasks_for_ever() {
    let mut sketch = one_service();
    sketch.services[0].percents = (75, 200);
    let (run, _) = run_with(&sketch, 6, |world| {
        world.tags.insert((repository(0), "staging-latest".into()), digest(0, "from"));
    });
    assert_eq!(code(&run), "rolled-back", "{}", story(&run));
    assert!(run.journal.len() < 200, "{}", run.journal.len());
}

#[test]
fn a_tag_that_others_hold_does_not_keep_the_other_image_from_going_back() {
    let mut sketch = two_images();
    sketch.images[0].to = Behaviour::Exits(2);
    let (run, world) = run_with(&sketch, 1, |world| {
        world.tags.insert((repository(1), "staging-latest".into()), digest(1, "older"));
    });
    assert_eq!(code(&run), "failed", "{}", story(&run));
    assert_eq!(at(&world, 0, "staging-latest"), "from");
    assert_eq!(at(&world, 1, "staging-latest"), "older");
    let service = &world.services[&service_name(0)];
    assert!(service.wanted().all(|task| task.digest == Some(digest(0, "from"))));
}

#[test]
fn an_image_with_nothing_to_go_back_to_does_not_keep_the_other() {
    let mut sketch = two_images();
    sketch.images[1].has_from = false;
    sketch.images[0].to = Behaviour::Exits(2);
    let (run, world) = sketch.run().unwrap();
    let Some(End::Failed { undo: Some(Cause::StepFailed { failure, .. }), .. }) =
        run.deployment.end()
    else {
        panic!("{}", story(&run));
    };
    assert_eq!(failure.code, "nothing-to-go-back-to");
    assert_eq!(at(&world, 0, "staging-latest"), "from");
    let service = &world.services[&service_name(0)];
    assert_eq!(service.serving(), 4);
    assert!(service.wanted().all(|task| task.digest == Some(digest(0, "from"))));
}

#[test]
fn moves_that_failed_after_they_were_done_are_all_moved_back() {
    // The steps: two keeps, then two moves.
    for (step, done) in [(2, true), (3, true), (2, false), (3, false)] {
        let mut sketch = two_images();
        sketch.mishaps.fails = Some((step, done));
        let (run, world) = run_true(&sketch);
        assert_eq!(code(&run), "rolled-back", "{}", story(&run));
        for index in 0..2 {
            assert_eq!(at(&world, index, "staging-latest"), "from");
            assert_eq!(at(&world, index, "staging-previous"), "kept");
        }
    }
}

#[test]
fn a_stop_that_fails_is_rolled_back_at_once_and_not_waited_for() {
    for done in [true, false] {
        let mut sketch = one_service();
        sketch.mishaps.fails = Some((2, done));
        let (run, _) = run_true(&sketch);
        assert_eq!(code(&run), "rolled-back", "{}", story(&run));
        let took = run.journal[run.journal.len() - 1].at.duration_since(run.journal[0].at);
        assert!(took < jiff::SignedDuration::from_secs(60), "{took:?}");
    }
}

#[test]
fn a_restart_that_fails_after_it_was_done_is_undone() {
    for done in [true, false] {
        let mut sketch = one_service();
        sketch.services[0].restart = Restart::Fixed(Way::Deployment);
        sketch.services[0].consistent = true;
        sketch.images[0].to = Behaviour::NeverHealthy;
        sketch.mishaps.fails = Some((2, done));
        let (run, world) = run_true(&sketch);
        assert_eq!(code(&run), "rolled-back", "{}", story(&run));
        let service = &world.services[&service_name(0)];
        assert!(service.wanted().all(|task| task.digest == Some(digest(0, "from"))));
    }
}

#[test]
fn keeping_the_previous_tag_in_an_undo_is_no_reason_to_fail() {
    let mut sketch = one_service();
    sketch.images[0].to = Behaviour::Exits(1);
    // Keep, move, stop; back: move, keep.
    sketch.mishaps.fails = Some((4, false));
    let (run, _) = run_true(&sketch);
    let rollout = run.deployment.rollout().unwrap();
    let failed = rollout.undo.as_ref().unwrap().phase.failed.as_ref();
    assert!(matches!(failed, Some((Step::KeepTag { .. }, _))), "{}", story(&run));
    assert_eq!(code(&run), "rolled-back");
}

#[test]
fn what_is_undone_is_never_kept() {
    let mut sketch = one_service();
    sketch.images[0].to = Behaviour::Exits(1);
    sketch.images[0].previous = 2;
    let (run, world) = run_true(&sketch);
    assert_eq!(code(&run), "rolled-back");
    assert_eq!(at(&world, 0, "staging-previous"), "from");
}

#[test]
fn a_rollback_keeps_nothing() {
    let mut sketch = one_service();
    sketch.rollback = true;
    let (run, world) = run_true(&sketch);
    assert!(matches!(run.deployment.plan.terms.kind, Kind::Rollback { .. }));
    assert_eq!(code(&run), "succeeded");
    assert_eq!(at(&world, 0, "staging-previous"), "kept");
}

#[test]
fn an_undo_leaves_what_was_never_restarted_as_it_was() {
    let mut sketch = one_service();
    sketch.services.push(sketch.services[0].clone());
    sketch.services[1].before = Before::Older;
    sketch.services[1].restart = Restart::Fixed(Way::Deployment);
    // Nothing is restarted yet when it is called off: the move of the tag fails.
    sketch.mishaps.fails = Some((1, true));
    let (run, world) = run_true(&sketch);
    assert_eq!(code(&run), "rolled-back", "{}", story(&run));
    let service = &world.services[&service_name(1)];
    assert!(service.wanted().all(|task| task.digest == Some(digest(0, "older"))));
}

#[test]
fn a_native_rollback_is_seen_and_the_tag_goes_back_too() {
    let mut sketch = one_service();
    sketch.services[0].restart = Restart::Fixed(Way::Deployment);
    sketch.services[0].consistent = true;
    sketch.services[0].breaker = 3;
    sketch.services[0].rolls_back = true;
    sketch.images[0].to = Behaviour::NeverStarts;
    // Away while ECS gives up, rolls back and forgets the deployment that failed.
    for away in [0, 5, 20, 50] {
        sketch.mishaps.dies = Some((7, away));
        let (run, world) = run_true(&sketch);
        assert_eq!(code(&run), "rolled-back", "{}", story(&run));
        assert_eq!(at(&world, 0, "staging-latest"), "from");
    }
}

#[test]
fn a_native_rollback_is_told_for_what_it_is() {
    let mut sketch = one_service();
    sketch.services[0].restart = Restart::Fixed(Way::Deployment);
    sketch.services[0].consistent = true;
    sketch.images[0].to = Behaviour::NeverHealthy;
    // Somebody stops our deployment by hand.
    let (run, world) = run_with(&sketch, 3, |world| {
        let service = &world.services[&service_name(0)];
        let id = super::world::shown_id(service.primary());
        assert!(world.call_back(&service_name(0), &id));
    });
    let Some(End::RolledBack { cause: Cause::RolledBackByEcs { to, reason, .. } }) =
        run.deployment.end()
    else {
        panic!("{}", story(&run));
    };
    assert_eq!((to.as_deref(), reason.as_str()), (Some("1"), "on request"));
    assert_eq!(at(&world, 0, "staging-latest"), "from");
    assert!(world.services[&service_name(0)].steady());
}

#[test]
fn a_tag_that_others_moved_in_between_is_seen_before_all_tasks_are_replaced() {
    let mut sketch = one_service();
    sketch.services[0].restart = Restart::Fixed(Way::Deployment);
    sketch.services[0].consistent = true;
    sketch.services[0].percents = (75, 125);
    let mut world = sketch.world();
    let mut run = sketch.start(&world).unwrap();
    run.pump(&mut world, 0);
    // Between the restart and its first pull.
    world.tags.insert((repository(0), "staging-latest".into()), digest(0, "older"));
    for moment in 1..500 {
        world.tick();
        run.pump(&mut world, moment);
        if run.deployment.end().is_some() {
            break;
        }
    }
    let rollout = run.deployment.rollout().unwrap();
    let cause = rollout.undo.as_ref().map(|undo| &undo.cause);
    let found = digest(0, "older");
    let expected = Cause::ResolvedAnother { service: service_name(0), found: found.clone() };
    assert_eq!(cause, Some(&expected), "{}", story(&run));
    let on_it = |task: &&super::world::ModelTask| task.digest.as_ref() == Some(&found);
    let replaced = world.services[&service_name(0)].tasks.iter().filter(on_it).count();
    assert!(replaced <= 2, "{replaced} tasks were replaced");
}

#[test]
fn what_is_in_progress_is_called_back_and_what_still_runs_is_left_alone() {
    let mut sketch = one_service();
    sketch.services[0].restart = Restart::Fixed(Way::Deployment);
    sketch.services[0].consistent = true;
    sketch.services[0].percents = (100, 125);
    sketch.mishaps.cancelled = Some(2);
    let mut world = sketch.world();
    let before: Vec<_> =
        world.services[&service_name(0)].wanted().map(|task| task.arn.clone()).collect();
    let mut run = sketch.start(&world).unwrap();
    for moment in 0..500 {
        run.pump(&mut world, moment);
        if run.deployment.end().is_some() {
            break;
        }
        world.tick();
    }
    assert_eq!(code(&run), "cancelled", "{}", story(&run));
    let undo = &run.deployment.rollout().unwrap().undo.as_ref().unwrap().phase;
    assert!(undo.called_back.contains(&service_name(0)), "{}", story(&run));
    assert!(undo.deployments.is_empty(), "no new deployment: {}", story(&run));
    assert_eq!(at(&world, 0, "staging-latest"), "from");
    assert!(!before.is_empty());
}

#[test]
fn a_service_that_follows_something_else_is_left_and_the_rest_goes_back() {
    let mut sketch = one_service();
    sketch.services.push(sketch.services[0].clone());
    let (run, world) = run_with(&sketch, 3, |world| {
        world.services.get_mut(&service_name(0)).unwrap().tag = "other".into();
    });
    let lost = Cause::NotFollowed {
        service: service_name(0),
        found: Some("1.dkr.ecr.eu-west-1.amazonaws.com/core:other".to_owned()),
    };
    let end = End::Failed { cause: lost.clone(), undo: Some(lost) };
    assert_eq!(run.deployment.end(), Some(&end), "{}", story(&run));
    assert_eq!(at(&world, 0, "staging-latest"), "from");
    let service = &world.services[&service_name(1)];
    assert!(service.wanted().all(|task| task.digest == Some(digest(0, "from"))));
}

#[test]
fn what_was_counted_before_others_took_a_service_away_does_not_stand_at_the_end() {
    let mut sketch = one_service();
    sketch.images[0].to = Behaviour::Exits(0);
    sketch.services.push(sketch.services[0].clone());
    let mut world = sketch.world();
    let mut run = sketch.start(&world).expect("it can be planned");
    let mut taken = false;
    for moment in 0..500 {
        let undo = run.deployment.rollout().unwrap().undo.as_ref();
        if !taken && undo.is_some_and(|undo| undo.phase.services[&service_name(1)].good > 0) {
            taken = true;
            let service = world.services.get_mut(&service_name(1)).unwrap();
            service.tag = "other".into();
            service.tasks.iter_mut().for_each(|task| task.digest = Some(digest(0, "other")));
        }
        run.pump(&mut world, moment);
        if run.deployment.end().is_some() {
            break;
        }
        world.tick();
    }
    assert!(taken && code(&run) == "failed", "{}", story(&run));
    let undo = run.deployment.rollout().unwrap().undo.as_ref().unwrap();
    let good = |index| undo.phase.services[&service_name(index)].good;
    assert_eq!((good(0), good(1)), (4, 0), "{}", story(&run));
}

#[test]
fn what_others_scale_is_told_once() {
    let sketch = one_service();
    let (run, _) = run_with(&sketch, 4, |world| {
        world.services.get_mut(&service_name(0)).unwrap().desired += 2;
    });
    assert_eq!(code(&run), "succeeded", "{}", story(&run));
    let changes = &run.deployment.rollout().unwrap().changes;
    let [Change::Scaled { from, to, .. }] = changes.as_slice() else { panic!("{changes:?}") };
    assert_eq!(*to, *from + 2);
}

#[test]
fn a_service_that_scales_to_nothing_is_done() {
    let sketch = one_service();
    let (run, _) = run_with(&sketch, 4, |world| {
        world.services.get_mut(&service_name(0)).unwrap().desired = 0;
    });
    assert_eq!(code(&run), "succeeded", "{}", story(&run));
}

#[test]
fn a_service_that_is_scaled_in_until_no_task_may_be_stopped_is_deployed() {
    let mut deployed = 0;
    for at in 1..30 {
        let sketch = one_service();
        let (run, world) = run_with(&sketch, at, |world| {
            world.services.get_mut(&service_name(0)).unwrap().desired = 1;
        });
        assert_eq!(code(&run), "succeeded", "at {at}: {}", story(&run));
        let broken = judge_end(&run, &world);
        assert!(broken.is_empty(), "at {at}: {broken:#?}\n{}", story(&run));
        let rollout = run.deployment.rollout().unwrap();
        let ours = |change: &Change| matches!(change, Change::Deployed { .. });
        assert!(!rollout.changes.iter().any(ours), "ours is not others': {}", story(&run));
        deployed += u32::from(rollout.is_deployed(&service_name(0)));
    }
    assert!(deployed > 5, "{deployed} times");
}

#[test]
fn a_service_that_had_to_be_deployed_comes_back_as_well() {
    for (at, cancelled) in (1..20).flat_map(|at| (at..at + 8).map(move |after| (at, after))) {
        let mut sketch = one_service();
        sketch.mishaps.cancelled = Some(cancelled);
        let (run, world) = run_with(&sketch, at, |world| {
            world.services.get_mut(&service_name(0)).unwrap().desired = 1;
        });
        let broken = judge_end(&run, &world);
        assert!(broken.is_empty(), "{at}, {cancelled}: {broken:#?}\n{}", story(&run));
        assert!(["cancelled", "succeeded"].contains(&code(&run)), "{}", story(&run));
    }
}

#[test]
fn a_deployment_that_never_completes_is_not_waited_for_for_ever() {
    let mut sketch = one_service();
    sketch.services[0].restart = Restart::Fixed(Way::Deployment);
    let mut world = sketch.world();
    let mut run = sketch.start(&world).unwrap();
    for moment in 0..500 {
        run.pump(&mut world, moment);
        world.tick();
        let service = world.services.get_mut(&service_name(0)).unwrap();
        for deployment in &mut service.deployments {
            deployment.state = shipmate::domain::observation::RolloutState::InProgress;
        }
    }
    assert_eq!(code(&run), "failed", "{}", story(&run));
}

#[test]
fn a_rollout_does_not_end_while_a_step_is_under_way() {
    let sketch = one_service();
    let (run, _) = sketch.run().unwrap();
    let busy = run
        .states
        .iter()
        .find(|state| state.rollout().is_some_and(|rollout| !rollout.phase().under_way.is_empty()));
    let mut busy = busy.unwrap().clone();
    let recorded = shipmate::domain::event::Recorded {
        deployment: busy.id,
        sequence: busy.version + 1,
        at: busy.requested_at,
        event: Event::Ended { end: End::Succeeded },
    };
    assert!(busy.apply(&recorded).is_err());
}
