//! A command as something to fill in: what a chat that has forms (Discord's slash commands)
//! shows of it. Made by the grammar out of commands/*.toml; knows no phrases and no chat.

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// The command's id: lower-case letters, digits and dashes, at most 32.
    pub name: String,
    /// One sentence, at most 100 characters.
    pub summary: String,
    /// Whether only the person who asks should see the answer.
    pub private: bool,
    /// Required ones first.
    pub fields: Vec<Field>,
}

/// What can be filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Lower-case letters, digits and dashes, at most 32; unique in its form.
    pub name: String,
    /// One sentence, at most 100 characters.
    pub summary: String,
    pub kind: FieldKind,
    pub required: bool,
}

/// What a field is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FieldKind {
    /// One or several images, as people write them: `core:1.5.0 and web:2.1.0`.
    Images,
    Environment,
    Service,
    /// A deployment's number.
    Deployment,
    /// The id of a command.
    Command,
    /// Yes or no.
    Switch,
    /// Free text.
    Text,
}

impl FieldKind {
    /// Whether there is anything to suggest while it is being filled in.
    pub fn has_suggestions(self) -> bool {
        match self {
            Self::Images | Self::Environment | Self::Service | Self::Deployment | Self::Command => {
                true
            }
            Self::Switch | Self::Text => false,
        }
    }
}

/// What a field may be filled in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// What is filled in.
    pub value: String,
    /// What is shown for it.
    pub label: String,
}
