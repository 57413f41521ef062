//! Schedules and their times: who writes one down has it, and nobody else.

use std::collections::BTreeMap;

use jiff::Timestamp;
use shipmate::domain::event::End;
use shipmate::domain::figures::Ended;
use shipmate::domain::schedule::{Fate, Firing, NewSchedule, Posted, ScheduleKey, Stored};
use shipmate::domain::timetable::Due;
use shipmate::ports::{Pause, Schedules};
use shipmate::store::SqliteStore;

use super::support::{Journal, at, open, promotion, rollback};

fn new(text: &str, message: &str, minute: i64) -> NewSchedule {
    NewSchedule {
        text: text.to_owned(),
        when: Stored::Rule("0 9 * * *".to_owned()),
        zone: "Europe/Berlin".to_owned(),
        channel: "ops".into(),
        by: "alice".into(),
        at: at(minute),
        asked_in: message.into(),
    }
}

const RULE: &str = "0 9 * * * in Europe/Berlin";

async fn make(store: &SqliteStore, (text, message): (&str, &str), minute: i64) -> i64 {
    store.make_schedule(&new(text, message, minute), RULE).await.unwrap().number
}

fn due(schedule: &ScheduleKey, minute: i64, in_time: bool) -> Due {
    Due { schedule: schedule.clone(), at: at(minute), in_time, skipped: 2 }
}

async fn fates(store: &SqliteStore, schedule: &ScheduleKey) -> Vec<(Timestamp, Fate)> {
    let firings = store.firings(schedule, 10).await.unwrap();
    firings.into_iter().map(|firing| (firing.due, firing.fate)).collect()
}

#[tokio::test]
async fn one_message_makes_one_schedule() {
    let journal = Journal::new().await;
    let store = &journal.store;
    let before = store.schedule_changes().await.unwrap();
    let first = make(store, ("lunch", "m1"), 0).await;
    assert_eq!(make(store, ("lunch", "m1"), 1).await, first);
    let second = make(store, ("tea", "m2"), 2).await;
    assert_ne!(first, second);
    assert_eq!(store.schedule_changes().await.unwrap(), before + 2);
    let stands = store.schedule_asked_in(&"m1".into()).await.unwrap().unwrap();
    assert_eq!((stands.number, stands.made.at), (first, at(0)));
    assert_eq!(store.schedule_asked_in(&"m9".into()).await.unwrap(), None);
    let texts: Vec<String> =
        store.schedules().await.unwrap().into_iter().map(|one| one.text).collect();
    assert_eq!(texts, ["lunch", "tea"]);
    assert!(store.end_schedule(first, at(3)).await.unwrap());
    assert!(!store.end_schedule(first, at(4)).await.unwrap());
    assert_eq!(store.schedules().await.unwrap().len(), 1);
    // A number is never given again.
    let third = make(store, ("cake", "m3"), 5).await;
    assert!(third > second);
}

fn posted(message: &str, asks: bool) -> Posted {
    Posted { message: message.into(), asks }
}

#[tokio::test]
async fn each_time_is_had_by_one() {
    let directory = tempfile::tempdir().unwrap();
    let (one, other) = (open(&directory).await, open(&directory).await);
    let morning = ScheduleKey::Named("morning".into());
    let rules = [(morning.clone(), "0 9 * * *".to_owned())];
    one.settled(&rules, at(0)).await.unwrap();
    assert!(one.claim(&due(&morning, 10, true), at(10)).await.unwrap());
    assert!(!other.claim(&due(&morning, 10, true), at(10)).await.unwrap());
    assert_eq!(other.settled(&rules, at(60)).await.unwrap()[&morning], at(10));
    let [firing] = other.claimed().await.unwrap().try_into().unwrap();
    assert_eq!((firing.fate.clone(), firing.skipped), (Fate::Claimed { at: at(10) }, 2));
    // Who has it is given time, and then one other may have it.
    assert!(!other.take_over(&firing, at(9), at(11)).await.unwrap());
    assert!(other.take_over(&firing, at(10), at(11)).await.unwrap());
    assert!(!one.take_over(&firing, at(10), at(11)).await.unwrap());
    // Whose claim was taken over has none to renew.
    assert!(!one.renew(&firing, at(12)).await.unwrap());
    let taken = Firing { fate: Fate::Claimed { at: at(11) }, ..firing.clone() };
    assert!(other.renew(&taken, at(12)).await.unwrap());
    assert!(!one.take_over(&firing, at(11), at(12)).await.unwrap());
    assert!(other.announced(&firing, Some(&posted("m1", false))).await.unwrap());
    assert!(!one.missed(&firing).await.unwrap());
    assert_eq!(fates(&one, &morning).await, [(at(10), Fate::Posted { message: "m1".into() })]);
    assert_eq!(one.claimed().await.unwrap(), []);
    assert!(one.claim(&due(&morning, 20, false), at(90)).await.unwrap());
    assert_eq!(fates(&one, &morning).await[0], (at(20), Fate::Missed));
    one.forget_firings(at(15)).await.unwrap();
    assert_eq!(fates(&one, &morning).await.len(), 1);
}

#[tokio::test]
async fn nobody_has_what_is_paused_or_over() {
    let journal = Journal::new().await;
    let store = &journal.store;
    let number = make(store, ("lunch", "m1"), 0).await;
    let key = ScheduleKey::Numbered(number);
    let rules = [(key.clone(), RULE.to_owned())];
    store.settled(&rules, at(0)).await.unwrap();
    let pause = Pause { by: "bob".into(), since: at(1) };
    assert!(store.pause_schedule(&key, &pause).await.unwrap());
    assert!(!store.pause_schedule(&key, &pause).await.unwrap());
    assert_eq!(store.pauses().await.unwrap(), BTreeMap::from([(key.clone(), pause)]));
    assert!(!store.claim(&due(&key, 10, true), at(10)).await.unwrap());
    assert!(store.unpause_schedule(&key, at(30)).await.unwrap());
    assert!(!store.unpause_schedule(&key, at(30)).await.unwrap());
    // What went by meanwhile is not made up for.
    assert_eq!(store.settled(&rules, at(40)).await.unwrap()[&key], at(30));
    assert!(store.claim(&due(&key, 40, true), at(40)).await.unwrap());
    store.end_schedule(number, at(50)).await.unwrap();
    assert!(!store.claim(&due(&key, 60, true), at(60)).await.unwrap());
}

/// A vote on such a message is no vote.
#[tokio::test]
async fn an_announcement_that_asks_is_found_by_its_message() {
    let journal = Journal::new().await;
    let store = &journal.store;
    let morning = ScheduleKey::Named("morning".into());
    for (due_at, message, asks) in [(10, "m1", true), (20, "m2", false)] {
        assert!(store.claim(&due(&morning, due_at, true), at(due_at)).await.unwrap());
        let [firing] = store.claimed().await.unwrap().try_into().unwrap();
        assert!(store.announced(&firing, Some(&posted(message, asks))).await.unwrap());
    }
    let found = store.firing_that_asks(&"m1".into()).await.unwrap().unwrap();
    assert_eq!((found.schedule, found.due), (morning, at(10)));
    for message in ["m2", "m3"] {
        assert_eq!(store.firing_that_asks(&message.into()).await.unwrap(), None);
    }
}

/// Whoever reads it first, and whenever: its times count from when it was made.
#[tokio::test]
async fn what_is_made_is_settled_up_to_then() {
    let journal = Journal::new().await;
    let store = &journal.store;
    let key = ScheduleKey::Numbered(make(store, ("lunch", "m1"), 5).await);
    let rules = [(key.clone(), RULE.to_owned())];
    assert_eq!(store.settled(&rules, at(90)).await.unwrap()[&key], at(5));
    // The same message once more changes nothing of it.
    make(store, ("lunch", "m1"), 60).await;
    assert_eq!(store.settled(&rules, at(90)).await.unwrap()[&key], at(5));
}

/// What is paused or ended is not taken up any more, and has an end itself.
#[tokio::test]
async fn what_was_claimed_ends_with_its_schedule() {
    let journal = Journal::new().await;
    let store = &journal.store;
    let number = make(store, ("lunch", "m1"), 0).await;
    let lunch = ScheduleKey::Numbered(number);
    let morning = ScheduleKey::Named("morning".into());
    for key in [&lunch, &morning] {
        assert!(store.claim(&due(key, 10, true), at(10)).await.unwrap());
    }
    store.end_schedule(number, at(11)).await.unwrap();
    let pause = Pause { by: "bob".into(), since: at(11) };
    store.pause_schedule(&morning, &pause).await.unwrap();
    assert_eq!(store.claimed().await.unwrap(), []);
    for key in [&lunch, &morning] {
        let [firing] = store.firings(key, 10).await.unwrap().try_into().unwrap();
        assert_eq!(firing.fate, Fate::CalledOff);
        assert!(!store.take_over(&firing, at(20), at(20)).await.unwrap());
        assert!(!store.renew(&firing, at(20)).await.unwrap());
        assert!(!store.missed(&firing).await.unwrap());
        assert!(!store.announced(&firing, None).await.unwrap());
        // It was on its way when that was decided, and stands in the chat.
        assert!(store.announced(&firing, Some(&posted("m1", false))).await.unwrap());
        assert_eq!(fates(store, key).await, [(at(10), Fate::Posted { message: "m1".into() })]);
    }
    let ended = store.schedule(number).await.unwrap().unwrap();
    assert_eq!((ended.text.as_str(), ended.ended_at), ("lunch", Some(at(11))));
    assert_eq!(store.schedule(99).await.unwrap(), None);
}

#[tokio::test]
async fn another_rule_begins_anew() {
    let journal = Journal::new().await;
    let morning = ScheduleKey::Named("morning".into());
    let settled = async |rule: &str, minute| {
        let rules = [(morning.clone(), rule.to_owned())];
        journal.store.settled(&rules, at(minute)).await.unwrap()[&morning]
    };
    let just_before = |minute| at(minute) - std::time::Duration::from_millis(1);
    assert_eq!(settled("0 9 * * *", 0).await, just_before(0));
    assert_eq!(settled("0 9 * * *", 100).await, just_before(0));
    assert_eq!(settled("0 8 * * *", 200).await, just_before(200));
}

#[tokio::test]
async fn what_ended_carries_what_figures_need() {
    let journal = Journal::new().await;
    let images = [("core", "1.5.0")];
    journal.run(promotion("staging", &images), End::Succeeded, 0).await;
    let live = journal.run(promotion("production", &images), End::Succeeded, 100).await;
    let back = journal.run(rollback("production", live.id), End::Succeeded, 200).await;
    let ended = journal.store.ended_since(at(100)).await.unwrap();
    let [first, second] = ended.as_slice() else { panic!("{ended:?}") };
    assert_eq!((first.id, first.end, first.undone), (live.id, Ended::Succeeded, true));
    assert_eq!((first.started_at, first.ended_at), (Some(at(101)), at(102)));
    // It was asked for on staging before.
    assert_eq!(first.first_asked_at, at(0));
    assert_eq!((second.id, second.reverts), (back.id, Some(live.id)));
}

#[tokio::test]
async fn firings_are_kept_whole() {
    let journal = Journal::new().await;
    let morning = ScheduleKey::Named("morning".into());
    let due = due(&morning, 10, true);
    assert!(journal.store.claim(&due, at(10)).await.unwrap());
    let fate = Fate::Claimed { at: at(10) };
    let firing = Firing { schedule: morning.clone(), due: at(10), fate, skipped: 2 };
    assert_eq!(journal.store.claimed().await.unwrap(), std::slice::from_ref(&firing));
    assert!(journal.store.announced(&firing, None).await.unwrap());
    assert_eq!(fates(&journal.store, &morning).await, [(at(10), Fate::Silent)]);
}
