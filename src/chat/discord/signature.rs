//! Whether a request over HTTP was signed by Discord, and lately. Pure: key, headers, body and
//! time are handed in. That a request is not taken twice within its few minutes is not seen to
//! here: the inbox knows each interaction by its id.

use jiff::{SignedDuration, Timestamp};
use ring::signature::{ED25519, UnparsedPublicKey};

/// The headers that carry timestamp and signature, in lower case.
pub const TIMESTAMP_HEADER: &str = "x-signature-timestamp";
pub const SIGNATURE_HEADER: &str = "x-signature-ed25519";

/// An older request is somebody's recording of one: Discord waits three seconds for an answer.
const OLDEST: SignedDuration = SignedDuration::from_mins(5);

/// How far our clock may be behind Discord's. Nobody but Discord can date a request ahead, but
/// one that is could be played again for longer than `OLDEST`.
const EARLIEST: SignedDuration = SignedDuration::from_mins(1);

/// What an Ed25519 signature is long, in bytes.
const SIGNATURE_LENGTH: usize = 64;

/// The application's public key, as Discord's developer portal shows it.
#[derive(Clone, Debug)]
pub struct Seal {
    key: UnparsedPublicKey<[u8; 32]>,
}

/// Why a request is not taken for Discord's. For the counter only: whoever sent it learns no
/// more than that it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("a header is missing, or was sent twice")]
    Missing,
    #[error("a header is not what it should be")]
    Malformed,
    #[error("it was signed too long ago")]
    TooOld,
    #[error("it was signed in the future")]
    TooEarly,
    #[error("the signature is not that of this key over this request")]
    Wrong,
}

impl Refused {
    pub const ALL: [Self; 5] =
        [Self::Missing, Self::Malformed, Self::TooOld, Self::TooEarly, Self::Wrong];

    /// The code from the closed list, as the counter's label.
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::TooOld => "too-old",
            Self::TooEarly => "too-early",
            Self::Wrong => "wrong",
        }
    }
}

impl Seal {
    pub fn new(public_key: [u8; 32]) -> Self {
        Self { key: UnparsedPublicKey::new(&ED25519, public_key) }
    }

    /// Whether both headers and the body, byte for byte as they came, are Discord's.
    ///
    /// # Errors
    /// If they are not, or are too far from `now`.
    pub fn verify(
        &self,
        timestamp: Option<&str>,
        signature: Option<&str>,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), Refused> {
        let (timestamp, signature) = timestamp.zip(signature).ok_or(Refused::Missing)?;
        let signed_at = moment(timestamp).ok_or(Refused::Malformed)?;
        let signature = bytes(signature).ok_or(Refused::Malformed)?;
        let age = now.duration_since(signed_at);
        if age > OLDEST {
            return Err(Refused::TooOld);
        }
        if age < -EARLIEST {
            return Err(Refused::TooEarly);
        }
        let message = [timestamp.as_bytes(), body].concat();
        self.key.verify(&message, &signature).map_err(|_| Refused::Wrong)
    }
}

/// Seconds since the epoch, in digits and nothing else: what is signed is timestamp and body in
/// one, so a timestamp with room for other characters could be moved against the body.
fn moment(timestamp: &str) -> Option<Timestamp> {
    let digits = timestamp.bytes().all(|one| one.is_ascii_digit());
    Timestamp::from_second(timestamp.parse().ok().filter(|_| digits)?).ok()
}

/// 64 bytes from 128 hexadecimal digits.
fn bytes(signature: &str) -> Option<[u8; SIGNATURE_LENGTH]> {
    let (pairs, []) = signature.as_bytes().as_chunks::<2>() else { return None };
    let mut bytes = [0; SIGNATURE_LENGTH];
    if pairs.len() != bytes.len() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

fn digit(character: u8) -> Option<u8> {
    let value = char::from(character).to_digit(16)?;
    u8::try_from(value).ok()
}
