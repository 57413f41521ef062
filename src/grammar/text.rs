//! What people type, cut into words: quotes and code left out, invisible characters and
//! punctuation taken off. Knows neither commands nor phrases.

use std::borrow::Cow;

/// One piece of a line. Offsets are bytes of the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub start: usize,
    pub end: usize,
    /// The word as people mean it; empty for everything but words.
    pub word: Cow<'a, str>,
    pub kind: TokenKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    Word,
    Comma,
    /// Code or quoted text: not said by the person who writes.
    Quoted,
    /// Emoji, dashes and the like.
    Ornament,
}

const FENCE: &str = "```";

/// The lines of a message that the person says themselves: no quotes, no code blocks, none
/// that is blank.
pub(super) fn spoken_lines(text: &str) -> Vec<&str> {
    let mut spoken = Vec::with_capacity(1);
    let mut rest = text;
    let mut in_fence = false;
    while !rest.is_empty() {
        let (mut line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        rest = after;
        if in_fence {
            let Some((_, behind)) = line.split_once(FENCE) else { continue };
            in_fence = false;
            line = behind;
        }
        let start = line.trim_start();
        if start.starts_with(">>>") {
            // Discord quotes everything that follows these.
            break;
        }
        if start.starts_with('>') {
            continue;
        }
        // A fence that is closed on its line is cut out with the words; one that stays open
        // takes the lines that follow. A lone fence in the middle of a sentence is neither.
        if line.matches(FENCE).count() % 2 == 1
            && let Some((before, _)) = line.rsplit_once(FENCE)
            && (before.trim().is_empty() || (!after.is_empty() && after.contains(FENCE)))
        {
            in_fence = true;
            line = before;
        }
        if !line.trim().is_empty() {
            spoken.push(line);
        }
    }
    spoken
}

/// The tokens of one line, in order. Every character that is no blank belongs to one of them,
/// so that free text can be taken from where a token begins.
pub(super) fn tokens(line: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::with_capacity(16);
    let mut at = 0;
    while let Some(rest) = line.get(at..)
        && let Some(first) = rest.chars().next()
    {
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (length, kind) = next_token(rest);
        let raw = rest.get(..length).unwrap_or(rest);
        let (word, kind) = match kind {
            TokenKind::Word => clean(raw),
            TokenKind::Comma | TokenKind::Quoted | TokenKind::Ornament => (Cow::Borrowed(""), kind),
        };
        tokens.push(Token { start: at, end: at + length, word, kind });
        at += length;
    }
    tokens
}

/// Length in bytes and kind of the token that `rest` begins with.
fn next_token(rest: &str) -> (usize, TokenKind) {
    let visible = rest.trim_start_matches(is_invisible);
    let skipped = rest.len() - visible.len();
    if visible.starts_with(',') {
        return (skipped + 1, TokenKind::Comma);
    }
    if let Some(length) = quoted(visible) {
        return (skipped + length, TokenKind::Quoted);
    }
    let ends = |character: char| character.is_whitespace() || character == ',';
    let length = visible.find(ends).unwrap_or(visible.len());
    (skipped + length, TokenKind::Word)
}

/// The length of the code or quotation that `text` begins with, if it is closed.
fn quoted(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    if first == '`' {
        let inside = text.trim_start_matches('`');
        let ticks = text.len() - inside.len();
        let mut from = 0;
        // The closing run has as many ticks as the opening one, as in Markdown.
        while let Some(found) = inside.get(from..)?.find('`') {
            let run = inside.get(from + found..)?;
            let closing = run.len() - run.trim_start_matches('`').len();
            if closing == ticks {
                return Some(ticks + from + found + closing);
            }
            from += found + closing;
        }
        return None;
    }
    if !is_double_quote(first) {
        return None;
    }
    let inside = text.get(first.len_utf8()..)?;
    let (found, last) = inside.char_indices().find(|(_, character)| is_double_quote(*character))?;
    Some(first.len_utf8() + found + last.len_utf8())
}

fn is_double_quote(character: char) -> bool {
    matches!(character, '"' | '“' | '”' | '„' | '‟' | '«' | '»')
}

fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{fe0e}' | '\u{fe0f}'
    )
}

/// Takes off what is written around a word and not meant.
fn clean(raw: &str) -> (Cow<'_, str>, TokenKind) {
    // `:rocket:` is an emoji that the chat has not drawn.
    if raw.len() > 2 && raw.starts_with(':') && raw.ends_with(':') {
        return (Cow::Borrowed(""), TokenKind::Ornament);
    }
    let word = if raw.is_ascii() {
        Cow::Borrowed(trim(raw))
    } else {
        let visible: String =
            raw.chars().filter(|character| !is_invisible(*character)).map(plain).collect();
        Cow::Owned(trim(&visible).to_owned())
    };
    if word != "&" && !word.contains(char::is_alphanumeric) {
        return (Cow::Borrowed(""), TokenKind::Ornament);
    }
    (word, TokenKind::Word)
}

fn trim(word: &str) -> &str {
    word.trim_start_matches(['*', '~', '(', '[', '{', '<', '\'', '"', '`']).trim_end_matches([
        '*', '~', ')', ']', '}', '>', '\'', '"', '`', '.', '!', '?', ';', ':', '…',
    ])
}

/// Typographic signs as the ones on a keyboard.
fn plain(character: char) -> char {
    match character {
        '‘' | '’' | '‚' | '‛' => '\'',
        '“' | '”' | '„' | '‟' => '"',
        '‐' | '‑' | '‒' | '–' | '—' => '-',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        let tokens = tokens(line).into_iter().filter(|token| token.kind == TokenKind::Word);
        tokens.map(|token| token.word.into_owned()).collect()
    }

    #[test]
    fn words_lose_what_surrounds_them() {
        assert_eq!(
            words("  **Ship**\u{a0}co\u{200b}re:1.5.0  to staging!! 🚀 :tada:"),
            ["Ship", "core:1.5.0", "to", "staging"]
        );
        assert_eq!(words("what’s up, (doc)?"), ["what's", "up", "doc"]);
        assert_eq!(words("a,b ,c & d"), ["a", "b", "c", "&", "d"]);
    }

    #[test]
    fn code_and_quotations_are_no_words() {
        assert_eq!(
            words("he said “promote it” and `code` and ``a ` b`` so"),
            ["he", "said", "and", "and", "so"]
        );
        assert_eq!(words("an open \"quote"), ["an", "open", "quote"]);
    }

    #[test]
    fn quoted_lines_and_code_blocks_are_not_spoken() {
        let text = "> promote a\nstatus\n```\npromote b\n``` history\n>>> all\nthis";
        assert_eq!(spoken_lines(text), ["status", " history"]);
        assert_eq!(spoken_lines("cancel 4 because ``` is odd"), ["cancel 4 because ``` is odd"]);
        assert!(spoken_lines("```promote x\nto y").is_empty());
    }
}
