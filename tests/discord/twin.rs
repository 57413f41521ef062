//! Shipmate, as `shipmate run` starts it, on discord-digital-twin: a Discord that others wrote
//! (npm, MIT), with a REST API and a gateway. It was made for other people's bots, and so shares no
//! mistake with our fake.
//!
//! The twin agrees with us about: Identify, READY and GUILD_CREATE; the commands of a guild (set,
//! and kept as they were sent); interactions of all three kinds, their tokens, and that each is
//! acknowledged once; deferred answers that become messages; autocompletion; buttons and the
//! updates of their messages; mentions, replies, embeds and edits of messages; threads of messages;
//! members with their roles.
//!
//! It cannot show: reactions (it tells nobody who reacted), direct messages, nonces (the same one
//! posts twice), Resume, limits, permissions, who sees an answer, or whether it came in time. It
//! has no `GET /gateway`, no `GET` of commands and no `/oauth2/applications/@me`, all of which
//! Shipmate has to do without here. Where it is otherwise than Discord's documentation: a thread
//! has another number than its message, and `@original` of a button's deferred answer is the
//! button's own message, so that the answer stands in the card's place until the card is next
//! edited.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};
use shipmate::app::{Pieces, Running, tls};
use shipmate::aws::Endpoint;
use shipmate::chat::discord::Wire;
use shipmate::chat::discord::relay::RelaySettings;
use shipmate::clock::OffsetClock;
use shipmate::engine::Rhythm;
use shipmate::sandbox::{Options, Times, demo_world};
use shipmate::settings::Settings;
use shipmate::store::SqliteStore;
use tempfile::TempDir;

use crate::sandbox::model::{peers, skipped};
use crate::world::iam::Policed;
use crate::world::{LONG, SETTINGS, START};

const TOKEN: &str = "MTAw.twin.token";
const OPS: &str = "2000";
const BOT: &str = "4900";
const ALICE: &str = "4001";
const BOB: &str = "4002";
const CAROL: &str = "4003";

/// Discord's types of answers to interactions.
const MESSAGE: u64 = 4;
const DEFERRED: u64 = 5;
const DEFERRED_UPDATE: u64 = 6;
const CHOICES: u64 = 8;

/// A twin, in a process that ends with this.
struct Twin {
    process: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    api: String,
}

impl Twin {
    /// `None` and a word about it where it is not installed.
    fn start(test: &str) -> Option<Self> {
        let peers = peers();
        let package = peers.join("npm/node_modules/discord-digital-twin/package.json");
        let node = peers.join("bin/node");
        if let Some(missing) = [&package, &node].into_iter().find(|path| !path.exists()) {
            skipped(test, &format!("{} is not installed", missing.display()));
            return None;
        }
        let now: Timestamp = START.parse().unwrap();
        let person =
            |id: &str, name: &str, role: &str| json!({"id": id, "username": name, "roles": [role]});
        let world = json!({
            "now": now.as_millisecond(),
            "bot": BOT,
            "token": TOKEN,
            "guild": "1000",
            "channels": [{"id": OPS, "name": "ops"}],
            "people": [
                person(ALICE, "alice", "3001"),
                person(BOB, "bob", "3002"),
                person(CAROL, "carol", "3002"),
            ],
        });
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/twin.mjs");
        let mut command = Command::new(node);
        command.arg(script).arg(world.to_string()).env("SHIPMATE_PEERS", &peers);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut process = command.spawn().unwrap();
        let orders = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut twin = Self { process, orders, answers, api: String::new() };
        let told = twin.answer();
        twin.api = told["api"].as_str().unwrap().to_owned();
        Some(twin)
    }

    fn answer(&mut self) -> Value {
        let line = self.answers.next().expect("the twin lives").unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// Has the twin do something.
    fn order(&mut self, order: &Value) -> Value {
        writeln!(self.orders, "{order}").unwrap();
        let mut answer = self.answer();
        assert!(answer["failed"].is_null(), "{order}: {answer}");
        answer["done"].take()
    }

    /// Asks until the answer has what is looked for.
    async fn until<T>(
        &mut self,
        what: &str,
        order: Value,
        find: impl Fn(&Value) -> Option<T>,
    ) -> T {
        let began = Instant::now();
        loop {
            let answer = self.order(&order);
            if let Some(found) = find(&answer) {
                return found;
            }
            assert!(began.elapsed() < LONG, "never: {what}; {answer:#}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The newest message of the channel in which this stands.
    async fn message(&mut self, channel: &str, text: &str) -> Value {
        let order = json!({"order": "messages", "channel": channel});
        self.until(&format!("somebody reads `{text}`"), order, |messages| {
            let mut newest_first = messages.as_array()?.iter().rev();
            newest_first.find(|message| message.to_string().contains(text)).cloned()
        })
        .await
    }

    /// Begins an interaction, and waits until it is acknowledged with an answer of this type.
    async fn ask(&mut self, order: &Value, answered_with: u64) -> Value {
        let begun = self.order(order);
        let asked = json!({"order": "answer", "interaction": begun["id"]});
        let answer = self
            .until("it is acknowledged", asked, |answer| {
                (answer["acknowledged"] == true).then(|| answer.clone())
            })
            .await;
        assert_eq!(answer["type"], answered_with, "{order}: {answer}");
        answer
    }

    async fn slash(&mut self, user: &str, name: &str, options: &[(&str, &str)]) -> Value {
        let filled =
            |(name, value): &(&str, &str)| json!({"name": name, "type": 3, "value": value});
        let options: Vec<Value> = options.iter().map(filled).collect();
        let order = json!({
            "order": "slash", "channel": OPS, "user": user, "name": name, "options": options,
        });
        let answer = self.ask(&order, DEFERRED).await;
        assert_eq!(answer["data"]["flags"], 64, "only who asked sees it");
        answer
    }

    fn press(user: &str, message: &Value, button: &str) -> Value {
        json!({
            "order": "press", "channel": OPS, "user": user,
            "message": message["id"], "button": button,
        })
    }

    /// The message that an interaction's deferred answer became.
    async fn answered(&mut self, answer: &Value) -> Value {
        let order = json!({"order": "answer", "interaction": answer["interactionId"]});
        let id = self
            .until("the answer stands", order, |now| now["messageId"].as_str().map(str::to_owned))
            .await;
        self.order(&json!({"order": "message", "message": id}))
    }
}

impl Drop for Twin {
    fn drop(&mut self) {
        // If it has ended already there is nothing to end.
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// A bot on the twin, with a simulated AWS.
struct Stage {
    twin: Twin,
    sandbox: Policed,
    _running: Running,
    _directory: TempDir,
}

fn settings(twin: &Twin, journal: PathBuf) -> Settings {
    let by_role = |text: String, names: &str, role: &str| {
        assert!(text.contains(names), "{names} is not in the settings that ship");
        text.replace(names, &format!(r#"discord = ["{role}"]"#))
    };
    let text = by_role(SETTINGS.to_owned(), r#"people = ["alice"]"#, "3001");
    let text = by_role(text, r#"people = ["bob", "carol", "frank"]"#, "3002");
    let discord = format!(
        r#"
[chat.discord]
guild = "1000"
announce = "{OPS}"
channels = {{ "{OPS}" = ["staging", "production"] }}
api = "{}"
"#,
        twin.api
    );
    let token = ("SHIPMATE__CHAT__DISCORD__TOKEN".to_owned(), TOKEN.to_owned());
    let mut settings = Settings::parse("twin.toml", &(text + &discord), vec![token]).unwrap();
    settings.keep_journal_in(&journal);
    settings.set_tempo(Duration::from_millis(60), Duration::from_secs(20));
    settings
}

impl Stage {
    async fn set(test: &str) -> Option<Self> {
        let twin = Twin::start(test)?;
        let directory = tempfile::tempdir().unwrap();
        let settings = settings(&twin, directory.path().join("journal.db"));
        let clock = Arc::new(OffsetClock::default());
        clock.set(START.parse().unwrap());
        let wall = Arc::clone(&clock);
        let options =
            Options { port: 0, clock: Arc::new(move || wall.system_time()), times: Times::fast() };
        let sandbox = Policed::start(demo_world(), options, &settings).await;
        let store = Arc::new(SqliteStore::open(settings.database.url.reveal()).await.unwrap());
        let pieces = Pieces {
            memory: store.clone(),
            store,
            clock,
            endpoint: Endpoint::Simulated { url: sandbox.url() },
            rhythm: Rhythm {
                shortest: Duration::from_millis(30),
                longest: Duration::from_millis(100),
            },
        };
        // Where the gateway is, the twin tells.
        let wire = Wire {
            http: reqwest::Client::new(),
            tls: Arc::new(tls(rustls::RootCertStore::empty()).unwrap()),
            api: Some(twin.api.clone()),
            gateway: None,
            relay: RelaySettings::default(),
        };
        let running = Box::pin(Running::start_with(&settings, wire, pieces)).await.unwrap();
        let mut stage = Self { twin, sandbox, _running: running, _directory: directory };
        // Registering is the last that it does when it comes.
        let known = json!({"order": "commands"});
        let some = |known: &Value| known.as_array().is_some_and(|known| !known.is_empty());
        stage.twin.until("commands are registered", known, |known| some(known).then_some(())).await;
        Some(stage)
    }

    fn runs(&self, service: &str, version: &str) -> bool {
        let digest = self.sandbox.digest("core", version).unwrap();
        let service = self.sandbox.service("staging", service).unwrap();
        service.runs("app", &digest)
    }
}

fn title(message: &Value) -> &str {
    message["embeds"][0]["title"].as_str().unwrap_or_default()
}

/// The ids of a message's buttons.
fn buttons(message: &Value) -> Vec<&str> {
    let rows = message["components"].as_array().into_iter().flatten();
    let buttons = rows.filter_map(|row| row["components"].as_array()).flatten();
    buttons.filter_map(|button| button["custom_id"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slash_commands_are_registered_completed_used_and_answered() {
    let test = "slash_commands_are_registered_completed_used_and_answered";
    let Some(mut stage) = Stage::set(test).await else { return };
    let twin = &mut stage.twin;

    let known = twin.order(&json!({"order": "commands"}));
    let known = known.as_array().unwrap();
    let promote = known.iter().find(|command| command["name"] == "promote").unwrap();
    assert_eq!(promote["guildId"], "1000");
    let options = promote["options"].as_array().unwrap();
    let images = options.iter().find(|option| option["name"] == "images").unwrap();
    assert_eq!((&images["type"], &images["autocomplete"]), (&json!(3), &json!(true)));

    let typing = json!({
        "order": "type", "channel": OPS, "user": ALICE, "name": "promote",
        "options": [{"name": "images", "type": 3, "value": "core:1.5", "focused": true}],
    });
    let answer = twin.ask(&typing, CHOICES).await;
    let choices = answer["data"]["choices"].as_array().unwrap();
    assert!(choices.iter().any(|choice| choice["value"] == "core:1.5.0"), "{choices:?}");

    let answer = twin.slash(ALICE, "whoami", &[]).await;
    let told = twin.answered(&answer).await;
    assert!(told["embeds"].as_str().unwrap().contains("developer"), "{told}");

    let filled = [("images", "core:1.5.0"), ("environment", "staging")];
    twin.slash(ALICE, "promote", &filled).await;
    let card = twin.message(OPS, "#1 promote core:1.5.0 to staging: succeeded").await;
    assert_eq!(title(&card), "✅ #1 promote core:1.5.0 to staging: succeeded");
    let order = json!({"order": "threads", "channel": OPS});
    let thread = twin
        .until("there is a thread", order, |threads| Some(threads[0]["id"].as_str()?.to_owned()))
        .await;
    // Later ones look for the thread by its message's number, and only Discord finds it so.
    let details = twin.message(&thread, "kept core:1.4.1 as staging-previous").await;
    assert_eq!(details["author"]["id"], BOT);
    assert!(stage.runs("rest-api", "1.5.0"));
    assert!(stage.runs("worker", "1.5.0"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mentions_are_heard_and_buttons_vote_and_roll_back() {
    let test = "mentions_are_heard_and_buttons_vote_and_roll_back";
    let Some(mut stage) = Stage::set(test).await else { return };
    let twin = &mut stage.twin;

    let text = format!("<@{BOT}> promote core:1.5.0 to staging");
    twin.order(&json!({"order": "say", "channel": OPS, "user": ALICE, "text": text}));
    twin.message(OPS, "#1 promote core:1.5.0 to staging: succeeded").await;

    let text = format!("<@{BOT}> promote core:1.5.0 to production");
    let asked = twin.order(&json!({"order": "say", "channel": OPS, "user": ALICE, "text": text}));
    let waits = "#2 promote core:1.5.0 to production: waiting for votes";
    let card = twin.message(OPS, waits).await;
    assert_eq!(buttons(&card), ["approve:2", "reject:2", "cancel:2"]);
    assert_eq!(card["author"]["id"], BOT);

    twin.ask(&Twin::press(BOB, &card, "approve:2"), DEFERRED).await;
    // On the twin the answer stands where the card stood, until the card is next edited.
    let answer = twin.message(OPS, "1 more release-manager needed").await;
    assert_eq!(answer["id"], card["id"]);
    twin.ask(&Twin::press(CAROL, &card, "approve:2"), DEFERRED).await;
    twin.message(OPS, "#2 promote core:1.5.0 to production: succeeded").await;
    // Who asked is told the end in a reply to what they said.
    let order = json!({"order": "messages", "channel": OPS});
    let replied = |message: &&Value| {
        message["message_reference"]["message_id"] == asked["id"]
            && title(message).ends_with("succeeded")
    };
    let find = |messages: &Value| messages.as_array()?.iter().find(replied).map(|_| ());
    twin.until("a reply tells the end", order, find).await;

    let card = twin.message(OPS, "rollback:production").await;
    let sure = twin.ask(&Twin::press(BOB, &card, "rollback:production"), MESSAGE).await;
    assert_eq!(sure["data"]["flags"], 64, "only who pressed sees it");
    let button = buttons(&sure["data"])[0].to_owned();
    assert!(button.starts_with("rollback-surely:"), "{button}");
    let confirmation = json!({"id": sure["messageId"]});
    twin.ask(&Twin::press(BOB, &confirmation, &button), DEFERRED_UPDATE).await;
    twin.message(OPS, "It is on its way").await;
    twin.message(OPS, "#3 roll back production").await;
}
