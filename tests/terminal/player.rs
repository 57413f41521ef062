//! Scripts, played against a bot that answers by heart.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use insta::assert_snapshot;
use shipmate::chat::terminal::{Backstage, Terminal, Transcript, Verdict, play};
use shipmate::domain::card::{Card, CardAction, Tone};
use shipmate::ports::{Chat, ChatEvent, Place, Raised, Said};
use tokio::sync::mpsc;

use super::{running, terminal};

/// How a script went: the transcript, what the clock was set to, and the verdict.
struct Run {
    transcript: String,
    clock: Vec<String>,
    verdict: Verdict,
}

async fn run(script: &str) -> Run {
    let terminal = terminal();
    let (events, heard) = mpsc::channel(8);
    let busy = Arc::new(AtomicBool::new(false));
    let bot = Bot { terminal: terminal.clone(), busy: Arc::clone(&busy) };
    tokio::spawn(bot.listen(heard));
    let clock = Arc::new(Mutex::new(Vec::new()));
    let set = Arc::clone(&clock);
    let backstage = Backstage {
        events,
        set_clock: Arc::new(move |time| {
            if time.year() < 2000 {
                return Err("the clock only goes forward".to_owned());
            }
            set.lock().unwrap().push(time.to_string());
            Ok(())
        }),
        busy: Arc::new(move || busy.load(Ordering::SeqCst)),
        handled_within: Duration::from_millis(300),
        calm_within: Duration::from_millis(300),
    };
    let (mut transcript, text) = Transcript::captured(60);
    let verdict = play(script, &terminal, &backstage, &mut transcript).await;
    let (transcript, clock) = (text.lock().unwrap().clone(), clock.lock().unwrap().clone());
    Run { transcript, clock, verdict }
}

async fn verdict(script: &str) -> String {
    run(script).await.verdict.to_string()
}

/// Answers a handful of lines, as the engine would.
#[derive(Clone)]
struct Bot {
    terminal: Terminal,
    busy: Arc<AtomicBool>,
}

impl Bot {
    async fn listen(self, mut heard: mpsc::Receiver<Raised>) {
        while let Some(Raised { event, handled }) = heard.recv().await {
            match event {
                ChatEvent::Said(said) => match said.text.as_str() {
                    "ignore this" => {
                        // Never handled, and not given up either.
                        std::mem::forget(handled);
                        continue;
                    }
                    "give up" => continue,
                    "go away" => return,
                    _ => self.answer(said).await,
                },
                ChatEvent::ReactionsChanged { message } => self.count(message).await,
                ChatEvent::MessageGone { .. } | ChatEvent::Returned => {}
            }
            let _ = handled.send(());
        }
    }

    async fn answer(&self, said: Said) {
        let channel = said.channel.clone();
        let public = Place::Reply {
            channel: channel.clone(),
            to: said.message.clone(),
            person: said.person.clone(),
            ping: false,
        };
        let private =
            Place::Private { channel, to: Some(said.message.clone()), person: said.person.clone() };
        let key = said.message.as_str();
        match said.text.as_str() {
            "promote core to production" => {
                let mut card = Card::new(Tone::Waiting, "#3 core:1.5.0 to production").text(
                    "Two release managers must agree within 30 minutes, and neither may be alice.",
                );
                card.actions = vec![CardAction::Approve, CardAction::Reject];
                self.terminal.post(&public, &card, key).await.unwrap();
            }
            "work for ever" => self.busy.store(true, Ordering::SeqCst),
            "status" => {
                let card = Card::new(Tone::Plain, "production runs core:1.4.0");
                self.terminal.post(&public, &card, key).await.unwrap();
            }
            _ => {
                let card = Card::new(Tone::Bad, "You may not do that")
                    .text("developers-may-ask would permit it to a developer.");
                self.terminal.post(&private, &card, key).await.unwrap();
            }
        }
    }

    /// Two votes begin the work, which takes a while.
    async fn count(&self, message: shipmate::domain::id::MessageId) {
        let votes = self.terminal.reactions(&message).await.unwrap();
        let mut card = self.terminal.message(&message).unwrap().card;
        if votes.len() < 2 {
            card.fields.clear();
            card = card.field("Votes", vec![format!("{} of 2", votes.len())]);
            self.terminal.edit(&message, &card).await.unwrap();
            return;
        }
        self.busy.store(true, Ordering::SeqCst);
        self.terminal.edit(&message, &running(0)).await.unwrap();
        let bot = self.clone();
        tokio::spawn(async move {
            for done in 1..10 {
                tokio::time::sleep(Duration::from_millis(4)).await;
                bot.terminal.edit(&message, &running(done)).await.unwrap();
            }
            let done = Card::new(Tone::Good, "production runs core:1.5.0");
            bot.terminal.edit(&message, &done).await.unwrap();
            bot.busy.store(false, Ordering::SeqCst);
        });
    }
}

#[tokio::test]
async fn a_script_from_question_to_success() {
    let script = "
        at: 2026-11-24T10:00
        alice: promote core to production
        expect: must agree within 30 minutes, and neither may be alice
        expect:   neither   may be
        expect-not: production runs
        bob: react ✅
        expect: 1 of 2
        bob: unreact ✅
        expect: 0 of 2
        bob: react 🎉
        bob: react ✅
        carol: react ✅
        alice: status
        expect: core:1.4.0
        wait
        expect: production runs core:1.5.0
        expect-not: failed
    ";
    let run = run(script).await;
    assert_eq!(run.verdict.to_string(), "script: 8 expectations held");
    assert!(run.verdict.held());
    assert_eq!(run.clock, ["2026-11-24T10:00:00"]);
    assert_snapshot!(run.transcript, @r"
    alice: promote core to production

      ⏳ #3 core:1.5.0 to production
         Two release managers must agree within 30 minutes, and
         neither may be alice.
         ✅ approve  ❌ reject

    bob: react ✅

      ⏳ #3 core:1.5.0 to production
         Two release managers must agree within 30 minutes, and
         neither may be alice.
         Votes
           1 of 2
         ✅ approve  ❌ reject

    bob: unreact ✅

      ⏳ #3 core:1.5.0 to production
         Two release managers must agree within 30 minutes, and
         neither may be alice.
         Votes
           0 of 2
         ✅ approve  ❌ reject

    bob: react 🎉
    bob: react ✅

      ⏳ #3 core:1.5.0 to production
         Two release managers must agree within 30 minutes, and
         neither may be alice.
         Votes
           1 of 2
         ✅ approve  ❌ reject

    carol: react ✅
    alice: status

      •  production runs core:1.4.0

      ✅ production runs core:1.5.0
    ");
}

#[tokio::test]
async fn an_expectation_that_fails_tells_what_was_said() {
    let script = "alice: promote core to production\nalice: status\nexpect: core:1.5.0";
    assert_snapshot!(verdict(script).await, @r"
    script: line 3: expected `core:1.5.0`, but since line 2 the bot has said:
      | •  production runs core:1.4.0
    ");
    let script = "alice: status\nexpect-not: core:1.4.0\nalice: nonsense";
    let run = run(script).await;
    assert!(!run.verdict.held());
    assert_snapshot!(run.verdict, @r"
    script: line 2: did not expect `core:1.4.0`, but since line 1 the bot has said:
      | •  production runs core:1.4.0
    ");
    assert!(!run.transcript.contains("nonsense"), "it ends where it fails");
}

#[tokio::test]
async fn only_what_was_said_since_a_persons_last_line_counts() {
    let before = "expect-not: core\nalice: status\nbob: do it\n";
    assert_eq!(
        verdict(&format!("{before}expect-not: core:1.4.0")).await,
        "script: 2 expectations held"
    );
    assert_snapshot!(verdict("expect: core\nalice: status").await, @"script: line 1: expected `core`, but the bot has said nothing since the start");
}

#[tokio::test]
async fn what_one_person_sees_is_seen() {
    let run = run("eve: promote everything to production\nexpect: developers-may-ask").await;
    assert_eq!(run.verdict.to_string(), "script: 1 expectation held");
    assert_snapshot!(run.transcript, @r"
    eve: promote everything to production

      ❌ You may not do that
         (only eve sees this)
         developers-may-ask would permit it to a developer.
    ");
}

#[tokio::test]
async fn capital_letters_count() {
    assert!(!run("alice: status\nexpect: Production runs").await.verdict.held());
}

#[tokio::test]
async fn nothing_is_played_of_a_script_with_a_stranger_or_a_line_that_cannot_be_read() {
    let stranger = run("alice: status\nmallory: status").await;
    assert_snapshot!(stranger.verdict, @"script: line 2: nobody is called mallory; the people are alice, bob, carol, eve");
    assert_eq!(stranger.transcript, "");
    let unreadable = run("alice: status\nexpect:\nat: noon").await;
    assert_snapshot!(unreadable.verdict, @r"
    script: line 2: `expect:` needs a text to look for; write it behind the colon
    script: line 3: `noon` is not a local time; write for example at: 2026-11-24T10:00
    ");
    assert_eq!(unreadable.transcript, "");
}

#[tokio::test]
async fn a_reaction_needs_a_question() {
    assert_snapshot!(verdict("alice: status\nbob: react ✅").await, @"script: line 2: bob has nothing to put ✅ on: no message awaits votes");
}

#[tokio::test]
async fn what_the_bot_does_not_handle_ends_the_run() {
    assert_snapshot!(verdict("alice: ignore this").await, @"script: line 1: the bot did not handle this within 300ms");
    assert_snapshot!(verdict("alice: give up").await, @"script: line 1: the bot gave up on this without handling it");
    assert_snapshot!(verdict("alice: go away\nalice: status").await, @"script: line 1: the bot gave up on this without handling it");
}

#[tokio::test]
async fn waiting_has_an_end() {
    assert_snapshot!(verdict("wait\nalice: work for ever\nwait").await, @"script: line 3: something still runs or is queued after 300ms");
}

#[tokio::test]
async fn a_clock_that_cannot_be_set_ends_the_run() {
    assert_snapshot!(verdict("at: 1999-12-31T23:59").await, @"script: line 1: the clock only goes forward");
}
