//! A hash for small tables. The standard one guards against keys that are chosen to collide;
//! here keys come out of command files, or are small numbers, and what people type is only
//! looked up, never put in.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

pub(super) type QuickMap<K, V> = HashMap<K, V, BuildHasherDefault<Quick>>;

/// Multiplies and rotates, a word at a time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Quick(u64);

impl Quick {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Hasher for Quick {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        let tail = rest.iter().fold(0, |tail, byte| (tail << 8) | u64::from(*byte));
        self.add(tail);
    }

    fn write_u8(&mut self, number: u8) {
        self.add(u64::from(number));
    }

    fn write_u16(&mut self, number: u16) {
        self.add(u64::from(number));
    }

    fn write_usize(&mut self, number: usize) {
        self.add(number as u64);
    }

    fn write_isize(&mut self, number: isize) {
        self.add(number as u64);
    }

    fn finish(&self) -> u64 {
        // Tables look at the lowest and at the highest bits; multiplying mixes upwards only.
        self.0 ^ (self.0 >> 32)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::BuildHasher;

    use super::*;

    #[test]
    fn words_and_places_are_spread() {
        let hash = BuildHasherDefault::<Quick>::default();
        let words = (0..1000).map(|number| hash.hash_one(format!("word-{number}")));
        let places = (0..1000_u16).map(|number| hash.hash_one((usize::from(number % 25), number)));
        let hashes: HashSet<u64> = words.chain(places).collect();
        assert_eq!(hashes.len(), 2000);
        let lowest: HashSet<u64> = hashes.iter().map(|hash| hash % 4096).collect();
        assert!(lowest.len() > 1400, "{}", lowest.len());
    }
}
