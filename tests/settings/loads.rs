//! What the settings mean once they are loaded.

use std::path::{Path, PathBuf};
use std::time::Duration;

use shipmate::domain::environment::{Batch, Registry, Restart, Service, Strategy};
use shipmate::domain::id::{EnvironmentName, PersonId, Role, ServiceName};
use shipmate::settings::{Extra, Mode, Settings};

use super::{SHIPPED, SMALL, parse, wrong};

fn environment(settings: &Settings, name: &str) -> shipmate::domain::environment::Environment {
    settings.environments.get(&EnvironmentName::new(name)).unwrap().clone()
}

fn service(settings: &Settings, environment_name: &str, name: &str) -> Service {
    environment(settings, environment_name).service(&ServiceName::new(name)).unwrap().clone()
}

#[test]
fn the_shipped_settings_mean_what_they_say() {
    let settings = parse(SHIPPED, &[]).unwrap();
    assert_eq!(settings.database.url.reveal(), "sqlite://shipmate.db");
    assert_eq!(settings.commands, None);
    assert_eq!(settings.policies, None);

    let roles: Vec<&str> = settings.roles.iter().map(Role::as_str).collect();
    assert_eq!(roles, ["developer", "on-call", "release-manager"]);
    let frank = settings.people.roles_of(&PersonId::new("frank"));
    assert_eq!(frank, [Role::new("release-manager")].into());
    assert!(settings.people.roles_of(&PersonId::new("eve")).is_empty());

    let staging = environment(&settings, "staging");
    assert_eq!(staging.region, "eu-west-1");
    assert_eq!(staging.cluster, "staging");
    assert_eq!(staging.tag.as_str(), "staging-latest");
    assert_eq!(staging.after, None);
    assert_eq!(staging.timezone.iana_name(), Some("UTC"));
    assert_eq!(staging.settle, Duration::from_secs(30));
    assert_eq!(staging.patience, Duration::from_secs(600));
    assert_eq!((staging.registry, staging.role_arn), (None, None));

    let production = environment(&settings, "production");
    assert_eq!(production.after, Some(EnvironmentName::new("staging")));
    assert_eq!(production.timezone.iana_name(), Some("Europe/Berlin"));
    assert_eq!(production.previous_tag().as_str(), "production-previous");

    let names: Vec<&str> = production.services.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["rest-api", "web", "worker"]);
    assert_eq!(service(&settings, "staging", "worker").ecs_service, "worker");
    let worker = service(&settings, "production", "worker");
    assert_eq!(worker.ecs_service, "worker-prod");
    assert_eq!(worker.repository.as_str(), "core");
    assert_eq!(worker.container, "app");
    assert_eq!(worker.restart, Restart::Auto);
}

#[test]
fn every_key_that_there_is_loads() {
    let settings = parse(
        r#"
        [database]
        url = "sqlite::memory:"
        [roles.on_call]
        people = []
        [environments.a]
        region = "eu-west-1"
        cluster = "a"
        tag = "a-latest"
        timezone = "America/New_York"
        settle = "1m 30s"
        patience = "1h"
        role_arn = "arn:aws:iam::123456789012:role/shipmate"
        registry = { account = "210987654321", region = "eu-central-1" }
        batch = 3
        [environments.b]
        region = "eu-west-1"
        cluster = "b"
        tag = "b-latest"
        after = "a"
        [services."rest_api"]
        repository = "team/core"
        container = "app"
        environments = ["a", "b"]
        ecs_service = "api"
        restart = { b = "deployment" }
        batch = { b = "25%" }
        [services."rest-api"]
        repository = "team/core"
        container = "other"
        environments = ["b"]
        restart = "stop"
        batch = "all"
        [commands]
        directory = "mine"
        [policies]
        directory = "ours"
        mode = "replace"
        "#,
        &[],
    )
    .unwrap();
    let a = environment(&settings, "a");
    assert_eq!((a.settle, a.patience), (Duration::from_secs(90), Duration::from_secs(3600)));
    assert_eq!(a.role_arn.as_deref(), Some("arn:aws:iam::123456789012:role/shipmate"));
    let registry = Registry { account: "210987654321".into(), region: "eu-central-1".into() };
    assert_eq!(a.registry, Some(registry));
    assert_eq!(settings.roles, [Role::new("on_call")].into());

    // Names keep their spelling: these are two services.
    assert_eq!(environment(&settings, "b").services.len(), 2);
    assert_eq!(service(&settings, "a", "rest_api").ecs_service, "api");
    assert_eq!(service(&settings, "a", "rest_api").restart, Restart::Auto);
    let deployment = Restart::Fixed(Strategy::Deployment);
    assert_eq!(service(&settings, "b", "rest_api").restart, deployment);
    assert_eq!(service(&settings, "b", "rest-api").restart, Restart::Fixed(Strategy::Stop));

    assert_eq!(service(&settings, "a", "rest_api").batch, Batch::parse("3").unwrap());
    assert_eq!(service(&settings, "b", "rest_api").batch, Batch::parse("25%").unwrap());
    assert_eq!(service(&settings, "b", "rest-api").batch, Batch::All);

    let extra = |directory: &str, mode| Some(Extra { directory: PathBuf::from(directory), mode });
    assert_eq!(settings.commands, extra("mine", Mode::Add));
    assert_eq!(settings.policies, extra("ours", Mode::Replace));
}

/// The one that no other comes after, whatever their names.
#[test]
fn the_last_in_the_order_of_promotion_is_told() {
    let one = |name: &str, after: &str| {
        format!(
            "[environments.{name}]\nregion = \"eu-west-1\"\ncluster = \"{name}\"\ntag = \"{name}\"\n{after}\n\
             [services.api-{name}]\nrepository = \"{name}\"\ncontainer = \"app\"\n\
             environments = [\"{name}\"]\n"
        )
    };
    let after = |name: &str| format!("after = \"{name}\"\n");
    let three = [one("dev", ""), one("beta", &after("dev")), one("live", &after("beta"))];
    let settings = parse(&three.concat(), &[]).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(settings.environments.last().map(|one| one.name.as_str()), Some("live"));
}

#[test]
fn nothing_but_environments_and_services_must_be_set() {
    let settings = parse(SMALL, &[]).unwrap();
    assert_eq!(settings.database.url.reveal(), "sqlite://shipmate.db");
    assert!(settings.roles.is_empty());
}

#[test]
fn two_registries_may_have_tags_of_one_name() {
    let other = r#"
        [environments.america]
        region = "us-east-1"
        cluster = "staging"
        tag = "staging-latest"
        [services.american-api]
        repository = "core"
        container = "app"
        environments = ["america"]
    "#;
    assert_eq!(wrong(&format!("{SMALL}{other}"), &[]), "(loads)");
}

#[test]
fn settings_are_read_from_a_file() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("shipmate.toml");
    assert_eq!(Settings::read(&path, []).unwrap().environments.0.len(), 2);
    let missing = Settings::read(Path::new("no/such.toml"), []).unwrap_err().to_string();
    assert!(missing.starts_with("no/such.toml:1:1: the file cannot be read ("), "{missing}");
}

#[test]
fn a_password_is_never_shown() {
    let url = "sqlite://file.db?password=hunter2";
    let settings = parse(SMALL, &[("SHIPMATE__DATABASE__URL", url)]).unwrap();
    assert_eq!(settings.database.url.reveal(), url);
    assert!(!format!("{settings:?}{}", settings.database.url).contains("hunter2"));

    for broken in [
        "[database]\nurl = \"postgres://bot:hunter2@db\"",
        "[database]\nurl = \"hunter2:secret@db\"",
        "[database]\nurl = \"postgres://bot:hunter2@db",
        "[database]\nurl = [\"hunter2\"]",
        "[database]\nurl = hunter2",
    ] {
        let errors = parse(broken, &[]).unwrap_err();
        assert!(!format!("{errors}{errors:?}").contains("hunter2"), "{errors}");
    }
}
