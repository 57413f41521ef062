//! Phrases as people write them in files: `[optional]`, `(either|or)`, `{argument:type}`, and
//! `…` for the endings of the command. Reads them into a tree and knows nothing of commands.

use super::slot::{ArgumentType, Mask, Slot};
use super::text::{self, TokenKind};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// In lower case.
    Word(String),
    Argument(Slot),
    Sequence(Vec<Node>),
    Choice(Vec<Node>),
    Optional(Box<Node>),
    /// Any number of times, none included. Only endings make it.
    Repeat(Box<Node>),
    /// `…`, until [`Node::with_endings`] puts the command's endings there.
    Endings,
}

/// What is wrong with a phrase, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PhraseError {
    /// Bytes from the beginning of the phrase.
    pub offset: usize,
    pub problem: PhraseProblem,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PhraseProblem {
    #[error("this `{0}` is never closed")]
    Unclosed(char),
    #[error("this `{0}` closes nothing")]
    Unopened(char),
    #[error("`|` stands between alternatives, inside ( ) or [ ]")]
    BareAlternative,
    #[error("nothing stands here; give a word or leave it out")]
    Empty,
    #[error("there is no argument `{0}`; there are {known}", known = slot_names())]
    UnknownArgument(String),
    #[error("there is no type `{0}`; there are {known}", known = type_names())]
    UnknownType(String),
    #[error("`{slot}` is of type `{right}`: write {{{slot}:{right}}}")]
    WrongType { slot: &'static str, right: &'static str },
    #[error("`{0}` can never be read: that is not what one word of a chat line looks like")]
    UnreadableWord(String),
    #[error("free text takes the rest of the line: nothing can follow it")]
    AfterText,
    #[error("`…` stands at the very end of a phrase")]
    EndingsInside,
    #[error("`…` stands for the `endings` of the command, and it has none")]
    NoEndings,
    #[error("`{0}` stands twice in one reading of this phrase")]
    Twice(Slot),
    #[error("this can be read without any word of its own, which would take over every line")]
    Wordless,
    #[error("`{0}` is no argument of this command")]
    Unusable(Slot),
    #[error("`{0}` and `images` exclude each other")]
    Excluded(Slot),
    #[error("this can be read without `{0}`, which the command needs")]
    Missing(Slot),
    #[error("these words would mean nothing here; write {{{0}:switch}}")]
    LooksLikeSwitch(Slot),
    #[error("this makes too many combinations; split the phrase")]
    TooMany,
}

fn slot_names() -> String {
    Slot::ALL.map(Slot::name).join(", ")
}

fn type_names() -> String {
    ArgumentType::ALL.map(ArgumentType::name).join(", ")
}

/// Reads one phrase.
pub(super) fn parse(phrase: &str) -> Result<Node, PhraseError> {
    let mut reader = Reader { phrase, at: 0 };
    let node = reader.choice(None)?;
    check_endings(&node, true).map_err(|problem| PhraseError { offset: 0, problem })?;
    Ok(node)
}

struct Reader<'a> {
    phrase: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.phrase.get(self.at..).unwrap_or("")
    }

    fn skip_blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn error<T>(offset: usize, problem: PhraseProblem) -> Result<T, PhraseError> {
        Err(PhraseError { offset, problem })
    }

    /// Alternatives up to `closing`: the sign and offset of the bracket that is open, if any.
    fn choice(&mut self, open: Option<(char, usize)>) -> Result<Node, PhraseError> {
        let mut alternatives = Vec::new();
        let mut sequence = Vec::new();
        loop {
            self.skip_blanks();
            let at = self.at;
            let Some(sign) = self.rest().chars().next() else {
                if let Some((sign, offset)) = open {
                    return Self::error(offset, PhraseProblem::Unclosed(sign));
                }
                break;
            };
            match sign {
                '|' if open.is_none() => return Self::error(at, PhraseProblem::BareAlternative),
                '|' => {
                    self.at += 1;
                    alternatives.push(finish(std::mem::take(&mut sequence), at)?);
                }
                '[' | '(' => {
                    self.at += 1;
                    let inside = self.choice(Some((sign, at)))?;
                    sequence.push(match sign {
                        '[' => Node::Optional(Box::new(inside)),
                        _ => inside,
                    });
                }
                ']' | ')' => {
                    let opening = if sign == ']' { '[' } else { '(' };
                    match open {
                        Some((open, _)) if open == opening => {}
                        Some((other, offset)) if other != '\0' => {
                            return Self::error(offset, PhraseProblem::Unclosed(other));
                        }
                        Some(_) | None => return Self::error(at, PhraseProblem::Unopened(sign)),
                    }
                    self.at += 1;
                    break;
                }
                '{' => sequence.push(self.argument()?),
                '}' => return Self::error(at, PhraseProblem::Unopened(sign)),
                _ => sequence.push(self.word()?),
            }
        }
        // The closing bracket, one byte long, has been passed.
        let end = open.map_or(self.at, |_| self.at - 1);
        alternatives.push(finish(sequence, end)?);
        Ok(if alternatives.len() == 1 {
            alternatives.swap_remove(0)
        } else {
            Node::Choice(alternatives)
        })
    }

    /// `{name}` or `{name:type}`.
    fn argument(&mut self) -> Result<Node, PhraseError> {
        let start = self.at;
        let Some((inside, _)) = self.rest().get(1..).and_then(|rest| rest.split_once('}')) else {
            return Self::error(start, PhraseProblem::Unclosed('{'));
        };
        let length = inside.len();
        let (name, given) = match inside.split_once(':') {
            Some((name, given)) => (name.trim(), given.trim()),
            None => (inside.trim(), inside.trim()),
        };
        let Some(slot) = Slot::named(name) else {
            return Self::error(start + 1, PhraseProblem::UnknownArgument(name.to_owned()));
        };
        let right = slot.argument_type();
        if given != right.name() {
            let problem = if ArgumentType::named(given).is_none() && inside.contains(':') {
                PhraseProblem::UnknownType(given.to_owned())
            } else {
                PhraseProblem::WrongType { slot: slot.name(), right: right.name() }
            };
            return Self::error(start + 1, problem);
        }
        self.at = start + length + 2;
        Ok(Node::Argument(slot))
    }

    fn word(&mut self) -> Result<Node, PhraseError> {
        let start = self.at;
        let ends = |sign: char| sign.is_whitespace() || "[](){}|".contains(sign);
        let rest = self.rest();
        let word = rest.get(..rest.find(ends).unwrap_or(rest.len())).unwrap_or(rest).to_lowercase();
        self.at += rest.find(ends).unwrap_or(rest.len());
        if word == "…" || word == "..." {
            return Ok(Node::Endings);
        }
        // A word that the reader of chat lines would cut or trim could never match.
        match text::tokens(&word).as_slice() {
            [token]
                if token.kind == TokenKind::Word
                    && token.word == word
                    && word.len() <= MAX_WORD =>
            {
                Ok(Node::Word(word))
            }
            _ => Self::error(start, PhraseProblem::UnreadableWord(word)),
        }
    }
}

/// Words of phrases are looked up in a buffer of this many bytes.
pub(super) const MAX_WORD: usize = 48;

fn finish(mut sequence: Vec<Node>, at: usize) -> Result<Node, PhraseError> {
    match sequence.len() {
        0 => Err(PhraseError { offset: at, problem: PhraseProblem::Empty }),
        1 => Ok(sequence.swap_remove(0)),
        _ => Ok(Node::Sequence(sequence)),
    }
}

/// `…` is allowed only as the last part of the whole phrase.
fn check_endings(node: &Node, outermost: bool) -> Result<(), PhraseProblem> {
    match node {
        Node::Word(_) | Node::Argument(_) => Ok(()),
        Node::Endings if outermost => Ok(()),
        Node::Endings => Err(PhraseProblem::EndingsInside),
        Node::Sequence(parts) => {
            let last = parts.len().saturating_sub(1);
            let mut numbered = parts.iter().enumerate();
            numbered.try_for_each(|(at, part)| check_endings(part, outermost && at == last))
        }
        Node::Choice(parts) => parts.iter().try_for_each(|part| check_endings(part, false)),
        Node::Optional(part) | Node::Repeat(part) => check_endings(part, false),
    }
}

/// A word to say, or an argument to fill in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Atom {
    Word(String),
    Argument(Slot),
}

/// One way to say a phrase: which arguments it gives, and the words in order.
pub(super) type Way = (Mask, Vec<Atom>);

/// More than this many sets of arguments in one phrase is a mistake.
const MAX_WAYS: usize = 4096;

impl Node {
    /// Puts the endings in the place of `…`: each of them any number of times in any order,
    /// and the one with free text last.
    pub fn with_endings(self, endings: &[Node]) -> Result<Self, PhraseProblem> {
        match self {
            Self::Endings if endings.is_empty() => Err(PhraseProblem::NoEndings),
            Self::Endings => {
                let (last, any): (Vec<Self>, Vec<Self>) =
                    endings.iter().cloned().partition(Self::has_text);
                let mut parts = Vec::new();
                if !any.is_empty() {
                    parts.push(Self::Repeat(Box::new(Self::Choice(any))));
                }
                if !last.is_empty() {
                    parts.push(Self::Optional(Box::new(Self::Choice(last))));
                }
                Ok(Self::Sequence(parts))
            }
            Self::Sequence(parts) => {
                let parts = parts.into_iter().map(|part| part.with_endings(endings));
                Ok(Self::Sequence(parts.collect::<Result<_, _>>()?))
            }
            other @ (Self::Word(_)
            | Self::Argument(_)
            | Self::Choice(_)
            | Self::Optional(_)
            | Self::Repeat(_)) => Ok(other),
        }
    }

    /// Whether free text is in it.
    fn has_text(&self) -> bool {
        match self {
            Self::Word(_) | Self::Endings => false,
            Self::Argument(slot) => slot.argument_type() == ArgumentType::Text,
            Self::Sequence(parts) | Self::Choice(parts) => parts.iter().any(Self::has_text),
            Self::Optional(part) | Self::Repeat(part) => part.has_text(),
        }
    }

    /// The first and shortest way to say each set of arguments.
    pub fn ways(&self) -> Result<Vec<Way>, PhraseProblem> {
        let mut ways: Vec<Way> = Vec::new();
        let mut add = |(mask, atoms): Way| {
            if !ways.iter().any(|(known, _)| *known == mask) {
                ways.push((mask, atoms));
            }
            ways.len() <= MAX_WAYS
        };
        let fits = match self {
            Self::Word(word) => add((Mask::WORDS, vec![Atom::Word(word.clone())])),
            Self::Argument(slot) => add((slot.mask(), vec![Atom::Argument(*slot)])),
            Self::Sequence(parts) => {
                let mut all: Vec<Way> = vec![(Mask::default(), Vec::new())];
                for part in parts {
                    all = join(&all, &part.ways()?)?;
                }
                all.into_iter().all(add)
            }
            Self::Choice(parts) => {
                let mut fits = true;
                for part in parts {
                    fits = fits && part.ways()?.into_iter().all(&mut add);
                }
                fits
            }
            Self::Optional(part) => {
                add((Mask::default(), Vec::new())) && part.ways()?.into_iter().all(add)
            }
            Self::Repeat(part) => {
                // Each part once at most, in the order in which they are written.
                let parts = match part.as_ref() {
                    Self::Choice(parts) => parts.as_slice(),
                    one @ (Self::Word(_)
                    | Self::Argument(_)
                    | Self::Sequence(_)
                    | Self::Optional(_)
                    | Self::Repeat(_)
                    | Self::Endings) => std::slice::from_ref(one),
                };
                let mut all: Vec<Way> = vec![(Mask::default(), Vec::new())];
                for part in parts {
                    let mut optional = vec![(Mask::default(), Vec::new())];
                    optional.extend(part.ways()?);
                    all = join(&all, &optional)?;
                }
                all.into_iter().all(add)
            }
            Self::Endings => add((Mask::default(), Vec::new())),
        };
        if fits { Ok(ways) } else { Err(PhraseProblem::TooMany) }
    }
}

fn is_text(slot: Slot) -> bool {
    slot.argument_type() == ArgumentType::Text
}

/// Each way of the left followed by each way of the right.
fn join(left: &[Way], right: &[Way]) -> Result<Vec<Way>, PhraseProblem> {
    let mut joined: Vec<Way> = Vec::new();
    for (before, said) in left {
        for (after, more) in right {
            if before.slots().any(is_text) && !more.is_empty() {
                return Err(PhraseProblem::AfterText);
            }
            let twice = before.common(*after).slots();
            // Saying "dry run" twice means no more than saying it once.
            let mut twice = twice.filter(|slot| slot.argument_type() != ArgumentType::Switch);
            if let Some(slot) = twice.next() {
                return Err(PhraseProblem::Twice(slot));
            }
            let mask = before.and(*after);
            if !joined.iter().any(|(known, _)| *known == mask) {
                joined.push((mask, said.iter().chain(more).cloned().collect()));
            }
        }
    }
    if joined.len() > MAX_WAYS { Err(PhraseProblem::TooMany) } else { Ok(joined) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(phrase: &str) -> (usize, PhraseProblem) {
        let error = parse(phrase).expect_err("the phrase is wrong");
        (error.offset, error.problem)
    }

    #[test]
    fn mistakes_are_found_where_they_are() {
        assert_eq!(problem("roll [back"), (5, PhraseProblem::Unclosed('[')));
        assert_eq!(problem("roll (a|b] c"), (5, PhraseProblem::Unclosed('(')));
        assert_eq!(problem("roll back]"), (9, PhraseProblem::Unopened(']')));
        assert_eq!(problem("a | b"), (2, PhraseProblem::BareAlternative));
        assert_eq!(problem("a []"), (3, PhraseProblem::Empty));
        assert_eq!(problem(""), (0, PhraseProblem::Empty));
        assert_eq!(problem("to {place}"), (4, PhraseProblem::UnknownArgument("place".into())));
        assert_eq!(problem("{images:set}"), (1, PhraseProblem::UnknownType("set".into())));
        assert_eq!(
            problem("from {source}"),
            (6, PhraseProblem::WrongType { slot: "source", right: "environment" })
        );
        assert_eq!(problem("why?"), (0, PhraseProblem::UnreadableWord("why?".into())));
        assert_eq!(problem("a … b"), (0, PhraseProblem::EndingsInside));
    }

    #[test]
    fn the_shortest_way_to_say_each_set_of_arguments_comes_first() {
        let node = parse("[please] (status|how is) [{environment}]").expect("a phrase");
        let said: Vec<usize> =
            node.ways().expect("few ways").into_iter().map(|(_, atoms)| atoms.len()).collect();
        assert_eq!(said, [1, 2]);
    }
}
