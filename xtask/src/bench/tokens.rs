//! An issuer of the benchmarks: one key, the set that shows it, and as many different tokens as are asked for.
//! It signs with ES256, which costs more to check than RS256 and is what most issuers turn to.

use anyhow::{Result, anyhow};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

const KEY_ID: &str = "bench";
/// What its tokens say in `iss` and `aud`.
pub(super) const ISSUER: &str = "http://127.0.0.1/issuer";
pub(super) const AUDIENCE: &str = "selvage-bench";
/// Whom they name.
pub(super) const SUBJECT: &str = "bench-by-token";
/// How long they hold, in seconds.
const LIFETIME: i64 = 3_600;

/// Signs tokens.
pub(super) struct Issuer(EcdsaKeyPair);

impl Issuer {
    /// An issuer with a key that nobody had before.
    pub(super) fn new() -> Result<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
        pair.map(Self).map_err(|_| anyhow!("no key could be made"))
    }

    /// The set of its keys (RFC 7517).
    pub(super) fn keys(&self) -> Result<Value> {
        let point = self.0.public_key().as_ref();
        let (x, y) = point.get(1..33).zip(point.get(33..65)).ok_or_else(|| anyhow!("the key is no point"))?;
        let key = json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": KEY_ID, "x": encode(x), "y": encode(y)});
        Ok(json!({"keys": [key]}))
    }

    /// So many tokens, no two of them alike.
    pub(super) fn tokens(&self, count: usize) -> Result<Vec<String>> {
        let now = jiff::Timestamp::now().as_second();
        let head = encode(json!({"alg": "ES256", "typ": "at+jwt", "kid": KEY_ID}).to_string());
        let random = SystemRandom::new();
        (0..count)
            .map(|number| {
                let claims = json!({
                    "iss": ISSUER, "aud": AUDIENCE, "sub": SUBJECT, "iat": now, "exp": now + LIFETIME, "jti": number.to_string(),
                });
                let signed = format!("{head}.{}", encode(claims.to_string()));
                let signature = self.0.sign(&random, signed.as_bytes()).map_err(|_| anyhow!("it did not sign"))?;
                Ok(format!("{signed}.{}", encode(signature)))
            })
            .collect()
    }
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
