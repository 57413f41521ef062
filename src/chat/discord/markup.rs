//! A card's texts in Discord's markup: what is plain text stays plain text, whoever wrote it, and
//! people and channels are shown as Discord shows them. Pings nobody: that is decided apart.

use crate::domain::card::{Shown, Span, spans};

/// Characters that mean something wherever they stand.
const ALWAYS: [char; 8] = ['\\', '*', '_', '~', '`', '|', '<', '['];
/// Characters that mean something at the beginning of a line only.
const FIRST: [char; 4] = ['#', '>', '-', '+'];

/// How a person is named where Discord shows no mention: in titles.
pub type NameOf<'a> = &'a dyn Fn(&str) -> String;

/// A text as it is shown in a description or a field. Times are Discord's own there.
pub fn text(text: &str) -> String {
    let part = |span: Span<'_>| match span {
        Span::Text(text) => escape(text),
        Span::Person(id) if is_snowflake(id) => format!("<@{id}>"),
        Span::Channel(id) if is_snowflake(id) => format!("<#{id}>"),
        Span::Person(name) | Span::Channel(name) => escape(name),
        // Each reader sees it in the zone where they are.
        Span::Moment { second, shown, .. } => format!("<t:{second}:{}>", style(shown)),
    };
    lines(&spans(text).into_iter().map(part).collect::<String>())
}

/// A text as it is shown in a title.
pub fn title(text: &str, name_of: NameOf<'_>) -> String {
    let part = |span: Span<'_>| match span {
        Span::Text(text) | Span::Channel(text) => escape(text),
        Span::Moment { words, .. } => escape(words),
        Span::Person(id) => escape(&name_of(id)),
    };
    lines(&spans(text).into_iter().map(part).collect::<String>())
}

/// A line to copy. Nothing in it can end it early.
pub fn code(line: &str) -> String {
    format!("`{}`", line.replace('`', "'").replace('\n', " "))
}

/// The letter by which Discord knows how much of a moment is shown.
fn style(shown: Shown) -> char {
    match shown {
        Shown::Time => 't',
        Shown::Second => 'T',
        Shown::Date => 'D',
        Shown::DateAndTime => 'f',
        Shown::Full => 'F',
        Shown::Distance => 'R',
    }
}

fn is_snowflake(id: &str) -> bool {
    super::ids::snowflake(id).is_some()
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for word in text.split_inclusive(char::is_whitespace) {
        // Discord takes a backslash in an address for a part of it.
        let plain = is_address(word.trim_end().trim_start_matches('('));
        for character in word.chars() {
            if ALWAYS.contains(&character) && !plain {
                escaped.push('\\');
            }
            escaped.push(character);
        }
    }
    escaped
}

/// An address of the web, with nothing in it that could be markup of another kind.
fn is_address(word: &str) -> bool {
    let rest = word.strip_prefix("https://").or_else(|| word.strip_prefix("http://"));
    let usual = |one: char| one.is_ascii_alphanumeric() || "-._/:?#@!$&+,;=%()".contains(one);
    rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
        && rest.is_some_and(|rest| rest.chars().all(usual))
}

/// What would make a list, a heading or a quote of a line, escaped at its beginning.
fn lines(text: &str) -> String {
    let line = |line: &str| {
        let begins = line.trim_start();
        let numbered = begins.trim_start_matches(|c: char| c.is_ascii_digit());
        if begins.starts_with(FIRST) {
            let blanks = line.len() - begins.len();
            format!("{}\\{begins}", &line[..blanks])
        } else if numbered.len() < begins.len() && numbered.starts_with(". ") {
            let before = line.len() - numbered.len();
            format!("{}\\{numbered}", &line[..before])
        } else {
            line.to_owned()
        }
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::card::{channel, moment, person};

    #[test]
    fn what_people_write_is_no_markup() {
        assert_eq!(
            text("**rest_api** ~~x~~ `y` ||z||"),
            r"\*\*rest\_api\*\* \~\~x\~\~ \`y\` \|\|z\|\|"
        );
        assert_eq!(text("<@4001> <@&3002> <#1>"), r"\<@4001> \<@&3002> \<#1>");
        assert_eq!(text("[x](https://y)"), r"\[x](https://y)");
        let address = "https://wiki.example/on_call_a?b=_c_#d";
        assert_eq!(text(&format!("see_ {address} _now_")), format!(r"see\_ {address} \_now\_"));
        let in_brackets = "(https://en.wiki.example/a_(b_c))";
        assert_eq!(text(in_brackets), in_brackets);
        for address in
            ["https://y/_a_|_b_", "(_https://y/_a_)", "https://y/*a*", "https://[x](https://_y_)"]
        {
            assert!(text(address).contains(r"\"), "{address}");
        }
        assert_eq!(
            text("# big\n> quoted\n - listed\n1. first"),
            "\\# big\n\\> quoted\n \\- listed\n1\\. first"
        );
        assert_eq!(text(r"\*"), r"\\\*");
        assert_eq!(code("a`b\nc"), "`a'b c`");
    }

    #[test]
    fn people_and_channels_are_shown_as_discord_shows_them() {
        let said = format!("{} in {}", person(&"4001".into()), channel(&"2000".into()));
        assert_eq!(text(&said), "<@4001> in <#2000>");
        assert_eq!(text(&person(&"a_b".into())), r"a\_b");
        assert_eq!(title(&said, &|id| format!("@{id}")), "@4001 in 2000");
    }

    #[test]
    fn moments_are_discords_own_where_it_shows_them() {
        let at = jiff::Timestamp::from_second(1_795_000_000).unwrap();
        let said = moment(at, Shown::Full, "18:00 (UTC)");
        assert_eq!(text(&said), "<t:1795000000:F>");
        assert_eq!(title(&said, &str::to_owned), "18:00 (UTC)");
        assert_eq!(text("<t:1795000000:F>"), r"\<t:1795000000:F>");
    }
}
