//! What the bot said, as text that is the same in each run: how long things took and the names
//! of tasks are left out.

use shipmate::chat::terminal::{Message, plain};

/// Messages one under the other, with whom they are for.
pub fn said_by(messages: &[Message]) -> String {
    let text = |message: &Message| {
        let note = message.note().map(|note| format!(" {note}")).unwrap_or_default();
        let card = plain(&message.card);
        let (title, body) = card.split_once('\n').unwrap_or((&card, ""));
        steady(format!("{title}{note}\n{body}").trim_end())
    };
    messages.iter().map(text).collect::<Vec<_>>().join("\n\n")
}

/// A text without durations, times to the second and the names of tasks.
fn steady(text: &str) -> String {
    let text = text.replace("just now", "N s ago");
    text.split('\n').map(steady_line).collect::<Vec<_>>().join("\n")
}

fn steady_line(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let bare = |word: &str| word.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned();
    let steady = words.iter().enumerate().map(|(at, word)| {
        let inner = bare(word);
        let seconds = words.get(at + 1).is_some_and(|next| bare(next) == "s");
        let number = !inner.is_empty() && inner.chars().all(|c| c.is_ascii_digit());
        let task = inner.len() == 32 && inner.chars().all(|c| c.is_ascii_hexdigit());
        let clock = inner.len() == 8 && inner.matches(':').count() == 2;
        if number && seconds {
            word.replace(&inner, "N")
        } else if task {
            word.replace(&inner, "TASK")
        } else if clock {
            word.replace(&inner, "HH:MM:SS")
        } else {
            (*word).to_owned()
        }
    });
    steady.collect::<Vec<_>>().join(" ")
}
