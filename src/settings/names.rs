//! How names are spelled and compared: hyphens, suggestions, one word for one name. Knows
//! neither files nor variables.

/// A key in its one spelling: `role_arn` and `role-arn` are the same key.
pub(super) fn key(text: &str) -> String {
    text.replace('_', "-")
}

/// The form in which a variable's name is compared: case, hyphens and underscores do not count.
pub(super) fn loosely(text: &str) -> String {
    text.to_lowercase().replace('-', "_")
}

/// The candidate that was probably meant, if one is near enough.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    /// Below this, what Jaro-Winkler finds alike no longer looks alike to people.
    const ALIKE: f64 = 0.8;
    let word = loosely(word);
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&word, &loosely(candidate)), candidate))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate.to_owned())
}

/// Whether ECR takes this as a tag: a letter, digit or underscore, then also dots and hyphens,
/// at most 300 characters.
pub(super) fn is_tag(text: &str) -> bool {
    is_word(text, 300)
}

/// Whether this can be the name of an environment, service or role: it is said in chat, so it
/// must be one word, and `<name>-previous` must be a tag.
pub(super) fn is_name(text: &str) -> bool {
    is_word(text, 255)
}

fn is_word(text: &str, longest: usize) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let inner = |byte: u8| plain(byte) || byte == b'.' || byte == b'-';
    text.bytes().next().is_some_and(plain) && text.bytes().all(inner) && text.len() <= longest
}

/// Names as a sentence has them: "`a`, `b` and `c`".
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a str>, last: &str) -> String {
    let mut quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    let Some(end) = quoted.pop() else { return "none".to_owned() };
    if quoted.is_empty() { end } else { format!("{} {last} {end}", quoted.join(", ")) }
}
