//! What somebody outside must show. Of what is compared only codes are, so that no time tells how
//! much of a secret was right.

use ring::hmac;

pub(super) struct Secret {
    seal: hmac::Key,
    tag: hmac::Tag,
}

impl Secret {
    pub fn new(secret: &str) -> Self {
        let seal = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&seal, secret.as_bytes());
        Self { seal, tag }
    }

    pub fn is(&self, shown: &str) -> bool {
        hmac::verify(&self.seal, shown.as_bytes(), self.tag.as_ref()).is_ok()
    }
}
