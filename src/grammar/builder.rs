//! From phrases to the automaton that reads them: each word of a phrase becomes a place, each
//! argument as many as it can have words. Knows no line of chat.

use std::collections::HashMap;

use super::automaton::{
    Automaton, BEGIN, DEAD, Label, Place, Position, START, Test, Words, index, reads,
};
use super::kind::Kind;
use super::phrase::Node;
use super::slot::{ArgumentType, Shape, Slot};
use crate::domain::words_of_time;

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
            | ArgumentType::Command
            | ArgumentType::Schedule => self.leaf(kind, phrase, Test::Type(argument), label),
            ArgumentType::Text => {
                let part = self.leaf(kind, phrase, Test::Type(argument), label);
                self.connect(&part.last, &part.first);
                part
            }
            ArgumentType::Images => {
                // image ((, [and] | and | &) image)*
                let image = self.leaf(kind, phrase, Test::Type(argument), label);
                let comma = self.leaf(kind, phrase, Test::Shape(Shape::Comma), Label::Keyword);
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
            ArgumentType::Time => self.length(kind, phrase, label),
            ArgumentType::Moment => self.moment(kind, phrase, label),
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

    /// `10m`, `1h 30m`, `10 minutes`, `a week`.
    fn length(&mut self, kind: Kind, phrase: usize, label: Label) -> Part {
        let written = self.leaf(kind, phrase, Test::Type(ArgumentType::Time), label);
        let number = self.leaf(kind, phrase, Test::Shape(Shape::Number), label);
        let units = self.any_word(kind, phrase, words_of_time::unit_words(), label);
        let spelled = self.sequence(vec![number, units]);
        let counted = choice(vec![written, spelled]);
        // 1 hour 30 minutes
        self.connect(&counted.last, &counted.first);
        let article = self.any_word(kind, phrase, ["a", "an"].into_iter(), label);
        let unit = self.any_word(kind, phrase, words_of_time::unit_words(), label);
        let one = self.sequence(vec![article, unit]);
        choice(vec![counted, one])
    }

    /// `in` a length; or a time of day and a day, in either order, each with its little word.
    /// Also one of the two by itself, for an answer that says which is missing.
    fn moment(&mut self, kind: Kind, phrase: usize, label: Label) -> Part {
        let inside = self.word(kind, phrase, "in", label);
        let length = self.length(kind, phrase, label);
        let distance = self.sequence(vec![inside, length]);
        let day = self.day(kind, phrase, label);
        let time = self.time_of_day(kind, phrase, label);
        let day_first = self.sequence(vec![day, Part { optional: true, ..time }]);
        let time = self.time_of_day(kind, phrase, label);
        let day = self.day(kind, phrase, label);
        let time_first = self.sequence(vec![time, Part { optional: true, ..day }]);
        choice(vec![distance, day_first, time_first])
    }

    /// `today`, `[on] friday`, `[on] 2026-12-24`
    fn day(&mut self, kind: Kind, phrase: usize, label: Label) -> Part {
        let named = words_of_time::DAYS.into_iter().map(|(word, _)| word);
        let named = self.any_word(kind, phrase, named, label);
        let on = Part { optional: true, ..self.word(kind, phrase, "on", label) };
        let weekdays = self.any_word(kind, phrase, words_of_time::weekday_words(), label);
        let date = self.leaf(kind, phrase, Test::Shape(Shape::Date), label);
        let calendar = self.sequence(vec![on, choice(vec![weekdays, date])]);
        choice(vec![named, calendar])
    }

    /// `[at] 18:00`, `[at] 6:30 pm`, `at 6`
    fn time_of_day(&mut self, kind: Kind, phrase: usize, label: Label) -> Part {
        let at = self.word(kind, phrase, "at", label);
        let clock = self.leaf(kind, phrase, Test::Shape(Shape::Clock), label);
        // Behind "at", a number is meant as a time, and not any other.
        let number = self.leaf(kind, phrase, Test::Shape(Shape::Number), label);
        self.connect(&at.last, &[number.first.as_slice(), &clock.first].concat());
        let half = self.any_word(kind, phrase, ["am", "pm"].into_iter(), label);
        let half = Part { optional: true, ..half };
        let first = [at.first, clock.first].concat();
        let last = [clock.last, number.last].concat();
        self.sequence(vec![Part { first, last, optional: false }, half])
    }

    fn any_word<'a>(
        &mut self,
        kind: Kind,
        phrase: usize,
        words: impl Iterator<Item = &'a str>,
        label: Label,
    ) -> Part {
        choice(words.map(|word| self.word(kind, phrase, word, label)).collect())
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
                        Test::Nothing => {}
                        Test::Type(_) | Test::Shape(_) => (0..words.len())
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

#[cfg(test)]
mod tests {
    use super::super::{phrase, text};
    use super::*;

    #[test]
    fn moments_are_read_with_their_little_words() {
        let phrase = "promote {images} [{when:moment}] [because {reason:text}]";
        let mut builder = Builder::new();
        builder.add(Kind::Promote, 0, &phrase::parse(phrase).unwrap());
        let automaton = builder.finish().unwrap();
        let when = |line: &str| {
            let tokens = text::tokens(line);
            let run = automaton.run(&tokens);
            let places = automaton.path(&run)?;
            let is_when = |place: Place| {
                let label = automaton.position(place).map(|position| position.label);
                label == Some(Label::Argument(Slot::When))
            };
            let steps = run.steps.iter().zip(places).filter(|(_, place)| is_when(*place));
            let words = steps.map(|((number, _), _)| tokens[*number].word.clone());
            Some(words.collect::<Vec<_>>().join(" "))
        };
        for moment in [
            "at 18:00",
            "18:00",
            "6pm",
            "at 6 pm",
            "at 25:00",
            "at 18",
            "tomorrow",
            "tomorrow at 9:30",
            "at 9:30 tomorrow",
            "9:30 am on friday",
            "on friday at 14:00",
            "Mon 8:00",
            "on 2026-12-24 at 10:00",
            "2026-12-24T10:00",
            "in 2 hours",
            "in 1h 30m",
            "in a week",
        ] {
            for (before, behind) in
                [("core:1.5.0 ", ""), ("1.5.0 and 18:00 ", " because in 2 hours")]
            {
                let line = format!("promote {before}{moment}{behind}");
                assert_eq!(when(&line).as_deref(), Some(moment), "{line}");
            }
        }
        for line in ["promote core:1.5.0 at", "promote core:1.5.0 42", "promote core:1.5.0 in 2"] {
            assert_eq!(when(line), None, "{line}");
        }
        assert_eq!(when("promote core:1.5.0 because at 18:00").as_deref(), Some(""));
    }
}
