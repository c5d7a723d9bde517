//! Changes as they are answered.

use serde_json::{Value, json};

use super::{Schemas, answer, count, flag, list, maybe, maybe_text, reference, text, texts, words};

pub(super) fn schemas() -> Schemas {
    vec![
        ("ChangeSummary", answer("A change in a list.", summary(), json!({}))),
        ("Change", answer("A change, with how it stands.", change(), json!({}))),
        (
            "ChangeSettled",
            answer(
                "A change that is not open any more.",
                json!({"id": reference("Id"), "state": reference("ChangeState")}),
                json!({}),
            ),
        ),
        ("Board", answer("What waits.", json!({"items": list("Waits")}), json!({}))),
        ("Due", due()),
        ("BoardOfDomain", board()),
        ("Delegation", delegation()),
        ("Difference", difference()),
        ("ChangeFinding", super::word::finding_of_change()),
        ("Affected", affected()),
        ("Waiting", waiting()),
        (
            "Met",
            answer(
                "An approval that is there.",
                json!({"need": text("What it took."), "because": texts(), "people": texts()}),
                json!({}),
            ),
        ),
        ("Decision", decision()),
        (
            "Waits",
            answer(
                "A change that waits for somebody, or something of access.",
                json!({"breach": flag("Its time is over: an emergency, a review or an answer that was due.")}),
                json!({"change": reference("Change"), "access": reference("Due")}),
            ),
        ),
    ]
}

fn summary() -> Value {
    json!({
        "id": reference("Id"),
        "domain": reference("DomainName"),
        "title": text("What it is, in a line."),
        "author": text("Who proposed it."),
        "version": count("Which version it is."),
        "state": reference("ChangeState"),
        "emergency": flag("Whether it could not wait."),
        "ratify_until": maybe("Time"),
        "ratified_late": maybe("Time"),
        "proposed": reference("Time"),
        "approved": flag("Whether nobody is waited for."),
        "risk": words(&["none", "safe", "unproven", "breaking"]),
    })
}

fn change() -> Value {
    let mut all = summary();
    let more = json!({
        "base": maybe_text("The release that it starts from."),
        "release": reference("Id"),
        "breaking": count("How many differences break somebody."),
        "unproven": count("Of how many that cannot be told."),
        "safe": count("How many are safe."),
        "differences": list("Difference"),
        "findings": list("ChangeFinding"),
        "affected": list("Affected"),
        "differences_left_out": count("How many more there are that are counted and not kept, safe ones first."),
        "open": list("Waiting"),
        "met": list("Met"),
        "rejected": maybe("Decision"),
        "decisions": list("Decision"),
    });
    if let (Some(all), Value::Object(more)) = (all.as_object_mut(), more) {
        all.extend(more);
    }
    all
}

fn difference() -> Value {
    let members = json!({
        "code": text("The class of the difference."),
        "verdict": words(&["safe", "unproven", "breaking"]),
        "interface": maybe("InterfaceRef"),
        "at": text("Where in the contract."),
        "place": text("File, line and column."),
        "because": text("What it means."),
        "before": maybe_text("What was."),
        "after": maybe_text("What is."),
        "operations": texts(),
        "attributes": texts(),
    });
    answer("A difference.", members, json!({}))
}

fn affected() -> Value {
    let members = json!({
        "consumer": reference("ConsumerName"),
        "interface": reference("InterfaceRef"),
        "last_used": maybe("Time"),
        "because": text("By what, and how that is known."),
    });
    let loss = json!({
        "operation": maybe_text("Of which operation; of any where none is named."),
        "verdict": words(&["unproven", "breaking"]),
        "at": text("What the gravest difference is about."),
        "requests": count("How many were counted."),
        "last_used": maybe("Time"),
        "unknown": maybe_text("Why its use cannot be known."),
    });
    let losses = json!({"type": "array", "items": answer("What it would lose.", loss, json!({}))});
    let environments = json!({
        "type": "object", "additionalProperties": reference("Time"),
        "description": "In which environments it was seen to use an operation that changes, and when last.",
    });
    answer("A consumer that the change concerns.", members, json!({"losses": losses, "environments": environments}))
}

fn due() -> Value {
    let members = json!({
        "what": words(&["request", "review", "recertification"]),
        "id": reference("Id"),
        "about": text("What it is about."),
        "domain": maybe("DomainName"),
        "risk": text("The criticality and the data of the interface: `tier-1, restricted`."),
        "since": reference("Time"),
        "until": maybe("Time"),
        "breach": flag("Its time is over."),
        "people": texts(),
    });
    answer("Something of access that is due from somebody.", members, json!({}))
}

fn waiting() -> Value {
    let filled = json!({
        "type": "array",
        "items": {"type": "object", "properties": {"seat": {"type": "string"}, "person": {"type": "string"}}},
    });
    let members = json!({"need": text("What it takes."), "because": texts(), "filled": filled, "people": texts()});
    answer("An approval that is waited for.", members, json!({}))
}

fn decision() -> Value {
    let members = json!({
        "person": text("Who."),
        "version": count("About which version."),
        "verdict": reference("Verdict"),
        "because": text("Why."),
        "at": reference("Time"),
    });
    let may = json!({"unproven": flag("The name was said, and nobody proved to be who bears it.")});
    answer("What somebody said about it.", members, may)
}

fn board() -> Value {
    let seat = json!({
        "discipline": text("What the seat is for."),
        "people": texts(),
        "lent": list("Delegation"),
    });
    let seats = json!({"type": "array", "items": answer("A seat: one of its people decides, or to whom it is lent.", seat, json!({}))});
    let members = json!({
        "domain": reference("DomainName"),
        "quorum": count("How many disciplines decide."),
        "seats": seats,
    });
    answer("The board of a domain.", members, json!({}))
}

fn delegation() -> Value {
    let members = json!({
        "id": reference("Id"),
        "domain": reference("DomainName"),
        "discipline": text("Which seat."),
        "from": text("Who lent it."),
        "to": text("Who fills it beside them."),
        "until": reference("Time"),
        "unproven": flag("The name of who lent it was said, and nobody proved to be who bears it: it counts for nothing where operators have keys."),
    });
    answer("A seat that is lent for a time.", members, json!({}))
}
