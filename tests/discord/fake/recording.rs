//! What was asked and answered, written down for whoever holds it against Discord's own description
//! of its API. Judges nothing itself.

use std::collections::HashSet;
use std::fs::{File, create_dir_all};
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::{Value, json};

/// The folder that requests are written down in; without it nothing is.
pub const FOLDER: &str = "SHIPMATE_DISCORD_REQUESTS";

/// One request with what came of it.
pub struct Exchange<'a> {
    pub method: &'a str,
    /// As it was sent, with its query.
    pub path: &'a str,
    /// The test that the fake was started by.
    pub test: &'a str,
    /// Of the request's body.
    pub content_type: Option<&'a str>,
    pub body: &'a Value,
    pub status: u16,
    /// `None`: an empty one.
    pub answer: Option<&'a Value>,
    /// Whether the test ordered the answer, in which case it is none of the fake's own.
    pub ordered: bool,
}

/// The file of this process, and what stands there already.
struct Recorder {
    file: File,
    shapes: HashSet<String>,
}

/// Writes an exchange down, unless one like it stands there already.
pub fn record(exchange: &Exchange<'_>) {
    static RECORDER: OnceLock<Option<Mutex<Recorder>>> = OnceLock::new();
    let Some(recorder) = RECORDER.get_or_init(open) else { return };
    let line = json!({
        "method": exchange.method,
        "path": exchange.path,
        "test": exchange.test,
        "content_type": exchange.content_type,
        "body": exchange.body,
        "status": exchange.status,
        "answer": exchange.answer,
        "ordered": exchange.ordered,
    });
    let line = format!("{line}\n");
    let mut recorder = recorder.lock().unwrap_or_else(PoisonError::into_inner);
    // Whichever test it was.
    let told = line.replacen(exchange.test, "", 1);
    if recorder.shapes.insert(shape(&told)) {
        recorder
            .file
            .write_all(line.as_bytes())
            .expect("the folder for requests can be written to");
    }
}

fn open() -> Option<Mutex<Recorder>> {
    let folder = std::env::var_os(FOLDER)?;
    create_dir_all(&folder).expect("the folder for requests can be made");
    // A test's children write at the same time as it does.
    let name = format!("{}.jsonl", std::process::id());
    let options = File::options().create(true).append(true).open(Path::new(&folder).join(name));
    let file = options.expect("the folder for requests can be written to");
    Some(Mutex::new(Recorder { file, shapes: HashSet::new() }))
}

/// The text without what is different each time: a word with a digit in it is a number, an id, a
/// token or a digest, and one is like another of the same length.
fn shape(line: &str) -> String {
    let mut shape = String::with_capacity(line.len());
    for word in line.split_inclusive(|character: char| !character.is_ascii_alphanumeric()) {
        if word.bytes().any(|byte| byte.is_ascii_digit()) {
            shape.extend(
                word.chars().map(|one| if one.is_ascii_alphanumeric() { '#' } else { one }),
            );
        } else {
            shape.push_str(word);
        }
    }
    shape
}

#[test]
fn what_differs_in_numbers_only_is_of_one_shape() {
    assert_eq!(shape("/channels/2000/messages"), shape("/channels/2001/messages"));
    assert_eq!(shape(r#"{"nonce":"1ab2"}"#), shape(r#"{"nonce":"99ff"}"#));
    assert_ne!(shape(r#"{"nonce":"1ab2"}"#), shape(r#"{"nonce":"1ab2c"}"#));
    assert_ne!(shape(r#"{"content":"one"}"#), shape(r#"{"content":"two"}"#));
    assert_ne!(shape(r#"{"nonce":"12"}"#), shape(r#"{"nonce":12}"#));
}
