//! The script of a demo: text to lines, each one thing that a person or the player does. Plays
//! nothing, and does not know which people there are.

use std::fmt;

use jiff::civil::DateTime;

use crate::domain::id::PersonId;

/// One thing that the player does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// `at: 2026-11-24T10:00`: set the clock, in the environment's local time.
    At(DateTime),
    /// `alice: promote core to staging`: say this.
    Say { person: PersonId, text: String },
    /// `bob: react ✅`: on the newest message that awaits votes.
    React { person: PersonId, emoji: Emoji },
    /// `bob: unreact ✅`: take the reaction back.
    Unreact { person: PersonId, emoji: Emoji },
    /// `wait`: until nothing runs or is queued.
    Wait,
    /// `expect: TEXT`: this stands in what the bot has said since a person's last line.
    Expect(String),
    /// `expect-not: TEXT`: this does not.
    ExpectNot(String),
}

/// A line and where it stands, counting from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    pub number: usize,
    pub line: Line,
}

/// A reaction. U+FE0E and U+FE0F only choose how an emoji is drawn, and keyboards differ in
/// whether they add them, so they are left out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Emoji(String);

impl Emoji {
    /// Reads one emoji.
    ///
    /// # Errors
    /// [`Problem::NotAnEmoji`] for anything but one word that has more than ASCII in it.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let selector = |character: char| matches!(character, '\u{fe0e}' | '\u{fe0f}');
        let bare: String = text.trim().chars().filter(|one| !selector(*one)).collect();
        if bare.is_ascii() || bare.contains(char::is_whitespace) || bare.chars().all(is_letter) {
            return Err(Problem::NotAnEmoji { text: text.trim().to_owned() });
        }
        Ok(Self(bare))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Emoji {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

/// Words in other alphabets are no emoji either.
fn is_letter(character: char) -> bool {
    character.is_alphanumeric()
}

/// Every line that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptErrors(pub Vec<ScriptError>);

impl fmt::Display for ScriptErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(formatter, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ScriptErrors {}

/// A line that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {number}: {problem}")]
pub struct ScriptError {
    /// Counts from 1.
    pub number: usize,
    pub problem: Problem,
}

/// Why a line cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error(
        "this is neither `NAME: text` nor `at:`, `wait`, `expect:` or `expect-not:`; write who \
         says it, for example alice: {text}"
    )]
    NobodySaysIt { text: String },
    #[error("`{name}` cannot be a person's name; write letters, digits, `-` and `_` before `:`")]
    NotAName { name: String },
    #[error("`{name}` says nothing; write the message behind the colon")]
    NothingSaid { name: String },
    #[error("`{text}` is not a local time; write for example at: 2026-11-24T10:00")]
    NotATime { text: String },
    #[error("`{verb}` needs an emoji; write for example bob: {verb} ✅")]
    NoEmoji { verb: &'static str },
    #[error("`{text}` is not one emoji; write the emoji itself, for example ✅")]
    NotAnEmoji { text: String },
    #[error("`wait` stands alone; remove what follows it")]
    WaitStandsAlone,
    #[error("`{keyword}:` needs a text to look for; write it behind the colon")]
    NothingExpected { keyword: &'static str },
}

/// Reads a whole script.
///
/// # Errors
/// Every line that cannot be read, in order.
pub fn parse(text: &str) -> Result<Vec<Numbered>, ScriptErrors> {
    let mut lines = Vec::new();
    let mut errors = Vec::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (index, text) in text.lines().enumerate() {
        let number = index + 1;
        match parse_line(text) {
            Ok(None) => {}
            Ok(Some(line)) => lines.push(Numbered { number, line }),
            Err(problem) => errors.push(ScriptError { number, problem }),
        }
    }
    if errors.is_empty() { Ok(lines) } else { Err(ScriptErrors(errors)) }
}

/// Reads one line; `None` if it is blank or a comment.
///
/// # Errors
/// Why the line cannot be read.
pub fn parse_line(text: &str) -> Result<Option<Line>, Problem> {
    let text = without_comment(text).trim();
    if text.is_empty() {
        return Ok(None);
    }
    if text == "wait" {
        return Ok(Some(Line::Wait));
    }
    let Some((name, rest)) = text.split_once(':') else {
        return Err(match text.split_whitespace().next() {
            Some("wait") => Problem::WaitStandsAlone,
            _ => Problem::NobodySaysIt { text: text.to_owned() },
        });
    };
    let (name, rest) = (name.trim_end(), rest.trim());
    let line = match name {
        "at" => Line::At(local_time(rest)?),
        "wait" => return Err(Problem::WaitStandsAlone),
        "expect" => Line::Expect(expected("expect", rest)?),
        "expect-not" => Line::ExpectNot(expected("expect-not", rest)?),
        name => person_line(name, rest)?,
    };
    Ok(Some(line))
}

/// A `#` begins a comment at the start of a line, and where it stands by itself: in "expect: #3"
/// it is part of the text.
fn without_comment(text: &str) -> &str {
    let starts = |(at, _): &(usize, &str)| {
        let (before, from) = text.split_at(*at);
        let after = from.strip_prefix('#').unwrap_or(from);
        let apart = before.ends_with(char::is_whitespace)
            && (after.is_empty() || after.starts_with(char::is_whitespace));
        before.trim().is_empty() || apart
    };
    let start = text.match_indices('#').find(starts).map_or(text.len(), |(at, _)| at);
    text.split_at(start).0
}

fn person_line(name: &str, rest: &str) -> Result<Line, Problem> {
    let fits = |character: char| character.is_alphanumeric() || matches!(character, '-' | '_');
    if name.is_empty() || !name.chars().all(fits) {
        return Err(Problem::NotAName { name: name.to_owned() });
    }
    let person = PersonId::new(name);
    let (verb, emoji) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    match verb {
        "" => Err(Problem::NothingSaid { name: name.to_owned() }),
        "react" => Ok(Line::React { person, emoji: reaction("react", emoji)? }),
        "unreact" => Ok(Line::Unreact { person, emoji: reaction("unreact", emoji)? }),
        _ => Ok(Line::Say { person, text: rest.to_owned() }),
    }
}

fn reaction(verb: &'static str, emoji: &str) -> Result<Emoji, Problem> {
    if emoji.trim().is_empty() { Err(Problem::NoEmoji { verb }) } else { Emoji::parse(emoji) }
}

fn expected(keyword: &'static str, text: &str) -> Result<String, Problem> {
    if text.is_empty() { Err(Problem::NothingExpected { keyword }) } else { Ok(text.to_owned()) }
}

/// Date and time of day without an offset: which zone is meant follows from the environment.
fn local_time(text: &str) -> Result<DateTime, Problem> {
    let plain = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'-' | b':' | b'T');
    let whole = text.contains('T') && text.bytes().all(plain);
    let time = if whole { text.parse().ok() } else { None };
    time.ok_or_else(|| Problem::NotATime { text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn say(person: &str, text: &str) -> Line {
        Line::Say { person: person.into(), text: text.into() }
    }

    #[test]
    fn a_script_is_read_with_its_line_numbers() {
        let script = "# The demo's first minute.\n\
                      at: 2026-11-24T10:00\n\
                      alice: promote everything from staging to production\n\
                      \n\
                      bob: react ✔\u{fe0f}\n\
                      \tbob: unreact ✔   # on second thoughts\r\n\
                      wait # until it is done\n\
                      expect: production runs core:1.5.0\n\
                      expect-not: #3 failed\n";
        let check = Emoji::parse("✔").unwrap();
        let expected = [
            (2, Line::At(date(2026, 11, 24).at(10, 0, 0, 0))),
            (3, say("alice", "promote everything from staging to production")),
            (5, Line::React { person: "bob".into(), emoji: check.clone() }),
            (6, Line::Unreact { person: "bob".into(), emoji: check }),
            (7, Line::Wait),
            (8, Line::Expect("production runs core:1.5.0".into())),
            (9, Line::ExpectNot("#3 failed".into())),
        ];
        let read: Vec<_> =
            parse(script).unwrap().into_iter().map(|one| (one.number, one.line)).collect();
        assert_eq!(read, expected);
    }

    #[test]
    fn what_people_say_is_kept_as_it_is() {
        let said = |line: &str| parse_line(line).unwrap().unwrap();
        assert_eq!(
            said("alice: promote core:1.5.0  to staging"),
            say("alice", "promote core:1.5.0  to staging")
        );
        assert_eq!(said("alice:wait"), say("alice", "wait"));
        assert_eq!(said("alice: reaction times"), say("alice", "reaction times"));
        assert_eq!(said("alice: see #12"), say("alice", "see #12"));
        assert_eq!(said("at: 2026-11-24T10:00:30"), Line::At(date(2026, 11, 24).at(10, 0, 30, 0)));
    }

    #[test]
    fn each_wrong_line_is_told_with_its_number() {
        let cases = [
            (
                "promote core to staging",
                "this is neither `NAME: text` nor `at:`, `wait`, `expect:` or `expect-not:`; write who says it, for example alice: promote core to staging",
            ),
            (
                "the team: hello",
                "`the team` cannot be a person's name; write letters, digits, `-` and `_` before `:`",
            ),
            (
                ": hello",
                "`` cannot be a person's name; write letters, digits, `-` and `_` before `:`",
            ),
            ("alice:", "`alice` says nothing; write the message behind the colon"),
            ("at: noon", "`noon` is not a local time; write for example at: 2026-11-24T10:00"),
            (
                "at: 2026-11-31T10:00",
                "`2026-11-31T10:00` is not a local time; write for example at: 2026-11-24T10:00",
            ),
            (
                "at: 2026-11-24",
                "`2026-11-24` is not a local time; write for example at: 2026-11-24T10:00",
            ),
            (
                "at: 2026-11-24T10:00Z",
                "`2026-11-24T10:00Z` is not a local time; write for example at: 2026-11-24T10:00",
            ),
            ("bob: react", "`react` needs an emoji; write for example bob: react ✅"),
            ("bob: unreact  # no", "`unreact` needs an emoji; write for example bob: unreact ✅"),
            (
                "bob: react :white_check_mark:",
                "`:white_check_mark:` is not one emoji; write the emoji itself, for example ✅",
            ),
            (
                "bob: react ✅ ✅",
                "`✅ ✅` is not one emoji; write the emoji itself, for example ✅",
            ),
            (
                "bob: react größe",
                "`größe` is not one emoji; write the emoji itself, for example ✅",
            ),
            (
                "bob: react \u{fe0f}",
                "`\u{fe0f}` is not one emoji; write the emoji itself, for example ✅",
            ),
            ("wait 5", "`wait` stands alone; remove what follows it"),
            ("wait: 5", "`wait` stands alone; remove what follows it"),
            ("expect:", "`expect:` needs a text to look for; write it behind the colon"),
            ("expect-not: ", "`expect-not:` needs a text to look for; write it behind the colon"),
        ];
        for (line, message) in cases {
            let errors = parse(&format!("wait\n{line}\n")).unwrap_err();
            assert_eq!(errors.to_string(), format!("line 2: {message}"), "{line}");
        }
        assert_eq!(parse("x\nwait\ny").unwrap_err().0.len(), 2);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(\\PC|[a-z:# \n\u{fe0f}]){0,60}") {
            let _ = parse(&text);
        }
    }
}
