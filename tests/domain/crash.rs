//! Kill the process anywhere, for however long: it carries on and ends the same (promise 2).

use proptest::prelude::*;
use shipmate::domain::event::End;

use super::cases;
use super::ends::{ends_true, story, succeeds};
use super::runner::judge_end;
use super::scenario::sketches;

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn a_good_image_succeeds_although_the_process_dies(
        mut sketch in sketches(),
        point in 0..40_usize,
        away in 0..120_u32,
    ) {
        sketch.make_good();
        sketch.mishaps.dies = Some((point, away));
        succeeds(&sketch)?;
    }

    #[test]
    fn it_ends_the_same_and_true_although_the_process_dies(
        mut sketch in sketches(),
        point in 0..40_usize,
        away in 0..30_u32,
    ) {
        let undisturbed = sketch.run();
        sketch.mishaps.dies = Some((point, away));
        if let (Some((run, world)), Some((before, world_before))) = (sketch.run(), undisturbed) {
            let broken = judge_end(&run, &world);
            prop_assert!(broken.is_empty(), "{broken:#?}\n{}", story(&run));
            // What others do, and exits later than settling, meet another moment of the rollout.
            if sketch.churn.is_empty() && sketch.settle > 4 {
                let code = |run: &super::runner::Run| run.deployment.end().map(End::code);
                prop_assert_eq!(code(&run), code(&before), "{}", story(&run));
                prop_assert_eq!(&world.tags, &world_before.tags);
            }
        }
    }

    #[test]
    fn a_cancelled_one_ends_true_although_the_process_dies(
        mut sketch in sketches(),
        at in 0..30_u32,
        point in 0..40_usize,
        away in 0..120_u32,
    ) {
        sketch.mishaps.cancelled = Some(at);
        sketch.mishaps.dies = Some((point, away));
        ends_true(&sketch)?;
    }

    #[test]
    fn a_paused_one_and_its_canary_outlive_the_process(
        mut sketch in sketches(),
        canary in prop::option::of((0..10_u32, 0..60_u32)),
        paused in prop::option::of((0..30_u32, 0..60_u32)),
        point in 0..40_usize,
        away in 0..60_u32,
    ) {
        sketch.make_good();
        sketch.mishaps.canary = canary;
        sketch.mishaps.paused = paused;
        sketch.mishaps.dies = Some((point, away));
        succeeds(&sketch)?;
    }
}
