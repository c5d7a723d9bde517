//! The catalogue as it is answered.

use serde_json::{Value, json};

use super::{Schemas, answer, count, list, maybe, maybe_text, reference, text, texts};

pub(super) fn schemas() -> Schemas {
    let mut detail = entry();
    if let Some(detail) = detail.as_object_mut() {
        detail.insert("changelog".to_owned(), list("Passage"));
    }
    vec![
        ("CatalogueEntry", answer("An interface.", entry(), json!({}))),
        ("CatalogueDetail", answer("An interface, with what releases made of it.", detail, json!({}))),
        ("Passage", passage()),
        ("EventType", told()),
    ]
}

fn entry() -> Value {
    let rows = |members: Value| json!({"type": "array", "items": answer("", members, json!({}))});
    let consumers = rows(json!({
        "consumer": reference("ConsumerName"),
        "owner": maybe_text("Who answers for it."),
        "grant": maybe_text("By which lease."),
        "operations": texts(),
        "purpose": maybe_text("What for."),
        "until": maybe("Time"),
        "last_used": maybe("Time"),
    }));
    json!({
        "interface": reference("InterfaceRef"),
        "version": text("With the minor number."),
        "type": text("Its type."),
        "description": maybe_text("What it is."),
        "owner": maybe_text("The team that owns it."),
        "people": {"type": "object", "additionalProperties": texts()},
        "domain": reference("DomainName"),
        "state": text("Where it is in its life."),
        "since": maybe_text("Since when."),
        "sunset": maybe_text("When it ends."),
        "successor": maybe("InterfaceRef"),
        "classification": {"type": "object", "additionalProperties": {"type": "string"}},
        "classes": texts(),
        "slos": texts(),
        "operations": rows(json!({"name": text(""), "method": text(""), "path": text("")})),
        "events": list("EventType"),
        "contract": text("Where its contract comes from."),
        "consumers": consumers,
        "dependencies": rows(json!({"by": text("How."), "name": text("On what.")})),
        "examples": rows(json!({
            "operation": text("Of what."), "line": text("What is sent."), "body": {"description": "Its body."},
        })),
    })
}

fn told() -> Value {
    let member = json!({
        "name": text(""), "is": text("What it is, in a word."), "required": {"type": "boolean"},
        "class": maybe_text("The class of data that it carries."),
    });
    let members = json!({
        "type": text("Its name."),
        "carries": text("Of what its data is."),
        "when": maybe_text("When a change is this fact: CEL."),
        "members": {"type": "array", "items": answer("", member, json!({}))},
        "schema": {"type": ["object", "boolean", "null"], "description": "The JSON Schema of its data, where one says it."},
    });
    answer("An event type.", members, json!({}))
}

fn passage() -> Value {
    let members = json!({
        "release": reference("Id"),
        "domain": reference("DomainName"),
        "change": reference("Id"),
        "title": text("What it is, in a line."),
        "made": reference("Time"),
        "by": text("Who made it."),
        "differences": list("Difference"),
        "differences_left_out": count("How many of the whole change are counted and not kept; some may be of this interface."),
        "active": list("EnvironmentName"),
    });
    answer("A release that changed the interface.", members, json!({}))
}
