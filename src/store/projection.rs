//! What an event changes beside the journal: the tables that lists and decisions are read
//! from. Everything is taken from the folded deployment, which has the event in it already.

use jiff::Timestamp;
use sqlx::SqliteConnection;

use super::journal::signed;
use super::sql;
use crate::domain::deployment::Deployment;
use crate::domain::event::{Choice, End, Event, Recorded, Via, Vote};
use crate::domain::id::{DeploymentId, MessageId, PersonId};
use crate::domain::plan::{Kind, Terms};
use crate::domain::rollout::Rollout;
use crate::ports::StoreError;

/// An event that was just appended.
pub struct Appended<'a> {
    pub recorded: &'a Recorded,
    /// The deployment with the event in it.
    pub deployment: &'a Deployment,
    /// Its place among all events of the database.
    pub position: i64,
    pub hash: &'a str,
}

/// Brings every projection up to date with an event.
pub async fn project(
    writing: &mut SqliteConnection,
    appended: &Appended<'_>,
) -> Result<(), StoreError> {
    let deployment = appended.deployment;
    match &appended.recorded.event {
        Event::Requested(_) => {
            insert(writing, appended).await?;
            insert_images(writing, deployment).await
        }
        Event::Posted { message } => {
            advance(writing, appended).await?;
            post(writing, deployment.id, message).await
        }
        Event::VoteCast(vote) => {
            advance(writing, appended).await?;
            cast(writing, appended.recorded, vote).await
        }
        Event::VoteWithdrawn { person, .. } => {
            advance(writing, appended).await?;
            withdraw(writing, deployment.id, person).await
        }
        Event::Replanned { .. } => {
            advance(writing, appended).await?;
            replan(writing, deployment).await
        }
        Event::Started { .. } => start(writing, appended).await,
        Event::Ended { end } => {
            advance(writing, appended).await?;
            finish(writing, appended, end).await
        }
        Event::Due => {
            advance(writing, appended).await?;
            sqlx::query(sql::DUE).bind(deployment.id.0).execute(writing).await?;
            Ok(())
        }
        Event::Approved
        | Event::OutlookChanged { .. }
        | Event::StepStarted { .. }
        | Event::StepDone { .. }
        | Event::StepFailed { .. }
        | Event::Progressed { .. }
        | Event::CanaryPassed { .. }
        | Event::Paused { .. }
        | Event::Continued { .. }
        | Event::CanaryAsked { .. }
        | Event::StopRequested { .. }
        | Event::UndoStarted { .. }
        | Event::TagRepaired { .. }
        | Event::OthersChanged { .. }
        | Event::LogRead(_) => advance(writing, appended).await,
    }
}

async fn insert(writing: &mut SqliteConnection, appended: &Appended<'_>) -> Result<(), StoreError> {
    let deployment = appended.deployment;
    let terms = &deployment.plan.terms;
    let (kind, reverts) = kind(terms);
    sqlx::query(sql::INSERT_DEPLOYMENT)
        .bind(deployment.id.0)
        .bind(signed(deployment.version))
        .bind(appended.hash)
        .bind(terms.environment.as_str())
        .bind(kind)
        .bind(reverts)
        .bind(terms.hash().as_str())
        .bind(terms.names())
        .bind(deployment.request.requester.id.as_str())
        .bind(deployment.request.channel.as_str())
        .bind(deployment.request.asked_in.as_ref().map(MessageId::as_str))
        .bind(deployment.requested_at.as_millisecond())
        .bind(deployment.stage_name())
        .bind(deployment.scheduled.map(Timestamp::as_millisecond))
        .execute(writing)
        .await?;
    Ok(())
}

/// What every later event changes.
async fn advance(
    writing: &mut SqliteConnection,
    appended: &Appended<'_>,
) -> Result<(), StoreError> {
    sqlx::query(sql::ADVANCE)
        .bind(appended.deployment.id.0)
        .bind(signed(appended.deployment.version))
        .bind(appended.hash)
        .bind(appended.deployment.stage_name())
        .execute(writing)
        .await?;
    Ok(())
}

async fn insert_images(
    writing: &mut SqliteConnection,
    deployment: &Deployment,
) -> Result<(), StoreError> {
    for image in &deployment.plan.terms.images {
        sqlx::query(sql::INSERT_IMAGE)
            .bind(deployment.id.0)
            .bind(image.repository.as_str())
            .bind(image.from.as_ref().map(|from| from.digest.as_str()))
            .bind(image.to.digest.as_str())
            .execute(&mut *writing)
            .await?;
    }
    Ok(())
}

async fn replan(writing: &mut SqliteConnection, deployment: &Deployment) -> Result<(), StoreError> {
    let terms = &deployment.plan.terms;
    let (kind, reverts) = kind(terms);
    sqlx::query(sql::REPLAN)
        .bind(deployment.id.0)
        .bind(terms.environment.as_str())
        .bind(kind)
        .bind(reverts)
        .bind(terms.hash().as_str())
        .bind(terms.names())
        .execute(&mut *writing)
        .await?;
    sqlx::query(sql::CLEAR_IMAGES).bind(deployment.id.0).execute(&mut *writing).await?;
    insert_images(writing, deployment).await?;
    sqlx::query(sql::CLEAR_VOTES).bind(deployment.id.0).execute(&mut *writing).await?;
    sqlx::query(sql::CLOSE_MESSAGES).bind(deployment.id.0).execute(&mut *writing).await?;
    Ok(())
}

async fn post(
    writing: &mut SqliteConnection,
    deployment: DeploymentId,
    message: &MessageId,
) -> Result<(), StoreError> {
    sqlx::query(sql::CLOSE_MESSAGES).bind(deployment.0).execute(&mut *writing).await?;
    sqlx::query(sql::SET_MESSAGE)
        .bind(deployment.0)
        .bind(message.as_str())
        .execute(&mut *writing)
        .await?;
    Ok(())
}

async fn cast(
    writing: &mut SqliteConnection,
    recorded: &Recorded,
    vote: &Vote,
) -> Result<(), StoreError> {
    let choice = match vote.choice {
        Choice::Yes => "yes",
        Choice::No => "no",
    };
    let via = match vote.via {
        Via::Reaction => "reaction",
        Via::Button => "button",
        Via::Text => "text",
    };
    sqlx::query(sql::SET_VOTE)
        .bind(recorded.deployment.0)
        .bind(vote.person.id.as_str())
        .bind(choice)
        .bind(via)
        .bind(vote.terms.as_str())
        .bind(recorded.at.as_millisecond())
        .execute(writing)
        .await?;
    Ok(())
}

async fn withdraw(
    writing: &mut SqliteConnection,
    deployment: DeploymentId,
    person: &PersonId,
) -> Result<(), StoreError> {
    sqlx::query(sql::CLEAR_VOTE).bind(deployment.0).bind(person.as_str()).execute(writing).await?;
    Ok(())
}

/// Takes the environment's turn, or finds that it is taken. A person's promotion that starts
/// ends the environment's hold; a program's does not.
async fn start(writing: &mut SqliteConnection, appended: &Appended<'_>) -> Result<(), StoreError> {
    let deployment = appended.deployment;
    if !deployment.is_rollback() && is_reserved(writing, appended).await? {
        return Err(StoreError::TurnTaken);
    }
    let taken = sqlx::query(sql::START)
        .bind(deployment.id.0)
        .bind(signed(deployment.version))
        .bind(appended.hash)
        .bind(deployment.stage.name())
        .bind(appended.position)
        .bind(appended.recorded.at.as_millisecond())
        .execute(&mut *writing)
        .await;
    match taken {
        Ok(_) => {}
        // The statement changes nothing else that must be unique.
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
            return Err(StoreError::TurnTaken);
        }
        Err(error) => return Err(error.into()),
    }
    match &deployment.plan.terms.kind {
        Kind::Promotion if deployment.request.automated => {}
        Kind::Promotion => {
            let environment = deployment.plan.terms.environment.as_str();
            sqlx::query(sql::END_HOLD).bind(environment).execute(writing).await?;
        }
        Kind::Rollback { .. } => {}
    }
    Ok(())
}

/// Whether a program has the environment for itself. Asked where the turn is taken, so that no
/// process can give it away in between.
async fn is_reserved(
    writing: &mut SqliteConnection,
    appended: &Appended<'_>,
) -> Result<bool, StoreError> {
    let reserved = sqlx::query_scalar(sql::IS_RESERVED)
        .bind(appended.deployment.plan.terms.environment.as_str())
        .bind(appended.recorded.at.as_millisecond());
    Ok(reserved.fetch_one(writing).await?)
}

async fn finish(
    writing: &mut SqliteConnection,
    appended: &Appended<'_>,
    end: &End,
) -> Result<(), StoreError> {
    let deployment = appended.deployment;
    let terms = &deployment.plan.terms;
    let at = appended.recorded.at.as_millisecond();
    sqlx::query(sql::END).bind(deployment.id.0).bind(at).execute(&mut *writing).await?;
    if let (Kind::Rollback { of }, End::Succeeded) = (&terms.kind, end) {
        sqlx::query(sql::UNDONE).bind(of.0).execute(&mut *writing).await?;
    }
    let touched = deployment.rollout().is_some_and(Rollout::touched);
    if leaves_hold(&terms.kind, end, touched) {
        sqlx::query(sql::SET_HOLD)
            .bind(terms.environment.as_str())
            .bind(deployment.id.0)
            .bind(at)
            .execute(writing)
            .await?;
    }
    Ok(())
}

/// Whether an environment was rolled back, or should have been, so that automation must leave
/// it alone. What was called off before anything was touched leaves nothing to leave alone.
fn leaves_hold(kind: &Kind, end: &End, touched: bool) -> bool {
    match end {
        End::RolledBack { .. } => true,
        End::Succeeded => match kind {
            Kind::Promotion => false,
            Kind::Rollback { .. } => true,
        },
        End::Failed { undo, .. } => undo.is_some() || touched,
        End::Cancelled { undone, .. } | End::Superseded { undone, .. } => *undone && touched,
        End::Rejected { .. }
        | End::Expired
        | End::Unapproved
        | End::Missed
        | End::Refused { .. } => false,
    }
}

fn kind(terms: &Terms) -> (&'static str, Option<i64>) {
    match terms.kind {
        Kind::Promotion => ("promotion", None),
        Kind::Rollback { of } => ("rollback", Some(of.0)),
    }
}
