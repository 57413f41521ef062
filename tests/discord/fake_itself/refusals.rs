//! What Discord refuses, with its codes and in its shape; asked with plain JSON, since serenity
//! would not send some of it.

use serde_json::{Value, json};

use super::super::fake::{FakeDiscord, permissions};
use super::*;

/// Status and body of one request of the bot.
async fn ask(fake: &FakeDiscord, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let url = format!("{}/api/v10{path}", fake.rest_url());
    let request = reqwest::Client::new()
        .request(method.parse().unwrap(), url)
        .header("authorization", format!("Bot {}", fake.token()))
        .json(body);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

async fn post(fake: &FakeDiscord, body: &Value) -> (u16, Value) {
    ask(fake, "POST", "/channels/2000/messages", body).await
}

#[tokio::test]
async fn what_is_too_long_or_too_much_is_refused_by_field() {
    let fake = shipmate().await;
    let long = |length: usize| "x".repeat(length);
    let button = |id: &str| json!({"type": 2, "style": 1, "label": "a", "custom_id": id});
    let row = |buttons: Value| json!([{"type": 1, "components": buttons}]);
    let six: Vec<Value> = (0..6).map(|n| button(&n.to_string())).collect();
    let half = json!({"description": long(3001)});
    let field = json!({"name": "a", "value": "b"});
    let cases = [
        ("/content", json!({"content": long(2001)})),
        ("/embeds", json!({"embeds": vec![json!({"title": "a"}); 11]})),
        ("/embeds", json!({"embeds": [half, half]})),
        ("/embeds/0/title", json!({"embeds": [{"title": long(257)}]})),
        ("/embeds/0/description", json!({"embeds": [{"description": long(4097)}]})),
        ("/embeds/0/footer/text", json!({"embeds": [{"footer": {"text": long(2049)}}]})),
        ("/embeds/0/fields", json!({"embeds": [{"fields": vec![field; 26]}]})),
        ("/embeds/0/fields/0/value", json!({"embeds": [{"fields": [{"name": "a", "value": ""}]}]})),
        (
            "/components",
            json!({"content": "a", "components": vec![row(json!([button("a")]))[0].clone(); 6]}),
        ),
        ("/components/0/components", json!({"content": "a", "components": row(json!(six))})),
        (
            "/components/0/components/1/custom_id",
            json!({"content": "a", "components": row(json!([button("a"), button("a")]))}),
        ),
        (
            "/components/0/components/0/custom_id",
            json!({"content": "a", "components": row(json!([button(&long(101))]))}),
        ),
        ("/nonce", json!({"content": "a", "nonce": long(26)})),
        ("/nonce", json!({"content": "a", "enforce_nonce": true})),
        (
            "/allowed_mentions/users",
            json!({"content": "a", "allowed_mentions": {"parse": ["users"], "users": ["4001"]}}),
        ),
        ("/message_reference", json!({"content": "a", "message_reference": {"message_id": "77"}})),
    ];
    for (field, body) in cases {
        let (status, answer) = post(&fake, &body).await;
        assert_eq!((status, &answer["code"]), (400, &json!(50035)), "{field}: {answer}");
        let errors = answer["errors"].pointer(field).map(|at| &at["_errors"][0]["message"]);
        assert!(errors.is_some_and(Value::is_string), "{field}: {answer}");
    }
    for body in [json!({}), json!({"content": "  "}), json!({"embeds": [{}]})] {
        assert_eq!(post(&fake, &body).await.1["code"], 50006, "{body}");
    }
    assert!(fake.messages(OPS).is_empty());
    // What is just not too long is taken.
    let fits = json!({
        "content": long(2000), "nonce": long(25), "enforce_nonce": true,
        "embeds": [{"title": long(256), "description": long(4096), "footer": {"text": long(1648)}}],
        "message_reference": {"message_id": "77", "fail_if_not_exists": false},
        "components": row(json!([button(&long(100))])),
    });
    assert_eq!(post(&fake, &fits).await.0, 200);
}

#[tokio::test]
async fn what_the_bot_may_not_do_is_forbidden() {
    let fake = shipmate().await;
    let id = fake.say(ALICE, OPS, "hello");
    let own = post(&fake, &json!({"content": "mine"})).await.1["id"].as_str().unwrap().to_owned();
    let message = format!("/channels/2000/messages/{id}");
    let reaction = format!("{message}/reactions/%E2%9C%85");
    let embed = json!({"embeds": [{"title": "a"}]});
    let nothing = Value::Null;
    let cases = [
        (
            permissions::SEND_MESSAGES,
            "POST",
            "/channels/2000/messages".to_owned(),
            json!({"content": "a"}),
        ),
        (permissions::EMBED_LINKS, "POST", "/channels/2000/messages".to_owned(), embed.clone()),
        (permissions::EMBED_LINKS, "PATCH", format!("/channels/2000/messages/{own}"), embed),
        (permissions::ADD_REACTIONS, "PUT", format!("{reaction}/@me"), nothing.clone()),
        (permissions::MANAGE_MESSAGES, "DELETE", format!("{reaction}/4001"), nothing.clone()),
        (permissions::MANAGE_MESSAGES, "DELETE", message.clone(), nothing.clone()),
        (permissions::READ_MESSAGE_HISTORY, "GET", message.clone(), nothing.clone()),
        (
            permissions::CREATE_PUBLIC_THREADS,
            "POST",
            format!("{message}/threads"),
            json!({"name": "a"}),
        ),
    ];
    for (needed, method, path, body) in &cases {
        fake.deny_bot(OPS, *needed);
        let (status, answer) = ask(&fake, method, path, body).await;
        assert_eq!((status, &answer["code"]), (403, &json!(50013)), "{method} {path}");
        fake.deny_bot(OPS, permissions::VIEW_CHANNEL);
        let (status, answer) = ask(&fake, method, path, body).await;
        assert_eq!((status, &answer["code"]), (403, &json!(50001)), "{method} {path}");
        fake.deny_bot(OPS, 0);
    }
    for (_, method, path, body) in &cases[2..] {
        // What is left when everything is allowed: a message is deleted before the last ones.
        let status = ask(&fake, method, path, body).await.0;
        assert!(status < 300 || status == 404, "{method} {path}: {status}");
    }
    let other = fake.say(ALICE, OPS, "hello");
    let path = format!("/channels/2000/messages/{other}");
    let edited = ask(&fake, "PATCH", &path, &json!({"content": "a"})).await;
    assert_eq!(edited.1["code"], 50005);
}

#[tokio::test]
async fn a_message_has_at_most_twenty_kinds_of_reactions() {
    let fake = shipmate().await;
    let id = fake.say(ALICE, OPS, "hello");
    for kind in '😀'..'😔' {
        fake.react(ALICE, OPS, id, &kind.to_string());
    }
    assert_eq!(fake.reactions(OPS, id).len(), 20);
    let react = |emoji: &str| {
        let path = format!("/channels/2000/messages/{id}/reactions/{emoji}/@me");
        let fake = fake.clone();
        async move { ask(&fake, "PUT", &path, &Value::Null).await }
    };
    assert_eq!(react("%E2%9C%85").await.1["code"], 30010);
    assert_eq!(react("%F0%9F%98%80").await.0, 204, "one that is there may be joined");
    assert_eq!(react("yes").await.1["code"], 10014);
    let path = format!("/channels/2000/messages/{id}/reactions/%F0%9F%98%80?limit=101");
    assert_eq!(ask(&fake, "GET", &path, &Value::Null).await.1["code"], 50035);
    let path = format!("/channels/2000/messages/{id}/reactions");
    assert_eq!(ask(&fake, "DELETE", &path, &Value::Null).await.0, 204);
    assert!(fake.reactions(OPS, id).is_empty());
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_who_is_nobody_is_not_authorised() {
    let fake = shipmate().await;
    let get = |path: &'static str| ask(&fake, "GET", path, &Value::Null);
    assert_eq!(get("/channels/77").await.1["code"], 10003);
    assert_eq!(get("/guilds/77").await.1["code"], 10004);
    assert_eq!(get("/channels/2000/messages/77").await.1["code"], 10008);
    assert_eq!(get("/no/such/route").await.0, 404);
    assert_eq!(get("/gateway/bot").await.1["session_start_limit"]["remaining"], 1000);
    let nobody = reqwest::get(format!("{}/api/v10/users/@me", fake.rest_url())).await.unwrap();
    assert_eq!(nobody.status(), 401);
    assert!(!fake.requests().last().unwrap().authorised);
    assert_eq!(fake.invalid_requests(), 1);
}

#[tokio::test]
async fn answers_carry_the_headers_of_their_bucket() {
    let fake = FakeDiscord::start(super::super::fake::World::shipmate()).await;
    let url = format!("{}/api/v10/channels/2000/messages", fake.rest_url());
    let client = reqwest::Client::new();
    let send = || {
        let token = format!("Bot {}", fake.token());
        client.post(&url).header("authorization", token).json(&json!({"content": "a"})).send()
    };
    for left in (0..5).rev() {
        let answer = send().await.unwrap();
        assert_eq!(answer.headers()["x-ratelimit-limit"], "5");
        assert_eq!(answer.headers()["x-ratelimit-remaining"], left.to_string().as_str());
        assert!(answer.headers().contains_key("x-ratelimit-bucket"));
    }
    let refused = send().await.unwrap();
    assert_eq!(refused.status(), 429);
    let seconds: f64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["global"], false);
    let exact = body["retry_after"].as_f64().unwrap();
    assert!(exact > 0.0 && exact <= 5.0 && seconds >= exact, "{exact} {seconds}");
}
