//! Discord's signature: what is let through, and that nothing else is. The primitive is held
//! against the test vectors of RFC 8032, section 7.1.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::{any, proptest};
use ring::signature::Ed25519KeyPair;
use shipmate::chat::discord::signature::{Refused, Seal};

use super::{hex, key, public, sign};

const BODY: &[u8] = br#"{"type":1}"#;
const SIGNED_AT: &str = "1795514400";

fn seal() -> Seal {
    Seal::new(public(&key()))
}

fn now() -> Timestamp {
    Timestamp::from_second(SIGNED_AT.parse().unwrap()).unwrap()
}

/// The verdict on a request that is checked as long after it was signed.
fn after(age: SignedDuration) -> Result<(), Refused> {
    let signature = sign(&key(), SIGNED_AT, BODY);
    seal().verify(Some(SIGNED_AT), Some(&signature), BODY, now() + age)
}

fn verdict(timestamp: &str, signature: &str, body: &[u8]) -> Result<(), Refused> {
    seal().verify(Some(timestamp), Some(signature), body, now())
}

fn unhex(text: &str) -> Vec<u8> {
    let pairs = (0..text.len()).step_by(2).map(|at| &text[at..at + 2]);
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

#[test]
fn what_discord_signed_is_let_through() {
    let signature = sign(&key(), SIGNED_AT, BODY);
    assert_eq!(verdict(SIGNED_AT, &signature, BODY), Ok(()));
    assert_eq!(verdict(SIGNED_AT, &signature.to_uppercase(), BODY), Ok(()));
    assert_eq!(verdict(SIGNED_AT, &sign(&key(), SIGNED_AT, b""), b""), Ok(()));
}

#[test]
fn it_is_old_after_five_minutes_and_early_before_one() {
    assert_eq!(after(SignedDuration::from_secs(300)), Ok(()));
    assert_eq!(after(SignedDuration::from_millis(300_001)), Err(Refused::TooOld));
    assert_eq!(after(SignedDuration::from_hours(24 * 365)), Err(Refused::TooOld));
    assert_eq!(after(SignedDuration::from_secs(-60)), Ok(()));
    assert_eq!(after(SignedDuration::from_millis(-60_001)), Err(Refused::TooEarly));
}

#[test]
fn both_headers_have_to_be_there() {
    let signature = sign(&key(), SIGNED_AT, BODY);
    for (timestamp, signature) in
        [(None, Some(signature.as_str())), (Some(SIGNED_AT), None), (None, None)]
    {
        let refused = seal().verify(timestamp, signature, BODY, now());
        assert_eq!(refused, Err(Refused::Missing));
    }
}

#[test]
fn headers_that_are_not_what_they_should_be_are_refused() {
    let good = sign(&key(), SIGNED_AT, BODY);
    let short = &good[..126];
    let odd = &good[..127];
    let long = format!("{good}00");
    let wide = format!("{}é", &good[..126]);
    let spaced = format!(" {}", &good[..127]);
    let signed = format!("+{}", &good[..127]);
    let letter = format!("{}g", &good[..127]);
    for signature in ["", short, odd, &long, &wide, &spaced, &signed, &letter] {
        assert_eq!(verdict(SIGNED_AT, signature, BODY), Err(Refused::Malformed), "{signature}");
    }
    let timestamps =
        ["", " 1795514400", "1795514400 ", "+1795514400", "-1", "1795514400.0", "0x6b", "１２"];
    for timestamp in timestamps.into_iter().chain(["99999999999999999999", "9223372036854775807"]) {
        // Signed by Discord, even: a timestamp of this kind is not one of Discord's.
        let signature = sign(&key(), timestamp, BODY);
        assert_eq!(verdict(timestamp, &signature, BODY), Err(Refused::Malformed), "{timestamp:?}");
    }
}

/// Timestamp and body are signed as one text, so what matters is where one ends.
#[test]
fn nothing_can_be_moved_between_timestamp_and_body() {
    let signature = sign(&key(), SIGNED_AT, BODY);
    let whole = [SIGNED_AT.as_bytes(), BODY].concat();
    for at in (0..=whole.len()).filter(|at| *at != SIGNED_AT.len()) {
        let (timestamp, body) = whole.split_at(at);
        let timestamp = str::from_utf8(timestamp).unwrap();
        assert!(verdict(timestamp, &signature, body).is_err(), "{timestamp}");
    }
}

#[test]
fn another_key_is_refused() {
    let other = Ed25519KeyPair::from_seed_unchecked(&[8; 32]).unwrap();
    let signature = sign(&other, SIGNED_AT, BODY);
    assert_eq!(verdict(SIGNED_AT, &signature, BODY), Err(Refused::Wrong));
    let nonsense = Seal::new([0xff; 32]);
    let refused = nonsense.verify(Some(SIGNED_AT), Some(&signature), BODY, now());
    assert_eq!(refused, Err(Refused::Wrong));
}

/// The second half of a signature counts modulo the order of the group: with the order added
/// it would be another signature of the same request.
#[test]
fn a_signature_has_one_form() {
    let order = unhex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let mut signature = unhex(&sign(&key(), SIGNED_AT, BODY));
    let mut carry = 0;
    for (byte, add) in signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = u8::try_from(sum & 0xff).unwrap();
        carry = sum >> 8;
    }
    assert_eq!(verdict(SIGNED_AT, &hex(&signature), BODY), Err(Refused::Wrong));
}

proptest! {
    #[test]
    fn one_bit_of_the_signature_is_enough(at in 0..64_usize, bit in 0..8_u32) {
        let mut signature = unhex(&sign(&key(), SIGNED_AT, BODY));
        signature[at] ^= 1 << bit;
        assert_eq!(verdict(SIGNED_AT, &hex(&signature), BODY), Err(Refused::Wrong));
    }

    #[test]
    fn one_bit_of_the_body_is_enough(mut body: Vec<u8>, at: usize, bit in 0..8_u32) {
        let signature = sign(&key(), SIGNED_AT, &body);
        assert_eq!(verdict(SIGNED_AT, &signature, &body), Ok(()));
        if !body.is_empty() {
            let at = at % body.len();
            body[at] ^= 1 << bit;
            assert_eq!(verdict(SIGNED_AT, &signature, &body), Err(Refused::Wrong));
        }
        body.push(b' ');
        assert_eq!(verdict(SIGNED_AT, &signature, &body), Err(Refused::Wrong));
    }

    /// Within the minutes in which it would be taken.
    #[test]
    fn another_timestamp_is_refused(by in -300_i64..=60, stray in any::<u8>(), at in 0..10_usize) {
        let signature = sign(&key(), SIGNED_AT, BODY);
        let moved = (now().as_second() + by).to_string();
        let refused = verdict(&moved, &signature, BODY);
        assert_eq!(refused, if by == 0 { Ok(()) } else { Err(Refused::Wrong) });
        let mut bytes = SIGNED_AT.as_bytes().to_vec();
        bytes[at] ^= stray.max(1);
        if let Ok(changed) = str::from_utf8(&bytes) {
            assert!(verdict(changed, &signature, BODY).is_err());
        }
    }
}

#[test]
fn the_primitive_is_that_of_rfc_8032() {
    let vectors = [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ];
    for (secret, known, message, signature) in vectors {
        let pair = Ed25519KeyPair::from_seed_and_public_key(&unhex(secret), &unhex(known)).unwrap();
        assert_eq!(hex(pair.sign(&unhex(message)).as_ref()), signature);
        let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, unhex(known));
        key.verify(&unhex(message), &unhex(signature)).unwrap();
        // And the seal takes what these keys sign.
        let seal = Seal::new(unhex(known).try_into().unwrap());
        let signature = sign(&pair, SIGNED_AT, BODY);
        assert_eq!(seal.verify(Some(SIGNED_AT), Some(&signature), BODY, now()), Ok(()));
    }
}
