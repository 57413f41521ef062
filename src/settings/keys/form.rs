//! What the values of keys look like, and what holds where one is not set. Which keys there are
//! is not known here.

/// What a value looks like in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Form {
    Text,
    List,
    /// Text that never stands in the file, only in a variable.
    Secret,
    /// One text for all environments, or a table with one for each.
    ByEnvironment,
    /// A text or a whole number.
    Amount,
    /// One text or whole number for all environments, or a table with one for each.
    AmountByEnvironment,
    /// A whole number. It is kept as its digits.
    Number,
    /// True or false. It is kept as that word.
    Switch,
}

/// What holds where a key is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Unset {
    Required,
    /// This value.
    Default(&'static str),
    /// What these words say.
    Otherwise(&'static str),
}

impl Form {
    /// Whether there may be one for each environment.
    pub fn is_by_environment(self) -> bool {
        match self {
            Self::ByEnvironment | Self::AmountByEnvironment => true,
            Self::Text | Self::List | Self::Secret | Self::Amount | Self::Number | Self::Switch => {
                false
            }
        }
    }

    /// What a single value of it looks like, inside a list or a table by environment.
    pub fn single(self) -> Self {
        match self {
            Self::Amount | Self::AmountByEnvironment => Self::Amount,
            Self::Text | Self::List | Self::Secret | Self::ByEnvironment => Self::Text,
            Self::Number => Self::Number,
            Self::Switch => Self::Switch,
        }
    }

    /// As a sentence has it: "it must be …".
    pub fn wanted(self) -> &'static str {
        match self {
            Self::Text | Self::Secret => "text in quotes",
            Self::List => "a list of texts",
            Self::ByEnvironment => "text in quotes or a table of texts by environment",
            Self::Amount => "text in quotes or a whole number",
            Self::AmountByEnvironment => {
                "text in quotes, a whole number, or a table of these by environment"
            }
            Self::Number => "a number",
            Self::Switch => "true or false",
        }
    }
}
