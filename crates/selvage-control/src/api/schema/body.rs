//! The bodies of requests.

use serde_json::{Value, json};

use super::word::rows;
use super::{Schemas, body, flag, list, maybe, maybe_text, reference, texts, words};

pub(super) fn schemas() -> Schemas {
    let mut all = of_changes();
    all.extend(of_access());
    all.extend(of_lanes());
    all.extend(of_replays());
    all
}

fn because() -> Value {
    json!({"because": reference("Line")})
}

fn of_changes() -> Schemas {
    let files = json!({
        "type": "object", "description": "Files of the domain, by their path in the fabric's directory.",
        "additionalProperties": {"type": "string"},
    });
    vec![
        (
            "NewChange",
            body(
                "A change of a domain's files, or another version of one.",
                json!({"domain": reference("DomainName"), "title": reference("Line"), "files": files}),
                json!({
                    "emergency": flag("Whether it cannot wait for its approvals."),
                    "amends": maybe("Id"),
                }),
            ),
        ),
        ("NewDecision", decision()),
        ("Because", body("Why.", because(), json!({}))),
        (
            "NewDelegation",
            body(
                "A seat that is to be lent for a time.",
                json!({"discipline": reference("Line"), "to": reference("Line"), "until": reference("Until")}),
                json!({}),
            ),
        ),
        (
            "NewActivation",
            body(
                "A release to be activated.",
                json!({"release": reference("Id"), "because": reference("Line")}),
                json!({}),
            ),
        ),
        (
            "NewRollback",
            body(
                "Going back, from the release that is active to one of before.",
                json!({"domain": reference("DomainName"), "because": reference("Line")}),
                json!({"from": maybe("Id"), "to": maybe("Id")}),
            ),
        ),
    ]
}

fn decision() -> Value {
    let mut decision = body(
        "What somebody says about a change; anything but a comment names the version that was looked at.",
        json!({"verdict": reference("Verdict"), "because": reference("Line")}),
        json!({"version": {"type": ["integer", "null"], "minimum": 0, "maximum": u32::MAX}}),
    );
    if let Some(decision) = decision.as_object_mut() {
        let comment = json!({"properties": {"verdict": {"const": "comment"}}});
        decision.insert(
            "anyOf".to_owned(),
            json!([comment, {"required": ["version"], "properties": {"version": {"type": "integer"}}}]),
        );
    }
    decision
}

/// Which part of an interface.
fn scope() -> Value {
    json!({
        "where": rows(),
        "except": list("AttributeName"),
        "classes": list("ClassName"),
    })
}

fn of_access() -> Schemas {
    let what = json!({
        "consumer": reference("ConsumerName"),
        "interface": reference("InterfaceRef"),
        "operations": texts(),
    });
    let with = |more: Value| {
        let mut all = what.clone();
        if let (Some(all), Value::Object(more)) = (all.as_object_mut(), more) {
            all.extend(more);
        }
        all
    };
    let taken = json!({
        "operations": {"type": ["array", "null"], "items": {"type": "string"}},
        "except": list("AttributeName"),
        "where": rows(),
        "until": maybe("Until"),
    });
    let asked = with(json!({"purpose": reference("Line"), "until": reference("Until")}));
    let opened = with(json!({"for": reference("Span"), "because": reference("Line")}));
    let said = |words: Value| json!({"verdict": words, "because": reference("Line")});
    vec![
        ("NewAccessRequest", body("What access is asked for.", asked, scope())),
        ("AccessDecision", body("A decision about a request.", said(words(&["approve", "reject"])), json!({}))),
        ("Narrowing", body("What is taken from a grant.", because(), taken.clone())),
        (
            "NewBlock",
            body(
                "What is to be cut off: a consumer or an interface.",
                because(),
                json!({
                    "consumer": maybe("ConsumerName"), "interface": maybe("InterfaceRef"),
                    "anyway": flag("Also where nothing declares it."),
                }),
            ),
        ),
        (
            "NewRecertification",
            body(
                "A campaign about a domain, an interface, or all: one of the three.",
                json!({"until": reference("Until")}),
                json!({
                    "domain": maybe("DomainName"), "interface": maybe("InterfaceRef"),
                    "all": flag("About every grant."), "since": maybe("Span"),
                }),
            ),
        ),
        (
            "RecertificationAnswer",
            body(
                "An answer for a grant; what is taken is said with `narrow` alone.",
                said(words(&["keep", "narrow", "end"])),
                taken,
            ),
        ),
        ("NewBreakGlass", body("Access without approval, for hours.", opened, scope())),
        ("BreakGlassReview", body("Whether it was right.", said(words(&["ratify", "disown"])), json!({}))),
    ]
}

fn of_lanes() -> Schemas {
    let which = json!({
        "interface": maybe("InterfaceRef"),
        "subscription": maybe_text("`consumer/name`."),
        "lane": maybe_text("The key of the lane."),
        "cause": maybe("Cause"),
        "settled": flag("Settled ones too; never tried again."),
    });
    vec![
        ("WhichLetters", body("Those that fit all of this.", json!({}), which)),
        (
            "Redrive",
            body(
                "Which dead letters are tried again: some by their ids, or those that fit.",
                because(),
                json!({
                    "ids": list("Id"),
                    "which": maybe("WhichLetters"),
                    "dry_run": flag("Only says which."),
                }),
            ),
        ),
        (
            "Discard",
            body(
                "Which dead letters are given up.",
                json!({"ids": list("Id"), "because": reference("Line")}),
                json!({}),
            ),
        ),
    ]
}

fn of_replays() -> Schemas {
    let range = json!({
        "subscription": reference("SubscriptionChoice"),
        "from": reference("Edge"),
        "because": reference("Line"),
    });
    let more = json!({
        "target": maybe("SubscriptionChoice"),
        "to": maybe("Edge"),
        "lanes": texts(),
        "rate": maybe("Rate"),
    });
    let how = json!({
        "type": "string", "enum": ["tell", "baseline"],
        "description": "Whether what is other than last known is told, deletions too, or becomes the last known state untold.",
    });
    vec![
        (
            "NewReplay",
            body(
                "Which events are sent again: to the endpoint of the subscription that had them, or of its consumer's `target`.",
                range,
                more,
            ),
        ),
        (
            "ForgottenReader",
            body(
                "A group that reads no more.",
                json!({"reader": {"type": "string", "description": "As the list has it: `group/planning/boards`."}, "because": reference("Line")}),
                json!({}),
            ),
        ),
        (
            "CaptureResumed",
            body("How a capture goes on.", json!({"how": how, "because": reference("Line")}), json!({})),
        ),
    ]
}
