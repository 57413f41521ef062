//! Who gets in: by token, by environment, by the length of the line; and who learns what.

use std::time::Duration;

use shipmate::domain::reservation::Told;
use shipmate::web::Web;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::program::raw;
use super::{ANY, E2E, ELSEWHERE, LOAD, PULSE, Program, doors_of, open, place};
use crate::world::{World, within};

/// Everything that a handshake needs, but the token.
const HANDSHAKE: &str = "Host: here\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
                         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";

#[tokio::test]
async fn without_a_token_nobody_learns_anything() {
    let world = World::start().await;
    let web = open(&world).await;
    let mut answers = Vec::new();
    for environment in ["staging", "production", "no-such-place", "st%61ging?id=1"] {
        for authorization in [
            "",
            "Authorization: Bearer e2e-0123456789abcdeg\r\n",
            "Authorization: Bearer \r\n",
            "Authorization: Basic ZTJlOmUyZQ==\r\n",
            "Authorization: e2e-0123456789abcdef\r\n",
            // Of two, nobody could say which one is meant.
            "Authorization: Bearer e2e-0123456789abcdef\r\n\
             Authorization: Bearer e2e-0123456789abcdef\r\n",
        ] {
            let head = format!(
                "GET /v1/reservations/{environment} HTTP/1.1\r\n{HANDSHAKE}{authorization}\r\n"
            );
            answers.push(without_date(&raw(web.address(), &head).await));
        }
    }
    assert!(answers[0].starts_with("HTTP/1.1 401 "), "{}", answers[0]);
    assert!(answers[0].to_ascii_lowercase().contains("www-authenticate: bearer"), "{}", answers[0]);
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

fn without_date(answer: &str) -> String {
    let lines = answer.lines().filter(|line| !line.to_ascii_lowercase().starts_with("date:"));
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_token_is_good_for_its_environments_only() {
    let world = World::start().await;
    let web = open(&world).await;
    let status = async |token, wanted| Program::at(web.address(), token, wanted).await.err();
    assert_eq!(status(LOAD, "production").await, Some(403));
    assert_eq!(status(ELSEWHERE, "staging").await, Some(403));
    assert_eq!(status(LOAD, "no-such-place").await, Some(404));
    assert_eq!(status(LOAD, "staging?id=00").await, Some(410));
    assert_eq!(status(LOAD, "staging").await, None);
    let head = "GET /v1/reservations/staging HTTP/1.1\r\nHost: here\r\n";
    let plain = format!("{head}Authorization: Bearer {E2E}\r\n\r\n");
    let answer = raw(web.address(), &plain).await;
    assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
    let answer = raw(web.address(), &plain.replace("GET", "POST")).await;
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
}

/// What is somebody else's cannot be taken up, and what is over cannot, either.
#[tokio::test]
async fn an_id_is_worth_nothing_without_its_token() {
    let world = World::start().await;
    let web = open(&world).await;
    let mut e2e = Program::ask(&web, E2E, "nightly").await;
    let id = e2e.until_held().await;
    assert_eq!(Program::come_back(&web, LOAD, &id).await.err(), Some(410));
    let production = format!("production?id={id}");
    assert_eq!(Program::at(web.address(), E2E, &production).await.err(), Some(410));
    e2e.release().await;
    assert_eq!(Program::come_back(&web, E2E, &id).await.err(), Some(410));
}

#[tokio::test]
async fn a_line_has_an_end() {
    let world = World::start().await;
    let web = open(&world).await;
    let mut standing = Vec::new();
    let refused = loop {
        match Program::at(web.address(), E2E, "staging").await {
            Ok(program) => standing.push(program),
            Err(status) => break status,
        }
        assert!(standing.len() < 100, "there is no end to it");
    };
    assert_eq!(refused, 429);
    assert_eq!(standing.len(), 20);
    let last = standing.last_mut().unwrap();
    assert_eq!(place(&last.told().await), 19, "one has it, and eighteen stand before");
    // Other environments have lines of their own, and one that goes makes room.
    let mut production = Program::at(web.address(), ELSEWHERE, "production").await.unwrap();
    production.until_held().await;
    standing.remove(0).release().await;
    assert!(Program::at(web.address(), E2E, "staging").await.is_ok());
}

/// Beyond so many connections nobody is let in, whatever they ask for, until one of them ends.
#[tokio::test]
async fn a_server_has_room_for_so_many() {
    let world = World::start().await;
    let web = world.serve(ANY, doors_of(world.engine(), &world, PULSE, 2)).await;
    let mut first = Program::ask(&web, E2E, "first").await;
    first.until_held().await;
    let mut second = Program::ask(&web, LOAD, "second").await;
    assert_eq!(place(&second.told().await), 1);
    let token = format!("Authorization: Bearer {E2E}\r\n");
    let head = format!("GET /v1/reservations/staging HTTP/1.1\r\n{HANDSHAKE}{token}\r\n");
    let answer = raw(web.address(), &head).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.ends_with("too many are connected\n"), "{answer}");
    assert_eq!(Program::at(web.address(), ELSEWHERE, "production").await.err(), Some(503));
    // Without a token nobody learns even that.
    assert_eq!(Program::at(web.address(), "nobody", "staging").await.err(), Some(401));
    first.release().await;
    second.until_held().await;
    let mut third = room(&web, ELSEWHERE, "production").await;
    third.until_held().await;
    assert_eq!(Program::at(web.address(), E2E, "staging").await.err(), Some(503));
    third.vanish();
    let mut fourth = room(&web, E2E, "staging").await;
    assert_eq!(place(&fourth.told().await), 1, "who was not let in stands in no line");
}

/// Asks until there is room: the server may take a moment to see that somebody has gone.
async fn room(web: &Web, token: &str, wanted: &str) -> Program {
    let asked = async {
        loop {
            match Program::at(web.address(), token, wanted).await {
                Ok(program) => break program,
                Err(status) => assert_eq!(status, 503),
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within("there is room again", asked).await
}

/// Nothing is ever asked on the socket: who talks there is no program of ours. That gives
/// nothing back, and takes nothing away from others.
#[tokio::test]
async fn who_talks_is_shown_out() {
    let world = World::start().await;
    let web = open(&world).await;
    for said in ["{\"type\":\"held\"}".to_owned(), "x".repeat(1_000_000)] {
        let mut talking = Program::ask(&web, LOAD, "test").await;
        let id = talking.until_held().await;
        talking.say(&said).await;
        let code = talking.closed().await;
        assert!(matches!(code, None | Some(CloseCode::Unsupported)), "{code:?}");
        let mut back = Program::come_back(&web, LOAD, &id).await.unwrap();
        assert!(matches!(back.told().await, Told::Held { .. }));
        back.release().await;
    }
}
