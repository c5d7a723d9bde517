//! An issuer of the tests: keys of every kind, the set that shows them, and tokens, good and forged.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// A key that signs.
pub enum Pair {
    Ed(Ed25519KeyPair),
    Ec(EcdsaKeyPair),
    Rsa(RsaPair),
}

/// A key with its id.
pub struct Signer {
    pub id: &'static str,
    pub pair: Pair,
}

impl Signer {
    pub fn ed(id: &'static str) -> Self {
        Self { id, pair: Pair::Ed(Ed25519KeyPair::generate().unwrap()) }
    }

    pub fn ec(id: &'static str) -> Self {
        Self { id, pair: Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()) }
    }

    pub fn rsa(id: &'static str) -> Self {
        Self { id, pair: Pair::Rsa(RsaPair::generate(KeySize::Rsa2048).unwrap()) }
    }

    pub fn algorithm(&self) -> &'static str {
        match &self.pair {
            Pair::Ed(_) => "EdDSA",
            Pair::Ec(_) => "ES256",
            Pair::Rsa(_) => "RS256",
        }
    }

    /// As it is shown.
    pub fn shown(&self) -> Value {
        match &self.pair {
            Pair::Ed(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": self.id, "x": encode(pair.public_key())})
            }
            Pair::Ec(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": self.id, "x": encode(x), "y": encode(y)})
            }
            Pair::Rsa(pair) => {
                // A sequence of two integers (PKCS #1), of which the sizes are known.
                let der = pair.public_key().as_ref();
                json!({"kty": "RSA", "kid": self.id, "n": encode(&der[9..265]), "e": encode(&der[267..270])})
            }
        }
    }

    pub fn sign(&self, text: &str) -> Vec<u8> {
        match &self.pair {
            Pair::Ed(pair) => pair.sign(text.as_bytes()).as_ref().to_vec(),
            Pair::Ec(pair) => pair.sign(&SystemRandom::new(), text.as_bytes()).unwrap().as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
                signature
            }
        }
    }

    /// A token with this head and these claims.
    pub fn token_of(&self, head: &Value, claims: &Value) -> String {
        self.token_raw(&head.to_string(), &claims.to_string())
    }

    /// The same of any text.
    pub fn token_raw(&self, head: &str, claims: &str) -> String {
        let signed = format!("{}.{}", encode(head), encode(claims));
        format!("{signed}.{}", encode(self.sign(&signed)))
    }

    /// A token as it should be.
    pub fn token(&self, claims: &Value) -> String {
        self.token_of(&json!({"alg": self.algorithm(), "typ": "at+jwt", "kid": self.id}), claims)
    }
}

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
