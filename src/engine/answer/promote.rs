//! `promote`: observe, plan, ask the policies, post the card, and go on or wait for votes.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::super::Engine;
use super::super::judge::{Intent, Permitted, deniers, services_of};
use super::super::lock;
use super::super::observe::{Looked, Target};
use super::super::problem::Problem;
use super::Topic;
use crate::domain::command::{Command, Promote, Promoted};
use crate::domain::deployment::{Deployment, Stage};
use crate::domain::event::{End, Event, Requested};
use crate::domain::freeze::{Closed, Part, State};
use crate::domain::id::{DeploymentId, EcsDeploymentId, EnvironmentName, Repository};
use crate::domain::plan::{Kind, Plan, Wanted, Warning, listed, plan};
use crate::domain::policy::{Action, Person};
use crate::domain::refusal::Refusal;
use crate::domain::words_of_time::{TimeError, When};
use crate::ports::{Said, StoreError};
use crate::report;

/// How many deployments back an ECS deployment that never completed is known as ours.
const LOOKED_BACK: u32 = 5;

/// A request for a deployment, with everything that its plan was made from.
pub(in super::super) struct Proposal {
    pub action: Action,
    pub person: Person,
    pub looked: Looked,
    pub plan: Plan,
    pub because: Option<String>,
    pub break_glass: bool,
    /// For how long each canary is to stay alone.
    pub canary: Option<Duration>,
    /// When it is to begin, as it was said and as it is meant; at once, where it was not said.
    pub scheduled: Option<(When, Timestamp)>,
    pub dry_run: bool,
}

impl Engine {
    pub(super) async fn promote(&self, said: &Said, promote: &Promote) {
        let topic = Topic {
            action: Action::Promote,
            environment: promote.environment.clone(),
            what: Some(match &promote.what {
                Promoted::Images(images) => {
                    let names: Vec<String> = images.iter().map(ToString::to_string).collect();
                    listed(names.iter().map(String::as_str))
                }
                Promoted::EverythingFrom(source) => format!("everything from {source}"),
            }),
            command: Some(Command::Promote(promote.clone())),
        };
        let now = self.local_time(Some(&promote.environment));
        let moment = promote.when.as_ref().map(|when| {
            let moment = Self::moment_meant(said, when, &now)?;
            Ok::<_, TimeError>((*when, moment.timestamp()))
        });
        let scheduled = match moment.transpose() {
            Ok(scheduled) => scheduled,
            Err(error) => return self.misunderstood(said, &format!("{error}."), &[]).await,
        };
        if let Err(problem) = self.try_promote(said, promote, scheduled).await {
            self.explain(said, &topic, problem).await;
        }
    }

    async fn try_promote(
        &self,
        said: &Said,
        promote: &Promote,
        scheduled: Option<(When, Timestamp)>,
    ) -> Result<(), Problem> {
        let person = self.person(&said.person).await?;
        let targets = match &promote.what {
            Promoted::Images(images) => {
                let mut targets = Vec::new();
                for image in images {
                    targets.push(self.target(&promote.environment, image).await?);
                }
                targets
            }
            Promoted::EverythingFrom(source) => {
                self.everything_in(source, &promote.environment).await?
            }
        };
        let looked = self.look(&promote.environment, &targets).await?;
        let plan = self.plan(&promote.environment, Kind::Promotion, &looked).await?;
        let proposal = Proposal {
            action: Action::Promote,
            person,
            looked,
            plan,
            because: promote.because.clone(),
            break_glass: promote.break_glass,
            canary: promote.canary,
            scheduled,
            dry_run: promote.dry_run,
        };
        self.propose(said, proposal).await
    }

    /// Works out the plan for what was looked at.
    pub(in super::super) async fn plan(
        &self,
        environment: &EnvironmentName,
        kind: Kind,
        looked: &Looked,
    ) -> Result<Plan, Problem> {
        let (place, _) = self.place(environment)?;
        let store = &self.parts.store;
        let repositories: Vec<Repository> =
            looked.images.iter().map(|image| image.image.repository.clone()).collect();
        let durations = store.durations(environment, &repositories, 5).await?;
        let expected = match u32::try_from(durations.len()) {
            Ok(count @ 1..) => Some(durations.iter().sum::<std::time::Duration>() / count),
            Ok(0) | Err(_) => None,
        };
        let open = store.open().await?;
        let turn_taken = open.iter().any(|one| {
            &one.plan.terms.environment == environment && matches!(one.stage, Stage::Running(_))
        });
        Ok(plan(&Wanted {
            environment: place,
            kind,
            images: &looked.images,
            environment_tags: &self.parts.environments.tags(),
            seen: &looked.seen,
            policies: self.parts.policies.hash(),
            expected,
            turn_taken,
            ours: &self.forced_before(environment).await?,
            bans: &store.bans().await?,
        })?)
    }

    /// The ECS deployments that the last deployments of an environment forced.
    async fn forced_before(
        &self,
        environment: &EnvironmentName,
    ) -> Result<BTreeSet<EcsDeploymentId>, Problem> {
        let store = &self.parts.store;
        let mut forced = BTreeSet::new();
        for one in store.history(Some(environment), LOOKED_BACK).await? {
            let Some(deployment) = store.deployment(one.id).await? else { continue };
            let Some(rollout) = deployment.rollout() else { continue };
            let phases = [Some(&rollout.forward), rollout.undo.as_ref().map(|undo| &undo.phase)];
            let ids = phases.into_iter().flatten().flat_map(|phase| phase.deployments.values());
            forced.extend(ids.map(|ours| ours.id.clone()));
        }
        Ok(forced)
    }

    /// Asks the policies, and begins the deployment that they allow.
    pub(in super::super) async fn propose(
        &self,
        said: &Said,
        mut proposal: Proposal,
    ) -> Result<(), Problem> {
        let Permitted { requirements, overridden } = self.judge_proposal(&mut proposal).await?;
        if proposal.dry_run {
            let when = proposal.scheduled.as_ref().map(|(when, _)| when);
            let now = self.local_time(Some(&proposal.plan.terms.environment));
            let mut card = report::dry_run_card(&proposal.plan, &requirements, when, &now);
            if let Some((_, moment)) = proposal.scheduled {
                card = card.text(format!("It would begin {}.", report::moment(moment, &now)));
            }
            if let Some(stay) = proposal.canary {
                card = card.text(report::canary_would_stay(&proposal.plan.terms, stay));
            }
            self.reply(said, &card).await;
            return Ok(());
        }
        // Whoever asks in private is answered there, and the plan stands where everybody sees it.
        let environment = &proposal.plan.terms.environment;
        let Some(channel) = self.parts.manners.channels.home(&said.channel, environment) else {
            let environment = environment.clone();
            return Err(Refusal::NotHere { environment, channels: Vec::new() }.into());
        };
        let request = Requested {
            requester: proposal.person,
            channel,
            asked_in: Some(said.message.clone()),
            because: proposal.because,
            break_glass: proposal.break_glass,
            canary: proposal.canary,
            scheduled: proposal.scheduled.map(|(_, moment)| moment),
            plan: proposal.plan,
            requirements,
            overridden,
            // Only people talk to the bot.
            automated: false,
        };
        // A message whose handling was cut short after this point has its deployment already.
        if self.parts.store.asked_in(&said.message).await?.is_some() {
            return Ok(());
        }
        if let Some(same) = self.asked_already(&request).await? {
            let now = self.local_time(Some(&same.plan.terms.environment));
            self.whisper(said, &report::asked_already_card(&same, &now)).await;
            return Ok(());
        }
        let first = Event::Requested(Box::new(request));
        let begun = self.parts.store.begin(first, self.parts.clock.now()).await;
        if let Err(StoreError::Conflict(id)) = begun {
            tracing::info!(deployment.id = %id, "this message has its deployment already");
            return Ok(());
        }
        let deployment = begun?;
        tracing::info!(
            deployment.id = %deployment.id,
            environment = %deployment.plan.terms.environment,
            requester = %deployment.request.requester.id,
            images = deployment.plan.terms.names(),
            "requested"
        );
        if deployment.requirements.is_empty() && !deployment.is_scheduled() {
            // Votes take their time: after them everything is looked at once more.
            lock(&self.shared.fresh).insert(deployment.id, proposal.looked);
        }
        self.put_forward(deployment).await?;
        Ok(())
    }

    /// The very same for the very same moment, which waits for it: who asks once more, by a button
    /// that others pressed as well, takes nobody's votes away.
    async fn asked_already(&self, request: &Requested) -> Result<Option<Deployment>, Problem> {
        let Some(moment) = request.scheduled else { return Ok(None) };
        let open = self.parts.store.open().await?;
        Ok(open.into_iter().find(|one| {
            one.is_scheduled()
                && one.scheduled == Some(moment)
                && one.plan.terms.hash() == request.plan.terms.hash()
                && one.request.break_glass == request.break_glass
                && one.request.canary == request.canary
        }))
    }

    /// Asks the policies about the moment at which it is to begin. What the time of day forbids
    /// then and not now is no refusal, since that may be otherwise by then; but it is told.
    async fn judge_proposal(&self, proposal: &mut Proposal) -> Result<Permitted, Problem> {
        let moment = proposal.scheduled.as_ref().map(|(_, moment)| *moment);
        let intent = |plan, then, as_if_open| Intent {
            action: proposal.action,
            plan,
            images: &proposal.looked.images,
            because: proposal.because.as_deref(),
            break_glass: proposal.break_glass,
            automated: false,
            then,
            as_if_open,
        };
        let person = &proposal.person;
        let plan = &proposal.plan;
        let denial = match self.judge_plan(person, &intent(plan, moment, false)).await {
            Err(Problem::Denied(denial)) if moment.is_some() => denial,
            judged => return judged,
        };
        let permitted = self.judge_plan(person, &intent(plan, None, false)).await?;
        let warning = match self.judge_plan(person, &intent(plan, moment, true)).await {
            Err(Problem::Denied(_)) => Warning::RefusedThen { by: deniers(&denial) },
            // Only a freeze is in its way then, and that is waited for.
            judged => {
                judged?;
                let closed = self.closed_then(plan, moment).await?;
                let frozen = |closed: Closed| Warning::FrozenThen {
                    reason: closed.reason,
                    until: closed.until,
                };
                closed.map_or_else(|| Warning::RefusedThen { by: deniers(&denial) }, frozen)
            }
        };
        proposal.plan.outlook.warnings.push(warning);
        Ok(permitted)
    }

    /// Why what a plan restarts is closed at a moment, as far as is known now.
    async fn closed_then(
        &self,
        plan: &Plan,
        moment: Option<Timestamp>,
    ) -> Result<Option<Closed>, Problem> {
        let (environment, _) = self.place(&plan.terms.environment)?;
        let at = moment.unwrap_or_else(|| self.parts.clock.now());
        let services = services_of(plan);
        Ok(match self.state_at(environment, Part::Services(&services), at).await? {
            State::Open => None,
            State::Closed(closed) => Some(closed),
        })
    }

    /// Shows a deployment's plan and lets it wait for what it needs.
    pub(in super::super) async fn put_forward(
        &self,
        deployment: Deployment,
    ) -> Result<(), Problem> {
        let id = deployment.id;
        let approved = self.approve_if_agreed(id).await?;
        let free_to_go = approved.is_some();
        let deployment = approved.unwrap_or(deployment);
        lock(&self.shared.open).insert(id);
        let shown = self.show_card(deployment.clone()).await;
        // A card that could not be posted is tried again: by the gate, before anything moves,
        // and by the scheduler for those that wait.
        if free_to_go {
            self.take_turns(&deployment.plan.terms.environment);
        }
        self.shared.reschedule.notify_one();
        self.supersede_older(&shown?).await
    }

    /// A newer plan takes the place of those that wait for the same repositories. Rollbacks
    /// are left alone; and what is scheduled leaves those alone that go before its moment.
    pub(in super::super) async fn supersede_older(
        &self,
        newer: &Deployment,
    ) -> Result<(), Problem> {
        let repositories = |one: &Deployment| -> BTreeSet<Repository> {
            one.plan.terms.images.iter().map(|image| image.repository.clone()).collect()
        };
        let mine = repositories(newer);
        for older in self.parts.store.open().await? {
            let same_environment = older.plan.terms.environment == newer.plan.terms.environment;
            let waits = match older.stage {
                Stage::Waiting | Stage::Queued { .. } => true,
                Stage::Running(_) | Stage::Ended(_) => false,
            };
            let overlaps = !repositories(&older).is_disjoint(&mine);
            let yields = older.id < newer.id && (older.is_scheduled() || !newer.is_scheduled());
            if yields && same_environment && waits && overlaps && !older.is_rollback() {
                self.end_waiting(older.id, End::Superseded { by: newer.id, undone: false }).await?;
            }
        }
        Ok(())
    }

    /// Ends a deployment that has not begun to act; one that has by now is left alone.
    pub(in super::super) async fn end_waiting(
        &self,
        id: DeploymentId,
        end: End,
    ) -> Result<bool, Problem> {
        let ended = self
            .append_if(id, |deployment| match deployment.stage {
                Stage::Waiting | Stage::Queued { .. } => {
                    vec![Event::Ended { end: end.clone() }]
                }
                Stage::Running(_) | Stage::Ended(_) => Vec::new(),
            })
            .await?;
        if let Some(deployment) = &ended {
            tracing::info!(deployment.id = %id, end = end.code(), "ended before it began");
            self.finish(deployment).await;
        }
        Ok(ended.is_some())
    }

    /// Appends what `decide` makes of the newest state, and decides anew when somebody else
    /// was quicker. `None`: there was nothing to append.
    pub(in super::super) async fn append_if(
        &self,
        id: DeploymentId,
        decide: impl Fn(&Deployment) -> Vec<Event>,
    ) -> Result<Option<Deployment>, Problem> {
        let store = &self.parts.store;
        loop {
            let deployment = store.deployment(id).await?.ok_or(StoreError::NoSuchDeployment(id))?;
            let events = decide(&deployment);
            if events.is_empty() {
                return Ok(None);
            }
            let now = self.parts.clock.now();
            match store.append(id, deployment.version, events, now).await {
                Err(StoreError::Conflict(_)) => {}
                appended => {
                    let appended = appended?;
                    // Whoever runs it need not wait for the next look to hear of it.
                    self.wake(&appended.plan.terms.environment);
                    return Ok(Some(appended));
                }
            }
        }
    }

    /// The targets of a plan that exists, to look at them again.
    pub(in super::super) fn targets_of(plan: &Plan) -> Vec<Target> {
        let target = |image: &crate::domain::plan::ImageMove| Target {
            repository: image.repository.clone(),
            asked: crate::aws::Asked::Digest(image.to.digest.clone()),
        };
        plan.terms.images.iter().map(target).collect()
    }
}
