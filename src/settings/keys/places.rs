//! Keys of who does what where: roles, environments, services, the calendar, commands and
//! policies.

use super::{
    BATCH, EXPECT, Form, Key, LATENESS, LEAVES, LOGS, MODE, PATIENCE, RESTART, SETTLE, TIMEZONE,
    Unset, WITHIN,
};

pub(in super::super) static PLACES: [Key; 48] = [
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
        path: &["schedules", "*", "at"],
        form: Form::Text,
        unset: Unset::Required,
        example: "\"0 9 * * MON-FRI\"",
        meaning: "When it is announced: a cron expression (minute, hour, day of the month, month, \
                  day of the week), a recurrence of RFC 5545 such as \
                  `DTSTART:20261127T160000 RRULE:FREQ=WEEKLY;BYDAY=FR`, or `1h before freezes`. \
                  See [announcements.md](announcements.md).",
    },
    Key {
        path: &["schedules", "*", "zone"],
        form: Form::Text,
        unset: Unset::Default(TIMEZONE),
        example: "\"Europe/Berlin\"",
        meaning: "An IANA name: where the clock hangs that this is about. What a change of clocks \
                  skips is announced at the change, and what it repeats once.",
    },
    Key {
        path: &["schedules", "*", "channel"],
        form: Form::Text,
        unset: Unset::Otherwise("where announcements go"),
        example: "\"2000\"",
        meaning: "The channel that it is announced in, one of `chat.discord.channels`. It tells of \
                  what may be spoken of there.",
    },
    Key {
        path: &["schedules", "*", "template"],
        form: Form::Text,
        unset: Unset::Required,
        example: "\"morning\"",
        meaning: "What is announced: `morning`, `weekly`, `release-train`, `votes`, `freeze` or \
                  `locks`; or a template of your own, as its text or as a file whose name ends in \
                  `.j2`, relative to the working directory. One line that ends so is a file.",
    },
    Key {
        path: &["schedules", "*", "grace"],
        form: Form::Text,
        unset: Unset::Default(LATENESS),
        example: "\"15m\"",
        meaning: "How late it may still be announced, from 2m to 24h, where nothing ran or the \
                  chat did not answer. After that it is noted as missed.",
    },
    Key {
        path: &["schedules", "*", "environments"],
        form: Form::List,
        unset: Unset::Otherwise("all of which may be spoken of in the channel"),
        example: "[\"production\"]",
        meaning: "Which environments it tells of, each of which may be spoken of in the channel.",
    },
    Key {
        path: &["schedules", "*", "leaves"],
        form: Form::Text,
        unset: Unset::Default(LEAVES),
        example: "\"2h\"",
        meaning: "How long after it is announced the release train leaves, from 5m to 30d: what is \
                  asked for by its button is scheduled for that moment. Only for `release-train` \
                  and templates of your own.",
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
