//! From the words of a line that a phrase reads to a command: names are looked up here, and
//! what does not exist is refused. Nothing is guessed.

use std::time::Duration;

use crate::domain::command::{Command, ImageReference, Pick};
use crate::domain::id::{DeploymentId, Digest, EnvironmentName, Repository, ServiceName, Tag};
use crate::domain::schedule::ScheduleKey;
use crate::domain::words_of_time::{self, TimeError, When};

use super::automaton::{Automaton, Label, Place};
use super::kind::{Arguments, Kind};
use super::reading::Why;
use super::slot::Slot;
use super::text::Token;
use super::vocabulary::Vocabulary;

/// A word that a phrase reads and that names nothing, and what could stand in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub why: Why,
    pub replacements: Vec<String>,
}

/// Looks names up.
pub(super) struct Resolver<'a> {
    pub automaton: &'a Automaton,
    pub vocabulary: &'a Vocabulary,
    /// For each command of the grammar, the words that stand for it in `help`.
    pub topics: &'a [(String, Kind)],
    pub kinds: &'a [Kind],
}

/// A reading of a line: which token is at which place.
pub(super) struct Path<'a> {
    pub line: &'a str,
    pub tokens: &'a [Token<'a>],
    pub steps: Vec<(usize, Place)>,
}

impl Resolver<'_> {
    /// The command, or the number of the token that is in the way.
    pub fn command(&self, path: &Path<'_>) -> Result<Command, (usize, Trouble)> {
        let mut arguments = Arguments::default();
        let mut kind = Kind::Help;
        for (number, place) in &path.steps {
            let (Some(position), Some(token)) =
                (self.automaton.position(*place), path.tokens.get(*number))
            else {
                continue;
            };
            kind = position.kind;
            let here = |trouble| (*number, trouble);
            match position.label {
                Label::Keyword => {}
                Label::Switch(slot) => match slot {
                    Slot::DryRun => arguments.dry_run = true,
                    Slot::BreakGlass => arguments.break_glass = true,
                    Slot::Everything => arguments.everything = true,
                    // Only these are switches.
                    Slot::Images
                    | Slot::Environment
                    | Slot::Source
                    | Slot::Service
                    | Slot::Deployment
                    | Slot::Topic
                    | Slot::Stay
                    | Slot::Length
                    | Slot::When
                    | Slot::Until
                    | Slot::Reason
                    | Slot::Announcement
                    | Slot::Schedule => {}
                },
                Label::Argument(slot) => {
                    self.argument(slot, token, path, &mut arguments).map_err(here)?;
                }
            }
        }
        arguments.stay = self.time(path, Slot::Stay, |text| length(Slot::Stay, text))?;
        arguments.length = self.time(path, Slot::Length, |text| length(Slot::Length, text))?;
        arguments.when = self.time(path, Slot::When, When::parse)?;
        arguments.until = self.time(path, Slot::Until, When::parse)?;
        if kind == Kind::Lock {
            arguments.take_length_out_of_reason();
        }
        let missing = kind.missing(arguments.mask());
        kind.command(arguments).ok_or_else(|| {
            let why = Why::Missing {
                command: kind.id().to_owned(),
                argument: missing.unwrap_or(Slot::Reason),
                choices: Vec::new(),
                example: None,
            };
            (0, Trouble { why, replacements: Vec::new() })
        })
    }

    fn argument(
        &self,
        slot: Slot,
        token: &Token<'_>,
        path: &Path<'_>,
        arguments: &mut Arguments,
    ) -> Result<(), Trouble> {
        let word: &str = &token.word;
        match slot {
            Slot::Images => arguments.images.push(self.image(word)?),
            Slot::Environment => arguments.environment = Some(self.environment(word)?),
            Slot::Source => arguments.source = Some(self.environment(word)?),
            Slot::Service => arguments.service = Some(self.service(word)?),
            Slot::Deployment => {
                // Shapes let at most eighteen digits through.
                let number = word.trim_start_matches('#').parse().ok();
                arguments.deployment = number.map(DeploymentId);
            }
            Slot::Topic => arguments.topic = Some(self.topic(word)?),
            Slot::Announcement => {
                if arguments.announcement.is_none() {
                    let text = path.line.get(token.start..).unwrap_or("").trim();
                    arguments.announcement = Some(text.to_owned());
                }
            }
            Slot::Schedule => arguments.schedule = Some(ScheduleKey::parse(word)),
            Slot::Reason => {
                // The text is taken as it was typed, from its first word to the end.
                if arguments.reason.is_none() {
                    let text = path.line.get(token.start..).unwrap_or("").trim();
                    arguments.reason = Some(text.to_owned());
                }
            }
            // These take several words: see `time`.
            Slot::Stay | Slot::Length | Slot::When | Slot::Until => {}
            Slot::DryRun | Slot::BreakGlass | Slot::Everything => {}
        }
        Ok(())
    }

    /// A length or a moment, out of all its words.
    fn time<T>(
        &self,
        path: &Path<'_>,
        slot: Slot,
        parse: impl Fn(&str) -> Result<T, TimeError>,
    ) -> Result<Option<T>, (usize, Trouble)> {
        let is_part = |(_, place): &(usize, Place)| {
            let position = self.automaton.position(*place);
            position.is_some_and(|position| position.label == Label::Argument(slot))
        };
        let parts = |part: &[(usize, Place)]| part.first().is_some_and(is_part);
        let mut said =
            path.steps.chunk_by(|one, next| is_part(one) == is_part(next)).filter(|p| parts(p));
        let Some(steps) = said.next() else { return Ok(None) };
        let words = |steps: &[(usize, Place)]| {
            let tokens = steps.iter().filter_map(|(number, _)| path.tokens.get(*number));
            tokens.map(|token| &*token.word).collect::<Vec<_>>().join(" ")
        };
        let parsed = match said.next() {
            None => parse(&words(steps)),
            Some(again) => Err(TimeError::Twice { text: words(&[steps, again].concat()) }),
        };
        parsed.map(Some).map_err(|error| {
            let at = steps.first().map_or(0, |(number, _)| *number);
            (at, Trouble { why: Why::Time(error), replacements: Vec::new() })
        })
    }

    pub fn environment(&self, word: &str) -> Result<EnvironmentName, Trouble> {
        self.vocabulary.environment(word).cloned().ok_or_else(|| {
            let mut replacements = owned(self.vocabulary.near_environments(word));
            // Some phrases take a service there, if they are told that it is one.
            let service = self.vocabulary.service(word);
            replacements.extend(service.map(|service| format!("service {service}")));
            let known = self.vocabulary.environments.clone();
            Trouble { why: Why::UnknownEnvironment { name: word.to_owned(), known }, replacements }
        })
    }

    pub fn service(&self, word: &str) -> Result<ServiceName, Trouble> {
        self.vocabulary.service(word).cloned().ok_or_else(|| Trouble {
            why: Why::UnknownService {
                name: word.to_owned(),
                known: self.vocabulary.services.clone(),
            },
            replacements: owned(self.vocabulary.near_services(word)),
        })
    }

    pub fn topic(&self, word: &str) -> Result<String, Trouble> {
        let lower = word.to_lowercase();
        let named = Kind::named(&lower).filter(|kind| self.kinds.contains(kind));
        let meant = || self.topics.iter().find(|(topic, _)| *topic == lower).map(|(_, kind)| *kind);
        if let Some(kind) = named.or_else(meant) {
            return Ok(kind.id().to_owned());
        }
        let known = self.kinds.iter().map(|kind| kind.id());
        Err(Trouble {
            replacements: owned(super::vocabulary::nearest(word, known)),
            why: Why::UnknownTopic { topic: lower },
        })
    }

    pub fn image(&self, word: &str) -> Result<ImageReference, Trouble> {
        if let Some(hex) = word.strip_prefix("sha256:") {
            return Ok(ImageReference { repository: None, pick: by_digest(word, hex)? });
        }
        if let Some((name, digest)) = word.split_once('@') {
            let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
            let repository = self.repository(word, name, &format!("@{digest}"))?;
            return Ok(ImageReference {
                repository: Some(repository),
                pick: by_digest(word, hex)?,
            });
        }
        if let Some((name, tag)) = word.rsplit_once(':') {
            if !is_tag(tag) {
                return Err(not_an_image(word));
            }
            let repository = self.repository(word, name, &format!(":{tag}"))?;
            return Ok(ImageReference {
                repository: Some(repository),
                pick: Pick::Tag(Tag::new(tag)),
            });
        }
        self.bare(word)
    }

    /// A word without repository: a tag, unless it names something else.
    fn bare(&self, word: &str) -> Result<ImageReference, Trouble> {
        if let Some(repository) = self.vocabulary.repository(word) {
            let tags = self.vocabulary.tags.get(repository).map_or(&[][..], Vec::as_slice);
            let newest: Vec<Tag> = tags.iter().take(3).cloned().collect();
            let replacements = newest.iter().map(|tag| format!("{repository}:{tag}")).collect();
            let why = Why::NoTag { repository: repository.clone(), newest };
            return Err(Trouble { why, replacements });
        }
        if word.contains('/') {
            // No tag has a slash, so this can only be a repository.
            self.repository(word, word, "")?;
            return Err(not_an_image(word));
        }
        if let Some(name) = self.vocabulary.environment(word) {
            return Err(Trouble {
                why: Why::EnvironmentAsImage { name: name.clone() },
                replacements: vec![format!("everything from {name}")],
            });
        }
        let found = self.vocabulary.repositories_with(word);
        // Words of phrases are no tags unless such a tag is known: "promote to staging" lacks
        // its image.
        if !is_tag(word) || (found.is_empty() && self.automaton.words.known(word).is_some()) {
            return Err(not_an_image(word));
        }
        if found.len() > 1 {
            let replacements = found.iter().map(|name| format!("{name}:{word}")).collect();
            let repositories = found.into_iter().cloned().collect();
            let why = Why::AmbiguousTag { tag: Tag::new(word), repositories };
            return Err(Trouble { why, replacements });
        }
        Ok(ImageReference { repository: None, pick: Pick::Tag(Tag::new(word)) })
    }

    fn repository(&self, word: &str, name: &str, rest: &str) -> Result<Repository, Trouble> {
        if name.is_empty() {
            return Err(not_an_image(word));
        }
        self.vocabulary.repository(name).cloned().ok_or_else(|| {
            let near = self.vocabulary.near_repositories(name);
            Trouble {
                why: Why::UnknownRepository {
                    name: name.to_owned(),
                    known: self.vocabulary.repositories.clone(),
                },
                replacements: near.into_iter().map(|name| format!("{name}{rest}")).collect(),
            }
        })
    }
}

impl Arguments {
    /// `because of a load test for 2h`: text goes on to the end of the line, and here people say
    /// at its end for how long.
    fn take_length_out_of_reason(&mut self) {
        let Some(reason) = self.reason.as_mut().filter(|_| self.length.is_none()) else { return };
        let Some((before, after)) = reason.rsplit_once(" for ") else { return };
        let Ok(length) = length(Slot::Length, after.trim_end_matches('.')) else { return };
        if !before.trim().is_empty() {
            self.length = Some(length);
            *reason = before.trim().to_owned();
        }
    }
}

/// Longer than this nothing is left alone by a command.
const LONGEST_STAY: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A length of time as it can be told to a command.
pub(super) fn length(slot: Slot, text: &str) -> Result<Duration, TimeError> {
    let most = if slot == Slot::Stay { LONGEST_STAY } else { words_of_time::LONGEST };
    words_of_time::whole_seconds(text, most)
}

fn not_an_image(word: &str) -> Trouble {
    Trouble { why: Why::NotAnImage { text: word.to_owned() }, replacements: Vec::new() }
}

/// The shortest digest that may be given, in hex digits.
const SHORTEST_DIGEST: usize = 8;

fn by_digest(word: &str, hex: &str) -> Result<Pick, Trouble> {
    if !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) || hex.len() > 64 {
        return Err(not_an_image(word));
    }
    if hex.len() < SHORTEST_DIGEST {
        let why = Why::ShortDigest { text: word.to_owned() };
        return Err(Trouble { why, replacements: Vec::new() });
    }
    let hex = hex.to_ascii_lowercase();
    match Digest::parse(&format!("sha256:{hex}")) {
        Ok(digest) => Ok(Pick::Digest(digest)),
        Err(_) => Ok(Pick::Prefix(hex)),
    }
}

/// Whether ECR can have a tag of this form.
fn is_tag(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let begins =
        text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    begins && text.len() <= 300 && text.bytes().all(allowed)
}

fn owned(names: Vec<&str>) -> Vec<String> {
    names.into_iter().map(str::to_owned).collect()
}
