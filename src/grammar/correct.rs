//! stub
use super::resolve::Trouble;
use super::text::Token;
use super::{Grammar, Misunderstood, Reading, Vocabulary};
impl Grammar {
    pub(super) fn troubled(&self, _line: &str, _tokens: &[Token<'_>], _at: usize, trouble: Trouble, _vocabulary: &Vocabulary) -> Misunderstood {
        Misunderstood { why: trouble.why, suggestions: vec![] }
    }
    pub(super) fn unread(&self, _line: &str, _tokens: &[Token<'_>], _vocabulary: &Vocabulary) -> Reading { Reading::NotACommand }
}
