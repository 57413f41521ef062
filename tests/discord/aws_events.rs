//! AWS's events on the server of the whole bot: there with a key in the settings, and not there
//! without.

use super::bot::{Bot, Setup};

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// An event of a task in a cluster that no environment names.
const EVENT: &str = r#"{
    "source": "aws.ecs", "detail-type": "ECS Task State Change",
    "detail": { "clusterArn": "arn:aws:ecs:eu-west-1:123456789012:cluster/elsewhere" }
}"#;

/// The status of the answer to an event with this key.
async fn sent(bot: &Bot, key: &str) -> u16 {
    let address = bot.running().web.as_ref().expect("it listens").address();
    let request = reqwest::Client::new().post(format!("http://{address}/aws/events"));
    request.header("x-shipmate-key", key).body(EVENT).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn the_bot_takes_them_where_its_settings_have_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, KEY).unwrap();
    let door = format!("[web.aws-events]\nkey-file = {:?}\n\n[roles]", file.display().to_string());
    let bot = Setup::default().setting("[roles]", &door).start().await;
    assert_eq!(sent(&bot, KEY).await, 202);
    assert_eq!(sent(&bot, &KEY.replace('0', "1")).await, 401);
    let bot = Bot::start().await;
    assert_eq!(sent(&bot, KEY).await, 404);
}
