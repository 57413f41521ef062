//! What each command does: a file for each, by the names of commands/.

mod announce;
mod ballot;
mod ban;
mod change_schedule;
mod figures;
mod end_reservation;
mod freeze;
mod help;
mod history;
mod lock;
mod pause;
mod preview;
mod promote;
mod queue;
mod release_hold;
mod reservations;
mod rollback;
mod schedules;
mod show;
mod status;
mod whoami;

use jiff::Timestamp;

use super::Engine;
use super::judge::Attempt;
use super::problem::{Problem, Undecided};
use crate::domain::card::Card;
use crate::domain::command::{Command, Promote};
use crate::domain::decision::Decision;
use crate::domain::id::{ChannelId, EnvironmentName};
use crate::domain::obstacle::Obstacle;
use crate::domain::policy::{Action, Facts};
use crate::domain::refusal::Refusal;
use crate::domain::words_of_time::When;
use crate::ports::{Place, Said};
use crate::report;

/// What somebody wanted when a problem came up: enough to say so.
pub(super) struct Topic {
    pub action: Action,
    pub environment: EnvironmentName,
    /// What should have moved, `core:1.5.0`, or which deployment is meant, `#42`.
    pub what: Option<String>,
    /// The command, where the answer can offer it again.
    pub command: Option<Command>,
}

/// A message that is handled again is among the decisions of so long ago.
const LOOKED_BACK: u32 = 50;

impl Engine {
    /// Answers a command. Whatever happens, the person hears something.
    pub(super) async fn answer(&self, said: &Said, command: Command) {
        if let Some(environment) = command.environment()
            && let Err(refusal) = self.may_be_spoken_of(said, environment)
        {
            return self.whisper(said, &report::refusal_card(&refusal, None)).await;
        }
        match &command {
            Command::Promote(promote) => self.promote(said, promote).await,
            Command::Rollback(rollback) => self.roll_back(said, rollback).await,
            Command::Status { environment, service } => {
                self.status(said, environment.as_ref(), service.as_ref()).await;
            }
            Command::Show { deployment } => self.show(said, *deployment).await,
            Command::History { environment } => self.history(said, environment.as_ref()).await,
            Command::Approve(ballot) => self.approve(said, ballot).await,
            Command::Reject(ballot) => self.reject(said, ballot).await,
            Command::Cancel(ballot) => self.cancel(said, ballot).await,
            Command::Pause(ballot) => self.pause(said, ballot).await,
            Command::Continue(ballot) => self.go_on(said, ballot).await,
            Command::Canary(canary) => self.canary(said, canary).await,
            Command::Queue { environment } => self.queue(said, environment.as_ref()).await,
            Command::Ban(ban) => self.ban(said, ban).await,
            Command::Unban { images, because } => self.unban(said, images, because.as_ref()).await,
            Command::Bans => self.bans(said).await,
            Command::Schedules => self.schedules(said).await,
            Command::ReleaseHold { environment, because } => {
                self.release_hold(said, environment, because.as_ref()).await;
            }
            Command::Announce { text } => self.announce(said, text).await,
            Command::ShowSchedule { schedule } => self.show_schedule(said, schedule).await,
            Command::PauseSchedule { schedule } => self.pause_schedule(said, schedule).await,
            Command::ContinueSchedule { schedule } => {
                self.continue_schedule(said, schedule).await;
            }
            Command::CancelSchedule { schedule } => self.cancel_schedule(said, schedule).await,
            Command::Preview { schedule } => Box::pin(self.preview(said, schedule)).await,
            Command::Figures { length } => self.figures(said, *length).await,
            Command::Lock(lock) => self.lock(said, lock).await,
            Command::Unlock { scope, because } => self.unlock(said, scope, because.as_ref()).await,
            Command::Locks => self.locks(said).await,
            Command::Reservations => self.list_reservations(said).await,
            Command::EndReservation { environment, because } => {
                self.end_reservation(said, environment, because.as_ref()).await;
            }
            Command::Freeze(freeze) => self.freeze(said, freeze).await,
            Command::Unfreeze { environment, because } => {
                self.unfreeze(said, environment, because.as_ref()).await;
            }
            Command::Freezes { environment } => self.freezes(said, environment.as_ref()).await,
            Command::Help { topic } => self.help(said, topic.as_deref()).await,
            Command::Whoami => self.whoami(said).await,
        }
    }

    /// Whether the settings let this environment be spoken of where it was.
    ///
    /// # Errors
    /// [`Refusal::NotHere`], with the channels that are for it.
    pub(super) fn may_be_spoken_of(
        &self,
        said: &Said,
        environment: &EnvironmentName,
    ) -> Result<(), Refusal> {
        let channels = &self.parts.manners.channels;
        // One that does not exist is for whoever looks it up to tell.
        let exists = self.parts.environments.get(environment).is_some();
        if !exists || channels.allows(&said.channel, environment) {
            return Ok(());
        }
        let environment = environment.clone();
        let channels = channels.about(&environment).cloned().collect();
        Err(Refusal::NotHere { environment, channels })
    }

    /// What this message has decided about an environment, if it was handled before.
    async fn decided_by(
        &self,
        said: &Said,
        environment: &EnvironmentName,
    ) -> Result<Option<Decision>, Problem> {
        let decisions = self.parts.store.decisions(LOOKED_BACK).await?.into_iter();
        let mut mine = decisions.map(|recorded| recorded.decision).filter(|decision| {
            decision.asked_in() == Some(&said.message)
                && decision.environment() == Some(environment)
        });
        Ok(mine.next())
    }

    /// Where the end of what was asked for here is told.
    fn told_in(&self, said: &Said, environment: &EnvironmentName) -> ChannelId {
        let home = self.parts.manners.channels.home(&said.channel, environment);
        home.unwrap_or_else(|| said.channel.clone())
    }

    /// Says why something was not done, to the person alone.
    pub(super) async fn explain(&self, said: &Said, topic: &Topic, problem: Problem) {
        match problem.settled() {
            Problem::Refused(refusal) => {
                tracing::info!(person = %said.person, code = refusal.code(), "refused");
                let card = report::refusal_card(&refusal, topic.command.as_ref());
                self.whisper(said, &card).await;
            }
            Problem::Denied(denial) => {
                let Topic { action, environment, what, .. } = topic;
                let what = what.as_deref();
                let now = self.local_time(Some(environment));
                let place = (environment, &now);
                let card = report::denial_card(&said.person, *action, place, what, &denial);
                let card = self.with_lock(card, said, *action, environment).await;
                let card = self.with_when_it_ends(card, said, topic).await;
                self.whisper(said, &card).await;
            }
            Problem::Undecided(undecided) => self.undecided(said, &undecided).await,
        }
    }

    /// Says whose lock it is that keeps a person from what they wanted, where one does.
    async fn with_lock(
        &self,
        card: Card,
        said: &Said,
        action: Action,
        environment: &EnvironmentName,
    ) -> Card {
        let lock = async {
            let Some(lock) = self.standing_lock(environment).await? else { return Ok(None) };
            // Who may not unlock is kept out by whose lock it is, and by nothing else.
            if action == Action::Unlock {
                return Ok(Some(lock));
            }
            let person = self.person(&said.person).await?;
            let given = |facts: &mut Facts| facts.reason_given = true;
            self.kept_out_by(&person, action, environment, given).await
        };
        match lock.await {
            Ok(Some(lock)) => report::with_lock(card, &lock, &self.local_time(Some(environment))),
            Ok(None) => card,
            Err(problem) => {
                tracing::warn!(%environment, ?problem, "whose lock it is could not be told");
                card
            }
        }
    }

    /// Offers a promotion that a lock or a freeze keeps from being asked for, for the moment at
    /// which that ends.
    async fn with_when_it_ends(&self, card: Card, said: &Said, topic: &Topic) -> Card {
        let Some(Command::Promote(promote)) = &topic.command else { return card };
        // Who breaks the glass does so at once, and for a reason of their own.
        if promote.dry_run || promote.break_glass {
            return card;
        }
        match self.ends_when(said, promote).await {
            Ok(Some(when)) => {
                let then = Promote { when: Some(when), ..promote.clone() };
                let line = self.parts.grammar.print(&Command::Promote(then));
                card.text("To have it run when that ends:").command(line.as_str()).offer(
                    "When it ends",
                    '⏰',
                    line,
                )
            }
            Ok(None) => card,
            Err(problem) => {
                tracing::warn!(environment = %promote.environment, ?problem, "when it ends could not be told");
                card
            }
        }
    }

    /// The minute at which what keeps a person out for a time is known to have ended.
    async fn ends_when(&self, said: &Said, promote: &Promote) -> Result<Option<When>, Problem> {
        let name = &promote.environment;
        let Some(environment) = self.parts.environments.get(name) else { return Ok(None) };
        let services = environment.services.iter().map(|service| service.name.clone()).collect();
        let person = self.person(&said.person).await?;
        let given = |facts: &mut Facts| {
            facts.reason_given = promote.because.is_some();
            facts.break_glass = promote.break_glass;
        };
        let zoned = |time: Timestamp| time.to_zoned(environment.timezone.clone());
        let now = self.parts.clock.now();
        let moment = promote.when.and_then(|when| when.resolve(&zoned(now)).ok());
        let at = moment.map_or(now, |moment| moment.timestamp());
        let attempt =
            Attempt { action: Action::Promote, environment: name, services: &services, at };
        let obstacle = self.kept_out_for_a_time(&person, attempt, given).await?;
        let until = obstacle.and_then(|obstacle| match obstacle {
            Obstacle::Locked { until, .. } | Obstacle::Frozen { until, .. } => until,
            Obstacle::Reserved { .. } => None,
        });
        Ok(until.and_then(|until| When::minute_of(&zoned(until))))
    }

    /// Says that it could not be decided: nobody's rights are in question.
    pub(super) async fn undecided(&self, said: &Said, undecided: &Undecided) {
        let Undecided { unasked, error } = undecided;
        let detail = format!("{error:#}");
        tracing::error!(person = %said.person, ?unasked, detail, "could not decide");
        self.whisper(said, &report::undecided_card(*unasked, &detail, Some(&said.text))).await;
    }

    pub(super) async fn misunderstood(&self, said: &Said, why: &str, suggestions: &[String]) {
        let card = report::misunderstood_card(why, suggestions);
        self.whisper(said, &card).await;
    }

    /// Answers where it was asked.
    pub(super) async fn reply(&self, said: &Said, card: &Card) {
        let place = Place::Reply {
            channel: said.channel.clone(),
            to: said.message.clone(),
            person: said.person.clone(),
            ping: false,
        };
        self.post(&place, card, &format!("reply-{}", said.message)).await;
    }

    /// Answers so that only the person sees it.
    pub(super) async fn whisper(&self, said: &Said, card: &Card) {
        let place = Place::Private {
            channel: said.channel.clone(),
            to: Some(said.message.clone()),
            person: said.person.clone(),
        };
        self.post(&place, card, &format!("private-{}", said.message)).await;
    }

    /// Answers privately where the command's file says so.
    pub(super) async fn answer_with(&self, said: &Said, command: &Command, card: &Card) {
        // The message whose button was pressed shows what came of it to all others.
        if said.pressed_on.is_some() || self.parts.grammar.is_private(command) {
            self.whisper(said, card).await;
        } else {
            self.reply(said, card).await;
        }
    }

    async fn post(&self, place: &Place, card: &Card, key: &str) {
        if let Err(error) = self.parts.chat.post(place, card, key).await {
            tracing::error!(%error, title = card.title, "an answer could not be posted");
        }
    }
}
