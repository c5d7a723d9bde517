//! What makes a release one: its content address over domain and files, and a signature of it (ed25519). The private key is a file
//! of whoever releases; the store knows public keys alone. INVARIANT: SECRET-FREE

use std::fmt;
use std::path::{Path, PathBuf};

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use selvage_model::code;
use selvage_model::name::DomainName;
use selvage_store::{ReleaseKey, SignedRelease};
use sha2::{Digest, Sha256};

use super::{DeskError, Files};

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The file cannot be read or made.
    #[error("the signing key `{}` cannot be used: {source}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// It holds no key.
    #[error("`{}` holds no ed25519 key: a PKCS #8 document in base64 is expected", .path.display())]
    NoKey {
        /// Which.
        path: PathBuf,
    },
}

/// A key that signs releases.
pub struct Seal {
    pair: Ed25519KeyPair,
    key: ReleaseKey,
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Seal").field(&self.key.id).finish()
    }
}

impl Seal {
    /// The key in a file; made where there is none, for nobody else to read.
    ///
    /// # Errors
    /// When the file cannot be read or made, or holds something else.
    pub fn open(path: &Path) -> Result<Self, SealError> {
        let file = |source| SealError::File { path: path.to_owned(), source };
        let no_key = || SealError::NoKey { path: path.to_owned() };
        let document = match std::fs::read_to_string(path) {
            Ok(text) => STANDARD.decode(text.trim()).map_err(|_| no_key())?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let made = Ed25519KeyPair::generate().and_then(|pair| pair.to_pkcs8());
                let document = made.map_err(|_| no_key())?.as_ref().to_vec();
                write(path, &STANDARD.encode(&document)).map_err(file)?;
                document
            }
            Err(error) => return Err(file(error)),
        };
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&document).map_err(|_| no_key())?;
        let public: [u8; 32] = pair.public_key().as_ref().try_into().map_err(|_| no_key())?;
        Ok(Self { key: key_of(public), pair })
    }

    /// The key as the world may know it.
    pub fn key(&self) -> &ReleaseKey {
        &self.key
    }

    /// Signs what is no release.
    pub(crate) fn sign_text(&self, text: &str) -> Vec<u8> {
        self.pair.sign(text.as_bytes()).as_ref().to_vec()
    }

    /// Signs a release.
    pub fn sign(&self, id: &str, domain: &DomainName, change: &str) -> Vec<u8> {
        self.pair.sign(message(id, domain, change).as_bytes()).as_ref().to_vec()
    }
}

/// A public key with its id, which is made of it.
pub fn key_of(public: [u8; 32]) -> ReleaseKey {
    ReleaseKey { id: key_id(&public), public }
}

/// A public key, as `selvage release key` prints it.
///
/// # Errors
/// In words, for a text that is none.
pub fn public_key(text: &str) -> Result<ReleaseKey, String> {
    let bytes = STANDARD.decode(text.trim()).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    bytes.map(key_of).ok_or_else(|| format!("`{text}` is no public key: 32 bytes in base64 are expected"))
}

/// Whether a release is what was signed, by a key that is trusted.
///
/// # Errors
/// What is wrong with it.
pub fn verify(release: &SignedRelease, trusted: &[ReleaseKey]) -> Result<(), DeskError> {
    let refuse = |what: &str| {
        let fix = "compare the store with a backup; `selvage ledger verify` says whether the ledger is whole";
        Err(DeskError::refused(code::RELEASE_UNSIGNED, format!("{} of {} {what}", release.id, release.domain), fix))
    };
    let Ok(files) = serde_json::from_value::<Files>(release.content.clone()) else {
        return refuse("holds something else than files");
    };
    if address(&release.domain, &files) != release.id {
        return refuse("is not what was released: its files have another address");
    }
    let Some(key) = trusted.iter().find(|key| key.id == release.key && key_id(&key.public) == key.id) else {
        return refuse("is signed with a key that is not trusted");
    };
    match is_released(&release.id, &release.domain, &release.change, &key.public, &release.signature) {
        true => Ok(()),
        false => refuse("has a signature that does not hold"),
    }
}

/// The content address of a release: over the domain and every file, byte for byte.
pub(super) fn address(domain: &DomainName, files: &Files) -> String {
    address_of(domain, &digests(files))
}

/// The digest of each file, by path.
pub(crate) fn digests(files: &Files) -> Files {
    files.iter().map(|(path, text)| (path.clone(), hex(&Sha256::digest(text.as_bytes())))).collect()
}

/// The content address of a release, by the digests of its files.
pub(crate) fn address_of(domain: &DomainName, digests: &Files) -> String {
    let mut sha = Sha256::new();
    sha.update(format!("domain {domain}\n").as_bytes());
    for (path, digest) in digests {
        sha.update(format!("{path}\n{digest}\n").as_bytes());
    }
    format!("rel_{}", hex(&sha.finalize()))
}

/// Whether a release of this address was signed with the key of this public half.
pub(crate) fn is_released(id: &str, domain: &DomainName, change: &str, public: &[u8; 32], signature: &[u8]) -> bool {
    is_signed_text(&message(id, domain, change), public, signature)
}

/// Whether a text was signed with the key of this public half.
pub(crate) fn is_signed_text(text: &str, public: &[u8; 32], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public).verify(text.as_bytes(), signature).is_ok()
}

fn message(id: &str, domain: &DomainName, change: &str) -> String {
    format!("selvage release\n{id}\n{domain}\n{change}\n")
}

fn key_id(public: &[u8; 32]) -> String {
    format!("rk_{}", hex(&Sha256::digest(public)).chars().take(16).collect::<String>())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn release(seal: &Seal, domain: &str, files: &Files) -> SignedRelease {
        let domain: DomainName = domain.parse().unwrap();
        let id = address(&domain, files);
        SignedRelease {
            signature: seal.sign(&id, &domain, "chg_1"),
            id,
            domain,
            change: "chg_1".to_owned(),
            content: serde_json::json!(files),
            key: seal.key().id.clone(),
            recorded: Timestamp::UNIX_EPOCH,
            by: "b.lead".to_owned(),
            unproven: false,
        }
    }

    #[test]
    fn only_what_was_signed_passes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data/release.key");
        let seal = Seal::open(&path).unwrap();
        assert_eq!(Seal::open(&path).unwrap().key(), seal.key(), "it is the same when it is read again");
        let files = Files::from([("a.yaml".to_owned(), "kind: Team".to_owned())]);
        let good = release(&seal, "group", &files);
        let trusted = [seal.key().clone()];
        verify(&good, &trusted).unwrap();
        let altered = SignedRelease { content: serde_json::json!({"a.yaml": "kind: Site"}), ..good.clone() };
        let moved = SignedRelease { domain: "plant-ghent".parse().unwrap(), ..good.clone() };
        let unapproved = SignedRelease { change: "chg_2".to_owned(), ..good.clone() };
        let mut forged = good.clone();
        forged.signature[3] ^= 1;
        let other = Seal::open(&directory.path().join("other.key")).unwrap();
        let by_another = release(&other, "group", &files);
        // Another key under the name of a trusted one.
        let renamed = ReleaseKey { id: seal.key().id.clone(), public: other.key().public };
        for (name, release) in [
            ("altered", &altered),
            ("moved", &moved),
            ("unapproved", &unapproved),
            ("forged", &forged),
            ("by another", &by_another),
        ] {
            let refused = verify(release, &trusted).err().unwrap();
            assert_eq!(refused.code(), code::RELEASE_UNSIGNED, "{name}");
        }
        assert!(verify(&good, &[renamed]).is_err());
        std::fs::write(&path, "something else").unwrap();
        assert!(matches!(Seal::open(&path), Err(SealError::NoKey { .. })));
    }
}
