//! Finds texts that two phrases would read differently: the product of the automaton with
//! itself. Knows nothing of files; the loader turns what is found into errors.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::automaton::{Automaton, Label, Place, Position, START, Symbol, Test};
use super::slot::Shape;

/// Two phrases and the shortest text that both read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Collision {
    pub phrases: (usize, usize),
    pub sample: String,
}

/// Two readings of the same words so far, and whether they differ already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Pair {
    places: (Place, Place),
    differ: bool,
}

/// All pairs of phrases that collide; within one phrase, both numbers are the same.
pub(super) fn find(automaton: &Automaton) -> Vec<Collision> {
    let begin = Pair { places: (START, START), differ: false };
    let mut came_from: HashMap<Pair, (Pair, Symbol)> = HashMap::new();
    let mut waiting = VecDeque::from([begin]);
    let mut found: BTreeMap<(usize, usize), String> = BTreeMap::new();
    while let Some(pair) = waiting.pop_front() {
        for left in automaton.follow(pair.places.0) {
            for right in automaton.follow(pair.places.1) {
                // Two readings that have not differed yet are the same pair in either order.
                let mirrored = pair.places.0 == pair.places.1 && left > right;
                let (Some(one), Some(other)) =
                    (automaton.position(*left), automaton.position(*right))
                else {
                    continue;
                };
                let Some(symbol) = common(automaton, one, other) else { continue };
                let Some(differ) = differ(pair.differ, one, other) else { continue };
                let next = Pair { places: (*left, *right), differ };
                if mirrored || next == begin || came_from.contains_key(&next) {
                    continue;
                }
                came_from.insert(next, (pair, symbol));
                waiting.push_back(next);
                if differ && one.accepting && other.accepting {
                    let phrases = (one.phrase.min(other.phrase), one.phrase.max(other.phrase));
                    found.entry(phrases).or_insert_with(|| sample(automaton, &came_from, next));
                }
            }
        }
    }
    found.into_iter().map(|(phrases, sample)| Collision { phrases, sample }).collect()
}

/// Whether two readings differ once these words are read as well; `None` where one of them
/// gives way, so that they are never both meant.
fn differ(already: bool, one: &Position, other: &Position) -> Option<bool> {
    if already || one.kind != other.kind {
        return Some(true);
    }
    match (one.label, other.label) {
        // Within one command, a word of a phrase wins over an argument.
        (Label::Keyword | Label::Switch(_), Label::Argument(_))
        | (Label::Argument(_), Label::Keyword | Label::Switch(_)) => None,
        (Label::Keyword, Label::Keyword) => Some(false),
        (Label::Switch(a), Label::Switch(b)) | (Label::Argument(a), Label::Argument(b)) => {
            Some(a != b)
        }
        (Label::Keyword, Label::Switch(_)) | (Label::Switch(_), Label::Keyword) => Some(true),
    }
}

/// A symbol that both places read; a shape where there is one, since it says more.
fn common(automaton: &Automaton, one: &Position, other: &Position) -> Option<Symbol> {
    let shape = |wanted: &dyn Fn(Shape) -> bool| {
        Shape::ALL.into_iter().find(|shape| wanted(*shape)).map(|shape| shape as Symbol)
    };
    let shape_of = |symbol| automaton.words.shape(symbol);
    match (one.test, other.test) {
        (Test::Nothing, _) | (_, Test::Nothing) => None,
        (Test::Word(a), Test::Word(b)) => (a == b).then_some(a),
        (Test::Word(word), Test::Type(kind)) | (Test::Type(kind), Test::Word(word)) => {
            kind.reads(shape_of(word)).then_some(word)
        }
        (Test::Word(word), Test::Shape(shape)) | (Test::Shape(shape), Test::Word(word)) => {
            (shape_of(word) == shape).then_some(word)
        }
        (Test::Shape(a), Test::Shape(b)) => (a == b).then_some(a as Symbol),
        (Test::Shape(shape), Test::Type(kind)) | (Test::Type(kind), Test::Shape(shape)) => {
            kind.reads(shape).then_some(shape as Symbol)
        }
        (Test::Type(a), Test::Type(b)) => shape(&|shape| a.reads(shape) && b.reads(shape)),
    }
}

fn sample(automaton: &Automaton, came_from: &HashMap<Pair, (Pair, Symbol)>, end: Pair) -> String {
    let mut words = Vec::new();
    let mut pair = end;
    while let Some((before, symbol)) = came_from.get(&pair) {
        words.push(automaton.words.text(*symbol));
        pair = *before;
    }
    words.reverse();
    words.join(" ")
}
