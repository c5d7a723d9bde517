//! Events of the log, lanes that are set aside, dead letters and parked records.

use serde_json::{Value, json};

use super::{Schemas, answer, count, flag, maybe, maybe_text, reference, text, texts, with, words};

pub(super) fn schemas() -> Schemas {
    let event = json!({
        "position": reference("Position"),
        "appended": reference("Time"),
        "lane": text("The key of its lane."),
        "record_id": text("Its id in the log, made of its `source` and `id`."),
        "event": {"type": ["object", "null"], "description": "Its envelope; its data where that is asked for."},
    });
    let tail = json!({
        "items": {"type": "array", "items": reference("Event")},
        "next": reference("Position"),
        "head": reference("Position"),
    });
    let more = json!({
        "tried": {"type": "array", "items": attempt()},
        "message": {"description": "What was to be sent; nothing for who may not see it."},
    });
    let hidden = json!({
        "masked": {"type": "array", "items": {"type": "string"}, "description": "What has a class and is shown as nothing, by JSON Pointers."},
        "withheld": text("Why its data is not shown."),
    });
    let delivered = json!({
        "deliveries": {"type": "array", "items": delivery(), "description": "The last first."},
        "passed": {"type": "array", "items": passed(), "description": "What it has not had since the log does not have it, the last first."},
    });
    let subscribed = with(subscription(), delivered);
    let sent_to = json!({"deliveries": {"type": "array", "items": reference("EventDelivery"), "description": "To whom it was sent."}});
    let begun = json!({"notes": {"type": "array", "items": {"type": "string"}, "description": "What is other than it was asked for."}});
    let nodes = json!({"nodes": reference("Nodes")});
    vec![
        ("Subscription", answer("Who is sent which events.", subscription(), json!({}))),
        ("SubscriptionDetail", answer("The same, with what was delivered lately.", subscribed, json!({}))),
        ("SubscriptionKnown", answer("Who is sent which events.", with(subscription(), nodes.clone()), json!({}))),
        ("Replay", answer("Events that are sent again.", replay(), json!({}))),
        ("ReplayBegun", answer("The same, as it was asked for.", with(replay(), begun), json!({}))),
        ("ReplayKnown", answer("The same.", with(replay(), nodes), json!({}))),
        ("Event", answer("An event.", event.clone(), hidden.clone())),
        ("EventDetail", answer("An event, with to whom it was sent.", with(event, sent_to), hidden.clone())),
        ("Events", answer("Events in their order, and where to go on.", tail, json!({}))),
        ("Reader", answer("Who reads an interface's events by a cursor, or a group that did.", reader(), json!({}))),
        ("EventDelivery", answer("One send of an event.", sent(), json!({}))),
        ("Lane", answer("A lane that is set aside.", lane(), json!({}))),
        ("DeadLetter", answer("A message that could not be handed over.", letter(), json!({}))),
        ("ParkedRecord", answer("A record that no event can be made of as it is.", record(), json!({}))),
        ("ParkedOperation", answer("An operation whose system lacks what it needs.", operation(), json!({}))),
        ("DeadLetterDetail", answer("The same, with its attempts.", with(letter(), more), hidden)),
    ]
}

/// Where events are sent, or nothing where they are pulled.
fn to() -> Value {
    let to = answer("", json!({"system": text("The system."), "path": text("The path there.")}), json!({}));
    json!({"anyOf": [to, {"type": "null"}], "description": "Where to; nothing where they are pulled."})
}

/// As what it stands, and why.
fn standing() -> Value {
    json!({
        "state": words(&["requested", "approved", "probed", "active", "suspended", "ended"]),
        "waits_for": {
            "type": ["string", "null"],
            "enum": ["rate", "quota", "secret", "endpoint", "original", "receiver", null],
            "description": "What it waits for, where nothing is sent although it stands so that it could be.",
        },
        "because": maybe_text("Why it stands or waits so."),
        "since": reference("Time"),
    })
}

fn replay() -> Value {
    let own = json!({
        "id": reference("Id"),
        "of": reference("Id"),
        "subscription": text("The subscription that had the events: `consumer/name`."),
        "target": text("The subscription to whose endpoint they are sent: the same one, or another of its consumer."),
        "interface": reference("InterfaceRef"),
        "to": to(),
        "after": reference("Position"),
        "through": reference("Position"),
        "lanes": texts(),
        "rate": maybe_text("How fast it goes at most: as asked for, and never faster than the interface lets."),
        "asked_rate": maybe_text("How fast it was asked to go, where that was said."),
        "interface_rate": maybe_text("How fast all replays of the interface go together, where it says so."),
        "shared_by": count("How many replays share that rate now; 0 where there is none to share."),
        "by": text("Who asked for it."),
        "reason": maybe_text("Why it was asked for."),
        "at": reference("Position"),
        "done_percent": {"type": "integer", "minimum": 0, "maximum": 100, "description": "How much of the range was sent."},
    });
    with(own, standing())
}

fn subscription() -> Value {
    let own = json!({
        "id": reference("Id"),
        "subscription": text("`consumer/name`."),
        "interface": reference("InterfaceRef"),
        "events": texts(),
        "to": to(),
        "replay": flag("Whether events are sent again by it."),
        "until": maybe("Time"),
        "position": maybe("Position"),
        "head": maybe("Position"),
        "node": maybe_text("The node that delivers, or did last."),
        "places_passed": count("At how many places of its stream it went on behind what the log does not have."),
    });
    with(own, standing())
}

fn reader() -> Value {
    json!({
        "reader": text("`subscription/planning/orders`, `group/planning/boards`; or a copy, or lanes that are set aside."),
        "state": words(&["reads", "ended"]),
        "position": reference("Position"),
        "head": maybe("Position"),
        "unread_since": maybe("Time"),
        "node": maybe_text("The node or the member that reads, or did last."),
        "because": maybe_text("What it cannot read past, or why it ended."),
        "ended": maybe("Time"),
    })
}

fn sent() -> Value {
    json!({
        "subscription": text("`consumer/name`."),
        "at": reference("Time"),
        "took_ms": count("For how long."),
        "status": {"type": ["integer", "null"], "description": "What was answered."},
        "number": count("Which send it was."),
        "because": text("What came of it."),
    })
}

fn passed() -> Value {
    let members = json!({
        "position": reference("Position"),
        "at": reference("Time"),
        "code": text("The code of what became of it."),
        "because": text("What became of it, and of which events."),
    });
    answer("Events that it went on behind; the position is that of the last of them.", members, json!({}))
}

fn delivery() -> Value {
    let members = json!({
        "position": reference("Position"),
        "at": reference("Time"),
        "took_ms": count("For how long."),
        "status": {"type": ["integer", "null"], "description": "What was answered."},
        "attempts": count("How often it was sent until it arrived."),
    });
    answer("A delivery.", members, json!({}))
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

fn operation() -> Value {
    json!({
        "interface": reference("InterfaceRef"),
        "operation": text("The operation."),
        "system": text("The system that lacks something."),
        "since": reference("Time"),
        "cause": reference("Cause"),
        "code": text("The code of what it lacks first."),
        "because": text("What it lacks."),
        "fix": text("What to do about it."),
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
