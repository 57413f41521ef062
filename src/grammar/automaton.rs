//! All phrases as one automaton. A state is a word of a phrase (a position, after Glushkov), so
//! the path through the states says what each word of a line is. The deterministic form is
//! what reads lines; the positions say which word is which argument.
//!
//! Where several paths read a line for the same command, the one with a word of the phrase
//! where the other has an argument wins, at the first place where they differ. Paths that
//! differ in anything else are collisions, which are errors when phrases are loaded.

use super::kind::Kind;
use super::phrase::MAX_WORD;
use super::quick::QuickMap;
use super::slot::{ArgumentType, Shape, Slot};
use super::text::{Token, TokenKind};

/// A word as the automaton sees it: its shape, or one of the words of the phrases.
pub(super) type Symbol = u16;
/// An index into [`Automaton::positions`].
pub(super) type Place = u16;
/// An index into the deterministic states. 0 is the dead one, 1 where a line begins.
pub(super) type State = u16;

pub(super) const DEAD: State = 0;
pub(super) const BEGIN: State = 1;
/// The place before the first word.
pub(super) const START: Place = 0;

/// What a place reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Test {
    Word(Symbol),
    Type(ArgumentType),
    Shape(Shape),
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
    pub(super) switches: Vec<bool>,
}

/// Said for courtesy, wherever no phrase has them, and never the name of anything.
const POLITE: [&str; 6] = ["please", "pls", "plz", "thanks", "thx", "kindly"];

impl Words {
    pub fn new() -> Self {
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

    pub fn number(&mut self, word: &str) -> Symbol {
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
    pub(super) states: Vec<Box<[Place]>>,
    pub(super) accepting: Vec<bool>,
    /// The next state, by state and symbol.
    pub(super) table: Vec<State>,
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

pub(super) fn reads(words: &Words, test: Test, symbol: Symbol) -> bool {
    match test {
        Test::Word(word) => word == symbol,
        Test::Type(kind) => kind.reads(words.shape(symbol)),
        Test::Shape(shape) => words.shape(symbol) == shape,
        Test::Nothing => false,
    }
}

/// Places, states and symbols are numbered with 16 bits; a builder that runs over says so in
/// [`super::builder::Builder::finish`] before any number is used.
pub(super) fn index(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}
