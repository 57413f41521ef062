//! The token is told to Discord and to nobody else: not in any output, however much is logged
//! and whatever goes wrong, nor in the journal, the metrics, or what is printed while debugging.

use std::net::TcpListener;
use std::time::Duration;

use shipmate::chat::discord::check::Asking as _;
use shipmate::chat::discord::{Account, Holders, ListenError, Online};
use shipmate::domain::channel::Channels;
use shipmate::settings::Settings;

use super::bot::{ALICE, OPS, settings, shown};
use super::fake::{FakeDiscord, Matcher, Span, World as Guild};
use super::process::Surroundings;
use crate::world::LONG;
use crate::world::guild::{Way, wire};

/// The parts of a token that would give it away.
const PARTS: [&str; 2] = ["MTAw.fake.token", "fake.token"];

fn assert_untold(what: &str, text: &str) {
    for part in PARTS {
        let line = text.lines().find(|line| line.contains(part));
        assert!(line.is_none(), "{what} tells the token: {}", line.unwrap_or_default());
    }
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn until(fake: &FakeDiscord, what: &str, holds: impl Fn(&FakeDiscord) -> bool) {
    let said = || fake.messages_of_bot(OPS).iter().map(shown).collect::<String>();
    assert!(fake.wait_until(holds, LONG).await, "never: {what}\n{}", said());
}

#[tokio::test]
async fn a_token_stands_in_no_output() {
    let port = free_port();
    let around = Surroundings::new(Guild::shipmate().unlimited()).await;
    let around = around
        .setting("listen = \"127.0.0.1:0\"", &format!("listen = \"127.0.0.1:{port}\""))
        .setting("tag     = \"staging-latest\"", "tag = \"staging-latest\"\nsettle = \"1s\"");
    let fake = &around.fake;
    let started = around.start(&["run"], "trace");
    until(fake, "it is ready", |fake| !fake.commands().is_empty()).await;

    // All that can go wrong with requests, and sockets that break, around a promotion.
    fake.fail(Matcher::new("GET", "/members/"), 500, Span::Times(1));
    fake.fail(Matcher::new("PUT", "/reactions/"), 403, Span::Times(1));
    fake.process_then_reset(Matcher::new("POST", "/messages"), 1);
    let mention = format!("<@{}>", fake.bot());
    fake.say(ALICE, OPS, &format!("{mention} promote core:1.5.0 to staging"));
    until(fake, "it runs", |fake| !fake.messages_of_bot(OPS).is_empty()).await;
    fake.drop_sockets();
    until(fake, "the end is told", |fake| {
        fake.messages_of_bot(OPS).iter().any(|told| told.reference.is_some())
    })
    .await;
    let metrics = reqwest::get(format!("http://127.0.0.1:{port}/metrics")).await.unwrap();
    assert_untold("the metrics", &metrics.text().await.unwrap());

    until(fake, "it is there again", |fake| fake.ready_connections() > 0).await;
    fake.fail(Matcher::any(), 401, Span::Always);
    fake.say(ALICE, OPS, &format!("{mention} status"));
    until(fake, "it is refused", |fake| fake.invalid_requests() > 1).await;
    fake.close_sockets(4004);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let output = started.stop();
    assert!(output.contains("TRACE") && output.contains("INFO"), "{output}");
    assert_untold("the output", &output);

    for entry in std::fs::read_dir(around.directory.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap() != "token" {
            let bytes = std::fs::read(&path).unwrap();
            assert_untold(&path.display().to_string(), &String::from_utf8_lossy(&bytes));
        }
    }
    assert!(around.journal().exists());
}

#[tokio::test]
async fn a_token_stands_in_nothing_that_is_printed() {
    let variable = ("SHIPMATE__CHAT__DISCORD__TOKEN".to_owned(), PARTS[0].to_owned());
    let settings = Settings::parse("discord.toml", &settings(), vec![variable]).unwrap();
    assert_untold("the settings", &format!("{settings:?} {settings:#?}"));
    let chat = settings.chat.as_ref().unwrap();
    let token = chat.token().unwrap();
    assert_untold("the token itself", &format!("{token:?}"));
    let account = Account {
        token: token.reveal().to_owned().into(),
        holders: Holders::default(),
        channels: Channels::default(),
        prefix: None,
        call: None,
    };
    assert_untold("the account", &format!("{account:?} {account:#?}"));
    let errors = [
        ListenError::Token,
        ListenError::MessageContent,
        ListenError::Intents,
        ListenError::Machine("why".to_owned()),
    ];
    for error in errors {
        assert_untold("an error", &format!("{error:?} {error}"));
    }
}

/// Errors of the way to Discord may name what was sent, or where.
#[tokio::test]
async fn a_token_stands_in_no_error() {
    let fake = FakeDiscord::start(Guild::shipmate().unlimited()).await;
    let wire = wire(&fake, Way::Plain);
    for status in [401, 403, 404, 418] {
        fake.fail(Matcher::any(), status, Span::Times(1));
        // After a 401 nothing is asked for a while: each has one of its own.
        let told = Online::new(PARTS[0], &wire).me().await.unwrap_err();
        assert_untold("an error", &format!("{told:?} {told}"));
    }
}
