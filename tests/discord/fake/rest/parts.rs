//! A body of several parts, as forms with files are sent: the one that is JSON, and the files.

use serde_json::Value;

/// A file that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The number in `files[0]`.
    pub number: u64,
    pub filename: String,
    pub content_type: String,
    pub bytes: Vec<u8>,
}

/// What stands between the parts, where the header says that there are several.
pub fn boundary(content_type: &str) -> Option<&str> {
    let (kind, rest) = content_type.split_once(';')?;
    let boundary = rest.trim().strip_prefix("boundary=")?;
    (kind.trim() == "multipart/form-data").then(|| boundary.trim_matches('"'))
}

/// The parts; no JSON where it cannot be read.
pub fn read(bytes: &[u8], boundary: &str) -> (Option<Value>, Vec<File>) {
    let (mut json, mut files) = (None, Vec::new());
    for part in split(bytes, format!("--{boundary}").as_bytes()) {
        let Some(at) = find(part, b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&part[..at]).into_owned();
        let body = &part[at + 4..];
        let body = body.strip_suffix(b"\r\n").unwrap_or(body);
        match named(&head, "name").as_deref() {
            Some("payload_json") => json = serde_json::from_slice(body).ok(),
            Some(name) => {
                let number = name.strip_prefix("files[").and_then(|name| name.strip_suffix(']'));
                let kind = head.lines().find_map(|line| {
                    let (header, value) = line.split_once(':')?;
                    header.eq_ignore_ascii_case("content-type").then(|| value.trim().to_owned())
                });
                files.extend(number.and_then(|number| number.parse().ok()).map(|number| File {
                    number,
                    filename: named(&head, "filename").unwrap_or_default(),
                    content_type: kind.unwrap_or_default(),
                    bytes: body.to_vec(),
                }));
            }
            None => {}
        }
    }
    (json, files)
}

/// `name="…"` in the head of a part.
fn named(head: &str, key: &str) -> Option<String> {
    let (_, rest) = head.split_once(&format!(" {key}=\""))?;
    Some(rest.split_once('"')?.0.to_owned())
}

fn split<'a>(bytes: &'a [u8], between: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let mut rest = bytes;
    while let Some(at) = find(rest, between) {
        parts.push(&rest[..at]);
        rest = &rest[at + between.len()..];
    }
    parts
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
