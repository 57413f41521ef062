//! The one table of all keys: form, default and meaning. The file and the variables are read by
//! it, and the reference is rendered from it. Reads nothing itself.

/// What is used where nothing is set.
pub(super) const DATABASE: &str = "sqlite://shipmate.db";
pub(super) const TIMEZONE: &str = "UTC";
pub(super) const SETTLE: &str = "30s";
pub(super) const PATIENCE: &str = "10m";
pub(super) const RESTART: &str = "auto";
pub(super) const MODE: &str = "add";

/// A key of shipmate.toml.
pub(super) struct Key {
    /// Where it stands; `*` is a name that people choose.
    pub path: &'static [&'static str],
    pub form: Form,
    pub unset: Unset,
    /// A value as the file has it.
    pub example: &'static str,
    pub meaning: &'static str,
}

/// What a value looks like in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    List,
    /// One text for all environments, or a table with one for each.
    ByEnvironment,
}

/// What holds where a key is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unset {
    Required,
    /// This value.
    Default(&'static str),
    /// What these words say.
    Otherwise(&'static str),
}

impl Form {
    /// As a sentence has it: "it must be …".
    pub fn wanted(self) -> &'static str {
        match self {
            Self::Text => "text in quotes",
            Self::List => "a list of texts",
            Self::ByEnvironment => "text in quotes or a table of texts by environment",
        }
    }
}

impl Key {
    /// The last part of the path.
    pub fn name(&self) -> &'static str {
        self.path.last().copied().unwrap_or_default()
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
    Nothing,
}

/// What stands at this path, in which names are written `*`.
pub(super) fn node(pattern: &[&str]) -> Node {
    let below = |key: &&'static Key| key.path.starts_with(pattern);
    let mut children: Vec<&'static str> = Vec::new();
    for key in KEYS.iter().filter(below) {
        match key.path.get(pattern.len()).copied() {
            None => return Node::Leaf(key),
            Some("*") => return Node::Names,
            Some(child) if children.contains(&child) => {}
            Some(child) => children.push(child),
        }
    }
    if children.is_empty() { Node::Nothing } else { Node::Table(children) }
}

/// The path with the names that people chose replaced by `*`.
pub(super) fn pattern<'a>(path: &[&'a str]) -> Vec<&'a str> {
    let mut pattern: Vec<&str> = Vec::with_capacity(path.len());
    for part in path {
        let chosen = matches!(node(&pattern), Node::Names);
        pattern.push(if chosen { "*" } else { part });
    }
    pattern
}

pub(super) static KEYS: [Key; 21] = [
    Key {
        path: &["database", "url"],
        form: Form::Text,
        unset: Unset::Default(DATABASE),
        example: "\"sqlite://shipmate.db\"",
        meaning: "Where the events are kept. Only SQLite so far; a relative file is relative to \
                  the working directory.",
    },
    Key {
        path: &["roles", "*", "people"],
        form: Form::List,
        unset: Unset::Required,
        example: "[\"alice\"]",
        meaning: "Who holds the role, as the chat identifies them. The policies say what a role \
                  may do.",
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
