//! The one table of all keys: form, default and meaning. The file and the variables are read by
//! it, and the reference is rendered from it. Reads nothing itself.

mod form;

pub(super) use form::{Form, Unset};

/// What is used where nothing is set.
pub(super) const DATABASE: &str = "sqlite://shipmate.db";
pub(super) const TIMEZONE: &str = "UTC";
pub(super) const SETTLE: &str = "30s";
pub(super) const PATIENCE: &str = "10m";
pub(super) const RESTART: &str = "auto";
pub(super) const BATCH: &str = "room";
pub(super) const SHARE: &str = "50%";
pub(super) const MODE: &str = "add";
pub(super) const LOGS: &str = "false";
pub(super) const HEADER: &str = "x-shipmate-key";
pub(super) const PING: &str = "10s";
pub(super) const GRACE: &str = "30s";
pub(super) const EXPECT: &str = "200";
pub(super) const WITHIN: &str = "60s";
pub(super) const ASK_AFTER: &str = "8h";

/// Stands in a path for a name that people choose and say in chat.
pub(super) const NAME: &str = "*";
/// Stands in a path for an id that Discord chose.
pub(super) const ID: &str = "#";
/// Stands in a path for the number of an entry, where there may be several tables or one.
pub(super) const ENTRY: &str = "@";

/// A key of shipmate.toml.
pub(super) struct Key {
    /// Where it stands; [`NAME`] is a name that people choose, [`ID`] one that Discord chose.
    pub path: &'static [&'static str],
    pub form: Form,
    pub unset: Unset,
    /// A value as the file has it.
    pub example: &'static str,
    pub meaning: &'static str,
}

impl Key {
    /// The last part of the path that is the same for everybody.
    pub fn name(&self) -> &'static str {
        self.path.iter().rfind(|part| !is_placeholder(part)).copied().unwrap_or_default()
    }

    /// A line of TOML that sets it.
    pub fn example_line(&self) -> String {
        format!("{} = {}", self.name(), self.example)
    }
}

/// What stands at a path of the table.
pub(super) enum Node {
    Leaf(&'static Key),
    /// A table whose keys are these.
    Table(Vec<&'static str>),
    /// A table whose keys are names that people choose.
    Names,
    /// A table whose keys are ids that Discord chose.
    Ids,
    /// A table like each entry, or a list of such tables.
    Entries,
    Nothing,
}

/// Whether this part of a path stands for what the file names.
pub(super) fn is_placeholder(part: &str) -> bool {
    part == NAME || part == ID || part == ENTRY
}

/// What stands at this path, in which names and ids are written as their placeholders.
pub(super) fn node(pattern: &[&str]) -> Node {
    let below = |key: &&'static Key| key.path.starts_with(pattern);
    let mut children: Vec<&'static str> = Vec::new();
    for key in KEYS.iter().filter(below) {
        match key.path.get(pattern.len()).copied() {
            None => return Node::Leaf(key),
            Some(NAME) => return Node::Names,
            Some(ID) => return Node::Ids,
            Some(ENTRY) => return Node::Entries,
            Some(child) if children.contains(&child) => {}
            Some(child) => children.push(child),
        }
    }
    if children.is_empty() { Node::Nothing } else { Node::Table(children) }
}

/// The key at this path, if one stands there.
pub(super) fn leaf(pattern: &[&str]) -> Option<&'static Key> {
    match node(pattern) {
        Node::Leaf(key) => Some(key),
        Node::Table(_) | Node::Names | Node::Ids | Node::Entries | Node::Nothing => None,
    }
}

/// A line of TOML that sets the key at this path; empty if none stands there.
pub(super) fn example_line(pattern: &[&str]) -> String {
    leaf(pattern).map(Key::example_line).unwrap_or_default()
}

/// The path with names and ids replaced by their placeholders.
pub(super) fn pattern<'a>(path: &[&'a str]) -> Vec<&'a str> {
    let mut pattern: Vec<&str> = Vec::with_capacity(path.len());
    for part in path {
        pattern.push(match node(&pattern) {
            Node::Names => NAME,
            Node::Ids => ID,
            Node::Entries => ENTRY,
            Node::Leaf(_) | Node::Table(_) | Node::Nothing => part,
        });
    }
    pattern
}

pub(super) static KEYS: [Key; 64] = [
    Key {
        path: &["database", "url"],
        form: Form::Text,
        unset: Unset::Default(DATABASE),
        example: "\"sqlite://shipmate.db\"",
        meaning: "Where the events are kept. Only SQLite so far; a relative file is relative to \
                  the working directory.",
    },
    Key {
        path: &["chat", "discord", "guild"],
        form: Form::Text,
        unset: Unset::Required,
        example: "\"1000\"",
        meaning: "The id of the Discord server. Ids are numbers in quotes; Discord shows them \
                  with *Copy ID* once its developer mode is on.",
    },
    Key {
        path: &["chat", "discord", "token-file"],
        form: Form::Text,
        unset: Unset::Otherwise("required unless the variable of `token` is set"),
        example: "\"/run/secrets/discord-token\"",
        meaning: "A file that holds the bot's token and nothing else; it is read at the start. \
                  A relative file is relative to the working directory.",
    },
    Key {
        path: &["chat", "discord", "token"],
        form: Form::Secret,
        unset: Unset::Otherwise("required unless there is a `token-file`"),
        example: "SHIPMATE__CHAT__DISCORD__TOKEN",
        meaning: "The bot's token, where no file holds it. It never stands in the settings.",
    },
    Key {
        path: &["chat", "discord", "channels", "#"],
        form: Form::List,
        unset: Unset::Required,
        example: "{ \"2000\" = [\"staging\", \"production\"] }",
        meaning: "By their ids, the channels in which Shipmate is spoken to, and of which \
                  environments in each. Every environment must have a channel.",
    },
    Key {
        path: &["chat", "discord", "announce"],
        form: Form::Text,
        unset: Unset::Otherwise("the first channel in which the environment may be spoken of"),
        example: "\"2000\"",
        meaning: "The channel, one of `channels`, for what nobody asked for in a channel.",
    },
    Key {
        path: &["chat", "discord", "prefix"],
        form: Form::Text,
        unset: Unset::Otherwise("slash commands and mentions only"),
        example: "\"!ship\"",
        meaning: "A word with which a line to Shipmate may begin too. Discord must grant the \
                  application its Message Content Intent for that.",
    },
    Key {
        path: &["chat", "discord", "call"],
        form: Form::Text,
        unset: Unset::Otherwise("nobody is called"),
        example: "\"3002\"",
        meaning: "The id of the Discord role that is called (pinged) when a plan waits for \
                  votes.",
    },
    Key {
        path: &["chat", "discord", "nudge-after"],
        form: Form::Text,
        unset: Unset::Otherwise("nobody is nudged"),
        example: "\"10m\"",
        meaning: "When something has waited for so long, those who can unblock it get a direct \
                  message, once.",
    },
    Key {
        path: &["chat", "discord", "public-key"],
        form: Form::Text,
        unset: Unset::Otherwise("interactions come through the gateway"),
        example: "\"4f7a1c0be2d35986a1b2c3d4e5f60718293a4b5c6d7e8f90123456789abcdef0\"",
        meaning: "The public key of the Discord application, 64 hex digits. With it, Discord \
                  sends interactions to `POST /discord/interactions`, which needs `web.listen`.",
    },
    Key {
        path: &["chat", "discord", "api"],
        form: Form::Text,
        unset: Unset::Otherwise("Discord itself"),
        example: "\"http://127.0.0.1:3100\"",
        meaning: "Another server that speaks Discord's API: `https://`, or `http://` on \
                  loopback.",
    },
    Key {
        path: &["chat", "discord", "gateway"],
        form: Form::Text,
        unset: Unset::Otherwise("where the API says"),
        example: "\"ws://127.0.0.1:3101\"",
        meaning: "Another gateway: `wss://`, or `ws://` on loopback.",
    },
    Key {
        path: &["web", "listen"],
        form: Form::Text,
        unset: Unset::Otherwise("nothing listens"),
        example: "\"127.0.0.1:8080\"",
        meaning: "Address and port for health, metrics, Discord's interactions, AWS's events and \
                  reservations.",
    },
    Key {
        path: &["web", "aws-events", "key-file"],
        form: Form::Text,
        unset: Unset::Otherwise("required unless the variable of `key` is set"),
        example: "\"/run/secrets/aws-events-key\"",
        meaning: "A file that holds the key which AWS's events must carry and nothing else: 16 to \
                  512 visible characters. With it they are taken at `POST /aws/events`, see \
                  [events.md](events.md).",
    },
    Key {
        path: &["web", "aws-events", "key"],
        form: Form::Secret,
        unset: Unset::Otherwise("required unless there is a `key-file`"),
        example: "SHIPMATE__WEB__AWS_EVENTS__KEY",
        meaning: "The key, where no file holds it. It never stands in the settings.",
    },
    Key {
        path: &["web", "aws-events", "header"],
        form: Form::Text,
        unset: Unset::Default(HEADER),
        example: "\"x-shipmate-key\"",
        meaning: "The header in which they carry it.",
    },
    Key {
        path: &["web", "reservations", "ping"],
        form: Form::Text,
        unset: Unset::Default(PING),
        example: "\"10s\"",
        meaning: "How often a program that has an environment for itself is asked whether it \
                  lives, see [reservations.md](reservations.md).",
    },
    Key {
        path: &["web", "reservations", "grace"],
        form: Form::Text,
        unset: Unset::Default(GRACE),
        example: "\"30s\"",
        meaning: "For how long it may be silent, or its connection away, before the environment \
                  is no longer its own; at least twice `ping`.",
    },
    Key {
        path: &["web", "reservations", "tokens", "*", "key-file"],
        form: Form::Text,
        unset: Unset::Otherwise("required unless the variable of `key` is set"),
        example: "\"/run/secrets/e2e-token\"",
        meaning: "A file that holds the token of this program and nothing else: 16 to 512 visible \
                  characters. Its name is what people read.",
    },
    Key {
        path: &["web", "reservations", "tokens", "*", "key"],
        form: Form::Secret,
        unset: Unset::Otherwise("required unless there is a `key-file`"),
        example: "SHIPMATE__WEB__RESERVATIONS__TOKENS__E2E__KEY",
        meaning: "The token, where no file holds it. It never stands in the settings.",
    },
    Key {
        path: &["web", "reservations", "tokens", "*", "environments"],
        form: Form::List,
        unset: Unset::Required,
        example: "[\"staging\"]",
        meaning: "The environments that the program may reserve.",
    },
    Key {
        path: &["aws", "share"],
        form: Form::Text,
        unset: Unset::Default(SHARE),
        example: "\"50%\"",
        meaning: "How much of AWS's rate limits Shipmate takes for itself, in each account and \
                  region: others use them too. It slows down by itself when AWS throttles.",
    },
    Key {
        path: &["locks", "ask-after"],
        form: Form::Text,
        unset: Unset::Default(ASK_AFTER),
        example: "\"8h\"",
        meaning: "When somebody's lock has stood for so long, they are asked in a direct message \
                  whether it is still needed, and so long after that again.",
    },
    Key {
        path: &["roles", "*", "people"],
        form: Form::List,
        unset: Unset::Otherwise("required unless there is `discord`"),
        example: "[\"alice\"]",
        meaning: "Who holds the role, as the chat identifies them: on Discord by the id of the \
                  person. The policies say what a role may do.",
    },
    Key {
        path: &["roles", "*", "discord"],
        form: Form::List,
        unset: Unset::Otherwise("required unless there is `people`"),
        example: "[\"3001\"]",
        meaning: "The ids of the Discord roles whose holders hold the role. One Discord role may \
                  give several.",
    },
    Key {
        path: &["environments", "*", "region"],
        form: Form::Text,
        unset: Unset::Required,
        example: "\"eu-west-1\"",
        meaning: "The AWS region of the cluster.",
    },
    Key {
        path: &["environments", "*", "cluster"],
        form: Form::Text,
        unset: Unset::Required,
        example: "\"staging\"",
        meaning: "The ECS cluster, by name or ARN.",
    },
    Key {
        path: &["environments", "*", "tag"],
        form: Form::Text,
        unset: Unset::Required,
        example: "\"staging-latest\"",
        meaning: "The tag that the services' task definitions name. A promotion moves it.",
    },
    Key {
        path: &["environments", "*", "after"],
        form: Form::Text,
        unset: Unset::Otherwise("comes after none"),
        example: "\"staging\"",
        meaning: "The environment in which an image should have been verified before.",
    },
    Key {
        path: &["environments", "*", "timezone"],
        form: Form::Text,
        unset: Unset::Default(TIMEZONE),
        example: "\"Europe/Berlin\"",
        meaning: "An IANA name. Policies that ask for the time ask for the time there.",
    },
    Key {
        path: &["environments", "*", "settle"],
        form: Form::Text,
        unset: Unset::Default(SETTLE),
        example: "\"30s\"",
        meaning: "For how long a new task must stay good before it counts.",
    },
    Key {
        path: &["environments", "*", "patience"],
        form: Form::Text,
        unset: Unset::Default(PATIENCE),
        example: "\"10m\"",
        meaning: "For how long a rollout may go without progress before it has failed.",
    },
    Key {
        path: &["environments", "*", "batch"],
        form: Form::Amount,
        unset: Unset::Default(BATCH),
        example: "\"25%\"",
        meaning: "How many tasks of a service are stopped at once after its canary: a number, a \
                  percentage of the tasks, or `room`, as many as its minimum leaves room for, \
                  which no number exceeds. `all` stops all of them at once, without a canary, \
                  and the service is down until they are back. Says nothing about services that \
                  restart by an ECS deployment.",
    },
    Key {
        path: &["environments", "*", "registry", "account"],
        form: Form::Text,
        unset: Unset::Otherwise("required when there is a `registry`"),
        example: "\"123456789012\"",
        meaning: "The AWS account of the ECR registry, where it is not the environment's own.",
    },
    Key {
        path: &["environments", "*", "registry", "region"],
        form: Form::Text,
        unset: Unset::Otherwise("required when there is a `registry`"),
        example: "\"eu-central-1\"",
        meaning: "The AWS region of that registry.",
    },
    Key {
        path: &["environments", "*", "role-arn"],
        form: Form::Text,
        unset: Unset::Otherwise("Shipmate's own credentials"),
        example: "\"arn:aws:iam::123456789012:role/shipmate\"",
        meaning: "The IAM role to assume for this environment.",
    },
    Key {
        path: &["environments", "*", "logs"],
        form: Form::Switch,
        unset: Unset::Default(LOGS),
        example: "true",
        meaning: "Whether the last lines of the log of a task that failed are shown, out of \
                  CloudWatch Logs, where its task definition names an awslogs group and a stream \
                  prefix. Everybody in the channel sees them, with whatever secrets and personal \
                  data the container writes there. Needs `logs:GetLogEvents`.",
    },
    Key {
        path: &["environments", "*", "usual-freezes"],
        form: Form::Switch,
        unset: Unset::Otherwise(
            "true for `production` and for what comes after another environment",
        ),
        example: "false",
        meaning: "Whether the usual freezes hold: `friday`, from 16:00 on Friday, and `weekend`, on \
                  Saturday and Sunday, in the environment's timezone. A `[freezes.friday]` or \
                  `[freezes.weekend]` of your own stands for the usual one where it holds.",
    },
    Key {
        path: &["services", "*", "repository"],
        form: Form::Text,
        unset: Unset::Required,
        example: "\"core\"",
        meaning: "The ECR repository of the images that it runs.",
    },
    Key {
        path: &["services", "*", "container"],
        form: Form::Text,
        unset: Unset::Required,
        example: "\"app\"",
        meaning: "The container in the task definition that runs the image.",
    },
    Key {
        path: &["services", "*", "environments"],
        form: Form::List,
        unset: Unset::Required,
        example: "[\"staging\", \"production\"]",
        meaning: "Where it runs.",
    },
    Key {
        path: &["services", "*", "ecs-service"],
        form: Form::ByEnvironment,
        unset: Unset::Otherwise("the service's name"),
        example: "{ production = \"worker-prod\" }",
        meaning: "The name by which ECS knows it: one for all environments, or a table by \
                  environment.",
    },
    Key {
        path: &["services", "*", "restart"],
        form: Form::ByEnvironment,
        unset: Unset::Default(RESTART),
        example: "\"auto\"",
        meaning: "How its tasks take the new image: `stop` (they are stopped and ECS replaces \
                  them), `deployment` (a new ECS deployment is forced) or `auto` (whichever \
                  works); one for all environments, or a table by environment.",
    },
    Key {
        path: &["services", "*", "batch"],
        form: Form::AmountByEnvironment,
        unset: Unset::Otherwise("that of the environment"),
        example: "{ production = 2 }",
        meaning: "The same for this service: one for all environments, or a table by \
                  environment.",
    },
    Key {
        path: &["services", "*", "verify", "@", "url"],
        form: Form::ByEnvironment,
        unset: Unset::Otherwise("required when there is a `verify`"),
        example: "\"https://shop.example.com/health\"",
        meaning: "An address that is asked with GET once the service runs a new image: when its \
                  canary has settled, where it has one, and at the end. What does not answer as \
                  expected three times in a row within `within` is undone. Behind a load balancer its other tasks answer as well. \
                  One for all environments, or a table with the environments in which it is \
                  asked. `http` or `https`; what stands behind `?` is never shown. `verify` may \
                  be a table with these keys or a list of such tables.",
    },
    Key {
        path: &["services", "*", "verify", "@", "expect"],
        form: Form::Number,
        unset: Unset::Default(EXPECT),
        example: "200",
        meaning: "The HTTP status that it must answer with. Redirects are not followed.",
    },
    Key {
        path: &["services", "*", "verify", "@", "body"],
        form: Form::Text,
        unset: Unset::Otherwise("the body may be anything"),
        example: "\"ready\"",
        meaning: "A text that must occur in the answer's body, in its first 256 KiB.",
    },
    Key {
        path: &["services", "*", "verify", "@", "within"],
        form: Form::Text,
        unset: Unset::Default(WITHIN),
        example: "\"60s\"",
        meaning: "For how long it is asked again before it counts as failed, from 1s to 10m.",
    },
    Key {
        path: &["freezes", "*", "at"],
        form: Form::Text,
        unset: Unset::Required,
        example: "\"0 0 24 12 *\"",
        meaning: "When the environment closes to promotions: a cron expression (minute, hour, day of \
                  the month, month, day of the week) or a recurrence of iCalendar, \
                  `DTSTART:20261224T000000 RRULE:FREQ=YEARLY`. What is closed by any freeze is \
                  closed, whatever windows say; what that stops, the policies say.",
    },
    Key {
        path: &["freezes", "*", "length"],
        form: Form::Text,
        unset: Unset::Required,
        example: "\"10d\"",
        meaning: "For how long, as clocks there count it, from 1m to 92d: a day is a day when clocks \
                  change, too.",
    },
    Key {
        path: &["freezes", "*", "zone"],
        form: Form::Text,
        unset: Unset::Otherwise("that of the environment"),
        example: "\"Europe/Berlin\"",
        meaning: "An IANA name: the times are times there.",
    },
    Key {
        path: &["freezes", "*", "environments"],
        form: Form::List,
        unset: Unset::Required,
        example: "[\"production\"]",
        meaning: "Which environments.",
    },
    Key {
        path: &["freezes", "*", "services"],
        form: Form::List,
        unset: Unset::Otherwise("all of them"),
        example: "[\"rest-api\"]",
        meaning: "Only promotions that touch one of these services. Each must run in every one of \
                  the environments.",
    },
    Key {
        path: &["freezes", "*", "reason"],
        form: Form::Text,
        unset: Unset::Required,
        example: "\"nothing changes over Christmas\"",
        meaning: "Why, as a sentence for those whom it stops.",
    },
    Key {
        path: &["windows", "*", "at"],
        form: Form::Text,
        unset: Unset::Required,
        example: "\"0 9 * * MON-THU\"",
        meaning: "When the environment opens to promotions. An environment that has windows is closed \
                  outside of them.",
    },
    Key {
        path: &["windows", "*", "length"],
        form: Form::Text,
        unset: Unset::Required,
        example: "\"8h\"",
        meaning: "For how long, from 1m to 92d.",
    },
    Key {
        path: &["windows", "*", "zone"],
        form: Form::Text,
        unset: Unset::Otherwise("that of the environment"),
        example: "\"Europe/Berlin\"",
        meaning: "An IANA name: the times are times there.",
    },
    Key {
        path: &["windows", "*", "environments"],
        form: Form::List,
        unset: Unset::Required,
        example: "[\"production\"]",
        meaning: "Which environments.",
    },
    Key {
        path: &["windows", "*", "services"],
        form: Form::List,
        unset: Unset::Otherwise("all of them"),
        example: "[\"rest-api\"]",
        meaning: "Only these services wait for it; the others do not.",
    },
    Key {
        path: &["windows", "*", "reason"],
        form: Form::Text,
        unset: Unset::Required,
        example: "\"changes are made while everybody is here\"",
        meaning: "Why it is closed outside of it, as a sentence for those whom that stops.",
    },
    Key {
        path: &["commands", "directory"],
        form: Form::Text,
        unset: Unset::Otherwise("only the shipped commands"),
        example: "\"my-commands\"",
        meaning: "A directory of your own commands, relative to the working directory.",
    },
    Key {
        path: &["commands", "mode"],
        form: Form::Text,
        unset: Unset::Default(MODE),
        example: "\"add\"",
        meaning: "Whether they `add` to the shipped commands or `replace` them.",
    },
    Key {
        path: &["policies", "directory"],
        form: Form::Text,
        unset: Unset::Otherwise("only the shipped policies"),
        example: "\"my-policies\"",
        meaning: "A directory of your own policies, relative to the working directory.",
    },
    Key {
        path: &["policies", "mode"],
        form: Form::Text,
        unset: Unset::Default(MODE),
        example: "\"replace\"",
        meaning: "Whether they `add` to the shipped policies or `replace` them.",
    },
];
