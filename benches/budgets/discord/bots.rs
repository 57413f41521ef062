//! Bots as processes of their own, each on a fake Discord of its own, and people who talk to them
//! and among themselves.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use shipmate::sandbox::Sandbox;
use tokio::sync::oneshot;

use super::least;
use crate::fake_discord::talk::Talk;
use crate::fake_discord::{FakeDiscord, Logged, World};
use crate::process::Memory;
use crate::ship::Medium;
use crate::{peers, process, ship};

/// The channel in which everything is said.
pub const OPS: u64 = 2000;
pub const ALICE: u64 = 4001;
const FIRST_TALKER: u64 = 5000;
const TALKERS: u64 = 500;
const LONG: Duration = Duration::from_secs(60);
/// Between two mentions, so that what follows an answer is over.
const PAUSE: Duration = Duration::from_millis(15);
/// One who cannot keep up is not waited for longer.
const ENOUGH: Duration = Duration::from_secs(60);
/// Answers before any is timed.
const WARM: usize = 20;
/// In which /proc counts, on all of Linux that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Shipmate(Medium),
    Least,
}

/// A bot that runs. Its process ends with it.
pub struct Bot {
    pub fake: FakeDiscord,
    child: Child,
    mention: Talk,
    directory: tempfile::TempDir,
    /// Shipmate's AWS.
    _sandbox: Option<Sandbox>,
}

impl Drop for Bot {
    fn drop(&mut self) {
        // One that has ended already needs no end.
        let _ended = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// How soon mentions were answered while others talked.
pub struct Answered {
    pub times: Vec<Duration>,
    /// How many messages of others were told in a second.
    pub reached: f64,
}

impl Bot {
    /// Starts one, and waits until it is connected and has nothing more to ask.
    pub async fn start(kind: Kind) -> anyhow::Result<Self> {
        let world = World::shipmate().unlimited().crowd(FIRST_TALKER, TALKERS, "talker", &[]);
        let fake = FakeDiscord::start(world).await;
        fake.plain_text(true);
        let directory = match kind {
            Kind::Shipmate(medium) => medium.directory()?,
            Kind::Least => tempfile::tempdir()?,
        };
        let (mut command, sandbox) = match kind {
            Kind::Shipmate(_) => {
                let world = shipmate::sandbox::demo_world();
                let sandbox = ship::sandbox(world, ship::at_once()).await?;
                (shipmate_run(&fake, &sandbox, &directory)?, Some(sandbox))
            }
            Kind::Least => (the_least(&fake)?, None),
        };
        let log = std::fs::File::create(directory.path().join("log"))?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().context("the bot does not start")?;
        let mention = fake.talk(OPS, &[(ALICE, format!("<@{}> help", fake.bot()))]);
        let bot = Self { fake, child, mention, directory, _sandbox: sandbox };
        if !bot.fake.wait_for_client(LONG).await {
            anyhow::bail!("{kind:?} did not connect: {}", bot.log());
        }
        bot.quiet().await;
        Ok(bot)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// Waits until nothing was asked for half a second.
    async fn quiet(&self) {
        loop {
            let known = self.fake.request_count();
            tokio::time::sleep(Duration::from_millis(500)).await;
            if self.fake.request_count() == known {
                return;
            }
        }
    }

    /// What its process holds.
    pub fn memory(&self) -> anyhow::Result<Memory> {
        process::memory(self.child.id())
    }

    /// What its process has used of the processors.
    pub fn processor_time(&self) -> anyhow::Result<Duration> {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The program's name stands in parentheses, and may hold anything.
        let (_, rest) = text.rsplit_once(')').context("/proc does not say")?;
        let numbers = rest.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
        let ticks = numbers.sum::<Result<f64, _>>()?;
        Ok(Duration::from_secs_f64(ticks / TICKS_PER_SECOND))
    }

    /// Mentions the bot; how long it took from the writing of the event to its answer's arrival.
    pub async fn mention(&mut self) -> anyhow::Result<Duration> {
        let known = self.fake.request_count();
        let mut written = self.fake.tell(&mut self.mention, 1);
        let written = tokio::time::timeout(LONG, written.recv()).await?;
        let written = written.context("the bot is not connected")?;
        let posted = answer_after(&self.fake, known).await;
        let posted = posted.with_context(|| format!("no answer: {}", self.log()))?;
        Ok(posted.at.saturating_duration_since(written))
    }

    /// Mentions it again and again while others say so many messages a second.
    pub async fn reply_times(&mut self, rounds: usize, rate: usize) -> anyhow::Result<Answered> {
        let (stop, stopped) = oneshot::channel();
        let talking = tokio::spawn(chatter(self.fake.clone(), rate, stopped));
        let mut times = Vec::with_capacity(rounds);
        let began = Instant::now();
        for round in 0..rounds + WARM {
            if round > WARM && began.elapsed() > ENOUGH {
                break;
            }
            let time = self.mention().await?;
            if round >= WARM {
                times.push(time);
            }
            tokio::time::sleep(PAUSE).await;
        }
        // A talk that has failed is found below.
        let _heard = stop.send(());
        Ok(Answered { times, reached: talking.await?? })
    }

    /// So many messages of others, as fast as they are read; the time until a mention behind
    /// them was answered.
    pub async fn hears(&mut self, messages: usize) -> anyhow::Result<Duration> {
        const AT_ONCE: usize = 500;
        let began = Instant::now();
        let mut talk = small_talk(&self.fake);
        for _ in 0..messages / AT_ONCE {
            let mut written = self.fake.tell(&mut talk, AT_ONCE);
            tokio::time::timeout(LONG, written.recv())
                .await?
                .context("the bot is not connected any more")?;
        }
        self.mention().await?;
        Ok(began.elapsed())
    }
}

/// The first answer that was posted after so many requests.
async fn answer_after(fake: &FakeDiscord, known: usize) -> Option<Logged> {
    let path = format!("/channels/{OPS}/messages");
    let answer = |fake: &FakeDiscord| {
        let since = fake.requests_since(known).into_iter();
        since.into_iter().find(|logged| logged.method == "POST" && logged.path.ends_with(&path))
    };
    let arrived = fake.wait_until(|fake| answer(fake).is_some(), LONG).await;
    answer(fake).filter(|_| arrived)
}

/// What people say among themselves.
fn small_talk(fake: &FakeDiscord) -> Talk {
    let lines = [
        "morning!",
        "has anybody seen the new dashboards? the ones about queues are much better than before",
        "lunch at 12:30?",
        "the build of the web shop is red again, I look into it",
        "thanks :)",
    ];
    let said: Vec<(u64, String)> = (FIRST_TALKER..FIRST_TALKER + TALKERS)
        .zip(lines.iter().cycle())
        .map(|(user, line)| (user, (*line).to_owned()))
        .collect();
    fake.talk(OPS, &said)
}

/// Tells so many messages a second until it is stopped; how many a second it really were. It is
/// never further ahead than the socket takes.
async fn chatter(
    fake: FakeDiscord,
    rate: usize,
    mut stopped: oneshot::Receiver<()>,
) -> anyhow::Result<f64> {
    let mut talk = small_talk(&fake);
    // A clock of the runtime's goes by milliseconds.
    let batch = rate.div_ceil(1000);
    let mut ticks = tokio::time::interval(Duration::from_secs_f64(batch as f64 / rate as f64));
    let began = Instant::now();
    let mut told = 0;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = &mut stopped => return Ok(told as f64 / began.elapsed().as_secs_f64()),
        }
        fake.tell(&mut talk, batch).recv().await.context("the bot is not connected any more")?;
        told += batch;
    }
}

/// The real binary with the example's settings, which variables lead to the fakes.
fn shipmate_run(
    fake: &FakeDiscord,
    sandbox: &Sandbox,
    directory: &tempfile::TempDir,
) -> anyhow::Result<Command> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shipmate"));
    command
        .args(["run", "--settings", concat!(env!("CARGO_MANIFEST_DIR"), "/docs/discord.toml")])
        .envs(variables(fake, directory)?);
    peers::lead(&mut command, sandbox);
    Ok(command)
}

/// What is not as in docs/discord.toml.
pub fn variables(
    fake: &FakeDiscord,
    directory: &tempfile::TempDir,
) -> anyhow::Result<Vec<(String, String)>> {
    let token = directory.path().join("token");
    std::fs::write(&token, fake.token())?;
    let journal = format!("sqlite://{}", directory.path().join("journal.db").display());
    let variables = [
        ("DATABASE__URL", journal),
        ("CHAT__DISCORD__TOKEN_FILE", token.display().to_string()),
        ("CHAT__DISCORD__API", fake.rest_url()),
        ("CHAT__DISCORD__GATEWAY", fake.gateway_url()),
        ("WEB__LISTEN", "127.0.0.1:0".to_owned()),
    ];
    Ok(variables.map(|(name, value)| (format!("SHIPMATE__{name}"), value)).into())
}

fn the_least(fake: &FakeDiscord) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([least::CHILD, &fake.rest_url(), &fake.gateway_url(), &fake.token()]);
    command.env("NO_PROXY", "127.0.0.1");
    Ok(command)
}
