//! Whole promotions through the conversation, with the real engine and the real SDK clients,
//! while AWS fails at random, images are broken, people interfere and the process dies. Each
//! follows from its seed, and is held against what really stood when it ended.
//!
//! A few that were chosen are played; `SHIPMATE_SEEDS=200` plays so many, and
//! `SHIPMATE_FIRST_SEED=57` begins with that one. What is
//! drawn is the same each time; in which order things come, the machine has a say in.

mod chance;
mod deeds;
mod facts;
mod oracle;
mod play;
mod story;
mod tally;

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use futures::FutureExt;
use futures::stream::{self, StreamExt};

use self::oracle::judge;
use self::play::{Played, play};
use self::story::Story;
use self::tally::Tally;

/// What is played unless the environment says how many: stories in which each kind of fault, act
/// and step is drawn at least once, and those that once found a mistake of the engine's.
const CHOSEN: [u64; 15] = [2, 17, 33, 43, 47, 48, 67, 101, 130, 133, 145, 163, 316, 560, 590];
/// How many worlds there are at a time.
const AT_ONCE: usize = 4;
/// Among so many everything that can be drawn has been.
const MANY: usize = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_aws_and_people_do_it_ends_right_or_cleanly_undone() {
    let seeds: Vec<u64> = match std::env::var("SHIPMATE_SEEDS") {
        Err(_) => CHOSEN.to_vec(),
        Ok(count) => {
            let first =
                std::env::var("SHIPMATE_FIRST_SEED").map_or(1, |seed| seed.parse().unwrap());
            (first..first + count.parse::<u64>().unwrap()).collect()
        }
    };
    let began = Instant::now();
    let mut runs = stream::iter(seeds.clone()).map(run).buffer_unordered(AT_ONCE);
    let seeds = seeds.len();
    let mut wrong = Vec::new();
    let mut tally = Tally::default();
    let mut done = 0;
    while let Some((seed, came_of_it)) = runs.next().await {
        done += 1;
        match came_of_it {
            Ok((played, broken)) => {
                tally.count(&played);
                let verdict = if broken.is_empty() { "right" } else { "WRONG" };
                eprintln!("seed {seed}: {}, {verdict} ({done} of {seeds})", played.stage());
                if !broken.is_empty() {
                    let story = Story::of(seed);
                    eprintln!("seed {seed} broke promises: {broken:#?}\n{}", played.told(&story));
                    wrong.push(seed);
                }
            }
            Err(panic) => {
                eprintln!("seed {seed}: WRONG, {panic} ({done} of {seeds})");
                wrong.push(seed);
            }
        }
    }
    eprintln!("{tally}");
    eprintln!("{} of {seeds} ended right, in {:.0?}", seeds - wrong.len(), began.elapsed());
    wrong.sort_unstable();
    assert!(wrong.is_empty(), "play again with SHIPMATE_SEEDS=1 SHIPMATE_FIRST_SEED=…: {wrong:?}");
    let missing = if seeds >= MANY { tally.missing() } else { Vec::new() };
    assert!(missing.is_empty(), "none of {seeds} runs had {missing:?}");
}

/// Plays one, and says which promises were broken; one that panics keeps no other from its end.
async fn run(seed: u64) -> (u64, Result<(Played, Vec<String>), String>) {
    let playing = async {
        let story = Story::of(seed);
        let played = play(&story).await;
        let broken = judge(&story, &played);
        (played, broken)
    };
    let played = AssertUnwindSafe(playing).catch_unwind().await;
    (seed, played.map_err(|_| "it panicked, as told above".to_owned()))
}
