//! Freezes and windows: what they mean, what holds where none is named, and what is wrong with
//! them.

use shipmate::domain::freeze::{Closings, Effect, Entry, Part, State};
use shipmate::domain::id::EnvironmentName;
use shipmate::settings::Settings;

use super::{SHIPPED, SMALL, parse, wrong};

/// Two environments of which one comes after the other, and a service in both.
const TWO: &str = r#"
[roles]
developer = { people = ["alice"] }
[environments.staging]
region = "eu-west-1"
cluster = "staging"
tag = "staging-latest"
[environments.live]
region = "eu-west-1"
cluster = "live"
tag = "live-latest"
after = "staging"
timezone = "Europe/Berlin"
[services.api]
repository = "core"
container = "app"
environments = ["staging", "live"]
[services.web]
repository = "web"
container = "web"
environments = ["staging"]
"#;

fn calendar(settings: &Settings, environment: &str) -> Vec<Entry> {
    settings.environments.get(&EnvironmentName::new(environment)).unwrap().calendar.clone()
}

fn names(settings: &Settings, environment: &str) -> Vec<String> {
    calendar(settings, environment).iter().map(|entry| entry.name.to_string()).collect()
}

/// Whether it is closed at this moment, by clocks in Berlin.
fn is_closed(calendar: &[Entry], local: &str) -> bool {
    let now: jiff::Zoned = format!("{local}[Europe/Berlin]").parse().unwrap();
    let closings = Closings { calendar, people: &[] };
    closings.state(Part::Whole, now.timestamp()) != State::Open
}

#[test]
fn the_shipped_freezes_are_the_usual_ones() {
    let shipped = calendar(&parse(SHIPPED, &[]).unwrap(), "production");
    let (before, rest) = SHIPPED.split_once("[freezes.friday]").unwrap();
    let (_, services) = rest.split_once("[services.rest-api]").unwrap();
    let silent = parse(&format!("{before}[services.rest-api]{services}"), &[]).unwrap();
    assert_eq!(calendar(&silent, "production"), shipped);
    assert_eq!(calendar(&silent, "staging"), []);
    for (time, closed) in [
        ("2026-11-27T15:59", false),
        ("2026-11-27T16:00", true),
        ("2026-11-29T23:59", true),
        ("2026-11-30T00:00", false),
    ] {
        assert_eq!(is_closed(&shipped, time), closed, "{time}");
    }
}

#[test]
fn nobody_loses_the_usual_freezes_by_saying_nothing() {
    let usual = ["friday", "weekend"];
    assert_eq!(names(&parse(TWO, &[]).unwrap(), "live"), usual);
    assert_eq!(names(&parse(TWO, &[]).unwrap(), "staging"), Vec::<String>::new());
    // The shipped policies speak of production by its name, whatever it comes after.
    let alone = TWO.replace("staging", "production").replace("after = \"production\"", "");
    assert_eq!(names(&parse(&alone, &[]).unwrap(), "production"), usual);
    assert_eq!(names(&parse(&alone, &[]).unwrap(), "live"), Vec::<String>::new());

    let off = TWO.replace("after =", "usual-freezes = false\nafter =");
    assert_eq!(names(&parse(&off, &[]).unwrap(), "live"), Vec::<String>::new());
    let on = TWO.replace("[environments.live]", "usual-freezes = true\n[environments.live]");
    assert_eq!(names(&parse(&on, &[]).unwrap(), "staging"), usual);

    let more = format!(
        "{TWO}[freezes.christmas]\nat = \"0 0 24 12 *\"\nlength = \"10d\"\n\
         environments = [\"live\"]\nreason = \"nobody is here\"\n"
    );
    assert_eq!(names(&parse(&more, &[]).unwrap(), "live"), ["christmas", "friday", "weekend"]);
}

#[test]
fn one_of_the_same_name_stands_for_the_usual_one_where_it_holds() {
    let own = |environment: &str| {
        let text = format!(
            "{TWO}[freezes.friday]\nat = \"0 12 * * FRI\"\nlength = \"12h\"\n\
             environments = [\"{environment}\"]\nreason = \"friday is short\"\n"
        );
        parse(&text, &[]).unwrap()
    };
    let live = calendar(&own("live"), "live");
    assert!(is_closed(&live, "2026-11-27T12:00"));
    let reasons: Vec<&str> = live.iter().map(|entry| entry.window.reason.as_str()).collect();
    assert_eq!(reasons, ["friday is short", "live does not change at the weekend"]);
    let other = calendar(&own("staging"), "live");
    assert!(!is_closed(&other, "2026-11-27T12:00"));
    assert!(is_closed(&other, "2026-11-27T16:00"));
}

#[test]
fn windows_and_rules_of_icalendar_mean_what_they_say() {
    let text = format!(
        "{TWO}[windows.office]\nat = \"DTSTART:20260101T090000 RRULE:FREQ=WEEKLY;BYDAY=MO,TU\"\n\
         length = \"8h\"\nzone = \"America/New_York\"\nenvironments = [\"staging\"]\n\
         services = [\"web\"]\nreason = \"while they are there\"\n"
    );
    let staging = calendar(&parse(&text, &[]).unwrap(), "staging");
    let [office] = staging.as_slice() else { panic!("{staging:?}") };
    assert_eq!(office.effect, Effect::Opens);
    assert_eq!(office.services, ["web".into()].into());
    assert_eq!(office.window.rule.zone().iana_name(), Some("America/New_York"));
    let monday: jiff::Timestamp = "2026-11-30T14:00:00Z".parse().unwrap();
    let evening = "2026-11-30T22:00:00Z".parse().unwrap();
    assert_eq!(office.window.around(monday), Some((monday, evening)));
    assert_eq!(office.window.contains(evening), None);
}

#[test]
fn what_is_wrong_is_told() {
    let freeze = |change: (&str, &str)| {
        let freeze = "[freezes.sale]\nat = \"0 8 * * MON\"\nlength = \"2h\"\n\
                      environments = [\"staging\"]\nservices = [\"api\"]\nreason = \"a sale\"\n";
        let text = format!("{SMALL}{}", freeze.replace(change.0, change.1));
        wrong(&text, &[])
    };
    for (change, message) in [
        (
            ("0 8 * * MON", "8 o'clock"),
            "12:6: `8 o'clock` is not a cron expression; write minute, hour, day of the month, \
             month and day of the week, such as `0 16 * * FRI`",
        ),
        (
            ("0 8 * * MON", "0 8 30 2 *"),
            "12:6: `0 8 30 2 *` never happens; write a day that comes, such as `0 16 * * FRI`",
        ),
        (("\"2h\"", "\"2s\""), "13:10: `freezes.sale.length` must be from 1m to 92d"),
        (
            ("[\"staging\"]", "[]"),
            "14:16: `freezes.sale.environments` names no environment; \
          write for example environments = [\"production\"]",
        ),
        (
            ("[\"staging\"]", "[\"stagng\"]"),
            "14:17: there is no environment `stagng`; did you \
          mean `staging`?",
        ),
        (("[\"api\"]", "[\"apy\"]"), "15:13: there is no service `apy`; did you mean `api`?"),
        (
            ("reason = \"a sale\"\n", ""),
            "11:10: `freezes.sale.reason` is missing; add it, for \
          example: reason = \"nothing changes over Christmas\"",
        ),
        (
            ("length", "lenght"),
            "11:10: `freezes.sale.length` is missing; add it, for example: length = \"10d\"\n\
             shipmate.toml:13:1: `lenght` is no key of `freezes.sale`; did you mean `length`?",
        ),
        (
            ("at = ", "zone = \"Berlin\"\nat = "),
            "12:8: there is no timezone `Berlin`; write an IANA name such as Europe/Berlin",
        ),
    ] {
        assert_eq!(freeze(change), format!("shipmate.toml:{message}"), "{change:?}");
    }
    let elsewhere = format!(
        "{TWO}[windows.w]\nat = \"@daily\"\nlength = \"1h\"\nenvironments = [\"live\"]\n\
         services = [\"web\"]\nreason = \"r\"\n"
    );
    assert!(wrong(&elsewhere, &[]).contains("`web` does not run in `live`"));
}
