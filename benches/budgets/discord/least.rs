//! The least bot that answers a mention, written the plain way with serenity: what Shipmate on
//! Discord is held against. Knows nothing of Shipmate.

use serenity::all::{
    ClientBuilder, Context, EventHandler, GatewayIntents, HttpBuilder, Message, async_trait,
};

/// How this binary is told to be that bot; the addresses of REST and gateway and the token follow.
pub const CHILD: &str = "--be-the-least-bot";

struct Least;

#[async_trait]
impl EventHandler for Least {
    async fn message(&self, context: Context, message: Message) {
        if message.author.bot || !message.content.ends_with("help") {
            return;
        }
        if let Err(error) = message.channel_id.say(&context.http, "What can I do for you?").await {
            eprintln!("the answer was not sent: {error}");
        }
    }
}

/// Answers until its process is ended.
pub async fn answer(mut given: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let (Some(rest), Some(gateway), Some(token)) = (given.next(), given.next(), given.next())
    else {
        anyhow::bail!("where is Discord, and with which token?");
    };
    let http = HttpBuilder::new(token).proxy(rest).ratelimiter_disabled(true).build();
    let client = ClientBuilder::new_with_http(http, GatewayIntents::GUILD_MESSAGES);
    let mut client = client.event_handler(Least).await?;
    *client.ws_url.lock().await = gateway;
    client.start().await?;
    Ok(())
}
