//! Each thing that can be wrong, with its whole message: file, line, column, and what to do.

use super::{SMALL, wrong};

/// Compares what is told about each text, put behind the given settings.
fn check(settings: &str, cases: &[(&str, &str)]) {
    for (added, message) in cases {
        assert_eq!(wrong(&format!("{settings}{added}"), &[]), *message, "{added}");
    }
}

/// What is added begins on line 11.
#[test]
fn what_does_not_have_the_form_of_settings() {
    check(
        SMALL,
        &[
            (
                r#"[database"#,
                r#"shipmate.toml:11:10: this is not TOML: unclosed table, expected `]`"#,
            ),
            (
                r#"[databse]
url = "sqlite://x""#,
                r#"shipmate.toml:11:2: `databse` is no key of the file; did you mean `database`?"#,
            ),
            (
                r#"zebra = 1"#,
                r#"shipmate.toml:11:1: `zebra` is no key of `services.api`; it takes `repository`, `container`, `environments`, `ecs-service`, `restart`, `batch` and `verify`"#,
            ),
            (
                r#"[zebra]
stripes = 1"#,
                r#"shipmate.toml:11:2: `zebra` is no key of the file; it takes `database`, `chat`, `web`, `aws`, `locks`, `roles`, `environments`, `services`, `freezes`, `windows`, `schedules`, `commands` and `policies`"#,
            ),
            (
                r#"[database]
url = 5"#,
                r#"shipmate.toml:12:7: `database.url` is a number, but it must be text in quotes, for example: url = "sqlite://shipmate.db""#,
            ),
            (
                r#"[database]
url = """#,
                r#"shipmate.toml:12:7: `database.url` is empty; write a value or remove it"#,
            ),
            (
                r#"[database]
url = "sqlite://""#,
                r#"shipmate.toml:12:7: the database's url names no file; write for example "sqlite://shipmate.db""#,
            ),
            (
                r#"[database]
url = "postgres://bot@db/x""#,
                r#"shipmate.toml:12:7: PostgreSQL is not supported yet, only SQLite is: write for example "sqlite://shipmate.db""#,
            ),
            (
                r#"[database]
url = "shipmate.db""#,
                r#"shipmate.toml:12:7: a url that does not begin with `sqlite:` is not supported yet, only SQLite is: write for example "sqlite://shipmate.db""#,
            ),
            (
                r#"database = "sqlite://x""#,
                r#"shipmate.toml:11:1: `database` is no key of `services.api`; it takes `repository`, `container`, `environments`, `ecs-service`, `restart`, `batch` and `verify`"#,
            ),
            (
                r#"[roles]
developer = ["alice"]"#,
                r#"shipmate.toml:12:13: `roles.developer` is a list, but it must be a table, for example: [roles.developer]"#,
            ),
            (
                r#"[roles]
developer = { peeple = ["alice"] }"#,
                r#"shipmate.toml:12:1: `roles.developer` does not say who holds the role; add people = ["alice"], discord = ["3001"] or both
shipmate.toml:12:15: `peeple` is no key of `roles.developer`; did you mean `people`?"#,
            ),
            (
                r#"[roles]
developer = { people = ["alice", 5, "", "alice"] }"#,
                r#"shipmate.toml:12:34: `roles.developer.people.1` is a number, but it must be text in quotes, for example: people = ["alice"]
shipmate.toml:12:37: `roles.developer.people.2` is empty; write a value or remove it
shipmate.toml:12:41: `roles.developer.people` lists `alice` twice; keep one"#,
            ),
            (
                r#"[roles]
"the team" = { people = [] }"#,
                r#"shipmate.toml:12:1: `the team` cannot be a name, because it is said in chat; use letters, digits, `-`, `_` and `.`, beginning with a letter, digit or `_`, at most 255"#,
            ),
            (
                r#"[environments.qa]
region = "eu-west-1""#,
                r#"shipmate.toml:11:15: `environments.qa.cluster` is missing; add it, for example: cluster = "staging"
shipmate.toml:11:15: `environments.qa.tag` is missing; add it, for example: tag = "staging-latest""#,
            ),
            (
                r#"[[environments.qa]]"#,
                r#"shipmate.toml:11:1: `environments.qa` is a list of tables, but it must be a table, for example: [environments.qa]"#,
            ),
            (
                r#"[environments.staging.registry]
acount = "123456789012"
region = "eu-west-1""#,
                r#"shipmate.toml:11:23: `environments.staging.registry.account` is missing; add it, for example: account = "123456789012"
shipmate.toml:12:1: `acount` is no key of `environments.staging.registry`; did you mean `account`?"#,
            ),
            (
                r#"[commands]
mode = "add""#,
                r#"shipmate.toml:11:2: `commands.directory` is missing; add it, for example: directory = "my-commands""#,
            ),
        ],
    );
}

#[test]
fn what_is_wrong_with_a_service() {
    check(
        SMALL,
        &[
            (
                r#"[services.web]
container = "web"
environments = []"#,
                r#"shipmate.toml:11:11: `services.web.repository` is missing; add it, for example: repository = "core"
shipmate.toml:13:16: `web` names no environment; write for example environments = ["staging"]"#,
            ),
            (
                r#"[services.web]
repository = "web"
container = "web"
environments = ["stagin", "moon", "staging", "staging"]"#,
                r#"shipmate.toml:14:17: there is no environment `stagin`; did you mean `staging`?
shipmate.toml:14:27: there is no environment `moon`; there is `staging`
shipmate.toml:14:46: `services.web.environments` lists `staging` twice; keep one"#,
            ),
            (
                r#"[services.web]
repository = "web"
container = "web"
environments = "staging""#,
                r#"shipmate.toml:14:16: `services.web.environments` is text, but it must be a list of texts, for example: environments = ["staging", "production"]"#,
            ),
            (
                r#"[services.web]
repository = "web"
container = "web"
environments = ["staging"]
ecs-service = { qa = "x" }
ecs_service = "y""#,
                r#"shipmate.toml:15:22: there is no environment `qa`; there is `staging`
shipmate.toml:16:1: `services.web.ecs-service` is given twice, hyphens and underscores being the same; keep one"#,
            ),
            (
                r#"[services.web]
repository = "web"
container = "web"
environments = ["staging"]
restart = "reboot""#,
                r#"shipmate.toml:15:11: `reboot` cannot stand here; write `auto`, `stop` or `deployment`"#,
            ),
            (
                r#"[services.web]
repository = "web"
container = "web"
environments = ["staging"]
restart = { staging = 5 }"#,
                r#"shipmate.toml:15:23: `services.web.restart.staging` is a number, but it must be text in quotes, for example: restart = "auto""#,
            ),
            (
                r#"[services.web]
repository = "core"
container = "app"
environments = ["staging"]
  ecs-service = "api""#,
                r#"shipmate.toml:15:17: `api` and `web` are the same container `app` of the ECS service `api` in `staging`; remove one, or correct `container` or `ecs-service`"#,
            ),
            (
                r#"[policies]
directory = "x"
mode = "replaces""#,
                r#"shipmate.toml:13:8: `replaces` cannot stand here; write `add` or `replace`"#,
            ),
        ],
    );
}

/// A second environment, whose other keys follow from line 14.
const QA: &str = "[environments.qa]\nregion = \"eu-west-1\"\ncluster = \"qa\"\n";

#[test]
fn what_is_wrong_with_an_environment() {
    check(
        &format!("{SMALL}{QA}"),
        &[
            (
                r#"tag = "qa latest"
[services.web]
repository = "core"
container = "web"
environments = ["qa"]
"#,
                r#"shipmate.toml:14:7: `qa latest` cannot be a tag in ECR; use letters, digits, `_`, `.` and `-`, beginning with a letter, digit or `_`, at most 300"#,
            ),
            (
                r#"tag = "qa-latest"
batch = "101%"
[services.web]
repository = "core"
container = "web"
environments = ["qa"]
batch = { qa = 0 }
[services.site]
repository = "core"
container = "site"
environments = ["qa"]
batch = true
"#,
                r#"shipmate.toml:15:9: `101%` is no batch; write a number of tasks, a percentage such as "25%", "room" or "all"
shipmate.toml:20:16: `0` is no batch; write a number of tasks, a percentage such as "25%", "room" or "all"
shipmate.toml:25:9: `services.site.batch` is true or false, but it must be text in quotes, a whole number, or a table of these by environment, for example: batch = { production = 2 }"#,
            ),
            (
                r#"tag = "qa-latest"
settle = "30"
patience = "0s"
[services.web]
repository = "core"
container = "web"
environments = ["qa"]
"#,
                r#"shipmate.toml:15:10: `30` lacks a unit; write for example 30s, 10m or 1h30m
shipmate.toml:16:12: `environments.qa.patience` must be longer than no time at all; write for example 10m"#,
            ),
            (
                r#"tag = "qa-latest"
timezone = "Europe/Berln"
[services.web]
repository = "core"
container = "web"
environments = ["qa"]
"#,
                r#"shipmate.toml:15:12: there is no timezone `Europe/Berln`; did you mean `Europe/Berlin`?"#,
            ),
            (
                r#"tag = "qa-latest"
timezone = "MEZ"
[services.web]
repository = "core"
container = "web"
environments = ["qa"]
"#,
                r#"shipmate.toml:15:12: there is no timezone `MEZ`; did you mean `MET`?"#,
            ),
            (
                r#"tag = "qa-latest"
after = "prod"
[services.web]
repository = "core"
container = "web"
environments = ["qa"]
"#,
                r#"shipmate.toml:15:9: there is no environment `prod`; there is `qa` and `staging`"#,
            ),
            (
                r#"tag = "qa-latest"
after = "qa"
[services.web]
repository = "core"
container = "web"
environments = ["qa"]
"#,
                r#"shipmate.toml:15:9: `qa` comes after itself; remove its `after`"#,
            ),
            (
                r#"tag = "staging-latest"
[services.web]
repository = "core"
container = "web"
environments = ["qa"]
"#,
                r#"shipmate.toml:14:7: `qa` and `staging` follow the same tag `staging-latest` of `core` in the same registry, so that promoting to one would change what the other runs; give each its own tag"#,
            ),
            (
                r#"tag = "staging-previous"
[services.web]
repository = "core"
container = "web"
environments = ["qa"]
"#,
                r#"shipmate.toml:14:7: the tag `staging-previous` is where Shipmate keeps what ran in `staging` before, so `qa` cannot follow it; choose another tag"#,
            ),
            (
                r#"tag = "qa-previous"
[services.web]
repository = "core"
container = "web"
environments = ["qa"]
"#,
                r#"shipmate.toml:14:7: the tag `qa-previous` is where Shipmate keeps what ran in `qa` before, so `qa` cannot follow it; choose another tag"#,
            ),
            (
                r#"tag = "qa-latest"
role-arn = "shipmate"
registry = { account = "1234", region = "EU" }
[services.web]
repository = "core"
container = "web"
environments = ["qa"]
"#,
                r#"shipmate.toml:15:12: `shipmate` is not the ARN of a role; write for example arn:aws:iam::123456789012:role/shipmate
shipmate.toml:16:24: `1234` is not an AWS account; write its 12 digits in quotes
shipmate.toml:16:41: `EU` is not an AWS region; write for example eu-west-1"#,
            ),
            (
                r#"tag = "qa-latest"
"#,
                r#"shipmate.toml:11:15: no service runs in `qa`; add it to a service's `environments`, or remove it"#,
            ),
            (
                r#"tag = "qa-latest"
[services.web]
repository = "core"
container = "web"
environments = ["qa"]
restart = { staging = "stop" }
"#,
                r#"shipmate.toml:19:23: `web` does not run in `staging`; add that to its `environments`, or remove this"#,
            ),
            (
                r#"tag = "qa-latest"
after = "uat"
[services.web]
repository = "core"
container = "web"
environments = ["qa", "uat"]
[environments.uat]
region = "eu-west-1"
cluster = "uat"
tag = "uat-latest"
after = "qa"
"#,
                r#"shipmate.toml:15:9: the environments come in a circle, `qa` after `uat`, `uat` after `qa`; remove the `after` of the one that comes first"#,
            ),
        ],
    );
}

#[test]
fn settings_without_environments_are_refused() {
    check(
        "",
        &[
            (
                "",
                r#"shipmate.toml:1:1: there is no environment; add a table such as [environments.staging]"#,
            ),
            (
                "[environments]",
                r#"shipmate.toml:1:2: there is no environment; add a table such as [environments.staging]"#,
            ),
        ],
    );
}

#[test]
fn columns_count_characters_and_line_ends_may_be_windows() {
    let text =
        format!("{SMALL}[roles]\nx = {{ people = [], \"ü\" = 1, z = 2 }}").replace('\n', "\r\n");
    assert_eq!(
        wrong(&text, &[]),
        "shipmate.toml:12:20: `ü` is no key of `roles.x`; it takes `people` and `discord`\n\
         shipmate.toml:12:29: `z` is no key of `roles.x`; it takes `people` and `discord`"
    );
}

/// One run tells all of it, in the order of the file.
#[test]
fn all_that_is_wrong_is_told_at_once() {
    let text = SMALL
        .replace("region = \"eu-west-1\"", "regoin = 1")
        .replace("tag = \"staging-latest\"", "tag = \"-\"\nsettle = true")
        .replace("[\"staging\"]", "[\"stagin\"]");
    let told = super::parse(&text, &[("SHIPMATE__X", "1")]).unwrap_err();
    let places: Vec<String> = told.0.iter().map(|error| error.place.to_string()).collect();
    assert_eq!(
        places,
        [
            "shipmate.toml:1:15",
            "shipmate.toml:2:1",
            "shipmate.toml:4:7",
            "shipmate.toml:5:10",
            "shipmate.toml:10:17",
            "SHIPMATE__X",
        ]
    );
}
