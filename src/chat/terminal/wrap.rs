//! Text for a terminal: without what a terminal would obey, and broken to a width. Knows
//! nothing of cards or colours.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The lines of a text, without control characters. Texts come from people, commits and AWS:
/// an escape code in them must not reach the terminal, and neither must a mark that turns the
/// reading direction, because it can make one text look like another.
pub fn lines(text: &str) -> Vec<String> {
    let text = text.replace("\r\n", "\n");
    text.split(['\n', '\u{2028}', '\u{2029}'])
        .map(|line| strip(&line.replace('\t', "  ")))
        .collect()
}

/// As [`lines`], on one line: for titles and names, which have no second one.
pub fn line(text: &str) -> String {
    lines(text).join(" ").trim().to_owned()
}

fn strip(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|&c| !c.is_control() && !turns(c)).collect()
}

/// How many columns a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// Breaks a line between words so that no row is wider than `width`; a word that is wider on
/// its own is broken where it must. Space inside a row stays as it is, because some texts are
/// small tables; the rows that follow are indented as the first one is.
pub fn wrap(line: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let line = line.trim_end();
    if line.width() <= width {
        return vec![line.to_owned()];
    }
    let leading = line.len() - line.trim_start().len();
    let indent = &line[..leading];
    // An indentation that leaves no room for the text is no help to anybody.
    let indent = if indent.width() * 2 > width { "" } else { indent };
    let mut rows = Vec::new();
    let mut row = indent.to_owned();
    let mut empty = true;
    for (space, word) in words(line.trim_start()) {
        if !empty && row.width() + space.width() + word.width() > width {
            rows.push(std::mem::replace(&mut row, indent.to_owned()));
            empty = true;
        }
        if !empty {
            row.push_str(space);
        }
        for c in word.chars() {
            // Asked of the whole row: an emoji of several characters is narrower than their sum.
            let before = row.len();
            row.push(c);
            if row.width() > width && c.width().unwrap_or(0) > 0 && !empty {
                row.truncate(before);
                rows.push(std::mem::replace(&mut row, indent.to_owned()));
                row.push(c);
            }
            empty = false;
        }
    }
    rows.push(row);
    rows
}

/// The words of a line, each with the space before it.
fn words(line: &str) -> Vec<(&str, &str)> {
    let mut words = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let word_start = rest.find(|c: char| c != ' ').unwrap_or(rest.len());
        let word_length = rest[word_start..].find(' ').unwrap_or(rest.len() - word_start);
        let (head, tail) = rest.split_at(word_start + word_length);
        words.push(head.split_at(word_start));
        rest = tail;
    }
    words
}

/// A text with each run of white space as one space, so that two texts that were wrapped
/// differently compare as equal.
pub fn normal(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
