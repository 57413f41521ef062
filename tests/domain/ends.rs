//! It always ends, and what it ends with is true: promises 2, 3 and 4.

use proptest::prelude::*;
use shipmate::domain::event::End;

use super::cases;
use super::runner::judge_end;
use super::scenario::{Sketch, sketches};

/// It ends, and the end is true.
pub fn ends_true(sketch: &Sketch) -> Result<(), TestCaseError> {
    let Some((run, world)) = sketch.run() else { return Ok(()) };
    let broken = judge_end(&run, &world);
    prop_assert!(broken.is_empty(), "{broken:#?}\n{}", story(&run));
    Ok(())
}

/// It succeeds in truth, also where it was scaled to where no task may be stopped.
pub fn succeeds(sketch: &Sketch) -> Result<(), TestCaseError> {
    let Some((run, world)) = sketch.run() else { return Ok(()) };
    let broken = judge_end(&run, &world);
    prop_assert!(broken.is_empty(), "{broken:#?}\n{}", story(&run));
    prop_assert_eq!(run.deployment.end(), Some(&End::Succeeded), "{}", story(&run));
    Ok(())
}

/// What happened, an event to a line.
pub fn story(run: &super::runner::Run) -> String {
    let lines = run.journal.iter().skip(1).map(|one| format!("{} {:?}", one.at, one.event));
    let terms = &run.deployment.plan.terms;
    format!("{terms:#?}\n{}", lines.collect::<Vec<String>>().join("\n"))
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn it_ends_and_what_it_ends_with_is_true(sketch in sketches()) {
        ends_true(&sketch)?;
    }

    #[test]
    fn a_good_image_that_nobody_stops_succeeds(mut sketch in sketches()) {
        sketch.make_good();
        succeeds(&sketch)?;
    }

    #[test]
    fn a_cancelled_one_ends_true(mut sketch in sketches(), at in 0..60_u32) {
        sketch.mishaps.cancelled = Some(at);
        ends_true(&sketch)?;
    }

    #[test]
    fn a_paused_one_ends_true(
        mut sketch in sketches(),
        at in 0..60_u32,
        lasts in 0..200_u32,
        cancelled in prop::option::of(0..200_u32),
    ) {
        sketch.mishaps.paused = Some((at, lasts));
        sketch.mishaps.cancelled = cancelled;
        ends_true(&sketch)?;
    }

    #[test]
    fn a_good_image_that_is_paused_succeeds_once_it_goes_on(
        mut sketch in sketches(),
        at in 0..60_u32,
        lasts in 0..400_u32,
    ) {
        sketch.make_good();
        sketch.mishaps.paused = Some((at, lasts));
        succeeds(&sketch)?;
    }

    #[test]
    fn a_good_image_whose_canary_stays_alone_succeeds(
        mut sketch in sketches(),
        at in 0..20_u32,
        stay in 0..120_u32,
    ) {
        sketch.make_good();
        sketch.mishaps.canary = Some((at, stay));
        succeeds(&sketch)?;
    }

    #[test]
    fn a_canary_that_stays_alone_ends_true(
        mut sketch in sketches(),
        at in 0..20_u32,
        stay in 0..120_u32,
        paused in prop::option::of((0..60_u32, 0..100_u32)),
    ) {
        sketch.mishaps.canary = Some((at, stay));
        sketch.mishaps.paused = paused;
        ends_true(&sketch)?;
    }

    #[test]
    fn a_step_that_fails_ends_true(mut sketch in sketches(), step in 0..10_usize, done: bool) {
        sketch.mishaps.fails = Some((step, done));
        ends_true(&sketch)?;
    }
}
