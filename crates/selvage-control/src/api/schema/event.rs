//! Events of the log, lanes that are set aside, dead letters and parked records.

use serde_json::{Map, Value, json};

use super::{Schemas, answer, count, maybe, maybe_text, reference, text, words};

pub(super) fn schemas() -> Schemas {
    let event = json!({
        "position": reference("Position"),
        "appended": reference("Time"),
        "lane": text("The key of its lane."),
        "event": {"type": ["object", "null"], "description": "Its envelope; its data where that is asked for."},
    });
    let tail = json!({
        "items": {"type": "array", "items": reference("Event")},
        "next": reference("Position"),
        "head": reference("Position"),
    });
    let mut detail: Map<String, Value> = Map::new();
    let more = json!({
        "tried": {"type": "array", "items": attempt()},
        "message": {"description": "What was to be sent; nothing for who may not see it."},
    });
    for part in [letter(), more] {
        if let Value::Object(part) = part {
            detail.extend(part);
        }
    }
    vec![
        ("Event", answer("An event.", event, json!({}))),
        ("Events", answer("Events in their order, and where to go on.", tail, json!({}))),
        ("Lane", answer("A lane that is set aside.", lane(), json!({}))),
        ("DeadLetter", answer("A message that could not be handed over.", letter(), json!({}))),
        ("ParkedRecord", answer("A record that no event can be made of as it is.", record(), json!({}))),
        ("DeadLetterDetail", answer("The same, with its attempts.", detail.into(), json!({}))),
    ]
}

fn lane() -> Value {
    json!({
        "lane": text("Its key."),
        "subscription": text("`consumer/name`."),
        "interface": reference("InterfaceRef"),
        "state": words(&["retrying", "parked"]),
        "since": reference("Time"),
        "waiting": count("How many wait."),
        "cause": reference("Cause"),
        "because": text("What was answered."),
        "attempts": count("How often it was tried."),
        "due": maybe("Time"),
        "dead_letter": maybe_text("The id of the message that stands in its way."),
    })
}

fn record() -> Value {
    json!({
        "record": text("Its name, as events of it have in `subject`."),
        "system": text("The system that has it."),
        "interface": reference("InterfaceRef"),
        "since": reference("Time"),
        "cause": reference("Cause"),
        "code": text("The code of what is in its way."),
        "because": text("What is in its way."),
    })
}

fn letter() -> Value {
    let settled = answer(
        "",
        json!({"how": text("What became of it."), "at": reference("Time"), "by": text("Who."), "because": text("Why.")}),
        json!({}),
    );
    json!({
        "id": reference("Id"),
        "subscription": text("`consumer/name`."),
        "interface": reference("InterfaceRef"),
        "lane": text("The key of its lane."),
        "position": reference("Position"),
        "event": text("The event's id."),
        "since": reference("Time"),
        "behind": count("How many wait behind it."),
        "cause": reference("Cause"),
        "because": text("What was answered."),
        "attempts": count("How often it was tried."),
        "settled": {"anyOf": [settled, {"type": "null"}]},
    })
}

fn attempt() -> Value {
    let members = json!({
        "at": reference("Time"),
        "took_ms": count("For how long."),
        "status": {"type": ["integer", "null"], "description": "What was answered."},
        "because": maybe_text("What was wrong."),
    });
    answer("An attempt.", members, json!({}))
}
