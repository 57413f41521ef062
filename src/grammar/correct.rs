//! What may have been meant by a line that is no command: the cheapest way to change it into
//! one, found among all phrases at once. Suggests and never executes; each suggestion is read
//! again before it is given.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;

use super::automaton::{Label, Place, Position, START, Symbol, Test};
use super::kind::Kind;
use super::quick::QuickMap;
use super::reading::{Misunderstood, Reading, Why};
use super::resolve::Trouble;
use super::slot::{ArgumentType, Shape, Slot};
use super::text::{self, Token, TokenKind};
use super::vocabulary::slips;
use super::{Grammar, Vocabulary};

/// What changes cost. A slip of the fingers is cheap, leaving out what names something is
/// nearly impossible, and three or four changes make another line altogether.
mod cost {
    pub const SLIP: u32 = 10;
    /// A word that is known as it stands is rarely a slip of another.
    pub const KNOWN_WORD: u32 = 15;
    pub const INSERT: u32 = 12;
    /// The word that begins a command.
    pub const INSERT_FIRST: u32 = 30;
    pub const DROP: u32 = 20;
    /// Before the command begins: "hey, can you".
    pub const DROP_FIRST: u32 = 12;
    /// Something that may change what is meant: more than there is to spend.
    pub const DROP_NAME: u32 = MOST + 1;
    pub const DROP_COMMA: u32 = 1;
    /// An argument that is not there.
    pub const MISSING: u32 = 20;
    /// An argument that names nothing and is near nothing.
    pub const UNKNOWN: u32 = 30;
    /// A word that may be a tag although no such tag is known.
    pub const DOUBTFUL_TAG: u32 = 6;
    pub const TEXT: u32 = 1;
    /// No more than this in all.
    pub const MOST: u32 = 60;
    /// Other suggestions may cost so much more than the best.
    pub const SPREAD: u32 = 12;
}

/// Longer lines are talk, or beyond help.
const LONGEST: usize = 24;
const SUGGESTIONS: usize = 3;

/// Tokens read so far, and the place of the last word.
type Node = (usize, Place);

/// What is done with a word. Thousands are weighed for each line, so they are cheap to copy.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Edit<'g> {
    /// The token stands as it is.
    Keep(usize),
    /// The token is this word of a phrase instead.
    Replace(usize, &'g str),
    /// The token is one of these names instead, nearest first.
    Rename(usize, Rc<[String]>),
    Drop,
    Insert(&'g str),
    Missing(Slot),
    /// From this token to the end of the line.
    Text(usize),
}

/// A way to change the line.
struct Correction<'g> {
    cost: u32,
    kind: Kind,
    edits: Vec<Edit<'g>>,
}

impl Grammar {
    /// A line that a phrase reads and that names something that is not there.
    pub(super) fn troubled(
        &self,
        line: &str,
        tokens: &[Token<'_>],
        (at, trouble): (usize, Trouble),
        vocabulary: &Vocabulary,
    ) -> Misunderstood {
        let Trouble { why, replacements } = trouble;
        let replaced = tokens.get(at).map(|token| {
            let line = |word: &String| {
                let before = line.get(..token.start).unwrap_or("");
                let behind = line.get(token.end..).unwrap_or("");
                format!("{before}{word}{behind}").trim().to_owned()
            };
            replacements.iter().map(line).collect::<Vec<_>>()
        });
        let mut suggestions = self.readable(replaced.unwrap_or_default(), vocabulary);
        if suggestions.is_empty() {
            let lines = self.corrections(line, tokens, vocabulary);
            let lines = lines.iter().flat_map(|correction| correction.lines(line, tokens));
            suggestions = self.readable(lines.collect(), vocabulary);
        }
        Misunderstood { why: self.in_full(why, vocabulary), suggestions }
    }

    /// A line that no phrase reads.
    pub(super) fn unread(
        &self,
        line: &str,
        tokens: &[Token<'_>],
        vocabulary: &Vocabulary,
    ) -> Reading {
        let at = tokens.iter().position(|token| {
            let symbol = self.automaton.words.symbol(token);
            !self.automaton.words.is_skippable(token, symbol)
        });
        let Some((at, first)) = at.and_then(|at| Some((at, tokens.get(at)?))) else {
            return Reading::NotACommand;
        };
        let begun = self.begun(first);
        let mut corrections = self.corrections(line, tokens, vocabulary);
        if begun.is_some() && self.automaton.words.known(&first.word).is_some() {
            // Who says "lock" does not mean "unlock", whatever else is missing.
            corrections.retain(|correction| !correction.replaces(at));
        }
        let lines = corrections.iter().flat_map(|correction| correction.lines(line, tokens));
        let suggestions = self.readable(lines.collect(), vocabulary);
        let Some(best) = corrections.first() else {
            return match begun {
                Some(kind) => Reading::Misunderstood(Misunderstood {
                    why: self.unreadable(kind, tokens),
                    suggestions,
                }),
                None => Reading::NotACommand,
            };
        };
        // "I want a coffee" lacks an environment and is no command all the same.
        if begun.is_none() && suggestions.is_empty() && !Self::names_something(tokens, vocabulary) {
            return Reading::NotACommand;
        }
        let why = if let Some(argument) = best.tally().missing {
            let command = best.kind.id().to_owned();
            Why::Missing { command, argument, choices: Vec::new(), example: None }
        } else {
            self.fault(first, best, &best.lines_keeping_names(line, tokens), vocabulary)
        };
        Reading::Misunderstood(Misunderstood { why: self.in_full(why, vocabulary), suggestions })
    }

    /// Whether an image or environment is among the words.
    fn names_something(tokens: &[Token<'_>], vocabulary: &Vocabulary) -> bool {
        tokens.iter().any(|token| {
            Shape::of(&token.word) == Shape::Reference
                || vocabulary.environment(&token.word).is_some()
                || vocabulary.repository(&token.word).is_some()
        })
    }

    /// What is wrong with a line that can be corrected; `kept`: the line with everything
    /// corrected but its names.
    fn fault(
        &self,
        first: &Token<'_>,
        best: &Correction<'_>,
        kept: &str,
        vocabulary: &Vocabulary,
    ) -> Why {
        let retokened = text::tokens(kept);
        if let Some(Err((_, trouble))) = self.read(kept, &retokened, vocabulary) {
            return trouble.why;
        }
        match best.edits.first() {
            Some(Edit::Replace(..)) => {
                Why::UnknownCommand { word: first.word.clone().into_owned() }
            }
            Some(
                Edit::Keep(_)
                | Edit::Rename(..)
                | Edit::Drop
                | Edit::Insert(_)
                | Edit::Missing(_)
                | Edit::Text(_),
            )
            | None => Why::Misspelt,
        }
    }

    /// The command that a line begins with, where its first word leaves no doubt that a
    /// command was meant: a telling word, or a slip of a long one.
    fn begun(&self, first: &Token<'_>) -> Option<Kind> {
        let words = &self.automaton.words;
        let known = words.known(&first.word);
        let begins = |place: &&Place| {
            let test = self.automaton.position(**place).map(|position| position.test);
            let Some(Test::Word(symbol)) = test else { return false };
            let word = words.text(symbol);
            let is_slip = || word.len() >= 5 && slips(&first.word, word).is_some();
            let fits = known.map_or_else(is_slip, |known| known == symbol);
            fits && self.is_telling(**place)
        };
        let place = self.automaton.follow(START).iter().find(begins)?;
        self.automaton.position(*place).map(|position| position.kind)
    }

    fn unreadable(&self, kind: Kind, tokens: &[Token<'_>]) -> Why {
        let stopped = self.automaton.run(tokens).stopped_at;
        let word = stopped.and_then(|at| tokens.get(at)).map(|token| token.word.to_string());
        let usage = self.entry(kind).map(super::Entry::usage).unwrap_or_default();
        Why::Unreadable { command: kind.id().to_owned(), word, usage }
    }

    /// Adds what can be chosen and an example.
    fn in_full(&self, why: Why, vocabulary: &Vocabulary) -> Why {
        let Why::Missing { command, argument, choices: _, example: _ } = why else { return why };
        let choices = match argument.argument_type() {
            ArgumentType::Environment => {
                vocabulary.environments.iter().map(ToString::to_string).collect()
            }
            ArgumentType::Service => vocabulary.services.iter().map(ToString::to_string).collect(),
            ArgumentType::Images
            | ArgumentType::Deployment
            | ArgumentType::Command
            | ArgumentType::Schedule
            | ArgumentType::Time
            | ArgumentType::Moment
            | ArgumentType::Switch
            | ArgumentType::Text => Vec::new(),
        };
        let entry = Kind::named(&command).and_then(|kind| self.entry(kind));
        let example = entry.and_then(|entry| entry.examples.first());
        let example = example.map(|example| example.text.clone());
        Why::Missing { command, argument, choices, example }
    }

    /// Those lines that are commands, each command once, nearest first.
    fn readable(&self, lines: Vec<String>, vocabulary: &Vocabulary) -> Vec<String> {
        let mut commands = Vec::new();
        let mut readable = Vec::new();
        for line in lines {
            if let Some(command) = self.command(&line, vocabulary)
                && !commands.contains(&command)
                && readable.len() < SUGGESTIONS
            {
                commands.push(command);
                readable.push(line);
            }
        }
        readable
    }

    /// The cheapest ways to make a command of a line, cheapest first.
    fn corrections<'g>(
        &'g self,
        line: &str,
        tokens: &[Token<'_>],
        vocabulary: &Vocabulary,
    ) -> Vec<Correction<'g>> {
        let words: Vec<usize> = (0..tokens.len())
            .filter(|at| {
                tokens.get(*at).is_some_and(|token| match token.kind {
                    TokenKind::Word => {
                        let symbol = self.automaton.words.symbol(token);
                        !self.automaton.words.is_skippable(token, symbol)
                    }
                    TokenKind::Comma => true,
                    TokenKind::Quoted | TokenKind::Ornament => false,
                })
            })
            .collect();
        if words.is_empty() || words.len() > LONGEST || line.len() > 4096 {
            return Vec::new();
        }
        let (memory, near) = (QuickMap::default(), QuickMap::default());
        Search { grammar: self, vocabulary, tokens, words, memory, near }.run()
    }
}

/// What a correction is made of.
struct Tally {
    /// Words that the person said.
    said: usize,
    /// Words that were put in or left out.
    changed: usize,
    missing: Option<Slot>,
    /// The most names that one misspelt name may mean.
    names: usize,
}

impl Correction<'_> {
    /// Whether it puts another word in the place of this one.
    fn replaces(&self, token: usize) -> bool {
        self.edits.iter().any(|edit| matches!(edit, Edit::Replace(at, _) if *at == token))
    }

    fn tally(&self) -> Tally {
        let mut tally = Tally { said: 0, changed: 0, missing: None, names: 1 };
        for edit in &self.edits {
            match edit {
                Edit::Keep(_) | Edit::Replace(..) => tally.said += 1,
                Edit::Rename(_, names) => {
                    tally.said += 1;
                    tally.names = tally.names.max(names.len());
                }
                Edit::Insert(_) | Edit::Drop => tally.changed += 1,
                // The first that is missing is asked for first.
                Edit::Missing(slot) => tally.missing = tally.missing.or(Some(*slot)),
                Edit::Text(_) => {}
            }
        }
        tally
    }

    /// Whether enough of it was said by the person.
    fn is_likely(&self) -> bool {
        let tally = self.tally();
        tally.said > tally.changed || (tally.said == tally.changed && tally.missing.is_some())
    }

    /// The line as it would be right, with each of the names that a misspelt one may mean;
    /// none where an argument is missing.
    fn lines(&self, line: &str, tokens: &[Token<'_>]) -> Vec<String> {
        let tally = self.tally();
        if tally.missing.is_some() {
            return Vec::new();
        }
        let choices = 0..tally.names.min(SUGGESTIONS);
        choices.map(|choice| self.say(line, tokens, Some(choice))).collect()
    }

    /// The line with its phrase set right and its names as they were.
    fn lines_keeping_names(&self, line: &str, tokens: &[Token<'_>]) -> String {
        self.say(line, tokens, None)
    }

    fn say(&self, line: &str, tokens: &[Token<'_>], choice: Option<usize>) -> String {
        let original = |at: usize| match tokens.get(at) {
            Some(token) if token.kind == TokenKind::Comma => ",",
            Some(token) => token.word.as_ref(),
            None => "",
        };
        let mut said = String::new();
        for edit in &self.edits {
            let word: &str = match edit {
                Edit::Keep(at) => original(*at),
                Edit::Replace(_, word) => word,
                Edit::Rename(at, names) => {
                    let name = choice.and_then(|choice| names.get(choice).or(names.first()));
                    name.map_or(original(*at), String::as_str)
                }
                Edit::Insert(word) => word,
                Edit::Text(at) => {
                    let start = tokens.get(*at).map_or(line.len(), |token| token.start);
                    line.get(start..).unwrap_or("").trim()
                }
                Edit::Drop | Edit::Missing(_) => continue,
            };
            if !said.is_empty() && word != "," {
                said.push(' ');
            }
            said.push_str(word);
        }
        said
    }
}

/// The search for the cheapest corrections: Dijkstra over the tokens and places.
struct Search<'g, 'a> {
    grammar: &'g Grammar,
    vocabulary: &'a Vocabulary,
    tokens: &'a [Token<'a>],
    /// The tokens that count.
    words: Vec<usize>,
    /// What reading a word as an argument of a type costs.
    memory: QuickMap<(usize, ArgumentType), Option<(u32, Edit<'g>)>>,
    /// How many slips lie between a word and a word of a phrase.
    near: QuickMap<(usize, Symbol), Option<u32>>,
}

impl<'g> Search<'g, '_> {
    fn run(mut self) -> Vec<Correction<'g>> {
        let mut best: QuickMap<Node, u32> = QuickMap::from_iter([((0, START), 0)]);
        let mut came_from: QuickMap<Node, (Node, Edit<'g>)> = QuickMap::default();
        let mut edges = Vec::new();
        let mut waiting = BinaryHeap::from([Reverse((0_u32, (0_usize, START)))]);
        let mut found: Vec<Correction<'g>> = Vec::new();
        while let Some(Reverse((so_far, node))) = waiting.pop() {
            if best.get(&node).is_some_and(|known| *known < so_far) {
                continue;
            }
            let dearest = found.first().map_or(cost::MOST, |first| first.cost + cost::SPREAD);
            if so_far > dearest || found.len() >= 2 * SUGGESTIONS {
                break;
            }
            let position = self.grammar.automaton.position(node.1);
            if let Some(position) = position
                && position.accepting
                && node.0 == self.words.len()
            {
                let mut edits = Vec::new();
                let mut at = node;
                while let Some((before, edit)) = came_from.get(&at) {
                    edits.push(edit.clone());
                    at = *before;
                }
                edits.reverse();
                let correction = Correction { cost: so_far, kind: position.kind, edits };
                if correction.is_likely() {
                    found.push(correction);
                }
                continue;
            }
            self.edges(node, &mut edges);
            for (next, price, edit) in edges.drain(..) {
                let sum = so_far + price;
                if sum <= cost::MOST && best.get(&next).is_none_or(|known| sum < *known) {
                    best.insert(next, sum);
                    came_from.insert(next, (node, edit));
                    waiting.push(Reverse((sum, next)));
                }
            }
        }
        found
    }

    fn edges(&mut self, (done, place): Node, edges: &mut Vec<(Node, u32, Edit<'g>)>) {
        let grammar = self.grammar;
        let token = self.words.get(done).copied();
        if let Some(at) = token {
            edges.push(((done + 1, place), self.drop_cost(at, place), Edit::Drop));
        }
        for next in grammar.automaton.follow(place) {
            let Some(position) = grammar.automaton.position(*next) else { continue };
            if let Some(at) = token {
                if position.test == Test::Type(ArgumentType::Text) {
                    // Free text swallows all that is left.
                    edges.push(((self.words.len(), *next), cost::TEXT, Edit::Text(at)));
                } else if let Some((price, edit)) = self.read(at, position) {
                    edges.push(((done + 1, *next), price, edit));
                }
            }
            if let Some((price, edit)) = self.insert(place, position) {
                edges.push(((done, *next), price, edit));
            }
        }
    }

    fn drop_cost(&self, at: usize, place: Place) -> u32 {
        let Some(token) = self.tokens.get(at) else { return cost::DROP };
        if token.kind == TokenKind::Comma {
            return cost::DROP_COMMA;
        }
        if place == START && !self.names(token) {
            return cost::DROP_FIRST;
        }
        // Behind the beginning every word may change what is meant, "not" and "rehearse" as
        // well as names; only those that hold sentences together are left out.
        match Shape::of(&token.word) {
            Shape::Comma | Shape::Other => cost::DROP,
            Shape::Name
            | Shape::BareTag
            | Shape::Clock
            | Shape::Date
            | Shape::Number
            | Shape::HashNumber
            | Shape::Reference => cost::DROP_NAME,
        }
    }

    /// Whether a word names something.
    fn names(&self, token: &Token<'_>) -> bool {
        match Shape::of(&token.word) {
            Shape::Reference
            | Shape::Number
            | Shape::HashNumber
            | Shape::BareTag
            | Shape::Clock
            | Shape::Date => true,
            Shape::Name => {
                self.vocabulary.environment(&token.word).is_some() || self.is_switch_word(token)
            }
            Shape::Comma | Shape::Other => false,
        }
    }

    /// "dry" alone is never left out: the real thing would be suggested instead.
    fn is_switch_word(&self, token: &Token<'_>) -> bool {
        let words = &self.grammar.automaton.words;
        words.is_of_switch(words.symbol(token))
    }

    fn insert(&self, place: Place, position: &Position) -> Option<(u32, Edit<'g>)> {
        let grammar = self.grammar;
        let automaton = &grammar.automaton;
        let label = |place: Place| automaton.position(place).map(|position| position.label);
        match (position.test, position.label) {
            // Putting "because" somewhere would make a reason of whatever follows.
            (Test::Word(word), Label::Keyword) if !position.before_text || position.accepting => {
                // One word alone says too little to put a command before it.
                let first = place == START;
                let alone = self.words.len() < 2;
                let word = automaton.words.text(word);
                let price = if first { cost::INSERT_FIRST } else { cost::INSERT };
                (!(first && alone)).then_some((price, Edit::Insert(word)))
            }
            // A switch is finished where it was begun, never put in.
            (Test::Word(word), Label::Switch(_)) if label(place) == Some(position.label) => {
                Some((cost::INSERT, Edit::Insert(automaton.words.text(word))))
            }
            (Test::Type(_), Label::Argument(slot)) => Some((cost::MISSING, Edit::Missing(slot))),
            (Test::Word(_) | Test::Type(_), Label::Switch(_))
            | (Test::Word(_), Label::Argument(_) | Label::Keyword)
            | (Test::Type(_), Label::Keyword)
            // A time that is missing is told where it is written in one word.
            | (Test::Shape(_) | Test::Nothing, _) => None,
        }
    }

    fn read(&mut self, at: usize, position: &Position) -> Option<(u32, Edit<'g>)> {
        let token = self.tokens.get(at)?;
        match position.test {
            Test::Shape(Shape::Comma) => {
                (token.kind == TokenKind::Comma).then_some((0, Edit::Keep(at)))
            }
            Test::Nothing => None,
            Test::Shape(shape) => (Shape::of(&token.word) == shape).then_some((0, Edit::Keep(at))),
            Test::Word(symbol) => {
                let grammar = self.grammar;
                let words = &grammar.automaton.words;
                let known = words.known(&token.word);
                if known == Some(symbol) {
                    return Some((0, Edit::Keep(at)));
                }
                let word = words.text(symbol);
                let near = *self.near.entry((at, symbol)).or_insert_with(|| {
                    slips(&token.word, word).and_then(|slips| u32::try_from(slips).ok())
                });
                let price = near? * cost::SLIP + known.map_or(0, |_| cost::KNOWN_WORD);
                Some((price, Edit::Replace(at, word)))
            }
            Test::Type(kind) => {
                if let Some(known) = self.memory.get(&(at, kind)) {
                    return known.clone();
                }
                let read = self.argument(at, kind);
                self.memory.insert((at, kind), read.clone());
                read
            }
        }
    }

    fn argument(&self, at: usize, kind: ArgumentType) -> Option<(u32, Edit<'g>)> {
        let token = self.tokens.get(at)?;
        let word: &str = &token.word;
        let resolver = self.grammar.resolver(self.vocabulary);
        let is_keyword = self.grammar.automaton.words.known(word).is_some();
        let trouble = match kind {
            ArgumentType::Environment => resolver.environment(word).err(),
            ArgumentType::Service => resolver.service(word).err(),
            ArgumentType::Command => resolver.topic(word).err(),
            ArgumentType::Images => resolver.image(word).err(),
            ArgumentType::Deployment
            | ArgumentType::Schedule
            | ArgumentType::Time
            | ArgumentType::Moment
            | ArgumentType::Switch
            | ArgumentType::Text => None,
        };
        if let Some(trouble) = trouble {
            return if let Some(near) = trouble.replacements.first() {
                let slips = slips(word, near).unwrap_or(3).max(1);
                let price = u32::try_from(slips).ok()? * cost::SLIP;
                Some((price, Edit::Rename(at, trouble.replacements.into())))
            } else {
                let fits = kind.reads(Shape::of(word)) && !is_keyword;
                fits.then_some((cost::UNKNOWN, Edit::Keep(at)))
            };
        }
        if !kind.reads(Shape::of(word)) {
            return None;
        }
        let is_doubtful = kind == ArgumentType::Images
            && Shape::of(word) == Shape::Name
            && self.vocabulary.repositories_with(word).is_empty();
        Some((if is_doubtful { cost::DOUBTFUL_TAG } else { 0 }, Edit::Keep(at)))
    }
}
