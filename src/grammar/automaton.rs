//! All phrases as one automaton. A state is a word of a phrase (a position, after Glushkov), so
//! the path through the states says what each word of a line is. The deterministic form is
//! what reads lines; the positions say which word is which argument.
//!
//! Where several paths read a line for the same command, the one with a word of the phrase
//! where the other has an argument wins, at the first place where they differ. Paths that
//! differ in anything else are collisions, which are errors when phrases are loaded.

use std::collections::HashMap;

use super::kind::Kind;
use super::phrase::{MAX_WORD, Node};
use super::quick::QuickMap;
use super::slot::{ArgumentType, Shape, Slot};
use super::text::{Token, TokenKind};

/// A word as the automaton sees it: its shape, or one of the words of the phrases.
pub(super) type Symbol = u16;
/// An index into [`Automaton::positions`].
pub(super) type Place = u16;
/// An index into the deterministic states. 0 is the dead one, 1 where a line begins.
pub(super) type State = u16;

const DEAD: State = 0;
const BEGIN: State = 1;
/// The place before the first word.
pub(super) const START: Place = 0;

/// What a place reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Test {
    Word(Symbol),
    Type(ArgumentType),
    /// Digits and nothing else.
    Number,
    Comma,
    /// [`START`], which is before all words.
    Nothing,
}

/// What a word that is read there means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    Keyword,
    /// A word of a switch such as "dry run".
    Switch(Slot),
    Argument(Slot),
}

#[derive(Clone, Debug)]
pub(super) struct Position {
    pub test: Test,
    pub label: Label,
    pub kind: Kind,
    /// Which of the phrases that were added.
    pub phrase: usize,
    /// The places that can come next, ascending.
    pub follow: Vec<Place>,
    /// A line may end here.
    pub accepting: bool,
    /// Free text can come next.
    pub before_text: bool,
}

/// The words of the phrases, numbered behind the shapes.
#[derive(Clone, Debug)]
pub(super) struct Words {
    numbers: QuickMap<Box<str>, Symbol>,
    /// For each symbol.
    shapes: Vec<Shape>,
    texts: Vec<Box<str>>,
    polite: Vec<bool>,
    /// Words of switches such as "dry".
    switches: Vec<bool>,
}

/// Said for courtesy, wherever no phrase has them, and never the name of anything.
const POLITE: [&str; 6] = ["please", "pls", "plz", "thanks", "thx", "kindly"];

impl Words {
    fn new() -> Self {
        let mut words = Self {
            numbers: QuickMap::default(),
            shapes: Shape::ALL.to_vec(),
            texts: Shape::ALL.map(|shape| shape.sample().into()).to_vec(),
            polite: vec![false; Shape::ALL.len()],
            switches: vec![false; Shape::ALL.len()],
        };
        for word in POLITE {
            words.number(word);
        }
        words
    }

    fn number(&mut self, word: &str) -> Symbol {
        if let Some(symbol) = self.numbers.get(word) {
            return *symbol;
        }
        let symbol = index(self.texts.len());
        self.numbers.insert(word.into(), symbol);
        let is_polite = POLITE.contains(&word);
        self.shapes.push(if is_polite { Shape::Other } else { Shape::of(word) });
        self.texts.push(word.into());
        self.polite.push(is_polite);
        self.switches.push(false);
        symbol
    }

    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// The word of a phrase, or a sample of the shape.
    pub fn text(&self, symbol: Symbol) -> &str {
        self.texts.get(usize::from(symbol)).map_or("", |text| text)
    }

    pub fn shape(&self, symbol: Symbol) -> Shape {
        self.shapes.get(usize::from(symbol)).copied().unwrap_or(Shape::Other)
    }

    fn is_polite(&self, symbol: Symbol) -> bool {
        self.polite.get(usize::from(symbol)).copied().unwrap_or(false)
    }

    /// Whether some switch is written with this word.
    pub fn is_of_switch(&self, symbol: Symbol) -> bool {
        self.switches.get(usize::from(symbol)).copied().unwrap_or(false)
    }

    /// The number of a word in any case, if a phrase has it. Works without allocating, since
    /// every word of every line comes by here.
    pub fn known(&self, word: &str) -> Option<Symbol> {
        let mut buffer = [0_u8; MAX_WORD];
        let mut length = 0;
        if word.is_ascii() {
            let lower = buffer.get_mut(..word.len())?;
            lower.copy_from_slice(word.as_bytes());
            lower.make_ascii_lowercase();
            return self.numbers.get(std::str::from_utf8(lower).ok()?).copied();
        }
        for character in word.chars().flat_map(char::to_lowercase) {
            let place = buffer.get_mut(length..length + character.len_utf8())?;
            character.encode_utf8(place);
            length += character.len_utf8();
        }
        let lower = std::str::from_utf8(buffer.get(..length)?).ok()?;
        self.numbers.get(lower).copied()
    }

    /// What the automaton sees of a token.
    pub fn symbol(&self, token: &Token<'_>) -> Symbol {
        match token.kind {
            TokenKind::Word => {
                self.known(&token.word).unwrap_or_else(|| Shape::of(&token.word) as Symbol)
            }
            TokenKind::Comma => Shape::Comma as Symbol,
            TokenKind::Quoted | TokenKind::Ornament => Shape::Other as Symbol,
        }
    }

    /// Whether a token may be passed over where no phrase reads it.
    pub fn is_skippable(&self, token: &Token<'_>, symbol: Symbol) -> bool {
        match token.kind {
            TokenKind::Word => self.is_polite(symbol),
            TokenKind::Comma | TokenKind::Quoted | TokenKind::Ornament => true,
        }
    }
}

/// What one line did to the automaton.
pub(super) struct Run {
    /// For each token that was read and not passed over: its number, and the state behind it.
    pub steps: Vec<(usize, State)>,
    /// The token that no phrase reads after the ones before.
    pub stopped_at: Option<usize>,
}

impl Run {
    pub fn state(&self) -> State {
        self.steps.last().map_or(BEGIN, |(_, state)| *state)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Automaton {
    pub words: Words,
    pub positions: Vec<Position>,
    /// For each state, the places where a reading can be, ascending.
    states: Vec<Box<[Place]>>,
    accepting: Vec<bool>,
    /// The next state, by state and symbol.
    table: Vec<State>,
}

impl Automaton {
    /// The number of a token's symbol leads from a state to the next.
    fn next(&self, state: State, symbol: Symbol) -> State {
        let at = usize::from(state) * self.words.len() + usize::from(symbol);
        self.table.get(at).copied().unwrap_or(DEAD)
    }

    pub fn places(&self, state: State) -> &[Place] {
        self.states.get(usize::from(state)).map_or(&[], |places| places)
    }

    pub fn position(&self, place: Place) -> Option<&Position> {
        self.positions.get(usize::from(place))
    }

    pub fn follow(&self, place: Place) -> &[Place] {
        self.position(place).map_or(&[], |position| &position.follow)
    }

    pub fn is_accepting(&self, state: State) -> bool {
        self.accepting.get(usize::from(state)).copied().unwrap_or(false)
    }

    /// Reads the tokens from the beginning, as far as phrases go.
    pub fn run(&self, tokens: &[Token<'_>]) -> Run {
        let mut run = Run { steps: Vec::with_capacity(tokens.len()), stopped_at: None };
        let mut state = BEGIN;
        for (number, token) in tokens.iter().enumerate() {
            let symbol = self.words.symbol(token);
            let next = self.next(state, symbol);
            if next != DEAD {
                state = next;
                run.steps.push((number, state));
            } else if !self.words.is_skippable(token, symbol) {
                run.stopped_at = Some(number);
                break;
            }
        }
        run
    }

    /// The place of each step of a run that was accepted.
    pub fn path(&self, run: &Run) -> Option<Vec<Place>> {
        if run.stopped_at.is_some() || run.steps.is_empty() {
            return None;
        }
        self.only_path(run).or_else(|| self.preferred_path(run))
    }

    /// The path, where there is only one: found from the end, where fewest places are left.
    fn only_path(&self, run: &Run) -> Option<Vec<Place>> {
        let ends = self.places(run.state()).iter().copied();
        let accepting = |place: &Place| self.position(*place).is_some_and(|p| p.accepting);
        let mut place = only(ends.filter(accepting))?;
        let mut path = vec![place; run.steps.len()];
        for at in (0..run.steps.len().saturating_sub(1)).rev() {
            let (_, state) = run.steps.get(at)?;
            let next = place;
            let before = self.places(*state).iter().copied();
            let leads = move |place: &Place| self.follow(*place).binary_search(&next).is_ok();
            place = only(before.filter(leads))?;
            *path.get_mut(at)? = place;
        }
        Some(path)
    }

    /// The path that prefers words of phrases to arguments, from the beginning.
    fn preferred_path(&self, run: &Run) -> Option<Vec<Place>> {
        // Behind each step, the places from which the end can be reached.
        let mut alive: Vec<Vec<Place>> = Vec::with_capacity(run.steps.len());
        for (_, state) in run.steps.iter().rev() {
            let leads = |place: &Place| match alive.last() {
                None => self.position(*place).is_some_and(|position| position.accepting),
                Some(later) => self.follow(*place).iter().any(|next| later.contains(next)),
            };
            let places: Vec<Place> = self.places(*state).iter().copied().filter(leads).collect();
            alive.push(places);
        }
        alive.reverse();
        let preferred = self.prefer(alive.iter().map(Vec::as_slice));
        // Each of the places left has one before it; from the end, any chain is the same.
        let mut path = Vec::with_capacity(run.steps.len());
        for places in preferred.iter().rev() {
            let leads = |place: &&Place| match path.last() {
                None => true,
                Some(next) => self.follow(**place).binary_search(next).is_ok(),
            };
            path.push(*places.iter().find(leads)?);
        }
        path.reverse();
        Some(path)
    }

    /// The places where the end of a run can be if words of phrases are preferred to arguments,
    /// whatever may follow.
    pub fn preferred_ends(&self, run: &Run) -> Vec<Place> {
        let steps = run.steps.iter().map(|(_, state)| self.places(*state));
        self.prefer(steps).pop().unwrap_or_else(|| vec![START])
    }

    /// Of the places at each step, those that the preferred ones before lead to and, if any of
    /// these are words of phrases, only they.
    fn prefer<'a>(&self, steps: impl Iterator<Item = &'a [Place]>) -> Vec<Vec<Place>> {
        let is_word = |place: &Place| {
            let label = self.position(*place).map(|position| position.label);
            matches!(label, Some(Label::Keyword | Label::Switch(_)))
        };
        let mut preferred: Vec<Vec<Place>> = Vec::new();
        for places in steps {
            let before = preferred.last().map_or(&[START][..], Vec::as_slice);
            let led_to =
                |place: &Place| before.iter().any(|b| self.follow(*b).binary_search(place).is_ok());
            let mut next: Vec<Place> = places.iter().copied().filter(led_to).collect();
            if next.iter().any(is_word) {
                next.retain(is_word);
            }
            preferred.push(next);
        }
        preferred
    }
}

fn only(mut places: impl Iterator<Item = Place>) -> Option<Place> {
    let first = places.next()?;
    places.next().is_none().then_some(first)
}

fn reads(words: &Words, test: Test, symbol: Symbol) -> bool {
    match test {
        Test::Word(word) => word == symbol,
        Test::Type(kind) => kind.reads(words.shape(symbol)),
        Test::Number => words.shape(symbol) == Shape::Number,
        Test::Comma => symbol == Shape::Comma as Symbol,
        Test::Nothing => false,
    }
}

/// Places, states and symbols are numbered with 16 bits; a builder that runs over says so in
/// [`Builder::finish`] before any number is used.
fn index(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

/// What a number is followed by to be a time.
const UNITS: [&str; 15] = [
    "seconds", "second", "secs", "sec", "s", "minutes", "minute", "mins", "min", "m", "hours",
    "hour", "hrs", "hr", "h",
];

/// Puts phrases together.
pub(super) struct Builder {
    words: Words,
    positions: Vec<Position>,
}

/// The phrases make more states than there are numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

/// A part of a phrase: where it can begin and end, and whether it can be left out.
struct Part {
    first: Vec<Place>,
    last: Vec<Place>,
    optional: bool,
}

impl Builder {
    pub fn new() -> Self {
        let start = Position {
            test: Test::Nothing,
            label: Label::Keyword,
            kind: Kind::Help,
            phrase: usize::MAX,
            follow: Vec::new(),
            accepting: false,
            before_text: false,
        };
        Self { words: Words::new(), positions: vec![start] }
    }

    pub fn add(&mut self, kind: Kind, phrase: usize, node: &Node) {
        let part = self.part(kind, phrase, node);
        self.connect(&[START], &part.first);
        for place in part.last {
            if let Some(position) = self.positions.get_mut(usize::from(place)) {
                position.accepting = true;
            }
        }
    }

    fn part(&mut self, kind: Kind, phrase: usize, node: &Node) -> Part {
        match node {
            Node::Word(word) => self.word(kind, phrase, word, Label::Keyword),
            Node::Argument(slot) => self.argument(kind, phrase, *slot),
            Node::Sequence(nodes) => {
                let parts: Vec<Part> =
                    nodes.iter().map(|node| self.part(kind, phrase, node)).collect();
                self.sequence(parts)
            }
            Node::Choice(nodes) => {
                let parts = nodes.iter().map(|node| self.part(kind, phrase, node)).collect();
                choice(parts)
            }
            Node::Optional(node) => Part { optional: true, ..self.part(kind, phrase, node) },
            Node::Repeat(node) => {
                let part = self.part(kind, phrase, node);
                self.connect(&part.last, &part.first);
                Part { optional: true, ..part }
            }
            Node::Endings => Part { first: Vec::new(), last: Vec::new(), optional: true },
        }
    }

    fn argument(&mut self, kind: Kind, phrase: usize, slot: Slot) -> Part {
        let argument = slot.argument_type();
        let label = Label::Argument(slot);
        match argument {
            ArgumentType::Environment
            | ArgumentType::Service
            | ArgumentType::Deployment
            | ArgumentType::Command => self.leaf(kind, phrase, Test::Type(argument), label),
            ArgumentType::Text => {
                let part = self.leaf(kind, phrase, Test::Type(argument), label);
                self.connect(&part.last, &part.first);
                part
            }
            ArgumentType::Images => {
                // image ((, [and] | and | &) image)*
                let image = self.leaf(kind, phrase, Test::Type(argument), label);
                let comma = self.leaf(kind, phrase, Test::Comma, Label::Keyword);
                let and_after =
                    Part { optional: true, ..self.word(kind, phrase, "and", Label::Keyword) };
                let listed = self.sequence(vec![comma, and_after]);
                let and = self.word(kind, phrase, "and", Label::Keyword);
                let sign = self.word(kind, phrase, "&", Label::Keyword);
                let between = choice(vec![listed, and, sign]);
                let more = self.leaf(kind, phrase, Test::Type(argument), label);
                let more = self.sequence(vec![between, more]);
                self.connect(&more.last, &more.first);
                self.sequence(vec![image, Part { optional: true, ..more }])
            }
            ArgumentType::Time => {
                // 10m | 10 minutes
                let written = self.leaf(kind, phrase, Test::Type(argument), label);
                let number = self.leaf(kind, phrase, Test::Number, label);
                let units = UNITS.iter().map(|unit| self.word(kind, phrase, unit, label)).collect();
                let spelled = self.sequence(vec![number, choice(units)]);
                choice(vec![written, spelled])
            }
            ArgumentType::Switch => {
                let label = Label::Switch(slot);
                let apart: Vec<Part> = slot
                    .name()
                    .split('-')
                    .map(|word| self.word(kind, phrase, word, label))
                    .collect();
                let apart = self.sequence(apart);
                let hyphened = self.word(kind, phrase, slot.name(), label);
                let joined = self.word(kind, phrase, &slot.name().replace('-', ""), label);
                choice(vec![apart, hyphened, joined])
            }
        }
    }

    fn word(&mut self, kind: Kind, phrase: usize, word: &str, label: Label) -> Part {
        let symbol = self.words.number(word);
        if matches!(label, Label::Switch(_))
            && let Some(switch) = self.words.switches.get_mut(usize::from(symbol))
        {
            *switch = true;
        }
        self.leaf(kind, phrase, Test::Word(symbol), label)
    }

    fn leaf(&mut self, kind: Kind, phrase: usize, test: Test, label: Label) -> Part {
        let place = index(self.positions.len());
        let follow = Vec::new();
        let (accepting, before_text) = (false, false);
        self.positions.push(Position { test, label, kind, phrase, follow, accepting, before_text });
        Part { first: vec![place], last: vec![place], optional: false }
    }

    fn sequence(&mut self, parts: Vec<Part>) -> Part {
        let mut whole = Part { first: Vec::new(), last: Vec::new(), optional: true };
        for part in parts {
            self.connect(&whole.last, &part.first);
            if whole.optional {
                whole.first.extend(&part.first);
            }
            if part.optional {
                whole.last.extend(part.last);
            } else {
                whole.last = part.last;
            }
            whole.optional = whole.optional && part.optional;
        }
        whole
    }

    fn connect(&mut self, from: &[Place], to: &[Place]) {
        for place in from {
            if let Some(position) = self.positions.get_mut(usize::from(*place)) {
                position.follow.extend(to);
            }
        }
    }

    /// Makes it deterministic.
    pub fn finish(self) -> Result<Automaton, TooLarge> {
        let Self { words, mut positions } = self;
        if positions.len() >= usize::from(u16::MAX) || words.len() >= usize::from(u16::MAX) {
            return Err(TooLarge);
        }
        for position in &mut positions {
            position.follow.sort_unstable();
            position.follow.dedup();
        }
        let is_text: Vec<bool> =
            positions.iter().map(|one| one.test == Test::Type(ArgumentType::Text)).collect();
        for position in &mut positions {
            let text = |place: &Place| is_text.get(usize::from(*place)).copied().unwrap_or(false);
            position.before_text = position.follow.iter().any(text);
        }
        let dead: Box<[Place]> = Box::new([]);
        let begin: Box<[Place]> = Box::new([START]);
        let mut numbers = HashMap::from([(dead.clone(), DEAD), (begin.clone(), BEGIN)]);
        let mut states = vec![dead, begin];
        let mut table = vec![DEAD; words.len()];
        let mut at = usize::from(BEGIN);
        while let Some(places) = states.get(at) {
            let mut next: Vec<Vec<Place>> = vec![Vec::new(); words.len()];
            for place in places {
                let Some(position) = positions.get(usize::from(*place)) else { continue };
                for follower in &position.follow {
                    let Some(follower_position) = positions.get(usize::from(*follower)) else {
                        continue;
                    };
                    let mut add = |symbol: usize| {
                        if let Some(places) = next.get_mut(symbol) {
                            places.push(*follower);
                        }
                    };
                    match follower_position.test {
                        Test::Word(word) => add(usize::from(word)),
                        Test::Comma => add(Shape::Comma as usize),
                        Test::Nothing => {}
                        Test::Type(_) | Test::Number => (0..words.len())
                            .filter(|symbol| reads(&words, follower_position.test, index(*symbol)))
                            .for_each(add),
                    }
                }
            }
            for mut places in next {
                places.sort_unstable();
                places.dedup();
                let places = places.into_boxed_slice();
                let number = match numbers.get(&places) {
                    Some(number) => *number,
                    None => {
                        if states.len() >= usize::from(u16::MAX) {
                            return Err(TooLarge);
                        }
                        let number = index(states.len());
                        numbers.insert(places.clone(), number);
                        states.push(places);
                        number
                    }
                };
                table.push(number);
            }
            at += 1;
        }
        let ends = |place: &Place| positions.get(usize::from(*place)).is_some_and(|p| p.accepting);
        let accepting = states.iter().map(|places| places.iter().any(ends)).collect();
        Ok(Automaton { words, positions, states, accepting, table })
    }
}

fn choice(parts: Vec<Part>) -> Part {
    let mut whole = Part { first: Vec::new(), last: Vec::new(), optional: false };
    for part in parts {
        whole.first.extend(part.first);
        whole.last.extend(part.last);
        whole.optional = whole.optional || part.optional;
    }
    whole
}
