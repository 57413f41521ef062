//! SHA-256 as registries write it, and names made from it. Must not know what is hashed.

use ring::digest::{SHA256, digest};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `sha256:` and 64 hexadecimal digits.
pub(super) fn sha256(content: &[u8]) -> String {
    format!("sha256:{}", hex(digest(&SHA256, content).as_ref()))
}

/// 32 hexadecimal digits, as task ids have: always the same for the same seed.
pub(super) fn id(seed: &str) -> String {
    hex(&digest(&SHA256, seed.as_bytes()).as_ref()[..16])
}

/// An id of 32 hexadecimal digits, written as a UUID.
pub(super) fn uuid(id: &str) -> String {
    let part = |from: usize, to: usize| id.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

/// 19 decimal digits, as deployment ids have: always the same for the same seed.
pub(super) fn number(seed: &str) -> String {
    let hash = digest(&SHA256, seed.as_bytes());
    let value =
        hash.as_ref().iter().take(8).fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    format!("{}", 1_000_000_000_000_000_000 + value % 8_000_000_000_000_000_000)
}

/// Whether the text is a digest as registries write it.
pub(super) fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|digits| {
        digits.len() == 64
            && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}
