//! Releases with their digests and signatures, what was activated where, and what the gates of the environments showed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use selvage_store::{LedgerEntry, SignedRelease};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Key;
use super::section::{Section, text, texts, time};
use super::seen::{Seen, detail, is_made};
use crate::desk::{Files, address_of, digests, is_released, read_public_key, receipt_line, verify};

const ACTIVATED: [&str; 2] = ["release.activated", "release.rolled-back"];

/// A release with what proves it: its address is over the domain and the digests of its files, its signature over the address, the
/// domain and the change that was approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseProof {
    /// Its content address.
    pub id: String,
    /// Whose.
    pub domain: String,
    /// The change that was approved.
    pub change: String,
    /// The digests of its files, by path.
    pub files: Files,
    /// The id of the key.
    pub key: String,
    /// The signature.
    pub signature: String,
}

impl ReleaseProof {
    /// What is wrong with it.
    pub(super) fn fault(&self, keys: &[Key]) -> Option<String> {
        let Ok(domain) = self.domain.parse() else { return Some(format!("{} is of no domain", self.id)) };
        if address_of(&domain, &self.files) != self.id {
            return Some(format!("the files of {} have another address", self.id));
        }
        let key = keys.iter().find(|key| key.id == self.key).and_then(|key| read_public_key(&key.public));
        let Some(key) = key else { return Some(format!("the key of {} is not there", self.id)) };
        let signature = STANDARD.decode(&self.signature).unwrap_or_default();
        let holds = is_released(&self.id, &domain, &self.change, &key, &signature);
        (!holds).then(|| format!("the signature of {} does not hold", self.id))
    }
}

pub(super) fn proofs(seen: &Seen) -> Vec<ReleaseProof> {
    let proof = |it: &SignedRelease| ReleaseProof {
        id: it.id.clone(),
        domain: it.domain.to_string(),
        change: it.change.clone(),
        files: digests(&serde_json::from_value(it.content.clone()).unwrap_or_default()),
        key: it.key.clone(),
        signature: STANDARD.encode(&it.signature),
    };
    seen.releases.iter().map(proof).collect()
}

pub(super) fn releases(seen: &Seen) -> Section {
    let mut section = Section::new(
        "releases",
        "Releases",
        "Releases of these changes. The id of a release is the digest of its files; digests and signatures stand under `releases`.",
        [
            ("release", "Release"),
            ("domain", "Domain"),
            ("change", "Change"),
            ("made", "Made"),
            ("by", "By"),
            ("how", "How"),
            ("key", "Signed with"),
            ("signature", "Signature"),
        ],
    );
    for it in &seen.releases {
        let is_its = |entry: &&LedgerEntry| is_made(entry) && entry.subject == it.id;
        let made: Vec<&LedgerEntry> = seen.entries.iter().filter(is_its).collect();
        let is_emergency = made.iter().any(|entry| entry.action == "release.made-in-emergency");
        let import = seen.imports.iter().find(|import| import.change == it.change);
        let how = match (import, is_emergency) {
            (Some(import), _) => {
                format!("approved in the store of {}, and taken over from it by {}", import.from, import.signed_by())
            }
            (None, true) => "in an emergency, before it was approved".to_owned(),
            (None, false) => "approved".to_owned(),
        };
        let signature = match verify(it, &seen.keys) {
            Ok(()) => "holds".to_owned(),
            Err(error) => error.to_string(),
        };
        section.row(
            [
                text(&it.id),
                text(&it.domain),
                text(&it.change),
                time(it.recorded),
                text(it.signed_by()),
                text(how),
                text(&it.key),
                text(signature),
            ],
            made.into_iter().map(|entry| entry.seq).collect(),
        );
    }
    section
}

/// What other stores saw of the releases.
pub(super) fn receipts(seen: &Seen) -> Section {
    let mut section = Section::new(
        "receipts",
        "Receipts of other stores",
        "What other stores saw of these releases in their environments, as they signed it. It counts at the gates where this store has no \
         nodes of the environment.",
        [
            ("release", "Release"),
            ("environment", "Environment"),
            ("from", "Store of the key"),
            ("seen", "As of"),
            ("saw", "What it saw"),
            ("gates", "What the gates showed there"),
        ],
    );
    for (release, it) in &seen.receipts {
        let is_its = |entry: &&LedgerEntry| {
            matches!(entry.action.as_str(), "release.imported" | "release.receipts-imported")
                && &entry.subject == release
                && detail(entry, "from") == it.from
        };
        let entries = seen.entries.iter().filter(is_its).map(|entry| entry.seq).collect();
        let gates = it.receipt.spells.iter().flat_map(|spell| outcomes(&spell.gates));
        let gates = texts(gates.map(|(gate, outcome, saw)| format!("{gate} {outcome}: {saw}")));
        let environment = text(&it.receipt.environment);
        let cells = [text(release), environment, text(&it.from), time(it.seen), text(receipt_line(it)), gates];
        section.row(cells, entries);
    }
    section
}

/// What was activated within the period, and what was active at its beginning.
pub(super) fn activated(seen: &Seen) -> impl Iterator<Item = &LedgerEntry> {
    seen.entries.iter().filter(|entry| ACTIVATED.contains(&entry.action.as_str()))
}

pub(super) fn activations(seen: &Seen) -> Section {
    let mut section = Section::new(
        "activations",
        "Activations",
        "What took effect where; the first of each environment may be of before the period. A release without a domain was served from a \
         directory, without approval.",
        [
            ("at", "When"),
            ("environment", "Environment"),
            ("domain", "Domain"),
            ("release", "Release"),
            ("what", "What"),
            ("by", "By"),
            ("because", "Why"),
        ],
    );
    for entry in activated(seen) {
        let (domain, is_back) = (detail(entry, "domain"), entry.action == "release.rolled-back");
        let domain = if domain.is_empty() { "served from a directory" } else { domain };
        section.row(
            [
                time(entry.at),
                text(&entry.subject),
                text(domain),
                text(detail(entry, "release")),
                text(if is_back { "went back" } else { "activated" }),
                text(entry.signed_by()),
                text(detail(entry, "because")),
            ],
            vec![entry.seq],
        );
    }
    section
}

/// A gate that let through what it looked at.
pub(super) const OPEN: &str = "open";
/// A gate that a waiver opened, which those signed whom it takes.
pub(super) const WAIVED: &str = "open, by a waiver";

/// The gates that an activation went through: which, how it was (`open`, or how it was passed), and what was seen.
pub(super) fn gates_of(entry: &LedgerEntry) -> impl Iterator<Item = (&str, &'static str, &str)> {
    entry.detail.get("gates").into_iter().flat_map(outcomes)
}

fn outcomes(gates: &Value) -> impl Iterator<Item = (&str, &'static str, &str)> {
    gates.as_array().into_iter().flatten().map(|gate| {
        let word = |name: &str| gate.get(name).and_then(Value::as_str).unwrap_or_default();
        let is = |name: &str| gate.get(name).and_then(Value::as_bool).unwrap_or(false);
        let is_waived = gate.get("waived").and_then(Value::as_array).is_some_and(|waived| !waived.is_empty());
        let outcome = match (is("open"), is("passed_in_emergency")) {
            (true, _) if is_waived => WAIVED,
            (true, _) => OPEN,
            (false, true) => "closed, and passed in an emergency",
            (false, false) => "closed",
        };
        (word("gate"), outcome, word("saw"))
    })
}

pub(super) fn gates(seen: &Seen) -> Section {
    let mut section = Section::new(
        "gates",
        "Gates",
        "What Selvage looked at itself before it activated. Going back passes no gates: what is gone back to has passed them.",
        [
            ("at", "When"),
            ("environment", "Environment"),
            ("release", "Release"),
            ("gate", "Gate"),
            ("outcome", "Outcome"),
            ("saw", "What was seen"),
        ],
    );
    for entry in activated(seen) {
        for (gate, outcome, saw) in gates_of(entry) {
            let saw = texts(saw.split("; ").map(str::to_owned));
            let release = text(detail(entry, "release"));
            let cells = [time(entry.at), text(&entry.subject), release, text(gate), text(outcome), saw];
            section.row(cells, vec![entry.seq]);
        }
    }
    section
}
