//! What can be wrong with settings: a closed list, each with a sentence that says what to do.
//! Values are shown only where they cannot be secret.

use std::fmt;

use super::names::listed;
use crate::domain::calendar::RuleError;
use crate::domain::words_of_time::TimeError;

/// Everything that is wrong with the settings, in the order in which it is written there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsErrors(pub Vec<SettingsError>);

impl fmt::Display for SettingsErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(formatter, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SettingsErrors {}

impl From<SettingsError> for SettingsErrors {
    fn from(error: SettingsError) -> Self {
        Self(vec![error])
    }
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct SettingsError {
    pub place: Place,
    pub problem: Problem,
}

/// Where a setting was given. The order is that in which errors are told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The file, but no place in it: what is wrong is that something is not there.
    Whole { file: String },
    /// Line and column count from 1, columns in characters.
    File { file: String, line: usize, column: usize },
    /// An environment variable.
    Variable { name: String },
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole { file } => write!(formatter, "{file}:1:1"),
            Self::File { file, line, column } => write!(formatter, "{file}:{line}:{column}"),
            Self::Variable { name } => write!(formatter, "{name}"),
        }
    }
}

/// What is wrong. Fields named `key` hold a whole path: `environments.staging.tag`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Problem {
    #[error("the file cannot be read ({why}); copy the shipmate.toml that ships and adapt it")]
    Unreadable { why: String },
    #[error("this is not TOML: {why}")]
    NotToml { why: String },
    #[error("`{key}` is no key of {table}; {}", did_you_mean_or(near, || keys_are(known)))]
    UnknownKey { key: String, table: String, near: Option<String>, known: Vec<String> },
    #[error("`{key}` is missing; add it, for example: {example}")]
    MissingKey { key: String, example: String },
    #[error("`{key}` is {found}, but it must be {wanted}, for example: {example}")]
    WrongType { key: String, found: &'static str, wanted: &'static str, example: String },
    #[error("`{key}` is empty; write a value or remove it")]
    Empty { key: String },
    #[error("`{key}` is given twice, hyphens and underscores being the same; keep one")]
    GivenTwice { key: String },
    #[error("`{key}` lists `{item}` twice; keep one")]
    ListedTwice { key: String, item: String },
    #[error(
        "`{name}` cannot be a name, because it is said in chat; use letters, digits, `-`, `_` \
         and `.`, beginning with a letter, digit or `_`, at \
         most 255"
    )]
    BadName { name: String },
    #[error("`{key}` cannot be used as it is; see the reference of settings for its form")]
    Unusable { key: String },

    #[error("the database's url names no file; write for example \"sqlite://shipmate.db\"")]
    DatabaseWithoutFile,
    #[error(
        "{scheme} is not supported yet, only SQLite is: write for example \"sqlite://shipmate.db\""
    )]
    DatabaseScheme { scheme: &'static str },

    #[error(
        "`{key}` never stands in this file; write it into a file of its own, which `{key}-file` \
         names, or set {variable}"
    )]
    SecretInFile { key: String, variable: String },
    #[error(
        "Discord's token is not given; name a file that holds it, for example: {example}, or set \
         {variable}"
    )]
    NoToken { example: String, variable: String },
    #[error("Discord's token is given twice, also by `token-file`; keep one of the two")]
    TwoTokens,
    #[error(
        "this looks like the token itself; write it into a file, and the file's name here. Whoever \
         saw it here can speak as Shipmate: let Discord make a new one"
    )]
    TokenAsFile,
    #[error(
        "this is not a bot's token; copy it from the page Bot of the application in Discord's \
         developer portal, without `Bot ` before it"
    )]
    NotAToken,
    // What was written is not shown: somebody may have pasted a token.
    #[error("`{key}` is not an id of Discord's; write its digits in quotes, for example {example}")]
    NotAnId { key: String, example: &'static str },
    #[error("there is no channel; add for example: {example}")]
    NoChannels { example: String },
    #[error(
        "channel `{channel}` may be about no environment; write for example {channel} = \
         [\"staging\"], or remove it"
    )]
    NoEnvironmentOfChannel { channel: String },
    #[error(
        "{} may be spoken of in no channel; add {} to a channel's environments",
        listed(environments.iter().map(String::as_str), "and"),
        if environments.len() == 1 { "it" } else { "them" }
    )]
    NoChannelAbout { environments: Vec<String> },
    #[error(
        "`{channel}` is none of the channels; write {}, or add it to `channels`",
        listed(known.iter().map(String::as_str), "or")
    )]
    AnnounceNowhere { channel: String, known: Vec<String> },
    #[error(
        "a prefix is one word of at most 32 characters that does not begin with `/`, `@`, `<` or \
         `>`; write for example \"!ship\""
    )]
    BadPrefix,
    #[error(
        "this is not the public key of a Discord application; copy its 64 hex digits from the page \
         General Information in Discord's developer portal"
    )]
    BadPublicKey,
    // Nor is an address, which may hold a password.
    #[error(
        "`{key}` is no address that can be used; write {secure}://HOST, or on loopback \
         {plain}://127.0.0.1:PORT, with nothing behind it"
    )]
    BadServer { key: String, secure: &'static str, plain: &'static str },
    #[error(
        "with a `public-key` Discord sends interactions by HTTP, but nothing listens; add [web] \
         with for example: {example}"
    )]
    NothingListens { example: String },
    #[error("`{text}` is not an address and port; write for example {example}")]
    BadListen { text: String, example: &'static str },
    #[error(
        "`roles.{role}` does not say who holds the role; add people = [\"alice\"], \
         discord = [\"3001\"] or both"
    )]
    HeldByWhom { role: String },

    #[error("there is no environment; add a table such as [environments.staging]")]
    NoEnvironments,
    #[error(
        "no service runs in `{environment}`; add it to a service's `environments`, or remove it"
    )]
    NoServices { environment: String },
    #[error("`{service}` names no environment; write for example environments = [\"staging\"]")]
    NoEnvironmentOfService { service: String },
    #[error("there is no environment `{name}`; {}", did_you_mean_or(near, || there_are(known)))]
    UnknownEnvironment { name: String, near: Option<String>, known: Vec<String> },
    #[error(
        "`{service}` does not run in `{environment}`; add that to its `environments`, or remove \
         this"
    )]
    NotInEnvironment { service: String, environment: String },
    #[error("{}", circle(names))]
    AfterCircle { names: Vec<String> },

    #[error(
        "`{tag}` cannot be a tag in ECR; use letters, digits, `_`, `.` and `-`, beginning with a \
         letter, digit or `_`, at most 300"
    )]
    BadTag { tag: String },
    #[error(
        "`{one}` and `{other}` follow the same tag `{tag}` of {} in the same registry, so that \
         promoting to one would change what the other runs; give each its own tag",
        listed(repositories.iter().map(String::as_str), "and")
    )]
    SharedTag { one: String, other: String, tag: String, repositories: Vec<String> },
    #[error(
        "the tag `{tag}` is where Shipmate keeps what ran in `{keeper}` before, so `{environment}` \
         cannot follow it; choose another tag"
    )]
    PreviousTag { environment: String, keeper: String, tag: String },
    #[error(
        "`{one}` and `{other}` are the same container `{container}` of the ECS service \
         `{ecs_service}` in `{environment}`; remove one, or correct `container` or `ecs-service`"
    )]
    SameContainer {
        one: String,
        other: String,
        container: String,
        ecs_service: String,
        environment: String,
    },

    // An address is not shown: it may hold a password or a key.
    #[error(
        "`{key}` is no address that can be asked; write for example \
         \"https://shop.example.com/health\", with http or https and without a user or password"
    )]
    BadAddress { key: String },
    #[error(
        "the key of AWS's events is not given; name a file that holds it, for example: {example}, \
         or set {variable}"
    )]
    NoEventKey { example: String, variable: String },
    #[error("the key of AWS's events is given twice, also by `key-file`; keep one of the two")]
    TwoEventKeys,
    // What was written is not shown: it is a secret all the same.
    #[error(
        "this is no key for AWS's events: it must have from 16 to 512 visible characters without \
         spaces; make one with: openssl rand -hex 32"
    )]
    NotAnEventKey,
    #[error(
        "no program may reserve anything; add a table such as [web.reservations.tokens.e2e], or \
         remove this"
    )]
    NoReservers,
    #[error(
        "the token `{token}` for reservations is not given; name a file that holds it, for example: \
         {example}, or set {variable}"
    )]
    NoReserverKey { token: String, example: String, variable: String },
    #[error("this token for reservations is given twice, also by `key-file`; keep one of the two")]
    TwoReserverKeys,
    // Nor is this one shown.
    #[error(
        "this is no token for reservations: it must have from 16 to 512 visible characters without \
         spaces; make one with: openssl rand -hex 32"
    )]
    NotAReserverKey,
    #[error("`{token}` may reserve nothing; write for example environments = [\"staging\"]")]
    NothingToReserve { token: String },
    #[error(
        "`web.reservations.grace` must be at least twice as long as `ping`: one answer that is late \
         is no crash"
    )]
    GraceTooShort,
    #[error("`{header}` cannot be a header; use letters, digits, `-` and `_`")]
    BadHeader { header: String },
    #[error("`{key}` is not an HTTP status; write a number from 100 to 599, for example 200")]
    BadStatus { key: String },
    #[error("`{key}` must be from {least} to {most}")]
    OutOfRange { key: String, least: &'static str, most: &'static str },
    #[error("`{key}` has more than {most} entries; keep those that matter")]
    TooMany { key: String, most: usize },
    #[error("{0}")]
    BadTime(TimeError),
    #[error(
        "`{text}` is no batch; write a number of tasks, a percentage such as \"25%\", \"room\" or \
         \"all\""
    )]
    BadBatch { text: String },
    #[error("`{text}` is not a share of AWS's limits; write 1% to 100%, for example {example}")]
    BadShare { text: String, example: &'static str },
    #[error("`{name}` is a number, by which schedules made in chat are known; choose another name")]
    NumberedSchedule { name: String },
    #[error(
        "`{name}` is no template that ships; {} Your own stand here as text, or in a file whose \
         name ends in .j2",
        ended(did_you_mean_or(near, || there_are(known)))
    )]
    UnknownTemplate { name: String, near: Option<String>, known: Vec<String> },
    #[error("{0}; or, ahead of the calendar's freezes, for example `1h before freezes`")]
    BadMoment(RuleError),
    #[error(
        "`{environment}` may not be told of in channel `{channel}`, only {}; remove it, or choose \
         another channel",
        listed(told.iter().map(String::as_str), "and")
    )]
    NotToldThere { environment: String, channel: String, told: Vec<String> },
    #[error(
        "only the template `release-train` and your own can say when something leaves; remove \
         `{key}`, which changes nothing in `{template}`"
    )]
    NothingLeaves { key: String, template: &'static str },
    #[error(
        "no freeze of the calendar closes any of these environments as a whole; name one under \
         [freezes], or write a cron expression such as `0 9 * * MON-FRI`"
    )]
    NoFreezes,
    #[error("`{key}` must be longer than no time at all; write for example 10m")]
    NoTime { key: String },
    #[error(
        "there is no timezone `{name}`; {}",
        did_you_mean_or(near, || "write an IANA name such as Europe/Berlin".to_owned())
    )]
    UnknownTimezone { name: String, near: Option<String> },
    #[error("`{word}` cannot stand here; write {}", listed(known.iter().copied(), "or"))]
    UnknownWord { word: String, known: &'static [&'static str] },
    #[error("{0}")]
    BadRule(RuleError),
    #[error("`{text}` never happens; write a day that comes, such as `0 16 * * FRI`")]
    NeverHappens { text: String },
    #[error("`{key}` names no environment; write for example environments = [\"production\"]")]
    NamesNoEnvironment { key: String },
    #[error("there is no service `{name}`; {}", did_you_mean_or(near, || there_are(known)))]
    UnknownService { name: String, near: Option<String>, known: Vec<String> },
    #[error("`{account}` is not an AWS account; write its 12 digits in quotes")]
    BadAccount { account: String },
    #[error(
        "`{arn}` is not the ARN of a role; write for example arn:aws:iam::123456789012:role/shipmate"
    )]
    BadRole { arn: String },
    #[error("`{region}` is not an AWS region; write for example eu-west-1")]
    BadRegion { region: String },

    #[error(
        "no setting has this name; {}",
        did_you_mean_or(near, || "correct or unset it: names must stand in the file".to_owned())
    )]
    UnknownVariable { near: Option<String> },
    #[error(
        "this can mean {}; set it in the file, or rename one of them there",
        listed(meanings.iter().map(String::as_str), "or")
    )]
    AmbiguousVariable { meanings: Vec<String> },
    #[error("`{key}` is also set by {other}; keep one of the two variables")]
    VariableTwice { key: String, other: String },
}

/// A suggestion, or else other words of help.
fn did_you_mean_or(near: &Option<String>, otherwise: impl FnOnce() -> String) -> String {
    match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => otherwise(),
    }
}

/// With a full stop, unless it ends as a question.
fn ended(sentence: String) -> String {
    if sentence.ends_with('?') { sentence } else { format!("{sentence}.") }
}

fn keys_are(known: &[String]) -> String {
    format!("it takes {}", listed(known.iter().map(String::as_str), "and"))
}

fn there_are(known: &[String]) -> String {
    format!("there is {}", listed(known.iter().map(String::as_str), "and"))
}

fn circle(names: &[String]) -> String {
    if let [only] = names {
        return format!("`{only}` comes after itself; remove its `after`");
    }
    let before = names.iter().cycle().skip(1);
    let pairs = names.iter().zip(before).map(|(name, before)| format!("`{name}` after `{before}`"));
    let pairs: Vec<String> = pairs.collect();
    format!(
        "the environments come in a circle, {}; remove the `after` of the one that comes first",
        pairs.join(", ")
    )
}
