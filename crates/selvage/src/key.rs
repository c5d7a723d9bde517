//! Keys that Selvage issues: 244 random bits, shown once, kept as a hash. INVARIANT: SECRET-FREE

use selvage_model::access::KeyHash;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A new key: `slv_` and 64 hexadecimal digits.
pub(crate) fn generate() -> String {
    format!("slv_{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}

/// What the store keeps of it.
pub(crate) fn hash(key: &str) -> KeyHash {
    KeyHash(Sha256::digest(key.as_bytes()).into())
}

/// A mark that tells one start of a node from another.
pub(crate) fn node_mark() -> String {
    Uuid::new_v4().simple().to_string().chars().take(8).collect()
}
