//! Signatures as Standard Webhooks write them: by a secret that both sides know (v1, HMAC-SHA256), or by a key whose other half the
//! receiver has (v1a, ed25519). Each key of a rotation signs, so that a receiver with either takes the message.

use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::MessageId;

const SYMMETRIC: &str = "whsec_";
const PRIVATE: &str = "whsk_";
const PUBLIC: &str = "whpk_";
/// What the specification allows of a symmetric secret, in bytes.
const SYMMETRIC_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
const SEED: usize = 32;

/// What messages are signed with.
pub enum SigningKey {
    /// `whsec_…`: what both sides know.
    Symmetric(Box<hmac::Key>),
    /// `whsk_…`: the half that the receiver does not have.
    KeyPair(Box<Ed25519KeyPair>),
}

/// Why a secret signs nothing. It never repeats the secret. INVARIANT: SECRET-FREE
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Neither of the prefixes.
    #[error("it begins with neither `whsec_` nor `whsk_`")]
    Prefix,
    /// The half that only verifies.
    #[error("it is the public half, which receivers have")]
    Public,
    /// What follows the prefix cannot be read.
    #[error("what follows its prefix is not base64")]
    Base64,
    /// Too short to be a secret, or too long.
    #[error("a symmetric secret has 24 to 64 bytes, a private key 32, or 64 with its public half")]
    Length,
    /// A private key with the public half of another.
    #[error("its two halves do not belong together")]
    Halves,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

impl SigningKey {
    /// Of a secret as its owner has it.
    ///
    /// # Errors
    /// Where it is none that signs.
    pub fn read(secret: &str) -> Result<Self, KeyError> {
        let secret = secret.trim();
        if secret.starts_with(PUBLIC) {
            return Err(KeyError::Public);
        }
        if let Some(text) = secret.strip_prefix(SYMMETRIC) {
            let bytes = STANDARD.decode(text).map_err(|_| KeyError::Base64)?;
            if !SYMMETRIC_BYTES.contains(&bytes.len()) {
                return Err(KeyError::Length);
            }
            return Ok(Self::Symmetric(Box::new(hmac::Key::new(hmac::HMAC_SHA256, &bytes))));
        }
        let text = secret.strip_prefix(PRIVATE).ok_or(KeyError::Prefix)?;
        let bytes = STANDARD.decode(text).map_err(|_| KeyError::Base64)?;
        let pair = match bytes.split_at_checked(SEED) {
            Some((seed, [])) => Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError::Length)?,
            Some((seed, public)) if public.len() == SEED => {
                Ed25519KeyPair::from_seed_and_public_key(seed, public).map_err(|_| KeyError::Halves)?
            }
            _ => return Err(KeyError::Length),
        };
        Ok(Self::KeyPair(Box::new(pair)))
    }

    /// The half that receivers verify with, `whpk_…`; none of a symmetric secret.
    pub fn public(&self) -> Option<String> {
        match self {
            Self::Symmetric(_) => None,
            Self::KeyPair(pair) => Some(format!("{PUBLIC}{}", STANDARD.encode(pair.public_key().as_ref()))),
        }
    }

    fn sign(&self, head: &str, body: &[u8]) -> String {
        match self {
            Self::Symmetric(key) => {
                let mut context = hmac::Context::with_key(key);
                context.update(head.as_bytes());
                context.update(body);
                format!("v1,{}", STANDARD.encode(context.sign()))
            }
            Self::KeyPair(pair) => {
                let content = [head.as_bytes(), body].concat();
                format!("v1a,{}", STANDARD.encode(pair.sign(&content)))
            }
        }
    }
}

/// The value of `webhook-signature`: what each key says of id, time of this attempt in seconds, and body.
pub fn signatures(keys: &[SigningKey], id: &MessageId, seconds: i64, body: &[u8]) -> String {
    let head = format!("{id}.{seconds}.");
    let signed: Vec<String> = keys.iter().map(|key| key.sign(&head, body)).collect();
    signed.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(secret: &str) -> Option<KeyError> {
        SigningKey::read(secret).err()
    }

    #[test]
    fn what_signs() {
        let bytes = |count: usize| STANDARD.encode(vec![7; count]);
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let whole = STANDARD.encode([&[7; 32], pair.public_key().as_ref()].concat());
        let table = [
            (format!("whsec_{}", bytes(24)), None),
            (format!("whsec_{}\n", bytes(64)), None),
            (format!("whsec_{}", bytes(23)), Some(KeyError::Length)),
            (format!("whsec_{}", bytes(65)), Some(KeyError::Length)),
            ("whsec_*".to_owned(), Some(KeyError::Base64)),
            (bytes(32), Some(KeyError::Prefix)),
            (String::new(), Some(KeyError::Prefix)),
            (format!("whsk_{}", bytes(32)), None),
            (format!("whsk_{whole}"), None),
            (format!("whsk_{}", bytes(64)), Some(KeyError::Halves)),
            (format!("whsk_{}", bytes(31)), Some(KeyError::Length)),
            (format!("whpk_{}", bytes(32)), Some(KeyError::Public)),
        ];
        for (secret, expected) in table {
            assert_eq!(error(&secret), expected, "{secret}");
        }
    }

    #[test]
    fn each_key_of_a_rotation_signs_by_its_own_version() {
        let keys = [format!("whsec_{}", STANDARD.encode([1; 32])), format!("whsk_{}", STANDARD.encode([2; 32]))];
        let keys = keys.map(|secret| SigningKey::read(&secret).unwrap());
        let header = signatures(&keys, &MessageId::new("msg_1"), 1_700_000_000, b"{}");
        let [first, second] = header.split(' ').collect::<Vec<_>>()[..] else { panic!("{header}") };
        let expected = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]), b"msg_1.1700000000.{}");
        assert_eq!(first, format!("v1,{}", STANDARD.encode(expected)));
        let public = STANDARD.decode(keys[1].public().unwrap().strip_prefix("whpk_").unwrap()).unwrap();
        let public = aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ED25519, public);
        let signature = STANDARD.decode(second.strip_prefix("v1a,").unwrap()).unwrap();
        assert!(public.verify(b"msg_1.1700000000.{}", &signature).is_ok());
        assert_eq!(format!("{keys:?}"), "[SigningKey(…), SigningKey(…)]");
    }
}
