//! The package: everything that was seen, in one document with a digest over it, signed where there is a key. Whoever has it checks it
//! alone: digest, signature, the ledger's entries that it cites, the signatures of its releases.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use selvage_model::code::{self, Code};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::chain::Excerpt;
use super::release::ReleaseProof;
use super::retention::Retention;
use super::section::Section;
use super::seen::Seen;
use super::{About, Verdict, access, chain, change, control, incident, promise, release, retention, waiver};
use crate::desk::{Desk, DeskError, Seal, hex, is_signed_text, key_of, public_key_text, read_public_key};

/// What a document of this form calls itself.
const FORMAT: &str = "selvage-evidence-1";

/// Everything that was seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Package {
    /// Its form.
    pub format: String,
    /// `interface`, `domain` or `control`.
    pub kind: String,
    /// What it is about.
    pub name: String,
    /// The same, for people.
    pub title: String,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// When it was made.
    pub made: Timestamp,
    /// Who made it.
    pub by: Option<String>,
    /// The environment whose releases counted.
    pub environment: Option<String>,
    /// The releases by which what is declared was looked at.
    pub declared_by: Vec<String>,
    /// How long it is to be kept, and how long what it is made of is.
    pub retention: Retention,
    /// The public keys of releases and checkpoints.
    pub keys: Vec<Key>,
    /// The releases that it is about.
    pub releases: Vec<ReleaseProof>,
    /// What controls come to.
    pub controls: Vec<Verdict>,
    /// What was seen.
    pub sections: Vec<Section>,
    /// The ledger's entries.
    pub ledger: Excerpt,
}

impl Package {
    /// What a file with it is called.
    pub fn file_name(&self, ending: &str) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' };
        let name: String = self.name.chars().map(plain).collect();
        format!("evidence-{}-{name}-{}.{ending}", self.kind, self.made.strftime("%Y%m%dT%H%M%S%6fZ"))
    }
}

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Its id (`rk_…`).
    pub id: String,
    /// What it signs.
    pub signs: String,
    /// The key.
    pub public: String,
    /// Its fingerprint: SHA-256 of it.
    pub fingerprint: String,
}

impl Key {
    fn new(public: &[u8; 32], signs: &str) -> Self {
        let fingerprint = format!("sha256:{}", hex(&Sha256::digest(public)));
        Self { id: key_of(*public).id, signs: signs.to_owned(), public: public_key_text(public), fingerprint }
    }
}

/// Puts together what was seen.
pub(super) async fn make(desk: &Desk, seen: &Seen) -> Result<Package, DeskError> {
    let (controls, sections) = desk.hard(|| (control::judge(seen), sections(seen))).await;
    let rows = sections.iter().flat_map(|section| &section.rows).flat_map(|row| &row.entries);
    let cited: BTreeSet<u64> = rows.chain(controls.iter().flat_map(|it| &it.entries)).copied().collect();
    let mut keys: Vec<Key> = seen.keys.iter().map(|key| Key::new(&key.public, "releases")).collect();
    keys.extend(seen.ledger.key.iter().map(|key| Key::new(key, "checkpoints of the ledger")));
    let asked = &seen.asked;
    Ok(Package {
        format: FORMAT.to_owned(),
        kind: asked.about.kind().to_owned(),
        name: asked.about.name(),
        title: format!("Evidence of {}", asked.about),
        from: asked.from,
        to: asked.to,
        made: seen.now,
        by: asked.by.clone(),
        environment: asked.environment.as_ref().map(ToString::to_string),
        declared_by: seen.basis.clone(),
        retention: retention::of(seen),
        keys,
        releases: release::proofs(seen),
        controls,
        sections,
        ledger: chain::excerpt(&desk.store, &seen.ledger, &cited).await?,
    })
}

/// What stands in it beside the controls.
fn sections(seen: &Seen) -> Vec<Section> {
    match &seen.asked.about {
        About::Control(Some(_)) => Vec::new(),
        _ => vec![
            change::changes(seen),
            change::decisions(seen),
            change::delegations(seen),
            release::releases(seen),
            release::receipts(seen),
            release::activations(seen),
            release::gates(seen),
            promise::promises(seen),
            access::grants(seen),
            access::requests(seen),
            access::recertifications(seen),
            access::break_glasses(seen),
            incident::incidents(seen),
            incident::deliveries(seen),
            waiver::waivers(seen),
        ],
    }
}

/// The document: the package with its digest, and a signature of that where there is a key.
///
/// # Errors
/// Where the package is no JSON, which it always is.
pub fn seal(package: &Package, with: Option<&Seal>) -> Result<Value, serde_json::Error> {
    let package = serde_json::to_value(package)?;
    let digest = digest_of(&package);
    let signature = with.map(|seal| {
        let Key { id, public, fingerprint, .. } = Key::new(&seal.key().public, "");
        let signature = STANDARD.encode(seal.sign_text(&message(&digest)));
        json!({"key": id, "public": public, "fingerprint": fingerprint, "signature": signature})
    });
    Ok(json!({"digest": digest, "signature": signature, "package": package}))
}

/// SHA-256 over the canonical text of a value: members in the order of their names, nothing between tokens.
pub fn digest_of(value: &Value) -> String {
    let mut text = String::new();
    canonical(value, &mut text);
    format!("sha256:{}", hex(&Sha256::digest(text.as_bytes())))
}

fn canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            text.push('{');
            for (number, (name, value)) in members.into_iter().enumerate() {
                let comma = if number == 0 { "" } else { "," };
                // Writing to a string cannot fail.
                let _ = write!(text, "{comma}{}:", Value::String(name.clone()));
                canonical(value, text);
            }
            text.push('}');
        }
        Value::Array(values) => {
            text.push('[');
            for (number, value) in values.iter().enumerate() {
                if number > 0 {
                    text.push(',');
                }
                canonical(value, text);
            }
            text.push(']');
        }
        other => {
            let _ = write!(text, "{other}");
        }
    }
}

fn message(digest: &str) -> String {
    format!("selvage evidence\n{digest}\n")
}

/// What a check of a document comes to.
#[derive(Debug)]
pub struct Verified {
    /// What it holds.
    pub package: Package,
    /// Its digest.
    pub digest: String,
    /// With which key it is signed.
    pub signed_with: Option<String>,
    /// How many entries of the ledger it holds, and how many of them stand below a signed checkpoint.
    pub entries: (usize, usize),
    /// What is wrong.
    pub faults: Vec<(Code, String)>,
}

/// Checks a document by itself. With a key, everything that is to be signed for the ledger has to be signed with that one; without,
/// with the one that the document names, which shows that it is of one piece and not who made it.
///
/// # Errors
/// What it is instead, where it is no package.
pub fn verify(text: &str, key: Option<[u8; 32]>) -> Result<Verified, String> {
    let document: Value = serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
    let inner = document.get("package").ok_or("it has no member `package`")?;
    if inner.get("format").and_then(Value::as_str) != Some(FORMAT) {
        return Err(format!("its form is not `{FORMAT}`"));
    }
    let package: Package = serde_json::from_value(inner.clone()).map_err(|error| error.to_string())?;
    let mut faults = Vec::new();
    let digest = digest_of(inner);
    if document.get("digest").and_then(Value::as_str) != Some(digest.as_str()) {
        faults.push((code::EVIDENCE_ALTERED, format!("its content has the digest {digest}, and not the one it says")));
    }
    let signed_with = match signature(&document, &digest, key) {
        Ok(signed_with) => signed_with,
        Err(fault) => {
            faults.push((code::EVIDENCE_FORGED, fault));
            None
        }
    };
    let checked = package.ledger.check(key);
    faults.extend(checked.faults.into_iter().map(|fault| (code::EVIDENCE_BROKEN, fault)));
    let rows = package.sections.iter().flat_map(|section| &section.rows).flat_map(|row| &row.entries);
    let cited: BTreeSet<u64> = rows.chain(package.controls.iter().flat_map(|it| &it.entries)).copied().collect();
    for missing in cited.difference(&checked.seen) {
        faults.push((code::EVIDENCE_BROKEN, format!("entry {missing} is cited and not there")));
    }
    let of_releases = package.releases.iter().filter_map(|it| it.fault(&package.keys));
    faults.extend(of_releases.map(|fault| (code::EVIDENCE_FORGED, fault)));
    Ok(Verified { digest, signed_with, entries: (checked.seen.len(), checked.signed), faults, package })
}

/// With which key a document is signed; none where it is not.
fn signature(document: &Value, digest: &str, key: Option<[u8; 32]>) -> Result<Option<String>, String> {
    let signature = match document.get("signature") {
        None | Some(Value::Null) if key.is_some() => return Err("it is not signed".to_owned()),
        None | Some(Value::Null) => return Ok(None),
        Some(signature) => signature,
    };
    let text = |name: &str| signature.get(name).and_then(Value::as_str).unwrap_or_default();
    let bytes = STANDARD.decode(text("signature")).map_err(|_| "its signature cannot be read".to_owned())?;
    let public = key.or_else(|| read_public_key(text("public"))).ok_or("its signature names no key")?;
    match is_signed_text(&message(digest), &public, &bytes) {
        true => Ok(Some(key_of(public).id)),
        false => Err(format!("its signature is not one of the key {}", key_of(public).id)),
    }
}
