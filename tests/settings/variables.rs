//! Environment variables win over the file, and a wrong one is named.

use std::time::Duration;

use shipmate::domain::id::{EnvironmentName, PersonId, ServiceName};
use shipmate::settings::Settings;

use super::{SHIPPED, SMALL, parse, wrong};

fn ecs_service(settings: &Settings, environment: &str, service: &str) -> String {
    let environment = settings.environments.get(&EnvironmentName::new(environment)).unwrap();
    environment.service(&ServiceName::new(service)).unwrap().ecs_service.clone()
}

#[test]
fn variables_win_over_the_file() {
    let settings = parse(
        SHIPPED,
        &[
            ("SHIPMATE__DATABASE__URL", "sqlite://other.db"),
            ("SHIPMATE__ENVIRONMENTS__STAGING__CLUSTER", "other"),
            ("SHIPMATE__environments__Production__PATIENCE", "20m"),
            ("SHIPMATE__ROLES__RELEASE_MANAGER__PEOPLE", "grace, heidi"),
            ("SHIPMATE__COMMANDS__DIRECTORY", "mine"),
            ("SHIPMATE_LOG", "debug"),
            ("PATH", "/bin"),
        ],
    )
    .unwrap();
    assert_eq!(settings.database.url.reveal(), "sqlite://other.db");
    let staging = settings.environments.get(&EnvironmentName::new("staging")).unwrap();
    assert_eq!(staging.cluster, "other");
    assert_eq!(staging.tag.as_str(), "staging-latest");
    let production = settings.environments.get(&EnvironmentName::new("production")).unwrap();
    assert_eq!(production.patience, Duration::from_secs(1200));
    assert!(settings.people.roles_of(&PersonId::new("bob")).is_empty());
    assert_eq!(settings.people.roles_of(&PersonId::new("heidi")).len(), 1);
    assert!(settings.commands.is_some());
}

#[test]
fn a_variable_sets_a_value_for_all_environments_or_for_one() {
    let all = [("SHIPMATE__SERVICES__WORKER__ECS_SERVICE", "w")];
    let settings = parse(SHIPPED, &all).unwrap();
    assert_eq!(ecs_service(&settings, "staging", "worker"), "w");
    assert_eq!(ecs_service(&settings, "production", "worker"), "w");

    let one = [("SHIPMATE__SERVICES__WORKER__ECS_SERVICE__STAGING", "w")];
    let settings = parse(SHIPPED, &one).unwrap();
    assert_eq!(ecs_service(&settings, "staging", "worker"), "w");
    assert_eq!(ecs_service(&settings, "production", "worker"), "worker-prod");

    // Over one text for all environments, the others keep that text.
    let text = SHIPPED.replace("{ production = \"worker-prod\" }", "\"every\"");
    let settings = parse(&text, &one).unwrap();
    assert_eq!(ecs_service(&settings, "staging", "worker"), "w");
    assert_eq!(ecs_service(&settings, "production", "worker"), "every");

    let settings = parse(SHIPPED, &[all[0], one[0]]).unwrap();
    assert_eq!(ecs_service(&settings, "production", "worker"), "w");
}

#[test]
fn a_variable_can_give_what_the_file_lacks() {
    let text = SMALL.replace("tag = \"staging-latest\"", "");
    let tag = [("SHIPMATE__ENVIRONMENTS__STAGING__TAG", "staging-latest")];
    assert_eq!(wrong(&text, &tag), "(loads)");
}

#[test]
fn what_is_wrong_with_a_variable_names_the_variable() {
    let cases: &[(&[(&str, &str)], &str)] = &[
        (
            &[("SHIPMATE__DATABASE__URI", "secret")],
            "SHIPMATE__DATABASE__URI: no setting has this name; did you mean \
             `SHIPMATE__DATABASE__URL`?",
        ),
        (
            &[("SHIPMATE__ENVIRONMENTS__QA__TAG", "qa-latest")],
            "SHIPMATE__ENVIRONMENTS__QA__TAG: no setting has this name; did you mean \
             `SHIPMATE__ENVIRONMENTS__STAGING__TAG`?",
        ),
        (
            &[("SHIPMATE__ZZZ", "1")],
            "SHIPMATE__ZZZ: no setting has this name; correct or unset it: names must stand in \
             the file",
        ),
        (
            &[("SHIPMATE__ENVIRONMENTS__STAGING__SETTLE", "soon")],
            "SHIPMATE__ENVIRONMENTS__STAGING__SETTLE: `soon` is not a length of time; write for \
             example 30s, 10m or 1h30m",
        ),
        (
            &[("SHIPMATE__ENVIRONMENTS__STAGING__CLUSTER", " ")],
            "SHIPMATE__ENVIRONMENTS__STAGING__CLUSTER: `environments.staging.cluster` is empty; \
             write a value or remove it",
        ),
        (
            &[("SHIPMATE__SERVICES__API__RESTART__STAGING", "reboot")],
            "SHIPMATE__SERVICES__API__RESTART__STAGING: `reboot` cannot stand here; write \
             `auto`, `stop` or `deployment`",
        ),
        (
            &[("SHIPMATE__SERVICES__API__ENVIRONMENTS", "staging,stagign")],
            "SHIPMATE__SERVICES__API__ENVIRONMENTS: there is no environment `stagign`; did you \
             mean `staging`?",
        ),
        (
            &[("SHIPMATE__POLICIES__MODE", "replace")],
            "SHIPMATE__POLICIES__MODE: `policies.directory` is missing; add it, for example: \
             directory = \"my-policies\"",
        ),
        (
            &[("SHIPMATE__DATABASE__URL", "sqlite://a"), ("SHIPMATE__Database__URL", "sqlite://b")],
            "SHIPMATE__Database__URL: `database.url` is also set by SHIPMATE__DATABASE__URL; keep \
             one of the two variables",
        ),
    ];
    for (variables, message) in cases {
        assert_eq!(wrong(SMALL, variables), *message, "{variables:?}");
    }
}

#[test]
fn a_variable_that_fits_two_names_is_refused() {
    let text = format!(
        "{SMALL}[services.API]\nrepository = \"x\"\ncontainer = \"x\"\nenvironments = [\"staging\"]"
    );
    assert_eq!(
        wrong(&text, &[("SHIPMATE__SERVICES__API__CONTAINER", "y")]),
        "SHIPMATE__SERVICES__API__CONTAINER: this can mean `services.API.container` or \
         `services.api.container`; set it in the file, or rename one of them there"
    );
}

#[test]
fn a_batch_may_come_from_a_variable() {
    let variables = [
        ("SHIPMATE__ENVIRONMENTS__PRODUCTION__BATCH", "50%"),
        ("SHIPMATE__SERVICES__WORKER__BATCH__PRODUCTION", "all"),
    ];
    let settings = parse(SHIPPED, &variables).unwrap();
    let batch = |environment: &str, service: &str| {
        let environment = settings.environments.get(&EnvironmentName::new(environment)).unwrap();
        environment.service(&ServiceName::new(service)).unwrap().batch.to_string()
    };
    assert_eq!(batch("production", "rest-api"), "50%");
    assert_eq!(batch("production", "worker"), "all");
    assert_eq!(batch("staging", "worker"), "room");
}
