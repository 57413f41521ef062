//! The inbox: recorded once, handled once, in the order in which it came.

use shipmate::domain::id::MessageId;
use shipmate::ports::{Said, Store, Unhandled};

use super::support::{self, Journal, at};

fn said(message: &str) -> Said {
    Said {
        message: message.into(),
        channel: "deploys".into(),
        person: "alice".into(),
        text: "promote image core:1.5.0 to staging — 'now'".to_owned(),
        at: Some(at(3)),
        pressed_on: Some("2000/7".into()),
    }
}

#[tokio::test]
async fn a_message_is_received_once() {
    let Journal { store, directory } = Journal::new().await;
    // The later one comes with an earlier time: a clock was set back.
    assert!(store.receive(&said("b"), at(2)).await.expect("recorded"));
    assert!(store.receive(&said("a"), at(1)).await.expect("recorded"));
    assert!(!store.receive(&said("b"), at(3)).await.expect("known"));

    drop(store);
    let store = support::open(&directory).await;
    assert!(!store.receive(&said("a"), at(3)).await.expect("known"));
    let waiting = |message, minute| Unhandled { received_at: at(minute), said: said(message) };
    let unhandled = store.unhandled().await.expect("a list");
    assert_eq!(unhandled, [waiting("b", 2), waiting("a", 1)]);

    store.handled(&"b".into(), at(4)).await.expect("marked");
    store.handled(&"b".into(), at(5)).await.expect("marked before");
    store.handled(&MessageId::new("never seen"), at(5)).await.expect("nothing to do");
    assert_eq!(store.unhandled().await.expect("a list"), [waiting("a", 1)]);
    assert!(!store.receive(&said("b"), at(6)).await.expect("known"));
}
