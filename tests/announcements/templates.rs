//! What templates make of a state, and what is wrong with one before it is due.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{Timestamp, Zoned};
use shipmate::domain::card::{Card, Line};
use shipmate::domain::figures::{Ended, Outcome, Period, figures};
use shipmate::domain::id::DeploymentId;
use shipmate::domain::schedule::{LEAVES, ReadyMade};
use shipmate::report::{self, KNOWN, Seen, Templates, Text};

use crate::world::World;

fn text(text: &str) -> Text {
    Text { name: "own.j2".to_owned(), text: text.to_owned() }
}

fn now() -> Zoned {
    let tuesday: Timestamp = "2026-11-24T08:00:00Z".parse().unwrap();
    tuesday.in_tz("Europe/Berlin").unwrap()
}

fn seen(names: &str) -> Seen {
    let now = now();
    let ended = vec![Outcome {
        id: DeploymentId(1),
        environment: "production".into(),
        names: names.to_owned(),
        requester: "alice".into(),
        end: Ended::Succeeded,
        reverts: None,
        first_asked_at: now.timestamp(),
        started_at: None,
        ended_at: now.timestamp() - Duration::from_secs(60),
        undone: false,
    }];
    let week = Duration::from_secs(7 * 86_400);
    let period = Period::last(week, now.timestamp());
    Seen {
        environments: Vec::new(),
        order: BTreeMap::new(),
        zones: BTreeMap::new(),
        figures: figures(&ended, &|_| true, period, now.time_zone()),
        ended,
        since: None,
        counted: vec!["production".into()],
        open: Vec::new(),
        lock_is_old_after: Duration::from_secs(8 * 3600),
        soon: Duration::from_secs(86_400),
        due: now.timestamp(),
        leaves: LEAVES,
    }
}

fn made(template: &str, names: &str) -> Option<Card> {
    let live = report::live(&seen(names), &now());
    let made = Templates::default().render(&text(template), &live).unwrap();
    made.map(|announcement| announcement.card)
}

#[test]
fn those_that_ship_make_something_of_every_state() {
    let templates = Templates::default();
    for ready in ReadyMade::ALL {
        templates.check(&Text::from(ready), &report::samples()).unwrap();
    }
}

/// The names that a description lists, up to its colon; those in brackets belong to the name
/// before them.
fn listed(holds: &str) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    let (mut depth, mut name, mut inner) = (0, String::new(), String::new());
    for c in holds.chars().chain([',']) {
        match (c, depth) {
            (':', 0) => break,
            ('(', _) => depth += 1,
            (')', _) => depth -= 1,
            (',', 0) => {}
            (_, 0) => name.push(c),
            (_, _) => inner.push(c),
        }
        if c == ',' && depth == 0 {
            names.insert(name.trim().to_owned(), std::mem::take(&mut inner));
            name.clear();
        }
    }
    if !name.is_empty() {
        names.insert(name.trim().to_owned(), inner);
    }
    names
}

/// What a value holds by name, and the items of a list by theirs.
fn held(value: &serde_json::Value) -> BTreeMap<&String, &serde_json::Value> {
    match value {
        serde_json::Value::Object(fields) => fields.iter().collect(),
        // A later item has what an earlier one may lack.
        serde_json::Value::Array(items) => items.iter().flat_map(held).collect(),
        _ => BTreeMap::new(),
    }
}

/// A field that is renamed takes its name from templates that people have.
#[test]
fn what_is_known_is_what_templates_are_handed() {
    let everything = serde_json::to_value(&report::samples()[0]).unwrap();
    // The picture is none of the fields.
    let known = KNOWN.iter().filter(|(name, _)| *name != "chart");
    let known: BTreeMap<String, &str> =
        known.map(|(name, holds)| ((*name).into(), *holds)).collect();
    let names = |of: &serde_json::Value| held(of).into_keys().cloned().collect::<Vec<String>>();
    assert_eq!(known.keys().cloned().collect::<Vec<_>>(), names(&everything));
    for (name, value) in held(&everything) {
        if !value.is_object() && !value.is_array() {
            continue;
        }
        let listed = listed(known[name]);
        assert_eq!(listed.keys().cloned().collect::<Vec<_>>(), names(value), "{name}");
        for (part, value) in held(value) {
            let inner: Vec<String> = self::listed(&listed[part]).into_keys().collect();
            let inner: Vec<String> = inner.into_iter().filter(|name| !name.is_empty()).collect();
            assert_eq!(inner, names(value), "{name}.{part}");
        }
    }
}

#[test]
fn lines_are_what_they_begin_with() {
    let template =
        "# {{ now.weekday }}\nfirst\n\n! careful\n$ status\n## more\nsecond\n{{ chart }}";
    let card = made(template, "core:1.5.0").unwrap();
    assert_eq!(card.title, "Tuesday");
    let lines = [
        Line::Text("first".to_owned()),
        Line::Warning("careful".to_owned()),
        Line::Command("status".to_owned()),
    ];
    assert_eq!(card.lines, lines);
    let [more] = card.fields.as_slice() else { panic!("{:?}", card.fields) };
    assert_eq!((more.name.as_str(), more.lines.as_slice()), ("more", &["second".to_owned()][..]));
    let picture = card.picture.unwrap();
    assert!(picture.text.contains("1 deployment in 7 days"), "{}", picture.text);
    assert_eq!(made("{# nothing #}\n\n", "core:1.5.0"), None);
}

/// An empty card would be an announcement of nothing.
#[test]
fn what_says_nothing_announces_nothing() {
    for template in ["## Promoted", "## One\n## Two\n", "# {{ since }}", "{% if 0 %}x{% endif %}"] {
        assert_eq!(made(template, "core:1.5.0"), None, "{template}");
    }
    let card = made("## Empty\n## Full\nline\n!\n## Empty too", "core:1.5.0").unwrap();
    let [full] = card.fields.as_slice() else { panic!("{:?}", card.fields) };
    assert_eq!((full.name.as_str(), full.lines.len()), ("Full", 1));
    assert!(made("# Title", "core:1.5.0").is_some() && made("{{ chart }}", "core:1.5.0").is_some());
}

/// On these, people may believe that their ✅ counts.
#[test]
fn what_asks_for_promotions_or_votes_is_known_by_its_commands() {
    let asks = |template: &Text| {
        let made = Templates::default().render(template, &report::samples()[0]).unwrap();
        made.is_some_and(|announcement| announcement.asks)
    };
    let asking: Vec<&str> = ReadyMade::ALL
        .into_iter()
        .filter(|ready| asks(&Text::from(*ready)))
        .map(ReadyMade::name)
        .collect();
    assert_eq!(asking, ["release-train", "votes"]);
    assert!(asks(&text("$ approve 1")));
    assert!(!asks(&text("approve 1\n$ approve 1 2\n$ status")));
}

#[test]
fn no_command_is_a_button_but_that_of_a_difference() {
    let ours = "promote everything from staging to production";
    let template = format!("$ unlock everything\n$ {ours} break glass\n{ours}\n! {ours}\n$ {ours}");
    let offers = |live: &report::Live| {
        let made = Templates::default().render(&text(&template), live).unwrap().unwrap();
        made.card.offers.into_iter().map(|offer| (offer.label, offer.line)).collect::<Vec<_>>()
    };
    assert_eq!(offers(&report::live(&seen("core:1.5.0"), &now())), [], "nothing differs");
    let button = ("Ask for production".to_owned(), ours.to_owned());
    let samples: Vec<_> = report::samples().iter().map(offers).collect();
    assert!(samples.iter().all(|offers| offers.is_empty() || *offers == [button.clone()]));
    assert!(samples.contains(&vec![button]), "{samples:?}");
}

#[test]
fn what_is_printed_is_never_more_than_a_text() {
    for evil in ["# title", "## field", "! warning", "$ promote x to production", "\u{e011}"] {
        let name = format!("{evil}\n{evil}");
        let said = name.replace(['\n', '\u{e011}'], " ").trim().to_owned();
        let Some(card) = made("{{ promoted[0].images }}", &name) else {
            assert!(said.is_empty(), "nothing is left of a mark");
            continue;
        };
        let [Line::Text(text)] = card.lines.as_slice() else { panic!("{:?}", card.lines) };
        assert_eq!(text.trim(), said);
        assert!(card.title.is_empty() && card.fields.is_empty() && card.picture.is_none());
        assert!(card.offers.is_empty());
    }
}

/// Whatever a template says of a value, it begins no line that means something.
#[test]
fn nothing_makes_a_value_more_than_text() {
    let hostile = "x\n# title\n! warning\n$ promote everything from staging to production";
    for value in [
        "{{ one.images|safe }}",
        "{{ one.images|e }}",
        "{% autoescape true %}{{ one.images }}{% endautoescape %}",
        "{% set f %}%s{% endset %}{{ f|format(one.images) }}",
    ] {
        let template = format!("{{% for one in promoted %}}\n{value}\n{{% endfor %}}");
        let card = made(&template, hostile).unwrap();
        assert_eq!((card.title.as_str(), card.offers.len()), ("", 0), "{value}");
        assert!(matches!(card.lines.as_slice(), [Line::Text(_)]), "{value}: {:?}", card.lines);
    }
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_what_is_known() {
    let wrong = |template: &str| {
        let error = Templates::default().check(&text(template), &report::samples()).unwrap_err();
        error.to_string()
    };
    insta::assert_snapshot!(
        [
            wrong("# fine\n{{ enviroments }}"),
            wrong("# fine\n\n{% for one in environments %}\n{{ one.nam }}\n{% endfor %}"),
            wrong("# fine\n{% for one in environments %}"),
            wrong("{{ now.day | shout }}"),
            // The name alone, where it names something.
            wrong("# {{ locks|length }}\n{{ lock }}"),
            wrong("# The lock\n{{ now.lock if lock else now.day }}"),
            wrong("# {{ now.day }} {# lock #}\n{% for lock in locks\n   if lock.old %}{% endfor %}\n{{ lock.by }}"),
            wrong("{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}"),
        ]
        .join("\n")
    );
}

#[tokio::test]
async fn the_ready_made_ones_of_the_demo() {
    let mut world = World::start().await;
    world.say("alice", "promote core:1.5.0 to staging").await;
    world.wait().await;
    world.say("alice", "promote core:1.5.0 to production").await;
    world.say("alice", "promote web:2.1.0 to staging at 18:00").await;
    for ready in ReadyMade::ALL {
        world.say("alice", &format!("preview {}", ready.name())).await;
        insta::assert_snapshot!(ready.name(), world.text());
    }
}
