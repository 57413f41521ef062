//! The fake Discord itself, with serenity as a client that somebody else wrote. Knows nothing of
//! Shipmate.

mod gateway;
mod interactions;
mod messages;
mod people;
mod refusals;

use std::sync::Arc;
use std::time::Duration;

use serenity::all::{
    ChannelId, ClientBuilder, Context, Event, GatewayIntents, Http, HttpBuilder, MessageId,
    RawEventHandler,
};
use serenity::async_trait;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::AbortHandle;

use super::fake::{FakeDiscord, World};

const OPS: u64 = 2000;
const ALICE: u64 = 4001;
const BOB: u64 = 4002;
const BOT: u64 = 4900;

/// Longer than anything takes that goes well.
const SOON: Duration = Duration::from_secs(20);

async fn shipmate() -> FakeDiscord {
    FakeDiscord::start(World::shipmate().unlimited()).await
}

/// Plain http, without serenity's rate limiter.
fn plain(fake: &FakeDiscord) -> Arc<Http> {
    let http = HttpBuilder::new(fake.token()).proxy(fake.rest_url()).ratelimiter_disabled(true);
    Arc::new(http.build())
}

/// TLS to what calls itself discord.com, with serenity's rate limiter.
fn limited(fake: &FakeDiscord) -> Arc<Http> {
    let certificate = reqwest::Certificate::from_der(&fake.certificate_der()).unwrap();
    let client = reqwest::Client::builder()
        .use_rustls_tls()
        .add_root_certificate(certificate)
        .resolve("discord.com", fake.tls_address())
        .build()
        .unwrap();
    Arc::new(HttpBuilder::new(fake.token()).client(client).build())
}

fn ops() -> ChannelId {
    ChannelId::new(OPS)
}

fn message(id: u64) -> MessageId {
    MessageId::new(id)
}

/// A client of serenity that writes down what it hears.
struct Bot {
    events: UnboundedReceiver<Event>,
    http: Arc<Http>,
    task: AbortHandle,
}

struct Ears(UnboundedSender<Event>);

#[async_trait]
impl RawEventHandler for Ears {
    async fn raw_event(&self, _: Context, event: Event) {
        // After the test nobody listens.
        let _late = self.0.send(event);
    }
}

impl Bot {
    async fn connect(fake: &FakeDiscord, intents: GatewayIntents) -> Bot {
        Bot::with(plain(fake), intents).await
    }

    async fn with(http: Arc<Http>, intents: GatewayIntents) -> Bot {
        let (sender, events) = unbounded_channel();
        // The client wants the builder's own.
        let http = Arc::try_unwrap(http).unwrap_or_else(|_| panic!("nobody else has it yet"));
        let builder = ClientBuilder::new_with_http(http, intents);
        let mut client = builder.raw_event_handler(Ears(sender)).await.unwrap();
        let http = Arc::clone(&client.http);
        let task = tokio::spawn(async move {
            let _ended = client.start().await;
        });
        Bot { events, http, task: task.abort_handle() }
    }

    /// The next event that the reader takes; others are passed over.
    async fn hears<T>(&mut self, take: impl Fn(Event) -> Option<T>) -> T {
        let wait = async {
            loop {
                let event = self.events.recv().await.expect("the client runs");
                if let Some(taken) = take(event) {
                    return taken;
                }
            }
        };
        tokio::time::timeout(SOON, wait).await.expect("the event should have come")
    }

    async fn is_ready(&mut self) {
        self.hears(|event| matches!(event, Event::Ready(_)).then_some(())).await;
    }

    /// The content of the next message.
    async fn hears_message(&mut self) -> serenity::all::Message {
        self.hears(|event| match event {
            Event::MessageCreate(created) => Some(created.message),
            _ => None,
        })
        .await
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The code of Discord's in an error of serenity's.
fn code<T: std::fmt::Debug>(result: serenity::Result<T>) -> (u16, isize) {
    match result {
        Err(serenity::Error::Http(serenity::http::HttpError::UnsuccessfulRequest(response))) => {
            (response.status_code.as_u16(), response.error.code)
        }
        other => panic!("a refusal was expected, not {other:?}"),
    }
}
