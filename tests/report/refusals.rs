//! Every refusal of the plan and of the policies, and what could not be decided.

use shipmate::domain::command::{Command, ImageReference, Pick, Promote, Promoted, Rollback};
use shipmate::domain::id::DeploymentId;
use shipmate::domain::policy::{Action, Because, Denial, NearMiss, Opens};
use shipmate::domain::refusal::{BannedImage, Refusal};
use shipmate::report::{Unasked, denial_card, refusal_card, undecided_card};

use super::world::*;

fn promote(images: Vec<ImageReference>) -> Command {
    Command::Promote(Promote {
        what: Promoted::Images(images),
        environment: "staging".into(),
        dry_run: false,
        break_glass: false,
        canary: None,
        when: None,
        because: Some("the login is broken".to_owned()),
    })
}

fn image(repository: Option<&str>, pick: Pick) -> ImageReference {
    ImageReference { repository: repository.map(Into::into), pick }
}

fn tag(tag: &str) -> Pick {
    Pick::Tag(tag.into())
}

/// One of each, by the code, so that a new one is missed here and not in the night.
fn every_refusal() -> Vec<Refusal> {
    let (service, environment, repository) =
        (|| "rest-api".into(), || "staging".into(), || "core".into());
    vec![
        Refusal::NoSuchEnvironment {
            environment: "stagin".into(),
            known: vec!["production".into(), "staging".into()],
        },
        Refusal::NoSuchRepository { repository: "cor".into(), known: vec!["core".into()] },
        Refusal::RepositoryMissing { repository: repository() },
        Refusal::WhichRepository {
            asked: "1.5.0".into(),
            choices: vec!["core".into(), "web".into()],
        },
        Refusal::NoSuchImage {
            repository: repository(),
            asked: "1.5.9".into(),
            nearest: vec!["1.5.0".into(), "1.4.1".into()],
        },
        Refusal::AmbiguousDigest {
            repository: repository(),
            prefix: "1a2b3c4d".into(),
            choices: vec!["sha256:1a2b3c4d5e".into(), "sha256:1a2b3c4d6f".into()],
        },
        Refusal::TwoImages { repository: repository() },
        Refusal::EnvironmentTag { tag: "staging-latest".into() },
        Refusal::Archived { image: "core:1.5.0".into() },
        Refusal::Banned(Box::new(BannedImage {
            image: "core:1.6".into(),
            banned_as: "core:1.6.0".into(),
            repository: repository(),
            digest: version("core:1.6.0").digest,
            by: "bob".into(),
            because: "it loses orders".into(),
            reverts: None,
        })),
        Refusal::Banned(Box::new(BannedImage {
            image: "core:1.4.1".into(),
            banned_as: "core:1.4.1".into(),
            repository: repository(),
            digest: version("core:1.4.1").digest,
            by: "bob".into(),
            because: "it loses orders".into(),
            reverts: Some(DeploymentId(41)),
        })),
        Refusal::NothingToBan { deployment: DeploymentId(41) },
        Refusal::NotBanned { asked: "core:1.5.0".into() },
        Refusal::NoHold { environment: environment() },
        Refusal::NotLocked { environment: environment() },
        Refusal::NoReservation { environment: environment() },
        Refusal::NotFrozen { environment: environment() },
        Refusal::FrozenByCalendar {
            environment: environment(),
            reason: "nothing changes at the weekend".to_owned(),
        },
        Refusal::ChildrenMissing {
            image: "core:1.5.0".into(),
            missing: vec!["1a2b3c4d5e6f".into()],
        },
        Refusal::TooManyTags {
            image: "core:1.5.0".into(),
            tags: 1000,
            needed: "staging-latest".into(),
        },
        Refusal::TagsImmutable {
            repository: repository(),
            tags: vec!["staging-latest".into(), "staging-previous".into()],
            filters: Vec::new(),
            excluded: false,
        },
        Refusal::TagsImmutable {
            repository: repository(),
            tags: vec!["live".into()],
            filters: vec!["*-previous".into()],
            excluded: false,
        },
        Refusal::TagsImmutable {
            repository: repository(),
            tags: vec!["staging-latest".into()],
            filters: vec!["*-latest".into()],
            excluded: true,
        },
        Refusal::NothingRuns { repository: repository(), environment: environment() },
        Refusal::NothingToDo { environment: environment(), running: vec!["core:1.5.0".into()] },
        Refusal::SameEnvironment { environment: environment() },
        Refusal::Unsettled { environment: environment(), service: service() },
        Refusal::NothingToRollBack { environment: environment() },
        Refusal::RollbackTargetGone { image: "core:1.4.1".into(), of: DeploymentId(41) },
        Refusal::ServiceMissing {
            service: service(),
            ecs_service: "acme-rest-api".into(),
            cluster: "acme".into(),
        },
        Refusal::ServiceInactive { service: service() },
        Refusal::ClusterMissing {
            environment: environment(),
            cluster: "acme".into(),
            region: "eu-west-1".into(),
        },
        Refusal::ContainerMissing {
            service: service(),
            container: "app".into(),
            names: vec!["proxy".into(), "server".into()],
        },
        Refusal::TagNotFollowed {
            service: service(),
            found: "acme/core:1.4.1".into(),
            expected: "core:staging-latest".into(),
        },
        Refusal::OtherRegistry {
            service: service(),
            found: "210987654321.dkr.ecr.eu-west-1.amazonaws.com".into(),
            expected: "123456789012.dkr.ecr.eu-west-1.amazonaws.com".into(),
        },
        Refusal::ControllerNotEcs { service: service() },
        Refusal::BlueGreen { service: service() },
        Refusal::Daemon { service: service() },
        Refusal::ForeignDeployment { service: service() },
        Refusal::StopKeepsOldImage { service: service() },
        Refusal::CredentialsMissing { detail: "no providers in chain provided credentials".into() },
        Refusal::CredentialsExpired { detail: "The security token is expired".into() },
        Refusal::CredentialsRejected { detail: "The security token is invalid.".into() },
        Refusal::NotAllowed {
            action: "ecs:StopTask".into(),
            detail: "User: arn:aws:sts::1:assumed-role/shipmate/1 is not authorized".into(),
        },
    ]
}

#[test]
fn every_refusal_says_what_to_do() {
    let text: Vec<String> = every_refusal()
        .iter()
        .map(|refusal| format!("{}\n{}", refusal.code(), plain(&refusal_card(refusal, None))))
        .collect();
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn choices_are_complete_commands() {
    let web = image(Some("web"), tag("2.1.0"));
    let which = Refusal::WhichRepository {
        asked: "1.5.0".into(),
        choices: vec!["core".into(), "web".into()],
    };
    let prefix = Refusal::WhichRepository {
        asked: "sha256:1a2b3c4d".into(),
        choices: vec!["core".into(), "web".into()],
    };
    let near = Refusal::NoSuchImage {
        repository: "core".into(),
        asked: "1.5.9".into(),
        nearest: vec!["1.5.0".into()],
    };
    let digits = Refusal::AmbiguousDigest {
        repository: "core".into(),
        prefix: "1a2b3c4d".into(),
        choices: vec!["sha256:1a2b3c4d5e".into()],
    };
    let gone = Refusal::RollbackTargetGone { image: "core:1.4.1".into(), of: DeploymentId(41) };
    let rollback = Command::Rollback(Rollback {
        environment: "production".into(),
        dry_run: false,
        because: None,
    });
    let hex = || Pick::Prefix("1a2b3c4d".into());
    insta::assert_snapshot!(plain_all(&[
        refusal_card(&which, Some(&promote(vec![image(None, tag("1.5.0"))]))),
        refusal_card(&prefix, Some(&promote(vec![image(None, hex())]))),
        refusal_card(&near, Some(&promote(vec![image(Some("core"), tag("1.5.9")), web]))),
        refusal_card(&near, Some(&promote(vec![image(None, tag("1.5.9"))]))),
        refusal_card(&digits, Some(&promote(vec![image(Some("core"), hex())]))),
        refusal_card(&gone, Some(&rollback)),
    ]));
}

#[test]
fn the_first_words_of_a_denial() {
    let nobody = Denial::NothingPermits { nearest: Vec::new() };
    let title = |person: &str, action, environment: &str, what| {
        denial_card(&person.into(), action, (&environment.into(), &at(0)), what, &nobody)
            .with_bare_ids()
            .title
    };
    assert_eq!(
        title("eve", Action::Promote, "staging", Some("core:1.5.0")),
        "eve may not promote core:1.5.0 to staging"
    );
    assert_eq!(
        title("eve", Action::Rollback, "production", None),
        "eve may not roll back production"
    );
    let all = Action::ALL.map(|action| title("eve", action, "production", Some("#42")));
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn denials_say_what_would_change_them() {
    let deny = |action, what, denial: &Denial| {
        denial_card(&"eve".into(), action, (&"production".into(), &at(0)), what, denial)
    };
    let near =
        |policy: &str, lacked: &str| NearMiss { policy: policy.into(), lacked: lacked.to_owned() };
    let freeze = because("freezes-are-obeyed", "production does not change at the weekend");
    let until = |opens| Because { opens: Some(opens), ..freeze.clone() };
    let closed = vec![until(Opens::At(moment(86_400))), until(Opens::Unfrozen)];
    let forbidden = |by, overridable| Denial::Forbidden { by, overridable };
    let eyes = because("four-eyes", "you cannot approve what you asked for");
    let lacked = Denial::NothingPermits {
        nearest: vec![
            near("developers-may-ask", "the role developer, release-manager or on-call"),
            near("others", "a reason"),
        ],
    };
    let cards = [
        deny(Action::Promote, Some("core:1.5.0"), &lacked),
        deny(Action::Promote, Some("core:1.5.0"), &Denial::NothingPermits { nearest: vec![] }),
        deny(Action::Promote, Some("core:1.5.0"), &forbidden(vec![freeze.clone()], true)),
        deny(Action::Promote, Some("core:1.5.0"), &forbidden(closed, true)),
        deny(Action::Promote, None, &forbidden(vec![freeze.clone(), eyes.clone()], false)),
        deny(Action::Approve, Some("#42"), &forbidden(vec![eyes], false)),
        deny(Action::Rollback, None, &forbidden(vec![freeze], true)),
    ];
    insta::assert_snapshot!(plain_all(&cards));
}

#[test]
fn a_fault_never_reads_as_a_lack_of_rights() {
    let all = [Unasked::Aws, Unasked::Policies, Unasked::Roles, Unasked::Journal];
    let cards = all.map(|one| undecided_card(one, "timed out\nafter 5 s", Some("status staging")));
    let text = plain_all(&cards);
    for wrong in ["may not", "not allowed", "denied", "refused", "forbid", "permission"] {
        assert!(!text.to_lowercase().contains(wrong), "{wrong} in\n{text}");
    }
    insta::assert_snapshot!(text);
}
