//! After-checks in the settings: what they mean, and what is refused.

use std::time::Duration;

use shipmate::domain::after_check::AfterCheck;
use shipmate::domain::id::{EnvironmentName, ServiceName};
use shipmate::settings::Settings;

use super::{SMALL, parse, wrong};

fn checks(settings: &Settings) -> Vec<AfterCheck> {
    let environment = settings.environments.get(&EnvironmentName::new("staging")).unwrap();
    environment.service(&ServiceName::new("api")).unwrap().verify.clone()
}

#[test]
fn one_table_is_one_check() {
    let text = format!("{SMALL}verify = {{ url = \"https://a.example.com/health\" }}");
    let settings = parse(&text, &[]).unwrap();
    let [check] = checks(&settings).try_into().unwrap();
    assert_eq!(check.url.reveal(), "https://a.example.com/health");
    assert_eq!((check.expect, check.body, check.within), (200, None, Duration::from_secs(60)));
}

#[test]
fn a_list_is_several_and_variables_win() {
    let list = r#"verify = [
        { url = "https://a.example.com", expect = 204, within = "1s" },
        { url = { staging = "http://10.0.0.1:8080/b?key=hunter2" }, body = "ready", within = "10m" },
    ]"#;
    let tables = r#"
        [[services.api.verify]]
        url = "https://a.example.com"
        expect = 204
        within = "1s"
        [[services.api.verify]]
        url.staging = "http://10.0.0.1:8080/b?key=hunter2"
        body = "ready"
        within = "10m""#;
    for text in [list, tables] {
        let settings = parse(&format!("{SMALL}{text}"), &[]).unwrap();
        let [first, second] = checks(&settings).try_into().unwrap();
        assert_eq!((first.expect, first.within), (204, Duration::from_secs(1)));
        assert_eq!(second.url.reveal(), "http://10.0.0.1:8080/b?key=hunter2");
        assert_eq!(second.body.as_deref(), Some("ready"));
        assert_eq!(second.within, Duration::from_secs(600));
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
    let by_variable = [
        ("SHIPMATE__SERVICES__API__VERIFY__1__EXPECT", "301"),
        ("SHIPMATE__SERVICES__API__VERIFY__0__URL", "https://b.example.com"),
    ];
    let settings = parse(&format!("{SMALL}{list}"), &by_variable).unwrap();
    let [first, second] = checks(&settings).try_into().unwrap();
    assert_eq!((first.url.reveal(), second.expect), ("https://b.example.com", 301));
}

#[test]
fn only_what_is_on_this_machine_is_left_to_the_demo() {
    let urls =
        ["https://a.example.com", "http://127.0.0.1:8080", "http://[::1]/", "http://localhost/"];
    let entries: Vec<String> = urls.iter().map(|url| format!("{{ url = \"{url}\" }}")).collect();
    let text = format!("{SMALL}verify = [{}]", entries.join(", "));
    let mut settings = parse(&text, &[]).unwrap();
    assert_eq!(settings.check_only_on_loopback(), 1);
    let kept: Vec<String> =
        checks(&settings).iter().map(|check| check.url.reveal().to_owned()).collect();
    assert_eq!(kept, urls[1..]);
}

/// What is added begins on line 11.
#[test]
fn what_cannot_be_asked_is_refused() {
    let address = "is no address that can be asked; write for example \
                   \"https://shop.example.com/health\", with http or https and without a user or \
                   password";
    for (added, message) in [
        (
            "verify = { expect = 200 }",
            "shipmate.toml:11:10: `services.api.verify.0.url` is missing; add it, for example: url = \
             \"https://shop.example.com/health\""
                .to_owned(),
        ),
        (
            "verify = { url = \"ftp://a/hunter2\" }",
            format!("shipmate.toml:11:18: `services.api.verify.0.url` {address}"),
        ),
        (
            "verify = { url = \"https://bot:hunter2@a\" }",
            format!("shipmate.toml:11:18: `services.api.verify.0.url` {address}"),
        ),
        (
            "verify = { url = { staging = \"hunter2\" } }",
            format!("shipmate.toml:11:30: `services.api.verify.0.url.staging` {address}"),
        ),
        (
            "verify = { url = { production = \"https://a\" } }",
            "shipmate.toml:11:33: there is no environment `production`; there is `staging`".to_owned(),
        ),
        (
            "verify = { url = \"https://a\", expect = 99 }",
            "shipmate.toml:11:40: `services.api.verify.0.expect` is not an HTTP status; write a \
             number from 100 to 599, for example 200"
                .to_owned(),
        ),
        (
            "verify = { url = \"https://a\", expect = \"200\" }",
            "shipmate.toml:11:40: `services.api.verify.0.expect` is text, but it must be a number, \
             for example: expect = 200"
                .to_owned(),
        ),
        (
            "verify = { url = \"https://a\", within = \"999ms\" }",
            "shipmate.toml:11:40: `services.api.verify.0.within` must be from 1s to 10m".to_owned(),
        ),
        (
            "verify = { url = \"https://a\", within = \"11m\" }",
            "shipmate.toml:11:40: `services.api.verify.0.within` must be from 1s to 10m".to_owned(),
        ),
        (
            "verify = { url = \"https://a\", retries = 3 }",
            "shipmate.toml:11:31: `retries` is no key of `services.api.verify.0`; it takes `url`, \
             `expect`, `body` and `within`"
                .to_owned(),
        ),
        (
            "verify = \"https://a\"",
            "shipmate.toml:11:10: `services.api.verify` is text, but it must be a table or a list of \
             tables, for example: [[services.api.verify]]"
                .to_owned(),
        ),
        (
            "verify = [\"https://a\"]",
            "shipmate.toml:11:10: `services.api.verify` is a list, but it must be a table or a list \
             of tables, for example: [[services.api.verify]]"
                .to_owned(),
        ),
    ] {
        let told = wrong(&format!("{SMALL}{added}"), &[]);
        assert!(!told.contains("hunter2"), "{told}");
        assert_eq!(told, message, "{added}");
    }
    let many = ["{ url = \"https://a\" }"; 11].join(", ");
    assert_eq!(
        wrong(&format!("{SMALL}verify = [{many}]"), &[]),
        "shipmate.toml:11:1: `services.api.verify` has more than 10 entries; keep those that matter"
    );
}
