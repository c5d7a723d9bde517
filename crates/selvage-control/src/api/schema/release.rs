//! Releases, activations, and what nodes make of them.

use serde_json::{Value, json};

use super::{Schemas, answer, body, count, flag, list, maybe, maybe_text, reference, text, texts, words};

pub(super) fn schemas() -> Schemas {
    let active = json!({
        "type": "array",
        "items": answer(
            "Where it is active.",
            json!({"environment": reference("EnvironmentName"), "since": reference("Time")}),
            json!({}),
        ),
    });
    let files = json!({"type": "object", "additionalProperties": {"type": "string"}});
    vec![
        ("ReleaseSummary", answer("A release in a list.", with(json!({"active": active})), json!({}))),
        (
            "Release",
            answer(
                "A release with its files.",
                with(json!({"files": files, "imported": maybe("Import"), "receipts": list("Receipt")})),
                json!({}),
            ),
        ),
        ("Import", import()),
        ("Receipt", receipt()),
        ("ReleaseKey", key()),
        ("NewReleaseKey", new_key()),
        ("ReleasePackage", package()),
        ("ReleaseImported", imported()),
        (
            "ReleaseMade",
            answer(
                "A release that was made.",
                json!({
                    "release": reference("Id"), "domain": reference("DomainName"), "change": reference("Id"),
                    "signed_with": text("The id of the key that signed it."),
                }),
                json!({}),
            ),
        ),
        ("Gate", gate()),
        ("Went", went()),
        ("Plan", plan()),
        (
            "Nodes",
            json!({
                "description": "What each node made of it; nothing where that is not known.",
                "anyOf": [{"type": "array", "items": reference("Node")}, {"type": "null"}],
            }),
        ),
        ("Node", node()),
    ]
}

fn with(more: Value) -> Value {
    let mut all = json!({
        "release": reference("Id"),
        "domain": reference("DomainName"),
        "change": reference("Id"),
        "made": reference("Time"),
        "by": text("Who made it."),
        "unproven": flag("That name was said, and nobody proved to be who bears it."),
        "signed_with": text("The id of the key that signed it."),
    });
    if let (Some(all), Value::Object(more)) = (all.as_object_mut(), more) {
        all.extend(more);
    }
    all
}

fn import() -> Value {
    let members = json!({
        "from": text("The id of the key with which the other store signed the package."),
        "at": reference("Time"),
        "by": text("Who brought it."),
        "unproven": flag("That name was said, and nobody proved to be who bears it."),
    });
    answer("From where a release of another store was taken over.", members, json!({}))
}

fn receipt() -> Value {
    let spell = json!({
        "from": reference("Time"),
        "to": maybe("Time"),
        "gone_back_from": flag("It ended because somebody went back from it."),
        "gone_back_to": flag("It began because somebody went back to it, through no gates."),
        "gates": {"type": "array", "items": {"type": "object"}, "description": "What the gates showed there."},
    });
    let ran = answer(
        "For how long nodes ran it there.",
        json!({"first": reference("Time"), "last": reference("Time"), "seconds": count("Seconds in all.")}),
        json!({}),
    );
    let members = json!({
        "from": text("The id of the key with which the other store signed it."),
        "seen": reference("Time"),
        "imported": reference("Time"),
        "distrusted": maybe("Time"),
        "environment": reference("EnvironmentName"),
        "spells": {"type": "array", "items": answer("When it was active there.", spell, json!({}))},
        "ran": {"anyOf": [ran, {"type": "null"}]},
    });
    answer("What another store saw of the release in one of its environments.", members, json!({}))
}

fn key() -> Value {
    let members = json!({
        "key": reference("Id"),
        "public": text("The public key, in base64, as `selvage release key` prints it."),
        "known": reference("Time"),
        "distrusted": maybe("Time"),
    });
    answer("A key that signs releases, and since when nothing counts that it signs.", members, json!({}))
}

fn new_key() -> Value {
    let members = json!({
        "public": {"type": "string", "pattern": "^[A-Za-z0-9+/]{43}=$", "description": "The public key, in base64."},
        "because": reference("Line"),
    });
    body("A key that is to sign releases here.", members, json!({}))
}

fn package() -> Value {
    let members = json!({
        "format": text("The form of the package."),
        "package": {"type": "object", "description": "The release, the change that made it, and what was seen of it."},
        "signed_with": text("The id of the key with which the store that made it signed it."),
        "signature": text("The signature, in base64."),
    });
    body("A release as it goes from one store to another; passed on as it came.", members, json!({}))
}

fn imported() -> Value {
    let members = json!({
        "release": reference("Id"),
        "domain": reference("DomainName"),
        "change": reference("Id"),
        "from": text("The id of the key with which the other store signed the package."),
        "released": flag("Whether it is a release here since now, and was none before."),
        "receipts": count("How many receipts are new."),
    });
    answer("What came of it.", members, json!({}))
}

fn gate() -> Value {
    let members = json!({
        "gate": words(&["after", "soak", "tests", "faults", "budget"]),
        "open": flag("Whether it lets the release pass."),
        "saw": text("What was seen."),
    });
    let passed = json!({
        "passed_in_emergency": flag("It is closed, and an emergency passed it."),
        "waived": {
            "type": "array", "items": {"type": "string"},
            "description": "What it was closed for, and a waiver opened it for: on what, until when and why.",
        },
    });
    answer("A gate of the environment.", members, passed)
}

fn went() -> Value {
    let members = json!({
        "release": reference("Id"),
        "domain": reference("DomainName"),
        "activated": flag("Whether it is active since now, and was not before."),
        "gates": list("Gate"),
        "held_back": texts(),
        "nodes": reference("Nodes"),
    });
    answer("What came of it.", members, json!({}))
}

fn plan() -> Value {
    let members = json!({
        "environment": reference("EnvironmentName"),
        "domain": reference("DomainName"),
        "release": reference("Id"),
        "active": flag("Whether it is active there already."),
        "findings": list("Finding"),
    });
    answer("What activating a release would do to access.", members, json!({}))
}

fn node() -> Value {
    let refused = answer("", json!({"code": {"type": "string"}, "because": {"type": "string"}}), json!({}));
    answer(
        "A node, and what it made of it.",
        json!({"node": text("Its id."), "address": text("Where it serves.")}),
        json!({
            "acknowledged_ms": count("After how long it knew."),
            "ended": flag("It ended meanwhile."),
            "refused": refused,
            "runs_before": flag("It runs what ran before, and goes on trying."),
            "because": maybe_text("Why."),
            "lease_ran_out_ms": count("It did not answer; after how long its access lease ran out."),
            "may_serve_until": maybe_text("Until when it may serve what is declared `serve_for`."),
        }),
    )
}
