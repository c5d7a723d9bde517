//! Packages of evidence. What their parts hold is said by the document's form, and checked by `selvage evidence verify`.

use serde_json::json;

use super::{Schemas, answer, maybe_text, reference, text, texts, words};

pub(super) fn schemas() -> Schemas {
    let parts = json!({"type": "array", "items": {"type": "object"}});
    let package = json!({
        "format": text("Its form."),
        "kind": words(&["interface", "domain", "control"]),
        "name": text("What it is about."),
        "title": text("The same, for people."),
        "from": reference("Time"),
        "to": reference("Time"),
        "made": reference("Time"),
        "by": maybe_text("Who made it."),
        "environment": maybe_text("The environment whose releases counted."),
        "declared_by": texts(),
        "retention": {"type": "object"},
        "keys": parts,
        "releases": parts,
        "controls": parts,
        "sections": parts,
        "ledger": {"type": "object"},
    });
    let signature = json!({"key": text(""), "public": text(""), "fingerprint": text(""), "signature": text("")});
    let document = json!({
        "digest": text("SHA-256 over the canonical text of the package."),
        "signature": {"anyOf": [answer("", signature, json!({})), {"type": "null"}]},
        "package": answer("", package, json!({})),
    });
    vec![("Evidence", answer("A package of evidence, which is checked alone.", document, json!({})))]
}
