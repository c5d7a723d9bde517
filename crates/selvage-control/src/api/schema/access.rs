//! Access as leases: requests, grants, campaigns, emergencies, remarks, notices.

use serde_json::{Value, json};

use super::{Schemas, answer, count, flag, list, maybe, maybe_text, reference, text, texts, with, words};

pub(super) fn schemas() -> Schemas {
    let deciders = json!({"deciders": texts()});
    let nodes = json!({"nodes": reference("Nodes")});
    vec![
        ("Terms", super::word::terms()),
        ("AccessRequest", answer("What was asked for.", request(), nodes.clone())),
        ("AccessRequestDetail", answer("The same, with who decides.", with(request(), deciders.clone()), json!({}))),
        ("Grant", answer("A grant in a list.", grant(), json!({}))),
        ("GrantDetail", answer("A grant, with what of it is used.", with(used(), deciders), json!({}))),
        ("GrantNarrowed", answer("A grant that opens less.", with(narrowed(), nodes.clone()), json!({}))),
        (
            "GrantEnded",
            answer(
                "A grant that has ended.",
                json!({"grant": reference("Id"), "ended": maybe("Time"), "nodes": reference("Nodes")}),
                json!({}),
            ),
        ),
        ("Recertification", answer("A campaign in a list.", campaign(), json!({}))),
        (
            "RecertificationDetail",
            answer(
                "A campaign with its grants.",
                with(campaign(), json!({"items": list("RecertificationItem")})),
                json!({}),
            ),
        ),
        ("RecertificationBegun", begun()),
        ("RecertificationItem", answer("A grant in a campaign.", item(), nodes.clone())),
        ("Block", answer("What is cut off.", block(), json!({}))),
        ("BlockKnown", answer("What is or was cut off.", with(block(), nodes.clone()), json!({}))),
        ("Key", answer("A key, without the key.", key(), json!({}))),
        ("KeyKnown", answer("A key that was taken back.", with(key(), nodes.clone()), json!({}))),
        ("BreakGlass", answer("Access that was opened without approval.", opened(), nodes)),
        ("Remark", remark()),
        ("Review", answer("What should not be so.", json!({"remarks": list("Remark"), "unknown": texts()}), json!({}))),
        ("Notice", notice()),
    ]
}

fn subject() -> Value {
    json!({"consumer": reference("ConsumerName"), "interface": reference("InterfaceRef")})
}

fn request() -> Value {
    let settled = answer("", json!({"at": reference("Time"), "by": text("Who."), "because": text("Why.")}), json!({}));
    with(
        subject(),
        json!({
            "request": reference("Id"),
            "terms": reference("Terms"),
            "by": text("Who asked."),
            "at": reference("Time"),
            "state": words(&["open", "approved", "rejected", "refused"]),
            "findings": list("Finding"),
            "settled": {"anyOf": [settled, {"type": "null"}]},
            "grant": maybe("Id"),
        }),
    )
}

fn grant() -> Value {
    with(
        subject(),
        json!({
            "grant": reference("Id"),
            "from": words(&["manifest", "request", "break-glass"]),
            "environment": maybe("EnvironmentName"),
            "granted": reference("Time"),
            "ended": maybe("Time"),
            "terms": reference("Terms"),
        }),
    )
}

/// When each was used last.
fn times() -> Value {
    json!({"type": "object", "additionalProperties": maybe("Time")})
}

fn used() -> Value {
    let more = json!({
        "last_used": maybe("Time"),
        "counted_since": reference("Time"),
        "operations": times(),
        "attributes": times(),
        "environments": {
            "type": "object", "additionalProperties": times(),
            "description": "When each operation was used last in each environment of the store.",
        },
        "unknown": texts(),
    });
    with(grant(), more)
}

fn narrowed() -> Value {
    with(subject(), json!({"grant": reference("Id"), "terms": reference("Terms")}))
}

fn campaign() -> Value {
    json!({
        "campaign": reference("Id"),
        "about": text("About what, in words."),
        "until": reference("Time"),
        "by": text("Who began it."),
        "answered": count("For how many grants somebody answered."),
        "grants": count("How many there are."),
        "closed": maybe("Time"),
    })
}

fn begun() -> Value {
    let members = json!({
        "campaign": reference("Id"),
        "about": text("About what, in words."),
        "until": reference("Time"),
        "grants": count("How many grants."),
        "answer": {
            "type": "object", "description": "Who answers, in words, and for how many of them.", "additionalProperties": {"type": "integer"},
        },
    });
    answer("A campaign that was begun.", members, json!({}))
}

fn item() -> Value {
    with(
        subject(),
        json!({
            "item": reference("Id"),
            "grant": reference("Id"),
            "environment": maybe("EnvironmentName"),
            "tier": text("How critical the interface is."),
            "used": text("What of it was used, in words."),
            "last_used": maybe("Time"),
            "state": text("How it stands."),
            "deciders": texts(),
            "by": maybe_text("Who answered."),
            "because": maybe_text("Why."),
        }),
    )
}

fn opened() -> Value {
    with(
        subject(),
        json!({
            "grant": reference("Id"),
            "terms": reference("Terms"),
            "by": text("Who opened it."),
            "because": text("Why it could not wait."),
            "opened": reference("Time"),
            "ends": reference("Time"),
            "review_by": reference("Time"),
            "review": text("How its review stands, in words."),
            "breach": flag("Whether it was not ratified in time."),
        }),
    )
}

fn block() -> Value {
    json!({
        "block": reference("Id"),
        "consumer": maybe("ConsumerName"),
        "interface": maybe("InterfaceRef"),
        "since": reference("Time"),
        "by": maybe_text("Who; nothing for one of before that was kept."),
        "because": text("Why."),
    })
}

fn key() -> Value {
    json!({
        "key": reference("Id"),
        "consumer": maybe("ConsumerName"),
        "operator": maybe_text("The person whose key it is."),
        "issued": reference("Time"),
        "expires": maybe("Time"),
        "revoked": maybe("Time"),
    })
}

fn remark() -> Value {
    let members = json!({
        "concern": words(&["zombie", "shared", "ownerless", "idle", "orphan", "ending", "endless"]),
        "subject": text("What it is about."),
        "says": text("What should not be so."),
    });
    answer("Something that should not be so.", members, json!({}))
}

fn notice() -> Value {
    let members = with(
        subject(),
        json!({
            "environment": reference("EnvironmentName"),
            "stage": text("What of the end is told."),
            "says": text("What is told."),
            "told": maybe("Time"),
            "due": maybe("Time"),
            "because": maybe_text("Why it was not, the last time."),
            "attempts": count("How often it was tried."),
        }),
    );
    answer("What a consumer's owner is told.", members, json!({}))
}
