//! Keys of what is around it: the database, the chat, its own HTTP server, AWS, and locks.

use super::{ASK_AFTER, DATABASE, Form, GRACE, HEADER, Key, PING, SHARE, Unset};

pub(in super::super) static AROUND: [Key; 23] = [
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
];
