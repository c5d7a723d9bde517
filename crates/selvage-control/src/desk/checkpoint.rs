//! Checkpoints of the ledger, signed with a key that the store does not have, and as lines that can be kept elsewhere. Whoever holds
//! the public key proves by them that nothing which was entered before was changed. INVARIANT: SECRET-FREE

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use selvage_store::{Checkpoint, LedgerHead};
use serde_json::{Value, json};

use super::seal::{Seal, hex, is_signed_text};

/// Signs what the ledger is.
pub fn sign_checkpoint(seal: &Seal, head: LedgerHead) -> Checkpoint {
    let signature = seal.sign_text(&message(&head));
    Checkpoint { head, signed_with: seal.key().id.clone(), signature }
}

/// Whether it was signed with the key of this public half.
pub fn is_signed(checkpoint: &Checkpoint, public: &[u8; 32]) -> bool {
    is_signed_text(&message(&checkpoint.head), public, &checkpoint.signature)
}

/// A checkpoint as one line of JSON.
pub fn checkpoint_line(checkpoint: &Checkpoint) -> Value {
    let Checkpoint { head: LedgerHead { entries, hash, at }, signed_with, signature } = checkpoint;
    json!({
        "entries": entries, "hash": hex(hash), "at": at.to_string(), "signed_with": signed_with,
        "signature": STANDARD.encode(signature),
    })
}

/// Reads such a line; `None` where it is none.
pub fn read_checkpoint(line: &str) -> Option<Checkpoint> {
    let line: Value = serde_json::from_str(line).ok()?;
    let text = |name: &str| line.get(name).and_then(Value::as_str);
    let head = LedgerHead {
        entries: line.get("entries")?.as_u64()?,
        hash: unhex(text("hash")?)?,
        at: text("at")?.parse().ok()?,
    };
    let signature = STANDARD.decode(text("signature")?).ok()?;
    Some(Checkpoint { head, signed_with: text("signed_with")?.to_owned(), signature })
}

/// Reads a hash as [`hex`] writes it.
pub(crate) fn unhex(digits: &str) -> Option<[u8; 32]> {
    let pairs = (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok());
    pairs.collect::<Option<Vec<u8>>>()?.try_into().ok()
}

/// A public key as it is told and given.
pub fn public_key_text(public: &[u8; 32]) -> String {
    STANDARD.encode(public)
}

/// Reads a public key.
pub fn read_public_key(text: &str) -> Option<[u8; 32]> {
    STANDARD.decode(text.trim()).ok()?.try_into().ok()
}

fn message(head: &LedgerHead) -> String {
    format!("selvage ledger checkpoint\n{}\n{}\n{}\n", head.entries, hex(&head.hash), head.at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_back_and_every_part_of_it_is_signed() {
        let directory = tempfile::tempdir().unwrap();
        let seal = Seal::open(&directory.path().join("ledger.key")).unwrap();
        let head = LedgerHead { entries: 7, hash: [171; 32], at: "2026-11-26T06:30:00.000001Z".parse().unwrap() };
        let signed = sign_checkpoint(&seal, head);
        let public = seal.key().public;
        assert_eq!(read_public_key(&public_key_text(&public)), Some(public));
        let line = checkpoint_line(&signed).to_string();
        assert_eq!(read_checkpoint(&line), Some(signed.clone()));
        assert!(is_signed(&signed, &public) && !is_signed(&signed, &[7; 32]));
        for (old, new) in [("\"entries\":7", "\"entries\":8"), ("abab", "acab"), (".000001Z", ".000002Z")] {
            let forged = read_checkpoint(&line.replacen(old, new, 1)).unwrap();
            assert!(forged != signed && !is_signed(&forged, &public), "{old}");
        }
        for wrong in ["", "{}", "[1]", &line[..line.len() / 2]] {
            assert_eq!(read_checkpoint(wrong), None, "{wrong}");
        }
    }
}
