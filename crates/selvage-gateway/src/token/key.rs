//! The public keys that an issuer shows (RFC 7517), made ready once. Keys that are not for signing, that both sides would have
//! to know, or that nothing here can use are passed over.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use selvage_model::manifest::issuer::{Signing, TokenAlgorithm};

use super::own::{self, Signer};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Most keys of one issuer: what shows more is not a set of signing keys.
const MOST_KEYS: usize = 64;

/// The keys of every issuer that could be had, by its address: what another address showed is never taken for its own.
pub type KeysOfIssuers = BTreeMap<String, Arc<IssuerKeys>>;

/// The keys of one issuer.
pub struct IssuerKeys {
    keys: Vec<PublicKey>,
    mark: [u8; 32],
    /// Tokens that named a key that is not among these.
    missed: AtomicU64,
    /// Where they are Selvage's own, the one that signs.
    signer: Option<Signer>,
}

pub(super) struct PublicKey {
    pub(super) id: Option<String>,
    pub(super) ways: Vec<(TokenAlgorithm, ParsedPublicKey)>,
}

impl fmt::Debug for IssuerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.keys.iter().map(|key| key.id.as_deref().unwrap_or("(no id)")).collect();
        f.debug_tuple("IssuerKeys").field(&ids).finish()
    }
}

impl IssuerKeys {
    /// Reads a set of keys as an issuer shows it.
    ///
    /// # Errors
    /// When it is no such set, or nothing in it can be used; in words.
    pub fn read(set: &Value) -> Result<Self, String> {
        let shown = set.get("keys").and_then(Value::as_array).ok_or("there is no list of `keys`")?;
        if shown.len() > MOST_KEYS {
            return Err(format!("there are {} keys; at most {MOST_KEYS} are taken", shown.len()));
        }
        let keys: Vec<PublicKey> = shown.iter().filter_map(public_key).collect();
        if keys.is_empty() {
            return Err(format!("none of the {} keys can be used", shown.len()));
        }
        Ok(Self::new(keys, None))
    }

    /// Selvage's own keys at this time, derived from the secret that an issuer's `signing` names.
    ///
    /// # Errors
    /// When the secret is too short to be one; in words.
    pub fn derive(secret: &str, signing: &Signing, now: Timestamp) -> Result<Self, String> {
        let (signer, keys) = own::derive(secret.as_bytes(), signing.rotate, now)?;
        Ok(Self::new(keys, Some(signer)))
    }

    /// The number of the span of time that derived keys are made for: other keys are due when it changes.
    pub fn period(signing: &Signing, now: Timestamp) -> i64 {
        own::period(signing.rotate, now)
    }

    fn new(keys: Vec<PublicKey>, signer: Option<Signer>) -> Self {
        let mut mark = Sha256::new();
        for key in &keys {
            mark.update(key.id.as_deref().unwrap_or_default());
            for (algorithm, material) in &key.ways {
                mark.update([0]);
                mark.update(algorithm.as_str());
                mark.update(material);
            }
            mark.update([1]);
        }
        Self { keys, mark: mark.finalize().into(), missed: AtomicU64::new(0), signer }
    }

    /// How many keys can be used.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether none can be used; never, once read.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether these are the same keys as those.
    pub fn same_as(&self, other: &Self) -> bool {
        self.mark == other.mark
    }

    /// How many tokens named a key that is not among these, since this was asked last: the issuer may show new ones.
    pub fn take_missed(&self) -> u64 {
        self.missed.swap(0, Ordering::Relaxed)
    }

    /// Notes that a token named a key that is not among these.
    pub(crate) fn miss(&self) {
        self.missed.fetch_add(1, Ordering::Relaxed);
    }

    /// A token with these claims, where these keys are Selvage's own.
    pub(crate) fn sign(&self, claims: &Value) -> Option<String> {
        Some(self.signer.as_ref()?.sign(claims))
    }

    /// The set by which others check what Selvage signed (RFC 7517).
    pub(crate) fn set(&self) -> Value {
        let shown = |key: &PublicKey| {
            let (algorithm, material) = key.ways.first()?;
            let x = URL_SAFE_NO_PAD.encode(material);
            Some(json!({
                "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": algorithm.as_str(), "kid": key.id, "x": x,
            }))
        };
        json!({"keys": self.keys.iter().filter_map(shown).collect::<Vec<_>>()})
    }

    pub(crate) fn mark(&self) -> &[u8; 32] {
        &self.mark
    }

    /// Those that a token of this algorithm and key id may be signed with.
    pub(crate) fn candidates(
        &self,
        id: Option<&str>,
        algorithm: TokenAlgorithm,
    ) -> impl Iterator<Item = &ParsedPublicKey> {
        let named = self.keys.iter().filter(move |key| id.is_none() || key.id.as_deref() == id);
        let ways = named.flat_map(|key| &key.ways);
        ways.filter(move |(way, _)| *way == algorithm).map(|(_, key)| key)
    }
}

fn public_key(shown: &Value) -> Option<PublicKey> {
    let text = |name: &str| shown.get(name).and_then(Value::as_str);
    if text("use").is_some_and(|what| what != "sig") {
        return None;
    }
    let operations = shown.get("key_ops").and_then(Value::as_array);
    if operations.is_some_and(|all| !all.iter().any(|operation| operation == "verify")) {
        return None;
    }
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
    let said = text("alg");
    let fits = |algorithm: &TokenAlgorithm| said.is_none_or(|said| said == algorithm.as_str());
    let ways = match (text("kty")?, text("crv")) {
        ("RSA", _) => {
            let components = RsaPublicKeyComponents { n: bytes("n")?, e: bytes("e")? };
            // A key too small for its algorithm is found out here, not when the first token comes.
            (2048 / 8..=8192 / 8).contains(&components.n.len()).then_some(())?;
            let ready = |(algorithm, parameters): &(TokenAlgorithm, &'static RsaParameters)| {
                Some((*algorithm, components.to_parsed_public_key(parameters).ok()?))
            };
            RSA.iter().filter(|(algorithm, _)| fits(algorithm)).filter_map(ready).collect()
        }
        ("EC", Some(curve)) => {
            let (algorithm, size, way): (_, _, &'static dyn VerificationAlgorithm) = match curve {
                "P-256" => (TokenAlgorithm::Es256, 32, &ECDSA_P256_SHA256_FIXED),
                "P-384" => (TokenAlgorithm::Es384, 48, &ECDSA_P384_SHA384_FIXED),
                _ => return None,
            };
            let (x, y) = (bytes("x")?, bytes("y")?);
            (fits(&algorithm) && x.len() == size && y.len() == size).then_some(())?;
            let point = [&[4], x.as_slice(), y.as_slice()].concat();
            vec![(algorithm, ParsedPublicKey::new(way, point).ok()?)]
        }
        ("OKP", Some("Ed25519")) if said.is_none_or(|said| matches!(said, "EdDSA" | "Ed25519")) => {
            vec![(TokenAlgorithm::EdDsa, ParsedPublicKey::new(&ED25519, bytes("x")?).ok()?)]
        }
        _ => return None,
    };
    (!ways.is_empty()).then(|| PublicKey { id: text("kid").map(str::to_owned), ways })
}

const RSA: [(TokenAlgorithm, &RsaParameters); 6] = [
    (TokenAlgorithm::Rs256, &RSA_PKCS1_2048_8192_SHA256),
    (TokenAlgorithm::Rs384, &RSA_PKCS1_2048_8192_SHA384),
    (TokenAlgorithm::Rs512, &RSA_PKCS1_2048_8192_SHA512),
    (TokenAlgorithm::Ps256, &RSA_PSS_2048_8192_SHA256),
    (TokenAlgorithm::Ps384, &RSA_PSS_2048_8192_SHA384),
    (TokenAlgorithm::Ps512, &RSA_PSS_2048_8192_SHA512),
];
