//! Schedules in the settings: what they mean, and what is refused.

use std::path::PathBuf;
use std::time::Duration;

use shipmate::domain::schedule::{GRACE, Planned, ReadyMade, Template};

use super::{SMALL, parse, wrong};

fn only(text: &str) -> Planned {
    let settings = parse(&format!("{SMALL}{text}"), &[]);
    let settings = settings.unwrap_or_else(|errors| panic!("{errors}"));
    let [planned] = settings.schedules.try_into().unwrap();
    planned
}

#[test]
fn the_least_and_the_most_that_can_be_said() {
    let least = only("[schedules.morning]\nat = \"0 9 * * MON-FRI\"\ntemplate = \"morning\"");
    assert_eq!(least.name.as_str(), "morning");
    assert_eq!(least.template, Template::ReadyMade(ReadyMade::Morning));
    assert_eq!((least.grace, least.channel, least.environments), (GRACE, None, None));
    assert_eq!(least.zone.iana_name(), Some("UTC"));
    let at = |text: &str| text.parse().unwrap();
    let next = least.timing.next_after(at("2026-11-27T10:00:00Z"));
    assert_eq!(next, Some(at("2026-11-30T09:00:00Z")));

    let most = only(
        "[schedules.week]\nat = \"DTSTART:20261127T160000 RRULE:FREQ=WEEKLY;BYDAY=FR\"\n\
         zone = \"Europe/Berlin\"\nchannel = \"ops\"\ngrace = \"2h\"\n\
         environments = [\"staging\"]\ntemplate = \"\"\"\n# The week\n{{ now.day }}\n\"\"\"",
    );
    assert_eq!(
        most.timing.next_after(at("2026-11-28T00:00:00Z")),
        Some(at("2026-12-04T15:00:00Z"))
    );
    assert_eq!(most.grace, Duration::from_secs(7200));
    assert_eq!(most.template, Template::Text("# The week\n{{ now.day }}\n".to_owned()));
    assert_eq!(most.environments.unwrap().len(), 1);
    let file = only("[schedules.x]\nat = \"0 9 * * *\"\ntemplate = \"own/week.j2\"");
    assert_eq!(file.template, Template::File(PathBuf::from("own/week.j2")));
}

#[test]
fn variables_win() {
    let text = format!("{SMALL}[schedules.x]\nat = \"0 9 * * *\"\ntemplate = \"votes\"");
    let variables = [("SHIPMATE__SCHEDULES__X__ZONE", "Asia/Tokyo")];
    let settings = parse(&text, &variables).unwrap();
    assert_eq!(settings.schedules[0].zone.iana_name(), Some("Asia/Tokyo"));
}

#[test]
fn what_is_wrong_is_told_where_it_stands() {
    let with = |lines: &str| wrong(&format!("{SMALL}[schedules.x]\n{lines}"), &[]);
    insta::assert_snapshot!(
        [
            with("template = \"morning\""),
            with("at = \"0 9 * * *\""),
            with("at = \"0 25 * * *\"\ntemplate = \"morning\""),
            with("at = \"whenever\"\ntemplate = \"morning\""),
            with("at = \"0 9 * * *\"\ntemplate = \"mornin\""),
            with("at = \"0 9 * * *\"\ntemplate = \"morning\"\nzone = \"Europe/Berln\""),
            with("at = \"0 9 * * *\"\ntemplate = \"morning\"\ngrace = \"1m\""),
            with("at = \"0 9 * * *\"\ntemplate = \"morning\"\nenvironments = [\"stagin\"]"),
            wrong(&format!("{SMALL}[schedules.3]\nat = \"0 9 * * *\"\ntemplate = \"votes\""), &[]),
        ]
        .join("\n")
    );
}
