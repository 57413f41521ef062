//! `announce`: a text in a channel, now or at set times.

use jiff::Zoned;
use jiff::tz::TimeZone;

use super::super::Engine;
use super::super::problem::Problem;
use super::Topic;
use crate::domain::announcing::{ChannelWord, Unclear, WhenSaid, Wish, is_quoted, read};
use crate::domain::calendar::Rule;
use crate::domain::card::Card;
use crate::domain::command::Command;
use crate::domain::id::{ChannelId, EnvironmentName, PersonId};
use crate::domain::policy::Action;
use crate::domain::schedule::{NewSchedule, Stored, Timing};
use crate::domain::words_of_time::{TimeError, When};
use crate::engine::announcements::read_made;
use crate::grammar::Reading;
use crate::ports::{MadeSchedule, Place, Said};
use crate::report;

/// What became of a wish to have something announced.
enum Announced {
    Now {
        channel: ChannelId,
    },
    /// It stands in the schedules.
    Scheduled(MadeSchedule),
}

/// Why something is not announced.
enum Not {
    Unclear(Unclear),
    /// There is no such moment to come.
    Then(TimeError),
    /// Nobody may speak there, or there is no such channel.
    There {
        name: String,
        known: Vec<ChannelId>,
    },
    /// Several places have this name.
    InSeveral {
        name: String,
        all: Vec<ChannelId>,
    },
    Problem(EnvironmentName, Problem),
}

impl From<Unclear> for Not {
    fn from(unclear: Unclear) -> Self {
        Self::Unclear(unclear)
    }
}

impl Engine {
    pub(super) async fn announce(&self, said: &Said, text: &str) {
        match self.try_announce(said, text).await {
            Ok(Announced::Now { channel }) => {
                let card = report::announced_card(&channel);
                if channel == said.channel {
                    return self.whisper(said, &card).await;
                }
                let command = Command::Announce { text: text.to_owned() };
                self.answer_with(said, &command, &card).await;
            }
            Ok(Announced::Scheduled(made)) => self.answer_made(said, made).await,
            Err(not) => self.say_why_not(said, not).await,
        }
    }

    async fn try_announce(&self, said: &Said, text: &str) -> Result<Announced, Not> {
        let before = self.parts.store.schedule_asked_in(&said.message).await;
        if let Some(made) = before.map_err(|error| anywhere(error.into()))? {
            // The same message once more: what it meant then is what stands.
            return Ok(Announced::Scheduled(made));
        }
        let Wish { text, channel, when } = read(text)?;
        let channel = self.named_channel(said, channel.as_ref()).await?;
        self.may_announce(&said.person, &channel, &said.person)
            .await
            .map_err(|(name, problem)| Not::Problem(name, problem))?;
        let zone = self.chat_zone();
        let now = self.zoned(&zone);
        let (timing, stored) = match when {
            WhenSaid::Now => {
                self.announce_now(said, &channel, &text).await?;
                return Ok(Announced::Now { channel });
            }
            WhenSaid::Once(when) => {
                let at = Self::moment_meant(said, &when, &now).map_err(Not::Then)?.timestamp();
                (Timing::Once(at), Stored::Once(at))
            }
            WhenSaid::Every(text) => {
                // It was read as a rule before, in whatever zone.
                let Ok(rule) = Rule::parse(&text, &zone) else {
                    return Err(Unclear::NotAnEnding { text }.into());
                };
                (Timing::Repeating { rule: Box::new(rule), text: text.clone() }, Stored::Rule(text))
            }
        };
        if timing.next_after(now.timestamp()).is_none() {
            return Err(Unclear::Never { rule: timing.text() }.into());
        }
        let new = NewSchedule {
            text,
            when: stored,
            zone: zone.iana_name().unwrap_or("UTC").to_owned(),
            channel,
            by: said.person.clone(),
            at: now.timestamp(),
            asked_in: said.message.clone(),
        };
        let made = self.parts.store.make_schedule(&new, &timing.text()).await;
        let made = made.map_err(|error| anywhere(error.into()))?;
        tracing::info!(schedule = made.number, person = %said.person, "a schedule was made");
        self.shared.announcements.wake.notify_one();
        Ok(Announced::Scheduled(made))
    }

    /// Says what a message has made, whenever that was.
    pub(in super::super) async fn answer_made(&self, said: &Said, made: MadeSchedule) {
        let (channel, text, over) = (made.channel.clone(), made.text.clone(), made.ended_at);
        let Some(schedule) = read_made(made) else { return };
        let now = self.zoned(&schedule.zone);
        let next = schedule.timing.next_after(now.timestamp());
        let listed = report::Listed { schedule, channel, next, paused: None, over };
        let card = match over {
            None => {
                let quoted = match self.parts.grammar.parse(&said.text, &self.vocabulary()) {
                    Reading::Command(Command::Announce { text }) => is_quoted(&text),
                    Reading::Command(_) | Reading::NotACommand | Reading::Misunderstood(_) => false,
                };
                report::scheduled_card(&listed, &said.channel, quoted, &now)
            }
            Some(_) => report::schedule_card(&listed, &[], &now),
        };
        self.answer_with(said, &Command::Announce { text }, &card).await;
    }

    async fn announce_now(&self, said: &Said, channel: &ChannelId, text: &str) -> Result<(), Not> {
        let card: Card = report::said_card(text, Some(&said.person));
        let key = format!("announcement-{}", said.message);
        let place = Place::Channel(channel.clone());
        let posted = self.parts.chat.post(&place, &card, &key).await;
        posted.map_err(|error| anywhere(error.into()))?;
        tracing::info!(person = %said.person, %channel, "announced");
        Ok(())
    }

    /// The channel that is meant: one in which Shipmate is spoken to.
    async fn named_channel(
        &self,
        said: &Said,
        word: Option<&ChannelWord>,
    ) -> Result<ChannelId, Not> {
        let channels = &self.parts.manners.channels;
        let is_room = |channel: &ChannelId| channels.is_room(channel);
        let named = match word {
            None if is_room(&said.channel) => return Ok(said.channel.clone()),
            // Said to Shipmate alone: what is for everybody is not guessed.
            None => return Err(Unclear::Nowhere.into()),
            Some(ChannelWord::Id(id)) => vec![id.clone()],
            Some(ChannelWord::Name(name)) => {
                let named = self.parts.chat.channels_named(name).await;
                named.map_err(|error| anywhere(error.into()))?
            }
        };
        let rooms: Vec<ChannelId> = named.into_iter().filter(is_room).collect();
        if let (Some(ChannelWord::Name(name)), [_, _, ..]) = (word, rooms.as_slice()) {
            return Err(Not::InSeveral { name: format!("#{name}"), all: rooms });
        }
        rooms.into_iter().next().ok_or_else(|| {
            let rooms: Vec<ChannelId> = channels.rooms.keys().cloned().collect();
            let here = || vec![said.channel.clone()];
            let name = match word {
                Some(ChannelWord::Name(name)) => format!("#{name}"),
                Some(ChannelWord::Id(id)) => format!("#{id}"),
                None => said.channel.to_string(),
            };
            Not::There { name, known: if rooms.is_empty() { here() } else { rooms } }
        })
    }

    /// Whether a person may announce something in a channel, or change what `maker` has made:
    /// they must be permitted to wherever the channel speaks of.
    pub(in super::super) async fn may_announce(
        &self,
        person: &PersonId,
        channel: &ChannelId,
        maker: &PersonId,
    ) -> Result<(), (EnvironmentName, Problem)> {
        let any = |problem| (EnvironmentName::new("any"), problem);
        let person = self.person(person).await.map_err(any)?;
        for name in self.spoken_of_in(channel, None) {
            let judged = self.judge_announcing(&person, maker, &name).await;
            judged.map_err(|problem| (name, problem))?;
        }
        Ok(())
    }

    /// The zone in which people mean times of day.
    pub(super) fn chat_zone(&self) -> TimeZone {
        let last = self.parts.environments.last();
        last.map_or(TimeZone::UTC, |environment| environment.timezone.clone())
    }

    /// The moment that somebody means, counted from when they said it: it may be heard later.
    /// `now` carries the zone that is meant.
    pub(super) fn moment_meant(said: &Said, when: &When, now: &Zoned) -> Result<Zoned, TimeError> {
        let earlier = said.at.filter(|at| *at < now.timestamp());
        let then = earlier.map(|at| at.to_zoned(now.time_zone().clone()));
        when.resolve_by(then.as_ref().unwrap_or(now), now)
    }

    pub(super) fn zoned(&self, zone: &TimeZone) -> Zoned {
        self.parts.clock.now().to_zoned(zone.clone())
    }

    async fn say_why_not(&self, said: &Said, not: Not) {
        let card = match not {
            Not::Unclear(why) => report::unclear_card(&why),
            Not::Then(why) => report::past_card(&why.to_string()),
            Not::There { name, known } => report::no_such_channel_card(&name, &known),
            Not::InSeveral { name, all } => report::several_channels_card(&name, &all),
            Not::Problem(environment, problem) => {
                let action = Action::Announce;
                let topic = Topic { action, environment, what: None, command: None };
                return self.explain(said, &topic, problem).await;
            }
        };
        self.whisper(said, &card).await;
    }
}

fn anywhere(problem: Problem) -> Not {
    Not::Problem(EnvironmentName::new("any"), problem)
}
