//! What a container wrote last, in words: text from outside, shown as it is and no further.

use crate::domain::event::LastLines;

use super::{cause, words};

/// So many lines stand on a card; all that were read stand beside it.
const ON_CARD: usize = 4;

/// What was read, or why it was not.
pub fn sentence(log: &LastLines) -> String {
    let of = format!("{}, task {}", words::clean(&log.container), cause::task_name(&log.task));
    match (&log.unread, log.lines.as_slice()) {
        (Some(why), _) => {
            words::sentence(&format!("could not read the log of {of}: {}", words::clean(why)))
        }
        (None, []) => format!("{of} has written nothing to its log"),
        (None, _) => format!("the last lines of {of}:"),
    }
}

/// The lines, each marked as somebody else's words.
pub fn lines(log: &LastLines) -> Vec<String> {
    log.lines.iter().map(|line| format!("│ {}", words::clean(line))).collect()
}

/// The very last of them, for the end of a card.
pub fn on_card(log: &LastLines) -> Vec<String> {
    let lines = lines(log);
    lines.get(lines.len().saturating_sub(ON_CARD)..).unwrap_or_default().to_vec()
}
