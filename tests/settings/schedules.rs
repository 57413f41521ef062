//! Schedules in the settings: what they mean, and what is refused.

use std::path::PathBuf;
use std::time::Duration;

use shipmate::domain::schedule::{GRACE, LEAVES, MOST_GRACE, Planned, ReadyMade, Template};

use super::{SHIPPED, SMALL, parse, wrong};

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

/// They are those of the environments that it is about: usual ones, and what is written.
#[test]
fn what_is_ahead_of_freezes_follows_the_calendar() {
    let at = |text: &str| text.parse().unwrap();
    let text = "[schedules.ahead]\nat = \"1h before freezes\"\ntemplate = \"freeze\"";
    let audit = "[freezes.audit]\nat = \"0 8 1 * *\"\nlength = \"2h\"\nreason = \"the audit\"\n\
                 environments = [\"staging\"]";
    let one = only(&format!("{audit}\n{text}"));
    let next = one.timing.next_after(at("2026-11-24T10:00:00Z"));
    assert_eq!(next, Some(at("2026-12-01T07:00:00Z")));
    assert_eq!(one.leaves, LEAVES);
    // Another calendar is another timing: what was dealt with of one says nothing of the other.
    let other = only(&format!("{}\n{text}", audit.replace("0 8", "0 9")));
    assert_ne!(one.timing.text(), other.timing.text());
    let daily = "[schedules.x]\nat = \"0 9 * * *\"\ntemplate = \"votes\"";
    let there = only(&format!("{daily}\nzone = \"Europe/Berlin\""));
    assert_ne!(only(daily).timing.text(), there.timing.text());
    let train =
        only("[schedules.t]\nat = \"0 9 * * *\"\ntemplate = \"release-train\"\nleaves = \"90m\"");
    assert_eq!(train.leaves, Duration::from_secs(5400));
}

/// What nobody here knows may be another process's for as long as a grace can be.
#[test]
fn the_longest_grace_is_the_one_that_is_waited_for() {
    let longest = only("[schedules.x]\nat = \"0 9 * * *\"\ntemplate = \"votes\"\ngrace = \"24h\"");
    assert_eq!(longest.grace, MOST_GRACE);
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
            with("at = \"1h before freezes\"\ntemplate = \"freeze\""),
            with("at = \"8d before freezes\"\ntemplate = \"freeze\""),
            with("at = \"soon before freezes\"\ntemplate = \"freeze\""),
            with("at = \"0 9 * * *\"\ntemplate = \"release-train\"\nleaves = \"1m\""),
            with("at = \"0 9 * * *\"\ntemplate = \"weekly\"\nleaves = \"2h\""),
            with("at = \"0 9 * * *\"\ntemplate = \"  \""),
            with("at = \"0 9 * * *\"\ntemplate = \"locks\"\nenvironments = []"),
            with(
                "at = \"0 9 * * *\"\ntemplate = \"locks\"\n\
                 environments = [\"staging\", \"staging\"]",
            ),
            with("at = \"0 0 30 2 *\"\ntemplate = \"votes\""),
            with(
                "at = \"DTSTART:20261127T160000 RRULE:FREQ=DAILY;UNTIL=20261101T000000\"\n\
                 template = \"votes\"",
            ),
            with("at = \"1h before freeze\"\ntemplate = \"freeze\""),
            with("at = \"2 hours before the freezes\"\ntemplate = \"freeze\""),
            wrong(&format!("{SMALL}[schedules.3]\nat = \"0 9 * * *\"\ntemplate = \"votes\""), &[]),
        ]
        .join("\n")
    );
}

/// A file that is not there is an error at the start; its name in the channel would be none.
#[test]
fn one_line_that_ends_as_a_file_is_one() {
    let template = |text: &str| {
        only(&format!("[schedules.x]\nat = \"0 9 * * *\"\ntemplate = \"{text}\"")).template
    };
    for text in ["our own/week.j2", " our own/week.j2 ", "our own/week.j2\\n"] {
        assert_eq!(template(text), Template::File(PathBuf::from("our own/week.j2")), "{text:?}");
    }
    assert_eq!(template(" morning "), Template::ReadyMade(ReadyMade::Morning));
    let text = "# See\nweek.j2".to_owned();
    assert_eq!(template("# See\\nweek.j2"), Template::Text(text));
}

/// One that cannot be read hides nothing that is wrong with the others.
#[test]
fn all_templates_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shipmate.toml");
    let schedule = |name: &str, template: &str| {
        format!("[schedules.{name}]\nat = \"0 9 * * *\"\ntemplate = \"{template}\"\n")
    };
    let checked = |schedules: &[String]| {
        std::fs::write(&file, format!("{SHIPPED}\n{}", schedules.concat())).unwrap();
        let checked =
            shipmate::app::check(&file, Vec::new(), "2026-11-24T09:00:00Z".parse().unwrap());
        (checked.sound, checked.report)
    };
    let missing = format!("{}/missing.j2", folder.path().display());
    let (sound, report) = checked(&[
        schedule("a", &missing),
        schedule("b", "{{ lock }}"),
        schedule("c", &missing),
        schedule("d", "{{ fun"),
    ]);
    assert!(!sound);
    for part in [
        &format!("{missing}, the template of [schedules.a], cannot be read: No such file"),
        "the template of [schedules.b], line 1: there is no `lock`",
        &format!("{missing}, the template of [schedules.c], cannot be read: No such file"),
        "the template of [schedules.d], line 1: syntax error",
    ] {
        assert!(report.contains(part), "{part}: {report}");
    }
    let over = schedule("over", "votes")
        .replace("0 9 * * *", "DTSTART:20260101T090000 RRULE:FREQ=DAILY;COUNT=5");
    let (sound, report) = checked(&[over]);
    assert!(sound, "{report}");
    assert!(report.contains("✓ schedules: 4, without a further time: over\n"), "{report}");
}

/// What may not be told in its channel would be left out there without a word.
#[test]
fn what_is_told_may_be_spoken_of_in_the_channel() {
    let settings = |schedule: &str| {
        format!(
            "{SMALL}[environments.production]\nregion = \"eu-west-1\"\ncluster = \"production\"\n\
             tag = \"latest\"\n\n[services.web]\nrepository = \"web\"\ncontainer = \"app\"\n\
             environments = [\"production\"]\n\n[chat.discord]\nguild = \"1\"\n\
             token-file = \"token\"\n[chat.discord.channels]\n1000 = [\"staging\"]\n\
             2000 = [\"staging\", \"production\"]\n\n[schedules.x]\ntemplate = \"morning\"\n\
             {schedule}"
        )
    };
    let daily = "at = \"0 9 * * *\"";
    let production = "environments = [\"production\"]";
    insta::assert_snapshot!(
        [
            wrong(&settings(&format!("{daily}\nchannel = \"2000\"\n{production}")), &[]),
            wrong(&settings(&format!("{daily}\nchannel = \"1000\"\n{production}")), &[]),
            // Where it names no channel, that is the first.
            wrong(&settings(&format!("{daily}\n{production}")), &[]),
            // There, nobody hears of the freezes of production.
            wrong(&settings("at = \"1h before freezes\""), &[]),
            wrong(&settings("at = \"1h before freezes\"\nchannel = \"2000\""), &[]),
        ]
        .join("\n")
    );
}
