//! Reservations in the database: each statement decides, whoever else writes beside it.

use std::time::Duration;

use shipmate::domain::decision::Decision;
use shipmate::domain::id::ReservationId;
use shipmate::domain::plan::Kind;
use shipmate::domain::reservation::Over;
use shipmate::ports::{Asked, ReservationStore, Reserving, Store, StoreError, Ticket};
use shipmate::store::SqliteStore;

use super::support::{Journal, at, open, plan, request, started};

fn asked(by: &str) -> Asked {
    let grace = Duration::from_secs(60);
    Asked { environment: "staging".into(), by: by.into(), reason: Some("why".into()), grace }
}

async fn reserve(store: &SqliteStore, id: &str, minute: i64) -> bool {
    let (at, lapses_at) = (at(minute), at(minute + 10));
    let id = ReservationId::new(id);
    store.reserve(&Reserving { id, asked: asked("e2e"), at, lapses_at, most: 2 }).await.unwrap()
}

async fn ids(store: &SqliteStore) -> Vec<String> {
    let all = store.reservations().await.unwrap();
    all.into_iter().map(|one| one.id.to_string()).collect()
}

fn ticket(id: &str, fence: u64) -> Ticket {
    let grace = Duration::from_secs(60);
    Ticket { id: ReservationId::new(id), environment: "staging".into(), fence, grace }
}

#[tokio::test]
async fn one_has_it_and_the_line_is_in_order() {
    let journal = Journal::new().await;
    let store = &journal.store;
    let (a, b) = (ReservationId::new("a"), ReservationId::new("b"));
    assert!(reserve(store, "a", 0).await);
    assert!(reserve(store, "b", 1).await);
    assert!(!reserve(store, "c", 2).await, "the line is full");
    assert_eq!(ids(store).await, ["a", "b"]);
    assert!(store.hold_reservation(&a, at(2)).await.unwrap());
    assert!(!store.hold_reservation(&a, at(3)).await.unwrap(), "it has it already");
    assert!(!store.hold_reservation(&b, at(3)).await.unwrap(), "somebody else has it");
    let held = store.reservation(&a).await.unwrap().unwrap();
    assert_eq!((held.held_since, held.by.as_str(), held.fence), (Some(at(2)), "e2e", 1));
    assert!(held.lives(at(9)) && !held.lives(at(10)));
    assert!(store.release_reservation(&ticket("a", 1), at(4)).await.unwrap());
    assert!(store.hold_reservation(&b, at(5)).await.unwrap());
    assert_eq!(store.reservation(&a).await.unwrap().unwrap().over, Some(Over::Released));
    assert!(reserve(store, "c", 6).await, "there is room again");
    // What was over for a day is forgotten.
    assert!(reserve(store, "d", 25 * 60).await);
    assert_eq!(store.reservation(&a).await.unwrap(), None);
}

#[tokio::test]
async fn what_lapsed_is_over_for_everybody() {
    let journal = Journal::new().await;
    let store = &journal.store;
    let (a, b) = (ReservationId::new("a"), ReservationId::new("b"));
    assert!(reserve(store, "a", 0).await);
    assert!(store.hold_reservation(&a, at(1)).await.unwrap());
    assert!(reserve(store, "b", 5).await);
    assert!(store.extend_reservation(&ticket("a", 1), (at(9), at(12))).await.unwrap());
    assert!(!store.extend_reservation(&ticket("a", 2), (at(9), at(99))).await.unwrap());
    let late = (at(12), at(99));
    assert!(!store.extend_reservation(&ticket("a", 1), late).await.unwrap(), "too late");
    assert_eq!(store.take_up_reservation(&a, &asked("e2e"), late).await.unwrap(), None);
    let lapsed = store.lapse_reservations(at(12)).await.unwrap();
    assert_eq!(lapsed, ["staging".into()]);
    assert!(store.lapse_reservations(at(12)).await.unwrap().is_empty());
    assert_eq!(store.reservation(&a).await.unwrap().unwrap().over, Some(Over::Lapsed));
    assert!(store.hold_reservation(&b, at(12)).await.unwrap());
    assert!(!store.hold_reservation(&b, at(99)).await.unwrap());
}

/// Two processes over one file: whoever takes it up last speaks for it.
#[tokio::test]
async fn who_takes_it_up_fences_the_other_off() {
    let journal = Journal::new().await;
    let (one, other) = (&journal.store, &open(&journal.directory).await);
    let a = ReservationId::new("a");
    assert!(reserve(one, "a", 0).await);
    let until = (at(1), at(11));
    assert_eq!(other.take_up_reservation(&a, &asked("load"), until).await.unwrap(), None);
    assert_eq!(other.take_up_reservation(&a, &asked("e2e"), until).await.unwrap(), Some(2));
    assert!(!one.extend_reservation(&ticket("a", 1), (at(2), at(99))).await.unwrap());
    assert!(!one.release_reservation(&ticket("a", 1), at(2)).await.unwrap());
    assert!(other.extend_reservation(&ticket("a", 2), (at(2), at(12))).await.unwrap());
    assert_eq!(one.reservation(&a).await.unwrap().unwrap().lapses_at, at(12));
}

/// Whoever takes the turn looks in the same transaction: it cannot be given away twice.
#[tokio::test]
async fn a_held_environment_gives_no_turn_but_to_a_rollback() {
    let journal = Journal::new().await;
    let store = &journal.store;
    let a = ReservationId::new("a");
    let promotion =
        journal.begin(request(plan("staging", Kind::Promotion, &[("core", "1.1.0")])), at(0)).await;
    assert!(reserve(store, "a", 1).await);
    assert!(store.hold_reservation(&a, at(2)).await.unwrap());
    let refused = journal.try_append(&promotion, started(), at(3)).await;
    assert!(matches!(refused, Err(StoreError::TurnTaken)), "{refused:?}");
    let of = promotion.id;
    let back = plan("staging", Kind::Rollback { of }, &[("core", "1.0.0")]);
    let back = journal.begin(request(back), at(3)).await;
    journal.append(&back, started(), at(4)).await;
    // While it runs nobody gets it.
    assert!(store.release_reservation(&ticket("a", 1), at(5)).await.unwrap());
    assert!(reserve(store, "b", 5).await);
    assert!(!store.hold_reservation(&ReservationId::new("b"), at(6)).await.unwrap());
}

#[tokio::test]
async fn a_person_ends_it_once() {
    let journal = Journal::new().await;
    let store = &journal.store;
    assert!(reserve(store, "a", 0).await);
    let decision = |because: &str| Decision::ReservationEnded {
        environment: "staging".into(),
        reservation: ReservationId::new("a"),
        token: "e2e".into(),
        by: "bob".into(),
        because: Some(because.to_owned()),
    };
    assert!(store.decide(decision("it hangs"), at(1)).await.unwrap());
    assert!(!store.decide(decision("again"), at(2)).await.unwrap());
    let over = store.reservation(&ReservationId::new("a")).await.unwrap().unwrap().over;
    let because = Some("it hangs".to_owned());
    assert_eq!(over, Some(Over::Ended { by: "bob".into(), because }));
    assert!(!store.release_reservation(&ticket("a", 1), at(3)).await.unwrap());
    let decided = store.decisions(10).await.unwrap();
    assert_eq!(decided.len(), 1);
    assert_eq!(decided[0].at, at(1));
}
