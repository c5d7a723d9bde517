//! Selvage as an issuer: signing keys derived from a secret and the time, so that every node has the same ones, they change by
//! themselves, and none is kept anywhere. INVARIANT: SECRET-FREE

use std::fmt::Write as _;
use std::time::Duration;

use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, ParsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use selvage_model::manifest::issuer::TokenAlgorithm;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::key::PublicKey;

/// Shortest secret, in bytes: 32 random ones, however they are written.
const SHORTEST: usize = 32;
/// Shortest time that a key is used.
const SHORTEST_USE: u64 = 60;

/// The key that signs now.
pub(super) struct Signer {
    id: String,
    pair: Ed25519KeyPair,
}

/// The span of time that a key signs in, by its number since 1970.
pub(super) fn period(rotate: Duration, now: Timestamp) -> i64 {
    let span = i64::try_from(rotate.as_secs().max(SHORTEST_USE)).unwrap_or(i64::MAX);
    now.as_second().div_euclid(span)
}

/// The key that signs now, and all that are to be shown: the one before, whose tokens are still about, and the one after, so that
/// it is known before it signs.
pub(super) fn derive(secret: &[u8], rotate: Duration, now: Timestamp) -> Result<(Signer, Vec<PublicKey>), String> {
    if secret.len() < SHORTEST {
        return Err(format!("the secret has {} characters; take at least {SHORTEST} random ones", secret.len()));
    }
    let current = period(rotate, now);
    let signers = [current - 1, current, current + 1].map(|period| signer(secret, rotate, period));
    let [Some(before), Some(now), Some(after)] = signers else { return Err("no key could be derived".to_owned()) };
    let shown = [&before, &now, &after].into_iter().filter_map(Signer::public).collect();
    Ok((now, shown))
}

fn signer(secret: &[u8], rotate: Duration, period: i64) -> Option<Signer> {
    let info = format!("Ed25519, period {period} of {} s", rotate.as_secs().max(SHORTEST_USE));
    let derived = Salt::new(HKDF_SHA256, b"selvage tokens").extract(secret);
    let mut seed = [0; 32];
    derived.expand(&[info.as_bytes()], HKDF_SHA256).ok()?.fill(&mut seed).ok()?;
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).ok()?;
    let mut id = String::new();
    for byte in Sha256::digest(pair.public_key().as_ref()).iter().take(12) {
        write!(id, "{byte:02x}").ok()?;
    }
    Some(Signer { id, pair })
}

impl Signer {
    fn public(&self) -> Option<PublicKey> {
        let bytes = self.pair.public_key().as_ref();
        let key = ParsedPublicKey::new(&ED25519, bytes).ok()?;
        Some(PublicKey { id: Some(self.id.clone()), ways: vec![(TokenAlgorithm::EdDsa, key)] })
    }

    /// A token with these claims.
    pub(super) fn sign(&self, claims: &Value) -> String {
        let head = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": self.id});
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&head), encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}
