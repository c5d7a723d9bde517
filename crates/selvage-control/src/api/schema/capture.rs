//! Captures of systems' changes, and the copies that are kept from them.

use serde_json::{Value, json};

use super::{Schemas, answer, count, list, maybe, maybe_text, reference, text, with, words};

pub(super) fn schemas() -> Schemas {
    let parked = json!({"records_parked": list("ParkedRecord")});
    vec![
        ("Capture", answer("A capture of a system's changes.", capture(), json!({}))),
        (
            "CaptureDetail",
            answer("The same, with records that are parked in it, 500 at most.", with(capture(), parked), json!({})),
        ),
        (
            "Copy",
            answer("A copy of an object.", with(json!({"kept_by": reference("InterfaceRef")}), common()), json!({})),
        ),
    ]
}

fn capture() -> Value {
    let members = json!({"code": text("The code of the situation."), "because": text("What was found.")});
    let paused = answer("", members, json!({}));
    let own = json!({
        "interface": reference("InterfaceRef"),
        "parked": count("How many of them cannot be captured as they are."),
        "to_tell": count("How many events wait to be brought to the log."),
        "node": maybe_text("The node that has it."),
        "paused": {"anyOf": [paused, {"type": "null"}], "description": "Why it stands still, where it does."},
    });
    with(own, common())
}

fn common() -> Value {
    json!({
        "system": text("The system."),
        "record": text("What the system calls its record."),
        "state": words(&["baseline", "telling", "rebuilding", "following", "paused"]),
        "looked_at": maybe("Time"),
        "records": count("How many records are known."),
    })
}
